//! Layers: outputs, gradients of inputs and weights, weights after the call, and the config both ways.

use super::case::{Case, FLOAT32, Tolerance, wrong};
use serde_json::Value as Json;
use wgrad::{
    config::{self, Kind, Value},
    layers::{Argument, Layer},
    prelude::*,
};

/// The layer's own JSON: two wrappers of the vectors hold it inside.
pub fn layer_json(case: &Case) -> Json {
    let mut json = case.json.clone();
    if let Some(inner) = json["config"].get("inner") {
        return inner.clone();
    }
    json["registered_name"] = Json::Null;
    json
}

pub fn exists(case: &Case) -> bool {
    let json = layer_json(case);
    <dyn Layer>::entries().any(|entry| json["class_name"] == entry.class.name)
}

/// By the dtypes that take part.
pub fn tolerance(case: &Case) -> Tolerance {
    let json = layer_json(case);
    match json.pointer("/config/dtype/config/name").and_then(Json::as_str).unwrap_or("float32") {
        "float16" | "mixed_float16" => Tolerance { of_largest: 1e-2, ..FLOAT32 },
        "bfloat16" | "mixed_bfloat16" => Tolerance { of_largest: 4e-2, ..FLOAT32 },
        _ => Tolerance::of_device(),
    }
}

/// The call's inputs: tensors, masks and arguments.
fn inputs(case: &Case) -> Result<Inputs> {
    let tensors = case.series("in").into_iter().map(|numbers| numbers.tensor()).collect::<Result<Vec<_>>>()?;
    let wrapper = case.json["config"]["wrapper"].as_str().unwrap_or_default();
    let mut inputs = if wrapper.starts_with("MaskList") {
        Inputs::new(&tensors[..2]).with_mask(0, Some(tensors[2].clone())).with_mask(1, Some(tensors[3].clone()))
    } else if wrapper.starts_with("InitState") {
        Inputs::new(&tensors[..1]).with("initial_state", Argument::Tensors(tensors[1..].to_vec()))
    } else {
        Inputs::new(&tensors)
    };
    for (name, value) in case.json["call_kwargs"].as_object().into_iter().flatten() {
        let tensor = value.as_str().and_then(|text| text.strip_prefix("tensor "));
        inputs = match (&name[..], tensor) {
            ("adapt_data", _) => inputs,
            ("mask", Some(tensor)) => inputs.with_mask(0, Some(case.numbers(tensor)?.tensor()?)),
            (_, Some(tensor)) => inputs.with(name, Argument::Tensor(case.numbers(tensor)?.tensor()?)),
            (_, None) => inputs.with(name, Argument::Value(value.clone())),
        };
    }
    Ok(inputs)
}

