//! Sorting: one op finds the order, elements are taken in it. Equal elements keep their order, and NaN counts as largest.

use super::{
    Case,
    case::{Reference, Smooth},
    fits, record,
    rows::{for_rows, rows},
};
use crate::{
    DType, Error, Result, Tensor,
    device::{
        cpu::{pool::SharedMut, scratch},
        gpu::compose,
    },
    graph::{CpuCall, GpuCall, GradCx, Key, Op, Specs},
    shape::Spec,
};
use smallvec::SmallVec;

/// The places of the first `count` elements of each row in sorted order.
#[derive(Debug)]
struct Order {
    descending: bool,
    count: usize,
}

/// Pairs that a workgroup sorts by itself.
const TILE: usize = 512;

/// An integer that sorts as the element behind a word does.
fn order(dtype: DType, word: u32) -> u32 {
    const SIGN: u32 = 1 << 31;
    match dtype {
        DType::F32 if f32::from_bits(word).is_nan() => u32::MAX,
        DType::F32 if word > SIGN => !word,
        DType::F32 => word | SIGN, // -0 as 0
        DType::I32 => word ^ SIGN,
        _ => word,
    }
}

/// The same in WGSL, where it is not the shader's own.
fn order_block(dtype: DType) -> Option<(&'static str, &'static str)> {
    let text = match dtype {
        DType::F32 => return None,
        DType::I32 => "fn order(word: u32) -> u32 { return word ^ 0x80000000u; }",
        _ => "fn order(word: u32) -> u32 { return word; }",
    };
    Some(("order", text))
}

impl Op for Order {
    fn name(&self) -> &'static str {
        "argsort"
    }

    fn outputs(&self, inputs: &[&Spec]) -> Result<Specs> {
        let shape = &inputs[0].shape;
        let Some(&length) = shape.last() else { return Err(Error::shape("takes at least one axis, not a scalar")) };
        if self.count > length {
            return Err(Error::invalid(format!("{} elements of rows of {length} in shape {shape}", self.count)));
        }
        Ok(SmallVec::from_iter([Spec { dtype: DType::I32, shape: shape.with(shape.rank() - 1, self.count) }]))
    }

    fn key(&self, key: &mut Key) {
        key.word(u8::from(self.descending));
    }

    fn grad(&self, _cx: &GradCx) -> Result<Vec<Option<Tensor>>> {
        Ok(vec![None])
    }

    fn cpu(&self, call: CpuCall) {
        let (input, (count, length)) = (&call.inputs[0], rows(call.inputs[0].shape()));
        let (dtype, flip) = (input.spec.dtype, if self.descending { u32::MAX } else { 0 });
        let out = SharedMut::new(call.outputs[0].i32());
        for_rows(count, length, &|row| {
            scratch::with(2 * length, |block| {
                let pairs: &mut [u64] = bytemuck::cast_slice_mut(block);
                let words = &input.words()[row * length..][..length];
                let pair = |(place, &word)| u64::from(order(dtype, word) ^ flip) << 32 | place as u64;
                pairs.iter_mut().zip(words.iter().enumerate().map(pair)).for_each(|(to, pair)| *to = pair);
                // Places make every pair another one, so that any sort is stable.
                if self.count < length {
                    pairs.select_nth_unstable(self.count);
                }
                pairs[..self.count].sort_unstable();
                // SAFETY: each row belongs to one task.
                let out = unsafe { out.slice(row * self.count..(row + 1) * self.count) };
                out.iter_mut().zip(pairs).for_each(|(out, pair)| *out = *pair as i32);
            });
        });
    }

    fn gpu(&self, call: &mut GpuCall) -> Result<()> {
        let (input, output) = (&call.inputs[0], &call.outputs[0]);
        if output.size() == 0 {
            return Ok(());
        }
        let (count, length) = rows(input.shape());
        let padded = length.next_power_of_two();
        let total = count * padded;
        let pairs = call.scratch(DType::U32, [total, 2]);

        let keys = compose("sort_keys", include_str!("../../shaders/sort_keys.wgsl"), order_block(input.spec.dtype).as_slice())?;
        let args = [total, padded, length, self.descending.into()].map(Into::into);
        call.dispatch(keys, &args, &[input], &[&pairs], call.linear(total, 64));

        let tile = compose("sort_tile", include_str!("../../shaders/sort_tile.wgsl"), &[])?;
        let tiles = |call: &mut GpuCall, first: usize, last: usize| {
            let args = [total, padded, first, last].map(Into::into);
            call.dispatch(tile.clone(), &args, &[], &[&pairs], call.linear(total, TILE));
        };
        tiles(call, 2, padded.min(TILE));
        let step = compose("sort_step", include_str!("../../shaders/sort_step.wgsl"), &[])?;
        let mut span = 2 * TILE;
        while span <= padded {
            let mut apart = span / 2;
            while apart >= TILE {
                let args = [total / 2, padded, span, apart].map(Into::into);
                call.dispatch(step.clone(), &args, &[], &[&pairs], call.linear(total / 2, 64));
                apart /= 2;
            }
            tiles(call, span, span);
            span *= 2;
        }

        let places = compose("sort_places", include_str!("../../shaders/sort_places.wgsl"), &[])?;
        let args = [output.size(), padded, self.count].map(Into::into);
        call.dispatch(places, &args, &[&pairs], &[output], call.linear(output.size(), 64));
        Ok(())
    }
}

