//! Pointwise fusion: which traced nodes become one kernel. Greedy, from users to producers, without search.

use super::trace::{Ref, Trace};
use smallvec::SmallVec;

/// Instructions of one fused kernel at most: registers of a GPU thread are few.
const INSTRUCTIONS: usize = 48;

/// For each traced node the node whose kernel calculates it: itself, or a later pointwise node that takes it in.
/// `inputs` is how many buffers a kernel can read.
pub(super) fn groups(trace: &Trace, inputs: usize) -> Vec<usize> {
    let count = trace.nodes.len();
    let enabled = std::env::var_os("WGRAD_FUSION").is_none_or(|value| value != "0");
    let mut users: Vec<SmallVec<[usize; 4]>> = vec![SmallVec::new(); count];
    for (at, node) in trace.nodes.iter().enumerate() {
        for input in &node.inputs {
            if let Ref::Node(producer, _) = *input {
                users[producer].push(at);
            }
        }
    }
    let mut group: Vec<usize> = (0..count).collect();
    // What each group reads from memory, and how many instructions it has.
    let mut reads: Vec<Vec<Ref>> = vec![Vec::new(); count];
    let mut length = vec![0usize; count];
    for at in (0..count).rev() {
        let node = &trace.nodes[at];
        if node.op().pointwise().is_none() {
            continue;
        }
        if let (true, false, Some(&user)) = (enabled, node.keep, users[at].first()) {
            let target = group[user];
            let together = users[at].iter().all(|&user| group[user] == target && trace.nodes[user].op().pointwise().is_some());
            if together {
                let mut merged: Vec<Ref> =
                    reads[target].iter().copied().filter(|read| !matches!(read, Ref::Node(node, _) if *node == at)).collect();
                merged.extend(distinct(trace, at, &merged));
                if merged.len() <= inputs && length[target] < INSTRUCTIONS {
                    group[at] = target;
                    reads[target] = merged;
                    length[target] += 1;
                    continue;
                }
            }
        }
        reads[at] = distinct(trace, at, &[]);
        length[at] = 1;
    }
    group
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
