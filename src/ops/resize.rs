//! Images of another size, by the rules of TensorFlow's `tf.image.resize`, which Keras takes: pixels are areas whose centres lie at halves.

use super::{
    Case,
    band::Band,
    case::{Reference, Smooth},
};
use crate::{Error, Result, Tensor, config::Choice};
use std::f64::consts::PI;

/// Between pixels.
///
/// ```
/// use wgrad::prelude::*;
/// let layer = Resizing::new(32, 32).interpolation(Interpolation::Bicubic);
/// ```
#[derive(Choice, Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Interpolation {
    /// The pixel in which the place lies.
    Nearest,
    /// Straight lines between neighbours.
    #[default]
    Bilinear,
    /// Cubic pieces over four neighbours, Keys' with a = -1/2.
    Bicubic,
    /// A windowed sinc over six neighbours.
    Lanczos3,
    /// A windowed sinc over ten neighbours.
    Lanczos5,
    /// The mean of what the pixel covers.
    Area,
}

impl Interpolation {
    /// How far the weights reach.
    fn radius(self) -> f64 {
        match self {
            Interpolation::Nearest | Interpolation::Bilinear | Interpolation::Area => 1.0,
            Interpolation::Bicubic => 2.0,
            Interpolation::Lanczos3 => 3.0,
            Interpolation::Lanczos5 => 5.0,
        }
    }

    /// The weight of a pixel at distance `x`, less than the radius.
    fn weight(self, x: f64) -> f64 {
        match self {
            Interpolation::Nearest | Interpolation::Bilinear | Interpolation::Area => 1.0 - x,
            Interpolation::Bicubic if x < 1.0 => (1.5 * x - 2.5) * x * x + 1.0,
            Interpolation::Bicubic => ((2.5 - 0.5 * x) * x - 4.0) * x + 2.0,
            Interpolation::Lanczos3 | Interpolation::Lanczos5 if x < 1e-3 => 1.0,
            Interpolation::Lanczos3 | Interpolation::Lanczos5 => {
                let radius = self.radius();
                radius * (PI * x).sin() * (PI * x / radius).sin() / (PI * x).powi(2)
            }
        }
    }

    /// The first pixel and the weights of each result along an axis.
    fn rows(self, size: usize, to: usize, antialias: bool) -> impl Iterator<Item = (usize, Vec<f64>)> {
        let step = size as f64 / to as f64;
        // Smaller images see all of their pixels where they are smoothed.
        let spread = if antialias { step.max(1.0) } else { 1.0 };
        (0..to).map(move |at| {
            let mut place = (at as f64 + 0.5) * step;
            if self == Interpolation::Nearest {
                return ((place as usize).min(size - 1), vec![1.0]);
            }
            if self == Interpolation::Area {
                let (from, to) = (at as f64 * step, (at + 1) as f64 * step);
                let pixels = from as usize..(to.ceil() as usize).min(size);
                let covered = pixels.clone().map(|pixel| (to.min(pixel as f64 + 1.0) - from.max(pixel as f64)) / step);
                return (pixels.start, covered.collect());
            }
            if self == Interpolation::Bicubic && !antialias {
                // TensorFlow has a table of weights here.
                place = ((place - 0.5) * 1024.0).round() / 1024.0 + 0.5;
            }
            let reach = self.radius() * spread;
            let first = (place - reach - 0.5).ceil().max(0.0) as usize;
            let end = ((place + reach - 0.5).floor().max(0.0) as usize + 1).min(size);
            let distance = |pixel: usize| ((pixel as f64 + 0.5 - place) / spread).abs();
            let weights = (first..end).map(|pixel| if distance(pixel) < self.radius() { self.weight(distance(pixel)) } else { 0.0 });
            let total: f64 = weights.clone().sum();
            (first, weights.map(|weight| weight / total).collect())
        })
    }
}

