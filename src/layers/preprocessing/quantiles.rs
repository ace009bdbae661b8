//! Where quantiles of many numbers lie, found batch by batch with a bounded memory, by the rules of Keras' `Discretization`.

/// Some of the numbers seen so far, in order, and for how many each stands.
#[derive(Debug, Default)]
pub(super) struct Summary {
    values: Vec<f32>,
    weights: Vec<f32>,
}

impl Summary {
    /// About `1 / epsilon` of `numbers`.
    pub fn of(mut numbers: Vec<f32>, epsilon: f64) -> Self {
        numbers.sort_unstable_by(f32::total_cmp);
        let step = (numbers.len() as f64 / (1.0 / epsilon)).max(1.0);
        let values: Vec<f32> = numbers.into_iter().skip((step - 1.0) as usize).step_by(step as usize).collect();
        Self { weights: vec![step as f32; values.len()], values }
    }

    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// That of both together.
    pub fn merged(self, other: Self, epsilon: f64) -> Self {
        let mut both: Vec<(f32, f32)> =
            self.values.into_iter().chain(other.values).zip(self.weights.into_iter().chain(other.weights)).collect();
        both.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (values, weights) = both.into_iter().unzip();
        Self { values, weights }.compressed(epsilon)
    }

    /// The lower ends of all bins but the first.
    pub fn boundaries(self, bins: usize) -> Vec<f32> {
        let mut values = self.compressed(1.0 / bins as f64).values;
        values.pop();
        values
    }

    /// As many values as lie `epsilon` of all weight apart, between those that are there.
    fn compressed(self, epsilon: f64) -> Self {
        if (self.values.len() as f64) * epsilon < 1.0 {
            return self;
        }
        let sums: Vec<f32> = self
            .weights
            .iter()
            .scan(0.0, |sum, weight| {
                *sum += weight;
                Some(*sum)
            })
            .collect();
        let all = sums.last().copied().unwrap_or(1.0);
        let shares: Vec<f32> = sums.iter().map(|sum| sum / all).collect();
        let count = (1.0 / epsilon).ceil() as usize;
        let mut before = 0.0;
        let pick = |at: usize| {
            let share = epsilon + at as f64 * epsilon;
            let sum = between(share, &shares, &sums);
            let weight = sum - std::mem::replace(&mut before, sum);
            (between(share, &shares, &self.values) as f32, weight as f32)
        };
        let (values, weights) = (0..count).map(pick).unzip();
        Self { values, weights }
    }
}

/// The value at `x` of the line through points, which goes on flat at both ends.
fn between(x: f64, xs: &[f32], ys: &[f32]) -> f64 {
    let at = xs.partition_point(|&point| f64::from(point) <= x);
    let (Some(left), Some(&right)) = (at.checked_sub(1), xs.get(at)) else {
        return ys[at.saturating_sub(1)].into();
    };
    let (x0, x1, y0, y1) = (f64::from(xs[left]), f64::from(right), f64::from(ys[left]), f64::from(ys[at]));
    y0 + (y1 - y0) / (x1 - x0) * (x - x0)
}
