//! Spectrograms whose bands are as wide as the ear has them.

use crate::{
    DType, Error, Result, Shape, Tensor,
    initializers::Window,
    layers::{Build, Call, Layer, SimpleLayer},
    ops::ConvOptions,
};
use std::f64::consts::PI;

/// Spectrograms of waves on the mel scale, `(N, T)` to `(N, num_mel_bins, T')`, also `(T,)` or with more axes in front: frames of
/// `sequence_length` samples as frequencies, whose magnitudes are gathered in bands, in decibels.
///
/// ```
/// use wgrad::{layers::MelSpectrogram, prelude::*};
/// let layer = MelSpectrogram::new().fft_length(64).sequence_stride(16).num_mel_bins(8);
/// assert_eq!(layer.apply(&Tensor::ones([2, 160])).shape()[..], [2, 8, 11]);
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.MelSpectrogram")]
pub struct MelSpectrogram {
    /// Samples of a frame with the zeros around it.
    #[layer(default = 2048)]
    fft_length: usize,
    /// Samples from one frame to the next.
    #[layer(default = 512)]
    sequence_stride: usize,
    /// Samples of a frame; `fft_length` if not set.
    sequence_length: Option<usize>,
    /// What frames are multiplied by; nothing if none.
    #[layer(default = Window::Hann)]
    window: Option<Window>,
    /// Samples of a second.
    #[layer(default = 16000.0)]
    sampling_rate: f64,
    /// How many bands there are.
    #[layer(default = 128)]
    num_mel_bins: usize,
    /// Where the lowest band begins, in Hertz.
    #[layer(default = 20.0)]
    min_freq: f64,
    /// Where the highest band ends, in Hertz; half of the sampling rate if not set.
    max_freq: Option<f64>,
    /// Whether powers are given in decibels.
    #[layer(default = true)]
    power_to_db: bool,
    /// How many decibels below the loudest number the quietest may be.
    #[layer(default = 80.0)]
    top_db: f32,
    /// The power of magnitudes that is gathered.
    #[layer(default = 2.0)]
    mag_exp: f32,
    /// The least power that is told from silence.
    #[layer(default = 1e-10)]
    min_power: f32,
    /// The power of 0 decibels.
    #[layer(default = 1.0)]
    ref_power: f32,
}

impl MelSpectrogram {
    fn length(&self) -> usize {
        self.sequence_length.unwrap_or(self.fft_length)
    }

    /// Cosines, then sines, of each frequency, times the window: (fft_length, 1, 2 * frequencies).
    fn waves(&self) -> Result<Tensor> {
        let (fft, length) = (self.fft_length, self.length());
        let frequencies = fft / 2 + 1;
        let window = self.window.as_ref().map_or_else(|| vec![1.0; length], |window| window.values(length, true));
        // Without a window the frame reaches over the zeros too.
        let (first, window) = if self.window.is_none() { (0, vec![1.0; fft]) } else { ((fft - length) / 2, window) };
        let mut kernel = vec![0.0; fft * 2 * frequencies];
        for (at, weight) in window.iter().enumerate() {
            let row = &mut kernel[(first + at) * 2 * frequencies..][..2 * frequencies];
            for frequency in 0..frequencies {
                let angle = -2.0 * PI * ((first + at) * frequency % fft) as f64 / fft as f64;
                row[frequency] = (weight * angle.cos()) as f32;
                row[frequencies + frequency] = (weight * angle.sin()) as f32;
            }
        }
        Tensor::from_slice(&kernel, [fft, 1, 2 * frequencies])
    }

