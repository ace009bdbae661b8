//! Images in other frames: borders added or cut off, patches, other scales, and quadrangles that become rectangles.

use super::{FillMode, affine_transform, check_rank};
use crate::{
    DType, Error, Index, Result, Shape, Tensor,
    ops::{
        Interpolation, Padding,
        unfold::Neighbours,
        window::{Placed, Windows},
    },
};

/// Images (N, H, W, C) with zeros around them: before and after the rows, and before and after the columns.
///
/// ```
/// use wgrad::{ops::image, prelude::*};
/// let y = image::pad_images(&Tensor::ones([1, 1, 2, 1]), (1, 0), (0, 1))?;
/// assert_eq!(y.to_vec::<f32>()?, [0.0, 0.0, 0.0, 1.0, 1.0, 0.0]);
/// # Ok::<(), wgrad::Error>(())
/// ```
///
/// # Errors
/// Another rank.
#[doc(alias = "keras.ops.image.pad_images")]
pub fn pad_images(images: &Tensor, rows: (usize, usize), columns: (usize, usize)) -> Result<Tensor> {
    check_rank(images, "pad_images")?;
    Ok(images.pad(&[(0, 0), rows, columns, (0, 0)], 0.0))
}

/// Images (N, H, W, C) without so many rows above and below, and columns before and behind.
///
/// ```
/// use wgrad::{ops::image, prelude::*};
/// let y = image::crop_images(&Tensor::arange(0.0, 16.0, 1.0).reshape([1, 4, 4, 1]), (1, 1), (1, 1))?;
/// assert_eq!(y.to_vec::<f32>()?, [5.0, 6.0, 9.0, 10.0]);
/// # Ok::<(), wgrad::Error>(())
/// ```
///
/// # Errors
/// Another rank, or when nothing is left.
#[doc(alias = "keras.ops.image.crop_images")]
pub fn crop_images(images: &Tensor, rows: (usize, usize), columns: (usize, usize)) -> Result<Tensor> {
    let [_, high, wide, _] = check_rank(images, "crop_images")?;
    let left = |size: usize, (before, after): (usize, usize)| -> Result<Index> {
        match size.checked_sub(after).filter(|&end| end > before) {
            Some(end) => Ok(Index::from(before as isize..end as isize)),
            None => Err(Error::shape(format!("crop_images: {before} and {after} off {size} leave nothing of {}", images.shape()))),
        }
    };
    Ok(images.at(&[crate::All, left(high, rows)?, left(wide, columns)?]))
}

/// Patches of images (N, H, W, C) or volumes (N, D, H, W, C): (N, places…, patch), each patch of `size` with its channels last. `strides` is
/// `size` if not given.
///
/// ```
/// use wgrad::{ops::image, prelude::*};
/// let x = Tensor::arange(0.0, 16.0, 1.0).reshape([1, 4, 4, 1]);
/// let y = image::extract_patches(&x, &[2, 2], None, &[1, 1], Valid)?;
/// assert_eq!(y.shape()[..], [1, 2, 2, 4]);
/// assert_eq!(y.to_vec::<f32>()?[..4], [0.0, 1.0, 4.0, 5.0]);
/// # Ok::<(), wgrad::Error>(())
/// ```
///
/// # Errors
/// Other ranks, patches that do not fit.
#[doc(alias = "keras.ops.image.extract_patches")]
#[doc(alias = "keras.ops.image.extract_patches_3d")]
pub fn extract_patches(x: &Tensor, size: &[usize], strides: Option<&[usize]>, dilation: &[usize], padding: Padding) -> Result<Tensor> {
    let (axes, strides) = (size.len(), strides.unwrap_or(size));
    if x.rank() != axes + 2 || [strides.len(), dilation.len()] != [axes; 2] || size.iter().chain(strides).chain(dilation).any(|&x| x == 0) {
        let shape = x.shape();
        return Err(Error::shape(format!(
            "extract_patches: {size:?} with strides {strides:?} and dilation {dilation:?} do not fit {shape}"
        )));
    }
    let (n, channels) = (x.shape()[0], x.shape()[axes + 1]);
    // One axis at a time goes apart into places and taps: (N, L, rest, C) to (N, places, rest, taps, C), whose taps go before C.
    let (mut out, mut places, mut inner) = (x.cast(DType::F32), Vec::new(), channels);
    for axis in (0..axes).rev() {
        let (length, taps, stride, dilation) = (x.shape()[1 + axis], size[axis], strides[axis], dilation[axis]);
        let outer = n * x.shape()[1..1 + axis].iter().product::<usize>();
        let middle = places.iter().product::<usize>();
        let flat = out.reshape([outer, length, middle, inner]);
        let window = Windows { strides: [stride], dilation: [dilation], padding };
        let Placed { outputs: [outputs], before: [before] } = window.place(flat.shape(), [taps], "a patch")?;
        out = Neighbours { length, outputs, taps, stride, dilation, before }.unfold(&flat)?;
        (places, inner) = ([vec![outputs], places].concat(), taps * inner);
    }
    let shape: Shape = [n].into_iter().chain(places).chain([inner]).collect();
    Ok(out.reshape(shape).cast(x.dtype()))
}

