//! Memory: which buffer every value lies in. Values that outlive the run get their own, the others share slots.

use super::{Part, Place, Plan, Step, switches};
use crate::{
    Result,
    device::Device,
    graph::{Arg, GpuCall, GpuChain},
    shape::Layout,
};
use smallvec::SmallVec;

/// Where a buffer of the compiler comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Home {
    /// The buffer of a leaf, by its number.
    Leaf(usize),
    /// The same, after a step has overwritten it.
    Update(usize),
    /// Needed from its first writer to its last reader.
    Slot,
    /// Outlives the run.
    Output,
    /// A part of another buffer, from a word on.
    Within(usize, usize),
}

pub(super) struct Buffers {
    homes: Vec<Home>,
    sizes: Vec<usize>,
}

impl Buffers {
    pub fn new(leaves: usize) -> Self {
        Self { homes: (0..leaves).map(Home::Leaf).collect(), sizes: vec![0; leaves] }
    }

    pub fn add(&mut self, home: Home, words: usize) -> usize {
        self.homes.push(home);
        self.sizes.push(words);
        self.homes.len() - 1
    }

    /// Makes `buffer` the part of `outer` that begins at word `start`, unless it has a place already.
    pub fn move_into(&mut self, buffer: usize, outer: usize, start: usize) -> bool {
        if self.homes[buffer] == Home::Output {
            self.survive(outer);
        }
        let free = matches!(self.homes[buffer], Home::Slot | Home::Output)
            && !self.homes.iter().any(|home| matches!(home, Home::Within(other, _) if *other == buffer));
        if free {
            self.homes[buffer] = Home::Within(outer, start);
        }
        free
    }

    /// Makes `buffer` outlive the run.
    pub fn survive(&mut self, buffer: usize) {
        match self.homes[buffer] {
            Home::Slot => self.homes[buffer] = Home::Output,
            Home::Within(outer, _) => self.survive(outer),
            _ => {}
        }
    }

    /// The buffer that holds `buffer`, and from which word on.
    fn root(&self, buffer: usize) -> (usize, usize) {
        match self.homes[buffer] {
            Home::Within(outer, start) => {
                let (root, before) = self.root(outer);
                (root, before + start)
            }
            Home::Update(leaf) => (leaf, 0),
            _ => (buffer, 0),
        }
    }

    pub fn is_update(&self, buffer: usize) -> bool {
        matches!(self.homes[buffer], Home::Update(_))
    }
}

/// Moves steps that overwrite leaves, and what depends on them, behind all readers of the old values.
pub(super) fn updates_last(steps: &mut Vec<Step>, buffers: &Buffers) {
    let mut late: Vec<usize> = Vec::new();
    let (first, last): (Vec<Step>, Vec<Step>) = std::mem::take(steps).into_iter().partition(|step| {
        let is_late = step.outputs.iter().any(|place| buffers.is_update(place.buffer))
            || step.inputs.iter().any(|place| late.contains(&place.buffer));
        if is_late {
            late.extend(step.outputs.iter().map(|place| place.buffer));
        }
        !is_late
    });
    steps.extend(first);
    steps.extend(last);
}

