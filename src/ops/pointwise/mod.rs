//! Pointwise ops as rows of data: name, WGSL, CPU function, gradient and reference together.

mod binary;
mod cast;
mod lanes;
mod unary;

use super::Case;
use crate::{
    DType, Error, Result, Tensor,
    graph::{Access, CpuCall, GpuCall, GradCx, Key, Op, Specs},
    plan::{Lanes, Pointwise},
    shape::{Layout, Spec},
};
use smallvec::SmallVec;

pub(crate) use binary::{ADD, DIV, MUL, SUB};

/// The cases of all tables.
pub(super) fn cases() -> Vec<Case> {
    [unary::cases, binary::cases, cast::cases].iter().flat_map(|cases| cases()).collect()
}

/// What a row takes and gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Types {
    /// Floats to floats.
    Float,
    /// Floats, i32 or u32, all the same, to the same.
    Number,
    /// Numbers to booleans.
    Compare,
    /// Booleans to booleans.
    Logical,
    /// i32 or u32 to the same.
    Bits,
    /// i32, u32 or booleans to the same.
    BitsOrLogical,
    /// Floats to booleans.
    Test,
}

impl Types {
    fn result(self, inputs: &[&Spec]) -> Result<DType> {
        use DType::{Bool, F32, I32, U32};
        let first = inputs[0].dtype;
        if let Some(other) = inputs.iter().find(|spec| spec.dtype != first) {
            return Err(Error::dtype(format!("inputs are {} and {}; wgrad never casts silently, use `cast`", inputs[0], other)));
        }
        let (taken, result): (&[DType], DType) = match self {
            Types::Float => (&[F32], F32),
            Types::Number => (&[F32, I32, U32], first),
            Types::Compare => (&[F32, I32, U32, Bool, DType::U8], Bool),
            Types::Logical => (&[Bool], Bool),
            Types::Bits => (&[I32, U32], first),
            Types::BitsOrLogical => (&[I32, U32, Bool], first),
            Types::Test => (&[F32], Bool),
        };
        if taken.contains(&first) {
            return Ok(result);
        }
        let names: Vec<_> = taken.iter().map(|dtype| dtype.name()).collect();
        Err(Error::dtype(format!("takes {}, not {first}; use `cast`", names.join(", "))))
    }
}

/// The gradient of a row: from inputs, output and upstream gradient to the gradient of each input.
pub(crate) type Grad<const N: usize> = fn(&[Tensor], &Tensor, &Tensor) -> [Option<Tensor>; N];

/// A pointwise op of `N` inputs as a row of a table.
pub(crate) struct Row<const N: usize> {
    pub pointwise: Pointwise,
    pub types: Types,
    pub grad: Option<Grad<N>>,
}

/// A row of one input.
pub(crate) type Unary = Row<1>;
/// A row of two inputs.
pub(crate) type Binary = Row<2>;

impl<const N: usize> Row<N> {
    /// A row; see [`Pointwise`] for `wgsl`.
    pub const fn new(name: &'static str, types: Types, wgsl: &'static str, cpu: fn(Lanes), grad: Option<Grad<N>>) -> Self {
        Self { pointwise: Pointwise { name, wgsl, cpu }, types, grad }
    }
}

impl<const N: usize> std::fmt::Debug for Row<N> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.pointwise.name)
    }
}

impl<const N: usize> Op for Row<N> {
    fn name(&self) -> &'static str {
        self.pointwise.name
    }

    fn outputs(&self, inputs: &[&Spec]) -> Result<Specs> {
        let dtype = self.types.result(inputs)?;
        // The methods broadcast beforehand, so that gradients are summed by the broadcast's own gradient.
        if let Some(other) = inputs.iter().find(|spec| spec.shape != inputs[0].shape) {
            return Err(Error::shape(format!("shapes {} and {} differ", inputs[0].shape, other.shape)));
        }
        Ok(SmallVec::from_iter([Spec { dtype, shape: inputs[0].shape.clone() }]))
    }

    fn key(&self, _key: &mut Key) {}

    fn grad(&self, cx: &GradCx) -> Result<Vec<Option<Tensor>>> {
        let Some(grad) = self.grad else { return Ok(vec![None; N]) };
        let Some(upstream) = cx.upstream(0) else { return Ok(vec![None; N]) };
        Ok(grad(cx.inputs(), &cx.output(0), upstream).into())
    }

    fn access(&self, _index: usize, _layout: &Layout) -> Access {
        Access::Strided
    }

    fn pointwise(&self) -> Option<Pointwise> {
        Some(self.pointwise)
    }

    fn cpu(&self, _call: CpuCall) {
        unreachable!("the plan fuses pointwise ops, also single ones")
    }

    fn gpu(&self, _call: &mut GpuCall) -> Result<()> {
        unreachable!("the plan fuses pointwise ops, also single ones")
    }
}
