//! Initial weights, drawn on the host: equal on every device.

mod constant;
mod orthogonal;
mod random;
mod stft;
mod variance_scaling;

pub use constant::{Constant, ConstantList, Identity, Ones, Zeros};
pub use orthogonal::Orthogonal;
pub use random::{RandomNormal, RandomUniform, TruncatedNormal};
pub use stft::{STFT, Scaling, Side, Window};
pub use variance_scaling::{
    Distribution, FanMode, GlorotNormal, GlorotUniform, HeNormal, HeUniform, LecunNormal, LecunUniform, VarianceScaling,
};

pub use wgrad_derive::Initializer;

use crate::{
    Result, Shape,
    config::{Config, kind},
    random::RandomKey,
};

/// Where the values of a new weight come from.
///
/// ```
/// use wgrad::{prelude::*, random::RandomKey};
///
/// /// 0, 1, 2, ...
/// #[derive(Initializer, Clone, Debug)]
/// struct Counting;
///
/// impl Initializer for Counting {
///     fn values(&self, shape: &Shape, _key: &RandomKey) -> Result<Vec<f32>> {
///         Ok((0..shape.size()).map(|at| at as f32).collect())
///     }
/// }
///
/// let layer = Dense::new(3).use_bias(false).kernel_initializer(Counting);
/// assert_eq!(layer.apply(&Tensor::ones([1, 1])).to_vec::<f32>()?, [0.0, 1.0, 2.0]);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[doc(alias = "keras.initializers.Initializer")]
pub trait Initializer: Config {
    /// The values of a weight of `shape`, row-major. The key alone decides what is drawn.
    ///
    /// # Errors
    /// When the initializer makes no such shape, or its options cannot work.
    fn values(&self, shape: &Shape, key: &RandomKey) -> Result<Vec<f32>>;
}

kind!(Initializer, "initializer");

#[cfg(test)]
mod tests {
    use super::*;

    /// Mean, standard deviation and largest distance from zero.
    pub(super) fn statistics(values: &[f32]) -> (f64, f64, f64) {
        let count = values.len() as f64;
        let mean = values.iter().map(|&x| f64::from(x)).sum::<f64>() / count;
        let variance = values.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / count;
        (mean, variance.sqrt(), values.iter().fold(0.0, |most, x| f64::max(most, x.abs().into())))
    }

    fn drawn(initializer: &dyn Initializer, shape: impl Into<Shape>) -> Vec<f32> {
        initializer.values(&shape.into(), &RandomKey::new(7, "layer/kernel", 0)).unwrap()
    }

