//! Matrix product, with a batch axis and operands of any positive strides, so that a transpose costs nothing.

use super::{
    Case,
    case::{Reference, Smooth},
    product::{Core, Order, SUMS, operand},
    record,
    reduce::column_sums,
};
use crate::{
    DType, Error, Result, Shape, Tensor,
    device::cpu::{
        finish::Finish,
        gemm::{self, Mat},
    },
    graph::{Access, Arg, CpuCall, CpuIn, GpuCall, GradCx, Key, Op, OpRef, Specs, Word},
    shape::{Layout, Spec},
};
use smallvec::SmallVec;

/// `(B, M, K) x (B, K, N)`.
#[derive(Debug)]
struct Matmul;

/// The same for B = 1, and the sums of the columns of the second operand.
#[derive(Debug)]
struct MatmulAndSums;

impl Op for Matmul {
    fn name(&self) -> &'static str {
        "matmul"
    }

    fn outputs(&self, inputs: &[&Spec]) -> Result<Specs> {
        let (a, b) = (inputs[0], inputs[1]);
        if a.dtype != DType::F32 || b.dtype != DType::F32 {
            return Err(Error::dtype(format!("takes float32, not {a} and {b}; use `cast`")));
        }
        let [batch, m, k] = a.shape[..] else { return Err(Error::shape(format!("the first operand has shape {}", a.shape))) };
        if b.shape[..2] != [batch, k] || b.shape.rank() != 3 {
            return Err(Error::shape(format!("shapes {} and {}", a.shape, b.shape)));
        }
        Ok(SmallVec::from_iter([Spec::new(DType::F32, [batch, m, b.shape[2]])]))
    }

    fn key(&self, _key: &mut Key) {}

    fn flops(&self, inputs: &[Spec], outputs: &[Spec]) -> u64 {
        2 * (outputs[0].size() * inputs[0].shape[2]) as u64
    }

    fn grad(&self, cx: &GradCx) -> Result<Vec<Option<Tensor>>> {
        let (a, b, Some(dy)) = (cx.input(0), cx.input(1), cx.upstream(0)) else { return Ok(vec![None, None]) };
        let da = cx.needs(0).then(|| record(Matmul, &[dy, &b.swap_axes(1, 2)]));
        let db = cx.needs(1).then(|| record(Matmul, &[&a.swap_axes(1, 2), dy]));
        Ok(vec![da, db])
    }

    fn access(&self, _index: usize, layout: &Layout) -> Access {
        if layout.strides.iter().all(|&stride| stride >= 0) { Access::Strided } else { Access::Contiguous }
    }

    fn takes_epilogue(&self) -> bool {
        true
    }

    fn reads_halves(&self) -> bool {
        true
    }

    fn cpu(&self, call: CpuCall) {
        let out = call.outputs[0].f32();
        call.epilogue.lend(|finish| multiply(&call.inputs[0], &call.inputs[1], out, finish));
    }

    fn gpu(&self, call: &mut GpuCall) -> Result<()> {
        dispatch(call)
    }

    fn with_column_sums(&self, inputs: &[&Spec]) -> Option<(usize, OpRef)> {
        (inputs[0].shape[0] == 1).then(|| (1, MatmulAndSums.into()))
    }
}

/// How four neighbours of an operand can be loaded at once.
fn order(operand: &Arg) -> Order {
    let Layout { shape, strides, offset } = &operand.layout;
    let fours = |unit: usize, other: usize| {
        let aligned = |axis: usize| shape[axis] == 1 || strides[axis] % 4 == 0;
        strides[unit] == 1 && offset.is_multiple_of(4) && aligned(0) && aligned(other)
    };
    match () {
        () if fours(2, 1) => Order::Columns.in_fours(shape[2], operand),
        () if fours(1, 2) => Order::Rows.in_fours(shape[1], operand),
        () => Order::Single,
    }
}

