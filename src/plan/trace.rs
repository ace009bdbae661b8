//! A trace is what a flush found: nodes to compute, leaves, parameters, and the signature under which the plan is kept.

use super::switches;
use crate::{
    device::{Device, Value},
    graph::{Expr, Key, Node, OpRef, Tensor, walk::Walk},
    shape::Spec,
};
use smallvec::SmallVec;
use std::{ops::Range, sync::Arc};

/// An input of a traced node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ref {
    Leaf(usize),
    /// Number of the traced node, and which of its outputs.
    Node(usize, usize),
}

#[derive(Clone)]
pub(super) struct TraceNode {
    pub node: Arc<Node>,
    pub expr: Arc<Expr>,
    pub inputs: SmallVec<[Ref; 2]>,
    /// Whether its values outlive the flush: it was asked for, or somebody outside holds it.
    pub keep: bool,
    pub params: Range<usize>,
}

impl TraceNode {
    pub fn op(&self) -> &OpRef {
        &self.expr.op
    }

    /// Adds all that decides what it calculates from given inputs and parameters.
    pub fn sign(&self, key: &mut Key) {
        let name = self.op().name().as_ptr() as usize as u64;
        key.0.extend([name as u32, (name >> 32) as u32, self.inputs.len() as u32]);
        self.op().key(key);
        for input in &self.inputs {
            key.0.extend(match *input {
                Ref::Leaf(leaf) => [u32::MAX, leaf as u32],
                Ref::Node(node, output) => [node as u32, output as u32],
            });
        }
        self.node.specs.iter().for_each(|spec| sign(key.0, spec));
    }
}

#[derive(Clone)]
pub(super) struct Leaf {
    pub spec: Spec,
    /// Number of the buffer among the distinct ones, and first word in it.
    pub buffer: usize,
    pub offset: usize,
    pub donated: bool,
    /// Where the walk found it.
    pub node: Arc<Node>,
    pub output: usize,
}

impl Leaf {
    pub fn value(&self) -> &Value {
        &self.node.values().expect("a leaf has values")[self.output]
    }
}

#[derive(Clone, Default)]
pub(super) struct Trace {
    pub nodes: Vec<TraceNode>,
    pub leaves: Vec<Leaf>,
    pub buffers: Vec<Value>,
    pub params: Vec<u32>,
    pub signature: Vec<u32>,
}

/// An arena that a step may overwrite, if nobody but `parts` (the current versions of its variables) looks at it.
pub(crate) struct Donation<'a> {
    pub whole: &'a Tensor,
    pub parts: &'a [Tensor],
}

impl Trace {
    /// Walks from `roots`. Runs with the device's flush lock held.
    pub fn new(roots: &[Tensor], donations: &[Donation], device: &Device) -> Self {
        let walk = Walk::begin();
        let order = walk.visit(roots, |node| if node.values().is_some() { None } else { node.expr() });
        let number = |node: &Node| walk.number(node).expect("inputs are visited first");
        // The numbers of all inputs, one after another.
        let inputs = order.iter().filter_map(|(_, expr)| expr.as_ref()).flat_map(|expr| &expr.inputs);
        let inputs: Vec<usize> = inputs.map(|input| number(&input.node)).collect();
        let mut edges = vec![0u32; order.len()];
        inputs.iter().for_each(|&input| edges[input] += 1);
        let held = |((node, _), edges): (&(Arc<Node>, _), &u32)| Arc::strong_count(node) > 1 + *edges as usize;
        let mut keep: Vec<bool> = order.iter().zip(&edges).map(held).collect();
        roots.iter().for_each(|root| keep[number(&root.node)] = true);
        let donated: Vec<&Arc<Node>> = if donations.is_empty() {
            Vec::new()
        } else {
            let dying = dying_edges(&order, &keep, number);
            donations.iter().filter(|donation| is_free(donation, &walk, &dying)).map(|donation| &donation.whole.node).collect()
        };

        let mut trace = Trace::default();
        trace.signature.reserve(16 * order.len());
        trace.signature.push(switches::fusion().into());
        trace.nodes.reserve(order.len());
        let mut refs: Vec<Ref> = Vec::with_capacity(order.len());
        let mut inputs = inputs.into_iter();
        for ((node, expr), keep) in order.into_iter().zip(keep) {
            debug_assert!(node.device == *device, "a graph lives on one device");
            let Some(expr) = expr else {
                refs.push(Ref::Leaf(trace.leaves.len()));
                trace.add_leaf(&node, donated.iter().any(|other| Arc::ptr_eq(other, &node)));
                continue;
            };
            refs.push(Ref::Node(trace.nodes.len(), 0));
            let inputs = expr.inputs.iter().zip(&mut inputs).map(|(input, number)| match refs[number] {
                Ref::Leaf(first) => Ref::Leaf(first + input.output as usize),
                Ref::Node(at, _) => Ref::Node(at, input.output as usize),
            });
            let inputs = inputs.collect();
            trace.add_node(node, expr, inputs, keep);
        }
        trace
    }

