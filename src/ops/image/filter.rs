//! Filters of images: blur, edges, similarity, and elastic deformation, which blurs noise.

use super::{
    FillMode, check,
    places::{Surroundings, is_nearest},
};
use crate::{
    DType, Error, Result, Tensor,
    ops::{ConvOptions, Interpolation, Padding},
    random::RandomKey,
};

/// `exp(-x² / 2σ²)` at `size` places around zero, up to `reach` where that is given, of sum 1.
fn bell(sigma: &Tensor, size: usize, reach: Option<&Tensor>) -> Tensor {
    let x = sigma.numbers_to(size).cast(DType::F32) - (size as f32 - 1.0) / 2.0;
    let mut bell = ((&x / sigma).square() * -0.5).exp();
    if let Some(reach) = reach {
        bell = Tensor::where_(&x.abs().less_equal(reach), &bell, &bell.zeros_like());
    }
    &bell / bell.sum(&[])
}

/// The same filter of two axes for each channel.
fn filtered(x: &Tensor, filter: &Tensor, padding: Padding) -> Result<Tensor> {
    let [high, wide] = filter.shape()[..] else { unreachable!("filters have two axes") };
    let channels = x.shape()[3];
    let filter = filter.reshape([high, wide, 1, 1]).broadcast_to([high, wide, channels, 1]);
    x.depthwise_conv(&filter, &ConvOptions { padding, ..ConvOptions::default() })
}

/// Images (N, H, W, C) blurred with `kernel_size` numbers and standard deviations `sigma`, a tensor of two, along height and width.
///
/// ```
/// use wgrad::{ops::image, prelude::*};
/// let blurred = image::gaussian_blur(&Tensor::ones([1, 8, 8, 3]), [3, 5], &Tensor::from([1.0f32, 2.0]))?;
/// assert_eq!(blurred.shape()[..], [1, 8, 8, 3]);
/// # Ok::<(), wgrad::Error>(())
/// ```
///
/// # Errors
/// Another rank, sizes of zero.
#[doc(alias = "keras.ops.image.gaussian_blur")]
pub fn gaussian_blur(images: &Tensor, kernel_size: [usize; 2], sigma: &Tensor) -> Result<Tensor> {
    let [high, wide] = kernel_size;
    let x = check(images, "gaussian_blur")?;
    if high == 0 || wide == 0 || sigma.size() != 2 {
        let found = sigma.shape();
        return Err(Error::invalid(format!(
            "gaussian_blur: takes two sizes of at least one and two deviations, got {kernel_size:?} and sigma {found}"
        )));
    }
    let sigma = sigma.cast(DType::F32).reshape([2]).split(2, 0);
    let (first, second) = (bell(&sigma[0], high, None), bell(&sigma[1], wide, None));
    // TensorFlow's Keras lays the product of the second and the first out as one of the first and the second.
    let filter = (second.expand_dims(-1) * first).reshape([high, wide]);
    Ok(filtered(&x, &filter, Padding::Same)?.cast(images.dtype()))
}

/// Images (N, H, W, C) with each pixel moved by smooth noise of `key`: normal numbers times `sigma`, blurred over `sigma` pixels, times
/// `alpha`. Both are scalars; `sigma` is at most `largest_sigma`.
///
/// ```
/// use wgrad::{ops::image::{self, FillMode}, prelude::*, random::RandomKey};
/// let (alpha, sigma) = (Tensor::from(2.0f32), Tensor::from(1.0f32));
/// let sampling = (Interpolation::Bilinear, FillMode::Reflect, 0.0);
/// let y = image::elastic_transform(&Tensor::ones([1, 8, 8, 3]), &alpha, &sigma, 1.0, sampling, &RandomKey::new(42, "elastic", 0))?;
/// assert_eq!(y.shape()[..], [1, 8, 8, 3]);
/// # Ok::<(), wgrad::Error>(())
/// ```
///
/// # Errors
/// Another rank or interpolation.
#[doc(alias = "keras.ops.image.elastic_transform")]
pub fn elastic_transform(
    images: &Tensor,
    alpha: &Tensor,
    sigma: &Tensor,
    largest_sigma: f32,
    (interpolation, fill_mode, fill_value): (Interpolation, FillMode, f32),
    key: &RandomKey,
) -> Result<Tensor> {
    let x = check(images, "elastic_transform")?;
    let shape = [x.shape()[0], x.shape()[1], x.shape()[2], 1];
    // Keras draws both axes with one seed, so that pixels move along a diagonal; here each axis has its own.
    let noise = [*key, RandomKey { stream: key.stream ^ 1, ..*key }].map(|key| x.normals(shape, &key));
    moved(&x, noise, alpha, sigma, largest_sigma, (interpolation, fill_mode, fill_value)).map(|y| y.cast(images.dtype()))
}

