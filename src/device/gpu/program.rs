//! A compiled list of dispatches, copies and clears that is replayed with new buffers and parameters.

use crate::lock::lock;
use std::sync::{Arc, Mutex};

use smallvec::SmallVec;

use super::item::{Binding, Dispatch, Item};
use super::memory::Buffer;
use super::open::Gpu;
use super::pipeline::Pipeline;
use super::profile;
use crate::{Error, Result};

/// Bind groups that a dispatch keeps, so that alternating buffers rebuild nothing.
const KEPT_GROUPS: usize = 4;

/// A compiled list of items. Runs of one program exclude each other; programs are independent.
pub struct Program {
    gpu: Arc<Gpu>,
    items: Vec<Item>,
    launches: Vec<Launch>,
    uniform: Option<wgpu::Buffer>,
    /// Per dynamic word: its place in the uniform buffer, and the parameter that fills it.
    dynamic: Vec<(usize, usize)>,
    slots: usize,
    state: Mutex<State>,
}

/// The compiled side of a dispatch.
struct Launch {
    pipeline: Arc<Pipeline>,
    /// Where its args start in the uniform buffer.
    args_at: u64,
}

/// What runs change.
struct State {
    /// The words of the uniform buffer that runs may change: the dynamic dispatches come first.
    words: Vec<u32>,
    /// The buffers of the last run.
    bound: Vec<u64>,
    groups: Vec<Groups>,
}

/// The bind groups of one dispatch, by the ids of its buffers.
#[derive(Default)]
struct Groups {
    kept: SmallVec<[(SmallVec<[u64; 6]>, wgpu::BindGroup); 1]>,
    current: usize,
    next: usize,
}

impl Program {
    /// Compiles `items`; kernels that the device has seen before cost nothing.
    ///
    /// # Errors
    /// A kernel that is not valid WGSL, bindings that do not fit its declarations or the device's limits,
    /// and written ranges that overlap another range of the same dispatch.
    pub fn new(gpu: &Arc<Gpu>, items: Vec<Item>) -> Result<Self> {
        gpu.check()?;
        let dispatches = || items.iter().filter_map(|item| if let Item::Dispatch(dispatch) = item { Some(dispatch) } else { None });
        let mut launches = Vec::new();
        for dispatch in dispatches() {
            launches.push(compile(gpu, dispatch).map_err(|error| error.at(format!("kernel {}", dispatch.kernel.name())))?);
        }

        // Dispatches with dynamic args come first, so that a run writes one short range.
        let alignment = gpu.device().limits().min_uniform_buffer_offset_alignment as usize / 4;
        let (mut words, mut dynamic) = (Vec::new(), Vec::new());
        let mut changing = 0;
        for wants_dynamic in [true, false] {
            for (dispatch, launch) in dispatches().zip(&mut launches) {
                if dispatch.dynamic.is_empty() == wants_dynamic || launch.pipeline.reflection.args == 0 {
                    continue;
                }
                words.resize(words.len().next_multiple_of(alignment), 0);
                let start = words.len();
                launch.args_at = start as u64 * 4;
                words.extend_from_slice(&dispatch.args);
                words.resize(start + launch.pipeline.reflection.args.next_multiple_of(16) as usize / 4, 0);
                dynamic.extend(dispatch.dynamic.iter().map(|(word, parameter)| (start + word, *parameter)));
            }
            if wants_dynamic {
                changing = words.len();
            }
        }
        let uniform = if words.is_empty() { None } else { Some(upload_args(gpu, &words)?) };
        words.truncate(changing);

        let groups = launches.iter().map(|_| Groups::default()).collect();
        let slots = items.iter().flat_map(slots_of).map(|slot| slot + 1).max().unwrap_or(0);
        let state = Mutex::new(State { words, bound: Vec::new(), groups });
        Ok(Self { gpu: gpu.clone(), items, launches, uniform, dynamic, slots, state })
    }

    /// How many buffers a run needs.
    pub fn slots(&self) -> usize {
        self.slots
    }

