//! Text cut into tokens, by the rules of TensorFlow's string ops.

use crate::config::{Choice, Json, Reader, Value};

/// What is done to text before it is cut.
///
/// ```
/// use wgrad::{layers::{HostLayer, Standardize}, prelude::*};
/// let layer = TextVectorization::new().standardize(Standardize::Lower).vocabulary(["a!"]);
/// assert_eq!(layer.transform(&["A! a"])?, Array::new([2_i64, 1], [1, 2])?);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Choice, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standardize {
    /// Small letters, no punctuation; of both those of ASCII, as in TensorFlow.
    #[default]
    LowerAndStripPunctuation,
    /// Small letters.
    Lower,
    /// No punctuation.
    StripPunctuation,
}

/// Where text is cut.
///
/// ```
/// use wgrad::{layers::{HostLayer, Split}, prelude::*};
/// let layer = TextVectorization::new().split(Split::Character).vocabulary(["a", "b"]);
/// assert_eq!(layer.transform(&["ba"])?, Array::new([3_i64, 2], [1, 2])?);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Choice, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Split {
    /// At blanks, tabs and ends of lines.
    #[default]
    Whitespace,
    /// Between all characters.
    Character,
}

/// How text is written; UTF-8 is the only one.
#[derive(Choice, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// Unicode in bytes.
    #[default]
    #[choice("utf-8", "UTF-8")]
    Utf8,
}

/// What integers vocabularies hold; 64 bits are the only kind, as in Keras.
#[derive(Choice, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IntegerType {
    /// 64 bits, signed.
    #[default]
    Int64,
}

/// How many tokens in a row become one: up to so many, or these numbers of them.
///
/// ```
/// use wgrad::{layers::HostLayer, prelude::*};
/// let layer = TextVectorization::new().ngrams([2]).vocabulary(["a b"]);
/// assert_eq!(layer.transform(&["a b b"])?, Array::new([2_i64, 1], [1, 2])?);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NGrams {
    /// From one token on.
    UpTo(usize),
    /// Exactly so many, in this order.
    Each(Vec<usize>),
}

impl NGrams {
    pub(super) fn widths(&self) -> Vec<usize> {
        match self {
            NGrams::UpTo(most) => (1..=*most).collect(),
            NGrams::Each(widths) => widths.clone(),
        }
    }
}

impl From<usize> for NGrams {
    fn from(most: usize) -> Self {
        Self::UpTo(most)
    }
}

impl<const N: usize> From<[usize; N]> for NGrams {
    fn from(widths: [usize; N]) -> Self {
        Self::Each(widths.into())
    }
}

impl Value for NGrams {
    fn to_json(&self) -> Json {
        match self {
            NGrams::UpTo(most) => most.to_json(),
            NGrams::Each(widths) => widths.to_json(),
        }
    }

    fn from_json(json: &Json, reader: &mut Reader) -> Option<Self> {
        if json.is_array() { Value::from_json(json, reader).map(Self::Each) } else { usize::from_json(json, reader).map(Self::UpTo) }
    }
}

/// What Python's and C's `isspace` take for ASCII.
fn is_blank(letter: char) -> bool {
    matches!(letter, ' ' | '\t'..='\r')
}

/// Puts `text` into `out` as the tokens are to see it.
pub(super) fn standardized(text: &str, how: Option<Standardize>, out: &mut String) {
    out.clear();
    let strips = matches!(how, Some(Standardize::StripPunctuation | Standardize::LowerAndStripPunctuation));
    if strips {
        // Whole runs between marks are copied.
        text.split(|letter: char| letter.is_ascii_punctuation()).for_each(|run| out.push_str(run));
    } else {
        out.push_str(text);
    }
    if matches!(how, Some(Standardize::Lower | Standardize::LowerAndStripPunctuation)) {
        out.make_ascii_lowercase();
    }
}

/// Calls `visit` with each token of `text`.
pub(super) fn each_token<'t>(text: &'t str, split: Split, visit: impl FnMut(&'t str)) {
    match split {
        Split::Whitespace => text.split(is_blank).filter(|token| !token.is_empty()).for_each(visit),
        Split::Character => text.char_indices().map(|(at, letter)| &text[at..at + letter.len_utf8()]).for_each(visit),
    }
}

/// Calls `visit` with each run of so many tokens, joined by blanks.
pub(super) fn each_ngram(tokens: &[&str], widths: &[usize], joined: &mut String, mut visit: impl FnMut(&str)) {
    for run in widths.iter().filter(|&&width| width > 0).flat_map(|&width| tokens.windows(width)) {
        joined.clear();
        for (at, token) in run.iter().enumerate() {
            joined.push_str(if at == 0 { "" } else { " " });
            joined.push_str(token);
        }
        visit(joined);
    }
}
