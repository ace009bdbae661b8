//! Reductions over any axes: sums, products and extrema by fixed trees, so that the bits do not depend on threads.

use super::{Case, case::Reference, case::Smooth, fits, product::SOFTWARE_THREADS, record};
use crate::{
    DType, Error, Result, Shape, Tensor,
    device::{
        cpu::{
            pool::{self, SharedMut},
            rows::{fold_columns, fold_row, larger},
            scratch,
        },
        gpu::{AdapterKind, compose},
    },
    graph::{CpuCall, CpuFirst, GpuCall, GpuFirst, GradCx, Key, Op, Specs, Word},
    shape::Spec,
};
use bytemuck::{Pod, cast_slice, cast_slice_mut};
use smallvec::SmallVec;

/// What a reduction does with two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Sum,
    Prod,
    Max,
    Min,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Sum => "sum",
            Kind::Prod => "prod",
            Kind::Max => "max",
            Kind::Min => "min",
        }
    }
}

/// Reduces the neighbouring axes `first..last` of a contiguous tensor.
#[derive(Debug)]
pub(crate) struct Reduce {
    kind: Kind,
    first: usize,
    last: usize,
}

/// Elements that one task or one invocation takes from a long reduction.
const CHUNK: usize = 16 * 1024;
const GPU_CHUNK: usize = 256;
/// From so many columns on, blocks of this many are the tasks.
const COLUMNS: usize = 1024;

impl Reduce {
    /// Sizes before, in and behind the reduced axes.
    fn extents(&self, shape: &Shape) -> (usize, usize, usize) {
        (shape[..self.first].iter().product(), shape[self.first..self.last].iter().product(), shape[self.last..].iter().product())
    }
}

