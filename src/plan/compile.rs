//! From trace to steps: fused kernels, views without copies, packed gradients, updates in place.

use super::{
    Place, Plan, Step,
    chain::{Chain, Instruction, Source},
    fuse,
    place::{self, Buffers, Home},
    pointwise::Fused,
    recast::{recast, unneeded},
    simplify::simplify,
    switches::fusion,
    trace::{Ref, Trace},
};
use crate::{
    DType, Result,
    device::Device,
    graph::{Access, OpRef},
    ops,
    shape::{Layout, Spec},
};
use smallvec::SmallVec;

/// Compiles `trace` for `device`.
pub(super) fn compile(trace: &Trace, device: &Device) -> Result<Plan> {
    let (trace, simplified) = simplify(trace.clone());
    let (trace, origin) = recast(trace);
    let unneeded = match device.caps() {
        Some(_) if fusion() => unneeded(&trace),
        _ => vec![false; trace.nodes.len()],
    };
    let mut compiler = Compiler {
        trace: &trace,
        alignment: device.alignment(),
        groups: fuse::groups(&trace, device.kernel_inputs(), &unneeded),
        unneeded,
        buffers: Buffers::new(trace.buffers.len()),
        steps: Vec::new(),
        places: vec![SmallVec::new(); trace.nodes.len()],
        results: Vec::new(),
    };
    for at in 0..trace.nodes.len() {
        compiler.node(at);
    }
    let Compiler { mut steps, buffers, mut results, .. } = compiler;
    results.iter_mut().for_each(|(at, _)| *at = simplified[origin[*at]]);
    place::updates_last(&mut steps, &buffers);
    place::finish(device, steps, buffers, results)
}

struct Compiler<'a> {
    trace: &'a Trace,
    /// Words to which the start of a binding is aligned.
    alignment: usize,
    groups: fuse::Groups,
    /// Casts whose input is read in their place.
    unneeded: Vec<bool>,
    buffers: Buffers,
    steps: Vec<Step>,
    places: Vec<SmallVec<[Place; 1]>>,
    results: Vec<(usize, SmallVec<[Place; 1]>)>,
}

