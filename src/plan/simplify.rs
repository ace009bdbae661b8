//! Simplification of a trace before it is fused: equal nodes become one, and what then nobody uses goes.

use super::{
    switches::fusion,
    trace::{Ref, Trace, TraceNode},
};
use crate::graph::Key;
use std::collections::HashMap;

/// The trace with less in it, and for each of its nodes the number it had before.
pub(super) fn simplify(trace: &Trace) -> (Trace, Vec<usize>) {
    let mut nodes = trace.nodes.clone();
    if fusion() {
        merge_equal(&mut nodes);
    }
    let used = used(&nodes);
    let origin: Vec<usize> = (0..nodes.len()).filter(|&at| used[at]).collect();
    let mut moved = vec![usize::MAX; nodes.len()];
    origin.iter().enumerate().for_each(|(to, &from)| moved[from] = to);
    let mut left: Vec<TraceNode> = nodes.into_iter().zip(used).filter_map(|(node, used)| used.then_some(node)).collect();
    left.iter_mut().flat_map(|node| &mut node.inputs).for_each(|input| {
        if let Ref::Node(at, _) = input {
            *at = moved[*at];
        }
    });
    (Trace { nodes: left, ..trace.clone() }, origin)
}

/// Common subexpressions: users of a node go over to the first one that calculates the same.
fn merge_equal(nodes: &mut [TraceNode]) {
    let mut first: HashMap<Vec<u32>, usize> = HashMap::new();
    let mut same: Vec<usize> = (0..nodes.len()).collect();
    for at in 0..nodes.len() {
        for input in &mut nodes[at].inputs {
            if let Ref::Node(producer, _) = input {
                *producer = same[*producer];
            }
        }
        let node = &nodes[at];
        // Scalars may differ at the next run, and what is overwritten is not the same twice.
        if !node.params.is_empty() || node.op().in_place() > 0 || node.op().packs().is_some() {
            continue;
        }
        let mut key = Vec::new();
        node.sign(&mut Key(&mut key));
        let equal = *first.entry(key).or_insert(at);
        if !node.keep {
            same[at] = equal;
        }
    }
}

/// Which nodes somebody needs, from the kept ones backwards.
fn used(nodes: &[TraceNode]) -> Vec<bool> {
    let mut used: Vec<bool> = nodes.iter().map(|node| node.keep).collect();
    for at in (0..nodes.len()).rev() {
        if used[at] {
            for input in &nodes[at].inputs {
                if let Ref::Node(producer, _) = *input {
                    used[producer] = true;
                }
            }
        }
    }
    used
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Device, Tensor};

    #[test]
    fn equal_nodes_become_one_and_the_rest_is_dead() {
        Device::cpu().scope(|| {
            let x = Tensor::from([1.0f32, 2.0]);
            let (a, b) = (x.exp().sqrt(), x.exp().sqrt());
            let root = &a * &b;
            drop((a, b));
            let trace = Trace::new(&[root], &[], &Device::cpu());
            let (simple, origin) = simplify(&trace);
            let names = |trace: &Trace| trace.nodes.iter().map(|node| node.op().name()).collect::<Vec<_>>();
            assert_eq!(names(&trace), ["exp", "sqrt", "exp", "sqrt", "mul"]);
            assert_eq!(names(&simple), ["exp", "sqrt", "mul"]);
            assert_eq!(origin, [0, 1, 4]);
            assert_eq!(simple.nodes[2].inputs[..], [Ref::Node(1, 0), Ref::Node(1, 0)]);
        });
    }

    #[test]
    fn scalars_and_kept_nodes_stay_apart() {
        Device::cpu().scope(|| {
            let x = Tensor::from([1.0f32, 2.0]);
            let (kept, other) = (x.exp(), x.exp());
            let root = &other * 2.0 + &x * 2.0 + &kept;
            let trace = Trace::new(&[root], &[], &Device::cpu());
            assert_eq!(simplify(&trace).0.nodes.len(), trace.nodes.len());
            drop((kept, other));
        });
    }
}
