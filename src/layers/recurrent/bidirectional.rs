//! A recurrent layer in both directions.

use crate::{
    Error, Result, Shape, Tensor,
    config::{self, Json, Reader, Value, snake_case},
    layers::{Argument, Build, Call, Inputs, Layer, LayerRef, Outputs},
};

/// How the outputs of both directions become one.
///
/// ```
/// use wgrad::prelude::*;
/// let layer = Bidirectional::new(GRU::new(4)).merge_mode(MergeMode::Sum);
/// assert_eq!(layer.apply(&Tensor::ones([2, 5, 3])).shape()[..], [2, 4]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MergeMode {
    /// Their sum.
    Sum,
    /// Their product.
    Mul,
    /// Their mean.
    Ave,
    /// One after the other along the last axis.
    Concat,
    /// They stay two: Keras' `None`.
    Separate,
}

const NAMES: [(&str, MergeMode); 4] =
    [("sum", MergeMode::Sum), ("mul", MergeMode::Mul), ("ave", MergeMode::Ave), ("concat", MergeMode::Concat)];

impl Value for MergeMode {
    const NULL: bool = true;

    fn to_json(&self) -> Json {
        NAMES.iter().find(|(_, mode)| mode == self).map_or(Json::Null, |(name, _)| (*name).into())
    }

    fn from_json(json: &Json, reader: &mut Reader) -> Option<Self> {
        if json.is_null() {
            return Some(Self::Separate);
        }
        let found = NAMES.iter().find(|(name, _)| json == name).map(|(_, mode)| *mode);
        found.or_else(|| reader.one_of(json, &NAMES.map(|(name, _)| name)))
    }
}

/// A recurrent layer that walks forward and another one that walks backward; their outputs are merged, those of all steps in the
/// order of the steps. The states of the first come before those of the second, returned and initial ones alike.
///
/// ```
/// use wgrad::prelude::*;
/// let model = Sequential::new().add(Input::new([5, 3])).add(Bidirectional::new(GRU::new(4))).build()?;
/// assert_eq!(model.call(&Tensor::zeros([2, 5, 3]), Training::No)?.shape()[..], [2, 8]);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.Bidirectional")]
pub struct Bidirectional {
    /// The layer that walks forward.
    #[layer(new, child = "forward_layer")]
    layer: LayerRef,
    /// The one that walks backward; a second one of the first's options if not set.
    backward_layer: Option<LayerRef>,
    /// How both outputs become one.
    #[layer(default = MergeMode::Concat)]
    merge_mode: MergeMode,
    /// Whether both return the outputs of all steps.
    #[layer(skip)]
    all_steps: bool,
}

/// Whether option `key` of a layer is set.
fn option(layer: &LayerRef, key: &str) -> bool {
    layer.to_json()["config"][key] == true
}

/// The layer anew under a name with `prefix`, without output at masked steps, as merging needs it; `turned` says which way it goes.
fn direction(layer: &LayerRef, prefix: &str, turned: bool) -> Result<LayerRef> {
    let mut json = layer.to_json();
    let options = &mut json["config"];
    let name = match layer.layer_name() {
        "" => snake_case(layer.class_name()),
        name => name.strip_prefix(prefix).unwrap_or(name).to_owned(),
    };
    options["name"] = format!("{prefix}{name}").into();
    options["zero_output_for_mask"] = options["return_sequences"].clone();
    if turned {
        options["go_backwards"] = true.into();
    }
    config::read(|reader| LayerRef::from_json(&json, reader))
}

impl Layer for Bidirectional {
    fn arguments(&self) -> &'static [&'static str] {
        &["initial_state"]
    }

    fn build(&mut self, _build: &mut Build, _inputs: &[Shape]) -> Result<()> {
        let backward = match &self.backward_layer {
            Some(given) => direction(given, "", false)?,
            None => direction(&self.layer, "backward_", true)?,
        };
        self.layer = direction(&self.layer, "forward_", false)?;
        if option(&self.layer, "go_backwards") == option(&backward, "go_backwards") {
            return Err(Error::invalid("forward and backward layer go the same way: exactly one has go_backwards"));
        }
        for key in ["stateful", "return_sequences", "return_state"] {
            if option(&self.layer, key) != option(&backward, key) {
                return Err(Error::invalid(format!("{key} differs between forward and backward layer; it must be the same")));
            }
        }
        self.all_steps = option(&backward, "return_sequences");
        self.backward_layer = Some(backward);
        Ok(())
    }

    fn call(&self, call: &mut Call, inputs: &Inputs) -> Result<Outputs> {
        let (x, mask) = (inputs.one()?, inputs.mask(0));
        let states = inputs.list("initial_state")?;
        let arguments = |states: &[Tensor]| {
            let inputs = Inputs::new([x]).with_mask(0, mask.cloned());
            if states.is_empty() { inputs } else { inputs.with("initial_state", Argument::Tensors(states.to_vec())) }
        };
        let (first, second) = states.split_at(states.len() / 2);
        let backward = self.backward_layer.as_ref().expect("a layer is built before it is called");
        let forward = self.layer.call_all(call, &arguments(first))?;
        let backward = backward.call_all(call, &arguments(second))?;
        let (Some((y, states)), Some((reversed, others))) = (forward.tensors().split_first(), backward.tensors().split_first()) else {
            return Err(Error::invalid("expected an output of each direction, got none"));
        };
        let other = if self.all_steps { reversed.flip(&[1]) } else { reversed.clone() };
        let merged = match self.merge_mode {
            MergeMode::Sum => vec![y + other],
            MergeMode::Mul => vec![y * other],
            MergeMode::Ave => vec![(y + other) * 0.5],
            MergeMode::Concat => vec![Tensor::concat(&[y, &other], -1)],
            MergeMode::Separate => vec![y.clone(), other],
        };
        let outputs = Outputs::new(merged.into_iter().chain(states.iter().chain(others).cloned()));
        Ok(outputs.with_mask(mask.filter(|_| self.all_steps).cloned()))
    }
}
