//! Linear algebra: ops on the matrices of the last two axes. The host calculates them in double precision, for GPUs too.

mod cases;
mod composed;
mod decompose;
mod pair;
mod solve;

pub(super) use cases::cases;
pub use composed::MatrixNorm;

use super::record;
use crate::{
    DType, Error, Result, Shape, Tensor,
    device::cpu::pool::{self, SharedMut},
    graph::{CpuCall, GpuCall, GradCx, Key, Op, Specs, apply},
    lock::lock,
    shape::Spec,
};
use smallvec::SmallVec;
use std::{fmt, sync::Mutex};
use wgrad_numerics::Failure;

/// Rows and columns.
type Size = [usize; 2];

/// What one op calculates for one matrix of each input.
trait Matrices: fmt::Debug + Send + Sync + 'static {
    fn name(&self) -> &'static str;

    /// Dtypes and shapes of the results for matrices of these sizes.
    fn results(&self, inputs: &[Size]) -> Result<Vec<Spec>>;

    /// What besides name and sizes decides about the results.
    fn options(&self) -> u32 {
        0
    }

    fn grad(&self, cx: &GradCx) -> Result<Vec<Option<Tensor>>>;

    fn calculate(&self, sizes: &[Size], inputs: &[&[f32]], outputs: &mut [&mut [f32]]) -> Result<(), Failure>;
}

/// The op for all matrices of a batch. Those with a number that is not finite have results of NaN.
#[derive(Debug)]
struct Batch<M>(M);

/// The sizes of the matrices, and the axes before them.
fn matrices(spec: &Spec) -> Option<(&[usize], Size)> {
    let (batch, &size) = spec.shape.split_last_chunk::<2>()?;
    Some((batch, size))
}

impl<M: Matrices> Op for Batch<M> {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn outputs(&self, inputs: &[&Spec]) -> Result<Specs> {
        let mut sizes = Vec::new();
        let first = matrices(inputs[0]).map_or(&[][..], |(batch, _)| batch);
        for spec in inputs {
            let Some((batch, size)) = matrices(spec).filter(|(_, size)| !size.contains(&0)) else {
                return Err(Error::shape(format!("takes matrices with rows and columns, not shape {}", spec.shape)));
            };
            if spec.dtype != DType::F32 {
                return Err(Error::dtype(format!("takes float32, not {spec}; use `cast`")));
            }
            if batch != first {
                return Err(Error::shape(format!("shapes {} and {} differ before their matrices", inputs[0].shape, spec.shape)));
            }
            sizes.push(size);
        }
        let results = self.0.results(&sizes)?;
        Ok(results.into_iter().map(|one| Spec::new(one.dtype, first.iter().chain(&one.shape[..]).copied().collect::<Shape>())).collect())
    }

    fn key(&self, key: &mut Key) {
        key.word(self.0.options());
    }

    fn grad(&self, cx: &GradCx) -> Result<Vec<Option<Tensor>>> {
        self.0.grad(cx)
    }

    fn cpu(&self, mut call: CpuCall) {
        let spec = call.inputs[0].spec;
        let (batch, _) = matrices(spec).expect("shape inference saw it");
        let count: usize = batch.iter().product();
        let sizes: SmallVec<[Size; 2]> = call.inputs.iter().filter_map(|input| Some(matrices(input.spec)?.1)).collect();
        let outputs: SmallVec<[_; 4]> = call.outputs.iter_mut().map(|out| (out.spec.dtype, out.f32())).collect();
        let outputs: SmallVec<[_; 4]> =
            outputs.into_iter().map(|(dtype, out)| (dtype, out.len() / count.max(1), SharedMut::new(out))).collect();
        let failed: Mutex<Option<(usize, Failure)>> = Mutex::new(None);
        let [rows, columns] = sizes[0];
        pool::for_chunks(count, (1 << 14) / (rows * columns * rows.min(columns)) + 1, &|range| {
            for at in range {
                let inputs =
                    call.inputs.iter().zip(&sizes).map(|(input, [rows, columns])| &input.f32()[at * rows * columns..][..rows * columns]);
                let inputs: SmallVec<[&[f32]; 2]> = inputs.collect();
                // SAFETY: each matrix of a result is written once.
                let parts = outputs.iter().map(|(_, length, out)| unsafe { out.slice(at * length..(at + 1) * length) });
                let mut parts: SmallVec<[&mut [f32]; 4]> = parts.collect();
                if !inputs.iter().all(|input| input.iter().all(|x| x.is_finite())) {
                    let nothing = |dtype| if dtype == DType::F32 { f32::NAN } else { 0.0 };
                    parts.iter_mut().zip(&outputs).for_each(|(part, (dtype, ..))| part.fill(nothing(*dtype)));
                } else if let Err(failure) = self.0.calculate(&sizes, &inputs, &mut parts) {
                    let mut failed = lock(&failed);
                    *failed = Some(failed.filter(|(first, _)| *first < at).unwrap_or((at, failure)));
                }
            }
        });
        drop(outputs);
        if let Some((at, failure)) = failed.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner) {
            let which = if count == 1 { "the matrix".into() } else { format!("matrix {at}") };
            call.fail(Error::data(format!("{which} of shape {} {failure}", spec.shape)));
        }
    }

    fn gpu(&self, call: &mut GpuCall) -> Result<()> {
        call.on_host();
        Ok(())
    }
}

/// Records an op with `N` results.
#[track_caller]
fn record_all<const N: usize>(op: impl Matrices, inputs: &[&Tensor]) -> [Tensor; N] {
    let outputs = apply(Batch(op), inputs).unwrap_or_else(|error| panic!("{error}"));
    outputs.into_iter().collect::<Vec<_>>().try_into().unwrap_or_else(|_| unreachable!("the op has {N} results"))
}

/// A result of float32.
fn floats(shape: impl Into<Shape>) -> Spec {
    Spec::new(DType::F32, shape)
}

/// The number of rows, which is that of columns.
fn square([rows, columns]: Size) -> Result<usize> {
    if rows == columns { Ok(rows) } else { Err(Error::shape(format!("takes square matrices, not {rows} x {columns}"))) }
}

/// The matrices of the last two axes transposed.
#[track_caller]
fn adjoint(x: &Tensor) -> Tensor {
    x.swap_axes(-1, -2)
}

/// The lower triangle, with half of the diagonal.
fn half_lower(x: &Tensor) -> Tensor {
    (x.tril(0) + x.tril(-1)) * 0.5
}

/// `1 / x` and zero where `x` is: as in TensorFlow, for distances of eigenvalues that may be equal.
fn safe_reciprocal(x: &Tensor) -> Tensor {
    x / (x.square() + 1e-20)
}

/// The identity matrix for each matrix of `like`, with its rows.
fn identities(like: &Tensor) -> Tensor {
    let size = like.shape()[like.rank() - 2];
    let one = Tensor::eye_on(like.device(), size).cast(like.dtype());
    one.broadcast_to(like.shape().with(like.rank() - 1, size))
}