    /// Name, initializer, shape, then the expected mean, standard deviation, and largest distance from zero.
    type Row = (&'static str, Box<dyn Initializer>, Vec<usize>, f64, f64, f64);

    #[test]
    fn distributions_are_keras_s() {
        let sqrt = f64::sqrt;
        // Of a normal distribution cut at two sigma, the standard deviation is this much smaller.
        let cut = 0.879_625_661_034_239_8;
        let (small, wide) = (vec![300, 200], vec![3, 3, 32, 48]);
        let rows: Vec<Row> = vec![
            ("constant", Box::new(Constant(2.5)), small.clone(), 2.5, 0.0, 2.5),
            ("ones", Box::new(Ones), small.clone(), 1.0, 0.0, 1.0),
            ("normal", Box::new(RandomNormal::new()), small.clone(), 0.0, 0.05, 0.3),
            ("normal of options", Box::new(RandomNormal::new().mean(0.1).stddev(0.2)), wide.clone(), 0.1, 0.2, 1.2),
            ("uniform", Box::new(RandomUniform::new()), small.clone(), 0.0, 0.1 / sqrt(12.0), 0.05),
            ("uniform of options", Box::new(RandomUniform::new().minval(-0.3).maxval(0.1)), wide.clone(), -0.1, 0.4 / sqrt(12.0), 0.3),
            ("truncated", Box::new(TruncatedNormal::new()), small.clone(), 0.0, 0.05 * cut, 0.1),
            ("truncated of options", Box::new(TruncatedNormal::new().mean(0.1).stddev(0.2)), wide.clone(), 0.1, 0.2 * cut, 0.5),
            ("glorot uniform", Box::new(GlorotUniform::new()), small.clone(), 0.0, sqrt(2.0 / 500.0), sqrt(6.0 / 500.0)),
            ("glorot normal", Box::new(GlorotNormal::new()), small.clone(), 0.0, sqrt(2.0 / 500.0), 2.0 * sqrt(2.0 / 500.0) / cut),
            ("he uniform", Box::new(HeUniform::new()), wide.clone(), 0.0, sqrt(2.0 / 288.0), sqrt(6.0 / 288.0)),
            ("he normal", Box::new(HeNormal::new()), wide.clone(), 0.0, sqrt(2.0 / 288.0), 2.0 * sqrt(2.0 / 288.0) / cut),
            ("lecun uniform", Box::new(LecunUniform::new()), vec![5000], 0.0, sqrt(1.0 / 5000.0), sqrt(3.0 / 5000.0)),
            ("lecun normal", Box::new(LecunNormal::new()), small.clone(), 0.0, sqrt(1.0 / 300.0), 2.0 * sqrt(1.0 / 300.0) / cut),
            (
                "fan out, not truncated",
                Box::new(VarianceScaling::new().scale(2.0).mode(FanMode::FanOut).distribution(Distribution::UntruncatedNormal)),
                wide,
                0.0,
                sqrt(2.0 / 432.0),
                6.0 * sqrt(2.0 / 432.0),
            ),
        ];
        for (name, initializer, shape, mean, deviation, most) in rows {
            let values = drawn(&*initializer, &shape[..]);
            assert_eq!(values.len(), shape.iter().product::<usize>(), "{name}");
            let (found_mean, found_deviation, found_most) = statistics(&values);
            // Five standard errors.
            let slack = 5.0 / sqrt(values.len() as f64);
            assert!((found_mean - mean).abs() <= slack * deviation + 1e-7, "{name}: mean {found_mean}, expected {mean}");
            assert!((found_deviation - deviation).abs() <= slack * deviation + 1e-7, "{name}: {found_deviation}, expected {deviation}");
            assert!(found_most <= most * (1.0 + 1e-6), "{name}: {found_most} is beyond {most}");
            assert!(found_most > 0.6 * most, "{name}: {found_most} is far from {most}");
        }
    }

    #[test]
    fn a_key_decides_alone() {
        let of = |path: &str| GlorotNormal::new().values(&[40, 3].into(), &RandomKey::new(1, path, 0)).unwrap();
        assert_eq!(of("a/kernel"), of("a/kernel"));
        assert_ne!(of("a/kernel"), of("b/kernel"));
    }

    #[test]
    fn orthogonal_columns_or_rows() {
        for (shape, gain) in [(vec![30, 20], 1.0), (vec![20, 30], 1.5), (vec![3, 3, 4, 8], 1.0), (vec![16, 16], 2.0)] {
            let values = drawn(&Orthogonal::new().gain(gain), &shape[..]);
            let columns = *shape.last().unwrap();
            let rows = values.len() / columns;
            let at = |row: usize, column: usize| f64::from(values[row * columns + column]);
            let few = rows.min(columns);
            for one in 0..few {
                for other in 0..few {
                    let dot: f64 = if rows < columns {
                        (0..columns).map(|k| at(one, k) * at(other, k)).sum()
                    } else {
                        (0..rows).map(|k| at(k, one) * at(k, other)).sum()
                    };
                    let expected = if one == other { f64::from(gain * gain) } else { 0.0 };
                    assert!((dot - expected).abs() < 1e-5, "{shape:?}: {one} · {other} is {dot}, expected {expected}");
                }
            }
        }
    }

    #[test]
    fn identities_need_not_be_square() {
        assert_eq!(drawn(&Identity::new().gain(2.0), [2, 3]), [2.0, 0.0, 0.0, 0.0, 2.0, 0.0]);
    }

    #[test]
    fn lists_broadcast() {
        let list = ConstantList::new([2, 1], [1.0, 2.0]);
        assert_eq!(drawn(&list, [2, 3]), [1.0, 1.0, 1.0, 2.0, 2.0, 2.0]);
        assert_eq!(drawn(&list, [2, 2, 1]), [1.0, 2.0, 1.0, 2.0]);
        let error = list.values(&[3, 3].into(), &RandomKey::new(0, "", 0)).unwrap_err().to_string();
        assert_eq!(error, "Constant holds values of shape (2, 1), which do not broadcast to (3, 3)");
    }

    #[test]
    fn shapes_and_options_that_cannot_work() {
        let text = |initializer: &dyn Initializer, shape: &[usize]| {
            initializer.values(&shape.into(), &RandomKey::new(0, "", 0)).unwrap_err().to_string()
        };
        assert_eq!(text(&Identity::new(), &[2, 2, 2]), "Identity makes matrices only, not shape (2, 2, 2)");
        assert_eq!(text(&Orthogonal::new(), &[5]), "Orthogonal needs at least two axes, got shape (5,)");
        assert_eq!(text(&VarianceScaling::new().scale(0.0), &[5]), "VarianceScaling needs a scale above 0, got 0");
    }
}
