//! The `.h5` files of older versions: the config as an attribute, weights by layer, in the order of the layers.

use super::{
    Model, files,
    weights::{self, Loading},
};
use crate::{
    Error, Result,
    data::{Array, Values},
    formats::hdf5::Group,
    layers::LayerRef,
};

/// The model that such a file holds.
pub(super) fn load(file: &Group) -> Result<Model> {
    let config =
        file.text("model_config").ok_or_else(|| Error::data("there is no model in it, it lacks the attribute \"model_config\""))?;
    let weights = file.group("model_weights").ok_or_else(|| Error::data("it lacks the group \"model_weights\""))?;
    let model = files::parse(config.as_bytes()).and_then(|config| files::make(&config, weights));
    let mut model = model.map_err(|error| error.at("model_config"))?;
    read(&model, weights).map_err(|error| error.at("model_weights"))?;
    if let Some(config) = file.text("training_config") {
        let mut config = files::parse(config.as_bytes()).map_err(|error| error.at("training_config"))?;
        if let Some(options) = config.as_object_mut() {
            let optimizer = options.shift_remove("optimizer_config").unwrap_or_default();
            options.insert("optimizer".into(), optimizer);
        }
        model.compile_from(&config)?;
    }
    if let Some(group) = file.group("optimizer_weights") {
        let state = names(group, "weight_names").into_iter().map_while(|name| group.dataset(&name));
        weights::take_state(&model, state.map(|dataset| dataset.array.clone()).collect());
    }
    Ok(model)
}

/// As Keras does, layers with weights are matched by their order, not by name.
fn read(model: &Model, file: &Group) -> Result<()> {
    let mut stored = Vec::new();
    for name in names(file, "layer_names") {
        let group = file.group(&name).ok_or_else(|| Error::data(format!("group {name:?} is missing")))?;
        let weights = names(group, "weight_names");
        if !weights.is_empty() {
            stored.push((name, group, weights));
        }
    }
    let layers: Vec<&LayerRef> = model.layers().iter().filter(|layer| !layer.weights().is_empty()).collect();
    if layers.len() != stored.len() {
        return Err(Error::data(format!("the model has {} layers with weights, the file {}", layers.len(), stored.len())));
    }
    let mut loading = Loading::default();
    for (layer, (name, group, names)) in layers.into_iter().zip(stored) {
        // Trained ones come first, across the layers inside.
        let mut weights = layer.weights();
        weights.sort_by_key(|weight| !weight.trainable);
        if weights.len() != names.len() {
            let text = format!("{name}: layer {} has {} weights, the file {}", layer.layer_name(), weights.len(), names.len());
            loading.problems.push(text);
            continue;
        }
        for (weight, place) in weights.iter().zip(names) {
            loading.add(&weight.variable, &format!("{name}/{place}"), group.dataset(&place).map(|dataset| &dataset.array));
        }
    }
    loading.finish()
}

/// A list of names, which Keras cuts in pieces called `name0`, `name1` and so on where it is long.
fn names(group: &Group, attribute: &str) -> Vec<String> {
    let text = |array: &Array| match array.values() {
        Values::Str(names) => names.clone(),
        // An empty list has no type of its own.
        _ => Vec::new(),
    };
    match group.attributes.get(attribute) {
        Some(array) => text(array),
        None => (0..).map_while(|at| group.attributes.get(&format!("{attribute}{at}"))).flat_map(text).collect(),
    }
}
