//! A model as the Rust code that builds it.

use super::{
    Model,
    graph::{ArgumentSource, Source, Step},
    network::Network,
};
use crate::{
    Dims, Error, Result,
    config::{Fields, Json, Kind, Options, Reader, Written, snake_case},
    constraints::Constraint,
    initializers::Initializer,
    layers::{Input, Layer, LayerRef, Operation},
    mixed_precision::Policy,
    regularizers::Regularizer,
};
use std::fmt::Write as _;

impl Model {
    /// The Rust code that builds a model like this one, with Keras' defaults left out.
    ///
    /// ```
    /// use wgrad::prelude::*;
    /// let model = Sequential::new().add(Input::new([4])).add(Dense::new(3).activation(Relu)).build()?;
    /// assert!(model.to_rust()?.contains(".add(Dense::new(3).activation(Relu))"));
    /// # Ok::<(), wgrad::Error>(())
    /// ```
    ///
    /// # Errors
    /// Before it is built.
    pub fn to_rust(&self) -> Result<String> {
        let text = self.as_layer()?.with(
            |network: &Network| {
                if network.is_sequential() { sequential(self.name(), network) } else { functional(network) }
            },
        );
        text.ok_or_else(|| Error::invalid(format!("model {} is not made of layers", self.name())))
    }
}

fn sequential(name: &str, network: &Network) -> String {
    let mut text = "let model = Sequential::new()\n".to_owned();
    if name != "sequential" {
        let _ = writeln!(text, "    .name({name:?})");
    }
    for input in &network.graph.inputs {
        let _ = writeln!(text, "    .add({})", input_code(input, false));
    }
    for layer in &network.graph.layers {
        let _ = writeln!(text, "    .add({})", layer_code(layer, &auto_name(layer)));
    }
    text + "    .build()?;\n"
}

fn functional(network: &Network) -> String {
    let (graph, mut text) = (&network.graph, String::new());
    let mut names: Vec<String> = vec![String::new(); graph.slots.len()];
    for (at, input) in graph.inputs.iter().enumerate() {
        names[at] = identifier(input.name.as_deref().unwrap_or("input"));
        let _ = writeln!(text, "let {} = {}.symbol();", names[at], input_code(input, true));
    }
    let calls = |at: usize| graph.steps.iter().filter(|step| step.layer == at).count();
    for (_, layer) in graph.layers.iter().enumerate().filter(|(at, _)| calls(*at) > 1) {
        let _ = writeln!(text, "let {}_layer = {}.shared();", identifier(layer.layer_name()), layer_code(layer, ""));
    }
    for step in &graph.steps {
        let layer = &graph.layers[step.layer];
        let name = identifier(layer.layer_name()) + &if step.node == 0 { String::new() } else { format!("_{}", step.node) };
        step.outputs.clone().for_each(|slot| {
            names[slot] = if step.outputs.len() == 1 { name.clone() } else { format!("{name}_outputs[{}]", slot - step.outputs.start) }
        });
        let code = operation_code(layer, step, &names).unwrap_or_else(|| {
            let layer =
                if calls(step.layer) > 1 { format!("{}_layer.clone()", identifier(layer.layer_name())) } else { layer_code(layer, "") };
            call_code(&layer, step, &names)
        });
        let _ =
            if step.outputs.len() == 1 { writeln!(text, "let {name} = {code};") } else { writeln!(text, "let {name}_outputs = {code};") };
    }
    let list = |slots: &mut dyn Iterator<Item = usize>| slots.map(|slot| format!("&{}", names[slot])).collect::<Vec<_>>().join(", ");
    let (inputs, outputs) = (list(&mut (0..graph.inputs.len())), list(&mut graph.outputs.iter().copied()));
    let _ = writeln!(text, "let model = Model::new([{inputs}], [{outputs}])?;");
    text
}

/// A name that Rust takes for a variable.
fn identifier(name: &str) -> String {
    let letters: String =
        name.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '_' }).collect();
    if letters.starts_with(|first: char| first.is_ascii_digit()) || letters.is_empty() { format!("x_{letters}") } else { letters }
}

/// The name that a layer gets by itself, however often its class comes.
fn auto_name(layer: &LayerRef) -> String {
    let base = snake_case(layer.class_name());
    let rest = layer.layer_name().strip_prefix(&base);
    let is_auto = rest.is_some_and(|rest| rest.is_empty() || rest.strip_prefix('_').is_some_and(|count| count.parse::<usize>().is_ok()));
    if is_auto { layer.layer_name().to_owned() } else { String::new() }
}

fn input_code(input: &Input, named: bool) -> String {
    let sizes: Vec<String> = input.sample.iter().map(|size| size.map_or_else(|| "None".into(), |size| size.to_string())).collect();
    let list = format!("[{}]", sizes.join(", "));
    let mut text = format!("Input::new({})", if input.sample.contains(&None) { format!("dims!{list}") } else { list });
    if input.dtype != crate::DType::F32 {
        let _ = write!(text, ".dtype(DType::{:?})", input.dtype);
    }
    if let (Some(name), true) = (&input.name, named) {
        let _ = write!(text, ".name({name:?})");
    }
    text
}

/// A layer with its options; its name too unless it is `auto`.
fn layer_code(layer: &LayerRef, auto: &str) -> String {
    use crate::config::Value;
    let json = layer.to_json();
    let mut text = object_code::<dyn Layer>(&json);
    if layer.policy() != Policy::Float32 {
        let _ = write!(text, ".dtype_policy(Policy::{:?})", layer.policy());
    }
    if !layer.is_trainable() {
        text += ".trainable(false)";
    }
    if layer.layer_name() != auto {
        let _ = write!(text, ".name({:?})", layer.layer_name());
    }
    text
}