pub fn check(case: &Case) -> Result<()> {
    let json = layer_json(case);
    let layer = config::read(|reader| LayerRef::from_json(&json, reader))?;
    let (inputs, tolerance) = (inputs(case)?, tolerance(case));
    let training = if case.flag("training") { Training::Yes } else { Training::No };
    layer.call_all(&mut Call::new(training, 1, 0), &inputs)?;
    let variables = layer.variables();
    set_weights(case, &variables)?;

    let tape = GradientTape::persistent();
    inputs.tensors().iter().filter(|x| x.dtype().is_float()).for_each(|x| tape.watch(x));
    inputs.list("initial_state")?.iter().for_each(|x| tape.watch(x));
    let mut call = Call::new(training, 1, 0);
    let outputs = layer.call_all(&mut call, &inputs)?;
    let mut sum = Tensor::zeros([]);
    for (at, y) in outputs.tensors().iter().enumerate() {
        if let Ok(probe) = case.numbers(&format!("probe.{at}")) {
            sum += (y.cast(DType::F32) * probe.tensor()?.cast(DType::F32)).sum(&[]);
        }
    }
    let all: Vec<&Tensor> = inputs.tensors().iter().chain(inputs.list("initial_state")?).collect();
    for (at, x) in all.into_iter().enumerate() {
        let name = format!("gin.{at}");
        if case.tensors.contains_key(&name) {
            let gradient = tape.gradient(&sum, &[x])?.swap_remove(0);
            case.compare(&name, &gradient.unwrap_or_else(|| x.zeros_like()), tolerance).map_err(|error| error.at("gradient"))?;
        }
    }
    for (at, variable) in variables.iter().enumerate() {
        let name = format!("gw.{at}");
        if case.tensors.contains_key(&name) {
            let gradient = tape.gradient(&sum, &[variable])?.swap_remove(0);
            let gradient = gradient.unwrap_or_else(|| variable.value().zeros_like());
            case.compare(&name, &gradient, tolerance).map_err(|error| error.at(variable.name()))?;
        }
    }
    drop(tape);
    let count = case.series("out").len();
    if outputs.tensors().len() != count {
        return Err(wrong(format!("{} outputs, expected {count}", outputs.tensors().len())));
    }
    for (at, y) in outputs.tensors().iter().enumerate() {
        case.compare(&format!("out.{at}"), y, tolerance)?;
    }
    for (variable, value) in call.take_updates() {
        variable.assign(&value)?;
    }
    for (at, variable) in variables.iter().enumerate() {
        let name = format!("wafter.{at}");
        if case.tensors.contains_key(&name) {
            case.compare(&name, &variable.value(), tolerance)?;
        }
    }
    config_both_ways(&layer, &json)
}

/// Gives the layer the case's weights, which are as many and have the same shapes, order and trainability.
fn set_weights(case: &Case, variables: &[Variable]) -> Result<()> {
    let expected = case.series("w");
    let shapes = |found: Vec<Vec<usize>>| format!("{found:?}");
    let (found, wanted): (Vec<_>, Vec<_>) =
        (variables.iter().map(|w| w.spec().shape.to_vec()).collect(), expected.iter().map(|w| w.shape.clone()).collect());
    if found != wanted {
        return Err(wrong(format!("weights have shapes {}, expected {}", shapes(found), shapes(wanted))));
    }
    for (variable, value) in variables.iter().zip(expected) {
        variable.assign(&value.tensor()?.cast(variable.spec().dtype))?;
    }
    Ok(())
}

/// What is written equals what was read, as far as it is written; and reads as the same again.
pub fn config_both_ways(layer: &LayerRef, json: &Json) -> Result<()> {
    let written = layer.to_json();
    if let Some(place) = difference(&written["config"], &json["config"]) {
        return Err(wrong(format!("config differs at {place}: wrote {}, read {}", written["config"], json["config"])));
    }
    let again = config::read(|reader| LayerRef::from_json(&written, reader))?.to_json();
    let (one, other) = (&again["config"], &written["config"]);
    if difference(one, other).or_else(|| difference(other, one)).is_some() {
        return Err(wrong(format!("config does not survive: {} became {}", written["config"], again["config"])));
    }
    Ok(())
}

/// Where `written` says something else than `read`; numbers compare as numbers, and options that are left out do not count.
fn difference(written: &Json, read: &Json) -> Option<String> {
    match (written, read) {
        (Json::Object(written), Json::Object(read)) => {
            let inside = |(key, value): (&String, &Json)| {
                let read = read.get(key).unwrap_or(&Json::Null);
                (key != "build_config").then(|| difference(value, read)).flatten().map(|place| format!("{key}/{place}"))
            };
            written.iter().find_map(inside)
        }
        (Json::Array(written), Json::Array(read)) if written.len() == read.len() => {
            written.iter().zip(read).enumerate().find_map(|(at, (a, b))| difference(a, b).map(|place| format!("{at}/{place}")))
        }
        (Json::Number(a), Json::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap_or(f64::NAN), b.as_f64().unwrap_or(f64::NAN));
            (a - b).abs().gt(&(1e-7 * b.abs())).then(String::new)
        }
        (a, b) => (a != b).then(String::new),
    }
}
