//! A model: named layers, their variables, and the call that runs through them.

use super::{
    network::{Network, Structure},
    summary::{self, Count, Row, Totals},
};
use crate::{
    DType, Dims, Error, Result, Shape, Tensor, Variable,
    config::{self, Json, Value},
    data::Array,
    device::Device,
    graph::Counter,
    layers::{Call, Input, Inputs, LayerExt, LayerRef, Outputs, Training, name_all},
    mixed_precision::Policy,
    optimizers::Optimizer,
    random,
    training::Compiled,
};
use std::fmt;

/// Layers put together. Made of symbols by [`new`](Model::new) or by [`Sequential`](super::Sequential); trained by
/// [`compile`](Model::compile) and [`fit`](Model::fit).
///
/// ```
/// use wgrad::prelude::*;
/// let x = Input::new([8]).symbol();
/// let h = Dense::new(8).activation(Relu).apply(&x);
/// let y = Dense::new(2).apply(&(&x + &h));
/// let model = Model::new([&x], [&y])?;
/// assert_eq!(model.call(&Tensor::ones([3, 8]), Training::No)?.shape()[..], [3, 2]);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[doc(alias = "keras.Model")]
pub struct Model {
    name: String,
    layers: Vec<LayerRef>,
    built: Option<Built>,
    /// Training steps so far: the random numbers of a step depend on it.
    pub(crate) step: Counter,
    /// What `compile` set, or why nothing did.
    pub(crate) compiled: std::result::Result<Compiled, String>,
    policy: Policy,
}

struct Built {
    /// The network as a layer.
    root: LayerRef,
    inputs: Vec<Input>,
    /// Shapes of the outputs, and their names.
    outputs: Vec<Dims>,
    output_names: Vec<String>,
    device: Device,
    seed: u64,
}

/// Inputs or outputs of a model: one symbol, a list, or symbols with names.
///
/// ```
/// use wgrad::{models::Ends, prelude::*};
/// let (age, fare) = (Input::new([1]).symbol(), Input::new([1]).symbol());
/// let named = Ends::from([("age", &age), ("fare", &fare)]);
/// let model = Model::new(named, &Concatenate::new().apply([&age, &fare]))?;
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Ends {
    symbols: Vec<Tensor>,
    structure: Structure,
}

impl From<&Tensor> for Ends {
    fn from(symbol: &Tensor) -> Self {
        Self { symbols: vec![symbol.clone()], structure: Structure::One }
    }
}

impl<const N: usize> From<[&Tensor; N]> for Ends {
    fn from(symbols: [&Tensor; N]) -> Self {
        Self { symbols: symbols.map(Tensor::clone).into(), structure: if N == 1 { Structure::One } else { Structure::List } }
    }
}

impl From<&[Tensor]> for Ends {
    fn from(symbols: &[Tensor]) -> Self {
        Self { symbols: symbols.to_vec(), structure: Structure::List }
    }
}

impl<const N: usize> From<[(&str, &Tensor); N]> for Ends {
    fn from(named: [(&str, &Tensor); N]) -> Self {
        let (names, symbols) = named.into_iter().map(|(name, symbol)| (name.to_owned(), symbol.clone())).unzip();
        Self { symbols, structure: Structure::Named(names) }
    }
}

impl Model {
    /// A functional model: what leads from symbols of [`Input`] to outputs.
    ///
    /// # Errors
    /// What went wrong when a layer was applied, with the line; and when an output needs an input that is not given, or two layers
    /// have one name.
    pub fn new(inputs: impl Into<Ends>, outputs: impl Into<Ends>) -> Result<Self> {
        let (inputs, outputs): (Ends, Ends) = (inputs.into(), outputs.into());
        let network = Network::new((&inputs.symbols, inputs.structure), (&outputs.symbols, outputs.structure))?;
        Self::of(LayerRef::from(network).name("functional"), true)
    }

    /// A model whose layers are made for the first data.
    pub(super) fn unbuilt(name: String, layers: Vec<LayerRef>) -> Self {
        name_all(&layers);
        Self {
            name,
            layers,
            built: None,
            step: Counter::default(),
            compiled: Err("call compile(optimizer, loss) first".into()),
            policy: Policy::current(),
        }
    }