    /// How much of each frequency lies in each band: triangles on the mel scale, (frequencies, bands).
    fn bands(&self) -> Result<Tensor> {
        // All in float32, as Keras has it: the differences of large numbers show it.
        let mel = |hertz: f32| 1127.0 * (1.0 + hertz / 700.0).ln();
        let (frequencies, bands) = (self.fft_length / 2 + 1, self.num_mel_bins);
        let highest = self.max_freq.filter(|&most| most != 0.0).unwrap_or((self.sampling_rate / 2.0).trunc());
        let (low, high) = (mel(self.min_freq as f32), mel(highest as f32));
        let edge_step = (high - low) / (bands + 1) as f32;
        let edge = |at: usize| if at > bands { high } else { low + edge_step * at as f32 };
        let (nyquist, last) = (self.sampling_rate as f32 / 2.0, (frequencies - 1) as f32);
        let weight = |at: usize| {
            let (frequency, band) = (at / bands, at % bands);
            // The constant part belongs to no band.
            if frequency == 0 {
                return 0.0;
            }
            let x = mel(nyquist / last * frequency as f32);
            let (left, centre, right) = (edge(band), edge(band + 1), edge(band + 2));
            ((x - left) / (centre - left)).min((right - x) / (right - centre)).max(0.0)
        };
        Tensor::from_slice(&(0..frequencies * bands).map(weight).collect::<Vec<_>>(), [frequencies, bands])
    }

    fn decibels(&self, power: &Tensor) -> Tensor {
        let reference = 10.0 * self.ref_power.abs().max(self.min_power).log10();
        let y = power.maximum(self.min_power).log10() * 10.0 - reference;
        let quietest = y.max(&[]) - self.top_db;
        y.maximum(&quietest)
    }
}

impl SimpleLayer for MelSpectrogram {
    fn is_exact(&self) -> bool {
        true
    }

    fn build(&mut self, _build: &mut Build, input: &Shape) -> Result<()> {
        let (fft, length) = (self.fft_length, self.length());
        if length == 0 || length > fft || self.sequence_stride == 0 || self.num_mel_bins == 0 {
            let text = "sequence_length is from 1 to fft_length, sequence_stride and num_mel_bins at least 1";
            return Err(Error::invalid(format!("{text}; got {length} of {fft}, {}, {}", self.sequence_stride, self.num_mel_bins)));
        }
        match &self.window {
            None | Some(Window::Hann | Window::Hamming) => {}
            Some(Window::Values(values)) if values.len() == length => {}
            Some(other) => return Err(Error::invalid(format!("window is Hann, Hamming or {length} values, not {other:?}"))),
        }
        match input.last() {
            Some(&samples) if samples > fft / 2 => Ok(()),
            _ => Err(Error::shape(format!("expected waves (N, T) of more than fft_length / 2 = {} samples, got {input}", fft / 2))),
        }
    }

    fn call(&self, _call: &mut Call, x: &Tensor) -> Result<Tensor> {
        let (x, border) = (x.cast(DType::F32), self.fft_length / 2);
        let [before @ .., samples] = &x.shape()[..] else { return Err(Error::shape("waves have an axis of samples")) };
        let waves = x.reshape([before.iter().product(), *samples]).pad_reflect(&[(0, 0), (border, border)]).expand_dims(-1);
        let parts = waves.conv(&self.waves()?, &ConvOptions { strides: &[self.sequence_stride], ..ConvOptions::default() })?;
        let frequencies = border + 1;
        let [count, frames, _] = parts.shape()[..] else { return Err(Error::shape("frames have three axes")) };
        let power = parts.reshape([count, frames, 2, frequencies]).square().sum(&[2]);
        // The power of a square root; its gradient at silence is finite where it can be.
        let magnitude = if self.mag_exp == 2.0 { power } else { power.sqrt().pow(self.mag_exp) };
        let bands = magnitude.reshape([count * frames, frequencies]).matmul(&self.bands()?);
        let bands = if self.power_to_db { self.decibels(&bands) } else { bands };
        let shape: Shape = before.iter().copied().chain([self.num_mel_bins, frames]).collect();
        Ok(bands.reshape([count, frames, self.num_mel_bins]).swap_axes(1, 2).reshape(shape))
    }
}
