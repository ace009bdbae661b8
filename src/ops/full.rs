//! Constants and random bits: ops without inputs, whose scalars are parameters of the run.

use super::Case;
use crate::{
    DType, Result, Shape, Tensor,
    device::Device,
    dtype::Element,
    graph::{self, CpuCall, Draw, GpuCall, GradCx, Key, Live, Op, Params, Specs},
    plan::{Lanes, Pointwise},
    shape::Spec,
};
use smallvec::SmallVec;

/// A pointwise op without inputs.
#[derive(Debug)]
pub(crate) struct Generate {
    pub row: Pointwise,
    pub spec: Spec,
    pub params: Params,
    /// If the last parameter was drawn from a step counter: which draw.
    pub draw: Option<Draw>,
}

const FULL_F32: Pointwise = Pointwise { name: "full", wgsl: "bitcast<f32>(p.x)", cpu: |l: Lanes| l.out.fill(l.params[0]) };
const FULL_I32: Pointwise = Pointwise { name: "full", wgsl: "bitcast<i32>(p.x)", cpu: |l: Lanes| l.out.fill(l.params[0]) };
const FULL_U32: Pointwise = Pointwise { name: "full", wgsl: "p.x", cpu: |l: Lanes| l.out.fill(l.params[0]) };
const FULL_BOOL: Pointwise = Pointwise { name: "full", wgsl: "p.x != 0u", cpu: |l: Lanes| l.out.fill(l.params[0]) };

impl Op for Generate {
    fn name(&self) -> &'static str {
        self.row.name
    }

    fn outputs(&self, _inputs: &[&Spec]) -> Result<Specs> {
        Ok(SmallVec::from_iter([self.spec.clone()]))
    }

    fn key(&self, _key: &mut Key) {}

    fn params(&self) -> Params {
        self.params.clone()
    }

    fn live(&self) -> Option<Live> {
        self.draw.map(|draw| Live::Draw { at: self.params.len() - 1, draw })
    }

    fn grad(&self, _cx: &GradCx) -> Result<Vec<Option<Tensor>>> {
        Ok(Vec::new())
    }

    fn pointwise(&self) -> Option<Pointwise> {
        Some(self.row)
    }

    fn cpu(&self, _call: CpuCall) {
        unreachable!("the plan fuses pointwise ops, also single ones")
    }

    fn gpu(&self, _call: &mut GpuCall) -> Result<()> {
        unreachable!("the plan fuses pointwise ops, also single ones")
    }
}

fn full_on(device: Device, dtype: DType, shape: Shape, word: u32) -> Tensor {
    let row = match dtype {
        DType::F32 | DType::F16 | DType::BF16 => FULL_F32,
        DType::I32 => FULL_I32,
        DType::Bool => FULL_BOOL,
        _ => FULL_U32,
    };
    generate(&device, row, Spec { dtype, shape }, SmallVec::from_slice(&[word]), None)
}

/// Records a row without inputs on `device`.
pub(super) fn generate(device: &Device, row: Pointwise, spec: Spec, params: Params, draw: Option<Draw>) -> Tensor {
    let op = Generate { row, spec, params, draw };
    graph::apply_on(op.into(), &[], device.clone(), None).expect("an op without inputs has nothing to refuse").swap_remove(0)
}

impl Tensor {
    /// A tensor of `shape` with every element `value`.
    #[doc(alias = "keras.ops.full")]
    pub fn full<T: Element>(shape: impl Into<Shape>, value: T) -> Tensor {
        full_on(Device::current_or_cpu(), T::DTYPE, shape.into(), value.to_word())
    }

    /// Zeros of dtype f32.
    #[doc(alias = "keras.ops.zeros")]
    pub fn zeros(shape: impl Into<Shape>) -> Tensor {
        Self::full(shape, 0f32)
    }

    /// Ones of dtype f32.
    #[doc(alias = "keras.ops.ones")]
    pub fn ones(shape: impl Into<Shape>) -> Tensor {
        Self::full(shape, 1f32)
    }

    /// Zeros of this tensor's shape, dtype and device.
    #[doc(alias = "keras.ops.zeros_like")]
    pub fn zeros_like(&self) -> Tensor {
        self.number_like(0.0)
    }

    /// Ones of this tensor's shape, dtype and device.
    #[doc(alias = "keras.ops.ones_like")]
    pub fn ones_like(&self) -> Tensor {
        self.number_like(1.0)
    }

    /// `value` in this tensor's dtype, shape and device: how a scalar takes part in arithmetic.
    pub(crate) fn number_like(&self, value: f64) -> Tensor {
        // Sizes of a symbol may be unknown.
        if self.is_symbol() {
            let filled = |number: Tensor| graph::symbolic("full_like", &[self, &number], &[]);
            return filled(Tensor::full([], value as f32)).expect("it is a symbol");
        }
        full_on(self.device().clone(), self.dtype(), self.shape().clone(), self.word_of(value))
    }

    /// `value` as a tensor of `dtype` without axes, on this tensor's device.
    pub(crate) fn scalar_like(&self, value: f64, dtype: DType) -> Tensor {
        full_on(self.device().clone(), dtype, Shape::scalar(), word(dtype, value))
    }

    /// `value` as a word of this tensor's dtype.
    pub(crate) fn word_of(&self, value: f64) -> u32 {
        word(self.dtype(), value)
    }
}

fn word(dtype: DType, value: f64) -> u32 {
    match dtype {
        dtype if dtype.is_float() => dtype.round(value as f32).to_word(),
        DType::I32 => (value as i32).to_word(),
        DType::Bool => u32::from(value != 0.0),
        _ => value as u32,
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("full", &[&[3, 4]], |x| &x[0] + Tensor::full([3, 4], 2.5f32).cast(x[0].dtype()), |x| &x[0] + 2.5),
        Case::new("ones_like", &[&[3, 4]], |x| x[0].ones_like() * &x[0], |x| x[0].clone()),
    ]
}
