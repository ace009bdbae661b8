//! Explicit conversion between dtypes.

use crate::{
    DType, Error, Result, Tensor,
    device::cpu::simd::map1,
    graph::{Access, CpuCall, GpuCall, GradCx, Key, Op, Specs},
    ops::{Case, case::Smooth, record},
    plan::{Lanes, Pointwise},
    shape::{Layout, Spec},
};
use bytemuck::{cast_slice, cast_slice_mut};
use smallvec::SmallVec;

#[derive(Debug)]
struct Cast(DType);

/// The same 32 bits read as another dtype.
#[derive(Debug)]
struct Bitcast(DType);

const fn bitcast(wgsl: &'static str) -> Pointwise {
    Pointwise { name: "bitcast", wgsl, cpu: |l: Lanes| l.out.copy_from_slice(l.inputs[0]) }
}

const CAST: Pointwise = Pointwise { name: "cast", wgsl: "R(x)", cpu: convert };
/// Bytes are words on a device, so the range is cut here.
const CAST_U8: Pointwise = Pointwise { name: "cast_u8", wgsl: "u32(clamp(i32(x), 0, 255))", cpu: convert };

fn convert(l: Lanes) {
    use DType::{Bool, F32, I32, U8};
    let x = l.inputs[0];
    match (l.dtype, l.out_dtype) {
        (F32, F32) => l.out.copy_from_slice(x), // the kernel rounds to halves and widens them
        (F32, I32) => map1(cast_slice(x), cast_slice_mut(l.out), |x: f32| x as i32),
        (F32, Bool) => map1(cast_slice(x), l.out, |x: f32| u32::from(x != 0.0)),
        (F32, U8) => map1(cast_slice(x), l.out, |x: f32| u32::from(x as u8)),
        (F32, _) => map1(cast_slice(x), l.out, |x: f32| x as u32),
        (I32, F32) => map1(cast_slice(x), cast_slice_mut(l.out), |x: i32| x as f32),
        (I32, U8) => map1(cast_slice(x), l.out, |x: i32| x.clamp(0, 255) as u32),
        (_, F32) => map1(x, cast_slice_mut(l.out), |x: u32| x as f32),
        (_, Bool) => map1(x, l.out, |x: u32| u32::from(x != 0)),
        (_, U8) => map1(x, l.out, |x: u32| x.min(255)),
        _ => l.out.copy_from_slice(x),
    }
}

impl Op for Cast {
    fn name(&self) -> &'static str {
        "cast"
    }

    fn outputs(&self, inputs: &[&Spec]) -> Result<Specs> {
        if !self.0.on_device() {
            return Err(Error::dtype(format!("no device holds {}; it exists on the host only", self.0)));
        }
        Ok(SmallVec::from_iter([Spec { dtype: self.0, shape: inputs[0].shape.clone() }]))
    }

    fn key(&self, _key: &mut Key) {}

    fn grad(&self, cx: &GradCx) -> Result<Vec<Option<Tensor>>> {
        let input = cx.input(0).dtype();
        Ok(vec![cx.upstream(0).filter(|_| input.is_float() && self.0.is_float()).map(|dy| dy.cast(input))])
    }

    fn access(&self, _index: usize, _layout: &Layout) -> Access {
        Access::Strided
    }

    fn pointwise(&self) -> Option<Pointwise> {
        Some(if self.0 == DType::U8 { CAST_U8 } else { CAST })
    }

    fn cpu(&self, _call: CpuCall) {
        unreachable!("the plan fuses pointwise ops, also single ones")
    }

    fn gpu(&self, _call: &mut GpuCall) -> Result<()> {
        unreachable!("the plan fuses pointwise ops, also single ones")
    }
}

