//! A model: named layers, their variables, and the call that runs through them.

use super::{
    Input,
    summary::{self, Count, Row, Totals},
};
use crate::{
    Error, Result, Shape, Tensor, Variable,
    device::Device,
    graph::Counter,
    layers::{Call, LayerRef, Training, name_all},
    mixed_precision::Policy,
    random,
    training::Compiled,
};
use std::fmt;

/// The batch size with which shapes are inferred: nothing is computed for it.
const STAND_IN: usize = 2;

/// Layers put together. Made by [`Sequential`](super::Sequential); trained by [`compile`](Model::compile) and [`fit`](Model::fit).
#[doc(alias = "keras.Model")]
pub struct Model {
    name: String,
    layers: Vec<LayerRef>,
    built: Option<BuiltModel>,
    /// Training steps so far: the random numbers of a step depend on it.
    pub(crate) step: Counter,
    pub(crate) compiled: Option<Compiled>,
    policy: Policy,
}

struct BuiltModel {
    input: Input,
    device: Device,
    seed: u64,
    /// Output shape of each layer, for a batch of [`STAND_IN`].
    shapes: Vec<Shape>,
}

impl Model {
    pub(super) fn from_layers(name: String, layers: Vec<LayerRef>) -> Self {
        name_all(&layers);
        Self { name, layers, built: None, step: Counter::default(), compiled: None, policy: Policy::current() }
    }

    pub(crate) fn build(&mut self, input: Input) -> Result<()> {
        if self.built.is_some() {
            return Ok(());
        }
        let mut names = std::collections::HashSet::new();
        if let Some(layer) = self.layers.iter().find(|layer| !names.insert(layer.layer_name().to_owned())) {
            return Err(Error::invalid(format!("model {}: two layers are called {}", self.name, layer.layer_name())));
        }
        let (device, seed) = (Device::current()?, random::current_seed());
        let shapes = device.scope(|| {
            let mut x = Tensor::zeros(batch_of(&input.shape, STAND_IN)).cast(input.dtype);
            let mut call = Call::new(Training::No, seed, 0);
            let mut shapes = Vec::with_capacity(self.layers.len());
            for layer in &self.layers {
                x = layer.call(&mut call, &x)?;
                shapes.push(x.shape().clone());
            }
            Ok::<_, Error>(shapes)
        })?;
        self.built = Some(BuiltModel { input, device, seed, shapes });
        Ok(())
    }

    /// Builds for data of shape `samples`, batch included, if that has not happened yet.
    pub(crate) fn build_for_data(&mut self, samples: &Shape) -> Result<()> {
        if self.built.is_some() {
            return Ok(());
        }
        self.build(Input::new(samples.get(1..).unwrap_or(&[])))
    }

    fn built(&self) -> Result<&BuiltModel> {
        self.built
            .as_ref()
            .ok_or_else(|| Error::invalid(format!("model {} is not built yet; its first fit does it, or Sequential::build", self.name)))
    }

    pub(crate) fn compiled(&self) -> Result<&Compiled> {
        self.compiled
            .as_ref()
            .ok_or_else(|| Error::invalid(format!("model {} is not compiled: call compile(optimizer, loss) first", self.name)))
    }

    /// The model's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The dtype policy under which it was made.
    pub fn policy(&self) -> Policy {
        self.policy
    }

    /// Its layers, in order.
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

    /// The output's shape for a batch of `samples`.
    pub(crate) fn output_shape(&self, samples: usize) -> Result<Shape> {
        let built = self.built()?;
        Ok(built.shapes.last().map_or_else(|| batch_of(&built.input.shape, samples), |shape| shape.with(0, samples)))
    }

    /// All weights, in Keras' order.
    pub fn variables(&self) -> Vec<Variable> {
        self.layers.iter().flat_map(|layer| layer.variables()).collect()
    }

    /// The weights that an optimizer changes.
    pub fn trainable_variables(&self) -> Vec<Variable> {
        let layers = self.layers.iter().filter(|layer| layer.is_trainable());
        layers.flat_map(LayerRef::weights).filter(|weight| weight.trainable).map(|weight| weight.variable).collect()
    }