/// The matrices (N, 8) of [`affine_transform`] under which each of four corners `end` (N, 4, 2), x first, shows what lies at `start`.
///
/// ```
/// use wgrad::{ops::image, prelude::*};
/// let start = Tensor::from([[0.0f32, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]).expand_dims(0);
/// let to_the_right = &start + Tensor::from([2.0f32, 0.0]);
/// let matrix = image::homography(&start, &to_the_right)?;
/// assert_eq!(matrix.to_vec::<f32>()?, [1.0, 0.0, -2.0, 0.0, 1.0, 0.0, 0.0, 0.0]);
/// # Ok::<(), wgrad::Error>(())
/// ```
///
/// # Errors
/// Other shapes.
pub fn homography(start: &Tensor, end: &Tensor) -> Result<Tensor> {
    let fits = |points: &Tensor| points.rank() == 3 && points.shape()[1..] == [4, 2];
    if !fits(start) || start.shape() != end.shape() {
        let (start, end) = (start.shape(), end.shape());
        return Err(Error::shape(format!("perspective_transform: expected points (N, 4, 2), got {start} and {end}")));
    }
    // A projection takes the corners of a frame to four points: its columns are three of them, scaled so that their sum is the fourth.
    let basis = |points: &Tensor| {
        let points = points.cast(DType::F32);
        let at = |point: usize, axis: usize| points.at(&[crate::All, point.into(), axis.into()]);
        let one = at(0, 0).ones_like();
        let columns: [[Tensor; 3]; 4] = std::array::from_fn(|point| [at(point, 0), at(point, 1), one.clone()]);
        let minors = adjugate(&columns[..3]);
        std::array::from_fn::<_, 3, _>(|column| {
            let scale = dot(&minors[column], &columns[3]);
            columns[column].each_ref().map(|x| x * &scale)
        })
    };
    let (from, to) = (basis(end), basis(start));
    let back = adjugate(&from);
    let element = |row: usize, column: usize| {
        let terms = (0..3).map(|k| &to[k][row] * &back[k][column]);
        terms.reduce(|a, b| a + b).expect("three")
    };
    let last = element(2, 2);
    let elements: Vec<Tensor> = (0..8).map(|at| element(at / 3, at % 3) / &last).collect();
    Ok(Tensor::stack(&elements.iter().collect::<Vec<_>>(), -1))
}

/// The rows of the inverse, times the determinant, of the matrix with these columns.
fn adjugate(columns: &[[Tensor; 3]]) -> [[Tensor; 3]; 3] {
    std::array::from_fn(|row| {
        let (a, b) = (&columns[(row + 1) % 3], &columns[(row + 2) % 3]);
        std::array::from_fn(|i| &a[(i + 1) % 3] * &b[(i + 2) % 3] - &a[(i + 2) % 3] * &b[(i + 1) % 3])
    })
}

fn dot(a: &[Tensor; 3], b: &[Tensor; 3]) -> Tensor {
    &a[0] * &b[0] + &a[1] * &b[1] + &a[2] * &b[2]
}

/// Images (N, H, W, C) seen from elsewhere: what lay at the corners `start` (N, 4, 2), x first, comes to lie at `end`; `fill_value` is
/// around it.
///
/// ```
/// use wgrad::{ops::image, prelude::*};
/// let start = Tensor::from([[0.0f32, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]).expand_dims(0);
/// let to_the_right = &start + Tensor::from([1.0f32, 0.0]);
/// let row = Tensor::from_slice(&[1.0f32, 2.0, 3.0, 4.0], [1, 1, 4, 1])?;
/// let moved = image::perspective_transform(&row, &start, &to_the_right, Interpolation::Nearest, 0.0)?;
/// assert_eq!(moved.to_vec::<f32>()?, [0.0, 1.0, 2.0, 3.0]);
/// # Ok::<(), wgrad::Error>(())
/// ```
///
/// # Errors
/// Other shapes, another interpolation.
#[doc(alias = "keras.ops.image.perspective_transform")]
pub fn perspective_transform(
    images: &Tensor,
    start: &Tensor,
    end: &Tensor,
    interpolation: Interpolation,
    fill_value: f32,
) -> Result<Tensor> {
    affine_transform(images, &homography(start, end)?, interpolation, FillMode::Constant, fill_value)
}

