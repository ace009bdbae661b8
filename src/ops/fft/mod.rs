//! Fourier transforms of pairs of real and imaginary parts. The host calculates them, for GPUs too.

mod cases;
mod frames;

pub(super) use cases::cases;
pub use frames::{FrameWindow, Stft};

use crate::{
    All, DType, Error, Index, Result, Tensor,
    device::cpu::pool::{self, SharedMut},
    graph::{CpuCall, GpuCall, GradCx, Key, Op, Specs, apply},
    shape::Spec,
};
use smallvec::SmallVec;

/// Transforms the rows of the last axis, not divided by their length.
#[derive(Debug)]
struct Fourier {
    inverse: bool,
}

impl Op for Fourier {
    fn name(&self) -> &'static str {
        if self.inverse { "ifft" } else { "fft" }
    }

    fn outputs(&self, inputs: &[&Spec]) -> Result<Specs> {
        let [re, im] = inputs else { unreachable!("there are two inputs") };
        if re.dtype != DType::F32 || im.dtype != DType::F32 {
            return Err(Error::dtype(format!("takes float32, not {re} and {im}; use `cast`")));
        }
        if re.shape != im.shape || re.shape.last().is_none_or(|&length| length == 0) {
            return Err(Error::shape(format!(
                "takes real and imaginary parts of one shape with rows, not shapes {} and {}",
                re.shape, im.shape
            )));
        }
        Ok(SmallVec::from_iter([(*re).clone(), (*im).clone()]))
    }

    fn key(&self, _key: &mut Key) {}

    /// The matrix of the transform is symmetric: the gradient is the transform with the other sign.
    fn grad(&self, cx: &GradCx) -> Result<Vec<Option<Tensor>>> {
        let (re, im) = transformed(!self.inverse, &cx.upstream_or_zeros(0), &cx.upstream_or_zeros(1))?;
        Ok(vec![Some(re), Some(im)])
    }

    fn cpu(&self, call: CpuCall) {
        let ([re, im], [to_re, to_im]) = (call.inputs, call.outputs) else { unreachable!("there are two of each") };
        let length = *re.shape().last().expect("shape inference saw it");
        let (rows, to_re, to_im) = (re.spec.size() / length, SharedMut::new(to_re.f32()), SharedMut::new(to_im.f32()));
        pool::for_chunks(rows, (1 << 13) / length + 1, &|range| {
            for row in range.map(|at| at * length..(at + 1) * length) {
                // SAFETY: each row is written once.
                let to = unsafe { [to_re.slice(row.clone()), to_im.slice(row.clone())] };
                wgrad_numerics::fourier(self.inverse, [&re.f32()[row.clone()], &im.f32()[row]], to);
            }
        });
    }

    fn gpu(&self, call: &mut GpuCall) -> Result<()> {
        call.on_host();
        Ok(())
    }
}

fn transformed(inverse: bool, re: &Tensor, im: &Tensor) -> Result<(Tensor, Tensor)> {
    let outputs = apply(Fourier { inverse }, &[re, im])?;
    Ok((outputs[0].clone(), outputs[1].clone()))
}

#[track_caller]
fn rows(inverse: bool, (re, im): (&Tensor, &Tensor)) -> (Tensor, Tensor) {
    transformed(inverse, re, im).unwrap_or_else(|error| panic!("{error}"))
}

/// Transforms along the last two axes.
#[track_caller]
fn planes(inverse: bool, (re, im): (&Tensor, &Tensor)) -> (Tensor, Tensor) {
    assert!(re.rank() >= 2, "fft2: shape {} has less than two axes", re.shape());
    let turn = |x: &Tensor| x.swap_axes(-1, -2);
    let (re, im) = rows(inverse, (re, im));
    let (re, im) = rows(inverse, (&turn(&re), &turn(&im)));
    (turn(&re), turn(&im))
}

/// The first `length` elements of each row, zeros where it has less.
fn resized(x: &Tensor, length: usize) -> Tensor {
    let size = x.shape()[x.rank() - 1];
    let mut width = vec![(0, 0); x.rank()];
    width[x.rank() - 1].1 = length.saturating_sub(size);
    if length < size { part(x, 0, length) } else { x.pad(&width, 0.0) }
}