    /// A model of a network. Its weights get their first values unless they come from somewhere else.
    fn of(root: LayerRef, drawn: bool) -> Result<Self> {
        let (device, seed) = (Device::current()?, random::current_seed());
        root.build(Vec::new())?;
        root.draw("", drawn.then_some(seed))?;
        let about = root.with::<Network, _>(|network| {
            let outputs = network.graph.outputs.iter().map(|&slot| network.graph.slots[slot].0.clone()).collect();
            (network.graph.layers.clone(), network.graph.inputs.clone(), outputs, network.output_names())
        });
        let Some((layers, inputs, outputs, output_names)) = about else {
            return Err(Error::invalid(format!("a {} is a layer, not a model", root.class_name())));
        };
        let mut model = Self::unbuilt(root.layer_name().to_owned(), layers);
        model.policy = root.policy();
        model.built = Some(Built { root, inputs, outputs, output_names, device, seed });
        Ok(model)
    }

    pub(crate) fn build(&mut self, input: &Input) -> Result<()> {
        if self.built.is_none() {
            let network = Network::sequential(input, &self.layers)?;
            let root = LayerRef::from(network).dtype_policy(self.policy).name(&self.name);
            self.built = Self::of(root, true)?.built;
        }
        Ok(())
    }

    /// Builds for such samples, if that has not happened yet.
    pub(crate) fn build_for_data(&mut self, samples: &Array) -> Result<()> {
        let input = Input::new(Dims::from(samples.shape()).sample());
        self.build(&if samples.dtype() == DType::Str { input.dtype(DType::Str) } else { input })
    }

    fn built(&self) -> Result<&Built> {
        self.built
            .as_ref()
            .ok_or_else(|| Error::invalid(format!("model {} is not built yet; its first fit does it, or Sequential::build", self.name)))
    }

    pub(crate) fn compiled(&self) -> Result<&Compiled> {
        self.compiled.as_ref().map_err(|why| Error::invalid(format!("model {} is not compiled: {why}", self.name)))
    }

    /// The optimizer that [`compile`](Self::compile) set, or a file.
    ///
    /// # Errors
    /// Before the model is compiled.
    pub fn optimizer(&self) -> Result<&dyn Optimizer> {
        Ok(&*self.compiled()?.optimizer)
    }

    /// The model's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The dtype policy under which it was made.
    pub fn policy(&self) -> Policy {
        self.policy
    }

    /// Its layers, in Keras' order.
    pub fn layers(&self) -> &[LayerRef] {
        &self.layers
    }

    /// The layer called `name`.
    ///
    /// # Errors
    /// When there is none; the text lists those there are.
    pub fn get_layer(&self, name: &str) -> Result<&LayerRef> {
        self.layers.iter().find(|layer| layer.layer_name() == name).ok_or_else(|| {
            let names: Vec<_> = self.layers.iter().map(LayerRef::layer_name).collect();
            Error::invalid(format!("model {} has no layer {name:?}; it has {}", self.name, names.join(", ")))
        })
    }

    /// The model as a layer of another one, which shares its weights.
    ///
    /// # Errors
    /// Before it is built.
    pub fn as_layer(&self) -> Result<LayerRef> {
        Ok(self.built()?.root.clone())
    }

    /// Where its weights live.
    ///
    /// # Errors
    /// Before it is built.
    pub fn device(&self) -> Result<&Device> {
        Ok(&self.built()?.device)
    }

    pub(crate) fn seed(&self) -> Result<u64> {
        Ok(self.built()?.seed)
    }

    /// What it is fed with.
    ///
    /// # Errors
    /// Before it is built.
    pub fn inputs(&self) -> Result<&[Input]> {
        Ok(&self.built()?.inputs)
    }

    /// Names of the outputs: as given, else of the layers that they come from.
    ///
    /// # Errors
    /// Before it is built.
    pub fn output_names(&self) -> Result<&[String]> {
        Ok(&self.built()?.output_names)
    }

