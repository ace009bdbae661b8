//! One-hot vectors, and the places that they are compared with.

use super::{
    Case,
    case::Smooth,
    full::generate,
    gather::{flat, walk},
};
use crate::{
    DType, Tensor,
    graph::Params,
    plan::{Lanes, Pointwise},
    shape::Spec,
};

/// The index of each element.
const IOTA: Pointwise = Pointwise {
    name: "iota",
    wgsl: "i32(i)",
    cpu: |l: Lanes| l.out.iter_mut().enumerate().for_each(|(at, out)| *out = (l.first + at) as u32),
};

impl Tensor {
    /// The numbers from 0 to `count` (int32), where this tensor lives.
    pub(crate) fn numbers_to(&self, count: usize) -> Tensor {
        generate(self.device(), IOTA, Spec::new(DType::I32, [count]), Params::new(), None)
    }

    /// A new last axis of size `classes` that is 1 where its place equals this int32 tensor, else 0; all zeros for values outside.
    #[doc(alias = "keras.ops.one_hot")]
    #[track_caller]
    pub fn one_hot(&self, classes: usize) -> Tensor {
        if let Some(symbol) = crate::graph::symbolic("one_hot", &[self], &[classes.into()]) {
            return symbol;
        }
        self.expand_dims(-1).equal(self.numbers_to(classes)).cast(DType::F32)
    }
}

pub(super) fn cases() -> Vec<Case> {
    let mut out = Vec::new();
    for shape in [&[5][..], &[2, 3], &[0]] {
        let reference = |x: &[super::case::Reference]| {
            let shape = [x[0].shape(), &[4]].concat();
            walk(&shape, x[0].ndim(), 1, |row, place, _| f64::from(flat(&x[0])[row] == place as f64))
        };
        out.push(
            Case::new(format!("one_hot {shape:?}"), &[shape], |x| x[0].one_hot(4), reference)
                .input(0, DType::I32, -1.0, 4.0)
                .smooth(Smooth::No),
        );
    }
    out
}
