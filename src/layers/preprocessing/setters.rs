//! What is set and asked of all layers that have a vocabulary.

use super::{Lookup, OovMethod, OutputMode, Salt, Token};
use crate::{Error, Result, config::Shares};
use std::path::Path;

/// Options and vocabulary of `StringLookup`, `IntegerLookup` and `TextVectorization`.
///
/// ```
/// use wgrad::prelude::*;
/// let layer = StringLookup::new().vocabulary(["a", "b"]);
/// assert_eq!(layer.get_vocabulary(), ["[UNK]", "a", "b"]);
/// ```
pub trait HasVocabulary: Shares<Lookup<Self::Token>> + Sized {
    /// What the vocabulary holds: `String` or `i64`.
    type Token: Token;

    #[doc(hidden)]
    fn with_lookup(mut self, change: impl FnOnce(&mut Lookup<Self::Token>)) -> Self {
        change(self.shared_mut());
        self
    }

    /// How large the vocabulary may get, special tokens included; as large as it wants to be if not set.
    #[must_use = "a setter returns the changed options"]
    fn max_tokens(self, max_tokens: usize) -> Self {
        self.with_lookup(|options| options.max_tokens = Some(max_tokens))
    }

    /// What comes of tokens: their places if not set.
    #[must_use = "a setter returns the changed options"]
    fn output_mode(self, output_mode: OutputMode) -> Self {
        self.with_lookup(|options| options.output_mode = output_mode)
    }

    /// Whether rows are as long as `max_tokens`, however many tokens there are.
    #[must_use = "a setter returns the changed options"]
    fn pad_to_max_tokens(self, pad_to_max_tokens: bool) -> Self {
        self.with_lookup(|options| options.pad_to_max_tokens = pad_to_max_tokens)
    }

    /// The vocabulary, instead of one that `adapt` learns: `["a", "b"]`, with the special tokens in front or without.
    #[must_use = "a setter returns the changed options"]
    fn vocabulary<T: Into<Self::Token>>(self, vocabulary: impl IntoIterator<Item = T>) -> Self {
        self.with_lookup(|options| options.vocabulary = Some(vocabulary.into_iter().map(Into::into).collect()))
    }

    /// What each token of a given vocabulary counts, for `OutputMode::TfIdf`.
    #[must_use = "a setter returns the changed options"]
    fn idf_weights(self, idf_weights: impl Into<Vec<f32>>) -> Self {
        self.with_lookup(|options| options.idf_weights = Some(idf_weights.into()))
    }

    /// The vocabulary in order, special tokens in front; only these before there is one.
    fn get_vocabulary(&self) -> Vec<Self::Token> {
        self.shared().all_tokens()
    }

    /// How many tokens there are, with the special ones; nothing before there is a vocabulary.
    fn vocabulary_size(&self) -> Option<usize> {
        self.shared().vocabulary_size()
    }

    /// Takes a vocabulary, with the special tokens in front or without.
    ///
    /// # Errors
    /// When one was given as an option, and when it is empty, too large, or has a token twice or where it may not be.
    fn set_vocabulary<T: Into<Self::Token>>(&self, vocabulary: impl IntoIterator<Item = T>) -> Result<()> {
        self.shared().replace(vocabulary.into_iter().map(Into::into).collect(), None)
    }

    /// Takes a vocabulary and what each of its tokens counts, for `OutputMode::TfIdf`.
    ///
    /// # Errors
    /// As [`set_vocabulary`](Self::set_vocabulary), and when there are more or fewer weights than tokens.
    fn set_weighted_vocabulary<T: Into<Self::Token>>(&self, vocabulary: impl IntoIterator<Item = T>, idf_weights: &[f32]) -> Result<()> {
        self.shared().replace(vocabulary.into_iter().map(Into::into).collect(), Some(idf_weights))
    }

    /// Takes the lines of a text file as vocabulary.
    ///
    /// # Errors
    /// When the file cannot be read, and as [`set_vocabulary`](Self::set_vocabulary).
    fn set_vocabulary_file(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let content = std::fs::read(path).map_err(Error::from);
        let tokens = content.and_then(|content| super::vocabulary::from_lines(&content));
        tokens.and_then(|tokens| self.shared().replace(tokens, None)).map_err(|error| error.at(path.display()))
    }
}

/// Options of `StringLookup` and `IntegerLookup` alone.
///
/// ```
/// use wgrad::prelude::*;
/// let layer = StringLookup::new().mask_token("").vocabulary(["a", "b"]);
/// assert_eq!(layer.get_vocabulary(), ["", "[UNK]", "a", "b"]);
/// ```
pub trait LookupSetters: HasVocabulary {
    /// On how many places tokens outside of the vocabulary are spread; with 0 they are errors.
    #[must_use = "a setter returns the changed options"]
    fn num_oov_indices(self, num_oov_indices: usize) -> Self {
        self.with_lookup(|options| options.num_oov_indices = num_oov_indices)
    }

    /// What stands for a missing token: at place 0, and in no row.
    #[must_use = "a setter returns the changed options"]
    fn mask_token(self, mask_token: impl Into<Self::Token>) -> Self {
        self.with_lookup(|options| options.mask_token = Some(mask_token.into()))
    }

    /// What an inverted lookup gives for places outside of the vocabulary; `"[UNK]"` or -1 if not set.
    #[must_use = "a setter returns the changed options"]
    fn oov_token(self, oov_token: impl Into<Self::Token>) -> Self {
        self.with_lookup(|options| options.oov_token = Some(oov_token.into()))
    }

    /// Whether places become tokens, instead of tokens places.
    #[must_use = "a setter returns the changed options"]
    fn invert(self, invert: bool) -> Self {
        self.with_lookup(|options| options.invert = invert)
    }

    /// How integers outside of the vocabulary are spread over several places; text always is by its hash.
    #[must_use = "a setter returns the changed options"]
    fn oov_method(self, oov_method: OovMethod) -> Self {
        self.with_lookup(|options| options.oov_method = oov_method)
    }

    /// The key of the hash that spreads tokens outside of the vocabulary; there is none if not set.
    #[must_use = "a setter returns the changed options"]
    fn salt(self, salt: impl Into<Salt>) -> Self {
        self.with_lookup(|options| options.salt = Some(salt.into()))
    }
}
