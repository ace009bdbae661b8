//! Images seen through a projection: each pixel of the result lies somewhere between pixels of the image.

use super::{
    FillMode,
    places::{Surroundings, is_nearest},
};
use crate::{
    DType, Error, Result, Tensor,
    device::{
        cpu::pool::{self, SharedMut},
        gpu::compose,
    },
    graph::{CpuCall, GpuCall, GradCx, Key, Op, Params, Specs, Word, apply_one},
    ops::{
        Case, Interpolation,
        case::{Reference, Smooth},
    },
    shape::Spec,
};
use smallvec::SmallVec;

/// Images (N, H, W, C) through the matrices of input 1, (N, 8) or (1, 8): pixel (x, y) of the result lies at
/// `((a0 x + a1 y + a2) / k, (b0 x + b1 y + b2) / k)` with `k = c0 x + c1 y + 1`. The rules are those of TensorFlow's
/// `ImageProjectiveTransformV3`.
#[derive(Debug)]
struct Project {
    nearest: bool,
    fill: FillMode,
    value: f32,
}

impl Project {
    /// The place in an axis of `length` for one that may lie outside.
    fn fold(&self, at: f32, length: f32) -> f32 {
        let (last, period) = (length - 1.0, 2.0 * length);
        let at = match self.fill {
            // Far outside is as good as outside.
            FillMode::Constant => return at.clamp(-2.0, length + 1.0),
            FillMode::Reflect | FillMode::Wrap if length <= 1.0 => 0.0,
            FillMode::Reflect if at < 0.0 => {
                let at = at + period * (-at / period).trunc();
                if at < -length { at + period } else { -at - 1.0 }
            }
            FillMode::Reflect if at > last => {
                let at = at - period * (at / period).trunc();
                if at >= length { period - at - 1.0 } else { at }
            }
            FillMode::Wrap if at < 0.0 => at + length * ((-at / last).trunc() + 1.0),
            FillMode::Wrap if at > last => at - length * (at / last).trunc(),
            _ => at,
        };
        at.clamp(0.0, last)
    }

    /// The same in plain ops.
    fn folded(&self, at: &Tensor, length: usize) -> Tensor {
        let (length, last) = (length as f32, length as f32 - 1.0);
        let whole = |x: Tensor| x.stop_gradient().trunc();
        let at = match self.fill {
            FillMode::Constant => return at.clip(-2.0, length + 1.0),
            FillMode::Reflect | FillMode::Wrap if length <= 1.0 => at.zeros_like(),
            FillMode::Reflect => {
                let period = 2.0 * length;
                let before = at + whole(at.negate() / period) * period;
                let before = Tensor::where_(&before.less(-length), &(&before + period), &(before.negate() - 1.0));
                let behind = at - whole(at / period) * period;
                let behind = Tensor::where_(&behind.greater_equal(length), &(behind.negate() + (period - 1.0)), &behind);
                Tensor::where_(&at.less(0.0), &before, &Tensor::where_(&at.greater(last), &behind, at))
            }
            FillMode::Wrap => {
                let (before, behind) = (at + (whole(at.negate() / last) + 1.0) * length, at - whole(at / last) * length);
                Tensor::where_(&at.less(0.0), &before, &Tensor::where_(&at.greater(last), &behind, at))
            }
            _ => at.clone(),
        };
        at.clip(0.0, last)
    }

