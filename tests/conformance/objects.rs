//! Objects that stand alone: initializers, regularizers, constraints and schedules.

use super::case::{Case, FLOAT32, Tolerance, wrong};
use serde_json::{Value as Json, json};
use wgrad::{
    config::{self, Kind, Value},
    constraints::Constraint,
    prelude::*,
    random::RandomKey,
    regularizers::Regularizer,
    schedules::Schedule,
};

pub fn exists<K: Kind + ?Sized>(case: &Case) -> bool {
    K::entries().any(|entry| case.json["class_name"] == entry.class.name)
}

/// The case's object, of its config; arguments that Keras forgets to write are those of the constructor.
pub fn object<K: Kind + ?Sized>(case: &Case) -> Result<Object<K>>
where
    Object<K>: Value,
{
    let mut options = case.json["config"].clone();
    for (key, value) in case.json["ctor_kwargs"].as_object().into_iter().flatten() {
        if options.get(key).is_none() {
            options[key] = value.clone();
        }
    }
    let json = json!({ "class_name": case.json["class_name"], "config": options, "registered_name": null });
    let object = config::read(|reader| Object::<K>::from_json(&json, reader))?;
    let written = object.to_json();
    let again = config::read(|reader| Object::<K>::from_json(&written, reader))?.to_json();
    if again != written {
        return Err(wrong(format!("config does not survive: {written} became {again}")));
    }
    match options.as_object().into_iter().flatten().find(|(key, value)| !same(&written["config"][key.as_str()], value)) {
        Some((key, value)) => Err(wrong(format!("option {key} is written as {}, expected {value}", written["config"][key]))),
        None => Ok(object),
    }
}

/// Whether both say the same; numbers compare as numbers.
pub fn same(written: &Json, read: &Json) -> bool {
    match (written, read) {
        (Json::Number(a), Json::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap_or(f64::NAN), b.as_f64().unwrap_or(f64::NAN));
            (a - b).abs() <= 1e-7 * b.abs()
        }
        (Json::Array(a), Json::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Json::Object(a), Json::Object(b)) => b.iter().all(|(key, b)| a.get(key).is_some_and(|a| same(a, b))),
        (a, b) => a == b,
    }
}

/// Statistics of what is drawn: the streams of random numbers are our own.
pub fn initializer(case: &Case) -> Result<()> {
    let shape: Vec<usize> = case.json["shape"].as_array().into_iter().flatten().map(|size| size.as_u64().unwrap_or(0) as usize).collect();
    let shape = Shape::from(&shape[..]);
    let values = object::<dyn Initializer>(case)?.values(&shape, &RandomKey::new(1, "conformance", 0))?;
    let values: Vec<f64> = values.into_iter().map(f64::from).collect();
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let moment = |power: i32| values.iter().map(|x| (x - mean).powi(power)).sum::<f64>() / count;
    let deviation = moment(2).sqrt();
    let kurtosis = if deviation > 0.0 { moment(4) / moment(2).powi(2) } else { 0.0 };
    let [least, most] = [f64::min, f64::max].map(|pick| values.iter().copied().reduce(pick).unwrap_or(0.0));
    let expected = |name: &str| case.json["stats"][name].as_f64().unwrap_or(f64::NAN);
    let (spread, root) = (expected("std"), count.sqrt());
    // Both sides are samples: eight standard errors; extremes of a normal distribution wander.
    let bounded = expected("kurtosis") < 2.6;
    let rows = [
        ("mean", mean, 8.0 * spread / root),
        ("std", deviation, 8.0 * spread / root),
        ("min", least, if bounded { 0.02 } else { 2.0 } * spread),
        ("max", most, if bounded { 0.02 } else { 2.0 } * spread),
        ("kurtosis", kurtosis, 40.0 / root),
    ];
    for (name, found, slack) in rows {
        let near = (found - expected(name)).abs() <= slack + 1e-6;
        if !near {
            return Err(wrong(format!("{name} is {found}, expected {} within {slack:.1e}", expected(name))));
        }
    }
    if let Some(diagonal) = case.json["stats"]["gram_diag"].as_f64() {
        let columns = *shape.last().expect("a matrix");
        for one in 0..columns.min(8) {
            for other in 0..columns {
                let dot: f64 = values.chunks_exact(columns).map(|row| row[one] * row[other]).sum();
                if (dot - if one == other { diagonal } else { 0.0 }).abs() > 1e-5 {
                    return Err(wrong(format!("columns {one} and {other} have product {dot}")));
                }
            }
        }
    }
    Ok(())
}

pub fn regularizer(case: &Case) -> Result<()> {
    let (object, x) = (object::<dyn Regularizer>(case)?, Variable::new("x", case.numbers("in")?.tensor()?));
    let value = object.call(&x.value())?;
    let gradient = gradient(&value, &[&x])?.swap_remove(0).ok_or_else(|| wrong("no gradient"))?;
    case.compare("value", &value, FLOAT32)?;
    case.compare("grad", &gradient, FLOAT32)
}

pub fn constraint(case: &Case) -> Result<()> {
    let out = object::<dyn Constraint>(case)?.call(&case.numbers("in")?.tensor()?)?;
    case.compare("out", &out, FLOAT32)
}

pub fn schedule(case: &Case) -> Result<()> {
    let object = object::<dyn Schedule>(case)?;
    object.check()?;
    let found = case.numbers("steps")?.values.iter().map(|&step| object.call(step as u64).into());
    // A rate of 1e-8 at the end of a cosine is a rounding error of pi.
    case.numbers("values")?.compare_values("values", found, Tolerance { absolute: 1e-7, ..FLOAT32 })
}