    /// Number of elements in all weights.
    pub fn count_params(&self) -> usize {
        self.variables().iter().map(|variable| variable.spec().size()).sum()
    }

    /// The output for a batch. With `Training::Yes` moving statistics are updated and each call draws other random numbers.
    ///
    /// # Errors
    /// When the model is not built or the shape is not the one it was built for.
    pub fn call(&self, x: &Tensor, training: Training) -> Result<Tensor> {
        let step = if training == Training::Yes { self.step.next() } else { 0 };
        let mut call = Call::new(training, self.seed()?, step);
        let y = self.forward(&mut call, x)?;
        call.take_updates().into_iter().try_for_each(|(variable, value)| variable.assign(&value))?;
        Ok(y)
    }

    /// The output, with updates left in `call`.
    pub(crate) fn forward(&self, call: &mut Call, x: &Tensor) -> Result<Tensor> {
        self.check_input(x.shape())?;
        let mut x = x.cast(self.built()?.input.dtype);
        for layer in &self.layers {
            x = layer.call(call, &x)?;
        }
        Ok(x)
    }

    /// `loss` with what layers added to it in `call`, and the penalties of trained weights.
    pub(crate) fn total_loss(&self, call: &mut Call, loss: Tensor) -> Result<Tensor> {
        let layers = self.layers.iter().filter(|layer| layer.is_trainable());
        let weights = layers.flat_map(LayerRef::weights).filter(|weight| weight.trainable);
        let penalties = weights.filter_map(|weight| weight.regularizer.map(|regularizer| regularizer.call(&weight.variable.value())));
        let added = call.take_losses().into_iter().map(Ok);
        added.chain(penalties).try_fold(loss, |loss, more| Ok(loss + more?))
    }

    /// That data of shape `samples`, batch included, is what the model was built for.
    pub(crate) fn check_input(&self, samples: &Shape) -> Result<()> {
        let expected = &self.built()?.input.shape;
        if samples.get(1..) == Some(&expected[..]) {
            return Ok(());
        }
        let missing_channel = samples.get(1..).is_some_and(|found| found.iter().chain(&[1]).eq(expected.iter()));
        let hint = if missing_channel { "; the axis of channels is missing, add one of size 1" } else { "" };
        Err(Error::shape(format!("model {}: expected input {}, got {samples}{hint}", self.name, shown(&batch_of(expected, STAND_IN)))))
    }

    /// Prints Keras' table of layers, output shapes and parameters.
    pub fn summary(&self) {
        print!("{}", self.summary_text());
    }

    /// The text that [`summary`](Self::summary) prints.
    pub fn summary_text(&self) -> String {
        let size = |variables: &[Variable]| Count::words(variables.iter().map(|variable| variable.spec().size()).sum());
        let rows: Vec<Row> = self
            .layers
            .iter()
            .enumerate()
            .map(|(at, layer)| Row {
                name: layer.layer_name().to_owned(),
                class: layer.class_name().to_owned(),
                output_shape: self.built.as_ref().map_or_else(|| "?".into(), |built| shown(&built.shapes[at])),
                params: layer.is_built().then(|| size(&layer.variables()).params),
                connected_to: Vec::new(),
            })
            .collect();
        let trainable = size(&self.trainable_variables());
        let slots = self.compiled.as_ref().map_or(0, |compiled| compiled.optimizer.state().slot_words());
        let totals = Totals {
            trainable,
            non_trainable: Count::words(self.count_params() - trainable.params),
            // Keras counts the step and the learning rate too: 8 and 4 bytes.
            optimizer: (slots > 0).then(|| Count { params: slots + 2, bytes: 4 * slots + 12 }),
        };
        summary::summary(&self.name, &rows, &totals, summary::WIDTH)
    }
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<Model {}, {} layers>", self.name, self.layers.len())
    }
}

fn batch_of(sample: &Shape, samples: usize) -> Shape {
    std::iter::once(samples).chain(sample.iter().copied()).collect()
}

/// A shape whose batch is unknown, as Keras writes it.
fn shown(shape: &Shape) -> String {
    let mut sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
    if let Some(batch) = sizes.first_mut() {
        *batch = "None".into();
    }
    if sizes.len() == 1 { "(None,)".into() } else { format!("({})", sizes.join(", ")) }
}