impl Tensor {
    /// Images (N, H, W, C) as (N, H', W', C) of `size`. With `antialias` smaller images are smoothed: the weights reach over as many pixels
    /// as one of theirs covers; without, they are samples.
    ///
    /// ```
    /// use wgrad::{ops::Interpolation, prelude::*};
    /// let x = Tensor::from_slice(&[0.0f32, 4.0], [1, 1, 2, 1])?;
    /// let y = x.resize([1, 4], Interpolation::Bilinear, false)?;
    /// assert_eq!(y.to_vec::<f32>()?, [0.0, 1.0, 3.0, 4.0]);
    /// # Ok::<(), wgrad::Error>(())
    /// ```
    ///
    /// # Errors
    /// Another rank, images or a size without pixels.
    #[doc(alias = "keras.ops.image.resize")]
    pub fn resize(&self, size: [usize; 2], interpolation: Interpolation, antialias: bool) -> Result<Tensor> {
        if self.rank() != 4 || self.shape()[1..3].iter().chain(&size).any(|&size| size == 0) {
            return Err(Error::shape(format!(
                "resize: takes images (N, H, W, C) with pixels and a size of at least one, not {} to {size:?}",
                self.shape()
            )));
        }
        Ok(self.in_f32(|x| {
            size.iter().zip([1, 2]).fold(x.clone(), |x, (&to, axis)| {
                let length = x.shape()[axis];
                if length == to {
                    return x;
                }
                let single = |(first, weights): (usize, Vec<f64>)| (first, weights.iter().map(|&weight| weight as f32).collect());
                Band::new(length, interpolation.rows(length, to, antialias).map(single)).apply(&x, axis)
            })
        }))
    }
}

pub(super) fn cases() -> Vec<Case> {
    use Interpolation::{Area, Bicubic, Bilinear, Lanczos3, Lanczos5, Nearest};
    let mut out = Vec::new();
    for interpolation in [Nearest, Bilinear, Bicubic, Lanczos3, Lanczos5, Area] {
        for (shape, size, antialias) in [([2, 4, 3, 2], [8, 9], false), ([1, 7, 12, 5], [5, 12], false), ([1, 13, 9, 1], [4, 20], true)] {
            let call = move |x: &[Tensor]| x[0].resize(size, interpolation, antialias).expect("it fits").square();
            let reference = move |x: &[Reference]| {
                let rows = |axis: usize| -> Vec<_> {
                    let (length, to): (usize, usize) = (shape[axis], size[axis - 1]);
                    if length == to {
                        (0..to).map(|at| (at, vec![1.0])).collect()
                    } else {
                        interpolation.rows(length, to, antialias).collect()
                    }
                };
                let (down, across) = (rows(1), rows(2));
                Reference::from_shape_fn(vec![shape[0], size[0], size[1], shape[3]], |at| {
                    let ((top, high), (left, wide)) = (&down[at[1]], &across[at[2]]);
                    let pixels = high.iter().enumerate().flat_map(|(i, a)| wide.iter().enumerate().map(move |(j, b)| (i, j, a * b)));
                    let seen = pixels.filter(|&(_, _, weight)| weight != 0.0);
                    seen.map(|(i, j, weight)| weight * x[0][[at[0], top + i, left + j, at[3]]]).sum::<f64>().powi(2)
                })
            };
            let case =
                Case::new(format!("resize {shape:?} to {size:?} {interpolation:?} antialias {antialias}"), &[&shape], call, reference);
            out.push(case.smooth(Smooth::Twice));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Interpolation::*, *};

    /// What TensorFlow 2.21 gives for 0, 1, 4, 9 as an image of one row.
    #[test]
    fn rows_are_tensorflow_s() {
        crate::Device::cpu().scope(|| {
            let x = Tensor::from_slice(&[0.0f32, 1.0, 4.0, 9.0], [1, 1, 4, 1]).expect("four pixels");
            let known: [(Interpolation, usize, bool, &[f32]); 9] = [
                (Nearest, 7, false, &[0.0, 0.0, 1.0, 4.0, 4.0, 9.0, 9.0]),
                (Nearest, 3, true, &[0.0, 4.0, 9.0]),
                (Bilinear, 7, false, &[0.0, 0.35714293, 0.92857146, 2.5, 4.357144, 7.214287, 9.0]),
                (Bilinear, 2, true, &[1.0, 5.7142863]),
                (Bicubic, 7, false, &[-0.0792164, 0.18769142, 0.8628278, 2.25, 4.317807, 7.602853, 9.396081]),
                (Bicubic, 3, true, &[0.07551488, 2.3591952, 7.935926]),
                (Lanczos3, 7, false, &[-0.011508837, 0.1266247, 0.88194996, 1.9285713, 4.424665, 7.747634, 9.470225]),
                (Lanczos5, 3, true, &[0.06321567, 2.2063208, 8.095784]),
                (Area, 3, false, &[0.25, 2.5, 7.75]),
            ];
            for (interpolation, to, antialias, wanted) in known {
                let y = x.resize([1, to], interpolation, antialias).and_then(|y| y.to_vec::<f32>()).expect("it fits");
                let close = y.iter().zip(wanted).all(|(y, wanted)| (y - wanted).abs() < 1e-5);
                assert!(close && y.len() == wanted.len(), "{interpolation:?} to {to}: {y:?}, not {wanted:?}");
            }
        });
    }
}
