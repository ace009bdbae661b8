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
mod normalize;
mod one_hot;
mod pack;
mod pad;
mod pointwise;
mod pool;
mod product;
pub(crate) mod random;
mod recurrent;
mod reduce;
mod resize;
mod rows;
mod scatter;
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
pub(crate) use recurrent::Step;
pub use recurrent::{Recurrence, RecurrentCell, Sequence, Squash};
pub use resize::Interpolation;
pub(crate) use view::{Range as SliceRange, View};
pub use window::Padding;

use crate::{
    Tensor,
    graph::{OpRef, apply_one},
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
    ]
    .iter()
    .flat_map(|cases| cases())
    .collect()
}

/// Records an op of tensor arithmetic, which panics on shapes and dtypes that do not fit, as ndarray does.
#[track_caller]
pub(crate) fn record(op: impl Into<OpRef>, inputs: &[&Tensor]) -> Tensor {
    match apply_one(op, inputs) {
        Ok(tensor) => tensor,
        Err(error) => panic!("{error}"),
    }
}

/// The value, or a panic with the error's text: for shapes given to tensor arithmetic.
#[track_caller]
pub(crate) fn fits<T>(result: crate::Result<T>, op: &str) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{op}: {error}"),
    }
}
