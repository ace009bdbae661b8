//! Fusion: which traced nodes become one kernel. Greedy, from users to producers, without search. Three rules: pointwise into
//! pointwise, pointwise into the epilogue or the prologue of a kernel that takes one; reshapes in between go along.

use super::{
    switches::fusion,
    trace::{Ref, Trace, TraceNode},
};
use crate::{DType, shape::Layout};
use smallvec::SmallVec;

/// Instructions of one fused kernel at most: registers of a GPU thread are few.
const INSTRUCTIONS: usize = 48;

/// Which nodes a kernel calculates.
pub(super) struct Groups {
    /// For each traced node the node at whose place it is calculated: itself, or a later pointwise node that takes it in.
    pub root: Vec<usize>,
    /// For the root of a group the node whose kernel has the group as its epilogue.
    pub head: Vec<Option<usize>>,
    /// For a kernel's node the last node of the group that is its prologue.
    pub prologue: Vec<Option<usize>>,
}

impl Groups {
    /// What the kernel of group `target` reads for its other chain: the epilogue beside a prologue, or the other way round.
    fn beside(&self, target: usize, reads: &[Vec<Ref>]) -> usize {
        match self.head[target] {
            Some(head) => reads[head].len(),
            None if self.root[target] != target => reads[self.root[target]].len(),
            None => 0,
        }
    }
}

/// `inputs` is how many buffers a kernel can read; what is [`unneeded`](super::recast::unneeded) takes no part.
pub(super) fn groups(trace: &Trace, inputs: usize, unneeded: &[bool]) -> Groups {
    let count = trace.nodes.len();
    let mut groups = Groups { root: (0..count).collect(), head: vec![None; count], prologue: vec![None; count] };
    let enabled = fusion();
    let users = users(trace);
    // What each group reads from memory, and how many instructions it has.
    let mut reads: Vec<Vec<Ref>> = vec![Vec::new(); count];
    let mut length = vec![0usize; count];
    for at in (0..count).rev() {
        let node = &trace.nodes[at];
        let pointwise = |at: usize| trace.nodes[at].op().pointwise().is_some() && !unneeded[at];
        if enabled && node.op().takes_epilogue() {
            let mut reshapes = SmallVec::new();
            if let Some(target) = common_user(trace, &users, &groups, at, &mut reshapes)
                && trace.nodes[target].op().pointwise().is_some() // no prologue
                && groups.head[target].is_none()
                && trace.nodes[target].node.specs[0].dtype == node.node.specs[0].dtype
                && node.node.specs[0].dtype != DType::Bool // which kernels hold as words
                && users[at].iter().all(|&user| user > target || !reads_other_output(trace, user, at))
            {
                let inside = |read: &Ref| matches!(read, Ref::Node(node, _) if *node == at || reshapes.contains(node));
                reads[target].retain(|read| !inside(read));
                if reads[target].len() + node.inputs.len() + node.node.specs.len() - 1 <= inputs {
                    groups.head[target] = Some(at);
                    reshapes.iter().chain([&at]).for_each(|&member| groups.root[member] = target);
                    // Whatever else joins the group leaves room for the kernel's own inputs.
                    reads[target].extend(&node.inputs);
                }
            }
        }
        if !pointwise(at) {
            continue;
        }
        if let (true, false, Some(&user)) = (enabled, node.keep, users[at].first()) {
            let target = groups.root[user];
            let together = users[at].iter().all(|&user| groups.root[user] == target && pointwise(user));
            if together {
                let mut merged: Vec<Ref> =
                    reads[target].iter().copied().filter(|read| !matches!(read, Ref::Node(node, _) if *node == at)).collect();
                merged.extend(distinct(trace, at, &merged));
                if merged.len() + groups.beside(target, &reads) <= inputs && length[target] < INSTRUCTIONS {
                    groups.root[at] = target;
                    reads[target] = merged;
                    length[target] += 1;
                    continue;
                }
            }
        }
        reads[at] = distinct(trace, at, &[]);
        length[at] = 1;
        let mut reshapes = SmallVec::new();
        if enabled
            && let Some(user) = prologue_user(trace, &users, at, &mut reshapes)
            && reads[at].len() + trace.nodes[user].inputs.len() + groups.beside(user, &reads) <= inputs
        {
            groups.prologue[user] = Some(at);
            reshapes.iter().chain([&at]).for_each(|&member| groups.root[member] = user);
            reads[user] = reads[at].clone();
            length[user] = 1;
        }
    }
    groups
}