/// [`elastic_transform`] by normal numbers (N, H, W, 1) across and down.
pub(crate) fn moved(
    x: &Tensor,
    noise: [Tensor; 2],
    alpha: &Tensor,
    sigma: &Tensor,
    largest_sigma: f32,
    (interpolation, fill_mode, fill_value): (Interpolation, FillMode, f32),
) -> Result<Tensor> {
    let nearest = is_nearest(interpolation, "elastic_transform")?;
    let [n, high, wide, channels] = x.shape()[..] else { unreachable!("images were checked") };
    // As many taps as the largest deviation asks for; those that a smaller one would not have are zero.
    let (size, reach) = (6 * largest_sigma as usize + 1, sigma.trunc() * 3.0);
    let bell = bell(&sigma.reshape([1]), size, Some(&reach));
    let blurred = |noise: &Tensor| -> Result<Tensor> {
        let rows = filtered(&(noise * sigma), &bell.reshape([1, size]), Padding::Same)?;
        Ok(filtered(&rows, &bell.reshape([size, 1]), Padding::Same)?.squeeze(&[3]) * alpha)
    };
    let across = blurred(&noise[0])? + x.numbers_to(wide).cast(DType::F32);
    let down = blurred(&noise[1])? + x.numbers_to(high).cast(DType::F32).expand_dims(-1);
    let sample = x.numbers_to(n).reshape([n, 1, 1]).broadcast_to([n, high, wide]);
    let around = Surroundings::new(sample).folded(&down, high, nearest, fill_mode).folded(&across, wide, nearest, fill_mode);
    Ok(around.of(&x.reshape([n * high * wide, channels]), fill_value))
}

/// Vertical and horizontal differences of images (N, H, W, C), by Sobel: (N, H, W, C, 2).
///
/// ```
/// use wgrad::{ops::image, prelude::*};
/// let edges = image::sobel_edges(&Tensor::arange(0.0, 9.0, 1.0).reshape([1, 3, 3, 1]))?;
/// assert_eq!(edges.at(&[0.into(), 1.into(), 1.into()]).to_vec::<f32>()?, [24.0, 8.0]);
/// # Ok::<(), wgrad::Error>(())
/// ```
///
/// # Errors
/// Another rank, images of one row or column.
#[doc(alias = "keras.ops.image.sobel_edges")]
pub fn sobel_edges(images: &Tensor) -> Result<Tensor> {
    let x = check(images, "sobel_edges")?;
    if x.shape()[1..3].iter().any(|&size| size < 2) {
        return Err(Error::shape(format!("sobel_edges: takes at least two rows and columns, got {}", images.shape())));
    }
    let padded = x.pad_reflect(&[(0, 0), (1, 1), (1, 1), (0, 0)]);
    let down = super::constant(&x, &[-1.0, -2.0, -1.0, 0.0, 0.0, 0.0, 1.0, 2.0, 1.0]).reshape([3, 3]);
    let edges = [filtered(&padded, &down, Padding::Valid)?, filtered(&padded, &down.transpose(), Padding::Valid)?];
    Ok(Tensor::stack(&edges.each_ref(), -1).cast(images.dtype()))
}

/// How [`ssim`] looks at images.
///
/// ```
/// use wgrad::ops::image::SsimOptions;
/// let of_bytes = SsimOptions { max_val: 255.0, ..SsimOptions::default() };
/// assert_eq!(of_bytes.filter_size, 11);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SsimOptions {
    /// The largest value that there can be.
    pub max_val: f32,
    /// Rows and columns of a window.
    pub filter_size: usize,
    /// The standard deviation of its weights.
    pub filter_sigma: f32,
    /// Steadies the means.
    pub k1: f32,
    /// Steadies the variances.
    pub k2: f32,
}

impl Default for SsimOptions {
    fn default() -> Self {
        Self { max_val: 1.0, filter_size: 11, filter_sigma: 1.5, k1: 0.01, k2: 0.03 }
    }
}

/// The structural similarity of each pair of images (N, H, W, C), 1 for equal ones: (N,) (Wang et al., 2004).
///
/// ```
/// use wgrad::{ops::image::{self, SsimOptions}, prelude::*};
/// let image = Tensor::arange(0.0, 256.0, 1.0).reshape([1, 16, 16, 1]) / 256.0;
/// let likeness = image::ssim(&image, &image, SsimOptions::default())?;
/// assert!((likeness.to_vec::<f32>()?[0] - 1.0).abs() < 1e-5);
/// # Ok::<(), wgrad::Error>(())
/// ```
///
/// # Errors
/// Other shapes, images smaller than the window.
#[doc(alias = "keras.ops.image.ssim")]
pub fn ssim(one: &Tensor, other: &Tensor, options: SsimOptions) -> Result<Tensor> {
    let (x, y) = (check(one, "ssim")?, check(other, "ssim")?);
    let size = options.filter_size;
    if x.shape() != y.shape() || x.shape()[1..3].iter().any(|&side| side < size) || size == 0 {
        let (x, y) = (x.shape(), y.shape());
        return Err(Error::shape(format!("ssim: takes two images of one shape, at least {size} x {size}, got {x} and {y}")));
    }
    let bell = bell(&super::constant(&x, &[options.filter_sigma]), size, None);
    let mean = |x: &Tensor| -> Result<Tensor> {
        let rows = filtered(x, &bell.reshape([1, size]), Padding::Valid)?;
        filtered(&rows, &bell.reshape([size, 1]), Padding::Valid)
    };
    let (mean_x, mean_y) = (mean(&x)?, mean(&y)?);
    let (xx, yy, xy) = (mean_x.square(), mean_y.square(), &mean_x * &mean_y);
    let (vary_x, vary_y, together) = (mean(&x.square())? - &xx, mean(&y.square())? - &yy, mean(&(&x * &y))? - &xy);
    let [c1, c2] = [options.k1, options.k2].map(|k| (k * options.max_val).powi(2));
    let above = (xy * 2.0 + c1) * (together * 2.0 + c2);
    let below = (xx + yy + c1) * (vary_x + vary_y + c2);
    Ok((above / below).mean(&[1, 2, 3]).cast(one.dtype()))
}
