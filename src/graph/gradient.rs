//! Reverse-mode differentiation, graph to graph: gradients are new nodes, so gradients of gradients work by themselves.

use super::{Expr, GradCx, Node, Op, Tensor, VariableId, tape::AsSource, walk};
use crate::{Error, ErrorKind, Result, plan};
use smallvec::SmallVec;
use std::{collections::HashMap, sync::Arc};

/// A tensor, or all versions of a variable.
#[derive(Clone)]
#[doc(hidden)]
pub enum Source {
    Tensor(Tensor),
    Variable(VariableId),
}

impl Source {
    fn is(&self, node: &Arc<Node>, output: u32) -> bool {
        match self {
            Source::Tensor(tensor) => Arc::ptr_eq(&tensor.node, node) && tensor.output == output,
            Source::Variable(id) => node.variable == Some(*id),
        }
    }
}

/// The gradient of `target`, summed over its elements, with respect to each of `sources` (tensors or variables);
/// `None` where `target` does not depend on it.
///
/// # Errors
/// When an op on the way has no gradient, or when a flush already released the way to a source
/// (open a [`GradientTape`](super::GradientTape) before reading values).
pub fn gradient(target: &Tensor, sources: &[impl AsSource]) -> Result<Vec<Option<Tensor>>> {
    let sources: Vec<Source> = sources.iter().map(AsSource::source).collect();
    gradient_of(target, None, &sources)
}

/// Nodes with what they were recorded from, inputs before users.
type Order = Vec<(Arc<Node>, Option<Arc<Expr>>)>;

struct Visited {
    node: Arc<Node>,
    expr: Option<Arc<Expr>>,
    needs: bool,
}

/// Gradients of `sum(target * upstream)`; an upstream of ones where none is given.
pub(crate) fn gradient_of(target: &Tensor, upstream: Option<Tensor>, sources: &[Source]) -> Result<Vec<Option<Tensor>>> {
    if !target.dtype().is_float() {
        return Err(Error::new(
            ErrorKind::Gradient,
            format!("gradient: the target is {}, only float tensors have gradients", target.dtype()),
        ));
    }
    plan::add_target(target);
    let seed = (target.clone(), upstream.unwrap_or_else(|| target.ones_like()));
    differentiate(walk::postorder(std::slice::from_ref(target)), &[seed], sources)
}

/// Gradients of `sum(target * upstream)` over all `seeds`, which end the walk `order`.
fn differentiate(order: Order, seeds: &[(Tensor, Tensor)], sources: &[Source]) -> Result<Vec<Option<Tensor>>> {
    let mut visited: Vec<Visited> = Vec::with_capacity(order.len());
    let mut index: HashMap<*const Node, usize> = HashMap::with_capacity(order.len());
    let mut cut: Option<&'static str> = None;
    for (node, expr) in order {
        let wanted = |output| sources.iter().any(|source| source.is(&node, output));
        let is_source = (0..node.specs.len() as u32).any(wanted);
        // The versions of a variable are detached from what was assigned.
        let expr = expr.filter(|_| node.variable.is_none());
        if expr.is_none() && node.was_released() && node.variable.is_none() && !is_source {
            cut = Some("a value that was read");
        }
        let below = expr.as_ref().is_some_and(|expr| expr.inputs.iter().any(|input| visited[index[&Arc::as_ptr(&input.node)]].needs));
        index.insert(Arc::as_ptr(&node), visited.len());
        visited.push(Visited { node, expr, needs: is_source || below });
    }

    let mut gradients: Vec<SmallVec<[Option<Tensor>; 1]>> = visited.iter().map(|v| SmallVec::from_elem(None, v.node.specs.len())).collect();
    for (target, upstream) in seeds {
        gradients[index[&Arc::as_ptr(&target.node)]][target.output as usize] = Some(upstream.clone());
    }
    for at in (0..visited.len()).rev() {
        let Visited { node, expr: Some(expr), needs: true } = &visited[at] else { continue };
        let upstream = gradients[at].clone();
        if upstream.iter().all(Option::is_none) {
            continue;
        }
        let needs: SmallVec<[bool; 4]> = expr.inputs.iter().map(|input| visited[index[&Arc::as_ptr(&input.node)]].needs).collect();
        if !needs.contains(&true) {
            continue;
        }
        let _layer = expr.layer.as_deref().map(super::LayerScope::enter);
        let found = expr.op.grad(&GradCx { inputs: &expr.inputs, node, upstream: &upstream, needs: &needs })?;
        debug_assert_eq!(found.len(), expr.inputs.len(), "{} returned {} gradients", expr.op.name(), found.len());
        for (input, gradient) in expr.inputs.iter().zip(found) {
            let Some(gradient) = gradient else { continue };
            debug_assert_eq!(gradient.shape(), input.shape(), "gradient of {} has another shape than its input", expr.op.name());
            let slot = &mut gradients[index[&Arc::as_ptr(&input.node)]][input.output as usize];
            *slot = Some(match slot.take() {
                Some(sum) => sum + gradient,
                None => gradient,
            });
        }
    }

    let result: Vec<Option<Tensor>> = sources
        .iter()
        .map(|source| {
            let mut sum: Option<Tensor> = None;
            for (at, v) in visited.iter().enumerate() {
                for (output, gradient) in gradients[at].iter().enumerate() {
                    if let (true, Some(gradient)) = (source.is(&v.node, output as u32), gradient) {
                        sum = Some(sum.map_or_else(|| gradient.clone(), |sum| sum + gradient));
                    }
                }
            }
            sum
        })
        .collect();
    match cut {
        Some(what) if result.iter().any(Option::is_none) => Err(Error::new(
            ErrorKind::Gradient,
            format!(
                "gradient: the graph between target and source was released at {what}; open a GradientTape before the first op to keep it"
            ),
        )),
        _ => Ok(result),
    }
}

impl GradCx<'_> {
    /// The gradients of a fused op by way of its [meaning in plain ops](Op::fallback).
    ///
    /// # Panics
    /// For an op without one.
    pub fn through_fallback(&self, op: &dyn Op) -> Result<Vec<Option<Tensor>>> {
        let outputs = op.fallback(self.inputs).unwrap_or_else(|| panic!("{} has no fallback", op.name()));
        let seeds: Vec<(Tensor, Tensor)> =
            outputs.into_iter().zip(self.upstream).filter_map(|(output, upstream)| Some((output, upstream.clone()?))).collect();
        // A tensor that is several inputs gets its whole gradient as the first of them.
        let first = |at: usize| !self.inputs[..at].iter().any(|input| input.is_same(&self.inputs[at]));
        let wanted: Vec<usize> = (0..self.inputs.len()).filter(|&at| self.needs[at] && first(at)).collect();
        let sources: Vec<Source> = wanted.iter().map(|&at| Source::Tensor(self.inputs[at].clone())).collect();
        let targets: Vec<Tensor> = seeds.iter().map(|(target, _)| target.clone()).collect();
        let found = differentiate(walk::postorder_from(self.inputs, &targets), &seeds, &sources)?;
        let mut gradients = vec![None; self.inputs.len()];
        wanted.into_iter().zip(found).for_each(|(at, gradient)| gradients[at] = gradient);
        Ok(gradients)
    }
}

impl Tensor {
    /// Whether both are handles on one output of one node.
    pub(crate) fn is_same(&self, other: &Tensor) -> bool {
        Arc::ptr_eq(&self.node, &other.node) && self.output == other.output
    }
}
