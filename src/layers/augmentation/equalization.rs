//! Equalization of histograms, of whole batches and of tiles.

use super::{
    Draws, Frame, ImageOptions, Transform, Transformation,
    colour::rescaled,
    options::check_value_range,
    tone::{BYTES, check_pixels},
};
use crate::{
    DType, Error, Result, Tensor,
    layers::{Call, Layer, Sizes},
};

/// While training, the values of each channel are spread so that each is as frequent: by the histogram over the batch.
///
/// ```
/// use wgrad::prelude::*;
/// let layer = Equalization::new().value_range([0.0, 1.0]).bins(64);
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.Equalization")]
pub struct Equalization {
    /// The smallest and the largest value of a pixel.
    #[layer(default = BYTES)]
    value_range: [f32; 2],
    /// How many values are told apart.
    #[layer(default = 256)]
    bins: usize,
    #[layer(flatten)]
    pub(super) options: ImageOptions,
}

impl Transform for Equalization {
    fn check(&self, frame: &Frame) -> Result<()> {
        check_value_range(self.value_range)?;
        if self.bins < 2 {
            return Err(Error::invalid(format!("bins is at least 2, got {}", self.bins)));
        }
        check_pixels(frame)
    }

    fn draw(&self, _draws: &Draws) -> Result<Transformation> {
        Ok(Transformation::default())
    }

    fn images(&self, images: &Tensor, _drawn: &Transformation) -> Result<Tensor> {
        let ([low, high], Frame { batch, height, width, channels }) = (self.value_range, Frame::of(images)?);
        let (last, scale) = (self.bins as f32 - 1.0, 255.0 / (high - low));
        let x = images * scale - low * scale;
        let bins = (&x * last / 255.0).clip(0.0, last).cast(DType::I32).permute(&[0, 3, 1, 2]).reshape([batch, channels, height * width]);
        let counts = bins.histogram(self.bins).sum(&[0]);
        let below = counts.cumsum(-1);
        let found = Tensor::where_(&below.greater(0.0), &below, &(below.zeros_like() + f32::MAX));
        let first = found.min(&[1]).expand_dims(-1);
        let rest = (&first.negate() + (batch * height * width) as f32).maximum(1.0);
        let table = ((below - first) * 255.0 / rest).round().clip(0.0, 255.0);
        let places = (&x / 255.0 * last).clip(0.0, last).cast(DType::I32);
        let spread = table.reshape([channels * self.bins]).take(&(places + x.numbers_to(channels) * self.bins as i32), 0);
        // A channel of one value stays.
        let is_one = counts.greater(0.0).cast(DType::F32).sum(&[1]).less_equal(1.0);
        Ok(Tensor::where_(&is_one, &x, &spread) / scale + low)
    }
}

/// The histogram of each tile of each image is equalized, but no value gets more than its share times `clip_limit`; between the tiles
/// the curves are blended. In training and outside of it (Zuiderveld, 1994).
///
/// ```
/// use wgrad::prelude::*;
/// let layer = ContrastLimitedAdaptiveHistogramEqualization::new().clip_limit(2.0).tile_grid_size(4);
/// assert_eq!(layer.apply(&Tensor::ones([1, 16, 16, 3])).shape()[..], [1, 16, 16, 3]);
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.ContrastLimitedAdaptiveHistogramEqualization")]
pub struct ContrastLimitedAdaptiveHistogramEqualization {
    /// The smallest and the largest value of a pixel.
    #[layer(default = BYTES)]
    value_range: [f32; 2],
    /// How much more frequent than others a value may be; 0 for no limit.
    #[layer(default = 4.0)]
    clip_limit: f32,
    /// How many tiles down and across.
    #[layer(default = Sizes::from(8))]
    tile_grid_size: Sizes<2>,
    #[layer(flatten)]
    pub(super) options: ImageOptions,
}

