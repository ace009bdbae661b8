//! What all lookups share: the vocabulary, and tokens as places in it.

mod files;
mod options;

pub use options::Lookup;

use super::{
    OutputMode, Token, host,
    learned::not_empty,
    vocabulary::{Counts, Vocabulary, check_reserved},
};
use crate::{DType, Dims, Error, Result, Shape, data::Array};
use std::sync::Arc;

impl<T: Token> Lookup<T> {
    fn has_mask(&self) -> bool {
        self.mask_token.is_some() && self.output_mode == OutputMode::Int
    }

    /// The place of the first token that is not special.
    fn start(&self) -> usize {
        usize::from(self.has_mask()) + self.num_oov_indices
    }

    fn special(&self) -> Vec<T> {
        let mask = self.mask_token.clone().filter(|_| self.has_mask());
        mask.into_iter().chain(std::iter::repeat_n(self.unknown(), self.num_oov_indices)).collect()
    }

    fn unknown(&self) -> T {
        self.oov_token.clone().unwrap_or_else(T::unknown)
    }

    /// The vocabulary, given or learned.
    pub(in crate::layers::preprocessing) fn vocabulary(&self) -> Result<Arc<Vocabulary<T>>> {
        if self.known.get().is_none()
            && let Some(tokens) = &self.vocabulary
        {
            self.set(tokens.clone(), self.idf_weights.as_deref())?;
        }
        self.known.get().ok_or_else(|| Error::invalid("it has no vocabulary yet: give one, or call adapt"))
    }

    /// Takes a vocabulary, with the special tokens in front or without.
    pub(in crate::layers::preprocessing) fn set(&self, mut tokens: Vec<T>, idf: Option<&[f32]>) -> Result<()> {
        if tokens.is_empty() {
            return Err(Error::data("the vocabulary is empty"));
        }
        let (start, given) = (self.start(), tokens.len());
        let with_special = tokens.starts_with(&self.special());
        if with_special {
            tokens.drain(..start);
        }
        let unknown = self.oov_token.as_ref().filter(|_| self.invert);
        check_reserved(&tokens, &self.mask_token.iter().chain(unknown).collect::<Vec<_>>())?;
        self.check_size(start + tokens.len())?;
        let vocabulary = Vocabulary::new(tokens, start)?;
        if let Some(idf) = idf {
            if idf.len() != given {
                return Err(Error::data(format!("{} idf_weights for a vocabulary of {given}", idf.len())));
            }
            let mean = idf.iter().map(|&x| f64::from(x)).sum::<f64>() / given as f64;
            let front = if with_special { 0 } else { start };
            self.set_weights(std::iter::repeat_n(mean as f32, front).chain(idf.iter().copied()).collect());
        }
        self.known.set(Some(vocabulary));
        Ok(())
    }

    /// Takes a vocabulary instead of what was learned.
    pub(in crate::layers::preprocessing) fn replace(&self, tokens: Vec<T>, idf: Option<&[f32]>) -> Result<()> {
        if self.vocabulary.is_some() {
            return Err(Error::invalid("a vocabulary was given as an option, it stays"));
        }
        if idf.is_some() != (self.output_mode == OutputMode::TfIdf) {
            return Err(Error::invalid("idf_weights go with output_mode TfIdf, and are needed for it"));
        }
        self.set(tokens, idf)
    }

    fn check_size(&self, size: usize) -> Result<()> {
        match self.max_tokens.filter(|&most| size > most) {
            Some(most) => Err(Error::data(format!("a vocabulary of {size} with special tokens is larger than max_tokens {most}"))),
            None => Ok(()),
        }
    }

    fn set_weights(&self, mut weights: Vec<f32>) {
        let padded = self.max_tokens.filter(|_| self.pad_to_max_tokens);
        weights.resize(weights.len().max(padded.unwrap_or(0)), 0.0);
        self.weights.set(Some(weights));
    }

    /// All tokens, the special ones in front.
    pub(in crate::layers::preprocessing) fn all_tokens(&self) -> Vec<T> {
        let tokens = self.vocabulary().map_or_else(|_| Vec::new(), |known| known.tokens.clone());
        self.special().into_iter().chain(tokens).collect()
    }

    fn size(&self) -> usize {
        self.start() + self.known.get().map_or(0, |known| known.tokens.len())
    }

    /// How many places there are, if that is known.
    pub(in crate::layers::preprocessing) fn vocabulary_size(&self) -> Option<usize> {
        self.vocabulary().map(|known| self.start() + known.tokens.len()).ok().or(self.vocabulary_size)
    }

    /// The length of a row.
    pub(in crate::layers::preprocessing) fn depth(&self) -> Result<usize> {
        let padded = self.max_tokens.filter(|_| self.pad_to_max_tokens);
        padded.or(self.vocabulary_size()).ok_or_else(|| Error::invalid("rows are as long as the vocabulary: give one, or call adapt first"))
    }

    pub(in crate::layers::preprocessing) fn output(&self, shape: &[usize]) -> Result<(Dims, DType)> {
        Ok(match (self.output_mode, self.invert) {
            (OutputMode::Int, true) => (self.output_mode.dims(shape, 0), T::DTYPE),
            (OutputMode::Int, false) => (self.output_mode.dims(shape, 0), DType::I32),
            (mode, _) => (mode.dims(shape, self.depth()?), DType::F32),
        })
    }

    pub(in crate::layers::preprocessing) fn transform(&self, inputs: &[&Array]) -> Result<Array> {
        let array = host::one(inputs)?;
        if self.invert {
            return self.inverted(array);
        }
        let tokens = T::of(array)?;
        let mut places: Vec<i64> = Vec::with_capacity(tokens.len());
        let mut seeker = self.seeker()?;
        places.extend(tokens.iter().map(|token| seeker.place(token.borrow())));
        seeker.finish()?;
        self.encoded(places, array.shape())
    }

