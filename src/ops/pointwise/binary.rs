//! Functions of two numbers, the operators among them, and of booleans. A new one is a row and its method below.

use super::{Binary, Row, Types, lanes::*};
use crate::{
    DType, Tensor,
    graph::OpRef,
    ops::{
        Case,
        case::{
            Reference,
            Smooth::{self, No, Twice},
        },
        fits, record,
    },
};

pub(crate) static ADD: Binary = Row::new(
    "add",
    Types::Number,
    "x + y",
    |l| number2(l, |x, y| x + y, i32::wrapping_add, u32::wrapping_add),
    Some(|_, _, dy| [Some(dy.clone()), Some(dy.clone())]),
);
pub(crate) static SUB: Binary = Row::new(
    "sub",
    Types::Number,
    "x - y",
    |l| number2(l, |x, y| x - y, i32::wrapping_sub, u32::wrapping_sub),
    Some(|_, _, dy| [Some(dy.clone()), Some(-dy)]),
);
pub(crate) static MUL: Binary = Row::new(
    "mul",
    Types::Number,
    "x * y",
    |l| number2(l, |x, y| x * y, i32::wrapping_mul, u32::wrapping_mul),
    Some(|x, _, dy| [Some(dy * &x[1]), Some(dy * &x[0])]),
);
pub(crate) static DIV: Binary =
    Row::new("div", Types::Float, "x / y", |l| float2(l, |x, y| x / y), Some(|x, out, dy| [Some(dy / &x[1]), Some(-(dy * out / &x[1]))]));
pub(crate) static GREATER: Binary =
    Row::new("greater", Types::Compare, "x > y", |l| compare2(l, |x, y| x > y, |x, y| x > y, |x, y| x > y), None);
pub(crate) static EQUAL: Binary =
    Row::new("equal", Types::Compare, "x == y", |l| compare2(l, |x, y| x == y, |x, y| x == y, |x, y| x == y), None);
/// `gate > 0 ? value : 0`, the gradient of relu.
pub(crate) static RELU_GATE: Binary = Row::new(
    "relu_gate",
    Types::Float,
    "select(0.0, y, x > 0.0)",
    |l| float2(l, |x, y| if x > 0.0 { y } else { 0.0 }),
    Some(|x, _, dy| [Some(dy.zeros_like()), Some(x[0].relu_gate(dy))]),
);

/// Broadcasts both by NumPy's rules, then records `op`.
#[track_caller]
fn broadcast(op: &'static Binary, x: &Tensor, y: &Tensor) -> Tensor {
    if x.shape() == y.shape() {
        return record(OpRef::row(op), &[x, y]);
    }
    let shape = fits(x.shape().broadcast(y.shape()), op.pointwise.name);
    record(OpRef::row(op), &[&x.broadcast_to(&shape), &y.broadcast_to(&shape)])
}

impl Tensor {
    #[track_caller]
    pub(crate) fn binary(&self, op: &'static Binary, other: &Tensor) -> Tensor {
        broadcast(op, self, other)
    }

    /// Whether each element is greater than the other's, as booleans.
    #[doc(alias = "keras.ops.greater")]
    #[track_caller]
    pub fn greater(&self, other: &Tensor) -> Tensor {
        broadcast(&GREATER, self, other)
    }

    /// Whether the elements are equal, as booleans.
    #[doc(alias = "keras.ops.equal")]
    #[track_caller]
    pub fn equal(&self, other: &Tensor) -> Tensor {
        broadcast(&EQUAL, self, other)
    }

    /// `value` where this is positive, else zero.
    pub(crate) fn relu_gate(&self, value: &Tensor) -> Tensor {
        record(OpRef::row(&RELU_GATE), &[self, value])
    }
}

pub(super) fn cases() -> Vec<Case> {
    type Table = (&'static str, fn(&Tensor, &Tensor) -> Tensor, fn(f64, f64) -> f64, Smooth);
    let table: [Table; 6] = [
        ("add", |x, y| x + y, |x, y| x + y, Twice),
        ("sub", |x, y| x - y, |x, y| x - y, Twice),
        ("mul", |x, y| x * y, |x, y| x * y, Twice),
        ("div", |x, y| x / y, |x, y| x / y, Twice),
        ("greater", Tensor::greater, |x, y| f64::from(x > y), No),
        ("equal", Tensor::equal, |x, y| f64::from(x == y), No),
    ];
    let mut out: Vec<Case> = Vec::new();
    for (name, call, reference, smooth) in table {
        for (variant, left, right) in [("", &[4, 9][..], &[4, 9][..]), (" broadcast", &[2, 1, 5], &[3, 1]), (" scalar", &[7], &[])] {
            let case =
                Case::new(format!("{name}{variant}"), &[left, right], move |x| call(&x[0], &x[1]), move |x| zip(&x[0], &x[1], reference));
            out.push(case.range(0.3, 3.0).smooth(smooth));
        }
        if name != "div" {
            let case =
                Case::new(format!("{name} int32"), &[&[5, 3], &[5, 3]], move |x| call(&x[0], &x[1]), move |x| zip(&x[0], &x[1], reference));
            out.push(case.input(0, DType::I32, -5.0, 5.0).input(1, DType::I32, -5.0, 5.0).smooth(No));
        }
    }
    out
}

/// NumPy's broadcasting on references.
pub(crate) fn zip(x: &Reference, y: &Reference, f: fn(f64, f64) -> f64) -> Reference {
    let shape = crate::Shape::from(x.shape()).broadcast(&y.shape().into()).expect("cases fit");
    let (x, y) = (x.broadcast(&shape[..]).expect("cases fit"), y.broadcast(&shape[..]).expect("cases fit"));
    ndarray::Zip::from(&x).and(&y).map_collect(|&x, &y| f(x, y))
}
