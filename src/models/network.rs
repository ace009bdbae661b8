//! Functional and sequential models as layers: their graph, and their config both ways.

use super::{
    graph::{ArgumentSource, Graph, Source, Step},
    summary::Row,
};
use crate::{
    DType, Dims, Error, Result, Tensor,
    config::{Class, Config, Entry, Fields, Json, Options, Reader, Value, submit},
    layers::{Argument, Call, Children, Input, Inputs, Layer, LayerExt, LayerRef, Operation, Outputs, apply_symbols, file_names},
};
use serde_json::json;
use std::collections::HashMap;

static SEQUENTIAL: Class = Class { module: "keras", name: "Sequential", package: None };
static FUNCTIONAL: Class = Class { module: "keras.src.models.functional", name: "Functional", package: None };

/// Whether a model's inputs or outputs are one tensor, a list, or have names.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Structure {
    One,
    List,
    Named(Vec<String>),
}

/// A model's calls as one layer.
#[derive(Debug)]
pub(super) struct Network {
    pub graph: Graph,
    /// Whether it is a stack of layers, as files tell it.
    is_sequential: bool,
    pub inputs: Structure,
    pub outputs: Structure,
}

impl Network {
    /// A functional model.
    pub fn new(inputs: (&[Tensor], Structure), outputs: (&[Tensor], Structure)) -> Result<Self> {
        Ok(Self { graph: Graph::new(inputs.0, outputs.0)?, is_sequential: false, inputs: inputs.1, outputs: outputs.1 })
    }

    /// A stack of layers.
    pub fn sequential(input: &Input, layers: &[LayerRef]) -> Result<Self> {
        crate::layers::name_all(layers);
        let input = input.symbol();
        let output = layers.iter().fold(input.clone(), |x, layer| apply_symbols(layer, Inputs::from(&x), None).swap_remove(0));
        Ok(Self { is_sequential: true, ..Self::new((&[input], Structure::One), (&[output], Structure::One))? })
    }

    /// Whether it is a stack of layers.
    pub fn is_sequential(&self) -> bool {
        self.is_sequential
    }

    /// The names of its outputs: given ones, else those of the layers that they come from.
    pub fn output_names(&self) -> Vec<String> {
        match &self.outputs {
            Structure::Named(names) => names.clone(),
            _ => self.graph.outputs.iter().map(|&slot| self.graph.history(slot).0).collect(),
        }
    }

    /// The rows of the summary. A stack has no column of connections.
    pub fn rows(&self) -> Vec<Row> {
        let graph = &self.graph;
        let inputs = graph.inputs.iter().map(|input| Row {
            name: input.name.clone().unwrap_or_default(),
            class: "InputLayer".into(),
            output_shape: input.dims().to_string(),
            params: Some(0),
            connected_to: vec!["-".into()],
        });
        let layers = graph.layers.iter().enumerate().map(|(at, layer)| {
            let calls = || graph.steps.iter().filter(move |step| step.layer == at);
            let shapes = calls().flat_map(|step| graph.slots[step.outputs.clone()].iter().map(|(dims, _)| dims.to_string()));
            let mut shapes: Vec<String> = shapes.collect();
            shapes.dedup();
            let connected = calls().flat_map(Step::slots).map(|slot| {
                let (name, node, tensor) = graph.history(slot);
                format!("{name}[{node}][{tensor}]")
            });
            Row {
                name: layer.layer_name().to_owned(),
                class: layer.class_name().to_owned(),
                output_shape: if shapes.len() == 1 { shapes.remove(0) } else { format!("[{}]", shapes.join(", ")) },
                params: Some(layer.variables().iter().map(|variable| variable.spec().size()).sum()),
                connected_to: if self.is_sequential { Vec::new() } else { connected.collect() },
            }
        });
        if self.is_sequential { layers.collect() } else { inputs.chain(layers).collect() }
    }

    /// Which row's outputs go into which row.
    pub fn edges(&self) -> Vec<(usize, usize)> {
        let inputs = if self.is_sequential { 0 } else { self.graph.inputs.len() };
        let row = |slot: usize| match self.graph.origin(slot) {
            Some((step, _)) => Some(inputs + step.layer),
            None => (slot < inputs).then_some(slot),
        };
        let of = |step: &Step| step.slots().filter_map(row).map(|from| (from, inputs + step.layer)).collect::<Vec<_>>();
        let mut edges: Vec<_> = self.graph.steps.iter().flat_map(of).filter(|(from, to)| from != to).collect();
        edges.sort_unstable();
        edges.dedup();
        edges
    }
}

