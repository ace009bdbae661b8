//! Images of another size.

use crate::{
    DType, Error, Index, Result, Shape, Tensor,
    config::Choice,
    layers::{Call, DataFormat, Layer, SimpleLayer, space},
    ops::Interpolation,
};

/// With what images are padded to another aspect ratio.
#[derive(Choice, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FillMode {
    /// One value, the only mode that Keras' `Resizing` has.
    #[default]
    Constant,
}

/// Images of another size, `(N, H, W, C)` to `(N, height, width, C)`, or `(H, W, C)` for one image; integers are rounded.
///
/// ```
/// use wgrad::{layers::Resizing, prelude::*};
/// let thumbnails = Resizing::new(32, 32).interpolation(Interpolation::Area).crop_to_aspect_ratio(true);
/// assert_eq!(thumbnails.apply(&Tensor::ones([2, 80, 64, 3])).shape()[..], [2, 32, 32, 3]);
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.Resizing")]
pub struct Resizing {
    /// Rows of the result.
    #[layer(new)]
    height: usize,
    /// Columns of the result.
    #[layer(new)]
    width: usize,
    /// What stands between pixels.
    interpolation: Interpolation,
    /// Whether what is too wide or too high for the target's aspect ratio is cut off, the same on both sides.
    crop_to_aspect_ratio: bool,
    /// Whether what is too narrow or too low for the target's aspect ratio is padded, the same on both sides.
    pad_to_aspect_ratio: bool,
    /// With what images are padded.
    fill_mode: FillMode,
    /// The value of padding.
    fill_value: f32,
    /// Whether smaller images are smoothed.
    antialias: bool,
    /// Where the axis of channels is.
    data_format: DataFormat,
}

impl Resizing {
    /// `x` in the size that the options say.
    pub(in crate::layers) fn resized(&self, x: &Tensor) -> Result<Tensor> {
        if self.crop_to_aspect_ratio && self.pad_to_aspect_ratio {
            return Err(Error::invalid("only one of crop_to_aspect_ratio and pad_to_aspect_ratio can be set"));
        }
        let size = [self.height, self.width];
        check(x.shape(), size)?;
        // TensorFlow finds the sides in float32.
        let single = |side: usize| f64::from(side as f32);
        let y = of_images(&x.cast(if x.dtype().is_float() { x.dtype() } else { DType::F32 }), self.data_format, |x| {
            let x = if self.crop_to_aspect_ratio {
                cropped(x, size, single)
            } else if self.pad_to_aspect_ratio {
                padded(x, size, self.fill_value, single)
            } else {
                x.clone()
            };
            x.resize(size, self.interpolation, self.antialias)
        })?;
        Ok(match x.dtype() {
            DType::U8 => y.round().clip(0.0, 255.0).cast(DType::U8),
            dtype if dtype.is_float() => y,
            dtype => y.round().cast(dtype),
        })
    }
}

impl SimpleLayer for Resizing {
    fn call(&self, _call: &mut Call, x: &Tensor) -> Result<Tensor> {
        self.resized(x)
    }
}

/// That inputs are images or one of them, and that the target has pixels.
pub(super) fn check(input: &Shape, size: [usize; 2]) -> Result<()> {
    if !matches!(input.rank(), 3 | 4) {
        return Err(Error::shape(format!("expected images (N, H, W, C) or one of them, got {input}; images have an axis of channels")));
    }
    if size.contains(&0) {
        return Err(Error::invalid(format!("height and width {size:?} must be at least 1")));
    }
    Ok(())
}

/// `body` of images with channels last; its result gets the order and rank of the input.
pub(super) fn of_images(x: &Tensor, format: DataFormat, body: impl FnOnce(&Tensor) -> Result<Tensor>) -> Result<Tensor> {
    if x.rank() == 3 {
        return Ok(space::channels_last(&x.expand_dims(0), format, body)?.squeeze(&[0]));
    }
    space::channels_last(x, format, body)
}

/// Rows and columns from `start` on.
pub(super) fn window(x: &Tensor, start: [usize; 2], size: [usize; 2]) -> Tensor {
    let part = |at: usize| Index::from(start[at] as isize..(start[at] + size[at]) as isize);
    x.at(&[(..).into(), part(0), part(1)])
}

/// How high and wide images of the target's aspect ratio are that have one side of an image of `sides`; `number` is how sides are
/// calculated with.
fn sides_of_ratio(sides: [usize; 2], size: [usize; 2], number: impl Fn(usize) -> f64) -> [usize; 2] {
    let [h, w] = sides;
    let divide = |product: usize, by: usize| (number(product) / number(by)) as usize;
    [divide(w * size[0], size[1]), divide(h * size[1], size[0])]
}

/// The middle of images that has the target's aspect ratio.
pub(super) fn cropped(x: &Tensor, size: [usize; 2], number: impl Fn(usize) -> f64) -> Tensor {
    let sides @ [h, w] = [x.shape()[1], x.shape()[2]];
    let [high, wide] = sides_of_ratio(sides, size, number);
    let (high, wide) = (high.min(h).max(1), wide.min(w).max(1));
    window(x, [(h - high) / 2, (w - wide) / 2], [high, wide])
}

/// Images with borders that give them the target's aspect ratio.
fn padded(x: &Tensor, size: [usize; 2], value: f32, number: impl Fn(usize) -> f64) -> Tensor {
    let sides @ [h, w] = [x.shape()[1], x.shape()[2]];
    let [high, wide] = sides_of_ratio(sides, size, number);
    let (above, left) = (high.saturating_sub(h) / 2, wide.saturating_sub(w) / 2);
    x.pad(&[(0, 0), (above, above), (left, left), (0, 0)], value.into())
}
