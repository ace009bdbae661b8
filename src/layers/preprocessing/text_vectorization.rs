//! Text as numbers of words.

use super::{
    Adapt, HasVocabulary, HostLayer, Lookup, NGrams, OutputMode, Split, Standardize, host,
    text::{Encoding, each_ngram, each_token, standardized},
    vocabulary::Counts,
};
use crate::{
    DType, Dim, Dims, Error, Result, Shape,
    data::Array,
    layers::{Assets, Build, Call, Inputs, Layer, Outputs},
};

/// Texts, `(N,)` or `(N, 1)`, as places of their words in a vocabulary, `(N, L)`, or as a row for each text that says which words it
/// has. Texts are standardized, cut into words, joined to n-grams if wanted, and looked up; [`adapt`](Adapt::adapt) learns the
/// vocabulary. Place 0 stands for nothing, 1 for words that are not known.
///
/// ```
/// use wgrad::{layers::{Adapt, HostLayer}, prelude::*};
/// let layer = TextVectorization::new().output_sequence_length(4);
/// layer.adapt(&["foo bar", "bar baz", "baz bada boom"])?;
/// assert_eq!(layer.transform(&["Foo, qux bar!", "qux baz"])?, Array::new([4_i64, 1, 3, 0, 1, 2, 0, 0], [2, 4])?);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.TextVectorization")]
pub struct TextVectorization {
    #[layer(flatten, default = Lookup::of_text())]
    lookup: Lookup<String>,
    /// What is done to texts first; nothing if none.
    #[layer(default = Standardize::default())]
    standardize: Option<Standardize>,
    /// Where they are cut; nowhere if none.
    #[layer(default = Split::default())]
    split: Option<Split>,
    /// How many words in a row are one token: `2` for single words and pairs, `[2]` for pairs alone.
    ngrams: Option<NGrams>,
    /// How many places each text has: what is too long is cut, what is too short filled up with zeros; as many as the longest of a
    /// batch if not set.
    output_sequence_length: Option<usize>,
    /// Always false: outputs are padded.
    #[layer(setter = false)]
    ragged: bool,
    #[layer(setter = false)]
    encoding: Encoding,
}

impl HasVocabulary for TextVectorization {
    type Token = String;
}

impl TextVectorization {
    /// With texts as they are.
    #[must_use = "a setter returns the changed options"]
    pub fn without_standardize(self) -> Self {
        Self { standardize: None, ..self }
    }

    /// With each text as one token.
    #[must_use = "a setter returns the changed options"]
    pub fn without_split(self) -> Self {
        Self { split: None, ..self }
    }

    fn check(&self) -> Result<()> {
        self.lookup.check()?;
        let mode = self.lookup.output_mode;
        let refuse = |text: &str| Err(Error::invalid(text));
        match () {
            () if self.ragged => refuse("ragged outputs do not exist here: leave ragged out, texts are padded to one length"),
            () if self.output_sequence_length.is_some() && mode != OutputMode::Int => {
                refuse("output_sequence_length goes with output_mode Int only")
            }
            () if mode == OutputMode::OneHot && self.split.is_some() => {
                refuse("output_mode OneHot of words would be ragged: take MultiHot or Count, or leave texts whole")
            }
            () => Ok(()),
        }
    }

    /// How many texts there are; each must be alone in its row.
    fn texts(&self, shape: &Shape) -> Result<usize> {
        match shape[..] {
            [] => Ok(1),
            [samples] | [samples, 1] => Ok(samples),
            _ => Err(Error::shape(format!("expected texts (N,) or (N, 1), got {shape}; what is not split may have other shapes"))),
        }
    }

    /// Calls `visit` with the tokens of each text, then with nothing.
    fn each(&self, texts: &[String], split: Split, mut visit: impl FnMut(Option<&str>)) {
        let (mut text, mut joined) = (String::new(), String::new());
        let widths = self.ngrams.as_ref().map(NGrams::widths);
        for raw in texts {
            standardized(raw, self.standardize, &mut text);
            if let Some(widths) = &widths {
                let mut tokens = Vec::new();
                each_token(&text, split, |token| tokens.push(token));
                each_ngram(&tokens, widths, &mut joined, |token| visit(Some(token)));
            } else {
                each_token(&text, split, |token| visit(Some(token)));
            }
            visit(None);
        }
    }

    /// Texts that are not cut, with n-grams along their last axis.
    fn whole(&self, array: &Array) -> Result<Array> {
        let texts = <String as super::Token>::of(array)?;
        let mut text = String::new();
        let mut tokens: Vec<String> = Vec::with_capacity(texts.len());
        for raw in texts.iter() {
            standardized(raw, self.standardize, &mut text);
            tokens.push(text.clone());
        }
        let Some(ngrams) = &self.ngrams else { return Array::new(tokens, array.shape()) };
        let row = array.shape().last().copied().unwrap_or(1);
        let widths = ngrams.widths();
        let (mut joined, mut out) = (String::new(), Vec::new());
        for row in tokens.chunks(row.max(1)) {
            let row: Vec<&str> = row.iter().map(String::as_str).collect();
            each_ngram(&row, &widths, &mut joined, |token| out.push(token.to_owned()));
        }
        Array::new(out, self.whole_shape(array.shape()))
    }

