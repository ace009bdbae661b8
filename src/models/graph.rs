//! The calls of a functional model, in an order in which they can be made.

use super::host::Place;
use crate::{
    DType, Dims, Error, Result, Tensor,
    layers::{Argument, Call, Input, Inputs, LayerRef, Meaning, Operation, Origin, Outputs, SymbolicCall, check_symbol, name_all},
};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

/// Where a tensor of a call comes from.
#[derive(Clone, Debug)]
pub(super) enum Source {
    /// An input of the model, or an output of a call.
    Slot(usize),
    Constant(Tensor),
}

/// An argument of a call.
#[derive(Clone, Debug)]
pub(super) enum ArgumentSource {
    One(Source),
    Several(Vec<Source>),
    Value(crate::config::Json),
}

/// A call of a layer.
#[derive(Debug)]
pub(super) struct Step {
    /// Which of the graph's layers.
    pub layer: usize,
    /// Which call of that layer it is, in the order in which they were written.
    pub node: usize,
    pub inputs: Vec<Source>,
    masks: Vec<Option<Source>>,
    pub arguments: Vec<(String, ArgumentSource)>,
    /// The slots of its outputs.
    pub outputs: std::ops::Range<usize>,
}

/// Inputs, calls and outputs of a functional model.
#[derive(Debug)]
pub(super) struct Graph {
    /// With names.
    pub inputs: Vec<Input>,
    /// In Keras' order: the deepest first.
    pub layers: Vec<LayerRef>,
    pub steps: Vec<Step>,
    /// Where each of them runs.
    pub places: Vec<Place>,
    /// Shape and dtype of each slot; the first ones are the inputs.
    pub slots: Vec<(Dims, DType)>,
    pub outputs: Vec<usize>,
}

/// A symbol's address.
fn key(tensor: &Tensor) -> usize {
    Arc::as_ptr(&tensor.node) as usize
}

fn call_of(tensor: &Tensor) -> Option<(&Arc<SymbolicCall>, usize)> {
    match &Meaning::of(tensor)?.origin {
        Ok(Origin::Call { call, output }) => Some((call, *output)),
        _ => None,
    }
}

impl Graph {
    /// The calls that lead from `inputs` to `outputs`.
    pub fn new(inputs: &[Tensor], outputs: &[Tensor]) -> Result<Self> {
        let mut graph = Graph {
            inputs: named_inputs(inputs)?,
            layers: Vec::new(),
            steps: Vec::new(),
            places: Vec::new(),
            slots: Vec::new(),
            outputs: Vec::new(),
        };
        let mut slots = HashMap::new();
        for input in inputs {
            if slots.insert(slot_key(input), graph.slots.len()).is_some() {
                return Err(Error::invalid("an input is given twice"));
            }
            graph.slots.push((input.dims(), input.dtype()));
        }
        let (calls, found) = sorted(inputs, outputs)?;
        graph.layers = layers_in_order(&calls, found);
        name_all(&graph.layers);
        check_names(graph.inputs.iter().filter_map(|input| input.name.as_deref()), &graph.layers)?;
        for call in &calls {
            graph.add(call, &calls, &mut slots);
        }
        graph.outputs = outputs.iter().map(|output| slots[&slot_key(output)]).collect();
        graph.place();
        Ok(graph)
    }

    fn add(&mut self, call: &Arc<SymbolicCall>, calls: &[Arc<SymbolicCall>], slots: &mut HashMap<usize, usize>) {
        let source = |x: &Tensor| slots.get(&slot_key(x)).map_or_else(|| Source::Constant(x.clone()), |&slot| Source::Slot(slot));
        let argument = |argument: &Argument| match argument {
            Argument::Tensor(tensor) => ArgumentSource::One(source(tensor)),
            Argument::Tensors(tensors) => ArgumentSource::Several(tensors.iter().map(source).collect()),
            Argument::Value(value) => ArgumentSource::Value(value.clone()),
        };
        let inputs = &call.inputs;
        let step = Step {
            layer: self.layers.iter().position(|layer| layer.is_same(&call.layer)).expect("all layers are listed"),
            node: calls.iter().filter(|other| other.layer.is_same(&call.layer) && other.order < call.order).count(),
            inputs: inputs.tensors().iter().map(source).collect(),
            masks: (0..inputs.tensors().len()).map(|at| inputs.mask(at).map(source)).collect(),
            arguments: inputs.arguments().iter().map(|(name, value)| (name.clone(), argument(value))).collect(),
            outputs: self.slots.len()..self.slots.len() + call.outputs.len(),
        };
        slots.extend((0..call.outputs.len()).map(|output| (output_key(call, output), self.slots.len() + output)));
        self.slots.extend(call.outputs.iter().cloned());
        self.steps.push(step);
    }

