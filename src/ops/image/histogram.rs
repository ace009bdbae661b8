//! Histograms of rows of integers.

use crate::{
    DType, Error, Result, Tensor,
    device::{
        cpu::pool::{self, SharedMut},
        gpu::compose,
    },
    graph::{CpuCall, GpuCall, GradCx, Key, Op, Specs},
    ops::{
        Case,
        case::{Reference, Smooth},
        record,
    },
    shape::Spec,
};
use smallvec::SmallVec;

/// How often each number from 0 to before `bins` stands in each row: int32 (…, L) to float32 (…, bins).
#[derive(Debug)]
struct Histogram {
    bins: usize,
}

impl Op for Histogram {
    fn name(&self) -> &'static str {
        "histogram"
    }

    fn outputs(&self, inputs: &[&Spec]) -> Result<Specs> {
        let (shape, last) = (&inputs[0].shape, inputs[0].shape.rank().wrapping_sub(1));
        if inputs[0].dtype != DType::I32 || shape.rank() == 0 {
            return Err(Error::invalid(format!("takes rows of int32, not {}; use `cast`", inputs[0])));
        }
        Ok(SmallVec::from_iter([Spec::new(DType::F32, shape.with(last, self.bins))]))
    }

    fn key(&self, key: &mut Key) {
        key.word(self.bins);
    }

    fn grad(&self, _cx: &GradCx) -> Result<Vec<Option<Tensor>>> {
        Ok(vec![None])
    }

    fn cpu(&self, call: CpuCall) {
        let (x, length, bins) = (call.inputs[0].i32(), call.inputs[0].shape()[call.inputs[0].shape().rank() - 1], self.bins);
        let rows = call.outputs[0].spec.size().checked_div(bins).unwrap_or(0);
        let out = SharedMut::new(call.outputs[0].f32());
        pool::for_chunks(rows, (1usize << 13).div_ceil((length + bins).max(1)), &|rows| {
            for row in rows {
                // SAFETY: each row is written once.
                let out = unsafe { out.slice(row * bins..(row + 1) * bins) };
                out.fill(0.0);
                for &number in &x[row * length..(row + 1) * length] {
                    // A negative number is large without its sign.
                    if let Some(count) = out.get_mut(number as u32 as usize) {
                        *count += 1.0;
                    }
                }
            }
        });
    }

    fn gpu(&self, call: &mut GpuCall) -> Result<()> {
        let (input, output) = (&call.inputs[0], &call.outputs[0]);
        let length = input.shape()[input.shape().rank() - 1];
        let (rows, parts) = (output.size().checked_div(self.bins).unwrap_or(0), self.bins.div_ceil(PART));
        let kernel = compose(self.name(), include_str!("../../../shaders/histogram.wgsl"), &[])?;
        let args = [rows * parts, length, self.bins, parts].map(Into::into);
        call.dispatch(kernel, &args, &[input], &[output], call.linear(rows * parts, 1));
        Ok(())
    }
}

/// Bins that a workgroup counts.
const PART: usize = 256;

impl Tensor {
    /// How often each number from 0 to before `bins` stands in each row of this int32 tensor (…, L): float32 (…, bins). Other numbers
    /// do not count. Counts are exact up to 2^24.
    #[track_caller]
    pub(crate) fn histogram(&self, bins: usize) -> Tensor {
        record(Histogram { bins }, &[self])
    }
}

pub(super) fn cases() -> Vec<Case> {
    let case = |rows: usize, length: usize, bins: usize| {
        let reference = move |x: &[Reference]| {
            Reference::from_shape_fn(vec![rows, bins], |at| (0..length).filter(|&i| x[0][[at[0], i]] == at[1] as f64).count() as f64)
        };
        Case::new(format!("histogram of {length} in {bins}"), &[&[rows, length]], move |x| x[0].histogram(bins), reference)
            .input(0, DType::I32, -2.0, bins as f64 + 1.0)
            .smooth(Smooth::No)
    };
    vec![case(3, 200, 7), case(2, 1000, 300), case(1, 0, 4)]
}