    /// Writes the pixel at `place` (x first; none at infinity) of an image.
    #[inline(always)]
    fn pixel(&self, image: &[f32], [high, wide]: [usize; 2], place: Option<[f32; 2]>, out: &mut [f32]) {
        let Some([x, y]) = place else { return out.fill(self.value) };
        let channels = out.len();
        let (x, y) = (self.fold(x, wide as f32), self.fold(y, high as f32));
        let at = |x: i64, y: i64| {
            let inside = (0..wide as i64).contains(&x) && (0..high as i64).contains(&y);
            inside.then(|| &image[(y as usize * wide + x as usize) * channels..][..channels])
        };
        if self.nearest {
            return match at(x.round() as i64, y.round() as i64) {
                Some(pixel) => out.copy_from_slice(pixel),
                None => out.fill(self.value),
            };
        }
        let (left, top) = (x.floor(), y.floor());
        let (right, bottom) = (left + 1.0, top + 1.0);
        let weights = [right - x, x - left, bottom - y, y - top];
        let (x, y) = (left as i64, top as i64);
        let pixels = [at(x, y), at(x + 1, y), at(x, y + 1), at(x + 1, y + 1)];
        if let [Some(a), Some(b), Some(c), Some(d)] = pixels {
            for (channel, out) in out.iter_mut().enumerate() {
                let (above, below) = (weights[0] * a[channel] + weights[1] * b[channel], weights[0] * c[channel] + weights[1] * d[channel]);
                *out = weights[2] * above + weights[3] * below;
            }
            return;
        }
        for (channel, out) in out.iter_mut().enumerate() {
            let [a, b, c, d] = pixels.map(|pixel| pixel.map_or(self.value, |pixel| pixel[channel]));
            *out = weights[2] * (weights[0] * a + weights[1] * b) + weights[3] * (weights[0] * c + weights[1] * d);
        }
    }
}

/// Where pixel (x, y) of the result lies, x first; nothing at infinity.
#[inline(always)]
fn place(t: &[f32; 8], x: f32, y: f32) -> Option<[f32; 2]> {
    let k = t[6] * x + t[7] * y + 1.0;
    (k != 0.0).then(|| [(t[0] * x + t[1] * y + t[2]) / k, (t[3] * x + t[4] * y + t[5]) / k])
}

impl Op for Project {
    fn name(&self) -> &'static str {
        "affine_transform"
    }

    fn outputs(&self, inputs: &[&Spec]) -> Result<Specs> {
        let (images, transforms) = (inputs[0], inputs[1]);
        if images.dtype != DType::F32 || transforms.dtype != DType::F32 {
            return Err(Error::dtype(format!("takes float32, not {images} and {transforms}; use `cast`")));
        }
        let fits = images.shape.rank() == 4 && transforms.shape.rank() == 2 && transforms.shape[1] == 8;
        if !fits || !matches!(transforms.shape[0], 1) && transforms.shape[0] != images.shape[0] {
            let (images, transforms) = (&images.shape, &transforms.shape);
            return Err(Error::shape(format!(
                "expected images (N, H, W, C) and transforms (N, 8) or (1, 8), got {images} and {transforms}"
            )));
        }
        Ok(SmallVec::from_iter([images.clone()]))
    }

    fn key(&self, key: &mut Key) {
        key.word(u8::from(self.nearest));
        key.word(self.fill as u32);
    }

    fn params(&self) -> Params {
        SmallVec::from_slice(&[self.value.to_bits()])
    }

    fn grad(&self, cx: &GradCx) -> Result<Vec<Option<Tensor>>> {
        cx.through_fallback(self)
    }

    fn fallback(&self, inputs: &[Tensor]) -> Option<Vec<Tensor>> {
        let [images, transforms] = inputs else { unreachable!("there are two inputs") };
        let [n, high, wide, channels] = images.shape()[..] else { unreachable!("outputs() checked the rank") };
        let t: Vec<Tensor> = transforms.split(8, 1).iter().map(|t| t.expand_dims(-1)).collect();
        let x = images.numbers_to(wide).cast(DType::F32);
        let y = images.numbers_to(high).cast(DType::F32).expand_dims(-1);
        let k = &t[6] * &x + &t[7] * &y + 1.0;
        let infinite = k.equal(0.0);
        let k = Tensor::where_(&infinite, &k.ones_like(), &k);
        let place = |row: &[Tensor], length: usize| {
            let at = (&row[0] * &x + &row[1] * &y + &row[2]) / &k;
            self.folded(&at, length).broadcast_to([n, high, wide])
        };
        let (across, down) = (place(&t[..3], wide), place(&t[3..6], high));
        let sample = images.numbers_to(n).reshape([n, 1, 1]);
        let around = Surroundings::new(sample).along(&down, high, self.nearest).along(&across, wide, self.nearest);
        let seen = around.of(&images.reshape([n * high * wide, channels]), self.value);
        Some(vec![Tensor::where_(&infinite.expand_dims(-1), &seen.number_like(self.value.into()), &seen)])
    }

    fn cpu(&self, call: CpuCall) {
        let &[n, high, wide, channels] = &call.inputs[0].shape()[..] else { unreachable!("outputs() checked the rank") };
        let this = Self { value: f32::from_bits(call.params[0]), ..*self };
        let (images, transforms, image) = (call.inputs[0].f32(), call.inputs[1].f32().as_chunks().0, high * wide * channels);
        let out = SharedMut::new(call.outputs[0].f32());
        pool::for_chunks(n * high, (1usize << 12).div_ceil((wide * channels).max(1)), &|rows| {
            for row in rows {
                let (sample, y) = (row / high, row % high);
                // SAFETY: each row is written once.
                let out = unsafe { out.slice(row * wide * channels..(row + 1) * wide * channels) };
                let (transform, image) = (&transforms[sample % transforms.len()], &images[sample * image..][..image]);
                for (x, out) in out.chunks_exact_mut(channels).enumerate() {
                    this.pixel(image, [high, wide], place(transform, x as f32, y as f32), out);
                }
            }
        });
    }

    fn gpu(&self, call: &mut GpuCall) -> Result<()> {
        let (images, transforms, output) = (&call.inputs[0], &call.inputs[1], &call.outputs[0]);
        let &[_, high, wide, channels] = &images.shape()[..] else { unreachable!("outputs() checked the rank") };
        let stride = if transforms.shape()[0] == 1 { 0 } else { 8 };
        let sizes = [output.size(), high, wide, channels, stride, self.fill as usize, usize::from(self.nearest)];
        let args: Vec<Word> = sizes.map(Word::from).into_iter().chain([Word::Param(0)]).collect();
        let kernel = compose(self.name(), include_str!("../../../shaders/project.wgsl"), &[])?;
        call.dispatch(kernel, &args, &[images, transforms], &[output], call.linear(output.size(), 64));
        Ok(())
    }
}

