//! Simplification of a trace before it is fused: equal nodes become one, sums of columns go with a kernel that reads them anyway,
//! and what then nobody uses is dropped.

use super::{
    fuse::is_reshape,
    switches::fusion,
    trace::{Ref, Trace, TraceNode},
};
use crate::{
    Tensor,
    graph::{Expr, Key, Node, OpRef, Specs},
    ops::View,
    shape::Spec,
};
use smallvec::SmallVec;
use std::{collections::HashMap, sync::Arc};

/// The trace with less in it, and for each of its nodes the number it had before.
pub(super) fn simplify(mut trace: Trace) -> (Trace, Vec<usize>) {
    if fusion() {
        merge_equal(&mut trace.nodes);
        join_column_sums(&mut trace.nodes);
    }
    let used = used(&trace.nodes);
    let origin: Vec<usize> = (0..used.len()).filter(|&at| used[at]).collect();
    let mut moved = vec![usize::MAX; used.len()];
    origin.iter().enumerate().for_each(|(to, &from)| moved[from] = to);
    let mut used = used.into_iter();
    trace.nodes.retain(|_| used.next() == Some(true));
    trace.nodes.iter_mut().flat_map(|node| &mut node.inputs).for_each(|input| {
        if let Ref::Node(at, _) = input {
            *at = moved[*at];
        }
    });
    (trace, origin)
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

/// The gradient of a bias is the sums of columns that the kernel of the weights' gradient reads: one node calculates both, and the
/// other one only shows its second output.
fn join_column_sums(nodes: &mut [TraceNode]) {
    for sum in 0..nodes.len() {
        let node = &nodes[sum];
        if !node.expr.inputs.first().is_some_and(|input| node.op().is_column_sums(input.spec())) {
            continue;
        }
        let (columns, shape) = (source(nodes, node.inputs[0]), node.node.specs[0].shape.clone());
        let joined = (0..sum).find_map(|at| {
            let node = &nodes[at];
            let specs: SmallVec<[&Spec; 4]> = node.expr.inputs.iter().map(Tensor::spec).collect();
            let (index, op) = node.op().with_column_sums(&specs)?;
            let fits = source(nodes, node.inputs[index]) == columns && specs[index].shape.last() == Some(&shape.size());
            let outputs = op.outputs(&specs).ok().filter(|_| fits)?;
            Some((at, node.with(op, outputs, node.expr.inputs.clone())))
        });
        if let Some((at, both)) = joined {
            let second = Tensor { node: both.node.clone(), output: 1 };
            nodes[at] = both;
            let specs = nodes[sum].node.specs.clone();
            let view = nodes[sum].with(View::Reshape(shape).into(), specs, SmallVec::from_iter([second]));
            nodes[sum] = TraceNode { inputs: SmallVec::from_iter([Ref::Node(at, 1)]), ..view };
        }
    }
}

impl TraceNode {
    /// The same place in the trace with another op.
    fn with(&self, op: OpRef, specs: Specs, inputs: SmallVec<[Tensor; 2]>) -> Self {
        let expr = Expr { op, inputs, layer: self.expr.layer.clone() };
        let node = Node::recorded(specs, self.node.device.clone(), expr, None, None);
        Self { expr: node.expr().expect("it was just recorded"), node: Arc::new(node), ..self.clone() }
    }
}

/// What a reference shows, behind reshapes.
fn source(nodes: &[TraceNode], mut at: Ref) -> Ref {
    while let Ref::Node(node, _) = at
        && is_reshape(&nodes[node])
    {
        at = nodes[node].inputs[0];
    }
    at
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
            let (simple, origin) = simplify(trace.clone());
            let names = |trace: &Trace| trace.nodes.iter().map(|node| node.op().name()).collect::<Vec<_>>();
            assert_eq!(names(&trace), ["exp", "sqrt", "exp", "sqrt", "mul"]);
            assert_eq!(names(&simple), ["exp", "sqrt", "mul"]);
            assert_eq!(origin, [0, 1, 4]);
            assert_eq!(simple.nodes[2].inputs[..], [Ref::Node(1, 0), Ref::Node(1, 0)]);
        });
    }

    #[test]
    fn sums_of_columns_go_with_the_product_that_reads_them() {
        Device::cpu().scope(|| {
            let (x, dy) = (Tensor::ones([3, 2]), Tensor::ones([3, 4]));
            let (weights, bias) = (x.transpose().matmul(&dy), dy.sum(&[0]));
            let root = Tensor::concat(&[&weights.exp().reshape([8]), &bias.exp()], 0);
            drop((weights, bias));
            let trace = Trace::new(std::slice::from_ref(&root), &[], &Device::cpu());
            let (simple, _) = simplify(trace.clone());
            let names: Vec<_> = simple.nodes.iter().map(|node| node.op().name()).collect();
            assert!(names.contains(&"matmul_and_sums") && !names.contains(&"sum"), "{names:?}");
            let expected: Vec<f32> = [3f32.exp(); 12].to_vec();
            assert!(root.to_vec::<f32>().expect("it runs").iter().zip(expected).all(|(x, y)| (x - y).abs() < 1e-4));
        });
    }

    #[test]
    fn scalars_and_kept_nodes_stay_apart() {
        Device::cpu().scope(|| {
            let x = Tensor::from([1.0f32, 2.0]);
            let (kept, other) = (x.exp(), x.exp());
            let root = &other * 2.0 + &x * 2.0 + &kept;
            let trace = Trace::new(&[root], &[], &Device::cpu());
            assert_eq!(simplify(trace.clone()).0.nodes.len(), trace.nodes.len());
            drop((kept, other));
        });
    }
}