impl Children for Network {
    fn children(&self) -> Vec<(String, LayerRef)> {
        let layers: Vec<LayerRef> =
            self.graph.layers.iter().filter(|layer| layer.with::<Operation, _>(|_| ()).is_none()).cloned().collect();
        file_names(&layers).into_iter().map(|name| format!("layers/{name}")).zip(layers).collect()
    }
}

impl Layer for Network {
    fn autocast(&self) -> bool {
        false
    }

    fn call(&self, call: &mut Call, inputs: &Inputs) -> Result<Outputs> {
        let expected = &self.graph.inputs;
        if inputs.tensors().len() != expected.len() {
            let names: Vec<_> = expected.iter().filter_map(|input| input.name.as_deref()).collect();
            return Err(Error::invalid(format!("expected {} inputs ({}), got {}", names.len(), names.join(", "), inputs.tensors().len())));
        }
        for (x, input) in inputs.tensors().iter().zip(expected) {
            if !input.dims().admits(x.shape()) {
                let name = input.name.as_deref().unwrap_or_default();
                return Err(Error::shape(format!("expected input {name} of shape {}, got {}", input.dims(), x.shape())));
            }
        }
        self.graph.call(call, inputs)
    }
}

impl Config for Network {
    fn class(&self) -> &'static Class {
        if self.is_sequential { &SEQUENTIAL } else { &FUNCTIONAL }
    }

    fn options(&self, out: &mut Options) {
        let inputs = self.graph.inputs.iter().map(input_json);
        if self.is_sequential {
            let layers = inputs.chain(self.graph.layers.iter().map(Value::to_json)).collect();
            out.insert("layers".into(), layers);
            out.insert("build_input_shape".into(), self.graph.inputs[0].dims().to_json());
            return;
        }
        let inputs = self.graph.inputs.iter().zip(inputs).map(|(input, mut json)| {
            json["name"] = input.name.clone().into();
            json["inbound_nodes"] = json!([]);
            json
        });
        let layers = self.graph.layers.iter().enumerate().map(|(at, layer)| {
            let mut json = layer.to_json();
            if layer.with::<Operation, _>(|_| ()).is_some() {
                let options = json["config"].as_object_mut().into_iter();
                options.for_each(|options| options.retain(|name, _| name != "trainable"));
                json["registered_name"] = json["class_name"].clone();
            }
            let mut nodes: Vec<&Step> = self.graph.steps.iter().filter(|step| step.layer == at).collect();
            nodes.sort_by_key(|step| step.node);
            json["name"] = layer.layer_name().into();
            json["inbound_nodes"] = nodes.into_iter().map(|step| self.node_json(layer, step)).collect();
            json
        });
        out.insert("layers".into(), inputs.chain(layers).collect());
        let ends = |structure: &Structure, slots: &[usize]| -> Json {
            let history = |slot: &usize| json!(self.graph.history(*slot));
            match (structure, slots) {
                (Structure::One, [slot]) => history(slot),
                (Structure::Named(names), _) => names.iter().cloned().zip(slots.iter().map(history)).collect::<Options>().into(),
                _ => slots.iter().map(history).collect(),
            }
        };
        let inputs: Vec<usize> = (0..self.graph.inputs.len()).collect();
        out.insert("input_layers".into(), ends(&self.inputs, &inputs));
        out.insert("output_layers".into(), ends(&self.outputs, &self.graph.outputs));
    }
}

impl Network {
    /// A call as files hold it.
    fn node_json(&self, layer: &LayerRef, step: &Step) -> Json {
        let tensor = |source: &Source| match source {
            Source::Slot(slot) => {
                let (dims, dtype) = &self.graph.slots[*slot];
                let config = json!({"shape": dims.to_json(), "dtype": dtype.name(), "keras_history": self.graph.history(*slot)});
                json!({"class_name": "__keras_tensor__", "config": config})
            }
            Source::Constant(tensor) => constant_json(tensor),
        };
        let argument = |(name, argument): &(String, ArgumentSource)| {
            let value = match argument {
                ArgumentSource::One(source) => tensor(source),
                ArgumentSource::Several(sources) => sources.iter().map(tensor).collect(),
                ArgumentSource::Value(value) => value.clone(),
            };
            (name.clone(), value)
        };
        let kwargs: Options = step.arguments.iter().map(argument).collect();
        let inputs = step.inputs.iter().map(tensor);
        let (args, kwargs) = match layer.with::<Operation, _>(|operation| operation.write_arguments(kwargs.clone())) {
            Some(arguments) => arguments,
            // Attention takes its inputs one by one, merging layers as a list.
            None if step.inputs.len() > 1 && layer.takes_list() => (vec![inputs.collect()], kwargs),
            None => (inputs.collect(), kwargs),
        };
        json!({"args": args, "kwargs": kwargs})
    }

