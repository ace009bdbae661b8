//! The contract of layers: from options to weights to a call.

use super::{Adapt, Augmentation, Build, Call, Cell, HostLayer, Inputs, LayerRef, Outputs};
use crate::{
    Result, Shape, Tensor,
    config::{Config, kind},
    data::Array,
};
use std::collections::BTreeMap;

/// A layer: options, weights made once for inputs of some shape, and a call. Most layers take one tensor and give one: they
/// implement [`SimpleLayer`] instead. `#[derive(Layer)]` writes config, constructor and setters.
#[doc(alias = "keras.layers.Layer")]
pub trait Layer: Config + Children {
    /// Whether the layer calculates in float32 under every policy, as normalization does: its float inputs come so, and its
    /// outputs are cast afterwards.
    fn is_exact(&self) -> bool {
        false
    }

    /// Whether float inputs and outputs are cast to the policy's dtype. A layer that only calls others leaves it to them.
    fn autocast(&self) -> bool {
        true
    }

    /// Whether several inputs are one argument of Keras' call, a list, as merging layers have it.
    fn takes_list(&self) -> bool {
        true
    }

    /// Names of the call's arguments beside `mask` and `training`.
    fn arguments(&self) -> &'static [&'static str] {
        &[]
    }

    /// The layer as the cell of a recurrent layer, if it is one.
    fn as_cell(&self) -> Option<&dyn Cell> {
        None
    }

    /// What the layer keeps in files beside its weights, if it does.
    fn as_assets(&self) -> Option<&dyn Assets> {
        None
    }

    /// The layer as one that calculates on the host, if it does.
    fn as_host(&self) -> Option<&dyn HostLayer> {
        None
    }

    /// The layer as one that learns from data before training, if it does.
    fn as_adapt(&self) -> Option<&dyn Adapt> {
        None
    }

    /// The layer as an augmentation, if it is one.
    fn as_augmentation(&self) -> Option<&dyn Augmentation> {
        None
    }

    /// Makes the weights for inputs of these shapes, which include the batch axis. The batch size in them means nothing. Layers
    /// inside are built by themselves when they are called.
    ///
    /// # Errors
    /// When the layer does not take such inputs: what was expected, what came, and a hint.
    fn build(&mut self, _build: &mut Build, _inputs: &[Shape]) -> Result<()> {
        Ok(())
    }

    /// The outputs for `inputs`.
    ///
    /// # Errors
    /// When the shapes differ from those the layer was built for.
    fn call(&self, call: &mut Call, inputs: &Inputs) -> Result<Outputs>;
}

/// A layer of one input and one output. Its fields are its Keras config; shapes include the batch axis.
///
/// ```
/// use wgrad::prelude::*;
/// /// Multiplies each feature by a weight.
/// #[derive(Layer, Clone, Debug)]
/// #[layer(package = "acme")]
/// pub struct Scale {
///     /// With the options `factor_initializer`, `factor_regularizer` and `factor_constraint`.
///     #[layer(start = Ones)]
///     factor: Weight,
/// }
/// impl SimpleLayer for Scale {
///     fn build(&mut self, build: &mut Build, input: &Shape) -> Result<()> {
///         self.factor = build.weight("factor", [input[input.axis(-1)?]]).options(&self.factor).add()?;
///         Ok(())
///     }
///     fn call(&self, _call: &mut Call, x: &Tensor) -> Result<Tensor> {
///         Ok(x * self.factor.value())
///     }
/// }
/// let model = Sequential::new().add(Input::new([2])).add(Scale::new().factor_initializer(Constant(3.0))).build()?;
/// assert_eq!(model.call(&Tensor::from([[1.0f32, 2.0]]), Training::No)?.to_vec::<f32>()?, [3.0, 6.0]);
/// # Ok::<(), wgrad::Error>(())
/// ```
pub trait SimpleLayer: Config + Children {
    /// As [`Layer::is_exact`].
    fn is_exact(&self) -> bool {
        false
    }

    /// Whether a mask of the input is one of the output too. Without, the mask ends here.
    fn supports_masking(&self) -> bool {
        false
    }

    /// The output's mask: the input's, where the layer [supports masking](Self::supports_masking).
    fn compute_mask(&self, _x: &Tensor, mask: Option<&Tensor>) -> Option<Tensor> {
        mask.filter(|_| self.supports_masking()).cloned()
    }

    /// As [`Layer::as_assets`].
    fn as_assets(&self) -> Option<&dyn Assets> {
        None
    }

    /// As [`Layer::as_adapt`].
    fn as_adapt(&self) -> Option<&dyn Adapt> {
        None
    }

    /// Makes the weights for inputs of shape `input`. The batch size in it means nothing.
    ///
    /// # Errors
    /// When the layer does not take such inputs: what was expected, what came, and a hint.
    fn build(&mut self, _build: &mut Build, _input: &Shape) -> Result<()> {
        Ok(())
    }

    /// The output for `x`; its mask is [`Call::mask`].
    ///
    /// # Errors
    /// When the shape differs from the one the layer was built for.
    fn call(&self, call: &mut Call, x: &Tensor) -> Result<Tensor>;
}

impl<L: SimpleLayer> Layer for L {
    fn is_exact(&self) -> bool {
        SimpleLayer::is_exact(self)
    }

    fn as_assets(&self) -> Option<&dyn Assets> {
        SimpleLayer::as_assets(self)
    }

    fn as_adapt(&self) -> Option<&dyn Adapt> {
        SimpleLayer::as_adapt(self)
    }

    fn build(&mut self, build: &mut Build, inputs: &[Shape]) -> Result<()> {
        SimpleLayer::build(self, build, super::inputs::one(inputs)?)
    }

    fn call(&self, call: &mut Call, inputs: &Inputs) -> Result<Outputs> {
        let x = inputs.one()?;
        let y = SimpleLayer::call(self, call, x)?;
        Ok(Outputs::from(y).with_mask(self.compute_mask(x, inputs.mask(0))))
    }
}

kind!(Layer, "layer");

/// The layers inside a layer, by the name of their field: written by `#[derive(Layer)]` for fields of type [`LayerRef`],
/// `Option<LayerRef>` and `Vec<LayerRef>`.
pub trait Children {
    /// All of them, in order.
    fn children(&self) -> Vec<(String, LayerRef)>;
}

/// What a layer keeps in a `.keras` archive beside its weights, under `assets` and its path there: the vocabulary of a lookup.
pub trait Assets {
    /// The files: names, with `/` where they lie in folders, and contents.
    fn assets(&self) -> Vec<(String, Vec<u8>)>;

    /// Takes the files that a model was saved with; there may be none, and others.
    ///
    /// # Errors
    /// When they are not what the layer saves.
    fn set_assets(&self, files: &BTreeMap<String, Vec<u8>>) -> Result<()>;

    /// Arrays that stand among the weights under names of their own, such as `vars/idf_weights`.
    fn arrays(&self) -> Vec<(String, Array)> {
        Vec::new()
    }

    /// Takes the arrays of the layer's group that are none of its weights.
    ///
    /// # Errors
    /// When they are not what the layer saves.
    fn set_arrays(&self, _arrays: &BTreeMap<String, Array>) -> Result<()> {
        Ok(())
    }
}

/// Layers of a list, named as Keras' files do: `cells/lstm_cell`, `cells/lstm_cell_1`.
#[doc(hidden)]
pub fn numbered(field: &str, layers: &[LayerRef]) -> Vec<(String, LayerRef)> {
    let names = super::layer_ref::file_names(layers);
    names.into_iter().zip(layers).map(|(name, layer)| (format!("{field}/{name}"), layer.clone())).collect()
}
