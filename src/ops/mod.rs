//! Every op, one line per file; each adds its own methods to `Tensor` and its cases to the catalog.

mod arg_reduce;
mod arrange;
mod axis_activations;
mod band;
pub mod case;
pub mod check;
mod concat;
mod conv;
mod cross_entropy;
mod cumulate;
mod dropout;
mod einsum;
mod fft;
mod fours;
mod full;
mod gather;
mod identity;
pub mod image;
mod linalg;
mod linear_scan;
mod matmul;
mod nan_reduce;
mod normalize;
mod one_hot;
mod pack;
mod pad;
mod pointwise;
mod pool;
mod product;
mod products;
mod quantile;
pub(crate) mod random;
mod rearrange;
mod recurrent;
mod reduce;
mod resize;
mod rows;
mod scatter;
mod search;
mod segment;
mod softmax;
mod sort;
mod statistics;
mod unfold;
mod view;
mod window;

pub use case::Case;
pub use conv::ConvOptions;
pub use cross_entropy::{binary_crossentropy, categorical_crossentropy, sparse_categorical_crossentropy};
pub(crate) use einsum::Equation;
pub use fft::{FrameWindow, Stft};
pub use identity::custom_gradient;
pub(crate) use identity::{COPY, DETACH};
pub use linalg::MatrixNorm;
pub(crate) use pack::Pack;
pub use pointwise::Operand;
pub(crate) use pointwise::{ADD, DIV, MUL, SUB};
pub use products::dot_product_attention;
pub use quantile::Between;
pub use rearrange::Patches;
pub(crate) use recurrent::Step;
pub use recurrent::{Recurrence, RecurrentCell, Sequence, Squash};
pub use resize::Interpolation;
pub use search::Unique;
pub use segment::Update;
pub(crate) use view::{Range as SliceRange, View};
pub use window::Padding;

use crate::{
    Error, Tensor,
    graph::{OpRef, apply_one},
};
use std::{
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
};

/// The cases of every op: what the tests and `wgrad selftest` run.
pub fn catalog() -> Vec<Case> {
    [
        pointwise::cases,
        full::cases,
        identity::cases,
        view::cases,
        pad::cases,
        reduce::cases,
        matmul::cases,
        einsum::cases,
        gather::cases,
        scatter::cases,
        one_hot::cases,
        dropout::cases,
        softmax::cases,
        cross_entropy::cases,
        conv::cases,
        unfold::cases,
        pool::cases,
        resize::cases,
        image::cases,
        arg_reduce::cases,
        cumulate::cases,
        fft::cases,
        linalg::cases,
        linear_scan::cases,
        sort::cases,
        statistics::cases,
        concat::cases,
        arrange::cases,
        axis_activations::cases,
        normalize::cases,
        random::cases,
        recurrent::cases,
        nan_reduce::cases,
        quantile::cases,
        segment::cases,
        search::cases,
        rearrange::cases,
        products::cases,
    ]
    .iter()
    .flat_map(|cases| cases())
    .collect()
}

/// Records an op of tensor arithmetic, which panics on shapes and dtypes that do not fit, as ndarray does.
#[track_caller]
pub(crate) fn record(op: impl Into<OpRef>, inputs: &[&Tensor]) -> Tensor {
    let op = op.into();
    // What symbols know has asked them before.
    if let Some(symbol) = inputs.iter().find_map(|input| input.symbolic()) {
        return symbol.apply(&format!("{} inside of a graph", op.name()), inputs, &[]).swap_remove(0);
    }
    match apply_one(op, inputs) {
        Ok(tensor) => tensor,
        Err(error) => raise(error),
    }
}

/// Axes as options of Keras hold them: none are all of them.
fn axes_json(axes: &[isize]) -> serde_json::Value {
    if axes.is_empty() { serde_json::Value::Null } else { axes.to_vec().into() }
}

/// Pairs as options of Keras hold them.
fn pairs_json(pairs: &[(usize, usize)]) -> serde_json::Value {
    pairs.iter().map(|&(one, other)| serde_json::Value::from(vec![one, other])).collect()
}

/// The value, or a panic with the error's text: for shapes given to tensor arithmetic.
#[track_caller]
pub(crate) fn fits<T>(result: crate::Result<T>, op: &str) -> T {
    match result {
        Ok(value) => value,
        Err(error) => raise(error.at(op)),
    }
}

/// A panic with this text unless `holds`: for what is given to tensor arithmetic.
#[track_caller]
pub(crate) fn require(holds: bool, text: std::fmt::Arguments) {
    if !holds {
        raise(Error::shape(text.to_string()));
    }
}

thread_local! {
    /// How many calls of [`attempt`] are open.
    static ATTEMPTS: Cell<usize> = const { Cell::new(0) };
}

/// A panic with the error's text; within [`attempt`] the error is its result.
#[track_caller]
fn raise(error: Error) -> ! {
    if ATTEMPTS.get() > 0 { resume_unwind(Box::new(error)) } else { panic!("{error}") }
}

/// Tensor arithmetic in which shapes that do not fit are an error, not a panic: for what comes from files.
pub(crate) fn attempt<T>(body: impl FnOnce() -> crate::Result<T>) -> crate::Result<T> {
    ATTEMPTS.set(ATTEMPTS.get() + 1);
    let result = catch_unwind(AssertUnwindSafe(body));
    ATTEMPTS.set(ATTEMPTS.get() - 1);
    result.unwrap_or_else(|payload| match payload.downcast::<Error>() {
        Ok(error) => Err(*error),
        Err(payload) => match payload.downcast_ref::<String>().map(String::as_str).or(payload.downcast_ref().copied()) {
            Some(text) => Err(Error::shape(text)),
            None => resume_unwind(payload),
        },
    })
}