    fn read_sequential(fields: &mut Fields<'_>) -> Option<Box<dyn Layer>> {
        let layers: Vec<Json> = fields.required("layers")?;
        let shape: Option<Dims> = fields.take("build_input_shape");
        let reader = fields.reader();
        let is_input = |json: &&Json| json["class_name"] == "InputLayer";
        let given = layers.iter().find(is_input).and_then(|json| read_input(json, reader));
        let read: Vec<Option<LayerRef>> =
            layers.iter().filter(|json| !is_input(json)).map(|json| LayerRef::from_json(json, reader)).collect();
        let layers: Vec<LayerRef> = read.into_iter().collect::<Option<_>>()?;
        let Some(input) = given.or(shape.map(|dims| Input::new(dims.sample()))) else {
            return reader.refuse("a Sequential without an InputLayer and without build_input_shape has no shape to be built for");
        };
        Self::sequential(&input, &layers).map_or_else(|error| reader.refuse(error), |made| Some(Box::new(made) as Box<dyn Layer>))
    }

    fn read_functional(fields: &mut Fields<'_>) -> Option<Box<dyn Layer>> {
        let (layers, inputs, outputs): (Option<Vec<Json>>, _, _) =
            (fields.required("layers"), fields.required::<Json>("input_layers"), fields.required::<Json>("output_layers"));
        let reader = fields.reader();
        let made = Wiring::read(&layers?, reader)?;
        let mut ends = |json: &Json| {
            let Some((names, structure)) = ends(json) else { return reader.expected("places as [\"layer\", 0, 0]", json) };
            let symbols = names.iter().map(|place| made.find(place));
            match symbols.collect::<Option<Vec<Tensor>>>() {
                Some(symbols) => Some((symbols, structure)),
                None => reader.refuse(format_args!("no such places: {json}")),
            }
        };
        let (inputs, outputs) = (ends(&inputs?)?, ends(&outputs?)?);
        match Self::new((&inputs.0, inputs.1), (&outputs.0, outputs.1)) {
            Ok(made) => Some(Box::new(made)),
            Err(error) => reader.refuse(error),
        }
    }
}

submit! { Entry::<dyn Layer> { class: &SEQUENTIAL, aliases: &[], read: Network::read_sequential } }
submit! { Entry::<dyn Layer> { class: &FUNCTIONAL, aliases: &[], read: Network::read_functional } }

/// A layer of inputs, as files hold it.
fn input_json(input: &Input) -> Json {
    json!({
        "module": "keras.layers", "class_name": "InputLayer", "registered_name": null,
        "config": {
            "batch_shape": input.dims().to_json(), "dtype": input.dtype.name(), "sparse": false, "ragged": false,
            "name": input.name, "optional": false,
        },
    })
}

fn read_input(json: &Json, reader: &mut Reader) -> Option<Input> {
    let Some(Json::Object(options)) = json.get("config") else { return reader.expected("an InputLayer", json) };
    Fields::read(options.clone(), reader, |fields| {
        let (name, dtype) = (fields.take::<String>("name"), fields.take("dtype").unwrap_or(DType::F32));
        let dims: Option<Dims> = fields.take("batch_shape").or_else(|| fields.take("batch_input_shape")).or_else(|| fields.take("shape"));
        for flag in ["sparse", "ragged"] {
            if fields.take(flag) == Some(true) {
                fields.reader().refuse::<()>(format_args!("{flag} inputs do not exist here"));
            }
        }
        fields.ignore("optional");
        fields.ignore("trainable");
        let Some(dims) = dims.filter(|dims| !dims.is_empty()) else { return fields.required::<Dims>("batch_shape").and(None) };
        Some(Input { sample: dims.sample(), batch_size: dims[0], dtype, name })
    })
}