/// The constructor of an object with what differs from its defaults.
fn object_code<K: Kind + ?Sized>(json: &Json) -> String {
    let Some(mut written) = Written::of(json) else { return format!("/* {json} */") };
    ["name", "trainable", "dtype", "activity_regularizer"].iter().for_each(|key| drop(written.options.shift_remove(*key)));
    let mut reader = Reader::default();
    let Some(entry) = written.find::<K>(&mut reader) else { return format!("/* unknown: {} */", written.class_name) };
    let class = &written.class_name;
    let Some(object) = Fields::read(written.options.clone(), &mut reader, entry.read) else { return format!("/* {json} */") };
    let arguments = object.constructor();
    // What it is when only the arguments are given.
    let given: Options = written
        .options
        .iter()
        .filter(|(key, _)| arguments.contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let mut plain = Options::new();
    if let Some(object) = Fields::read(given, &mut reader, entry.read) {
        object.options(&mut plain);
    }
    let constructor: Vec<String> = arguments.iter().filter_map(|key| written.options.get(*key)).map(value_code).collect();
    if object.constructor().is_empty() && plain.is_empty() && written.options.is_empty() {
        return if K::WHAT == "layer" { format!("{class}::new()") } else { class.clone() };
    }
    let mut text = format!("{class}::new({})", constructor.join(", "));
    for (key, value) in &written.options {
        if !arguments.contains(&key.as_str()) && plain.get(key) != Some(value) && !value.is_null() {
            let _ = write!(text, ".{key}({})", value_code(value));
        }
    }
    text
}

fn value_code(value: &Json) -> String {
    match value {
        Json::String(text)
            if text.starts_with(|first: char| first.is_ascii_alphabetic())
                && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') =>
        {
            text.split('_').map(|word| word[..1].to_uppercase() + &word[1..]).collect()
        }
        Json::Array(list) => format!("[{}]", list.iter().map(value_code).collect::<Vec<_>>().join(", ")),
        Json::Object(object) => match object.get("module").and_then(Json::as_str) {
            Some("keras.initializers") => object_code::<dyn Initializer>(value),
            Some("keras.regularizers") => object_code::<dyn Regularizer>(value),
            Some("keras.constraints") => object_code::<dyn Constraint>(value),
            _ => object_code::<dyn Layer>(value),
        },
        Json::Null => "None".into(),
        other => other.to_string(),
    }
}

/// `&a + &b`, `(&a).relu()`.
fn operation_code(layer: &LayerRef, step: &Step, names: &[String]) -> Option<String> {
    let list =
        |sources: &[Source]| format!("&[{}]", sources.iter().map(|source| source_code(source, names)).collect::<Vec<_>>().join(", "));
    let argument = |(_, argument): &(String, ArgumentSource)| match argument {
        ArgumentSource::One(source) => source_code(source, names),
        ArgumentSource::Several(sources) => list(sources),
        ArgumentSource::Value(value) => value_code(value),
    };
    let arguments: Vec<String> = step.arguments.iter().map(argument).collect();
    let unusual = |operation: &Operation| operation.unusual().map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>();
    let options = layer.with::<Operation, _>(unusual)?;
    let operator = match (layer.class_name(), &arguments[..]) {
        ("Add", [_, _]) => "+",
        ("Subtract", [_, _]) => "-",
        ("Multiply", [_, _]) => "*",
        ("Divide" | "TrueDivide", [_, _]) => "/",
        ("Negative", [x]) => return Some(format!("-{x}")),
        ("Absolute", [x]) => return Some(format!("({x}).abs()")),
        (class, _) => {
            let rest: Vec<String> = arguments.iter().skip(1).cloned().chain(options).collect();
            return Some(format!("({}).{}({})", arguments.first()?, snake_case(class), rest.join(", ")));
        }
    };
    Some(format!("{} {operator} {}", arguments[0], arguments[1]))
}

fn source_code(source: &Source, names: &[String]) -> String {
    match source {
        Source::Slot(slot) => format!("&{}", names[*slot]),
        Source::Constant(tensor) => format!("&Tensor::zeros({:?}) /* a constant */", Dims::from(tensor.shape())),
    }
}

fn call_code(layer: &str, step: &Step, names: &[String]) -> String {
    let inputs: Vec<String> = step.inputs.iter().map(|source| source_code(source, names)).collect();
    let inputs = if let [one] = &inputs[..] { one.clone() } else { format!("[{}]", inputs.join(", ")) };
    let ending = if step.outputs.len() == 1 { "apply" } else { "apply_all" };
    if step.arguments.is_empty() && step.outputs.len() == 1 {
        return format!("{layer}.apply({inputs})");
    }
    let mut text = format!("{layer}.call_with({inputs})");
    for (name, argument) in &step.arguments {
        let _ = match argument {
            ArgumentSource::Value(Json::Bool(true)) if name == "use_causal_mask" => write!(text, ".causal()"),
            ArgumentSource::Value(value) => write!(text, ".with({name:?}, Argument::Value({value}.into()))"),
            ArgumentSource::One(source) => write!(text, ".with({name:?}, Argument::Tensor({}.clone()))", source_code(source, names)),
            ArgumentSource::Several(sources) => {
                let list: Vec<String> = sources.iter().map(|source| source_code(source, names)).collect();
                write!(text, ".with({name:?}, Argument::Tensors([{}].map(Tensor::clone).into()))", list.join(", "))
            }
        };
    }
    format!("{text}.{ending}()")
}