    /// What finds places, one token after another.
    pub(in crate::layers::preprocessing) fn seeker(&self) -> Result<Seeker<'_, T>> {
        Ok(Seeker { known: self.vocabulary()?, lookup: self, unknown: Vec::new() })
    }

    /// Places of shape `shape` in the layer's output mode.
    pub(in crate::layers::preprocessing) fn encoded(&self, places: Vec<i64>, shape: &[usize]) -> Result<Array> {
        if self.output_mode == OutputMode::Int {
            return Array::new(places, shape);
        }
        let depth = self.depth()?;
        let rows = self.output_mode.rows(&places, shape, depth);
        self.weighted(rows, self.output_mode.dims(shape, depth).with_unknown(0))
    }

    /// Rows, times what each place counts where that is wanted.
    pub(in crate::layers::preprocessing) fn weighted(&self, rows: Vec<i64>, shape: Shape) -> Result<Array> {
        if self.output_mode != OutputMode::TfIdf {
            return Array::new(rows, shape);
        }
        let weights = self.weights.get().ok_or_else(|| Error::invalid("TfIdf needs idf_weights: give them, or call adapt"))?;
        let depth = weights.len().max(1);
        let weighted = |row: &[i64]| row.iter().zip(&*weights).map(|(&count, weight)| count as f32 * weight).collect::<Vec<_>>();
        Array::new(rows.chunks(depth).flat_map(weighted).collect::<Vec<f32>>(), shape)
    }

    fn inverted(&self, array: &Array) -> Result<Array> {
        let (known, start) = (self.vocabulary()?, self.start() as i64);
        let places = array.integers().ok_or_else(|| Error::dtype("an inverted lookup takes the places of tokens, integers"))?;
        let token = |place: i64| match &self.mask_token {
            Some(mask) if place == 0 => mask.clone(),
            _ => usize::try_from(place - start).ok().and_then(|at| known.tokens.get(at)).cloned().unwrap_or_else(|| self.unknown()),
        };
        Array::new(T::values(places.map(token).collect()), array.shape())
    }

    /// Counts what rows hold, each of a sample.
    pub(in crate::layers::preprocessing) fn count(&self, counts: &mut Counts<T>, batch: &Array) -> Result<()> {
        let tokens = T::of(batch)?;
        let (rows, row) = if batch.shape().rank() > 1 { (batch.samples(), batch.stride()) } else { (1, tokens.len()) };
        for at in 0..rows {
            counts.row();
            tokens[at * row..(at + 1) * row].iter().for_each(|token| counts.add(token.borrow()));
        }
        Ok(())
    }

    /// Learns a vocabulary from what `count` counts in each batch.
    pub(in crate::layers::preprocessing) fn adapt(
        &self,
        batches: &mut dyn Iterator<Item = Result<Array>>,
        mut count: impl FnMut(&mut Counts<T>, &Array) -> Result<()>,
    ) -> Result<()> {
        if self.vocabulary.is_some() {
            return Err(Error::invalid("adapt: a vocabulary was given, there is nothing to learn"));
        }
        let mut counts = Counts::new();
        for batch in batches {
            let batch = batch?;
            if !batch.values().is_empty() {
                count(&mut counts, &batch)?;
            }
        }
        not_empty(counts.rows > 0)?;
        let (all, start) = (counts.rows, self.start());
        let special: Vec<T> = self.mask_token.iter().chain(&self.oov_token).cloned().collect();
        let most = self.max_tokens.map_or(usize::MAX, |most| most.saturating_sub(start));
        let (tokens, rows) = counts.most_frequent(&special, most);
        if self.output_mode == OutputMode::TfIdf {
            let weight = |&rows: &u64| (1.0 + all as f64 / (1 + rows) as f64).ln() as f32;
            let weights: Vec<f32> = rows.iter().map(weight).collect();
            let mean = weights.iter().map(|&x| f64::from(x)).sum::<f64>() / weights.len().max(1) as f64;
            self.set_weights(std::iter::repeat_n(mean as f32, start).chain(weights).collect());
        }
        self.known.set(Some(Vocabulary::new(tokens, start)?));
        Ok(())
    }
}

/// Finds the places of tokens, and keeps what may not be unknown.
pub(in crate::layers::preprocessing) struct Seeker<'l, T: Token> {
    known: Arc<Vocabulary<T>>,
    lookup: &'l Lookup<T>,
    unknown: Vec<T>,
}

impl<T: Token> Seeker<'_, T> {
    /// The place of a token; of a masked one 0, or one that is in no row.
    pub fn place(&mut self, key: &T::Key) -> i64 {
        let lookup = self.lookup;
        if lookup.mask_token.as_ref().is_some_and(|mask| mask.borrow() == key) {
            return if lookup.has_mask() { 0 } else { i64::MAX };
        }
        if let Some(&place) = self.known.places.get(key) {
            return place;
        }
        let first = i64::from(lookup.has_mask());
        match lookup.num_oov_indices {
            0 => {
                if self.unknown.len() < 8 {
                    self.unknown.push(key.to_owned());
                }
                i64::MAX
            }
            1 => first,
            several => first + T::spread(key, several, lookup.oov_method, lookup.salt),
        }
    }

    /// That all tokens have a place.
    pub fn finish(self) -> Result<()> {
        if self.unknown.is_empty() {
            return Ok(());
        }
        let text = format!("{:?} are not in the vocabulary, and num_oov_indices is 0; set it to 1 or more", self.unknown);
        Err(Error::data(text))
    }
}
