//! Ops in functional models: `x + y`, `relu(x)`. Each is a layer without weights, as files hold it: Keras' `keras.ops` classes.

use super::{Children, Inputs, Layer, LayerRef, Outputs};
use crate::{
    DType, Error, Result, Tensor,
    config::{Class, Config, Options},
    layers::Call,
};
use std::panic::Location;

/// An op of a functional model. A constant stands in the place of an argument.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    known: &'static Known,
    /// By position: a number, or nothing where a tensor comes.
    pub constants: Vec<Option<f64>>,
}

/// An op that functional models know.
#[derive(Debug)]
struct Known {
    /// Its name as a tensor op.
    name: &'static str,
    class: Class,
    run: Run,
}

#[derive(Clone, Copy, Debug)]
enum Run {
    One(fn(&Tensor) -> Tensor),
    Two(fn(&Tensor, &Tensor) -> Tensor),
}

const fn one(name: &'static str, module: &'static str, class: &'static str, run: fn(&Tensor) -> Tensor) -> Known {
    Known { name, class: Class { module, name: class, package: None }, run: Run::One(run) }
}

const fn two(name: &'static str, class: &'static str, run: fn(&Tensor, &Tensor) -> Tensor) -> Known {
    Known { name, class: Class { module: NUMPY, name: class, package: None }, run: Run::Two(run) }
}

const NUMPY: &str = "keras.src.ops.numpy";
const NN: &str = "keras.src.ops.nn";

static KNOWN: &[Known] = &[
    two("add", "Add", |x, y| x + y),
    two("sub", "Subtract", |x, y| x - y),
    two("mul", "Multiply", |x, y| x * y),
    two("div", "Divide", |x, y| x / y),
    two("div", "TrueDivide", |x, y| x / y),
    two("pow", "Power", |x, y| x.pow(y)),
    two("maximum", "Maximum", |x, y| x.maximum(y)),
    two("minimum", "Minimum", |x, y| x.minimum(y)),
    two("floor_divide", "FloorDivide", |x, y| x.floor_divide(y)),
    two("floor_mod", "Mod", |x, y| x.floor_mod(y)),
    one("negate", NUMPY, "Negative", Tensor::negate),
    one("abs", NUMPY, "Absolute", Tensor::abs),
    one("exp", NUMPY, "Exp", Tensor::exp),
    one("log", NUMPY, "Log", Tensor::log),
    one("sqrt", NUMPY, "Sqrt", Tensor::sqrt),
    one("square", NUMPY, "Square", Tensor::square),
    one("sin", NUMPY, "Sin", Tensor::sin),
    one("cos", NUMPY, "Cos", Tensor::cos),
    one("tanh", NUMPY, "Tanh", Tensor::tanh),
    one("relu", NN, "Relu", Tensor::relu),
    one("relu6", NN, "Relu6", Tensor::relu6),
    one("sigmoid", NN, "Sigmoid", Tensor::sigmoid),
    one("silu", NN, "Silu", Tensor::silu),
    one("softplus", NN, "Softplus", Tensor::softplus),
    one("softsign", NN, "Softsign", Tensor::softsign),
];

/// The symbol for tensor op `name` of these inputs. One that functional models do not know fails when the model is made.
#[track_caller]
pub(super) fn apply(name: &'static str, inputs: &[&Tensor]) -> Tensor {
    let constant = |x: &&Tensor| if x.is_symbol() || x.size() != 1 { None } else { x.cast(DType::F32).item::<f32>().ok().map(f64::from) };
    let constants: Vec<Option<f64>> = inputs.iter().map(constant).collect();
    let known = KNOWN.iter().find(|known| known.name == name);
    let layer = LayerRef::from(Operation { known: known.unwrap_or(&UNKNOWN), constants: constants.clone() });
    let tensors = inputs.iter().zip(&constants).filter(|(_, constant)| constant.is_none()).map(|(&x, _)| x);
    super::symbol::apply(&layer, Inputs::new(tensors), Some(Location::caller())).swap_remove(0)
}

static UNKNOWN: Known = one("unknown", NUMPY, "Unknown", Tensor::clone);

impl Operation {
    /// The op of Keras' class `class_name`, with constants where there is one.
    pub fn named(class_name: &str, constants: Vec<Option<f64>>) -> Option<Self> {
        let known = KNOWN.iter().find(|known| known.class.name == class_name)?;
        Some(Self { known, constants })
    }
}

impl Config for Operation {
    fn class(&self) -> &'static Class {
        &self.known.class
    }

    fn options(&self, _out: &mut Options) {}
}

impl Children for Operation {
    fn children(&self) -> Vec<(String, LayerRef)> {
        Vec::new()
    }
}

impl Layer for Operation {
    fn call(&self, _call: &mut Call, inputs: &Inputs) -> Result<Outputs> {
        let mut tensors = inputs.tensors().iter();
        let dtype = inputs.tensors().first().map_or(DType::F32, Tensor::dtype);
        let argument = |constant: &Option<f64>| match constant {
            Some(value) => Some(Tensor::full([], *value as f32).cast(dtype)),
            None => tensors.next().cloned(),
        };
        let arguments: Vec<Tensor> = self.constants.iter().filter_map(argument).collect();
        Ok(Outputs::from(match (self.known.run, &arguments[..]) {
            _ if std::ptr::eq(self.known, &UNKNOWN) => return Err(Error::invalid("this op is not known in functional models")),
            (Run::One(run), [x]) => run(x),
            (Run::Two(run), [x, y]) => {
                x.shape().broadcast(y.shape())?;
                run(x, y)
            }
            (run, found) => return Err(Error::invalid(format!("{} arguments for {run:?}", found.len()))),
        }))
    }
}
