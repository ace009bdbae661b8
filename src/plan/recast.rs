//! Halves widened for several users are widened for each anew: what is kept between them is the half.

use super::{
    fuse,
    trace::{Ref, Trace, TraceNode},
};
use crate::DType;

/// `trace` with a cast of its own for each user of a widened half, and for each of its nodes the number it had before.
/// The user's kernel takes the cast in, or a copy of it lives just for that kernel.
pub(super) fn recast(trace: Trace) -> (Trace, Vec<usize>) {
    let mut nodes: Vec<TraceNode> = Vec::with_capacity(trace.nodes.len());
    let (mut origin, mut moved): (Vec<usize>, Vec<usize>) = (Vec::new(), vec![usize::MAX; trace.nodes.len()]);
    for (at, node) in trace.nodes.iter().enumerate() {
        if widens(node, &trace) {
            continue;
        }
        let mut node = node.clone();
        for input in &mut node.inputs {
            let Ref::Node(producer, output) = *input else { continue };
            if widens(&trace.nodes[producer], &trace) {
                let mut cast = trace.nodes[producer].clone();
                cast.inputs.iter_mut().for_each(|input| renumber(input, &moved));
                nodes.push(cast);
                origin.push(producer);
                *input = Ref::Node(nodes.len() - 1, output);
            } else {
                renumber(input, &moved);
            }
        }
        moved[at] = nodes.len();
        nodes.push(node);
        origin.push(at);
    }
    (Trace { nodes, ..trace }, origin)
}

/// Which nodes widen halves for kernels that read them as they lie: the plan calculates nothing for these.
pub(super) fn unneeded(trace: &Trace) -> Vec<bool> {
    // Whether all that follows takes a node's value as halves, and whether any of it is more than pointwise.
    let mut narrow: Vec<(bool, bool)> = trace.nodes.iter().map(|node| (!node.keep, false)).collect();
    for (at, node) in trace.nodes.iter().enumerate().rev() {
        let op = node.op();
        let takes = op.pointwise().is_some() || op.reads_halves() || (fuse::is_view(node) && narrow[at].0);
        for input in &node.inputs {
            if let Ref::Node(producer, _) = *input {
                narrow[producer].0 &= takes;
                narrow[producer].1 |= op.pointwise().is_none();
            }
        }
    }
    trace.nodes.iter().zip(narrow).map(|(node, (all, any))| all && any && widens(node, trace)).collect()
}

fn renumber(input: &mut Ref, moved: &[usize]) {
    if let Ref::Node(at, _) = input {
        *at = moved[*at];
    }
}

/// Whether a node only makes float32 of halves, for others in this trace.
fn widens(node: &TraceNode, trace: &Trace) -> bool {
    let input = |input: &Ref| match *input {
        Ref::Leaf(leaf) => trace.leaves[leaf].spec.dtype,
        Ref::Node(at, output) => trace.nodes[at].node.specs[output].dtype,
    };
    let cast = node.op().name() == "cast" && node.node.specs[0].dtype == DType::F32;
    cast && !node.keep && node.inputs.first().is_some_and(|first| input(first).is_half())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Device, Tensor};

    #[test]
    fn each_user_of_a_widened_half_has_its_own_cast() {
        Device::cpu().scope(|| {
            let half = Tensor::ones([2, 2]).cast(DType::F16).relu();
            let wide = half.cast(DType::F32);
            let roots = [wide.sum(&[0]), wide.exp() + &wide];
            let kept = half.cast(DType::F32);
            let last = kept.exp();
            drop(wide);
            let trace = Trace::new(&[&roots[..], &[kept, last]].concat(), &[], &Device::cpu());
            let (recast, origin) = recast(trace.clone());
            let names = |trace: &Trace| trace.nodes.iter().map(|node| node.op().name()).collect::<Vec<_>>();
            assert_eq!(names(&trace), ["full", "cast", "relu", "cast", "sum", "exp", "add", "cast", "exp"]);
            // The one that is asked for stays one.
            let expected = ["full", "cast", "relu", "cast", "sum", "cast", "exp", "cast", "add", "cast", "exp"];
            assert_eq!(names(&recast), expected);
            assert_eq!(origin, [0, 1, 2, 3, 4, 3, 5, 3, 6, 7, 8]);
            assert_eq!(recast.nodes[8].inputs[..], [Ref::Node(6, 0), Ref::Node(7, 0)]);
            assert!([3, 5, 7, 9].iter().all(|&at| recast.nodes[at].inputs[..] == [Ref::Node(2, 0)]));
        });
    }
}