    /// Records and submits everything once; returns before it is done.
    ///
    /// # Errors
    /// Too few or too small buffers or parameters, and whatever the device reported by now.
    pub fn run(&self, buffers: &[Arc<Buffer>], params: &[u32]) -> Result<()> {
        if self.gpu.traces() {
            profile::print(&self.time(buffers, params)?);
            return Ok(());
        }
        let mut state = self.prepare(buffers, params)?;
        let mut encoder = self.gpu.device().create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let mut pass: Option<wgpu::ComputePass<'static>> = None;
        let mut pipeline: Option<&Arc<Pipeline>> = None;
        let mut launches = self.launches.iter().zip(&state.groups);
        for item in &self.items {
            let Item::Dispatch(dispatch) = item else {
                pass = None;
                encode_transfer(&mut encoder, item, buffers);
                continue;
            };
            let Some((launch, groups)) = launches.next() else { break };
            if dispatch.groups.contains(&0) {
                continue;
            }
            let pass = pass.get_or_insert_with(|| {
                pipeline = None;
                encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default()).forget_lifetime()
            });
            if !pipeline.is_some_and(|set| Arc::ptr_eq(set, &launch.pipeline)) {
                pass.set_pipeline(&launch.pipeline.raw);
                pipeline = Some(&launch.pipeline);
            }
            pass.set_bind_group(0, groups.current(), &[]);
            let [x, y, z] = dispatch.groups;
            pass.dispatch_workgroups(x, y, z);
        }
        drop(pass);
        self.gpu.submit_run(encoder.finish());
        state.bound.clear();
        state.bound.extend(buffers.iter().map(|buffer| buffer.id()));
        self.gpu.check()
    }

    /// Runs once, and times each item; waits for the device.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn time(&self, buffers: &[Arc<Buffer>], params: &[u32]) -> Result<Vec<profile::Timing>> {
        let state = self.prepare(buffers, params)?;
        let mut launches = self.launches.iter().zip(&state.groups);
        let mut steps = Vec::new();
        for item in &self.items {
            let launch = if matches!(item, Item::Dispatch(_)) { launches.next() } else { None };
            let bound = launch.and_then(|(launch, groups)| Some((&launch.pipeline.raw, groups.current()?)));
            steps.push(profile::Step { item, bound });
        }
        profile::time(&self.gpu, &steps, buffers)
    }

    /// Writes the parameters and finds the bind groups.
    fn prepare(&self, buffers: &[Arc<Buffer>], params: &[u32]) -> Result<std::sync::MutexGuard<'_, State>> {
        self.gpu.check()?;
        if buffers.len() < self.slots {
            return Err(Error::invalid(format!("the program needs {} buffers, it got {}", self.slots, buffers.len())));
        }
        let mut state = lock(&self.state);
        self.write_params(&mut state.words, params)?;
        let same = state.bound.len() == buffers.len() && state.bound.iter().zip(buffers).all(|(id, buffer)| *id == buffer.id());
        if !same {
            // Until every group is found, nothing is known to be bound.
            state.bound.clear();
            self.check_transfers(buffers)?;
            let dispatches = self.items.iter().filter_map(|item| if let Item::Dispatch(dispatch) = item { Some(dispatch) } else { None });
            for ((dispatch, launch), groups) in dispatches.zip(&self.launches).zip(&mut state.groups) {
                let ids: SmallVec<[u64; 6]> = dispatch.bindings.iter().map(|binding| buffers[binding.slot].id()).collect();
                if !groups.select(&ids) {
                    let group =
                        self.bind(dispatch, launch, buffers).map_err(|error| error.at(format!("kernel {}", dispatch.kernel.name())))?;
                    groups.insert(ids, group);
                }
            }
        }
        Ok(state)
    }

    fn write_params(&self, words: &mut [u32], params: &[u32]) -> Result<()> {
        let mut changed: Option<(usize, usize)> = None;
        for &(word, parameter) in &self.dynamic {
            let value = *params
                .get(parameter)
                .ok_or_else(|| Error::invalid(format!("the program needs parameter {parameter}, it got {} parameters", params.len())))?;
            if words[word] != value {
                words[word] = value;
                changed = Some(changed.map_or((word, word), |(first, last)| (first.min(word), last.max(word))));
            }
        }
        if let (Some((first, last)), Some(uniform)) = (changed, &self.uniform) {
            self.gpu.queue().write_buffer(uniform, first as u64 * 4, bytemuck::cast_slice(&words[first..=last]));
        }
        Ok(())
    }

    fn bind(&self, dispatch: &Dispatch, launch: &Launch, buffers: &[Arc<Buffer>]) -> Result<wgpu::BindGroup> {
        for (index, binding) in dispatch.bindings.iter().enumerate() {
            let buffer = &buffers[binding.slot];
            if binding.offset + binding.size > buffer.size() {
                let text = format!("binding {} wants bytes {} to {}", index + 1, binding.offset, binding.offset + binding.size);
                return Err(Error::invalid(format!("{text} of a buffer of {} bytes", buffer.size())));
            }
            let alias = dispatch
                .bindings
                .iter()
                .find(|other| other.slot != binding.slot && (other.write || binding.write) && buffers[other.slot].id() == buffer.id());
            if let Some(other) = alias {
                let text = format!("slots {} and {} are the same buffer, and one of them is written", binding.slot, other.slot);
                return Err(Error::invalid(text));
            }
        }
        let args = self.uniform.as_ref().filter(|_| launch.pipeline.reflection.args > 0).map(|uniform| wgpu::BindGroupEntry {
            binding: 0,
            resource: wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                buffer: uniform,
                offset: launch.args_at,
                size: wgpu::BufferSize::new(launch.pipeline.reflection.args.next_multiple_of(16).into()),
            }),
        });
        let storage = (1..).zip(&dispatch.bindings).map(|(binding, range)| wgpu::BindGroupEntry {
            binding,
            resource: wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                buffer: buffers[range.slot].raw(),
                offset: range.offset,
                size: wgpu::BufferSize::new(range.size),
            }),
        });
        let entries: SmallVec<[wgpu::BindGroupEntry<'_>; 8]> = args.into_iter().chain(storage).collect();
        let descriptor = wgpu::BindGroupDescriptor { label: None, layout: &launch.pipeline.layout, entries: &entries };
        let group = self.gpu.device().create_bind_group(&descriptor);
        self.gpu.count_bind_group();
        self.gpu.check().map(|()| group)
    }

    fn check_transfers(&self, buffers: &[Arc<Buffer>]) -> Result<()> {
        for item in &self.items {
            let ends = match item {
                Item::Copy { from, to, size } if buffers[from.0].id() != buffers[to.0].id() => [(from, size), (to, size)],
                Item::Copy { from, to, .. } => {
                    return Err(Error::invalid(format!("slots {} and {} of a copy are the same buffer", from.0, to.0)));
                }
                Item::Clear { at, size } => [(at, size), (at, size)],
                Item::Dispatch(_) => continue,
            };
            for (&(slot, offset), &size) in ends {
                super::upload::check_range("a copy or clear of", &buffers[slot], offset, size)?;
            }
        }
        Ok(())
    }
}