/// Images (N, H, W, C) through the matrices `transforms`, (N, 8) or (1, 8), of elements `a0 a1 a2 b0 b1 b2 c0 c1`: pixel (x, y) of the
/// result lies at `((a0 x + a1 y + a2) / k, (b0 x + b1 y + b2) / k)` of the image, with `k = c0 x + c1 y + 1`. Gradients reach images
/// and transforms.
///
/// ```
/// use wgrad::{ops::image::{self, FillMode}, prelude::*};
/// let x = Tensor::from_slice(&[1.0f32, 2.0, 3.0], [1, 1, 3, 1])?;
/// let to_the_left = Tensor::from([[1.0f32, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0]]);
/// let y = image::affine_transform(&x, &to_the_left, Interpolation::Bilinear, FillMode::Constant, 0.0)?;
/// assert_eq!(y.to_vec::<f32>()?, [2.0, 3.0, 0.0]);
/// # Ok::<(), wgrad::Error>(())
/// ```
///
/// # Errors
/// Other shapes, another interpolation, `FillMode::Mirror`.
#[doc(alias = "keras.ops.image.affine_transform")]
pub fn affine_transform(
    images: &Tensor,
    transforms: &Tensor,
    interpolation: Interpolation,
    fill_mode: FillMode,
    fill_value: f32,
) -> Result<Tensor> {
    let nearest = is_nearest(interpolation, "affine_transform")?;
    if fill_mode == FillMode::Mirror {
        return Err(Error::invalid("affine_transform: fill_mode is constant, nearest, wrap or reflect, not mirror"));
    }
    let op = Project { nearest, fill: fill_mode, value: fill_value };
    Ok(apply_one(op, &[&images.cast(DType::F32), &transforms.cast(DType::F32)])?.cast(images.dtype()))
}