impl Op for Reduce {
    fn name(&self) -> &'static str {
        self.kind.name()
    }

    fn outputs(&self, inputs: &[&Spec]) -> Result<Specs> {
        let Spec { dtype, shape } = inputs[0];
        let numbers =
            matches!(dtype, DType::F32 | DType::I32 | DType::U32) || (*dtype == DType::Bool && matches!(self.kind, Kind::Max | Kind::Min));
        if !numbers {
            return Err(Error::dtype(format!("takes float32, int32 or uint32, not {dtype}; use `cast`")));
        }
        if matches!(self.kind, Kind::Max | Kind::Min) && shape[self.first..self.last].contains(&0) {
            return Err(Error::shape(format!("shape {shape} has no elements along the reduced axes, and so no extremum")));
        }
        let shape = shape.iter().enumerate().filter(|(axis, _)| !(self.first..self.last).contains(axis)).map(|(_, &size)| size).collect();
        Ok(SmallVec::from_iter([Spec { dtype: *dtype, shape }]))
    }

    fn key(&self, key: &mut Key) {
        key.word(self.first);
        key.word(self.last);
    }

    fn grad(&self, cx: &GradCx) -> Result<Vec<Option<Tensor>>> {
        let (x, Some(dy)) = (cx.input(0), cx.upstream(0)) else { return Ok(vec![None]) };
        let kept: Shape =
            x.shape().iter().enumerate().map(|(axis, &size)| if (self.first..self.last).contains(&axis) { 1 } else { size }).collect();
        let spread = |t: &Tensor| t.reshape(&kept).broadcast_to(x.shape());
        let dy = spread(dy);
        Ok(vec![Some(match self.kind {
            Kind::Sum => dy,
            // d prod / d x_i is the product of the others; zeros make a division impossible, so it is built from both sides.
            Kind::Prod => dy * x.product_of_others(self.first, self.last),
            // Ties share the gradient, as in TensorFlow.
            Kind::Max | Kind::Min => {
                let hit = x.equal(spread(&cx.output(0))).cast(DType::F32);
                let axes: Vec<isize> = (self.first..self.last).map(|axis| axis as isize).collect();
                let count = spread(&hit.sum(&axes));
                dy * hit / count
            }
        })])
    }

    fn takes_epilogue(&self) -> bool {
        true
    }

    fn is_column_sums(&self, input: &Spec) -> bool {
        self.kind == Kind::Sum && input.dtype == DType::F32 && self.first == 0 && self.last + 1 == input.shape.rank()
    }

    fn takes_prologue(&self) -> bool {
        true
    }

    fn cpu(&self, call: CpuCall) {
        let extents = self.extents(call.inputs[0].shape());
        let (dtype, x, out) = (call.inputs[0].spec.dtype, call.first(), call.outputs[0].words());
        match (dtype, self.kind) {
            (DType::F32, Kind::Sum) => fold(x, cast_slice_mut(out), extents, 0.0, |a: f32, b: f32| a + b),
            (DType::F32, Kind::Prod) => fold(x, cast_slice_mut(out), extents, 1.0, |a: f32, b: f32| a * b),
            (DType::F32, Kind::Max) => fold(x, cast_slice_mut(out), extents, f32::NEG_INFINITY, larger),
            (DType::F32, Kind::Min) => {
                fold(x, cast_slice_mut(out), extents, f32::INFINITY, |a: f32, b: f32| if a < b || a.is_nan() { a } else { b })
            }
            (DType::I32, Kind::Max) => fold(x, cast_slice_mut(out), extents, i32::MIN, i32::max),
            (DType::I32, Kind::Min) => fold(x, cast_slice_mut(out), extents, i32::MAX, i32::min),
            (_, Kind::Sum) => fold(x, out, extents, 0, u32::wrapping_add),
            (_, Kind::Prod) => fold(x, out, extents, 1, u32::wrapping_mul),
            (_, Kind::Max) => fold(x, out, extents, 0, u32::max),
            (_, Kind::Min) => fold(x, out, extents, u32::MAX, u32::min),
        }
        call.epilogue.run_all(call.outputs[0].words());
    }

    fn gpu(&self, call: &mut GpuCall) -> Result<()> {
        let (input, output) = (call.inputs[0].clone(), call.outputs[0].clone());
        let (outer, length, inner) = self.extents(input.shape());
        let dtype = input.spec.dtype;
        let element = dtype.wgsl_storage();
        let signed = dtype == DType::I32;
        let (start, combine) = match (self.kind, dtype) {
            (Kind::Sum, _) => (format!("{element}(0)"), "a + b"),
            (Kind::Prod, _) => (format!("{element}(1)"), "a * b"),
            (Kind::Max, DType::F32) => ("bitcast<f32>(args.low)".into(), "nan_max(a, b)"),
            (Kind::Min, DType::F32) => ("bitcast<f32>(args.low)".into(), "nan_min(a, b)"),
            (Kind::Max, _) => (if signed { "i32(-2147483647 - 1)".into() } else { "0u".into() }, "max(a, b)"),
            (Kind::Min, _) => (if signed { "2147483647i".into() } else { "4294967295u".into() }, "min(a, b)"),
        };
        let low = if self.kind == Kind::Max { f32::NEG_INFINITY } else { f32::INFINITY };
        // Software has few threads: small workgroups for all of them, and no second round where there are enough results.
        let software = call.caps.kind == AdapterKind::Cpu;
        let group = if software { 8 } else { 64 };
        let longest = if software && outer * inner >= group * SOFTWARE_THREADS { usize::MAX } else { 2 * GPU_CHUNK };
        let block = format!(
            "const GROUP = {group}u;\nalias Element = {element};\nfn start() -> Element {{ return {start}; }}\nfn combine(a: Element, b: Element) -> Element {{ return {combine}; }}"
        );
        let shader = include_str!("../../shaders/reduce.wgsl");
        // Long reductions go in rounds, each invocation a chunk: every addition has a fixed place in the tree.
        let mut length = length;
        let mut source;
        let mut first = call.first()?;
        loop {
            let chunks = if length > longest { length.div_ceil(GPU_CHUNK) } else { 1 };
            let chunk = length.div_ceil(chunks).max(1);
            let total = outer * chunks * inner;
            let mut args: Vec<Word> = vec![total.into(), length.into(), inner.into(), chunks.into(), chunk.into(), low.into()];
            args.extend(&first.args);
            let groups = call.linear(total, group);
            let GpuFirst { fields, block: load, reads, .. } = first;
            let binding = reads.len() + 1;
            let output_block = format!("@group(0) @binding({binding}) var<storage, read_write> output: array<Element>;");
            let blocks = [("element", block.as_str()), ("load args", &fields), ("load", &load), ("output", &output_block)];
            if chunks == 1 {
                return call.dispatch_last(self.name(), shader, &blocks, &args, &reads, &[&output], groups);
            }
            let target = call.scratch(dtype, [outer, chunks, inner]);
            call.dispatch(compose(self.name(), shader, &blocks)?, &args, &reads, &[&target], groups);
            (source, length) = (target, chunks);
            first = GpuFirst::memory(&source);
        }
    }
}

/// The sums of the columns of `x`, with the bits of [`Tensor::sum`].
pub(super) fn column_sums(x: &[f32], out: &mut [f32]) {
    let columns = out.len();
    fold(CpuFirst::memory(cast_slice(x)), out, (1, x.len() / columns.max(1), columns), 0.0, |a: f32, b: f32| a + b);
}

