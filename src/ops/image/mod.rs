//! What Keras does with images, as functions on tensors (N, H, W, C): colours, projections, patches, filters.

mod cases;
mod colour;
mod filter;
mod frame;
mod histogram;
mod places;
mod project;

pub use colour::{hsv_to_rgb, rgb_to_grayscale, rgb_to_hsv};
pub(crate) use filter::moved;
pub use filter::{SsimOptions, elastic_transform, gaussian_blur, sobel_edges, ssim};
pub use frame::{crop_images, extract_patches, homography, pad_images, perspective_transform, scale_and_translate};
pub use places::map_coordinates;
pub use project::affine_transform;

use super::{Case, fits};
use crate::{DType, Error, Result, Tensor, config::Choice};

/// What lies outside of an image.
///
/// ```
/// use wgrad::{ops::image::FillMode, prelude::*};
/// let layer = RandomRotation::new(0.1).fill_mode(FillMode::Nearest);
/// ```
#[derive(Choice, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FillMode {
    /// A number: `kkkk|abcd|kkkk`.
    #[default]
    Constant,
    /// The last pixel: `aaaa|abcd|dddd`.
    Nearest,
    /// The other side: `abcd|abcd|abcd`.
    Wrap,
    /// The image mirrored at its last pixel: `dcb|abcd|cba`.
    Mirror,
    /// The image mirrored at its edge: `dcba|abcd|dcba`.
    Reflect,
}

pub(super) fn cases() -> Vec<Case> {
    [project::cases(), colour::cases(), histogram::cases(), cases::cases()].into_iter().flatten().collect()
}

/// The sizes of images (N, H, W, C).
fn check_rank(images: &Tensor, what: &str) -> Result<[usize; 4]> {
    images.shape()[..].try_into().map_err(|_| Error::shape(format!("{what}: takes images (N, H, W, C), not {}", images.shape())))
}

/// Images (N, H, W, C) as float32.
fn check(images: &Tensor, what: &str) -> Result<Tensor> {
    check_rank(images, what)?;
    Ok(images.cast(DType::F32))
}

/// Numbers where `x` lives.
#[track_caller]
fn constant(x: &Tensor, values: &[f32]) -> Tensor {
    fits(Tensor::from_slice_on(x.device(), values, [values.len()]), "image")
}