pub(super) fn cases() -> Vec<Case> {
    use FillMode::{Constant, Nearest, Reflect, Wrap};
    let mut out = Vec::new();
    for (fill, nearest, [n, high, wide, channels]) in [
        (Constant, false, [2, 5, 7, 3]),
        (Constant, true, [2, 6, 4, 1]),
        (Nearest, false, [1, 4, 6, 2]),
        (Nearest, true, [2, 3, 5, 3]),
        (Reflect, false, [2, 5, 6, 3]),
        (Reflect, true, [1, 1, 4, 1]),
        (Wrap, false, [2, 4, 5, 1]),
        (Wrap, true, [2, 5, 1, 3]),
    ] {
        let transforms = if wide == 7 { 1 } else { n };
        // Around the identity, with a projection that stays away from infinity.
        let spread = [0.4, 0.3, 4.0, 0.3, 0.4, 4.0, 0.01, 0.01];
        let start = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0];
        // Gradients of matrices are checked where no edge is near: elsewhere matrices are made of integers.
        let unit = if fill == Constant { 1.0 } else { 0.1173 };
        let call = move |x: &[Tensor]| {
            let part = x[1].cast(DType::F32) * unit as f32;
            let transform = &part * super::constant(&part, &spread.map(|x| x as f32)) + super::constant(&part, &start.map(|x| x as f32));
            let interpolation = if nearest { Interpolation::Nearest } else { Interpolation::Bilinear };
            affine_transform(&x[0], &transform, interpolation, fill, 0.7).expect("it fits").square()
        };
        let reference = move |x: &[Reference]| {
            Reference::from_shape_fn(vec![n, high, wide, channels], |at| {
                let t: Vec<f64> = (0..8).map(|i| x[1][[at[0] % transforms, i]] * unit * spread[i] + start[i]).collect();
                let (column, row) = (at[2] as f64, at[1] as f64);
                let k = t[6] * column + t[7] * row + 1.0;
                let place =
                    |row_of: &[f64], length: usize| plain_fold(fill, (row_of[0] * column + row_of[1] * row + row_of[2]) / k, length);
                let (across, down) = (place(&t[..3], wide), place(&t[3..6], high));
                let pixel = |column: f64, row: f64| {
                    let inside = column >= 0.0 && column < wide as f64 && row >= 0.0 && row < high as f64;
                    if inside { x[0][[at[0], row as usize, column as usize, at[3]]] } else { f64::from(0.7f32) }
                };
                if nearest {
                    return pixel(across.round(), down.round()).powi(2);
                }
                let (left, top) = (across.floor(), down.floor());
                let (dx, dy) = (across - left, down - top);
                let line = |row: f64| (1.0 - dx) * pixel(left, row) + dx * pixel(left + 1.0, row);
                ((1.0 - dy) * line(top) + dy * line(top + 1.0)).powi(2)
            })
        };
        let name = format!("affine_transform {fill:?} nearest {nearest}");
        let case = Case::new(name, &[&[n, high, wide, channels], &[transforms, 8]], call, reference);
        let case = if fill == Constant { case.input(1, DType::F32, -1.0, 1.0) } else { case.input(1, DType::I32, -8.0, 8.0) };
        out.push(case.smooth(Smooth::Once).tolerance(2e-5, 5e-5).fused());
    }
    out
}

/// The rules once more, as one reads them: a period of the axis and its mirror image, or of the axis.
fn plain_fold(fill: FillMode, at: f64, length: usize) -> f64 {
    let (size, last) = (length as f64, length as f64 - 1.0);
    match fill {
        FillMode::Constant => at,
        FillMode::Nearest => at.max(0.0).min(last),
        _ if length == 1 => 0.0,
        FillMode::Wrap if at < 0.0 => (at + size * ((-at / last).trunc() + 1.0)).clamp(0.0, last),
        FillMode::Wrap if at > last => (at - size * (at / last).trunc()).clamp(0.0, last),
        FillMode::Wrap => at,
        _ if (0.0..=last).contains(&at) => at,
        _ => {
            let at = at.rem_euclid(2.0 * size);
            (if at >= size { 2.0 * size - at - 1.0 } else { at }).clamp(0.0, last)
        }
    }
}