    /// Shapes of the outputs.
    ///
    /// # Errors
    /// Before it is built.
    pub fn output_dims(&self) -> Result<&[Dims]> {
        Ok(&self.built()?.outputs)
    }

    /// Shape of output `at` for so many samples, which stand for other unknown sizes too.
    pub(crate) fn output_shape(&self, at: usize, samples: usize) -> Result<Shape> {
        Ok(self.built()?.outputs[at].with_unknown(samples))
    }

    /// All weights, in Keras' order.
    pub fn variables(&self) -> Vec<Variable> {
        self.built.as_ref().map_or_else(Vec::new, |built| built.root.variables())
    }

    /// The weights that an optimizer changes.
    pub fn trainable_variables(&self) -> Vec<Variable> {
        self.built.as_ref().map_or_else(Vec::new, |built| built.root.trained_weights().map(|weight| weight.variable).collect())
    }

    /// Freezes or thaws all layers.
    pub fn set_trainable(&self, trainable: bool) {
        self.built.iter().for_each(|built| built.root.set_trainable(trainable));
        self.layers.iter().for_each(|layer| layer.set_trainable(trainable));
    }

    /// Number of elements in all weights.
    pub fn count_params(&self) -> usize {
        self.variables().iter().map(|variable| variable.spec().size()).sum()
    }

    /// The values of all weights, in Keras' order.
    pub fn get_weights(&self) -> Vec<Tensor> {
        self.variables().iter().map(Variable::value).collect()
    }

    /// Gives all weights these values, in Keras' order.
    ///
    /// # Errors
    /// When their number or a shape differs; then none is changed.
    pub fn set_weights(&self, values: &[Tensor]) -> Result<()> {
        let variables = self.variables();
        if variables.len() != values.len() {
            return Err(Error::invalid(format!("model {} has {} weights, got {}", self.name, variables.len(), values.len())));
        }
        for (variable, value) in variables.iter().zip(values) {
            if variable.spec() != value.spec() {
                return Err(Error::shape(format!("weight {} is {}, got {}", variable.name(), variable.spec(), value.spec())));
            }
        }
        variables.iter().zip(values).try_for_each(|(variable, value)| variable.assign(value))
    }

    /// The first output for a batch. With `Training::Yes` moving statistics are updated and each call draws other random numbers.
    ///
    /// # Errors
    /// When the model is not built or the shape is not the one it was built for.
    pub fn call(&self, inputs: impl Into<Inputs>, training: Training) -> Result<Tensor> {
        Ok(self.call_all(inputs, training)?.swap_remove(0))
    }

    /// All outputs for a batch, as [`call`](Self::call).
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub fn call_all(&self, inputs: impl Into<Inputs>, training: Training) -> Result<Vec<Tensor>> {
        let step = if training == Training::Yes { self.step.next() } else { 0 };
        let mut call = Call::new(training, self.seed()?, step);
        let outputs = self.forward(&mut call, &inputs.into())?;
        call.take_updates().into_iter().try_for_each(|(variable, value)| variable.assign(&value))?;
        Ok(outputs.tensors().to_vec())
    }

    /// The outputs, with updates left in `call`.
    pub(crate) fn forward(&self, call: &mut Call, inputs: &Inputs) -> Result<Outputs> {
        for (at, x) in inputs.tensors().iter().enumerate() {
            self.check_input(at, x.shape())?;
        }
        self.built()?.root.call_as("", call, inputs)
    }

    /// `loss` with what layers added to it in `call`, and the penalties of trained weights.
    pub(crate) fn total_loss(&self, call: &mut Call, loss: Tensor) -> Result<Tensor> {
        let weights = self.built()?.root.trained_weights();
        let penalties = weights.filter_map(|weight| weight.regularizer.map(|regularizer| regularizer.call(&weight.variable.value())));
        let added = call.take_losses().into_iter().map(Ok);
        added.chain(penalties).try_fold(loss, |loss, more| Ok(loss + more?))
    }