    fn whole_shape(&self, shape: &Shape) -> Shape {
        match (&self.ngrams, shape.last()) {
            (Some(ngrams), Some(&row)) => {
                let runs = ngrams.widths().into_iter().filter(|&width| width > 0).map(|width| (row + 1).saturating_sub(width));
                shape.with(shape.rank() - 1, runs.sum())
            }
            _ => shape.clone(),
        }
    }

    /// Rows of places, whose ends are known, at one length.
    fn padded(&self, places: Vec<i64>, ends: &[usize]) -> (Vec<i64>, usize) {
        let rows = || ends.iter().scan(0, |start, &end| Some(std::mem::replace(start, end)..end));
        let length = self.output_sequence_length.unwrap_or_else(|| rows().map(|row| row.len()).max().unwrap_or(0));
        let mut out = vec![0; ends.len() * length];
        for (row, out) in rows().zip(out.chunks_mut(length.max(1))) {
            let kept = row.len().min(length);
            out[..kept].copy_from_slice(&places[row][..kept]);
        }
        (out, length)
    }
}

impl Layer for TextVectorization {
    fn autocast(&self) -> bool {
        false
    }

    fn as_host(&self) -> Option<&dyn HostLayer> {
        Some(self)
    }

    fn as_adapt(&self) -> Option<&dyn Adapt> {
        Some(self)
    }

    fn as_assets(&self) -> Option<&dyn Assets> {
        Some(&self.lookup)
    }

    fn build(&mut self, _build: &mut Build, _inputs: &[Shape]) -> Result<()> {
        self.check()
    }

    fn call(&self, _call: &mut Call, inputs: &Inputs) -> Result<Outputs> {
        host::call(self, inputs)
    }
}

impl HostLayer for TextVectorization {
    fn output(&self, inputs: &[&Shape]) -> Result<(Dims, DType)> {
        let mode = self.lookup.output_mode;
        if self.split.is_some() {
            let texts = Dim(Some(self.texts(inputs[0])?));
            return Ok(match mode {
                OutputMode::Int => (Dims::from_iter([texts, Dim(self.output_sequence_length)]), DType::I32),
                _ => (Dims::from_iter([texts, Dim(Some(self.lookup.depth()?))]), DType::F32),
            });
        }
        let mut shape = self.whole_shape(inputs[0]);
        if let Some(length) = self.output_sequence_length.filter(|_| shape.rank() > 0) {
            shape = shape.with(shape.rank() - 1, length);
        }
        self.lookup.output(&shape)
    }

    fn transform_all(&self, inputs: &[&Array]) -> Result<Array> {
        self.check()?;
        let array = host::one(inputs)?;
        let Some(split) = self.split else {
            let places = self.lookup.transform(&[&self.whole(array)?])?;
            let Some((length, row)) = self.output_sequence_length.zip(places.shape().last().copied()) else { return Ok(places) };
            let Some(all) = places.integers().map(Iterator::collect::<Vec<i64>>) else { return Ok(places) };
            let ends: Vec<usize> = (1..=all.len() / row.max(1)).map(|at| at * row).collect();
            let shape = places.shape().with(places.shape().rank() - 1, length);
            return Array::new(self.padded(all, &ends).0, shape);
        };
        let texts = self.texts(array.shape())?;
        let (mut places, mut ends) = (Vec::new(), Vec::with_capacity(texts));
        let mut seeker = self.lookup.seeker()?;
        self.each(&<String as super::Token>::of(array)?, split, |token| match token {
            Some(token) => places.push(seeker.place(token)),
            None => ends.push(places.len()),
        });
        seeker.finish()?;
        if self.lookup.output_mode == OutputMode::Int {
            let (places, length) = self.padded(places, &ends);
            return if array.shape().rank() == 0 { Array::new(places, [length]) } else { Array::new(places, [texts, length]) };
        }
        let (depth, mut start) = (self.lookup.depth()?, 0);
        let counts = self.lookup.output_mode != OutputMode::MultiHot;
        // One allocation of zeros for all: most of it is never touched.
        let mut rows = vec![0; texts * depth];
        for (row, end) in ends.into_iter().enumerate() {
            for &place in places[start..end].iter().filter(|place| (0..depth as i64).contains(*place)) {
                let count = &mut rows[row * depth + place as usize];
                *count = if counts { *count + 1 } else { 1 };
            }
            start = end;
        }
        self.lookup.weighted(rows, [texts, depth].into())
    }
}

impl Adapt for TextVectorization {
    fn adapt_batches(&self, batches: &mut dyn Iterator<Item = Result<Array>>) -> Result<()> {
        self.check()?;
        self.lookup.adapt(batches, |counts: &mut Counts<String>, batch| {
            let Some(split) = self.split else { return self.lookup.count(counts, &self.whole(batch)?) };
            self.texts(batch.shape())?;
            let mut begins = true;
            self.each(&<String as super::Token>::of(batch)?, split, |token| {
                if begins {
                    counts.row();
                }
                begins = token.is_none();
                token.into_iter().for_each(|token| counts.add(token));
            });
            Ok(())
        })
    }
}
