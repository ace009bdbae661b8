//! What ops on rows share: a row is what lies along the last axis, one kernel handles it as a whole.

use crate::{
    DType, Error, Result, Shape,
    device::{
        cpu::{pool, simd},
        gpu::{AdapterKind, Caps},
    },
    shape::Spec,
};

/// Elements that one task of a CPU kernel takes.
const CHUNK: usize = 16 * 1024;

/// Number and length of the rows of `shape`.
pub(super) fn rows(shape: &Shape) -> (usize, usize) {
    let (&length, outer) = shape.split_last().expect("rows have an axis");
    (outer.iter().product(), length)
}

/// The spec of rows of floats, or an error.
pub(super) fn float_rows(spec: &Spec) -> Result<&Spec> {
    if spec.dtype != DType::F32 {
        return Err(Error::dtype(format!("takes float32, not {spec}; use `cast`")));
    }
    if spec.shape.rank() == 0 {
        return Err(Error::shape("takes at least one axis, not a scalar"));
    }
    Ok(spec)
}

/// Runs `body` for each row, in parallel.
pub(super) fn for_rows(count: usize, length: usize, body: &(dyn Fn(usize) + Sync)) {
    pool::for_chunks(count, CHUNK / length.max(1), &|range| {
        range.for_each(body);
        simd::streamed();
    });
}

/// How the invocations of a workgroup share rows or columns.
pub(super) struct Lanes {
    /// The shader's block `lanes`.
    pub block: String,
    /// Rows or columns of a workgroup.
    pub per_group: usize,
}

impl Lanes {
    /// For rows of `length`: neighbouring invocations share one, about four elements each at first.
    /// A software adapter has nobody to share with, and wants no workgroup memory.
    pub fn of_rows(caps: &Caps, length: usize) -> Self {
        let most = (caps.max_group_threads as usize).min(256);
        let count = if caps.kind == AdapterKind::Cpu { 1 } else { length.div_ceil(4).next_power_of_two().min(most) };
        Self::new(count, 1, count.max(64))
    }

    /// For columns: invocations that share one lie apart, so that neighbours read neighbours.
    pub fn of_columns(caps: &Caps) -> Self {
        if caps.kind == AdapterKind::Cpu { Self::new(1, 64, 64) } else { Self::new(8, 32, 256) }
    }

    fn new(count: usize, stride: usize, group: usize) -> Self {
        let block = if count == 1 {
            format!(
                "const GROUP = {group}u;\nconst LANES = 1u;\nconst STRIDE = {stride}u;\nfn sum_lanes(x: f32, i: u32) -> f32 {{ return x; }}\n\
                 fn max_lanes(x: f32, i: u32) -> f32 {{ return x; }}"
            )
        } else {
            include_str!("../../shaders/lib/lanes.wgsl")
                .replace("GROUP = 64u", &format!("GROUP = {group}u"))
                .replace("LANES = 64u", &format!("LANES = {count}u"))
                .replace("STRIDE = 1u", &format!("STRIDE = {stride}u"))
        };
        Self { block, per_group: group / count }
    }
}
