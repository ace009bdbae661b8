//! `Sequential`: layers one after another, each fed by the one before.

use super::Model;
use crate::{
    Dims, Error, Result,
    layers::{Input, LayerRef},
};

/// One piece of a `Sequential`.
#[derive(Debug)]
#[doc(hidden)]
pub enum Piece {
    Input(Input),
    Layer(LayerRef),
}

impl From<Input> for Piece {
    fn from(input: Input) -> Self {
        Piece::Input(input)
    }
}

impl<L: Into<LayerRef>> From<L> for Piece {
    fn from(layer: L) -> Self {
        Piece::Layer(layer.into())
    }
}

/// A stack of layers.
///
/// ```
/// use wgrad::prelude::*;
/// let model = Sequential::new().add(Input::new([4])).add(Dense::new(3).activation(Relu)).add(Dense::new(1)).build()?;
/// assert_eq!(model.count_params(), 4 * 3 + 3 + 3 + 1);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Debug, Default)]
#[must_use = "build() makes a model of it"]
#[doc(alias = "keras.Sequential")]
pub struct Sequential {
    name: Option<String>,
    input: Option<Input>,
    misplaced: bool,
    layers: Vec<LayerRef>,
}

impl Sequential {
    /// An empty stack.
    pub fn new() -> Self {
        Self::default()
    }

    /// The model's name, `sequential` where none is given.
    pub fn name(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    /// Puts a layer on top; an [`Input`] comes first.
    #[expect(clippy::should_implement_trait, reason = "Keras' name")]
    pub fn add(mut self, piece: impl Into<Piece>) -> Self {
        match piece.into() {
            Piece::Layer(layer) => self.layers.push(layer),
            Piece::Input(input) => {
                self.misplaced |= self.input.is_some() || !self.layers.is_empty();
                self.input = Some(input);
            }
        }
        self
    }

    /// Makes the weights, on the current device and by the current seed, and checks all shapes.
    ///
    /// # Errors
    /// Without an [`Input`] as first piece, and where a layer does not take what the one before gives.
    pub fn build(mut self) -> Result<Model> {
        if self.misplaced {
            return Err(Error::invalid("Sequential: Input comes once, as the first piece"));
        }
        let Some(input) = self.input.take() else {
            return Err(Error::invalid(
                "Sequential: build() needs an Input as first piece; or give the shape with build_for, or build at the first fit with build_later",
            ));
        };
        let mut model = self.build_later();
        model.build(&input)?;
        Ok(model)
    }

    /// [`build`](Self::build) for inputs of these sizes, the batch included as in Keras: `build_for(dims![None, 784])`.
    ///
    /// # Errors
    /// As [`build`](Self::build).
    pub fn build_for(mut self, dims: impl Into<Dims>) -> Result<Model> {
        let dims = dims.into();
        let Some(&batch_size) = dims.first() else {
            return Err(Error::invalid("Sequential: build_for needs sizes, the batch first: dims![None, 784]"));
        };
        self.input = Some(Input { batch_size, ..Input::new(dims.sample()) });
        self.build()
    }

    /// A model whose weights are made at the first `fit`, `evaluate` or `predict`, for the data's shape.
    pub fn build_later(self) -> Model {
        Model::unbuilt(self.name.unwrap_or_else(|| "sequential".into()), self.layers)
    }
}
