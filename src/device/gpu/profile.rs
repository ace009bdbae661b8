//! Where the time goes: each item of a program timed by the device.

use std::sync::Arc;
use std::time::Instant;

use super::item::Item;
use super::memory::Buffer;
use super::open::Gpu;
use super::program::encode_transfer;
use crate::Result;

/// How long one item of a program took.
#[derive(Clone, Debug)]
pub struct Timing {
    /// The kernel's name, or "copy" or "clear".
    pub name: String,
    /// Workgroups of a dispatch.
    pub groups: [u32; 3],
    /// Bytes that its bindings cover.
    pub bytes: u64,
    /// Time on the device, or on the host with a wait where the device cannot tell.
    pub microseconds: f64,
}

/// An item and, for a dispatch, its pipeline and bind group.
pub(super) struct Step<'a> {
    pub item: &'a Item,
    pub bound: Option<(&'a wgpu::ComputePipeline, &'a wgpu::BindGroup)>,
}

/// Runs the steps one by one and times each.
pub(super) fn time(gpu: &Arc<Gpu>, steps: &[Step<'_>], buffers: &[Arc<Buffer>]) -> Result<Vec<Timing>> {
    let queries = if gpu.caps().timestamps { Some(Queries::new(gpu)?) } else { None };
    let mut timings = Vec::with_capacity(steps.len());
    gpu.wait()?;
    for Step { item, bound } in steps {
        let start = Instant::now();
        let mut encoder = gpu.device().create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let mut timed_by_device = false;
        match (item, bound) {
            (Item::Dispatch(dispatch), Some((pipeline, group))) if !dispatch.groups.contains(&0) => {
                let timestamp_writes = queries.as_ref().map(Queries::writes);
                timed_by_device = timestamp_writes.is_some();
                let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor { label: None, timestamp_writes });
                pass.set_pipeline(pipeline);
                pass.set_bind_group(0, Some(*group), &[]);
                let [x, y, z] = dispatch.groups;
                pass.dispatch_workgroups(x, y, z);
            }
            _ => encode_transfer(&mut encoder, item, buffers),
        }
        if let Some(queries) = queries.as_ref().filter(|_| timed_by_device) {
            encoder.resolve_query_set(&queries.set, 0..2, &queries.resolved, 0);
            encoder.copy_buffer_to_buffer(&queries.resolved, 0, queries.copied.raw(), 0, 16);
        }
        let submission = gpu.submit(encoder.finish());
        gpu.wait_for(submission);
        gpu.check()?;
        let microseconds = match queries.as_ref().filter(|_| timed_by_device) {
            Some(queries) => queries.microseconds(gpu)?,
            None => start.elapsed().as_secs_f64() * 1e6,
        };
        timings.push(describe(item, microseconds));
    }
    Ok(timings)
}

fn describe(item: &Item, microseconds: f64) -> Timing {
    let (name, groups, bytes) = match item {
        Item::Dispatch(dispatch) => {
            let bytes = dispatch.bindings.iter().map(|binding| binding.size).sum();
            (dispatch.kernel.name().to_string(), dispatch.groups, bytes)
        }
        Item::Copy { size, .. } => ("copy".to_string(), [0; 3], 2 * size),
        Item::Clear { size, .. } => ("clear".to_string(), [0; 3], *size),
    };
    Timing { name, groups, bytes, microseconds }
}

/// A pair of timestamps and the way to read it.
struct Queries {
    set: wgpu::QuerySet,
    resolved: wgpu::Buffer,
    copied: Arc<Buffer>,
}

impl Queries {
    fn new(gpu: &Gpu) -> Result<Self> {
        let set = gpu.device().create_query_set(&wgpu::QuerySetDescriptor { label: None, ty: wgpu::QueryType::Timestamp, count: 2 });
        let usage = wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC;
        Ok(Self { set, resolved: gpu.pool().create(256, usage, false)?, copied: gpu.alloc(16)? })
    }

    fn writes(&self) -> wgpu::ComputePassTimestampWrites<'_> {
        wgpu::ComputePassTimestampWrites { query_set: &self.set, beginning_of_pass_write_index: Some(0), end_of_pass_write_index: Some(1) }
    }

    fn microseconds(&self, gpu: &Arc<Gpu>) -> Result<f64> {
        let bytes = gpu.read(&self.copied, 0, 16)?;
        let tick = |at: usize| bytes[at..].iter().take(8).rev().fold(0u64, |value, byte| value << 8 | u64::from(*byte));
        Ok(tick(8).saturating_sub(tick(0)) as f64 * f64::from(gpu.queue().get_timestamp_period()) / 1e3)
    }
}

/// Prints timings for `WGRAD_TRACE`.
pub(super) fn print(timings: &[Timing]) {
    for timing in timings {
        let rate = timing.bytes as f64 / timing.microseconds.max(0.001) / 1e3;
        let [x, y, z] = timing.groups;
        eprintln!("{:>10.1} µs {:>8.1} GB/s  {} ({x} x {y} x {z})", timing.microseconds, rate, timing.name);
    }
    let total: f64 = timings.iter().map(|timing| timing.microseconds).sum();
    eprintln!("{total:>10.1} µs in {} items", timings.len());
}
