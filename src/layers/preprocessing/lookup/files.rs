//! Vocabularies in files of models: as lines beside the weights, what tokens count among these.

use super::{Lookup, Token};
use crate::{
    Error, Result,
    data::{Array, Values},
    layers::{
        Assets,
        preprocessing::{
            OutputMode,
            vocabulary::{from_lines, lines},
        },
    },
};
use std::collections::BTreeMap;

/// Where Keras keeps a vocabulary, and what its tokens count.
const FILE: &str = "vocabulary.txt";
const WEIGHTS: &str = "vars/idf_weights";

impl<T: Token> Lookup<T> {
    /// The vocabulary as a file; nothing where it stands among the options.
    pub(super) fn lines(&self) -> Option<Vec<u8>> {
        if self.vocabulary.is_some() || self.known.get().is_none() {
            return None;
        }
        lines(&self.all_tokens())
    }

    /// Keras has a text's vocabulary twice: with the layer, and with the lookup inside of it.
    fn folders(&self) -> &[&str] {
        if self.of_text { &["", "_lookup_layer/"] } else { &[""] }
    }
}

impl<T: Token> Assets for Lookup<T> {
    fn assets(&self) -> Vec<(String, Vec<u8>)> {
        let lines = self.lines();
        lines.iter().flat_map(|lines| self.folders().iter().map(|folder| (format!("{folder}{FILE}"), lines.clone()))).collect()
    }

    fn set_assets(&self, files: &BTreeMap<String, Vec<u8>>) -> Result<()> {
        let Some(content) = files.get(FILE).filter(|_| self.vocabulary.is_none()) else { return Ok(()) };
        let tokens = from_lines(content).map_err(|error| error.at(FILE))?;
        if tokens.is_empty() { Ok(()) } else { self.set(tokens, None).map_err(|error| error.at(FILE)) }
    }

    fn arrays(&self) -> Vec<(String, Array)> {
        let weights = self.vocabulary().ok().and_then(|_| self.weights.get());
        let array = |folder: &&str| weights.as_ref().map(|weights| (format!("{folder}{WEIGHTS}"), Array::from((*weights).to_vec())));
        self.folders().iter().filter_map(array).collect()
    }

    fn set_arrays(&self, arrays: &BTreeMap<String, Array>) -> Result<()> {
        let Some(array) = arrays.get(WEIGHTS).filter(|_| self.output_mode == OutputMode::TfIdf) else { return Ok(()) };
        match array.values() {
            Values::F32(weights) => self.weights.set(Some(weights.clone())),
            _ => return Err(Error::data(format!("{WEIGHTS}: expected float32, got {}", array.dtype()))),
        }
        Ok(())
    }
}
