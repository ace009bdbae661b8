//! Names of layers, and a layer as Keras' files hold it.

use super::{Built, LayerRef};
use crate::{
    Shape,
    config::{Fields, Json, Options, Reader, Value, Written, snake_case},
    layers::Layer,
    lock::lock,
    mixed_precision::Policy,
};
use std::{
    collections::{BTreeMap, HashMap},
    sync::Mutex,
};

/// Gives layers without a name Keras' names: `dense`, `dense_1` and so on.
pub(crate) fn name_all(layers: &[LayerRef]) {
    for (layer, name) in layers.iter().zip(file_names(layers)) {
        layer.name_if_unnamed(|| name);
    }
}

/// What layers of a class are called after.
fn name_of(class: &str) -> String {
    // The one class that Keras exports under another name than its own.
    snake_case(if class == "GroupQueryAttention" { "GroupedQueryAttention" } else { class })
}

/// A name for a layer that is called without a model: as in Keras, layers of a class are numbered in the process.
pub(super) fn next_name(class: &'static str) -> String {
    static COUNTS: Mutex<BTreeMap<&str, usize>> = Mutex::new(BTreeMap::new());
    let mut counts = lock(&COUNTS);
    let count = counts.entry(class).or_default();
    *count += 1;
    if *count == 1 { name_of(class) } else { format!("{}_{}", name_of(class), *count - 1) }
}

/// The names of layers of a list in weight files: by class and count, whatever the layers are called.
pub(crate) fn file_names(layers: &[LayerRef]) -> Vec<String> {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    let name = |layer: &LayerRef| {
        let count = counts.entry(layer.class_name()).or_default();
        *count += 1;
        let base = name_of(layer.class_name());
        if *count == 1 { base } else { format!("{base}_{}", *count - 1) }
    };
    layers.iter().map(name).collect()
}

/// A layer as Keras' `serialize_keras_object` gives it.
impl Value for LayerRef {
    fn to_json(&self) -> Json {
        let mut options = Options::new();
        options.insert("name".into(), self.layer_name().into());
        // What calculates on the host has nothing to train, and Keras does not always take the option.
        if !self.is_of_host() {
            options.insert("trainable".into(), self.is_trainable().into());
        }
        if self.look(|layer| layer.autocast()) {
            options.insert("dtype".into(), self.policy().to_json());
        }
        if let Some(regularizer) = &self.0.activity_regularizer {
            options.insert("activity_regularizer".into(), regularizer.to_json());
        }
        self.look(|layer| layer.options(&mut options));
        let mut json = Written::json(self.0.class, options);
        // Keras finds this class of its own by the registered name alone.
        if self.class_name() == "Functional" {
            json["registered_name"] = self.class_name().into();
        }
        // Where inputs have names of their own, Keras finds the shapes when it calls the layer.
        let has_shapes =
            |built: &&Built| built.layer.autocast() && !built.shapes.is_empty() && (built.shapes.len() == 1 || built.layer.takes_list());
        if let Some(built) = self.0.built.get().filter(has_shapes) {
            // The batch size means nothing.
            let shape = |shape: &Shape| -> Json {
                shape.iter().enumerate().map(|(axis, &size)| if axis == 0 { Json::Null } else { size.into() }).collect()
            };
            // A cell is built for its input, whatever states come with it.
            let count = if self.with_cell(|_| ()).is_some() { 1 } else { built.shapes.len() };
            let shapes: Vec<Json> = built.shapes.iter().take(count).map(shape).collect();
            let shapes = if let [one] = &shapes[..] { one.clone() } else { shapes.into() };
            json["build_config"] = serde_json::json!({ "input_shape": shapes });
        }
        json
    }

    fn from_json(json: &Json, reader: &mut Reader) -> Option<Self> {
        let Some(mut written) = Written::of(json) else { return reader.expected("a layer", json) };
        let name = written.options.shift_remove("name").and_then(|name| name.as_str().map(str::to_owned));
        let place = format!("{} ({})", name.as_deref().unwrap_or("layer"), written.class_name);
        reader.at(place, |reader| {
            let entry = written.find::<dyn Layer>(reader)?;
            Fields::read(written.options, reader, |fields| {
                let trainable = fields.take("trainable").unwrap_or(true);
                let dtype: Option<Json> = fields.take("dtype");
                let regularizer = fields.take("activity_regularizer");
                let layer = (entry.read)(fields)?;
                let policy = match dtype.filter(|dtype| !dtype.is_null()) {
                    // Of integers, as hashes have it: those of a device are 32 bits wide in any case.
                    Some(dtype) if layer.as_host().is_some() && is_integer(&dtype) => Policy::Float32,
                    Some(dtype) => fields.reader().at("dtype", |reader| Policy::from_json(&dtype, reader)).unwrap_or_default(),
                    None => Policy::Float32,
                };
                let mut layer = LayerRef::new(layer, policy);
                layer.unshared("activity regularizer").activity_regularizer = regularizer;
                layer.set_trainable(trainable);
                if let Some(name) = name {
                    layer.name_if_unnamed(|| name);
                }
                Some(layer)
            })
        })
    }
}

/// Whether a dtype, or a policy, is that of integers.
fn is_integer(dtype: &Json) -> bool {
    let name = dtype.as_str().or_else(|| dtype.pointer("/config/name")?.as_str());
    matches!(name, Some("int32" | "int64"))
}
