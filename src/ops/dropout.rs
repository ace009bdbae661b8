//! Dropout: random elements become zeros.

use super::{
    Case,
    case::{Reference, Smooth},
};
use crate::{Shape, Tensor, random::RandomKey};

impl Tensor {
    /// Zeros in the place of a share `rate` of the elements, the others divided by `1 - rate`; which ones, `key` says: those
    /// where [`RandomKey::uniform`] is below `rate`.
    ///
    /// # Panics
    /// When `rate` does not lie in 0..=1.
    #[doc(alias = "keras.random.dropout")]
    #[track_caller]
    pub fn dropout(&self, rate: f32, key: &RandomKey) -> Tensor {
        self.dropout_of(rate, self.shape(), key)
    }

    /// [`Tensor::dropout`] by the numbers of a tensor of `shape`, which broadcasts: elements that share one are dropped together.
    ///
    /// # Panics
    /// When `rate` does not lie in 0..=1, or `shape` does not broadcast to this one.
    #[doc(alias = "keras.random.dropout")]
    #[track_caller]
    pub fn dropout_of(&self, rate: f32, shape: impl Into<Shape>, key: &RandomKey) -> Tensor {
        assert!((0.0..=1.0).contains(&rate), "dropout: rate {rate} is no share between 0 and 1");
        if rate == 0.0 {
            return self.clone();
        }
        let unit = self.uniform_like(shape, key);
        let scale = if rate < 1.0 { 1.0 / (1.0 - rate) } else { 0.0 };
        Tensor::where_(&unit.greater_equal(f64::from(rate)), &(self * scale), &self.zeros_like())
    }
}

pub(super) fn cases() -> Vec<Case> {
    const KEY: RandomKey = RandomKey { seed: 0x0123_4567_89ab_cdef, stream: 7, step: 3 };
    let mut out = Vec::new();
    for rate in [0.0, 0.3, 1.0] {
        let case = Case::new(
            format!("dropout {rate}"),
            &[&[9, 30]],
            move |x| x[0].dropout(rate, &KEY).square(),
            move |x| {
                let scale = if rate < 1.0 { 1.0 / (1.0 - f64::from(rate)) } else { 0.0 };
                let keep = KEY.uniform(270).into_iter().zip(&x[0]).map(|(u, &x)| if u < rate { 0.0 } else { (x * scale).powi(2) });
                Reference::from_shape_vec(vec![9, 30], keep.collect()).expect("as many numbers")
            },
        );
        out.push(case.smooth(Smooth::Twice));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Device, Result};

    const KEY: RandomKey = RandomKey { seed: 1, stream: 2, step: 3 };

    #[test]
    fn dropout_keeps_the_mean() -> Result<()> {
        let x = Device::cpu().scope(|| Tensor::ones([100_000]).dropout(0.25, &KEY).to_vec::<f32>())?;
        let dropped = x.iter().filter(|&&x| x == 0.0).count();
        assert!((24_500..25_500).contains(&dropped) && x.iter().all(|&x| x == 0.0 || x == 1.0 / 0.75), "{dropped}");
        Ok(())
    }
}