impl Compiler<'_> {
    fn node(&mut self, at: usize) {
        let node = &self.trace.nodes[at];
        let op = node.op().clone();
        let is_constant = fuse::constant(self.trace, Ref::Node(at, 0)).is_some();
        if self.groups.root[at] != at {
            return; // with its group
        }
        if self.unneeded[at] {
            self.places[at] = SmallVec::from_iter([self.place(node.inputs[0])]);
            return;
        }
        if op.pointwise().is_some() {
            let only_constant_users = is_constant && !node.keep && !self.has_memory_user(at);
            if !only_constant_users {
                let place = self.fused(at);
                self.places[at] = SmallVec::from_iter([place]);
            }
        } else if self.groups.prologue[at].is_some() {
            self.places[at] = self.kernel(at); // its first input has no place
        } else if let Some(place) = self.view(at) {
            self.places[at] = SmallVec::from_iter([place]);
        } else if op.packs().is_some() {
            let place = self.pack(at);
            self.places[at] = SmallVec::from_iter([place]);
        } else {
            self.places[at] = self.kernel(at);
        }
        if node.keep {
            self.keep(at);
        }
    }

    /// Whether a user of this node reads it from memory: anything but a pointwise op.
    fn has_memory_user(&self, at: usize) -> bool {
        (at + 1..self.trace.nodes.len()).any(|other| {
            let user = &self.trace.nodes[other];
            (user.op().pointwise().is_none() || self.unneeded[other])
                && user.inputs.iter().any(|input| matches!(input, Ref::Node(node, _) if *node == at))
        })
    }

    fn place(&self, input: Ref) -> Place {
        match input {
            Ref::Node(node, output) => self.places[node][output].clone(),
            Ref::Leaf(leaf) => {
                let leaf = &self.trace.leaves[leaf];
                // A binding starts at an aligned word; the kernel adds the rest.
                let rest = leaf.offset % self.alignment;
                let layout = Layout::contiguous(&leaf.spec.shape, rest * leaf.spec.dtype.per_word());
                Place { spec: leaf.spec.clone(), buffer: leaf.buffer, start: leaf.offset - rest, layout }
            }
        }
    }

    fn new_place(&mut self, spec: Spec) -> Place {
        let buffer = self.buffers.add(Home::Slot, spec.words());
        Place { layout: Layout::contiguous(&spec.shape, 0), spec, buffer, start: 0 }
    }

    /// A view of the first input, if the op is one.
    fn view(&mut self, at: usize) -> Option<Place> {
        let node = &self.trace.nodes[at];
        let input = *node.inputs.first()?;
        let mut place = self.place(input);
        let layout = match node.op().view(&place.layout)? {
            Some(layout) => layout,
            None => {
                place = self.copy(place);
                node.op().view(&place.layout)?.expect("every view of a contiguous tensor has a layout")
            }
        };
        // The dtype is that in memory, which may be a half where float32 is meant.
        let spec = Spec { dtype: place.spec.dtype, ..node.node.specs[0].clone() };
        Some(Place { spec, layout, ..place })
    }

    /// A contiguous copy of a view.
    fn copy(&mut self, place: Place) -> Place {
        let output = self.new_place(place.spec.clone());
        let instruction = Instruction {
            row: ops::COPY,
            inputs: SmallVec::from_iter([Source::Operand(0)]),
            dtype: place.spec.dtype,
            input_dtype: place.spec.dtype,
            params: 0..0,
        };
        let chain = Chain::new(vec![instruction], &[(place.spec.dtype, Some(place.layout.clone()))], &place.spec.shape);
        let op = Fused { chain, output: place.spec.clone() }.into();
        self.steps.push(Step::new(op, [place], SmallVec::from_iter([output.clone()]), SmallVec::new()));
        output
    }

    /// An input as the kernel wants it.
    fn input(&mut self, op: &OpRef, index: usize, input: Ref) -> Place {
        let place = self.place(input);
        if op.access(index, &place.layout) == Access::Strided {
            return place;
        }
        let Some(start) = place.first_word().filter(|start| place.layout.is_contiguous() && start.is_multiple_of(self.alignment)) else {
            return self.copy(place);
        };
        Place { start, layout: Layout::contiguous(&place.spec.shape, 0), ..place }
    }

    fn kernel(&mut self, at: usize) -> SmallVec<[Place; 1]> {
        let step = self.step(at);
        let outputs = step.outputs.clone();
        self.steps.push(step);
        outputs
    }

    fn step(&mut self, at: usize) -> Step {
        let node = &self.trace.nodes[at];
        let op = node.op().clone();
        if let Some(last) = self.groups.prologue[at] {
            let (chain, places, chain_params) = self.chain(last, None);
            let others = node.inputs.iter().enumerate().skip(1).map(|(index, &input)| self.input(&op, index, input));
            let inputs: Vec<Place> = places.into_iter().chain(others).collect();
            let params = node.params.clone().chain(chain_params).collect();
            let outputs = node.node.specs.iter().map(|spec| self.new_place(spec.clone())).collect();
            let prologue = Some((chain, node.expr.inputs[0].spec().clone()));
            return Step { layer: node.expr.layer.clone(), prologue, ..Step::new(op, inputs, outputs, params) };
        }
        let in_place = op.in_place();
        let inputs: SmallVec<[Place; 4]> = node.inputs.iter().enumerate().map(|(index, &input)| self.input(&op, index, input)).collect();
        let outputs: SmallVec<[Place; 1]> = node
            .node
            .specs
            .iter()
            .enumerate()
            .map(|(index, spec)| {
                if index >= in_place {
                    return self.new_place(spec.clone());
                }
                self.overwritten(at, node.inputs[index], inputs[index].clone())
            })
            .collect();
        let params = node.params.clone().collect();
        Step { layer: node.expr.layer.clone(), ..Step::new(op, inputs.into_iter().skip(in_place), outputs, params) }
    }

    /// Lays the inputs into the arena that comes first; a kernel whose only result goes there writes it there itself.
    fn pack(&mut self, at: usize) -> Place {
        let node = &self.trace.nodes[at];
        let base = self.place(node.inputs[0]);
        let output = self.overwritten(at, node.inputs[0], base);
        // Into a copy of the arena values are copied behind it, else their producers would come too early.
        let direct = matches!(node.inputs[0], Ref::Leaf(leaf) if self.trace.leaves[leaf].donated);
        let starts = node.op().packs().expect("the caller saw it").to_vec();
        for (&input, start) in node.inputs[1..].iter().zip(starts) {
            let place = self.place(input);
            let whole = place.start == 0 && place.layout.offset == 0 && place.layout.is_contiguous();
            if !(direct && whole && self.buffers.move_into(place.buffer, output.buffer, start)) {
                let copy = self.copy(place);
                let moved = self.buffers.move_into(copy.buffer, output.buffer, start);
                debug_assert!(moved, "a fresh copy can be placed anywhere");
            }
        }
        output
    }

    /// Where the kernel of node `at` that replaces `input` in place writes: the leaf's own buffer if it was donated, also if it was
    /// overwritten before and nobody reads what stands there any more; else a copy.
    fn overwritten(&mut self, at: usize, input: Ref, place: Place) -> Place {
        match input {
            Ref::Node(..) if self.buffers.is_update(place.buffer) && !self.is_read_later(at, place.buffer) => place,
            Ref::Leaf(leaf) if self.trace.leaves[leaf].donated => {
                let buffer = self.buffers.add(Home::Update(self.trace.leaves[leaf].buffer), place.spec.words());
                Place { buffer, ..place }
            }
            _ => self.copy(place),
        }
    }

    /// Whether a kernel that comes behind that of node `at` reads `buffer`.
    fn is_read_later(&self, at: usize, buffer: usize) -> bool {
        let later = self.trace.nodes.iter().zip(&self.groups.root).enumerate().filter(|(node, (_, root))| *node != at && **root > at);
        let inputs = later.flat_map(|(_, (node, _))| &node.inputs);
        inputs.into_iter().any(|input| matches!(input, Ref::Node(node, _) if self.places[*node].iter().any(|place| place.buffer == buffer)))
    }

    /// The kernel of the group of `root`: a chain by itself, or the epilogue of the group's head.
    fn fused(&mut self, root: usize) -> Place {
        let head = self.groups.head[root];
        let (chain, inputs, params) = self.chain(root, head);
        let spec = self.trace.nodes[root].node.specs[0].clone();
        let Some(head) = head else {
            let output = self.new_place(spec.clone());
            let op = Fused { chain, output: spec }.into();
            let layer = self.trace.nodes[root].expr.layer.clone();
            self.steps.push(Step { layer, ..Step::new(op, inputs, SmallVec::from_iter([output.clone()]), params) });
            return output;
        };
        let mut step = self.step(head);
        step.inputs.extend(inputs);
        step.params.extend(params);
        step.epilogue = Some(chain);
        let output = Place { layout: Layout::contiguous(&spec.shape, 0), spec, ..step.outputs[0].clone() };
        self.places[head] = step.outputs.clone(); // for readers of its other outputs
        self.steps.push(step);
        output
    }

    /// The pointwise nodes of the group whose last one is `last`, what they read besides the value of `head`, and their parameters.
    fn chain(&self, last: usize, head: Option<usize>) -> (Chain, Vec<Place>, SmallVec<[usize; 4]>) {
        let root = self.groups.root[last];
        let (mut reads, mut params): (Vec<Ref>, SmallVec<[usize; 4]>) = Default::default();
        let mut instructions: Vec<Instruction> = Vec::new();
        let mut register: Vec<(usize, usize)> = Vec::new();
        // Nodes are in order of need, so that the group's members come before their users; constants come first of all.
        let of_group = |at: &usize| self.groups.root[*at] == root;
        let members: Vec<usize> = (0..=last).filter(of_group).filter(|&at| self.trace.nodes[at].op().pointwise().is_some()).collect();
        let mut constants: Vec<usize> = members
            .iter()
            .flat_map(|&at| &self.trace.nodes[at].inputs)
            .filter_map(|&input| fuse::constant(self.trace, input))
            .filter(|at| !members.contains(at))
            .collect();
        constants.sort_unstable();
        constants.dedup();
        for at in constants.into_iter().chain(members) {
            let node = &self.trace.nodes[at];
            let inputs: SmallVec<[Source; 3]> = node
                .inputs
                .iter()
                .map(|&input| {
                    let mut input = input;
                    if let Ref::Node(producer, _) = input {
                        if let Some((_, index)) = register.iter().find(|(node, _)| *node == producer) {
                            return Source::Register(*index);
                        }
                        // The head's value, perhaps through reshapes.
                        if let Some(head) = head.filter(|_| of_group(&producer)) {
                            input = Ref::Node(head, 0);
                        }
                    }
                    Source::Operand(reads.iter().position(|read| *read == input).unwrap_or_else(|| {
                        reads.push(input);
                        reads.len() - 1
                    }))
                })
                .collect();
            let dtype = node.node.specs[0].dtype;
            let input_dtype = node.expr.inputs.first().map_or(dtype, |input| input.dtype());
            let first = params.len();
            params.extend(node.params.clone());
            register.push((at, instructions.len()));
            let row = node.op().pointwise().expect("members are pointwise");
            instructions.push(Instruction { row, inputs, dtype, input_dtype, params: first..params.len() });
        }
        let spec = &self.trace.nodes[last].node.specs[0];
        let is_value = |read: &Ref| head.is_some_and(|head| *read == Ref::Node(head, 0));
        let places: Vec<Option<Place>> = reads.iter().map(|read| if is_value(read) { None } else { Some(self.place(*read)) }).collect();
        let operands: Vec<(DType, Option<Layout>)> = places
            .iter()
            .map(|place| place.as_ref().map_or((spec.dtype, None), |place| (place.spec.dtype, Some(place.layout.clone()))))
            .collect();
        let chain = Chain::new(instructions, &operands, &spec.shape);
        (chain, places.into_iter().flatten().collect(), params)
    }

    /// Makes the values of a node outlive the run.
    fn keep(&mut self, at: usize) {
        let places: SmallVec<[Place; 1]> = std::mem::take(&mut self.places[at])
            .into_iter()
            .map(|place| {
                let overwritten = self.trace.leaves.iter().any(|leaf| leaf.donated && leaf.buffer == place.buffer);
                let place = if place.is_contiguous() && !overwritten { place } else { self.copy(place) };
                self.buffers.survive(place.buffer);
                place
            })
            .collect();
        self.places[at] = places.clone();
        self.results.push((at, places));
    }
}