impl Tensor {
    /// The elements along `axis` from the smallest to the largest, NaN last.
    ///
    /// ```
    /// use wgrad::prelude::*;
    /// assert_eq!(Tensor::from([3, 1, 2]).sort(-1).to_vec::<i32>()?, [1, 2, 3]);
    /// # Ok::<(), wgrad::Error>(())
    /// ```
    #[doc(alias = "keras.ops.sort")]
    #[track_caller]
    pub fn sort(&self, axis: isize) -> Tensor {
        if let Some(symbol) = crate::graph::symbolic("sort", &[self], &[axis.into()]) {
            return symbol;
        }
        self.take_along_axis(&self.argsort(axis), axis)
    }

    /// The places of the elements along `axis` from the smallest to the largest, as int32: those of equal elements in order,
    /// those of NaN last.
    #[doc(alias = "keras.ops.argsort")]
    #[track_caller]
    pub fn argsort(&self, axis: isize) -> Tensor {
        if let Some(symbol) = crate::graph::symbolic("argsort", &[self], &[axis.into()]) {
            return symbol;
        }
        let at = fits(self.shape().axis(axis), "argsort");
        let sorted = |rows: &Tensor| record(Order { descending: false, count: self.shape()[at] }, &[rows]);
        if at + 1 == self.rank() { sorted(self) } else { sorted(&self.swap_axes(axis, -1)).swap_axes(axis, -1) }
    }

    /// The `k` largest elements along the last axis, the largest first, and their places as int32. Of equal elements the
    /// first comes first; NaN counts as largest.
    ///
    /// ```
    /// use wgrad::prelude::*;
    /// let (values, places) = Tensor::from([[0.1, 0.7, 0.2]]).top_k(2);
    /// assert_eq!((values.to_vec::<f32>()?, places.to_vec::<i32>()?), (vec![0.7, 0.2], vec![1, 2]));
    /// # Ok::<(), wgrad::Error>(())
    /// ```
    ///
    /// # Panics
    /// When the last axis has less than `k` elements.
    #[doc(alias = "keras.ops.top_k")]
    #[track_caller]
    pub fn top_k(&self, k: usize) -> (Tensor, Tensor) {
        if let Some(both) = crate::graph::symbolic_all("top_k", &[self], &[k.into()]) {
            return (both[0].clone(), both[both.len() - 1].clone());
        }
        let places = record(Order { descending: true, count: k }, &[self]);
        (self.take_along_axis(&places, -1), places)
    }
}

