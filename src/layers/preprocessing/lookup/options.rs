//! The options of lookups, as Keras' files have them.

use super::Token;
use crate::{
    Error, Result,
    config::{Fields, Flatten, Options, Value},
    layers::preprocessing::{OovMethod, OutputMode, Salt, encode::dense, learned::Learned, vocabulary::Vocabulary},
};

/// The options that lookups have in common, and the vocabulary.
#[derive(Clone, Debug)]
pub struct Lookup<T: Token> {
    /// Whether it is part of a `TextVectorization`, which has fewer options.
    pub(in crate::layers::preprocessing) of_text: bool,
    pub(in crate::layers::preprocessing) max_tokens: Option<usize>,
    pub(in crate::layers::preprocessing) num_oov_indices: usize,
    pub(in crate::layers::preprocessing) mask_token: Option<T>,
    pub(in crate::layers::preprocessing) oov_token: Option<T>,
    pub(in crate::layers::preprocessing) vocabulary: Option<Vec<T>>,
    pub(in crate::layers::preprocessing) idf_weights: Option<Vec<f32>>,
    pub(in crate::layers::preprocessing) invert: bool,
    pub(in crate::layers::preprocessing) output_mode: OutputMode,
    pub(in crate::layers::preprocessing) sparse: bool,
    pub(in crate::layers::preprocessing) pad_to_max_tokens: bool,
    pub(in crate::layers::preprocessing) oov_method: OovMethod,
    pub(in crate::layers::preprocessing) salt: Option<Salt>,
    /// As a file tells it before the vocabulary is read.
    pub(in crate::layers::preprocessing) vocabulary_size: Option<usize>,
    pub(in crate::layers::preprocessing) known: Learned<Vocabulary<T>>,
    /// How much each place counts.
    pub(in crate::layers::preprocessing) weights: Learned<Vec<f32>>,
}

impl<T: Token> Default for Lookup<T> {
    fn default() -> Self {
        Self {
            of_text: false,
            max_tokens: None,
            num_oov_indices: 1,
            mask_token: None,
            oov_token: Some(T::unknown()),
            vocabulary: None,
            idf_weights: None,
            invert: false,
            output_mode: OutputMode::Int,
            sparse: false,
            pad_to_max_tokens: false,
            oov_method: OovMethod::Floormod,
            salt: None,
            vocabulary_size: None,
            known: Learned::default(),
            weights: Learned::default(),
        }
    }
}

impl Lookup<String> {
    /// That of a `TextVectorization`: the empty text is no token.
    pub(in crate::layers::preprocessing) fn of_text() -> Self {
        Self { of_text: true, mask_token: Some(String::new()), ..Self::default() }
    }
}

impl<T: Token> Flatten for Lookup<T> {
    fn write(&self, out: &mut Options) {
        // What cannot stand in a file of lines stands here.
        let inline = self.vocabulary.is_none() && self.known.get().is_some() && self.lines().is_none();
        let (vocabulary, weights) = if inline {
            (Some(self.all_tokens()), self.weights.get().map(|weights| weights[..self.size()].to_vec()))
        } else {
            (self.vocabulary.clone(), self.idf_weights.clone())
        };
        let mut put = |key: &str, value| out.insert(key.into(), value);
        put("max_tokens", self.max_tokens.to_json());
        put("output_mode", self.output_mode.to_json());
        put("sparse", self.sparse.to_json());
        put("pad_to_max_tokens", self.pad_to_max_tokens.to_json());
        put("vocabulary", vocabulary.to_json());
        put("idf_weights", weights.to_json());
        put("vocabulary_size", self.vocabulary_size().to_json());
        if self.of_text {
            return;
        }
        put("num_oov_indices", self.num_oov_indices.to_json());
        put("mask_token", self.mask_token.to_json());
        put("oov_token", self.oov_token.to_json());
        put("invert", self.invert.to_json());
        if self.oov_method != OovMethod::default() {
            put("oov_method", self.oov_method.to_json());
        }
        if self.salt.is_some() {
            put("salt", self.salt.to_json());
        }
    }

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        Self::default().read_over(fields)
    }

    fn read_over(self, fields: &mut Fields<'_>) -> Option<Self> {
        fields.ignore("has_input_vocabulary");
        let mut read = Self {
            max_tokens: fields.take("max_tokens").unwrap_or(self.max_tokens),
            output_mode: fields.take("output_mode").unwrap_or(self.output_mode),
            sparse: fields.take("sparse").unwrap_or(self.sparse),
            pad_to_max_tokens: fields.take("pad_to_max_tokens").unwrap_or(self.pad_to_max_tokens),
            vocabulary: fields.take("vocabulary").unwrap_or_default(),
            idf_weights: fields.take("idf_weights").unwrap_or_default(),
            vocabulary_size: fields.take("vocabulary_size").unwrap_or_default(),
            ..self
        };
        if !read.of_text {
            read.num_oov_indices = fields.take("num_oov_indices").unwrap_or(read.num_oov_indices);
            read.mask_token = fields.take("mask_token").unwrap_or(read.mask_token);
            read.oov_token = fields.take("oov_token").unwrap_or(read.oov_token);
            read.invert = fields.take("invert").unwrap_or(read.invert);
            read.oov_method = fields.take("oov_method").unwrap_or(read.oov_method);
            read.salt = fields.take("salt").unwrap_or(read.salt);
        }
        Some(read)
    }
}

impl<T: Token> Lookup<T> {
    /// That the options go together, and that a given vocabulary can be used.
    pub(in crate::layers::preprocessing) fn check(&self) -> Result<()> {
        let refuse = |text: &str| Err(Error::invalid(text));
        dense(self.sparse)?;
        match self.max_tokens {
            Some(0 | 1) => return refuse("max_tokens must be greater than 1"),
            None if self.pad_to_max_tokens => return refuse("pad_to_max_tokens needs max_tokens"),
            _ => {}
        }
        if self.invert && self.output_mode != OutputMode::Int {
            return refuse("invert goes with output_mode Int only");
        }
        if self.idf_weights.is_some() != (self.vocabulary.is_some() && self.output_mode == OutputMode::TfIdf) {
            return refuse("idf_weights are given with a vocabulary and output_mode TfIdf, and only then");
        }
        if self.vocabulary.is_some() { self.vocabulary().map(drop) } else { Ok(()) }
    }
}