/// Folds the middle of three axes. Tasks depend on the shape alone, and parts are combined in order.
fn fold<T: Pod + Send + Sync>(
    x: CpuFirst,
    out: &mut [T],
    (outer, length, inner): (usize, usize, usize),
    start: T,
    f: impl Fn(T, T) -> T + Copy + Sync,
) {
    if out.is_empty() {
        return;
    }
    if inner >= COLUMNS {
        return fold_wide(x, out, (length, inner), start, f);
    }
    let part = |x: &[T], out: &mut [T]| {
        if inner == 1 {
            out[0] = fold_row(x, start, f);
        } else {
            out.fill(start);
            fold_columns(x, out, f);
        }
    };
    let size = (length * inner).max(1);
    let rows = CHUNK / inner;
    let chunks = length.div_ceil(rows).max(1);
    if chunks == 1 {
        let group = (CHUNK / size).max(1); // of one task
        let shared = SharedMut::new(out);
        return pool::for_chunks(outer, group, &|range| {
            // SAFETY: each row belongs to one task.
            let out = unsafe { shared.slice(range.start * inner..range.end * inner) };
            x.with(range.start * length * inner..range.end * length * inner, |x| {
                for (row, out) in out.chunks_exact_mut(inner).enumerate() {
                    part(&x[row * length * inner..(row + 1) * length * inner], out);
                }
            });
        });
    }
    scratch::with(outer * chunks * inner, |partial| {
        let partial: &mut [T] = cast_slice_mut(partial);
        let shared = SharedMut::new(partial);
        pool::run(outer * chunks, &|task| {
            let (row, chunk) = (task / chunks, task % chunks);
            let (from, to) = (row * length + chunk * rows, row * length + ((chunk + 1) * rows).min(length));
            // SAFETY: each part belongs to one task.
            let out = unsafe { shared.slice(task * inner..(task + 1) * inner) };
            x.with(from * inner..to * inner, |x| part(x, out));
        });
        for (out, parts) in out.chunks_exact_mut(inner).zip(partial.chunks_exact(chunks * inner)) {
            out.fill(start);
            fold_columns(parts, out, f);
        }
    });
}

/// Many columns: blocks of them are the tasks, each folded from top to bottom.
fn fold_wide<T: Pod + Send + Sync>(
    x: CpuFirst,
    out: &mut [T],
    (length, inner): (usize, usize),
    start: T,
    f: impl Fn(T, T) -> T + Copy + Sync,
) {
    let blocks = inner.div_ceil(COLUMNS);
    let (outer, shared) = (out.len() / inner, SharedMut::new(out));
    pool::for_chunks(outer * blocks, (CHUNK / (COLUMNS * length.max(1))).max(1), &|range| {
        for task in range {
            let (row, first) = (task / blocks, task % blocks * COLUMNS);
            let columns = first..(first + COLUMNS).min(inner);
            // SAFETY: each block belongs to one task.
            let out = unsafe { shared.slice(row * inner + columns.start..row * inner + columns.end) };
            out.fill(start);
            for line in row * length..(row + 1) * length {
                x.with(line * inner + columns.start..line * inner + columns.end, |x| fold_columns(x, out, f));
            }
        }
    });
}

impl Tensor {
    /// Sum over `axes`, all where none are given.
    #[doc(alias = "keras.ops.sum")]
    #[track_caller]
    pub fn sum(&self, axes: &[isize]) -> Tensor {
        self.reduce(Kind::Sum, axes)
    }

    /// Product over `axes`, all where none are given.
    #[doc(alias = "keras.ops.prod")]
    #[track_caller]
    pub fn prod(&self, axes: &[isize]) -> Tensor {
        self.reduce(Kind::Prod, axes)
    }

    /// Largest element along `axes`, over all where none are given; NaN wins.
    #[doc(alias = "keras.ops.max")]
    #[track_caller]
    pub fn max(&self, axes: &[isize]) -> Tensor {
        self.reduce(Kind::Max, axes)
    }

    /// Smallest element along `axes`, over all where none are given; NaN wins.
    #[doc(alias = "keras.ops.min")]
    #[track_caller]
    pub fn min(&self, axes: &[isize]) -> Tensor {
        self.reduce(Kind::Min, axes)
    }

    /// Mean over `axes`, all where none are given.
    #[doc(alias = "keras.ops.mean")]
    #[track_caller]
    pub fn mean(&self, axes: &[isize]) -> Tensor {
        if let Some(symbol) = crate::graph::symbolic("mean", &[self], &[super::axes_json(axes)]) {
            return symbol;
        }
        if self.dtype().is_half() {
            return self.in_f32(|x| x.mean(axes)); // the sum may be beyond float16
        }
        let sum = self.sum(axes);
        let count = self.size() as f32 / sum.size().max(1) as f32;
        sum / count
    }

    /// Puts back the axes that a reduction over `axes` of a tensor of `shape` took away, with size one.
    #[track_caller]
    pub fn keep_dims(&self, shape: &Shape, axes: &[isize]) -> Tensor {
        let axes = fits(shape.axes(axes), "keep_dims");
        if let Some(symbol) = crate::graph::symbolic("expand_dims", &[self], &[axes.to_vec().into()]) {
            return symbol;
        }
        self.reshape((0..shape.rank()).map(|axis| if axes.contains(&axis) { 1 } else { shape[axis] }).collect::<Shape>())
    }