/// Places in order, NaN as the largest.
fn places(x: &[f64], descending: bool) -> Vec<usize> {
    let mut places: Vec<usize> = (0..x.len()).collect();
    let compare = |a: f64, b: f64| a.is_nan().cmp(&b.is_nan()).then(a.partial_cmp(&b).unwrap_or(std::cmp::Ordering::Equal));
    places.sort_by(|&a, &b| if descending { compare(x[b], x[a]) } else { compare(x[a], x[b]) });
    places
}

/// `x` with each line along `axis` replaced.
fn lines(x: &Reference, axis: usize, line: impl Fn(&[f64]) -> Vec<f64>) -> Reference {
    let mut out = x.clone();
    for mut lane in out.lanes_mut(ndarray::Axis(axis)) {
        let sorted = line(&lane.to_vec());
        lane.iter_mut().zip(sorted).for_each(|(to, value)| *to = value);
    }
    out
}

pub(super) fn cases() -> Vec<Case> {
    let sorted = |x: &[f64], descending: bool| places(x, descending).iter().map(|&place| x[place]).collect::<Vec<_>>();
    let places = |x: &[f64], descending: bool| places(x, descending).iter().map(|&place| place as f64).collect::<Vec<_>>();
    let mut out = Vec::new();
    for (shape, axis) in
        [(&[4, 5][..], 1usize), (&[4, 5], 0), (&[2, 3, 70], 2), (&[2, 600], 1), (&[1, 2100], 1), (&[3, 1], 1), (&[0, 3], 1), (&[3, 0], 1)]
    {
        let values = move |x: &[Tensor]| x[0].sort(axis as isize).square();
        let case = Case::new(format!("sort {shape:?} along {axis}"), &[shape], values, move |x| {
            lines(&x[0], axis, |line| sorted(line, false)).mapv(|x| x * x)
        });
        // Halves of many numbers are in another order.
        out.push(case.apart(1e-4).smooth(if shape.contains(&600) || shape.contains(&2100) { Smooth::No } else { Smooth::Twice }));
        // Few values, so that many are equal.
        for dtype in [DType::I32, DType::U32] {
            let case = Case::new(
                format!("argsort {dtype} {shape:?} along {axis}"),
                &[shape],
                move |x| x[0].argsort(axis as isize),
                move |x| lines(&x[0], axis, |line| places(line, false)),
            );
            out.push(case.input(0, dtype, if dtype == DType::I32 { -4.0 } else { 0.0 }, 4.0).smooth(Smooth::No));
        }
    }
    let unusual = [0.0, f64::NAN, -0.0, f64::INFINITY, 1e-40, -3.0, f64::NEG_INFINITY, 0.0, f64::NAN, 2.0];
    let call = |x: &[Tensor]| x[0].argsort(0);
    out.push(
        Case::new("argsort of unusual numbers", &[&[10]], call, move |x| lines(&x[0], 0, |line| places(line, false))).values(0, &unusual),
    );
    for (shape, k) in [(&[3, 7][..], 1), (&[3, 7], 3), (&[2, 700], 20), (&[2, 3, 5], 5), (&[4, 3], 0)] {
        let cut = move |x: Reference| x.slice_axis(ndarray::Axis(shape.len() - 1), (..k).into()).to_owned();
        let mut case = Case::new(format!("top_k {k} of {shape:?}"), &[shape], |x| x[0].clone(), |x| x[0].clone());
        case.call = Box::new(move |x| Ok(vec![x[0].top_k(k).0.square(), x[0].top_k(k).1]));
        case.reference = Box::new(move |x| {
            let line = |f: &dyn Fn(&[f64]) -> Vec<f64>| cut(lines(&x[0], shape.len() - 1, f));
            vec![line(&|x| sorted(x, true)).mapv(|x| x * x), line(&|x| places(x, true))]
        });
        out.push(if k == 0 { case.smooth(Smooth::No) } else { case.apart(1e-4) });
    }
    let call = |x: &[Tensor]| x[0].top_k(10).1;
    out.push(
        Case::new("top_k of unusual numbers", &[&[10]], call, move |x| lines(&x[0], 0, |line| places(line, true))).values(0, &unusual),
    );
    out
}