    /// That data of shape `samples`, batch included, is what input `at` was built for.
    pub(crate) fn check_input(&self, at: usize, samples: &Shape) -> Result<()> {
        let inputs = &self.built()?.inputs;
        let Some(expected) = inputs.get(at).map(Input::dims) else {
            return Err(Error::invalid(format!("model {}: input {at} is one too many, it takes {}", self.name, inputs.len())));
        };
        if expected.admits(samples) {
            return Ok(());
        }
        let with_channel: Vec<usize> = samples.iter().copied().chain([1]).collect();
        let hint = if expected.admits(&with_channel) { "; the axis of channels is missing, add one of size 1" } else { "" };
        Err(Error::shape(format!("model {}: expected input {expected}, got {samples}{hint}", self.name)))
    }

    /// The model's architecture, and what `compile` set, as Keras' JSON, without weights.
    ///
    /// # Errors
    /// Before it is built.
    #[doc(alias = "keras.Model.to_json")]
    pub fn to_json(&self) -> Result<String> {
        let mut json = self.config()?;
        if let Ok(compiled) = &self.compiled {
            json["compile_config"] = compiled.to_json(self.output_names()?);
        }
        Ok(crate::config::write_json(&json))
    }

    /// The model that `json` describes, with new weights, compiled if the other one was.
    ///
    /// ```
    /// use wgrad::prelude::*;
    /// let model = Sequential::new().add(Input::new([4])).add(Dense::new(3).name("last")).build()?;
    /// let copy = Model::from_json(&model.to_json()?)?;
    /// assert_eq!(copy.get_layer("last")?.class_name(), "Dense");
    /// # Ok::<(), wgrad::Error>(())
    /// ```
    ///
    /// # Errors
    /// All classes and options that are not known, with their layers.
    #[doc(alias = "keras.models.model_from_json")]
    pub fn from_json(json: &str) -> Result<Self> {
        let json = crate::config::parse_json(json.as_bytes()).map_err(|error| error.at("a model's JSON"))?;
        Self::from_config(&json, true)
    }

    /// A model of the same layers with new weights, not compiled.
    ///
    /// # Errors
    /// Before it is built.
    #[doc(alias = "keras.models.clone_model")]
    pub fn clone_model(&self) -> Result<Self> {
        Self::from_config(&self.config()?, true)
    }

    /// Its layers as files hold them.
    pub(crate) fn config(&self) -> Result<Json> {
        Ok(self.built()?.root.to_json())
    }

    /// The model that a file describes; without first values where the weights come from the file.
    pub(crate) fn from_config(json: &Json, drawn: bool) -> Result<Self> {
        let mut model = Self::of(config::read(|reader| LayerRef::from_json(json, reader))?, drawn)?;
        model.compile_from(&json["compile_config"])?;
        Ok(model)
    }

    /// Prints Keras' table of layers, output shapes and parameters.
    pub fn summary(&self) {
        print!("{}", self.summary_text());
    }

    /// The text that [`summary`](Self::summary) prints.
    pub fn summary_text(&self) -> String {
        let size = |variables: &[Variable]| Count::words(variables.iter().map(|variable| variable.spec().size()).sum());
        let trainable = size(&self.trainable_variables());
        let slots = self.compiled.as_ref().map_or(0, |compiled| compiled.optimizer.slot_words());
        let totals = Totals {
            trainable,
            non_trainable: Count::words(self.count_params() - trainable.params),
            // Keras counts the step and the learning rate too: 8 and 4 bytes.
            optimizer: (slots > 0).then(|| Count { params: slots + 2, bytes: 4 * slots + 12 }),
        };
        let rows = self.built.as_ref().and_then(|built| built.root.with(Network::rows));
        let unbuilt = |layer: &LayerRef| Row {
            name: layer.layer_name().to_owned(),
            class: layer.class_name().to_owned(),
            output_shape: "?".into(),
            params: None,
            connected_to: Vec::new(),
        };
        let rows = rows.unwrap_or_else(|| self.layers.iter().map(unbuilt).collect());
        summary::summary(&self.name, &rows, &totals, summary::WIDTH)
    }
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<Model {}, {} layers>", self.name, self.layers.len())
    }
}