impl Op for MatmulAndSums {
    fn name(&self) -> &'static str {
        "matmul_and_sums"
    }

    fn outputs(&self, inputs: &[&Spec]) -> Result<Specs> {
        let mut specs = Matmul.outputs(inputs)?;
        specs.push(Spec::new(DType::F32, [inputs[1].shape[2]]));
        Ok(specs)
    }

    fn flops(&self, inputs: &[Spec], outputs: &[Spec]) -> u64 {
        Matmul.flops(inputs, outputs) + inputs[1].size() as u64
    }

    fn key(&self, _key: &mut Key) {}

    fn grad(&self, _cx: &GradCx) -> Result<Vec<Option<Tensor>>> {
        unreachable!("only plans make it")
    }

    fn access(&self, index: usize, layout: &Layout) -> Access {
        if index == 0 { Matmul.access(index, layout) } else { Access::Contiguous }
    }

    fn reads_halves(&self) -> bool {
        true
    }

    fn cpu(&self, call: CpuCall) {
        let [product, sums] = call.outputs else { unreachable!("there are two outputs") };
        multiply(&call.inputs[0], &call.inputs[1], product.f32(), None);
        column_sums(call.inputs[1].f32(), sums.f32());
    }

    fn gpu(&self, call: &mut GpuCall) -> Result<()> {
        dispatch(call)
    }
}

fn multiply(a: &CpuIn, b: &CpuIn, out: &mut [f32], finish: Finish) {
    let (&[batch, m, k], n) = (&a.shape()[..], b.shape()[2]) else { unreachable!("outputs() checked the ranks") };
    let strides = [a, b].map(|operand| operand.layout.strides[0] as usize);
    gemm::batched(batch, [m, n, k], matrix(a), matrix(b), strides, out, finish);
}

/// The kernel of both; a second output is the sums.
fn dispatch(call: &mut GpuCall) -> Result<()> {
    let (a, b, outputs) = (&call.inputs[0], &call.inputs[1], call.outputs);
    let (&[batch, m, n], k) = (&outputs[0].shape()[..], a.shape()[2]) else { unreachable!("outputs() checked the ranks") };
    let mut args: Vec<Word> = vec![batch.into(), m.into(), n.into(), k.into()];
    for operand in [a, b] {
        args.push(operand.layout.offset.into());
        args.extend(operand.layout.strides.iter().map(|&stride| Word::from(stride)));
    }
    let core = Core::of(call.caps);
    // A block of a has the rows in its columns, one of b the columns in its rows.
    let (left, right) = (operand(1, "a", order(a)), operand(2, "b", order(b)));
    let blocks = [("product", core.text), ("a", &*left), ("b", &*right), ("sums", SUMS)];
    let sums = outputs.len() - 1;
    let groups = call.linear(batch * core.tiles(m + sums, n), 1);
    let outputs: Vec<&Arg> = outputs.iter().collect();
    call.dispatch_last("matmul", include_str!("../../shaders/matmul.wgsl"), &blocks[..3 + sums], &args, &[a, b], &outputs, groups)
}

fn matrix<'a>(operand: &CpuIn<'a>) -> Mat<'a> {
    let strides = &operand.layout.strides;
    Mat {
        data: &operand.f32()[operand.layout.offset.min(operand.words().len())..],
        row_stride: strides[1] as usize,
        column_stride: strides[2] as usize,
    }
}

