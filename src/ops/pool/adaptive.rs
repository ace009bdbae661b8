//! Adaptive pooling: so many windows, as equal as they can be, whatever the size. Along an axis of `size` window i of `outputs` goes from
//! `floor(i * size / outputs)` to `ceil((i + 1) * size / outputs)`.

use crate::{
    Error, Result, Tensor,
    ops::{Padding, band::Band},
};
use std::ops::Range;

/// The windows along an axis.
pub(super) fn windows(size: usize, outputs: usize) -> impl Iterator<Item = Range<usize>> {
    (0..outputs).map(move |at| at * size / outputs..((at + 1) * size).div_ceil(outputs))
}

impl Tensor {
    /// The largest value of each of `output_size` windows in (N, space..., C), which are as equal as they can be; the result is
    /// (N, output_size..., C). One number stands for all axes.
    ///
    /// # Errors
    /// Other ranks, sizes that are zero or not one for each axis, an input without elements.
    #[doc(alias = "keras.ops.adaptive_max_pool")]
    pub fn adaptive_max_pool(&self, output_size: &[usize]) -> Result<Tensor> {
        let sizes = self.adaptive_sizes("adaptive_max_pool", output_size)?;
        let (mut apart, mut pool_size) = (self.clone(), Vec::new());
        for (axis, &outputs) in sizes.iter().enumerate() {
            let size = self.shape()[axis + 1];
            let longest = windows(size, outputs).map(|window| window.len()).max().unwrap_or(1);
            pool_size.push(longest);
            if longest * outputs > size {
                // Windows overlap: they are laid side by side, the last element of a shorter one again.
                let places =
                    windows(size, outputs).flat_map(|window| (0..longest).map(move |at| (window.start + at).min(window.end - 1) as i32));
                let places = Tensor::from_slice_on(self.device(), &places.collect::<Vec<i32>>(), [longest * outputs])?;
                apart = apart.take(&places, axis as isize + 1);
            }
        }
        apart.max_pool(&pool_size, None, Padding::Valid)
    }

    /// The mean of each of `output_size` windows in (N, space..., C), which are as equal as they can be; the result is
    /// (N, output_size..., C). One number stands for all axes.
    ///
    /// ```
    /// use wgrad::prelude::*;
    /// let x = Tensor::from_slice(&[1.0f32, 2.0, 3.0], [1, 3, 1])?;
    /// assert_eq!(x.adaptive_average_pool(&[2])?.to_vec::<f32>()?, [1.5, 2.5]);
    /// # Ok::<(), wgrad::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`adaptive_max_pool`](Self::adaptive_max_pool).
    #[doc(alias = "keras.ops.adaptive_average_pool")]
    pub fn adaptive_average_pool(&self, output_size: &[usize]) -> Result<Tensor> {
        let sizes = self.adaptive_sizes("adaptive_average_pool", output_size)?;
        let mean = |window: Range<usize>| (window.start, vec![1.0 / window.len() as f32; window.len()]);
        Ok(self.in_f32(|x| {
            sizes.iter().enumerate().fold(x.clone(), |x, (axis, &outputs)| {
                let size = x.shape()[axis + 1];
                Band::new(size, windows(size, outputs).map(mean)).apply(&x, axis + 1)
            })
        }))
    }

    /// How many windows each axis of space gets.
    fn adaptive_sizes(&self, op: &str, sizes: &[usize]) -> Result<Vec<usize>> {
        let space = self.rank().saturating_sub(2);
        let sizes = if sizes.len() == 1 { vec![sizes[0]; space] } else { sizes.to_vec() };
        if space == 0 || sizes.len() != space || sizes.contains(&0) || self.shape()[1..=space].contains(&0) {
            let shape = self.shape();
            return Err(Error::invalid(format!(
                "{op}: output size {sizes:?} for {shape}: takes (N, space…, C) and a size for each axis of space"
            )));
        }
        Ok(sizes)
    }
}
