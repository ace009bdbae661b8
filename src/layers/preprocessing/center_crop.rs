//! The middle of images.

use super::resizing::{self, cropped};
use crate::{
    DType, Result, Shape, Tensor,
    layers::{Build, Call, DataFormat, Layer, SimpleLayer},
    ops::Interpolation,
};

/// The middle of images, `(N, H, W, C)` to `(N, height, width, C)`, or `(H, W, C)` for one image. Smaller images are cut to the
/// target's aspect ratio and enlarged.
///
/// ```
/// use wgrad::prelude::*;
/// let y = CenterCrop::new(2, 2).apply(&Tensor::arange(0.0, 16.0, 1.0).reshape([1, 4, 4, 1]));
/// assert_eq!(y.to_vec::<f32>()?, [5.0, 6.0, 9.0, 10.0]);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.CenterCrop")]
pub struct CenterCrop {
    /// Rows of the result.
    #[layer(new)]
    height: usize,
    /// Columns of the result.
    #[layer(new)]
    width: usize,
    /// Where the axis of channels is.
    data_format: DataFormat,
}

impl SimpleLayer for CenterCrop {
    fn build(&mut self, _build: &mut Build, input: &Shape) -> Result<()> {
        resizing::check(input, [self.height, self.width])
    }

    fn call(&self, _call: &mut Call, x: &Tensor) -> Result<Tensor> {
        let size @ [height, width] = [self.height, self.width];
        let x = if x.dtype().is_float() { x.clone() } else { x.cast(DType::F32) };
        resizing::of_images(&x, self.data_format, |x| {
            let (h, w) = (x.shape()[1], x.shape()[2]);
            if h >= height && w >= width {
                return Ok(resizing::window(x, [(h - height) / 2, (w - width) / 2], size));
            }
            cropped(x, size, |side| side as f64).resize(size, Interpolation::Bilinear, false)
        })
    }
}