    /// Makes all calls.
    pub fn call(&self, call: &mut Call, inputs: &Inputs) -> Result<Outputs> {
        let mut values: Vec<Option<(Tensor, Option<Tensor>)>> = vec![None; self.slots.len()];
        for (at, (x, input)) in inputs.tensors().iter().zip(&self.inputs).enumerate() {
            values[at] = Some((fitted(x, input)?, inputs.mask(at).cloned()));
        }
        let mut left = self.uses();
        for (at, step) in self.steps.iter().enumerate() {
            let take = |source: &Source| match source {
                Source::Slot(slot) => values[*slot].clone().expect("calls are in order"),
                Source::Constant(tensor) => (tensor.clone(), None),
            };
            let (tensors, masks): (Vec<_>, Vec<_>) = step.inputs.iter().map(take).unzip();
            let mut inputs = Inputs::from(&tensors[..]);
            for (at, (explicit, implicit)) in step.masks.iter().zip(masks).enumerate() {
                let mask = explicit.as_ref().map(|source| take(source).0).or(implicit);
                if mask.is_some() {
                    inputs = inputs.with_mask(at, mask);
                }
            }
            for (name, argument) in &step.arguments {
                inputs = inputs.with(
                    name,
                    match argument {
                        ArgumentSource::One(source) => Argument::Tensor(take(source).0),
                        ArgumentSource::Several(sources) => Argument::Tensors(sources.iter().map(|source| take(source).0).collect()),
                        ArgumentSource::Value(value) => Argument::Value(value.clone()),
                    },
                );
            }
            let outputs = self.call_step(at, call, &inputs)?;
            for (at, slot) in step.outputs.clone().enumerate() {
                values[slot] = outputs.tensors().get(at).cloned().map(|tensor| (tensor, outputs.mask(at).cloned()));
            }
            // What nothing needs any more goes, so that eager runs do not hold all activations.
            for slot in step.slots() {
                left[slot] -= 1;
                if left[slot] == 0 {
                    values[slot] = None;
                }
            }
        }
        let outputs =
            self.outputs.iter().map(|&slot| values[slot].clone().ok_or_else(|| Error::invalid("a layer gave fewer outputs than before")));
        let (tensors, masks) = outputs.collect::<Result<Vec<_>>>()?.into_iter().unzip();
        Ok(Outputs::masked(tensors, masks))
    }

    /// How often each slot is read; outputs once more.
    fn uses(&self) -> Vec<usize> {
        let mut uses = vec![0; self.slots.len()];
        self.steps.iter().flat_map(Step::slots).chain(self.outputs.iter().copied()).for_each(|slot| uses[slot] += 1);
        uses
    }

    /// The call whose output a slot is, and which output; nothing for an input.
    pub fn origin(&self, slot: usize) -> Option<(&Step, usize)> {
        let step = self.steps.iter().find(|step| step.outputs.contains(&slot))?;
        Some((step, slot - step.outputs.start))
    }

    /// `["dense", 0, 0]`: the layer behind a slot, which of its calls and which output.
    pub fn history(&self, slot: usize) -> (String, usize, usize) {
        match self.origin(slot) {
            Some((step, output)) => (self.layers[step.layer].layer_name().to_owned(), step.node, output),
            None => (self.inputs[slot].name.clone().unwrap_or_default(), 0, 0),
        }
    }
}

/// `x` in the dtype that the input has on a device.
fn fitted(x: &Tensor, input: &Input) -> Result<Tensor> {
    match (x.dtype() == DType::Str, input.dtype == DType::Str) {
        (true, true) => Ok(x.clone()),
        (false, false) if x.array_on_host().is_some() => Ok(x.clone()),
        (false, false) => Ok(x.cast(input.dtype.of_device())),
        _ => Err(Error::dtype(format!("input {} is {}, got {}", input.input_name(), input.dtype, x.dtype()))),
    }
}

impl Step {
    /// Every slot that it reads.
    pub fn slots(&self) -> impl Iterator<Item = usize> {
        let arguments = self.arguments.iter().flat_map(|(_, argument)| match argument {
            ArgumentSource::One(source) => std::slice::from_ref(source),
            ArgumentSource::Several(sources) => sources,
            ArgumentSource::Value(_) => &[],
        });
        let slot = |source: &Source| if let Source::Slot(slot) = source { Some(*slot) } else { None };
        self.inputs.iter().chain(self.masks.iter().flatten()).chain(arguments).filter_map(slot)
    }
}

/// Tells outputs of calls apart; symbols of one output are several where a call is made again by its own.
fn output_key(call: &Arc<SymbolicCall>, output: usize) -> usize {
    Arc::as_ptr(call) as usize + output
}

