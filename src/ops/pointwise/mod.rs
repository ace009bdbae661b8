//! Pointwise ops as rows of data: name, WGSL, CPU function and gradient together.

mod activations;
mod arithmetic;
mod cast;
mod compare;
mod lanes;
mod logic;
mod math;
mod operand;
mod pairs;
mod piecewise;
mod rounding;
mod scalars;
mod select;
mod special;
mod table;
mod trigonometry;

use super::{
    Case,
    case::Smooth::{self, No, Once, Twice},
};
use crate::{
    DType, Error, Result, Tensor,
    graph::{Access, CpuCall, GpuCall, GradCx, Key, Op, OpRef, Specs, symbolic},
    plan::{Lanes, Pointwise},
    shape::{Layout, Spec},
};
use smallvec::SmallVec;

pub(crate) use arithmetic::{ADD, DIV, MUL, SUB};
pub use operand::Operand;

/// The cases of all tables.
pub(super) fn cases() -> Vec<Case> {
    let tables = [
        math::cases,
        trigonometry::cases,
        rounding::cases,
        activations::cases,
        piecewise::cases,
        arithmetic::cases,
        compare::cases,
        logic::cases,
        select::cases,
        cast::cases,
        special::cases,
        pairs::cases,
    ];
    tables.iter().flat_map(|cases| cases()).collect()
}

/// What a row takes and gives. Inputs have one dtype.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Types {
    /// Floats to floats.
    Float,
    /// Floats, i32 or u32 to the same.
    Number,
    /// Floats or i32 to the same.
    Signed,
    /// Numbers to booleans.
    Order,
    /// Numbers or booleans to booleans.
    Equality,
    /// Booleans to booleans.
    Logical,
    /// i32 or u32 to the same.
    Bits,
    /// Floats to booleans.
    Test,
    /// A boolean, then two of any dtype, to the same.
    Select,
}

impl Types {
    fn result(self, inputs: &[&Spec]) -> Result<DType> {
        use DType::{BF16, Bool, F16, F32, I32, U8, U32};
        if self == Types::Select && inputs[0].dtype != Bool {
            return Err(Error::dtype(format!("the condition is {}, not bool; compare it first", inputs[0].dtype)));
        }
        let inputs = if self == Types::Select { &inputs[1..] } else { inputs };
        let first = inputs[0].dtype;
        if let Some(other) = inputs.iter().find(|spec| spec.dtype != first) {
            return Err(Error::dtype(format!("inputs are {} and {}; wgrad never casts silently, use `cast`", inputs[0], other)));
        }
        let (taken, result): (&[DType], DType) = match self {
            Types::Float => (&[F32, F16, BF16], first),
            Types::Number => (&[F32, F16, BF16, I32, U32], first),
            Types::Signed => (&[F32, F16, BF16, I32], first),
            Types::Order => (&[F32, F16, BF16, I32, U32, U8], Bool),
            Types::Equality => (&[F32, F16, BF16, I32, U32, U8, Bool], Bool),
            Types::Logical => (&[Bool], Bool),
            Types::Bits => (&[I32, U32], first),
            Types::Test => (&[F32, F16, BF16], Bool),
            Types::Select => (&[F32, F16, BF16, I32, U32, U8, Bool], first),
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
    /// A row; see [`Pointwise`] for `wgsl`. `max_T(x, y)` there is the shader library's `max_f32` where x is f32, and so on.
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

impl Tensor {
    /// Records a row of one input.
    #[track_caller]
    fn unary(&self, row: &'static Unary) -> Tensor {
        symbolic(row.pointwise.name, &[self], &[]).unwrap_or_else(|| super::record(OpRef::row(row), &[self]))
    }
}