impl Groups {
    /// Makes the group of these buffers current, if it is kept.
    fn select(&mut self, ids: &[u64]) -> bool {
        match self.kept.iter().position(|(kept, _)| kept.as_slice() == ids) {
            Some(found) => self.current = found,
            None => return false,
        }
        true
    }

    fn insert(&mut self, ids: SmallVec<[u64; 6]>, group: wgpu::BindGroup) {
        if self.kept.len() < KEPT_GROUPS {
            self.current = self.kept.len();
            self.kept.push((ids, group));
        } else {
            self.current = self.next;
            self.next = (self.next + 1) % KEPT_GROUPS;
            self.kept[self.current] = (ids, group);
        }
    }

    fn current(&self) -> Option<&wgpu::BindGroup> {
        self.kept.get(self.current).map(|(_, group)| group)
    }
}

/// Checks a dispatch against its kernel and the device, and compiles it.
fn compile(gpu: &Gpu, dispatch: &Dispatch) -> Result<Launch> {
    let caps = gpu.caps();
    if dispatch.bindings.len() > caps.max_storage_buffers as usize {
        let text = format!("it binds {} buffers, this GPU allows {}", dispatch.bindings.len(), caps.max_storage_buffers);
        return Err(Error::invalid(text));
    }
    if dispatch.groups.iter().any(|&count| count > caps.max_groups) {
        return Err(Error::invalid(format!("{:?} workgroups, this GPU allows {} per dimension", dispatch.groups, caps.max_groups)));
    }
    let overlaps = |a: &Binding, b: &Binding| a.slot == b.slot && a.offset < b.offset + b.size && b.offset < a.offset + a.size;
    let mut mask = 0;
    for (index, binding) in dispatch.bindings.iter().enumerate() {
        let number = index + 1;
        if binding.size > caps.max_binding {
            return Err(Error::invalid(format!(
                "binding {number} has {} bytes, this GPU binds at most {}",
                binding.size, caps.max_binding
            )));
        }
        if binding.size == 0 || !binding.size.is_multiple_of(4) || !binding.offset.is_multiple_of(caps.offset_alignment.into()) {
            let text = format!("binding {number}: offset {} must be a multiple of {}", binding.offset, caps.offset_alignment);
            return Err(Error::invalid(format!("{text}, size {} a multiple of 4 and not 0", binding.size)));
        }
        for (other_index, other) in dispatch.bindings.iter().enumerate().filter(|(other, _)| *other != index) {
            if binding.write && overlaps(binding, other) {
                return Err(Error::invalid(format!("binding {number} is written and overlaps binding {}", other_index + 1)));
            }
            if other.write && other.slot == binding.slot {
                mask |= 1 << index;
            }
        }
    }
    let pipeline = gpu.pipelines().get(&dispatch.kernel, mask)?;
    let declared = &pipeline.reflection;
    if declared.buffers.len() != dispatch.bindings.len() {
        let text = format!("it declares {} storage buffers, the dispatch binds {}", declared.buffers.len(), dispatch.bindings.len());
        return Err(Error::invalid(text));
    }
    for (number, (buffer, binding)) in (1..).zip(declared.buffers.iter().zip(&dispatch.bindings)) {
        if buffer.write != binding.write {
            let text = format!("binding {number}: the kernel declares write {}, the dispatch says {}", buffer.write, binding.write);
            return Err(Error::invalid(text));
        }
        if binding.size < buffer.min_size.into() {
            return Err(Error::invalid(format!("binding {number} has {} bytes, the kernel needs {}", binding.size, buffer.min_size)));
        }
    }
    let words = declared.args.div_ceil(4) as usize;
    if dispatch.args.len() > words || dispatch.dynamic.iter().any(|(word, _)| *word >= words) {
        return Err(Error::invalid(format!("it declares {words} words of args, the dispatch sets more")));
    }
    Ok(Launch { pipeline, args_at: 0 })
}

