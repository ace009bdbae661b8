//! Calls of a layer, on tensors and on symbols.

use super::{LayerRef, config};
use crate::{
    DType, Error, Result, Tensor,
    graph::LayerScope,
    layers::{Argument, Call, Inputs, Layer, Outputs, Training, symbol},
    random,
};
use std::panic::Location;

impl LayerRef {
    /// The output for `x`, in the policy's dtype if it is a float. The first call makes the weights.
    ///
    /// # Errors
    /// When the layer does not take such an input.
    pub fn call(&self, call: &mut Call, x: &Tensor) -> Result<Tensor> {
        self.call_all(call, &Inputs::from(x))?.one().cloned()
    }

    /// The outputs for `inputs`, with their masks. The first call makes the weights.
    ///
    /// # Errors
    /// When the layer does not take such inputs or arguments.
    pub fn call_all(&self, call: &mut Call, inputs: &Inputs) -> Result<Outputs> {
        if !call.is_inferring() {
            self.name_if_unnamed(|| config::next_name(self.class_name()));
        }
        self.call_as(self.layer_name(), call, inputs)
    }

    /// [`call_all`](Self::call_all) with another name in the paths of weights and random numbers; without one for the outermost model.
    pub(crate) fn call_as(&self, name: &str, call: &mut Call, inputs: &Inputs) -> Result<Outputs> {
        let is_outermost = name.is_empty();
        let _scope = (!is_outermost).then(|| LayerScope::enter(&self.described()));
        let frozen = !self.is_trainable();
        let result = call.inside(name, frozen, inputs.mask(0).cloned(), |call| {
            if !self.is_built() {
                self.build(inputs.tensors().iter().map(|x| x.shape().clone()).collect())?;
            }
            let built = self.0.built.get().expect("it was built before or just now");
            if !call.is_inferring() {
                self.draw(&call.path(), Some(call.seed()))?;
            }
            self.check_arguments(&*built.layer, inputs)?;
            if let Some(outputs) = self.called_on_host(&*built.layer, call, inputs)? {
                return Ok(outputs);
            }
            if !built.layer.autocast() {
                return built.layer.call(call, inputs);
            }
            let cast = |x: &Tensor, dtype| if x.dtype().is_float() { x.cast(dtype) } else { x.clone() };
            let inside = if built.layer.is_exact() { DType::F32 } else { self.policy().compute_dtype() };
            let outputs = built.layer.call(call, &inputs.map(|x| cast(x, inside)))?;
            if let Some(regularizer) = &self.0.activity_regularizer {
                for y in outputs.tensors() {
                    let samples = y.shape().first().copied().unwrap_or(1).max(1) as f32;
                    call.add_loss(regularizer.call(&y.cast(DType::F32))? / samples);
                }
            }
            Ok(outputs.map(|y| cast(y, self.policy().compute_dtype())))
        });
        result.map_err(|error: Error| if is_outermost { error } else { error.at_layer(&self.described()) })
    }

    fn check_arguments(&self, layer: &dyn Layer, inputs: &Inputs) -> Result<()> {
        let known = layer.arguments();
        let unknown = inputs.arguments().iter().find(|(name, _)| !known.contains(&name.as_str()));
        let Some((name, _)) = unknown else { return Ok(()) };
        let hint = if known.is_empty() { "it takes none".into() } else { format!("it takes {}", known.join(", ")) };
        Err(Error::invalid(format!("unknown argument {name:?} of the call; {hint}")))
    }
}

/// A call about to be made: `attention.call_with((&query, &value)).causal().apply()`.
///
/// ```
/// use wgrad::prelude::*;
/// let x = Tensor::ones([2, 5, 8]);
/// let y = MultiHeadAttention::new(2, 4).call_with((&x, &x)).causal().apply();
/// assert_eq!(y.shape()[..], [2, 5, 8]);
/// ```
#[derive(Debug)]
#[must_use = "apply() makes the call"]
pub struct LayerCall {
    layer: LayerRef,
    inputs: Inputs,
}

impl LayerCall {
    pub(in crate::layers) fn new(layer: LayerRef, inputs: Inputs) -> Self {
        Self { layer, inputs }
    }

    /// No output sees a later input: `use_causal_mask`.
    pub fn causal(self) -> Self {
        self.with("use_causal_mask", Argument::Value(true.into()))
    }

    /// An argument under Keras' name.
    pub fn with(mut self, name: &str, argument: Argument) -> Self {
        self.inputs = self.inputs.with(name, argument);
        self
    }

    /// The mask of the first input: bool, true where it counts.
    pub fn mask(mut self, mask: &Tensor) -> Self {
        self.inputs = self.inputs.with_mask(0, Some(mask.clone()));
        self
    }

    /// The states that a recurrent layer starts from.
    pub fn initial_state(self, states: &[&Tensor]) -> Self {
        self.with("initial_state", Argument::Tensors(states.iter().map(|&state| state.clone()).collect()))
    }

    /// The first output.
    ///
    /// # Panics
    /// When no input is a symbol, and the layer does not take them.
    #[track_caller]
    pub fn apply(self) -> Tensor {
        self.apply_all().swap_remove(0)
    }

    /// All outputs.
    ///
    /// # Panics
    /// As [`apply`](Self::apply).
    #[track_caller]
    pub fn apply_all(self) -> Vec<Tensor> {
        if self.inputs.all().any(|x| symbol::Meaning::of(x).is_some()) {
            return symbol::apply(&self.layer, self.inputs, Some(Location::caller()));
        }
        let mut call = Call::new(Training::No, random::current_seed(), 0);
        match self.layer.call_all(&mut call, &self.inputs) {
            Ok(outputs) => outputs.tensors().to_vec(),
            Err(error) => panic!("{error}"),
        }
    }
}
