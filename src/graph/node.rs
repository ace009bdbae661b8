//! A node of the graph, and the handle on one of its outputs that users know as `Tensor`.

use super::{OpRef, TapeToken, VariableId, symbol::Symbolic, walk::Mark};
use crate::{
    DType, Shape,
    device::{Device, Value},
    lock::lock,
    shape::Spec,
};
use smallvec::SmallVec;
use std::{
    ops::Range,
    sync::{
        Arc, Mutex, OnceLock, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
};

/// An array of runtime shape, dtype and device: a handle on a node of the recorded graph.
///
/// Cloning is cheap and shares the value. Calling an op records it; nothing runs until a value is needed
/// ([`Tensor::to_vec`], [`Tensor::item`], an optimizer step).
#[derive(Clone)]
pub struct Tensor {
    pub(crate) node: Arc<Node>,
    pub(crate) output: u32,
}

/// What a node computes, until it has its value.
pub(crate) struct Expr {
    pub op: OpRef,
    pub inputs: SmallVec<[Tensor; 2]>,
    /// The layer that recorded it, for error messages.
    pub layer: Option<Arc<str>>,
}

pub(crate) struct Node {
    pub specs: SmallVec<[Spec; 1]>,
    pub device: Device,
    pub mark: Mark,
    /// The variable of which this node is a version.
    pub variable: Option<VariableId>,
    /// What the node stands for, if it is a symbol: it then has neither an expression nor values.
    pub symbol: Option<Arc<dyn Symbolic>>,
    values: OnceLock<SmallVec<[Value; 1]>>,
    expr: Mutex<Option<Arc<Expr>>>,
    /// Whether the node had an expression that a flush let go of: gradients end here with an error.
    released: AtomicBool,
    tape: Option<Weak<TapeToken>>,
}

impl Node {
    pub fn recorded(
        specs: SmallVec<[Spec; 1]>,
        device: Device,
        expr: Expr,
        tape: Option<Weak<TapeToken>>,
        variable: Option<VariableId>,
    ) -> Self {
        Self {
            specs,
            device,
            mark: Mark::default(),
            variable,
            symbol: None,
            values: OnceLock::new(),
            expr: Mutex::new(Some(Arc::new(expr))),
            released: AtomicBool::new(false),
            tape,
        }
    }

    pub fn leaf(spec: Spec, device: Device, value: Value, variable: Option<VariableId>) -> Self {
        Self {
            specs: SmallVec::from_iter([spec]),
            device,
            mark: Mark::default(),
            variable,
            symbol: None,
            values: OnceLock::from(SmallVec::from_iter([value])),
            expr: Mutex::new(None),
            released: AtomicBool::new(false),
            tape: None,
        }
    }

    pub fn symbol(spec: Spec, device: Device, symbol: Arc<dyn Symbolic>) -> Self {
        Self {
            specs: SmallVec::from_iter([spec]),
            device,
            mark: Mark::default(),
            variable: None,
            symbol: Some(symbol),
            values: OnceLock::new(),
            expr: Mutex::new(None),
            released: AtomicBool::new(false),
            tape: None,
        }
    }

    pub fn expr(&self) -> Option<Arc<Expr>> {
        lock(&self.expr).clone()
    }

    pub fn values(&self) -> Option<&[Value]> {
        self.values.get().map(|values| &values[..])
    }

    pub fn was_released(&self) -> bool {
        self.released.load(Ordering::Relaxed)
    }

    /// Whether an open tape still needs the expression after a flush.
    pub fn is_taped(&self) -> bool {
        self.tape.as_ref().and_then(Weak::upgrade).is_some_and(|tape| tape.keeps())
    }

    pub fn set_values(&self, values: SmallVec<[Value; 1]>) {
        // A second flush of a node kept by a tape finds the first value and keeps it: equal by construction.
        let _ = self.values.set(values);
    }

    /// Lets go of op and inputs; returns them, so that the caller drops them outside of any lock.
    pub fn release(&self) -> Option<Arc<Expr>> {
        self.released.store(true, Ordering::Relaxed);
        lock(&self.expr).take()
    }
}

/// Chains may be millions of nodes long: dropped with a work list, never by recursion.
impl Drop for Node {
    fn drop(&mut self) {
        let take = |node: &mut Node| node.expr.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        let Some(expr) = take(self) else { return };
        let mut work = vec![expr];
        while let Some(expr) = work.pop() {
            let Some(expr) = Arc::into_inner(expr) else { continue };
            for input in expr.inputs {
                if let Some(mut node) = Arc::into_inner(input.node) {
                    work.extend(take(&mut node));
                }
            }
        }
    }
}

impl Tensor {
    pub(crate) fn from_node(node: Node) -> Self {
        Self { node: Arc::new(node), output: 0 }
    }

    /// A leaf that holds `value`.
    pub(crate) fn from_value(spec: Spec, device: Device, value: Value) -> Self {
        Self::from_node(Node::leaf(spec, device, value, None))
    }

    pub(crate) fn spec(&self) -> &Spec {
        &self.node.specs[self.output as usize]
    }

    /// Sizes of the axes.
    pub fn shape(&self) -> &Shape {
        &self.spec().shape
    }

    /// Element type.
    pub fn dtype(&self) -> DType {
        self.spec().dtype
    }

    /// Number of elements.
    pub fn size(&self) -> usize {
        self.spec().size()
    }

    /// Number of axes.
    pub fn rank(&self) -> usize {
        self.shape().rank()
    }

    /// Where it lives.
    pub fn device(&self) -> &Device {
        &self.node.device
    }

    /// A leaf that stands for something recorded before: gradients end here with an error.
    pub(crate) fn released(spec: Spec, device: Device, value: Value) -> Self {
        let node = Node::leaf(spec, device, value, None);
        node.released.store(true, Ordering::Relaxed);
        Self::from_node(node)
    }

    /// Looks at the value of a computed tensor.
    pub(crate) fn with_value<R>(&self, look: impl FnOnce(&Value) -> R) -> R {
        look(&self.node.values().expect("it was computed")[self.output as usize])
    }

    /// The value, if it was computed already.
    pub(crate) fn value(&self) -> Option<Value> {
        self.node.values().map(|values| values[self.output as usize].clone())
    }

    /// A view of words `range` of a computed tensor, as a leaf of its own.
    pub(crate) fn leaf_view(&self, spec: Spec, range: Range<usize>, variable: Option<VariableId>) -> Tensor {
        debug_assert_eq!(spec.words(), range.len());
        let mut value = self.value().expect("only computed tensors have views of their buffer");
        value.offset += range.start;
        Tensor::from_node(Node::leaf(spec, self.node.device.clone(), value, variable))
    }
}