    #[track_caller]
    fn reduce(&self, kind: Kind, axes: &[isize]) -> Tensor {
        if let Some(symbol) = crate::graph::symbolic(kind.name(), &[self], &[super::axes_json(axes)]) {
            return symbol;
        }
        let axes = fits(self.shape().axes(axes), kind.name());
        let Some((&first, &last)) = axes.first().zip(axes.last()) else { return self.clone() };
        if last - first + 1 == axes.len() {
            return record(Reduce { kind, first, last: last + 1 }, &[self]);
        }
        // Axes apart from each other are brought to the end.
        let kept = (0..self.rank()).filter(|axis| !axes.contains(axis));
        let order: Vec<isize> = kept.chain(axes.iter().copied()).map(|axis| axis as isize).collect();
        let first = self.rank() - axes.len();
        record(Reduce { kind, first, last: self.rank() }, &[&self.permute(&order)])
    }

    /// For each element along axes `first..last` the product of all others.
    fn product_of_others(&self, first: usize, last: usize) -> Tensor {
        // One row for each element, with a one in its own place.
        let shape = self.shape();
        let count: usize = shape[first..last].iter().product();
        let (outer, inner): (usize, usize) = (shape[..first].iter().product(), shape[last..].iter().product());
        let flat = self.reshape([outer, 1, count, inner]).broadcast_to([outer, count, count, inner]);
        let eye = Tensor::eye_on(self.device(), count).reshape([1, count, count, 1]).broadcast_to(flat.shape());
        (&flat * (1.0f32 - &eye) + eye).prod(&[2]).reshape(shape)
    }
}

/// The reference: folds `axes` away, the last one first.
fn fold_reference(x: &Reference, axes: &[usize], f: fn(f64, f64) -> f64) -> Reference {
    let mut out = x.clone();
    for &axis in axes.iter().rev() {
        let first = out.index_axis(ndarray::Axis(axis), 0).to_owned();
        out =
            out.axis_iter(ndarray::Axis(axis)).skip(1).fold(first, |sum, x| ndarray::Zip::from(&sum).and(&x).map_collect(|&a, &b| f(a, b)));
    }
    out
}

pub(super) fn cases() -> Vec<Case> {
    type Table = (&'static str, fn(&Tensor, &[isize]) -> Tensor, fn(f64, f64) -> f64, Smooth);
    let table: [Table; 4] = [
        ("sum", Tensor::sum, |a, b| a + b, Smooth::Twice),
        ("prod", Tensor::prod, |a, b| a * b, Smooth::Once),
        ("max", Tensor::max, |a, b| if a > b || a.is_nan() { a } else { b }, Smooth::Once),
        ("min", Tensor::min, |a, b| if a < b || a.is_nan() { a } else { b }, Smooth::Once),
    ];
    let mut out = Vec::new();
    for (name, call, f, smooth) in table {
        let mut add = |shape: &[usize], axes: &'static [isize]| {
            let all: Vec<usize> =
                if axes.is_empty() { (0..shape.len()).collect() } else { axes.iter().map(|&axis| axis as usize).collect() };
            let case = Case::new(
                format!("{name} {shape:?} over {axes:?}"),
                &[shape],
                move |x| {
                    let y = call(&x[0], axes);
                    &y * &y
                },
                move |x| fold_reference(&x[0], &all, f).mapv(|y| y * y),
            );
            let gap = if smooth == Smooth::Once && name != "prod" { 0.001 } else { 0.0 };
            out.push(case.apart(gap).smooth(smooth).tolerance(1e-5, 1e-5));
        };
        add(&[3, 4], &[]);
        add(&[3, 4, 5], &[1]);
        add(&[3, 4, 5], &[0]);
        add(&[2, 3, 4, 5], &[0, 2]);
        add(&[5, 7], &[1]);
        let int = Case::new(format!("{name} int32"), &[&[4, 5]], move |x| call(&x[0], &[0]), move |x| fold_reference(&x[0], &[0], f));
        out.push(int.input(0, DType::I32, -3.0, 3.0).smooth(Smooth::No));
    }
    for (shape, axes) in [([2, 1337], 1), ([1337, 3], 0), ([3, 40_000], 1), ([20_000, 2], 0)] {
        let case = Case::new(
            format!("sum {shape:?} over [{axes}], long"),
            &[&shape],
            move |x| x[0].sum(&[axes]),
            move |x| x[0].sum_axis(ndarray::Axis(axes as usize)),
        );
        out.push(case.tolerance(2e-5, 2e-5));
    }
    out
}