fn upload_args(gpu: &Gpu, words: &[u32]) -> Result<wgpu::Buffer> {
    let usage = wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST;
    let buffer = gpu.pool().create(words.len() as u64 * 4, usage, true)?;
    let mut mapped = buffer.get_mapped_range_mut(..).map_err(|error| Error::device(format!("args cannot be written: {error}")))?;
    mapped.copy_from_slice(bytemuck::cast_slice(words));
    drop(mapped);
    buffer.unmap();
    Ok(buffer)
}

fn slots_of(item: &Item) -> SmallVec<[usize; 8]> {
    match item {
        Item::Dispatch(dispatch) => dispatch.bindings.iter().map(|binding| binding.slot).collect(),
        Item::Copy { from, to, .. } => [from.0, to.0].into_iter().collect(),
        Item::Clear { at, .. } => [at.0].into_iter().collect(),
    }
}

/// Records a copy or clear.
pub(super) fn encode_transfer(encoder: &mut wgpu::CommandEncoder, item: &Item, buffers: &[Arc<Buffer>]) {
    match *item {
        Item::Copy { from, to, size } => encoder.copy_buffer_to_buffer(buffers[from.0].raw(), from.1, buffers[to.0].raw(), to.1, size),
        Item::Clear { at, size } => encoder.clear_buffer(buffers[at.0].raw(), at.1, Some(size)),
        Item::Dispatch(_) => {}
    }
}
