//! Max and average pooling in one to three axes: options and methods; the ops, on images, stand in `max.rs` and `average.rs`.

mod adaptive;
mod average;
mod cases;
mod max;

pub(super) use cases::cases;

use super::window::{Padding, Windows, as_volume, each};
use crate::{
    DType, Error, Result, Shape, Tensor,
    device::cpu::pool2d::Pool2d,
    graph::{Key, Word, apply, apply_one},
    shape::Spec,
};

/// A window that slides over images, resolved from user options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pooling {
    /// Rows and columns of a window.
    window: [usize; 2],
    windows: Windows,
}

impl Pooling {
    fn new(window: [usize; 2], strides: Option<[usize; 2]>, padding: Padding) -> Self {
        Self { window, windows: Windows { strides: strides.unwrap_or(window), dilation: [1, 1], padding } }
    }

    /// All sizes, for an input of shape (N, H, W, C).
    fn sizes(&self, input: &Shape) -> Result<Pool2d> {
        let [n, h, w, c] = input[..] else { return Err(Error::shape(format!("takes (N, H, W, C), not {input}"))) };
        let [kh, kw] = self.window;
        let placed = self.windows.place(input, self.window, &format!("the window {:?}", self.window))?;
        let ([oh, ow], [pad_top, pad_left]) = (placed.outputs, placed.before);
        Ok(Pool2d { n, h, w, c, kh, kw, oh, ow, stride: self.windows.strides, pad_top, pad_left })
    }

    /// The sizes, checked against the gradient of the output.
    fn sizes_back(&self, input: &Shape, upstream: &Shape) -> Result<Pool2d> {
        let sizes = self.sizes(input)?;
        let wanted = Shape::from([sizes.n, sizes.oh, sizes.ow, sizes.c]);
        if *upstream != wanted {
            return Err(Error::shape(format!("the upstream gradient has shape {upstream}; input {input} gives {wanted}")));
        }
        Ok(sizes)
    }

    fn key(&self, key: &mut Key) {
        key.words(&self.window);
        key.words(&self.windows.words());
    }
}

fn float(input: &Spec) -> Result<()> {
    if input.dtype == DType::F32 { Ok(()) } else { Err(Error::dtype(format!("takes float32, not {input}; use `cast`"))) }
}

/// What every kernel on windows takes after its number of invocations.
fn words(total: usize, sizes: &Pool2d) -> Vec<Word> {
    let Pool2d { h, w, c, kh, kw, oh, ow, stride, pad_top, pad_left, .. } = *sizes;
    [total, c, oh, ow, h, w, kh, kw, stride[0], stride[1], pad_top, pad_left].map(Word::from).to_vec()
}

impl Tensor {
    /// The largest value of each window of `pool_size` in (N, space..., C) of one to three axes of space; the result is (N, places..., C).
    /// Strides are those of neighbouring windows, `pool_size` if `None`; one number stands for all axes. Padding is never a maximum, NaN
    /// always is. The gradient goes to the first maximum.
    ///
    /// ```
    /// use wgrad::prelude::*;
    /// let x = Tensor::from_slice(&[1.0f32, 2.0, 3.0, 4.0], [1, 2, 2, 1])?;
    /// assert_eq!(x.max_pool(&[2], None, Padding::Valid)?.to_vec::<f32>()?, [4.0]);
    /// # Ok::<(), wgrad::Error>(())
    /// ```
    ///
    /// # Errors
    /// Other ranks or dtypes than float32, a window larger than the padded input, sizes of zero, causal padding.
    #[doc(alias = "keras.ops.max_pool")]
    pub fn max_pool(&self, pool_size: &[usize], strides: Option<&[usize]>, padding: Padding) -> Result<Tensor> {
        self.pool("max_pool", pool_size, strides, padding, |x, pooling| Ok(apply(max::MaxPool(pooling), &[x])?.swap_remove(0)))
    }

    /// The mean of each window of `pool_size` in (N, space..., C), padding not counted; the result is (N, places..., C). Options are those
    /// of [`max_pool`](Self::max_pool).
    ///
    /// # Errors
    /// As `max_pool`.
    #[doc(alias = "keras.ops.average_pool")]
    pub fn average_pool(&self, pool_size: &[usize], strides: Option<&[usize]>, padding: Padding) -> Result<Tensor> {
        self.pool("average_pool", pool_size, strides, padding, |x, pooling| apply_one(average::AveragePool(pooling), &[x]))
    }