/// `["layer", 0, 0]`.
type Place = (String, usize, usize);

fn place(json: &Json) -> Option<Place> {
    let [name, node, tensor] = &json.as_array()?[..] else { return None };
    Some((name.as_str()?.to_owned(), node.as_u64()? as usize, tensor.as_u64()? as usize))
}

/// The places of inputs or outputs: one, a list, or by name.
fn ends(json: &Json) -> Option<(Vec<Place>, Structure)> {
    if let Some(one) = place(json) {
        return Some((vec![one], Structure::One));
    }
    if let Some(list) = json.as_array() {
        return Some((list.iter().map(place).collect::<Option<_>>()?, Structure::List));
    }
    let named = json.as_object()?;
    Some((named.values().map(place).collect::<Option<_>>()?, Structure::Named(named.keys().cloned().collect())))
}

/// Layers of a file being called, one by one as their inputs become known.
#[derive(Default)]
struct Wiring {
    /// Outputs by layer and call.
    symbols: HashMap<(String, usize), Vec<Tensor>>,
}

impl Wiring {
    fn find(&self, (layer, node, tensor): &Place) -> Option<Tensor> {
        self.symbols.get(&(layer.clone(), *node))?.get(*tensor).cloned()
    }

    fn read(layers: &[Json], reader: &mut Reader) -> Option<Self> {
        let mut made = Wiring::default();
        // (layer, its name, number of the call, the call)
        let mut calls: Vec<(LayerRef, String, usize, &Json)> = Vec::new();
        let mut complete = true;
        for json in layers {
            let name = json["name"].as_str().or_else(|| json["config"]["name"].as_str()).unwrap_or_default().to_owned();
            if json["class_name"] == "InputLayer" {
                match read_input(json, reader) {
                    Some(input) => drop(made.symbols.insert((name.clone(), 0), vec![input.name(&name).symbol()])),
                    None => complete = false,
                }
                continue;
            }
            let nodes = json["inbound_nodes"].as_array().map_or(&[][..], Vec::as_slice);
            let Some(layer) = read_layer(json, reader) else {
                complete = false;
                continue;
            };
            let layer = layer.name(&name);
            calls.extend(nodes.iter().enumerate().map(|(at, node)| (layer.clone(), name.clone(), at, node)));
        }
        if !complete {
            return None;
        }
        while !calls.is_empty() {
            let before = calls.len();
            let mut later = Vec::new();
            for (layer, name, at, node) in calls {
                // Calls of one layer keep their order.
                let waits = later.iter().any(|(other, ..): &(LayerRef, String, usize, &Json)| other.is_same(&layer));
                let inputs = layer.with::<Operation, _>(|operation| made.arguments(operation, node)).unwrap_or_else(|| made.inputs(node));
                match inputs.filter(|_| !waits) {
                    Some(inputs) => drop(made.symbols.insert((name, at), layer.call_with(inputs).apply_all())),
                    None => later.push((layer, name, at, node)),
                }
            }
            if later.len() == before {
                let names: Vec<_> = later.iter().map(|(_, name, ..)| name.as_str()).collect();
                return reader.refuse(format_args!("disconnected or cyclic: the inputs of {} never become known", names.join(", ")));
            }
            calls = later;
        }
        Some(made)
    }

    /// The inputs of a call; nothing while one of them is not known yet.
    fn inputs(&self, node: &Json) -> Option<Inputs> {
        let mut tensors = Vec::new();
        for argument in node["args"].as_array()? {
            match argument {
                Json::Array(list) => tensors.extend(list.iter().map(|json| self.tensor(json)).collect::<Option<Vec<_>>>()?),
                json if json.is_object() => tensors.push(self.tensor(json)?),
                _ => {}
            }
        }
        let mut inputs = Vec::new();
        // Whether a model trains is its caller's to say, as in Keras, whatever the call of a layer noted.
        let says = |(name, value): &(&String, &Json)| *name != "training" && !value.is_null();
        for (name, value) in node["kwargs"].as_object().into_iter().flatten().filter(says) {
            let argument = match value {
                Json::Array(list) if list.iter().any(is_tensor) => {
                    Argument::Tensors(list.iter().map(|json| self.tensor(json)).collect::<Option<_>>()?)
                }
                json if is_tensor(json) => Argument::Tensor(self.tensor(json)?),
                json => Argument::Value(json.clone()),
            };
            match (name.as_str(), argument) {
                ("query" | "value" | "key" | "inputs" | "sequence" | "x", Argument::Tensor(tensor)) => tensors.push(tensor),
                (_, argument) => inputs.push((name, argument)),
            }
        }
        Some(inputs.into_iter().fold(Inputs::new(&tensors), |inputs, (name, argument)| match (&name[..], argument) {
            ("mask", Argument::Tensor(mask)) => inputs.with_mask(0, Some(mask)),
            ("mask", Argument::Tensors(masks)) => {
                masks.into_iter().enumerate().fold(inputs, |inputs, (at, mask)| inputs.with_mask(at, Some(mask)))
            }
            (name, argument) => inputs.with(name, argument),
        }))
    }

