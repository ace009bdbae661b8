//! Activations: values and gradients. Those without options come through the names that configs hold.

use super::{
    case::{Case, wrong},
    layers::tolerance,
};
use serde_json::Value as Json;
use wgrad::{
    config::{self, Value},
    prelude::*,
};

pub fn exists(_case: &Case) -> bool {
    true
}

pub fn check(case: &Case) -> Result<()> {
    let x = case.numbers("in.0")?.tensor()?;
    let tape = GradientTape::persistent();
    tape.watch(&x);
    let y = apply(case, &x)?;
    let sum = (&y * case.numbers("probe.0")?.tensor()?).sum(&[]);
    let gradient = tape.gradient(&sum, &[&x])?.swap_remove(0).unwrap_or_else(|| x.zeros_like());
    case.compare("gin.0", &gradient, tolerance(case)).map_err(|error| error.at("gradient"))?;
    case.compare("out.0", &y, tolerance(case))
}

/// The function of the case's name, called with its options.
fn apply(case: &Case, x: &Tensor) -> Result<Tensor> {
    let (name, options) = (case.json["class_name"].as_str().unwrap_or_default(), &case.json["kwargs"]);
    if options.as_object().is_none_or(serde_json::Map::is_empty) {
        return Ok(config::read(|reader| ActivationFn::from_json(&name.into(), reader))?.apply(x));
    }
    let number = |key: &str, default: f64| options[key].as_f64().unwrap_or(default) as f32;
    let axis = options["axis"].as_i64().unwrap_or(-1) as isize;
    Ok(match name {
        "relu" => {
            let relu = ReLU::new().negative_slope(number("negative_slope", 0.0)).threshold(number("threshold", 0.0));
            let most = options["max_value"].as_f64();
            return most.map_or(relu.clone(), |most| relu.max_value(most as f32)).shared().call(&mut Call::new(Training::No, 0, 0), x);
        }
        "leaky_relu" => x.leaky_relu(number("negative_slope", 0.2)),
        "elu" => x.elu(number("alpha", 1.0)),
        "celu" => x.celu(number("alpha", 1.0)),
        "gelu" if options["approximate"] == Json::Bool(true) => x.gelu_tanh(),
        "gelu" => x.gelu(),
        "squareplus" => x.squareplus(number("b", 4.0)),
        "soft_shrink" => x.soft_shrink(number("threshold", 0.5)),
        "hard_shrink" => x.hard_shrink(number("threshold", 0.5)),
        "threshold" => x.threshold(number("threshold", 0.0), number("default_value", 0.0)),
        "softmax" => x.softmax(axis),
        "log_softmax" => x.log_softmax(axis),
        "sparsemax" => x.sparsemax(axis),
        "glu" => x.glu(axis),
        other => return Err(wrong(format!("no function {other} with options {options}"))),
    })
}