/// Elements `start` to before `stop` of each row.
fn part(x: &Tensor, start: usize, stop: usize) -> Tensor {
    let mut index = vec![All; x.rank()];
    index[x.rank() - 1] = Index::Span { start: Some(start as isize), stop: Some(stop as isize), step: 1 };
    x.at(&index)
}

/// The size of the last axis.
#[track_caller]
fn length(x: &Tensor, op: &str) -> usize {
    *x.shape().last().unwrap_or_else(|| panic!("{op}: takes at least one axis, not a scalar"))
}

impl Tensor {
    /// The discrete Fourier transform along the last axis of these real parts and `imaginary` ones, as such a pair.
    ///
    /// ```
    /// use wgrad::prelude::*;
    /// let (re, im) = Tensor::from([1.0, 2.0]).fft(&Tensor::from([0.0, 1.0]));
    /// assert_eq!((re.to_vec::<f32>()?, im.to_vec::<f32>()?), (vec![3.0, -1.0], vec![1.0, -1.0]));
    /// # Ok::<(), wgrad::Error>(())
    /// ```
    #[doc(alias = "keras.ops.fft")]
    #[track_caller]
    pub fn fft(&self, imaginary: &Tensor) -> (Tensor, Tensor) {
        rows(false, (self, imaginary))
    }

    /// The discrete Fourier transform over the last two axes.
    #[doc(alias = "keras.ops.fft2")]
    #[track_caller]
    pub fn fft2(&self, imaginary: &Tensor) -> (Tensor, Tensor) {
        planes(false, (self, imaginary))
    }

    /// The inverse of [`Tensor::fft2`].
    #[doc(alias = "keras.ops.ifft2")]
    #[track_caller]
    pub fn ifft2(&self, imaginary: &Tensor) -> (Tensor, Tensor) {
        let (re, im) = planes(true, (self, imaginary));
        let size = self.shape().iter().rev().take(2).product::<usize>() as f32;
        (re / size, im / size)
    }

    /// The lower half of the Fourier transform along the last axis of real numbers: `N / 2 + 1` of `N` frequencies, the others mirror them.
    /// Rows are cut or filled with zeros to `length` first, where it is given.
    ///
    /// ```
    /// use wgrad::prelude::*;
    /// let (re, im) = Tensor::from([1.0, 2.0, 3.0, 4.0]).rfft(None);
    /// assert_eq!((re.to_vec::<f32>()?, im.to_vec::<f32>()?), (vec![10.0, -2.0, -2.0], vec![0.0, 2.0, 0.0]));
    /// # Ok::<(), wgrad::Error>(())
    /// ```
    #[doc(alias = "keras.ops.rfft")]
    #[track_caller]
    pub fn rfft(&self, length: Option<usize>) -> (Tensor, Tensor) {
        let length = length.unwrap_or(self::length(self, "rfft"));
        let x = resized(self, length);
        let (re, im) = x.fft(&x.zeros_like());
        (part(&re, 0, length / 2 + 1), part(&im, 0, length / 2 + 1))
    }

    /// The real numbers, `length` in a row, of whose Fourier transform these are the lower half: the inverse of [`Tensor::rfft`].
    /// The default is an even number.
    #[doc(alias = "keras.ops.irfft")]
    #[track_caller]
    pub fn irfft(&self, imaginary: &Tensor, length: Option<usize>) -> Tensor {
        let length = length.unwrap_or(2 * self::length(self, "irfft").saturating_sub(1));
        assert!(length > 0, "irfft: shape {} has too few frequencies for a row", self.shape());
        let count = length / 2 + 1;
        let whole = |x: &Tensor| {
            let lower = resized(x, count);
            let mirrored = part(&lower, 1, length - count + 1).flip(&[-1]);
            (lower, mirrored)
        };
        let ((re, mirrored_re), (im, mirrored_im)) = (whole(self), whole(imaginary));
        let join = |lower: &Tensor, upper: &Tensor| Tensor::concat(&[lower, upper], -1);
        let (x, _) = rows(true, (&join(&re, &mirrored_re), &join(&im, &-mirrored_im)));
        x / length as f32
    }
}