    /// The arguments of an op's call; nothing while one of them is not known yet.
    fn arguments(&self, operation: &Operation, node: &Json) -> Option<Inputs> {
        let args = node["args"].as_array().into_iter().flatten().map(|json| self.argument(json)).collect::<Option<_>>()?;
        let kwargs = node["kwargs"].as_object().into_iter().flatten();
        let kwargs = kwargs.map(|(name, json)| Some((name.clone(), self.argument(json)?))).collect::<Option<_>>()?;
        Some(operation.name_arguments(args, kwargs))
    }

    /// A tensor, a list with tensors among its elements, or what else stands there.
    fn argument(&self, json: &Json) -> Option<Argument> {
        // What is no array of numbers stays as it is: the op that needs a tensor there says so.
        let element = |json: &Json| if is_tensor(json) { Some(self.tensor(json)) } else { Operation::constant(json).map(Some) };
        Some(match json {
            json if is_tensor(json) => Argument::Tensor(self.tensor(json)?),
            json if is_constant(json) => Operation::constant(json).map_or_else(|| Argument::Value(json.clone()), Argument::Tensor),
            Json::Array(list) if list.iter().any(|json| is_tensor(json) || is_constant(json)) => {
                match list.iter().map(element).collect::<Option<Vec<_>>>() {
                    Some(tensors) => Argument::Tensors(tensors.into_iter().collect::<Option<_>>()?),
                    None => Argument::Value(json.clone()),
                }
            }
            json => Argument::Value(json.clone()),
        })
    }

    fn tensor(&self, json: &Json) -> Option<Tensor> {
        self.find(&place(json.pointer("/config/keras_history")?)?)
    }
}

fn is_tensor(json: &Json) -> bool {
    json["class_name"] == "__keras_tensor__"
}

fn is_constant(json: &Json) -> bool {
    json["class_name"] == "__numpy__" || json["class_name"] == "__tensor__"
}

/// A constant as files hold it: NumPy's array, or a number.
fn constant_json(tensor: &Tensor) -> Json {
    let values: Result<Vec<Json>> = match tensor.dtype() {
        DType::Bool => tensor.to_vec::<bool>().map(|values| values.into_iter().map(Json::from).collect()),
        dtype if dtype.is_float() => tensor.cast(DType::F32).to_vec::<f32>().map(|values| values.iter().map(Value::to_json).collect()),
        DType::U32 => tensor.to_vec::<u32>().map(|values| values.into_iter().map(Json::from).collect()),
        _ => tensor.cast(DType::I32).to_vec::<i32>().map(|values| values.into_iter().map(Json::from).collect()),
    };
    let Ok(mut values) = values else { return Json::Null };
    for &size in tensor.shape().iter().rev() {
        values = if size == 0 { vec![json!([])] } else { values.chunks(size).map(|row| row.to_vec().into()).collect() };
    }
    let value = values.into_iter().next().unwrap_or_else(|| json!([]));
    if tensor.rank() == 0 { value } else { json!({"class_name": "__numpy__", "config": {"value": value, "dtype": tensor.dtype().name()}}) }
}

/// A layer, or an op.
fn read_layer(json: &Json, reader: &mut Reader) -> Option<LayerRef> {
    if !json["module"].as_str().is_some_and(|module| module.starts_with("keras.src.ops") || module.starts_with("keras.ops")) {
        return LayerRef::from_json(json, reader);
    }
    let config = json["config"].as_object().cloned().unwrap_or_default();
    reader.at(json["name"].as_str().unwrap_or("op"), |reader| {
        Operation::read(json["class_name"].as_str().unwrap_or_default(), config, reader)
    })
}
