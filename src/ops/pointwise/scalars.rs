//! Rows with scalars: slopes, bounds, thresholds. They are parameters of a run, so that a new value needs no new plan.

use super::{Row, Types};
use crate::{
    Result, Tensor,
    config::Value,
    graph::{Access, CpuCall, GpuCall, GradCx, Key, Op, Params, Specs},
    ops::record,
    plan::{Lanes, Pointwise},
    shape::{Layout, Spec},
};

/// The gradient of a row with scalars: from input, output, upstream gradient and scalars.
type Grad = fn(&Tensor, &Tensor, &Tensor, &[f32]) -> Tensor;

/// A row of one input; in WGSL, `word_T(p.x)` is the first scalar.
pub(super) struct ScalarRow {
    row: Row<1>,
    grad: Grad,
}

impl ScalarRow {
    pub const fn new(name: &'static str, types: Types, wgsl: &'static str, cpu: fn(Lanes), grad: Grad) -> Self {
        Self { row: Row::new(name, types, wgsl, cpu, None), grad }
    }
}

/// A row together with the scalars of one call.
struct WithScalars {
    row: &'static ScalarRow,
    params: Params,
}

impl std::fmt::Debug for WithScalars {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}{:?}", self.row.row, self.params)
    }
}

impl Op for WithScalars {
    fn name(&self) -> &'static str {
        self.row.row.name()
    }

    fn outputs(&self, inputs: &[&Spec]) -> Result<Specs> {
        self.row.row.outputs(inputs)
    }

    fn key(&self, _key: &mut Key) {}

    fn params(&self) -> Params {
        self.params.clone()
    }

    fn grad(&self, cx: &GradCx) -> Result<Vec<Option<Tensor>>> {
        let scalars: Vec<f32> = self.params.iter().map(|&word| f32::from_bits(word)).collect();
        Ok(vec![cx.upstream(0).map(|upstream| (self.row.grad)(cx.input(0), &cx.output(0), upstream, &scalars))])
    }

    fn access(&self, index: usize, layout: &Layout) -> Access {
        self.row.row.access(index, layout)
    }

    fn pointwise(&self) -> Option<Pointwise> {
        self.row.row.pointwise()
    }

    fn cpu(&self, call: CpuCall) {
        self.row.row.cpu(call);
    }

    fn gpu(&self, call: &mut GpuCall) -> Result<()> {
        self.row.row.gpu(call)
    }
}

impl Tensor {
    /// Records `row` with these scalars, which take the tensor's dtype.
    #[track_caller]
    pub(super) fn with_scalars(&self, row: &'static ScalarRow, scalars: &[f64]) -> Tensor {
        if let Some(symbol) = crate::graph::symbolic(
            row.row.name(),
            &[self],
            &scalars.iter().map(|&scalar| Value::to_json(&(scalar as f32))).collect::<Vec<_>>(),
        ) {
            return symbol;
        }
        record(WithScalars { row, params: scalars.iter().map(|&scalar| self.word_of(scalar)).collect() }, &[self])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_scalar_needs_no_other_plan() {
        let x = Tensor::zeros([3]);
        for (a, b) in [(x.leaky_relu(0.1), x.leaky_relu(0.3)), (x.clip(0, 1), x.clip(0, 2)), (x.threshold(0.5, 1.0), x.threshold(0.5, 2.0))]
        {
            let [a, b] = [a, b].map(|tensor| tensor.node.expr().expect("it was not computed yet").op.clone());
            let key = |op: &dyn Op| {
                let mut words = Vec::new();
                op.key(&mut Key(&mut words));
                (words, op.pointwise().expect("a row").wgsl)
            };
            assert_eq!(key(&*a), key(&*b));
            assert_ne!(a.params(), b.params());
        }
    }
}