    /// Pools images as they are, sequences as images of one row, and volumes in two steps, as windows are products of their axes: each slice,
    /// then along the depth.
    fn pool(
        &self,
        op: &str,
        pool_size: &[usize],
        strides: Option<&[usize]>,
        padding: Padding,
        images: impl Fn(&Tensor, Pooling) -> Result<Tensor>,
    ) -> Result<Tensor> {
        let space = self.rank().saturating_sub(2);
        let Some([n, d, h, w, c]) = as_volume(self.shape()) else {
            return Err(Error::shape(format!("{op}: takes (N, space…, C) of one to three axes of space, not {}", self.shape())));
        };
        let (Some(window), Some(strides)) = (each(pool_size, space), each(strides.unwrap_or(pool_size), space)) else {
            let text =
                format!("{op}: windows {pool_size:?} and strides {strides:?} are not one for all {space} axes of space, nor one for each");
            return Err(Error::invalid(text));
        };
        let volume = self.reshape([n, d, h, w, c]);
        if space == 3 {
            let windows = Windows { strides, dilation: [1; 3], padding };
            windows.place(volume.shape(), window, &format!("the window {window:?}")).map_err(|error| error.at(op))?;
        }
        let slices =
            images(&volume.reshape([n * d, h, w, c]), Pooling::new([window[1], window[2]], Some([strides[1], strides[2]]), padding))?;
        let [_, rows, columns, _] = slices.shape()[..] else { unreachable!("images have four axes") };
        if space < 3 {
            let places = &[rows, columns][2 - space..];
            return Ok(slices.reshape([n].into_iter().chain(places.iter().copied()).chain([c]).collect::<Shape>()));
        }
        let padding = if let Padding::Explicit(_) = padding { Padding::Valid } else { padding };
        let columns_of_depth = slices.reshape([n, d, rows * columns, c]);
        let pooled = images(&columns_of_depth, Pooling::new([window[0], 1], Some([strides[0], 1]), padding))?;
        let depths = pooled.shape()[1];
        Ok(pooled.reshape([n, depths, rows, columns, c]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_shape_window_and_a_way_out() {
        crate::Device::cpu().scope(|| {
            let text = |result: Result<Tensor>| result.unwrap_err().to_string();
            assert_eq!(
                text(Tensor::ones([1, 2, 5, 3]).max_pool(&[3], None, Padding::Valid)),
                "max_pool2d: the window [3, 3] spans 3 x 3, but the input (1, 2, 5, 3) has only 2 x 5 positions, its padding included; \
                 use a smaller one or padding `Same`"
            );
            assert_eq!(
                text(Tensor::ones([1, 2, 5, 4, 3]).max_pool(&[3], None, Padding::Valid)),
                "max_pool: the window [3, 3, 3] spans 3 x 3 x 3, but the input (1, 2, 5, 4, 3) has only 2 x 5 x 4 positions, its padding included; \
                 use a smaller one or padding `Same`"
            );
            assert_eq!(
                text(Tensor::ones([5, 3]).average_pool(&[2], None, Padding::Valid)),
                "average_pool: takes (N, space…, C) of one to three axes of space, not (5, 3)"
            );
            let stride = text(Tensor::ones([1, 5, 5, 3]).average_pool(&[2, 2], Some(&[0, 1]), Padding::Same));
            assert!(stride.contains("strides [0, 1]") && stride.contains("at least 1"), "{stride}");
            let sizes = text(Tensor::ones([1, 5, 5, 3]).average_pool(&[2, 2, 2], None, Padding::Same));
            assert!(sizes.contains("[2, 2, 2]") && sizes.contains("all 2 axes"), "{sizes}");
            let dtype = text(Tensor::ones([1, 5, 5, 3]).cast(DType::I32).max_pool(&[2], None, Padding::Same));
            assert!(dtype.contains("int32") && dtype.contains("cast"), "{dtype}");
        });
    }
}
