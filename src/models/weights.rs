//! Weights of a model as a tree of groups: `layers/dense/vars/0`, whatever the layers are called.

use super::Model;
use crate::{
    Error, Result, Tensor, Variable,
    data::{Array, AsArray},
    formats::hdf5::Group,
    layers::LayerRef,
};
use std::collections::BTreeMap;

/// The group of the optimizer's state.
const OPTIMIZER: &str = "optimizer/vars";

/// Layers with their places in the file, each once: where it is met first.
pub(super) fn places(root: &LayerRef) -> Vec<(String, LayerRef)> {
    let mut places: Vec<(String, LayerRef)> = Vec::new();
    let mut work = vec![(String::new(), root.clone())];
    while let Some((path, layer)) = work.pop() {
        if places.iter().any(|(_, other)| other.is_same(&layer)) {
            continue;
        }
        work.extend(layer.children().into_iter().rev().map(|(name, child)| (inside(&path, &name), child)));
        places.push((path, layer));
    }
    places
}

/// Elements of all arrays in a file.
pub(super) fn stored(file: &Group) -> usize {
    let here: usize = file.datasets.values().map(|dataset| dataset.array.values().len()).sum();
    here + file.groups.values().map(stored).sum::<usize>()
}

fn inside(path: &str, name: &str) -> String {
    if path.is_empty() { name.into() } else { format!("{path}/{name}") }
}

/// The tree that Keras' `save_weights` writes: the weights and, if there is one, the state of the optimizer.
pub(super) fn write(model: &Model) -> Result<Group> {
    let mut file = Group::default();
    for (place, layer) in places(&model.as_layer()?) {
        let path = inside(&place, "vars");
        file.group_mut(&path)?.set_text("name", layer.layer_name());
        for (at, weight) in layer.own_weights().iter().enumerate() {
            file.insert(&format!("{path}/{at}"), weight.variable.value().as_array()?.into_owned())?;
        }
        for (name, array) in layer.with_assets(|assets| assets.arrays()).unwrap_or_default() {
            file.insert(&inside(&place, &name), array)?;
        }
    }
    if let Some(optimizer) = model.optimizer().ok().filter(|optimizer| optimizer.is_built()) {
        file.group_mut(OPTIMIZER)?.set_text("name", &optimizer.optimizer_name());
        for (at, (_, values)) in optimizer.variables()?.into_iter().enumerate() {
            file.insert(&format!("{OPTIMIZER}/{at}"), values)?;
        }
    }
    Ok(file)
}

/// Gives a model the weights of such a tree: all of them, or none; and its optimizer the state.
pub(super) fn read(model: &Model, file: &Group) -> Result<()> {
    let mut loading = Loading::default();
    for (place, layer) in places(&model.as_layer()?) {
        let (own, path) = (layer.own_weights(), inside(&place, "vars"));
        let group = file.group(&path);
        let mut stored = group.map_or(0, |group| group.datasets.len());
        // Weights have numbers for names, what a layer keeps beside them has none.
        let named = group.into_iter().flat_map(|group| &group.datasets).filter(|(name, _)| name.parse::<usize>().is_err());
        let named: BTreeMap<String, Array> = named.map(|(name, dataset)| (format!("vars/{name}"), dataset.array.clone())).collect();
        if let Some(taken) = layer.with_assets(|assets| assets.set_arrays(&named)) {
            taken.map_err(|error| error.at(&place))?;
            stored -= named.len();
        }
        if own.len() != stored {
            let text = format!("{path}: layer {} has {} weights, the file {stored}", layer.layer_name(), own.len());
            loading.problems.push(text);
            continue;
        }
        for (at, weight) in own.iter().enumerate() {
            let place = format!("{path}/{at}");
            loading.add(&weight.variable, &place, file.dataset(&place).map(|dataset| &dataset.array));
        }
    }
    loading.finish()?;
    let state = file.group(OPTIMIZER).map(|group| (0..).map_while(|at| group.dataset(&at.to_string())));
    take_state(model, state.into_iter().flatten().map(|dataset| dataset.array.clone()).collect());
    Ok(())
}

/// Gives the optimizer of a compiled model its state. As in Keras one that does not fit is left out with a warning.
pub(super) fn take_state(model: &Model, state: Vec<Array>) {
    let Some(optimizer) = model.optimizer().ok().filter(|_| !state.is_empty()) else { return };
    let taken = optimizer.build(&model.trainable_variables()).and_then(|()| optimizer.set_variables(&state));
    if let Err(error) = taken {
        log::warn!("model {}: its file's optimizer state is left out: {error}", model.name());
    }
}

/// Values for variables, and what does not fit.
#[derive(Default)]
pub(super) struct Loading {
    values: Vec<(Variable, Tensor)>,
    pub problems: Vec<String>,
}

impl Loading {
    /// Takes what lies at `place` as the value of a variable.
    pub fn add(&mut self, variable: &Variable, place: &str, array: Option<&Array>) {
        let spec = variable.spec();
        let value = match array {
            None => Err(Error::data("it is missing")),
            Some(array) if array.shape() != &spec.shape => {
                Err(Error::shape(format!("weight {} has shape {}, the file {}", variable.name(), spec.shape, array.shape())))
            }
            Some(array) => array.tensor(variable.device()).map(|tensor| tensor.cast(spec.dtype)),
        };
        match value {
            Ok(value) => self.values.push((variable.clone(), value)),
            Err(error) => self.problems.push(format!("{place}: {error}")),
        }
    }

    /// Assigns everything, if everything fits.
    pub fn finish(self) -> Result<()> {
        if !self.problems.is_empty() {
            return Err(Error::data(self.problems.join("\n")));
        }
        self.values.iter().try_for_each(|(variable, value)| {
            value.compute()?;
            variable.assign(value)
        })
    }
}