fn users(trace: &Trace) -> Vec<SmallVec<[usize; 4]>> {
    let mut users: Vec<SmallVec<[usize; 4]>> = vec![SmallVec::new(); trace.nodes.len()];
    for (at, node) in trace.nodes.iter().enumerate() {
        for input in &node.inputs {
            if let Ref::Node(producer, _) = *input {
                users[producer].push(at);
            }
        }
    }
    users
}

/// Whether node `user` reads another output of node `at` than the first.
fn reads_other_output(trace: &Trace, user: usize, at: usize) -> bool {
    trace.nodes[user].inputs.iter().any(|input| matches!(*input, Ref::Node(node, output) if node == at && output > 0))
}

/// The one pointwise group that uses the first output of node `at`, directly or through `reshapes`, if nobody else does.
fn common_user(
    trace: &Trace,
    users: &[SmallVec<[usize; 4]>],
    groups: &Groups,
    at: usize,
    reshapes: &mut SmallVec<[usize; 4]>,
) -> Option<usize> {
    if trace.nodes[at].keep {
        return None;
    }
    let mut common = None;
    for &user in users[at].iter().filter(|&&user| trace.nodes[user].inputs.contains(&Ref::Node(at, 0))) {
        let target = if trace.nodes[user].op().pointwise().is_some() {
            groups.root[user]
        } else if is_reshape(&trace.nodes[user]) {
            if !reshapes.contains(&user) {
                reshapes.push(user);
            }
            common_user(trace, users, groups, user, reshapes)?
        } else {
            return None;
        };
        if *common.get_or_insert(target) != target {
            return None;
        }
    }
    common
}

/// The kernel that reads pointwise node `at` as its first input, directly or through `reshapes`, if it can calculate it itself and
/// nobody else reads it.
fn prologue_user(trace: &Trace, users: &[SmallVec<[usize; 4]>], at: usize, reshapes: &mut SmallVec<[usize; 4]>) -> Option<usize> {
    let node = &trace.nodes[at];
    let [user] = users[at][..] else { return None };
    if node.keep || node.node.specs[0].dtype == DType::Bool {
        return None;
    }
    if is_reshape(&trace.nodes[user]) {
        reshapes.push(user);
        return prologue_user(trace, users, user, reshapes);
    }
    let kernel = &trace.nodes[user];
    (kernel.op().takes_prologue() && kernel.inputs[0] == Ref::Node(at, 0)).then_some(user)
}

/// Whether a node only looks at its first input in another way.
pub(super) fn is_view(node: &TraceNode) -> bool {
    node.expr.inputs.first().is_some_and(|input| node.op().view(&Layout::contiguous(input.shape(), 0)).is_some())
}

/// Whether a node shows all elements of a contiguous input in the same order.
pub(super) fn is_reshape(node: &TraceNode) -> bool {
    let Some(input) = node.expr.inputs.first() else { return false };
    let contiguous = Layout::contiguous(input.shape(), 0);
    input.size() == node.node.specs[0].size()
        && matches!(node.op().view(&contiguous), Some(Some(layout)) if layout.offset == 0 && layout.is_contiguous())
}

/// The inputs of node `at` that take a buffer and are not among `known`. Constants are written into the kernel.
fn distinct(trace: &Trace, at: usize, known: &[Ref]) -> Vec<Ref> {
    let mut out: Vec<Ref> = Vec::new();
    for &input in &trace.nodes[at].inputs {
        if !known.contains(&input) && !out.contains(&input) && constant(trace, input).is_none() {
            out.push(input);
        }
    }
    out
}

/// The traced node of a pointwise op without inputs that depends on no index, behind `input`: every user calculates it again.
pub(super) fn constant(trace: &Trace, input: Ref) -> Option<usize> {
    let Ref::Node(at, _) = input else { return None };
    let op = trace.nodes[at].op();
    op.pointwise().filter(|row| trace.nodes[at].inputs.is_empty() && !mentions_index(row.wgsl)).map(|_| at)
}

fn mentions_index(wgsl: &str) -> bool {
    wgsl.split(|letter: char| !letter.is_ascii_alphanumeric()).any(|word| word == "i")
}
