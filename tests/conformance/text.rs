//! Layers of text: what they learn from data, and what they make of texts, all in JSON.

use super::{
    case::{Case, wrong},
    layers::{config_both_ways, layer_json},
};
use serde_json::Value as Json;
use wgrad::{
    config::{self, Value},
    data::{Array, Values},
    prelude::*,
};

pub fn check(case: &Case) -> Result<()> {
    let json = layer_json(case);
    let layer = config::read(|reader| LayerRef::from_json(&json, reader))?;
    if !case.json["adapt"].is_null() {
        layer.adapt(&array(&case.json["adapt"])?)?;
    }
    let columns = if layer.class_name() == "HashedCrossing" { as_list(&case.json["input"]) } else { vec![&case.json["input"]] };
    let inputs = columns.into_iter().map(array).collect::<Result<Vec<_>>>()?;
    let output = layer.transform(&inputs.iter().collect::<Vec<_>>())?;
    let shape: Vec<usize> = as_list(&case.json["output_shape"]).into_iter().map(|size| size.as_u64().unwrap_or(0) as usize).collect();
    if output.shape()[..] != shape {
        return Err(wrong(format!("output has shape {}, expected {shape:?}", output.shape())));
    }
    compare("output", output.values(), &case.json["output_flat"])?;
    if case.json["vocabulary"].is_array() {
        compare("vocabulary", &vocabulary(&layer)?, &case.json["vocabulary"])?;
    }
    if case.json["adapt"].is_null() { config_both_ways(&layer, &json) } else { Ok(()) }
}

fn vocabulary(layer: &LayerRef) -> Result<Values> {
    let texts = layer.with(|layer: &StringLookup| layer.get_vocabulary());
    let texts = texts.or_else(|| layer.with(|layer: &TextVectorization| layer.get_vocabulary()));
    let integers = || layer.with(|layer: &IntegerLookup| layer.get_vocabulary());
    texts.map(Values::from).or_else(|| integers().map(Values::from)).ok_or_else(|| wrong("it has no vocabulary"))
}

fn as_list(json: &Json) -> Vec<&Json> {
    json.as_array().map_or_else(Vec::new, |list| list.iter().collect())
}

/// Nested lists as an array of texts, integers or floats.
fn array(json: &Json) -> Result<Array> {
    let (mut shape, mut first) = (Vec::new(), json);
    while let Some(list) = first.as_array() {
        shape.push(list.len());
        first = list.first().unwrap_or(&Json::Null);
    }
    let (mut flat, mut work) = (Vec::new(), vec![json]);
    while let Some(next) = work.pop() {
        match next.as_array() {
            Some(list) => work.extend(list.iter().rev()),
            None => flat.push(next),
        }
    }
    let values = if first.is_string() {
        Values::from(flat.into_iter().map(|text| text.as_str().unwrap_or_default().to_owned()).collect::<Vec<_>>())
    } else if first.is_boolean() {
        flat.into_iter().map(|flag| flag == true).collect::<Vec<_>>().into()
    } else if first.is_f64() {
        flat.into_iter().map(|number| number.as_f64().unwrap_or(f64::NAN)).collect::<Vec<_>>().into()
    } else {
        flat.into_iter().map(|number| number.as_i64().unwrap_or_default()).collect::<Vec<_>>().into()
    };
    Array::new(values, shape)
}

/// That elements are those of a list: texts and integers exactly, floats within rounding.
fn compare(name: &str, found: &Values, expected: &Json) -> Result<()> {
    let expected = as_list(expected);
    let same = |at: usize, json: &Json| match found {
        Values::Str(found) => json == found[at].as_str(),
        Values::I64(found) => json.as_i64() == Some(found[at]),
        Values::F32(found) => json.as_f64().is_some_and(|x| (x - f64::from(found[at])).abs() <= 1e-6 * x.abs()),
        _ => false,
    };
    if found.len() != expected.len() {
        return Err(wrong(format!("{name} has {} elements, expected {}: {found:?}", found.len(), expected.len())));
    }
    match expected.iter().enumerate().find(|(at, json)| !same(*at, json)) {
        Some((at, json)) => Err(wrong(format!("{name}[{at}] is not {json}, in {found:?}"))),
        None => Ok(()),
    }
}