/// The weights of [`scale_and_translate`] at distance `x` from a place.
fn kernel(method: Interpolation, x: &Tensor) -> Result<Tensor> {
    let zero = |x: &Tensor, beyond: f32, from: &Tensor| Tensor::where_(&from.less(beyond), x, &x.zeros_like());
    Ok(match method {
        Interpolation::Bilinear => (x.negate() + 1.0).relu(),
        Interpolation::Bicubic => {
            let near = (x * 1.5 - 2.5) * x * x + 1.0;
            let far = ((x * -0.5 + 2.5) * x - 4.0) * x + 2.0;
            zero(&Tensor::where_(&x.less(1.0), &near, &far), 2.0, x)
        }
        Interpolation::Lanczos3 | Interpolation::Lanczos5 => {
            let (radius, pi) = (if method == Interpolation::Lanczos3 { 3.0 } else { 5.0 }, std::f32::consts::PI);
            let is_far = x.greater(1e-3);
            let safe = Tensor::where_(&is_far, x, &x.ones_like());
            let wave = (&safe * pi).sin() * (&safe * (pi / radius)).sin() * radius / (safe.square() * (pi * pi));
            zero(&Tensor::where_(&is_far, &wave, &wave.ones_like()), radius + 1e-6, x)
        }
        Interpolation::Nearest | Interpolation::Area => {
            return Err(Error::invalid(format!("scale_and_translate: the method is linear, cubic or lanczos, not {method:?}")));
        }
    })
}

/// `images` with the axes `axes` taken to the sizes `sizes`: pixel `p` comes to lie at `scale p + translation`. `scale` and
/// `translation` are tensors of one number for each axis. With `antialias` smaller images are smoothed.
///
/// ```
/// use wgrad::{ops::image, prelude::*};
/// let (scale, translation) = (Tensor::from([2.0f32, 2.0]), Tensor::from([0.0f32, 0.0]));
/// let x = Tensor::ones([1, 4, 4, 3]);
/// let y = image::scale_and_translate(&x, (&[1, 2], &[8, 8]), &scale, &translation, Interpolation::Bilinear, false)?;
/// assert_eq!(y.shape()[..], [1, 8, 8, 3]);
/// # Ok::<(), wgrad::Error>(())
/// ```
///
/// # Errors
/// Axes, numbers or a method that do not fit.
#[doc(alias = "keras.ops.image.scale_and_translate")]
pub fn scale_and_translate(
    images: &Tensor,
    (axes, sizes): (&[isize], &[usize]),
    scale: &Tensor,
    translation: &Tensor,
    method: Interpolation,
    antialias: bool,
) -> Result<Tensor> {
    if axes.len() != sizes.len() || scale.shape()[..] != [axes.len()] || translation.shape() != scale.shape() {
        let (scale, translation) = (scale.shape(), translation.shape());
        return Err(Error::shape(format!(
            "scale_and_translate: axes {axes:?}, sizes {sizes:?}, scale {scale} and translation {translation} differ"
        )));
    }
    let (scale, translation) = (scale.cast(DType::F32), translation.cast(DType::F32));
    let mut out = images.cast(DType::F32);
    for (at, (&axis, &size)) in axes.iter().zip(sizes).enumerate() {
        let axis = out.shape().axis(axis)?;
        let length = out.shape()[axis];
        let (inverse, shift) = (scale.at(&[at.into()]).reciprocal(), translation.at(&[at.into()]));
        // Where each pixel of the result lies.
        let place = (out.numbers_to(size).cast(DType::F32) + 0.5 - shift) * &inverse - 0.5;
        let spread = if antialias { inverse.maximum(1.0) } else { inverse.ones_like() };
        let weights = kernel(method, &((&place - out.numbers_to(length).cast(DType::F32).expand_dims(-1)).abs() / spread))?;
        let total = weights.sum(&[0]);
        let counts = total.abs().greater(1000.0 * f64::from(f32::EPSILON));
        let inside = counts.logical_and(&place.greater_equal(-0.5)).logical_and(&place.less_equal(length as f64 - 0.5));
        let weights = weights / Tensor::where_(&counts, &total, &total.ones_like());
        let weights = Tensor::where_(&inside, &weights, &weights.zeros_like());
        out = out.swap_axes(axis as isize, -1).matmul(&weights).swap_axes(axis as isize, -1);
    }
    if !images.dtype().is_float() {
        let all = images.cast(DType::F32);
        out = out.round().minimum(all.max(&[])).maximum(all.min(&[]));
    }
    Ok(out.cast(images.dtype()))
}
