//! Overlapping frames of a signal, and their Fourier transforms.

use super::{length, part};
use crate::{
    Shape, Tensor,
    ops::{fits, gather::Places, record, reduce::Kind, scatter::Scatter},
};
use std::f64::consts::TAU;

/// By what the samples of a frame are multiplied.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum FrameWindow {
    /// A period of a cosine from 0 up to 1.
    #[default]
    Hann,
    /// The same from 0.08 on.
    Hamming,
    /// These factors, one for each sample of a sequence.
    Values(Vec<f32>),
    /// Nothing: frames are as long as the transform.
    None,
}

/// How a signal is cut for [`Tensor::stft`].
///
/// ```
/// use wgrad::{ops::{FrameWindow, Stft}, prelude::*};
/// let options = Stft { window: FrameWindow::Hamming, ..Stft::new(6, 3, 8) };
/// let x = Tensor::linspace(-1.0, 1.0, 18);
/// let (re, im) = x.stft(&options);
/// assert_eq!(re.shape()[..], [7, 5]);
/// let back = re.istft(&im, &options, Some(18));
/// assert!((back - x).abs().max(&[]).item::<f32>()? < 1e-5);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Stft {
    /// Samples of a sequence, to which the window belongs.
    pub sequence_length: usize,
    /// Samples from one sequence to the next.
    pub sequence_stride: usize,
    /// Samples of a transform; sequences stand in the middle of them.
    pub fft_length: usize,
    /// By what sequences are multiplied.
    pub window: FrameWindow,
    /// Whether half a transform is mirrored at both ends of the signal, so that frames stand around their time.
    pub center: bool,
}

impl Stft {
    /// With a Hann window, centered.
    pub fn new(sequence_length: usize, sequence_stride: usize, fft_length: usize) -> Self {
        Self { sequence_length, sequence_stride, fft_length, window: FrameWindow::Hann, center: true }
    }

    /// The window's values in the middle of a frame, zeros around them.
    #[track_caller]
    fn window(&self, op: &str) -> Option<Vec<f64>> {
        let &Self { sequence_length: length, fft_length, sequence_stride: stride, .. } = self;
        assert!(stride > 0, "{op}: a stride of zero never ends");
        assert!(0 < length && length <= fft_length, "{op}: sequences of {length} samples do not fit transforms of {fft_length}");
        // As TensorFlow's: of even length one period, of odd length from end to end.
        let period = (length - length % 2).max(1) as f64;
        let at = |base: f64, at: usize| if length == 1 { 1.0 } else { base - (1.0 - base) * (TAU * at as f64 / period).cos() };
        let cosine = |base: f64| (0..length).map(|sample| at(base, sample)).collect::<Vec<f64>>();
        let values = match &self.window {
            FrameWindow::None => return None,
            FrameWindow::Hann => cosine(0.5),
            FrameWindow::Hamming => cosine(0.54),
            FrameWindow::Values(values) => {
                assert!(values.len() == length, "{op}: a window of {} values for sequences of {length} samples", values.len());
                values.iter().copied().map(f64::from).collect()
            }
        };
        let before = (fft_length - length) / 2;
        Some((0..fft_length).map(|at| at.checked_sub(before).and_then(|at| values.get(at)).copied().unwrap_or(0.0)).collect())
    }

    /// By what frames are multiplied before they are added up again: the window over the sum of the squares of all that meet.
    fn inverse_window(&self, window: &[f64]) -> Vec<f64> {
        let sum =
            |at: usize| (at % self.sequence_stride..window.len()).step_by(self.sequence_stride).map(|at| window[at].powi(2)).sum::<f64>();
        window.iter().enumerate().map(|(at, factor)| factor / sum(at)).collect()
    }
}

/// The places of the samples of each of `count` frames.
fn places(like: &Tensor, [count, size, stride]: [usize; 3]) -> Tensor {
    let places: Vec<i32> = (0..count * size).map(|at| (at / size * stride + at % size) as i32).collect();
    fits(Tensor::from_slice_on(like.device(), &places, [count, size]), "frames")
}

/// As a tensor beside `like`.
fn factors(like: &Tensor, values: &[f64]) -> Tensor {
    let values: Vec<f32> = values.iter().map(|&x| x as f32).collect();
    fits(Tensor::from_slice_on(like.device(), &values, [values.len()]), "frames").cast(like.dtype())
}

impl Tensor {
    /// Sequences of `size` elements along the last axis, from every `stride`th element on, along a new axis before it.
    ///
    /// ```
    /// use wgrad::prelude::*;
    /// let x = Tensor::from([1, 2, 3, 4, 5, 6]);
    /// assert_eq!(x.extract_sequences(3, 2).to_vec::<i32>()?, [1, 2, 3, 3, 4, 5]);
    /// # Ok::<(), wgrad::Error>(())
    /// ```
    ///
    /// # Panics
    /// For a size or stride of zero.
    #[doc(alias = "keras.ops.extract_sequences")]
    #[track_caller]
    pub fn extract_sequences(&self, size: usize, stride: usize) -> Tensor {
        assert!(size > 0 && stride > 0, "extract_sequences: size {size} and stride {stride} are at least one");
        let count = (length(self, "extract_sequences") + stride).saturating_sub(size) / stride;
        self.take(&places(self, [count, size, stride]), -1)
    }

    /// The short-time Fourier transform along the last axis: the lower half of the transform of each frame, of shape
    /// `(..., frames, fft_length / 2 + 1)`, as real and imaginary parts.
    ///
    /// # Panics
    /// When the options do not fit each other.
    #[doc(alias = "keras.ops.stft")]
    #[track_caller]
    pub fn stft(&self, options: &Stft) -> (Tensor, Tensor) {
        let window = options.window("stft");
        let mut border = vec![(0, 0); self.rank().max(1)];
        border[self.rank().max(1) - 1] = (options.fft_length / 2, options.fft_length / 2);
        let x = if options.center { self.pad_reflect(&border) } else { self.clone() };
        let frames = x.extract_sequences(options.fft_length, options.sequence_stride);
        window.map_or(frames.clone(), |window| &frames * factors(&frames, &window)).rfft(None)
    }

    /// The signal whose [`Tensor::stft`] has these real parts and `imaginary` ones; cut to `length` samples where it is given.
    ///
    /// # Panics
    /// When the options do not fit each other, or the shape has less than two axes.
    #[doc(alias = "keras.ops.istft")]
    #[track_caller]
    pub fn istft(&self, imaginary: &Tensor, options: &Stft, length: Option<usize>) -> Tensor {
        let window = options.window("istft");
        let (size, stride) = (options.fft_length, options.sequence_stride);
        let frames = self.irfft(imaginary, Some(size));
        let frames = window.map_or(frames.clone(), |window| &frames * factors(&frames, &options.inverse_window(&window)));
        let Some((batch, &[count, _])) = frames.shape().split_last_chunk::<2>() else {
            panic!("istft: shape {} has less than two axes: frames and frequencies", self.shape())
        };
        let whole = if count == 0 { 0 } else { (count - 1) * stride + size };
        let flat = frames.reshape(batch.iter().copied().chain([count * size]).collect::<Shape>());
        let scatter = Scatter { places: Places { axis: batch.len(), along: false }, length: whole, kind: Kind::Sum };
        let signal = record(scatter, &[&places(&frames, [count, size, stride]).reshape([count * size]), &flat]);
        let start = if options.center { (size / 2).min(whole) } else { 0 };
        let stop = length.map_or(if options.center { whole - size / 2 } else { whole }, |length| start + length);
        part(&signal, start, stop)
    }
}
