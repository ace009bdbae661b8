//! Max and average pooling in one and two axes: options and methods; the ops stand in `max.rs` and `average.rs`.

mod average;
mod cases;
mod max;

pub(super) use cases::cases;

use super::window::{Padding, Windows};
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
    /// The largest value of each window of `pool_size` in images (N, H, W, C); the result is (N, OH, OW, C). Strides are those of
    /// neighbouring windows, `pool_size` if `None`. Padding is never a maximum, NaN always is. The gradient goes to the first maximum.
    ///
    /// ```
    /// use wgrad::prelude::*;
    /// let x = Tensor::from_slice(&[1.0f32, 2.0, 3.0, 4.0], [1, 2, 2, 1])?;
    /// assert_eq!(x.max_pool2d([2, 2], None, Padding::Valid)?.to_vec::<f32>()?, [4.0]);
    /// # Ok::<(), wgrad::Error>(())
    /// ```
    ///
    /// # Errors
    /// Other ranks or dtypes than float32, a window larger than the padded image, sizes of zero, causal padding.
    #[doc(alias = "keras.ops.max_pool")]
    pub fn max_pool2d(&self, pool_size: [usize; 2], strides: Option<[usize; 2]>, padding: Padding) -> Result<Tensor> {
        let mut outputs = apply(max::MaxPool(Pooling::new(pool_size, strides, padding)), &[self])?;
        Ok(outputs.swap_remove(0))
    }

    /// The mean of each window of `pool_size` in images (N, H, W, C), padding not counted; the result is (N, OH, OW, C).
    ///
    /// # Errors
    /// As [`max_pool2d`](Self::max_pool2d).
    #[doc(alias = "keras.ops.average_pool")]
    pub fn average_pool2d(&self, pool_size: [usize; 2], strides: Option<[usize; 2]>, padding: Padding) -> Result<Tensor> {
        apply_one(average::AveragePool(Pooling::new(pool_size, strides, padding)), &[self])
    }

    /// [`max_pool2d`](Self::max_pool2d) of sequences (N, T, C); the result is (N, OT, C).
    ///
    /// # Errors
    /// As `max_pool2d`.
    #[doc(alias = "keras.ops.max_pool")]
    pub fn max_pool1d(&self, pool_size: usize, strides: Option<usize>, padding: Padding) -> Result<Tensor> {
        let image = self.as_image("max_pool1d")?;
        Ok(image.max_pool2d([1, pool_size], strides.map(|stride| [1, stride]), padding)?.squeeze(&[1]))
    }

    /// [`average_pool2d`](Self::average_pool2d) of sequences (N, T, C); the result is (N, OT, C).
    ///
    /// # Errors
    /// As `max_pool2d`.
    #[doc(alias = "keras.ops.average_pool")]
    pub fn average_pool1d(&self, pool_size: usize, strides: Option<usize>, padding: Padding) -> Result<Tensor> {
        let image = self.as_image("average_pool1d")?;
        Ok(image.average_pool2d([1, pool_size], strides.map(|stride| [1, stride]), padding)?.squeeze(&[1]))
    }

    /// A sequence (N, T, C) as images of one row.
    fn as_image(&self, op: &str) -> Result<Tensor> {
        if self.rank() != 3 {
            return Err(Error::shape(format!("{op}: takes (N, T, C), not {}", self.shape())));
        }
        Ok(self.expand_dims(1))
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
                text(Tensor::ones([1, 2, 5, 3]).max_pool2d([3, 3], None, Padding::Valid)),
                "max_pool2d: the window [3, 3] spans 3 x 3, but the input (1, 2, 5, 3) has only 2 x 5 positions, its padding included; \
                 use a smaller one or padding `Same`"
            );
            assert_eq!(
                text(Tensor::ones([2, 5, 3]).average_pool2d([2, 2], None, Padding::Valid)),
                "average_pool2d: takes (N, H, W, C), not (2, 5, 3)"
            );
            let stride = text(Tensor::ones([1, 5, 5, 3]).average_pool2d([2, 2], Some([0, 1]), Padding::Same));
            assert!(stride.contains("strides [0, 1]") && stride.contains("at least 1"), "{stride}");
            let dtype = text(Tensor::ones([1, 5, 5, 3]).cast(DType::I32).max_pool2d([2, 2], None, Padding::Same));
            assert!(dtype.contains("int32") && dtype.contains("cast"), "{dtype}");
            assert_eq!(text(Tensor::ones([5, 3]).max_pool1d(2, None, Padding::Same)), "max_pool1d: takes (N, T, C), not (5, 3)");
        });
    }
}
