//! The kernel of a short-time Fourier transform, as a convolution.

use super::Initializer;
use crate::{
    Error, Result, Shape,
    config::{Choice, Json, Reader, Value},
    random::RandomKey,
};
use std::f64::consts::PI;

/// Which part of a complex number.
///
/// ```
/// use wgrad::initializers::{STFT, Side};
/// let sines = STFT::new().side(Side::Imag);
/// ```
#[derive(Choice, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Side {
    /// Cosines.
    #[default]
    Real,
    /// Sines.
    Imag,
}

/// By what a windowed kernel is divided.
///
/// ```
/// use wgrad::{initializers::Scaling, layers::STFTSpectrogram};
/// let layer = STFTSpectrogram::new().scaling(Scaling::Spectrum);
/// ```
#[derive(Choice, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scaling {
    /// The root of the window's squares.
    #[default]
    Density,
    /// The window's sum.
    Spectrum,
}

/// By what frames are multiplied: a window of SciPy, by name or as its values.
///
/// ```
/// use wgrad::initializers::Window;
/// assert_eq!(Window::Boxcar.values(3, false), [1.0, 1.0, 1.0]);
/// assert_eq!(Window::Bartlett.values(3, false), [0.0, 1.0, 0.0]);
/// ```
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Window {
    Boxcar,
    Triang,
    Bartlett,
    Cosine,
    Hann,
    Hamming,
    Blackman,
    Nuttall,
    Blackmanharris,
    Flattop,
    /// One factor for each sample of a frame.
    Values(Vec<f32>),
}

const NAMED: [(&str, Window); 10] = [
    ("boxcar", Window::Boxcar),
    ("triang", Window::Triang),
    ("bartlett", Window::Bartlett),
    ("cosine", Window::Cosine),
    ("hann", Window::Hann),
    ("hamming", Window::Hamming),
    ("blackman", Window::Blackman),
    ("nuttall", Window::Nuttall),
    ("blackmanharris", Window::Blackmanharris),
    ("flattop", Window::Flattop),
];

impl Value for Window {
    fn to_json(&self) -> Json {
        match self {
            Self::Values(values) => values.to_json(),
            named => NAMED.iter().find(|(_, window)| window == named).map_or(Json::Null, |(name, _)| (*name).into()),
        }
    }

    fn from_json(json: &Json, reader: &mut Reader) -> Option<Self> {
        if json.is_array() {
            return Value::from_json(json, reader).map(Self::Values);
        }
        let named = NAMED.into_iter().find(|(name, _)| json.as_str() == Some(name)).map(|(_, window)| window);
        named.or_else(|| reader.one_of(json, &NAMED.map(|(name, _)| name)))
    }
}

impl Window {
    /// Its values for `length` samples; a periodic one is the beginning of one that is longer by a sample.
    pub fn values(&self, length: usize, periodic: bool) -> Vec<f64> {
        let count = length + usize::from(periodic && length > 1);
        let last = (count.max(2) - 1) as f64;
        let cosines = |factors: &[f64], at: f64| {
            let term = |(k, factor): (usize, &f64)| factor * (2.0 * PI * k as f64 * at / last).cos() * if k % 2 == 0 { 1.0 } else { -1.0 };
            factors.iter().enumerate().map(term).sum::<f64>()
        };
        let at = |i: usize| {
            let x = i as f64;
            match self {
                _ if length == 1 && !matches!(self, Self::Values(_)) => 1.0,
                Self::Boxcar => 1.0,
                Self::Triang => 1.0 - (2.0 * x - last).abs() / (count + count % 2) as f64,
                Self::Bartlett => 1.0 - (2.0 * x / last - 1.0).abs(),
                Self::Cosine => (PI * (x + 0.5) / count as f64).sin(),
                Self::Hann => cosines(&[0.5, 0.5], x),
                Self::Hamming => cosines(&[0.54, 0.46], x),
                Self::Blackman => cosines(&[0.42, 0.5, 0.08], x),
                Self::Nuttall => cosines(&[0.363_581_9, 0.489_177_5, 0.136_599_5, 0.010_641_1], x),
                Self::Blackmanharris => cosines(&[0.35875, 0.48829, 0.14128, 0.01168], x),
                Self::Flattop => cosines(&[0.215_578_95, 0.416_631_58, 0.277_263_158, 0.083_578_947, 0.006_947_368], x),
                Self::Values(values) => values.get(i).copied().unwrap_or(0.0).into(),
            }
        };
        (0..length).map(at).collect()
    }
}

