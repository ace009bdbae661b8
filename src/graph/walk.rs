//! The one walk: nodes in post-order, by a work list, numbered through marks that nodes carry.

use super::{Expr, Node, Tensor};
use crate::lock::lock;
use std::sync::{
    Arc, Mutex, MutexGuard,
    atomic::{AtomicU64, Ordering},
};

/// When a node was last visited, and as which number: the epoch in the high half.
#[derive(Default)]
pub(crate) struct Mark(AtomicU64);

/// One lock and one epoch counter serve all walks.
static EPOCH: Mutex<u32> = Mutex::new(0);

pub(crate) struct Walk {
    epoch: MutexGuard<'static, u32>,
}

impl Walk {
    pub fn begin() -> Self {
        let mut epoch = lock(&EPOCH);
        *epoch = epoch.wrapping_add(1);
        Self { epoch }
    }

    /// The number that this walk gave to `node`.
    pub fn number(&self, node: &Node) -> Option<usize> {
        let mark = node.mark.0.load(Ordering::Relaxed);
        ((mark >> 32) as u32 == *self.epoch).then_some(mark as u32 as usize)
    }

    fn set(&self, node: &Node, number: usize) {
        node.mark.0.store(u64::from(*self.epoch) << 32 | number as u64, Ordering::Relaxed);
    }

    /// Visits everything that `roots` need, inputs before users. `enter` says how far to go:
    /// a node for which it returns no expression is a leaf.
    pub fn visit(&self, roots: &[Tensor], enter: impl Fn(&Node) -> Option<Arc<Expr>>) -> Vec<(Arc<Node>, Option<Arc<Expr>>)> {
        const ENTERED: usize = u32::MAX as usize;
        let mut order: Vec<(Arc<Node>, Option<Arc<Expr>>)> = Vec::new();
        let mut stack: Vec<(Arc<Node>, Option<Arc<Expr>>, usize)> = Vec::new();
        for root in roots {
            if self.number(&root.node).is_some() {
                continue;
            }
            self.set(&root.node, ENTERED);
            stack.push((root.node.clone(), enter(&root.node), 0));
            while let Some((node, expr, next)) = stack.last_mut() {
                let input = expr.as_ref().and_then(|expr| expr.inputs.get(*next));
                *next += 1;
                match input {
                    Some(input) if self.number(&input.node).is_none() => {
                        self.set(&input.node, ENTERED);
                        let input = input.node.clone();
                        let expr = enter(&input);
                        stack.push((input, expr, 0));
                    }
                    Some(_) => {}
                    None => {
                        self.set(node, order.len());
                        let (node, expr, _) = stack.pop().expect("the loop saw it");
                        order.push((node, expr));
                    }
                }
            }
        }
        order
    }
}

/// What `roots` were recorded from as far as `inputs`, inputs before users.
pub(crate) fn postorder_from(inputs: &[Tensor], roots: &[Tensor]) -> Vec<(Arc<Node>, Option<Arc<Expr>>)> {
    let is_input = |node: &Node| inputs.iter().any(|input| std::ptr::eq(&*input.node, node));
    Walk::begin().visit(roots, |node| if is_input(node) { None } else { node.expr() })
}

/// Everything that `roots` were recorded from, inputs before users.
pub(crate) fn postorder(roots: &[Tensor]) -> Vec<(Arc<Node>, Option<Arc<Expr>>)> {
    Walk::begin().visit(roots, Node::expr)
}