/// Where the slot of a symbol is found: inputs by themselves, others by their call.
fn slot_key(tensor: &Tensor) -> usize {
    call_of(tensor).map_or_else(|| key(tensor), |(call, output)| output_key(call, output))
}

/// The inputs, each with a name.
fn named_inputs(inputs: &[Tensor]) -> Result<Vec<Input>> {
    let mut unnamed = 0;
    let mut named = |tensor: &Tensor| {
        let input = match &check_symbol(tensor)?.origin {
            Ok(Origin::Input(input)) => input.clone(),
            // Something inside of another model, which is fed here.
            _ => Input::new(tensor.dims().sample()).dtype(tensor.dtype()),
        };
        if input.name.is_some() {
            return Ok(input);
        }
        unnamed += 1;
        Ok(input.name(&if unnamed == 1 { "input_layer".into() } else { format!("input_layer_{}", unnamed - 1) }))
    };
    inputs.iter().map(&mut named).collect()
}

/// All calls that lead to `outputs`, each after those that it needs; and their layers as they are found from the outputs.
fn sorted(inputs: &[Tensor], outputs: &[Tensor]) -> Result<(Vec<Arc<SymbolicCall>>, Vec<LayerRef>)> {
    enum Work {
        Visit(Tensor),
        Leave(Arc<SymbolicCall>),
    }
    let given: HashSet<usize> = inputs.iter().map(slot_key).collect();
    let (mut order, mut seen, mut found) = (Vec::new(), HashSet::new(), Vec::<LayerRef>::new());
    let mut work: Vec<Work> = outputs.iter().rev().cloned().map(Work::Visit).collect();
    while let Some(next) = work.pop() {
        let tensor = match next {
            Work::Leave(call) => {
                order.push(call);
                continue;
            }
            Work::Visit(tensor) => tensor,
        };
        if given.contains(&slot_key(&tensor)) {
            continue;
        }
        match &check_symbol(&tensor)?.origin {
            Ok(Origin::Call { call, .. }) if seen.insert(Arc::as_ptr(call)) => {
                if !found.iter().any(|layer| layer.is_same(&call.layer)) {
                    found.push(call.layer.clone());
                }
                work.push(Work::Leave(call.clone()));
                work.extend(call.inputs.all().filter(|x| x.is_symbol()).cloned().collect::<Vec<_>>().into_iter().rev().map(Work::Visit));
            }
            Ok(Origin::Input(input)) => {
                let name = input.name.as_deref().unwrap_or("without a name");
                return Err(Error::invalid(format!(
                    "the graph is disconnected: an output needs input {name} of shape {}, which is not among the model's inputs",
                    input.dims()
                )));
            }
            _ => {}
        }
    }
    Ok((order, found))
}

/// The layers of the calls, as Keras orders them: by how far they are from the outputs, then as they are found from there.
fn layers_in_order(calls: &[Arc<SymbolicCall>], layers: Vec<LayerRef>) -> Vec<LayerRef> {
    let index = |call: &Arc<SymbolicCall>| layers.iter().position(|layer| layer.is_same(&call.layer)).expect("it was found on the way");
    let of: Vec<usize> = calls.iter().map(index).collect();
    let place: HashMap<_, _> = calls.iter().enumerate().map(|(at, call)| (Arc::as_ptr(call), at)).collect();
    let (mut depths, mut layer_depths) = (vec![0; calls.len()], vec![0; layers.len()]);
    for (at, call) in calls.iter().enumerate().rev() {
        let depth = depths[at].max(layer_depths[of[at]]);
        (depths[at], layer_depths[of[at]]) = (depth, depth);
        for (before, _) in call.inputs.all().filter_map(call_of) {
            if let Some(&before) = place.get(&Arc::as_ptr(before)) {
                depths[before] = depths[before].max(depth + 1);
            }
        }
    }
    let mut order: Vec<usize> = (0..layers.len()).collect();
    order.sort_by_key(|&at| std::cmp::Reverse(layer_depths[at]));
    order.into_iter().map(|at| layers[at].clone()).collect()
}

/// That no two have one name.
fn check_names<'a>(inputs: impl Iterator<Item = &'a str>, layers: &'a [LayerRef]) -> Result<()> {
    let mut names = HashSet::new();
    let layers = layers.iter().filter(|layer| layer.with::<Operation, _>(|_| ()).is_none()).map(LayerRef::layer_name);
    match inputs.chain(layers).find(|&name| !names.insert(name)) {
        Some(name) => Err(Error::invalid(format!("two layers are called {name}; the names of a model's layers differ"))),
        None => Ok(()),
    }
}
