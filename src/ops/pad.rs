//! Constant padding, and its general form: a tensor written into a larger, filled one.

use super::{Case, SliceRange, fits, record};
use crate::{
    Error, Result, Shape, Tensor,
    device::gpu::compose,
    graph::{CpuCall, GpuCall, GradCx, Key, Op, Params, Specs, Word},
    shape::{Layout, Spec},
};
use smallvec::SmallVec;

/// A tensor of `shape` filled with a value, but for the positions that `ranges` name: there lies the input.
#[derive(Debug)]
struct Pad {
    shape: Shape,
    ranges: SmallVec<[SliceRange; 4]>,
    value: u32,
}

/// Axes that the GPU kernel takes.
const AXES: usize = 8;

impl Op for Pad {
    fn name(&self) -> &'static str {
        "pad"
    }

    fn outputs(&self, inputs: &[&Spec]) -> Result<Specs> {
        if self.shape.rank() > AXES {
            return Err(Error::shape(format!("shape {} has {} axes, at most {AXES} can be padded", self.shape, self.shape.rank())));
        }
        Ok(SmallVec::from_iter([Spec { dtype: inputs[0].dtype, shape: self.shape.clone() }]))
    }

    fn key(&self, key: &mut Key) {
        for range in &self.ranges {
            key.words(&[range.start as isize, range.step]);
        }
    }

    fn params(&self) -> Params {
        SmallVec::from_slice(&[self.value])
    }

    fn grad(&self, cx: &GradCx) -> Result<Vec<Option<Tensor>>> {
        Ok(vec![cx.upstream(0).map(|dy| dy.slice_ranges(self.ranges.clone()))])
    }

    fn cpu(&self, call: CpuCall) {
        let (x, out) = (call.inputs[0].words(), call.outputs[0].words());
        out.fill(call.params[0]);
        let target = super::view::slice_layout(&Layout::contiguous(&self.shape, 0), &self.ranges);
        let inner = target.shape.last().copied().unwrap_or(1);
        for (row, x) in x.chunks_exact(inner.max(1)).enumerate() {
            let (mut rest, mut place) = (row, target.offset as isize);
            for axis in (0..target.shape.rank().saturating_sub(1)).rev() {
                place += (rest % target.shape[axis]) as isize * target.strides[axis];
                rest /= target.shape[axis];
            }
            match target.strides.last() {
                None | Some(1) => out[place as usize..][..inner].copy_from_slice(x),
                Some(stride) => x.iter().enumerate().for_each(|(i, &word)| out[(place + i as isize * stride) as usize] = word),
            }
        }
    }

    fn gpu(&self, call: &mut GpuCall) -> Result<()> {
        let (input, output) = (&call.inputs[0], &call.outputs[0]);
        let lead = AXES - self.shape.rank();
        let axes = |one: &dyn Fn(usize) -> Word, missing: usize| -> Vec<Word> {
            (0..AXES).map(|at| if at < lead { missing.into() } else { one(at - lead) }).collect()
        };
        let mut args: Vec<Word> = vec![output.size().into(), Word::Param(0), 0usize.into(), 0usize.into()];
        args.extend(axes(&|axis| self.shape[axis].into(), 1));
        args.extend(axes(&|axis| self.ranges[axis].size.into(), 1));
        args.extend(axes(&|axis| self.ranges[axis].start.into(), 0));
        args.extend(axes(&|axis| self.ranges[axis].step.into(), 1));
        let kernel = compose("pad", include_str!("../../shaders/pad.wgsl"), &[])?;
        call.dispatch(kernel, &args, &[input], &[output], call.linear(output.size(), 64));
        Ok(())
    }
}

impl Tensor {
    /// Zeros of `shape` with this tensor at the positions that `ranges` name: the gradient of a slice.
    pub(crate) fn scatter_slice(&self, shape: &Shape, ranges: &[SliceRange]) -> Tensor {
        record(Pad { shape: shape.clone(), ranges: ranges.into(), value: 0 }, &[self])
    }

    /// `(before, after)` elements of `value`, in this tensor's dtype, around each axis.
    ///
    /// # Panics
    /// When there is not one pair for each axis.
    #[doc(alias = "keras.ops.pad")]
    #[track_caller]
    pub fn pad(&self, width: &[(usize, usize)], value: f64) -> Tensor {
        let filler = || Tensor::full([], value as f32);
        if self.is_symbol()
            && let Some(symbol) = crate::graph::symbolic("pad", &[self, &filler()], &[super::pairs_json(width)])
        {
            return symbol;
        }
        if width.len() != self.rank() {
            fits::<()>(Err(Error::shape(format!("{} pairs of widths for shape {}: one for each axis", width.len(), self.shape()))), "pad");
        }
        let shape = self.shape().iter().zip(width).map(|(size, (before, after))| before + size + after).collect();
        let ranges = self.shape().iter().zip(width).map(|(&size, &(start, _))| SliceRange { start, size, step: 1 }).collect();
        record(Pad { shape, ranges, value: self.word_of(value) }, &[self])
    }
}

pub(super) fn cases() -> Vec<Case> {
    let padded = |x: &super::case::Reference| {
        let mut out = ndarray::ArrayD::from_elem(vec![x.shape()[0] + 3, x.shape()[1] + 1], 0.5);
        out.slice_mut(ndarray::s![1..1 + x.shape()[0], ..x.shape()[1]]).assign(x);
        out.mapv(|y| y * y)
    };
    vec![
        Case::new("pad", &[&[3, 4]], |x| x[0].pad(&[(1, 2), (0, 1)], 0.5).square(), move |x| padded(&x[0]))
            .smooth(super::case::Smooth::Twice),
        Case::new(
            "slice",
            &[&[5, 6]],
            |x| x[0].at(&[(1..4).into(), crate::All.step(-2)]).square(),
            |x| x[0].slice(ndarray::s![1..4, ..;-2]).mapv(|y| y * y).into_dyn(),
        )
        .smooth(super::case::Smooth::Twice),
    ]
}