impl Tensor {
    /// Matrix product of the last two axes; leading axes broadcast. A vector is a row on the left, a column on the right.
    ///
    /// ```
    /// use wgrad::prelude::*;
    /// let (a, b) = (Tensor::ones([2, 3]), Tensor::ones([3, 4]));
    /// assert_eq!(a.matmul(&b).to_vec::<f32>()?, vec![3.0; 8]);
    /// # Ok::<(), wgrad::Error>(())
    /// ```
    #[doc(alias = "keras.ops.matmul")]
    #[track_caller]
    pub fn matmul(&self, other: &Tensor) -> Tensor {
        if let Some(symbol) = crate::graph::symbolic("matmul", &[self, other], &[]) {
            return symbol;
        }
        let (a, b) = (self.shape(), other.shape());
        let hint = "the last axis of the first must be the last but one of the second";
        let misfit = || -> ! { super::raise(Error::shape(format!("matmul: shapes {a} and {b} do not fit: {hint}"))) };
        if self.rank() == 1 && other.rank() >= 1 {
            let product = self.expand_dims(0).matmul(&if other.rank() == 1 { other.expand_dims(1) } else { other.clone() });
            return if other.rank() == 1 { product.reshape(Shape::scalar()) } else { product.squeeze(&[-2]) };
        }
        if other.rank() == 1 && self.rank() >= 1 {
            return self.matmul(&other.expand_dims(1)).squeeze(&[-1]);
        }
        if self.rank() == 0 || other.rank() == 0 || a[a.rank() - 1] != b[b.rank() - 2] {
            misfit();
        }
        let (k, n) = (b[b.rank() - 2], b[b.rank() - 1]);
        let result = |batch: &[usize], m: usize| batch.iter().copied().chain([m, n]).collect::<Shape>();
        // One matrix on the right: the batch is more rows of the left.
        if other.rank() == 2 {
            let rows = a[..a.rank() - 1].iter().product();
            let product = record(Matmul, &[&self.reshape([1, rows, k]), &other.reshape([1, k, n])]);
            return product.reshape(result(&a[..a.rank() - 2], a[a.rank() - 2]));
        }
        let (left, right) = (Shape::from(&a[..a.rank() - 2]), Shape::from(&b[..b.rank() - 2]));
        let Ok(batch) = left.broadcast(&right) else { misfit() };
        let m = a[a.rank() - 2];
        let full = |rows: usize, columns: usize| batch.iter().copied().chain([rows, columns]).collect::<Shape>();
        let left = self.broadcast_to(full(m, k)).reshape([batch.size(), m, k]);
        let right = other.broadcast_to(full(k, n)).reshape([batch.size(), k, n]);
        record(Matmul, &[&left, &right]).reshape(result(&batch, m))
    }
}

pub(super) fn cases() -> Vec<Case> {
    fn product(a: &Reference, b: &Reference) -> Reference {
        let two = |x: &Reference| x.clone().into_dimensionality::<ndarray::Ix2>().expect("a matrix");
        two(a).dot(&two(b)).into_dyn()
    }
    let mut out: Vec<Case> = [[1, 1, 1], [5, 7, 3], [33, 17, 40], [64, 32, 64], [67, 131, 71], [1, 72, 100]]
        .into_iter()
        .map(|[m, k, n]| {
            Case::new(format!("matmul {m}x{k}x{n}"), &[&[m, k], &[k, n]], |x| x[0].matmul(&x[1]), |x| product(&x[0], &x[1]))
                .smooth(Smooth::Twice)
        })
        .collect();
    for [m, k, n] in [[0, 3, 4], [3, 0, 4], [8, 4, 0]] {
        let case = Case::new(format!("matmul {m}x{k}x{n}"), &[&[m, k], &[k, n]], |x| x[0].matmul(&x[1]), |x| product(&x[0], &x[1]));
        out.push(case.smooth(Smooth::No));
    }
    // More of a batch than workgroups along one dimension.
    let many = Case::new(
        "matmul of a batch of 70,000",
        &[&[70_000, 1, 2], &[70_000, 2, 1]],
        |x| x[0].matmul(&x[1]),
        |x| (&x[0] * &x[1].view().permuted_axes(vec![0, 2, 1])).sum_axis(ndarray::Axis(2)).insert_axis(ndarray::Axis(2)),
    );
    out.push(many.smooth(Smooth::No));
    for (a, b) in [([6, 5], [9, 6]), ([36, 40], [68, 36])] {
        out.push(Case::new(
            format!("matmul {a:?} by {b:?} transposed"),
            &[&a, &b],
            |x| x[0].transpose().matmul(&x[1].transpose()),
            |x| product(&x[0].t().to_owned(), &x[1].t().to_owned()),
        ));
    }
    out.push(Case::new(
        "matmul batch",
        &[&[2, 3, 4], &[2, 4, 5]],
        |x| x[0].matmul(&x[1]),
        |x| {
            let each =
                |i: usize| product(&x[0].index_axis(ndarray::Axis(0), i).to_owned(), &x[1].index_axis(ndarray::Axis(0), i).to_owned());
            ndarray::stack(ndarray::Axis(0), &[each(0).view(), each(1).view()]).expect("equal shapes")
        },
    ));
    out.into_iter().map(Case::cards).collect()
}