/// `cos(-2π t f / F)` (or the sine) times a window, for a kernel of shape `(T, 1, F / 2 + 1)`: frames of `T` samples to the lower half
/// of `F` frequencies.
///
/// ```
/// use wgrad::initializers::{STFT, Side};
/// let kernel = STFT::new().side(Side::Imag).periodic(true);
/// ```
#[derive(Initializer, Clone, Debug)]
#[initializer(alias("STFTInitializer"))]
#[doc(alias = "keras.initializers.STFT")]
pub struct STFT {
    /// The real or the imaginary part.
    pub(crate) side: Side,
    /// What frames are multiplied by; nothing if none.
    #[initializer(default = Window::Hann)]
    pub(crate) window: Option<Window>,
    /// Whether the window is thought to go on behind its end.
    pub(crate) periodic: bool,
    /// By what the kernel is divided, if there is a window.
    #[initializer(default = Scaling::Density)]
    pub(crate) scaling: Option<Scaling>,
}

impl Initializer for STFT {
    fn values(&self, shape: &Shape, _key: &RandomKey) -> Result<Vec<f32>> {
        let [length, 1, bins] = shape[..] else {
            return Err(Error::shape(format!("STFT makes kernels of shape (T, 1, F / 2 + 1), not {shape}")));
        };
        let mut window = vec![1.0; length];
        if let Some(given) = &self.window {
            if let Window::Values(values) = given
                && values.len() != length
            {
                return Err(Error::shape(format!("STFT: a window of {} values for frames of {length} samples", values.len())));
            }
            window = given.values(length, self.periodic);
            let divisor = match self.scaling {
                Some(Scaling::Density) => window.iter().map(|w| w * w).sum::<f64>().sqrt(),
                Some(Scaling::Spectrum) => window.iter().map(|w| w.abs()).sum(),
                None => 1.0,
            };
            window.iter_mut().for_each(|w| *w /= divisor);
        }
        let frequencies = 2.0 * (bins.max(2) - 1) as f64;
        let at = |i: usize| {
            let angle = -2.0 * PI * (i / bins) as f64 * (i % bins) as f64 / frequencies;
            let wave = if self.side == Side::Real { angle.cos() } else { angle.sin() };
            (wave * window[i / bins]) as f32
        };
        Ok((0..length * bins).map(at).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_those_of_scipy() {
        let rows: [(Window, bool, [f64; 4]); 6] = [
            (Window::Hann, false, [0.0, 0.75, 0.75, 0.0]),
            (Window::Hann, true, [0.0, 0.5, 1.0, 0.5]),
            (Window::Triang, false, [0.25, 0.75, 0.75, 0.25]),
            (Window::Bartlett, true, [0.0, 0.5, 1.0, 0.5]),
            (Window::Cosine, false, [0.382_683_43, 0.923_879_53, 0.923_879_53, 0.382_683_43]),
            (Window::Flattop, true, [-0.000_421_05, -0.054_736_84, 1.0, -0.054_736_84]),
        ];
        for (window, periodic, expected) in rows {
            let found = window.values(4, periodic);
            assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-7), "{window:?}: {found:?}, expected {expected:?}");
        }
    }

    #[test]
    fn frames_to_frequencies() {
        let kernel = STFT::new().window(Window::Boxcar).scaling(Scaling::Spectrum);
        let values = kernel.values(&[2, 1, 2].into(), &RandomKey::new(0, "", 0)).unwrap();
        assert_eq!(values, [0.5, 0.5, 0.5, -0.5]);
        let told = kernel.values(&[2, 2].into(), &RandomKey::new(0, "", 0)).unwrap_err().to_string();
        assert_eq!(told, "STFT makes kernels of shape (T, 1, F / 2 + 1), not (2, 2)");
    }
}