/// Gives every buffer its final number and every GPU step its dispatches.
pub(super) fn finish(
    device: &Device,
    mut steps: Vec<Step>,
    mut buffers: Buffers,
    mut results: Vec<(usize, SmallVec<[Place; 1]>)>,
) -> Result<Plan> {
    let mut recorded = Vec::new();
    let mut scratch: Vec<(usize, usize)> = Vec::new();
    if let Some(caps) = device.caps() {
        for (at, step) in steps.iter().enumerate() {
            let argument = |place: &Place| Arg {
                spec: place.spec.clone(),
                layout: place.layout.clone(),
                buffer: place.buffer,
                start: place.start,
                words: reach(place).div_ceil(place.spec.dtype.per_word()),
                write: false,
            };
            let (inputs, outputs): (Vec<Arg>, Vec<Arg>) =
                (step.inputs.iter().map(argument).collect(), step.outputs.iter().map(argument).collect());
            let [before, own, behind] = step.split_inputs(&inputs);
            let [own_params, prologue_params, _] = step.split_params(&step.params).map(<[usize]>::len);
            // What a prologue calculates has a spec, but no place in memory.
            let calculated = step.prologue.as_ref().map(|(_, spec)| {
                let layout = Layout::contiguous(&spec.shape, 0);
                Arg { spec: spec.clone(), layout, buffer: usize::MAX, start: 0, words: 0, write: false }
            });
            let own: Vec<Arg> = calculated.into_iter().chain(own.iter().cloned()).collect();
            let prologue = step.prologue.as_ref().map(|(chain, _)| GpuChain { chain, operands: before, params: own_params });
            let epilogue = step.epilogue.as_ref().map(|chain| GpuChain { chain, operands: behind, params: own_params + prologue_params });
            let mut call = GpuCall {
                inputs: &own,
                outputs: &outputs,
                caps,
                prologue,
                epilogue,
                dispatches: Vec::new(),
                on_host: false,
                scratch: Vec::new(),
                first_scratch: buffers.homes.len(),
            };
            step.op.gpu(&mut call).map_err(|error| error.at(step.op.name()))?;
            let GpuCall { dispatches, on_host, scratch: words, .. } = call;
            for words in words {
                scratch.push((buffers.add(Home::Slot, words), at));
            }
            recorded.push((!on_host).then_some(dispatches));
        }
    }

    // Liveness of slots, by root buffer.
    let mut life: Vec<Option<(usize, usize)>> = vec![None; buffers.homes.len()];
    let mut touch = |buffer: usize, at: usize| {
        let (root, _) = buffers.root(buffer);
        let life = life[root].get_or_insert((at, at));
        life.1 = life.1.max(at);
    };
    for (at, step) in steps.iter().enumerate() {
        step.inputs.iter().chain(&step.outputs).for_each(|place| touch(place.buffer, at));
    }
    scratch.iter().for_each(|&(buffer, at)| touch(buffer, at));

    let leaves = buffers.homes.iter().filter(|home| matches!(home, Home::Leaf(_))).count();
    let mut number: Vec<usize> = (0..buffers.homes.len()).collect();
    let mut outputs = Vec::new();
    for (buffer, home) in buffers.homes.iter().enumerate() {
        if *home == Home::Output {
            number[buffer] = leaves + outputs.len();
            outputs.push(buffers.sizes[buffer]);
        }
    }
    let mut order: Vec<(usize, usize, usize)> = life
        .iter()
        .enumerate()
        .filter(|(buffer, _)| buffers.homes[*buffer] == Home::Slot)
        .filter_map(|(buffer, life)| life.map(|(first, last)| (first, last, buffer)))
        .collect();
    order.sort_unstable();
    let mut slots: Vec<usize> = Vec::new();
    let mut busy_until: Vec<usize> = Vec::new();
    let mut slot_of: Vec<(usize, usize)> = Vec::new();
    for (first, last, buffer) in order {
        let size = buffers.sizes[buffer];
        let free = (0..slots.len()).filter(|&slot| busy_until[slot] < first);
        // Best fit: the smallest slot that is large enough, else the largest one, which grows.
        let best = free.min_by_key(|&slot| if slots[slot] >= size { (0, slots[slot] - size) } else { (1, size - slots[slot]) });
        let slot = best.unwrap_or_else(|| {
            slots.push(0);
            busy_until.push(0);
            slots.len() - 1
        });
        slots[slot] = slots[slot].max(size);
        busy_until[slot] = last;
        slot_of.push((buffer, slot));
    }
    // Largest first: plans share one row of slots, and so waste little of it.
    let mut by_size: Vec<usize> = (0..slots.len()).collect();
    by_size.sort_by_key(|&slot| std::cmp::Reverse(slots[slot]));
    for (buffer, slot) in slot_of {
        let rank = by_size.iter().position(|&other| other == slot).expect("every slot is in the order");
        number[buffer] = leaves + outputs.len() + rank;
    }
    let slots: Vec<usize> = by_size.iter().map(|&slot| slots[slot]).collect();

    let resolve = |buffer: &mut usize, start: &mut usize| {
        let (root, before) = buffers.root(*buffer);
        (*buffer, *start) = (number[root], *start + before);
    };
    for step in &mut steps {
        step.inputs.iter_mut().chain(&mut step.outputs).for_each(|place| resolve(&mut place.buffer, &mut place.start));
    }
    results.iter_mut().flat_map(|(_, places)| places).for_each(|place| resolve(&mut place.buffer, &mut place.start));
    let (mut gpu, mut kernels) = (Vec::new(), Vec::new());
    for (at, dispatches) in recorded.into_iter().enumerate() {
        let host = dispatches.is_none().then_some(Part::Host(at));
        for mut dispatch in dispatches.into_iter().flatten() {
            dispatch.bindings.iter_mut().for_each(|arg| resolve(&mut arg.buffer, &mut arg.start));
            kernels.push((dispatch, steps[at].params.clone()));
        }
        // One submission for kernels that follow each other; each for itself where each is validated.
        let ends = host.is_some() || at + 1 == steps.len() || switches::validate();
        if ends && !(host.is_some() && kernels.is_empty()) {
            gpu.extend(device.program(kernels.drain(..))?.map(Part::Device));
        }
        gpu.extend(host);
    }
    Ok(Plan { steps, leaves, outputs, slots, results, gpu })
}

/// Elements from the start of a place to its furthest element.
fn reach(place: &Place) -> usize {
    if place.spec.size() == 0 {
        return 0;
    }
    let furthest: isize = place.layout.shape.iter().zip(&place.layout.strides).map(|(&n, &stride)| (n as isize - 1) * stride.max(0)).sum();
    place.layout.offset + furthest as usize + 1
}