impl Op for Bitcast {
    fn name(&self) -> &'static str {
        "bitcast"
    }

    fn outputs(&self, inputs: &[&Spec]) -> Result<Specs> {
        let words = |dtype| matches!(dtype, DType::F32 | DType::I32 | DType::U32);
        if !words(self.0) || !words(inputs[0].dtype) {
            return Err(Error::dtype(format!("takes and gives float32, int32 or uint32, not {} and {}", inputs[0].dtype, self.0)));
        }
        Ok(SmallVec::from_iter([Spec { dtype: self.0, shape: inputs[0].shape.clone() }]))
    }

    fn key(&self, _key: &mut Key) {}

    fn grad(&self, _cx: &GradCx) -> Result<Vec<Option<Tensor>>> {
        Ok(vec![None])
    }

    fn access(&self, _index: usize, _layout: &Layout) -> Access {
        Access::Strided
    }

    fn pointwise(&self) -> Option<Pointwise> {
        Some(bitcast(match self.0 {
            DType::F32 => "bitcast<f32>(x)",
            DType::I32 => "bitcast<i32>(x)",
            _ => "bitcast<u32>(x)",
        }))
    }

    fn cpu(&self, _call: CpuCall) {
        unreachable!("the plan fuses pointwise ops, also single ones")
    }

    fn gpu(&self, _call: &mut GpuCall) -> Result<()> {
        unreachable!("the plan fuses pointwise ops, also single ones")
    }
}

impl Tensor {
    /// The bits of the elements, read as float32, int32 or uint32. No gradient.
    #[doc(alias = "keras.ops.view")]
    #[track_caller]
    pub fn bitcast(&self, dtype: DType) -> Tensor {
        if let Some(symbol) = crate::graph::symbolic("view", &[self], &[dtype.name().into()]) {
            return symbol;
        }
        if dtype == self.dtype() { self.clone() } else { record(Bitcast(dtype), &[self]) }
    }

    /// `f` of this tensor in float32, as this tensor's dtype: for what loses too much in halves on the way.
    #[track_caller]
    pub(in crate::ops) fn in_f32(&self, f: impl FnOnce(&Tensor) -> Tensor) -> Tensor {
        f(&self.cast(DType::F32)).cast(self.dtype())
    }

    /// The elements as `dtype`: floats are cut towards zero, or rounded to the nearest half, booleans become 0 and 1, bytes are clamped to 0..=255.
    /// No gradient flows through integers.
    #[doc(alias = "keras.ops.cast")]
    #[track_caller]
    pub fn cast(&self, dtype: DType) -> Tensor {
        if let Some(symbol) = crate::graph::symbolic("cast", &[self], &[dtype.name().into()]) {
            return symbol;
        }
        if dtype == self.dtype() { self.clone() } else { record(Cast(dtype), &[self]) }
    }
}

pub(super) fn cases() -> Vec<Case> {
    let mut out = Vec::new();
    // Bits of numbers between 0.5 and 1.
    let number = |bits: f64| f64::from(f32::from_bits(bits as u32));
    let case = Case::new("bitcast", &[&[3, 5]], |x| x[0].bitcast(DType::F32), move |x| x[0].mapv(number));
    out.push(case.input(0, DType::I32, 1_056_964_608.0, 1_065_353_216.0).smooth(Smooth::No));
    let all = [DType::F32, DType::F16, DType::BF16, DType::I32, DType::U32, DType::U8, DType::Bool];
    for from in all {
        for to in all.into_iter().filter(|&to| to != from) {
            let (low, high) = match (from, to) {
                (DType::Bool, _) => (0.0, 1.0),
                _ if [from, to].iter().all(|dtype| dtype.is_float() || *dtype == DType::I32) => (-9.0, 9.0),
                _ => (0.0, 200.0),
            };
            let reference = move |x: f64| match to {
                _ if to.is_float() => f64::from(to.round(x as f32)),
                DType::Bool => f64::from(x != 0.0),
                _ => x.trunc(),
            };
            let case = Case::new(format!("cast {from} to {to}"), &[&[3, 5]], move |x| x[0].cast(to), move |x| x[0].mapv(reference));
            out.push(case.input(0, from, low, high).smooth(Smooth::No));
        }
    }
    out
}
