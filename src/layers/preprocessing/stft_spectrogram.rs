//! Spectrograms by convolution with cosines and sines.

use crate::{
    Error, Index, Result, Shape, Tensor,
    config::{Choice, Object},
    initializers::{Initializer, STFT, Scaling, Side, Window},
    layers::{Build, Call, DataFormat, Layer, SimpleLayer, Weight},
    ops::{ConvOptions, Padding},
};

/// What a spectrogram shows of each frequency.
///
/// ```
/// use wgrad::{layers::SpectrogramMode, prelude::*};
/// let layer = STFTSpectrogram::new().frame_length(16).frame_step(8).mode(SpectrogramMode::Stft);
/// assert_eq!(layer.apply(&Tensor::ones([2, 64, 1])).shape()[..], [2, 7, 18]);
/// ```
#[derive(Choice, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SpectrogramMode {
    /// The logarithm of the magnitude.
    #[default]
    Log,
    /// `sqrt(real² + imag²)`.
    Magnitude,
    /// Power spectral density: the square of the magnitude, doubled where a frequency has a negative twin.
    Psd,
    /// The real part.
    Real,
    /// The imaginary part.
    Imag,
    /// The phase.
    Angle,
    /// Real parts, then imaginary ones.
    Stft,
}

/// Spectrograms of waves, `(N, T, C)` to `(N, T', C * frequencies)`, or `(N, T', frequencies, C)` with `expand_dims`: frames of
/// `frame_length` samples times a window, as `fft_length / 2 + 1` frequencies. Cosines and sines are weights, which can be trained.
///
/// ```
/// use wgrad::{layers::STFTSpectrogram, prelude::*};
/// let layer = STFTSpectrogram::new().frame_length(16).frame_step(8).expand_dims(true);
/// assert_eq!(layer.apply(&Tensor::ones([2, 64, 1])).shape()[..], [2, 7, 9, 1]);
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.STFTSpectrogram")]
pub struct STFTSpectrogram {
    /// What is shown.
    mode: SpectrogramMode,
    /// Samples of a frame.
    #[layer(default = 256)]
    frame_length: usize,
    /// Samples from one frame to the next; half a frame if not set.
    frame_step: Option<usize>,
    /// Samples of a frame with the zeros behind it; the next power of two if not set.
    fft_length: Option<usize>,
    /// What frames are multiplied by; nothing if none.
    #[layer(default = Window::Hann)]
    window: Option<Window>,
    /// Whether the window is thought to go on behind its end.
    periodic: bool,
    /// By what the window is divided.
    #[layer(default = Scaling::Density)]
    scaling: Option<Scaling>,
    /// Whether frames may reach over the ends: `Valid` or `Same`.
    padding: Padding,
    /// Whether frequencies have an axis of their own.
    expand_dims: bool,
    /// Where the axis of channels is.
    data_format: DataFormat,
    #[layer(weight)]
    real_kernel: Weight,
    #[layer(weight)]
    imag_kernel: Weight,
}

const EPSILON: f32 = 1e-7;

impl STFTSpectrogram {
    fn step(&self) -> usize {
        self.frame_step.unwrap_or(self.frame_length / 2)
    }

    /// The kernel's part of each frame: (N * C, T, 1) to (N * C, T', frequencies).
    fn frames(&self, x: &Tensor, kernel: &Weight) -> Result<Tensor> {
        x.conv(&kernel.value(), &ConvOptions { strides: &[self.step()], padding: self.padding, ..ConvOptions::default() })
    }
}

impl SimpleLayer for STFTSpectrogram {
    fn build(&mut self, build: &mut Build, input: &Shape) -> Result<()> {
        if input.rank() != 3 {
            return Err(Error::shape(format!("expected waves (N, T, C), got {input}; waves have an axis of channels, also for one")));
        }
        let (length, fft) = (self.frame_length, self.fft_length.unwrap_or(self.frame_length.next_power_of_two()));
        if length == 0 || !(1..=length).contains(&self.step()) || fft < length {
            let text = format!("frame_step {} is from 1 to frame_length {length}, and fft_length {fft} at least that", self.step());
            return Err(Error::invalid(text));
        }
        if !matches!(self.padding, Padding::Valid | Padding::Same) {
            return Err(Error::invalid("padding is Valid or Same"));
        }
        let mut kernel = |name, side| {
            // As in Keras, no window goes with no division.
            let start = STFT { side, window: self.window.clone(), periodic: self.periodic, scaling: self.scaling };
            build.weight(name, [length, 1, fft / 2 + 1]).initializer(Object::<dyn Initializer>::from(start)).add()
        };
        if self.mode != SpectrogramMode::Imag {
            self.real_kernel = kernel("real_kernel", Side::Real)?;
        }
        if self.mode != SpectrogramMode::Real {
            self.imag_kernel = kernel("imag_kernel", Side::Imag)?;
        }
        Ok(())
    }

    fn call(&self, _call: &mut Call, x: &Tensor) -> Result<Tensor> {
        let waves = if self.data_format == DataFormat::ChannelsLast { x.swap_axes(1, 2) } else { x.clone() };
        let [samples, channels, length] = waves.shape()[..] else { return Err(Error::shape("waves have three axes")) };
        let waves = waves.reshape([samples * channels, length, 1]);
        let real = || self.frames(&waves, &self.real_kernel);
        let imag = || self.frames(&waves, &self.imag_kernel);
        let y = match self.mode {
            SpectrogramMode::Real => real()?,
            SpectrogramMode::Imag => imag()?,
            SpectrogramMode::Angle => imag()?.atan2(&real()?),
            SpectrogramMode::Stft => Tensor::concat(&[&real()?, &imag()?], -1),
            mode => {
                let power = real()?.square() + imag()?.square();
                let magnitude = || power.maximum(EPSILON).sqrt();
                match mode {
                    SpectrogramMode::Psd => {
                        let last = power.shape()[2] as isize;
                        let twins = power.at(&[(..).into(), (..).into(), Index::from(1..(last - 1).max(1))]);
                        if last > 2 { &power + twins.pad(&[(0, 0), (0, 0), (1, 1)], 0.0) } else { power }
                    }
                    SpectrogramMode::Magnitude => magnitude(),
                    _ => magnitude().maximum(EPSILON).log(),
                }
            }
        };
        let (frames, frequencies) = (y.shape()[1], y.shape()[2]);
        let y = y.reshape([samples, channels, frames, frequencies]);
        Ok(match (self.data_format, self.expand_dims) {
            (DataFormat::ChannelsLast, true) => y.permute(&[0, 2, 3, 1]),
            (DataFormat::ChannelsLast, false) => y.permute(&[0, 2, 1, 3]).reshape([samples, frames, channels * frequencies]),
            (DataFormat::ChannelsFirst, true) => y,
            (DataFormat::ChannelsFirst, false) => y.permute(&[0, 1, 3, 2]).reshape([samples, channels * frequencies, frames]),
        })
    }
}
