//! Optimizers: ten steps from their configs, what they leave by name and order, and the way back into a fresh one.

use super::{
    case::{Case, FLOAT32, Numbers, Tolerance, wrong},
    objects::same,
};
use serde_json::json;
use wgrad::{
    config::{self, Kind, Value},
    data::{Array, Values},
    prelude::*,
};

pub fn exists(case: &Case) -> bool {
    <dyn Optimizer>::entries().any(|entry| case.json["class_name"] == entry.class.name)
}

fn optimizer(case: &Case) -> Result<Box<dyn Optimizer>> {
    let json = json!({ "class_name": case.json["class_name"], "config": case.json["config"], "registered_name": null });
    config::read(|reader| Value::from_json(&json, reader))
}

pub fn check(case: &Case) -> Result<()> {
    let (first, second) = (optimizer(case)?, optimizer(case)?);
    let written = first.to_json();
    if !same(&written["config"], &case.json["config"]) {
        return Err(wrong(format!("config is written as {}, expected {}", written["config"], case.json["config"])));
    }
    let starts = case.series("w0");
    let variables =
        starts.iter().enumerate().map(|(at, w)| Ok(Variable::new(format!("v{at}"), w.tensor()?))).collect::<Result<Vec<_>>>()?;
    let steps = case.json["steps"].as_u64().unwrap_or(10) as usize;
    let exact = Device::current()? == Device::cpu();
    let tolerance = if exact { FLOAT32 } else { Tolerance { of_largest: 1e-4, ..FLOAT32 } };
    for step in 0..steps {
        // The second half is another one's, which was given the state of the first.
        if step == steps / 2 {
            second.build(&variables)?;
            let saved: Vec<Array> = first.variables()?.into_iter().map(|(_, values)| values).collect();
            second.set_variables(&saved)?;
        }
        let optimizer = if step < steps / 2 { &first } else { &second };
        let gradients = (0..variables.len()).map(|at| gradient(case, at, step, &variables[at])).collect::<Result<Vec<_>>>()?;
        optimizer.apply(&gradients, &variables)?;
        for (at, variable) in variables.iter().enumerate() {
            let expected = row(case.numbers(&format!("traj.{at}"))?, step + 1);
            expected.compare(&format!("variable {at} after step {step}"), &variable.value(), tolerance)?;
        }
    }
    let saved = second.variables()?;
    let expected = case.json["state"].as_array().map_or(&[][..], Vec::as_slice);
    if saved.len() != expected.len() {
        return Err(wrong(format!("{} variables, expected {}", saved.len(), expected.len())));
    }
    for (at, ((path, values), expected)) in saved.iter().zip(expected).enumerate() {
        let numbers = case.numbers(&format!("state.{at}"))?;
        // Keras counts variables that have no name.
        let named = expected["path"].as_str().unwrap_or_default();
        let number = named.strip_prefix(path.as_str()).map(|rest| rest.trim_start_matches(|c: char| c == '_' || c.is_ascii_digit()));
        if number != Some("") || values.shape()[..] != numbers.shape {
            return Err(wrong(format!("variable {at} is {path} of shape {}, expected {expected}", values.shape())));
        }
        let found: Vec<f64> = match values.values() {
            Values::F32(values) => values.iter().map(|&x| x.into()).collect(),
            Values::I64(values) => values.iter().map(|&x| x as f64).collect(),
            other => return Err(wrong(format!("{path} holds {other:?}"))),
        };
        numbers.compare_values(path, found.into_iter(), tolerance)?;
    }
    Ok(())
}

/// `h * (w - target) + noise[step]`.
fn gradient(case: &Case, at: usize, step: usize, variable: &Variable) -> Result<Option<Tensor>> {
    let tensor = |name: &str| case.numbers(&format!("{name}.{at}"))?.tensor();
    let noise = row(case.numbers(&format!("noise.{at}"))?, step).tensor()?;
    Ok(Some(tensor("h")? * (variable.value() - tensor("target")?) + noise))
}

/// Part `at` of an array along its first axis.
fn row(numbers: &Numbers, at: usize) -> Numbers {
    let size: usize = numbers.shape[1..].iter().product();
    Numbers { shape: numbers.shape[1..].to_vec(), values: numbers.values[at * size..(at + 1) * size].to_vec(), dtype: numbers.dtype }
}
