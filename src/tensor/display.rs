//! `Display` like NumPy's: nested brackets, aligned columns, long axes cut in the middle.

use crate::{DType, Tensor};
use std::fmt;

/// Elements from which on only the ends of each axis are shown.
const THRESHOLD: usize = 1000;
/// How many elements are shown at each end then.
const EDGE: usize = 3;

impl fmt::Display for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match self.to_words() {
            Ok(words) => words,
            Err(error) => return write!(f, "<{}: {error}>", self.spec()),
        };
        let cut = self.size() > THRESHOLD;
        let mut shown = Vec::new();
        visible(self.shape(), cut, 0, &mut shown);
        let texts = texts(self.dtype(), &shown.iter().map(|&at| words[at]).collect::<Vec<_>>());
        let width = texts.iter().map(String::len).max().unwrap_or(0);
        nest(f, self.shape(), cut, 0, &mut texts.into_iter().map(|text| format!("{text:>width$}")))
    }
}

impl fmt::Debug for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_symbol() {
            return write!(f, "<symbol {} {}>", self.dims(), self.dtype());
        }
        let pending = if self.value().is_some() { "" } else { ", pending" };
        write!(f, "<Tensor {} on {}{pending}>", self.spec(), self.device())
    }
}

/// The positions along one axis: all, or the ends with a gap.
fn positions(size: usize, cut: bool) -> (Vec<usize>, bool) {
    if cut && size > 2 * EDGE { ((0..EDGE).chain(size - EDGE..size).collect(), true) } else { ((0..size).collect(), false) }
}

fn visible(shape: &[usize], cut: bool, start: usize, out: &mut Vec<usize>) {
    let Some((&size, inner)) = shape.split_first() else { return out.push(start) };
    let stride: usize = inner.iter().product();
    for at in positions(size, cut).0 {
        visible(inner, cut, start + at * stride, out);
    }
}

fn nest(f: &mut fmt::Formatter<'_>, shape: &[usize], cut: bool, depth: usize, texts: &mut impl Iterator<Item = String>) -> fmt::Result {
    let Some((&size, inner)) = shape.split_first() else { return f.write_str(&texts.next().unwrap_or_default()) };
    let separator = if inner.is_empty() { " ".to_owned() } else { "\n".repeat(inner.len()) + &" ".repeat(depth + 1) };
    let (positions, gap) = positions(size, cut);
    f.write_str("[")?;
    for place in 0..positions.len() {
        if place > 0 {
            f.write_str(&separator)?;
        }
        if gap && place == EDGE {
            write!(f, "...{separator}")?;
        }
        nest(f, inner, cut, depth + 1, texts)?;
    }
    f.write_str("]")
}

fn texts(dtype: DType, words: &[u32]) -> Vec<String> {
    match dtype {
        DType::F32 | DType::F16 | DType::BF16 => floats(&words.iter().map(|&word| f32::from_bits(word)).collect::<Vec<_>>()),
        DType::I32 => words.iter().map(|&word| (word as i32).to_string()).collect(),
        DType::Bool => words.iter().map(|&word| if word != 0 { "True" } else { "False" }.to_owned()).collect(),
        _ => words.iter().map(u32::to_string).collect(),
    }
}

/// Floats as NumPy writes them: as many decimals, up to eight, as the longest of their shortest texts has.
fn floats(values: &[f32]) -> Vec<String> {
    let magnitudes = || values.iter().map(|value| value.abs()).filter(|value| value.is_finite() && *value != 0.0);
    let (low, high) = (magnitudes().fold(f32::INFINITY, f32::min), magnitudes().fold(0.0, f32::max));
    let scientific = high >= 1e8 || low < 1e-4 || high / low > 1e3;
    let shortest = |value: f32| if scientific { format!("{value:e}") } else { value.to_string() };
    let decimals =
        |value: f32| shortest(value).split('e').next().and_then(|digits| digits.split_once('.')).map_or(0, |(_, digits)| digits.len());
    let places = values.iter().filter(|value| value.is_finite()).map(|&value| decimals(value)).max().unwrap_or(0).min(8);
    let text = |value: f32| match value {
        _ if value.is_nan() => "nan".to_owned(),
        _ if value.is_infinite() => if value > 0.0 { "inf" } else { "-inf" }.to_owned(),
        _ if scientific => {
            let text = format!("{value:.places$e}");
            let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
            let (dot, sign) = (if places == 0 { "." } else { "" }, if exponent.starts_with('-') { '-' } else { '+' });
            format!("{digits}{dot}e{sign}{:0>2}", exponent.trim_start_matches('-'))
        }
        // Zeros at the end become spaces, so that columns stay aligned: `1.   2.25`.
        _ => {
            let text = format!("{value:.places$}");
            let kept = if places == 0 { format!("{text}.") } else { text.trim_end_matches('0').to_owned() };
            format!("{kept:<length$}", length = text.len().max(kept.len()))
        }
    };
    values.iter().map(|&value| text(value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Device;

    #[test]
    fn looks_like_numpy() {
        Device::cpu().scope(|| {
            assert_eq!(Tensor::from([[1.0f32, 2.5], [-3.0, 0.125]]).to_string(), "[[ 1.     2.5  ]\n [-3.     0.125]]");
            assert_eq!(Tensor::from([1, -20, 3]).to_string(), "[  1 -20   3]");
            assert_eq!(Tensor::from([true, false]).to_string(), "[ True False]");
            assert_eq!(Tensor::from([1e-6f32, 1.0]).to_string(), "[1.e-06 1.e+00]");
            assert_eq!(Tensor::from([f32::NAN, f32::INFINITY, 1.0]).to_string(), "[nan inf  1.]");
            assert_eq!(Tensor::from(2.0f32).to_string(), "2.");
            assert!(Tensor::zeros([2000]).to_string().starts_with("[0. 0. 0. ... 0. 0. 0.]"));
        });
    }
}