/// Tiles along an axis: for each pixel the tiles before and behind it, and the share of the one behind.
fn between(tiles: usize, length: usize) -> ([Vec<f32>; 2], Vec<f32>) {
    let places: Vec<f32> = (0..tiles * length).map(|at| (at as f32 - length as f32 / 2.0) / length as f32).collect();
    let tile = |place: f32| place.clamp(0.0, tiles as f32 - 1.0);
    let before = places.iter().map(|place| tile(place.floor())).collect();
    let behind = places.iter().map(|place| tile(place.floor() + 1.0)).collect();
    ([before, behind], places.iter().map(|place| place - place.floor()).collect())
}

impl Transform for ContrastLimitedAdaptiveHistogramEqualization {
    fn check(&self, frame: &Frame) -> Result<()> {
        check_value_range(self.value_range)?;
        check_pixels(frame)?;
        let (tiles, size) = (*self.tile_grid_size, [frame.height, frame.width]);
        let fits = |axis: usize| tiles[axis] > 0 && tiles[axis] * size[axis].div_ceil(tiles[axis]) <= 2 * size[axis];
        if fits(0) && fits(1) {
            return Ok(());
        }
        Err(Error::shape(format!("tile_grid_size {tiles:?} does not fit images of {} x {}", size[0], size[1])))
    }

    fn acts(&self, _call: &Call) -> bool {
        true
    }

    fn draw(&self, _draws: &Draws) -> Result<Transformation> {
        Ok(Transformation::default())
    }

    fn images(&self, images: &Tensor, _drawn: &Transformation) -> Result<Tensor> {
        let (Frame { batch, height, width, channels }, [down, across]) = (Frame::of(images)?, *self.tile_grid_size);
        let (high, wide) = (height.div_ceil(down), width.div_ceil(across));
        let (rows, columns) = (high * down, wide * across);
        let x = rescaled(images, self.value_range, BYTES);
        let x = x.pad_symmetric(&[(0, 0), (0, rows - height), (0, columns - width), (0, 0)]).clip(0.0, 255.0).cast(DType::I32);
        let tiles = x.reshape([batch, down, high, across, wide, channels]).permute(&[0, 1, 3, 5, 2, 4]);
        let mut counts = tiles.reshape([batch * down * across * channels, high * wide]).histogram(256);
        let pixels = (high * wide) as f32;
        if self.clip_limit > 0.0 {
            let clipped = counts.minimum(self.clip_limit * pixels / 256.0);
            counts = &clipped + (&counts - &clipped).sum(&[1]).expand_dims(-1) / 256.0;
        }
        let below = counts.cumsum(-1);
        let first = below.min(&[1]).expand_dims(-1);
        let rest = first.negate() + pixels;
        let rest = Tensor::where_(&rest.equal(0.0), &rest.ones_like(), &rest);
        let curves = ((below - first) * 255.0 / rest).clip(0.0, 255.0).reshape([batch * down * across * channels * 256]);

        let place = |values: &[f32], shape: [usize; 4]| Tensor::from_slice_on(images.device(), values, shape);
        let ((of_rows, share_down), (of_columns, share_across)) = (between(down, high), between(across, wide));
        let curve = x.numbers_to(batch).reshape([batch, 1, 1, 1]) * (down * across) as i32;
        let value = &x + x.numbers_to(channels) * 256;
        let seen = |row: usize, column: usize| -> Result<Tensor> {
            let row = place(&of_rows[row], [1, rows, 1, 1])?.cast(DType::I32) * across as i32;
            let column = place(&of_columns[column], [1, 1, columns, 1])?.cast(DType::I32);
            Ok(curves.take(&((&curve + row + column) * (256 * channels) as i32 + &value), 0))
        };
        let (to_right, to_below) = (place(&share_across, [1, 1, columns, 1])?, place(&share_down, [1, rows, 1, 1])?);
        let blend = |one: Tensor, other: Tensor, share: &Tensor| one * (share.negate() + 1.0) + other * share;
        let above = blend(seen(0, 0)?, seen(0, 1)?, &to_right);
        let all = blend(above, blend(seen(1, 0)?, seen(1, 1)?, &to_right), &to_below);
        let all = all.at(&[crate::All, (0..height as isize).into(), (0..width as isize).into()]);
        Ok(rescaled(&all, BYTES, self.value_range))
    }
}