    fn add_leaf(&mut self, node: &Arc<Node>, donated: bool) {
        let values = node.values().expect("a node without expression has values");
        for (output, (spec, value)) in node.specs.iter().zip(values).enumerate() {
            let buffer = self.buffers.iter().position(|other| other.buffer.id() == value.buffer.id()).unwrap_or_else(|| {
                self.buffers.push(value.clone());
                self.buffers.len() - 1
            });
            self.signature.extend([u32::MAX, buffer as u32, value.offset as u32, donated.into()]);
            sign(&mut self.signature, spec);
            self.leaves.push(Leaf { spec: spec.clone(), buffer, offset: value.offset, donated, node: node.clone(), output });
        }
    }

    fn add_node(&mut self, node: Arc<Node>, expr: Arc<Expr>, inputs: SmallVec<[Ref; 2]>, keep: bool) {
        let start = self.params.len();
        self.params.extend(expr.op.params());
        let node = TraceNode { node, expr, inputs, keep, params: start..self.params.len() };
        self.signature.push(keep.into());
        node.sign(&mut Key(&mut self.signature));
        self.nodes.push(node);
    }
}

fn sign(signature: &mut Vec<u32>, spec: &Spec) {
    signature.push(spec.dtype as u32 | (spec.shape.len() as u32) << 8);
    signature.extend(spec.shape.iter().map(|&n| n as u32));
}

/// How many edges to each node end with this flush: all but those of nodes that a tape keeps, and of what these need.
fn dying_edges(order: &[(Arc<Node>, Option<Arc<Expr>>)], keep: &[bool], number: impl Fn(&Node) -> usize) -> Vec<u32> {
    let mut edges = vec![0u32; order.len()];
    let mut survives = vec![false; order.len()];
    for (at, (node, expr)) in order.iter().enumerate().rev() {
        survives[at] = (survives[at] && !keep[at]) || node.is_taped();
        for input in expr.iter().flat_map(|expr| &expr.inputs) {
            let input = number(&input.node);
            survives[input] |= survives[at];
            edges[input] += u32::from(!survives[at]);
        }
    }
    edges
}

impl Donation<'_> {
    /// Whether nobody but the variables themselves looks at it.
    pub fn is_free(&self) -> bool {
        let alone = |tensor: &Tensor, own: usize| Arc::strong_count(&tensor.node) <= own;
        alone(self.whole, 1)
            && self.parts.iter().all(|part| alone(part, 2))
            && self.whole.with_value(|value| value.buffer.references() <= 1 + self.parts.len())
    }
}

/// Whether only the variables themselves, and edges that this flush releases, refer to the arena's parts.
fn is_free(donation: &Donation, walk: &Walk, edges: &[u32]) -> bool {
    // Besides the edges: the caller's handle, the variable's own (parts only), and the walk's where it came by.
    let holders = |tensor: &Tensor, own: usize| {
        let visited = walk.number(&tensor.node);
        Arc::strong_count(&tensor.node) <= own + visited.map_or(0, |number| 1 + edges[number] as usize)
    };
    let values = 1 + donation.parts.len();
    holders(donation.whole, 1)
        && donation.parts.iter().all(|part| holders(part, 2))
        && donation.whole.value().is_some_and(|value| value.buffer.references() <= values + 1)
}
