//! Symbols: tensors without a value, which stand for what a model will be given.

use super::{Node, Tensor};
use crate::{Result, device::Device, shape::Spec};
use std::{any::Any, sync::Arc};

/// What a symbol is; known further up.
pub(crate) trait Symbolic: Send + Sync {
    /// The symbol for op `name` of these inputs, at least one of which is a symbol.
    #[track_caller]
    fn apply(&self, name: &'static str, inputs: &[&Tensor]) -> Tensor;

    /// Itself.
    fn as_any(&self) -> &dyn Any;
}

impl Tensor {
    /// A symbol.
    pub(crate) fn from_symbol(spec: Spec, symbol: Arc<dyn Symbolic>) -> Result<Self> {
        Ok(Self::from_node(Node::symbol(spec, Device::current()?, symbol)))
    }

    /// What it is, if it is a symbol.
    pub(crate) fn symbolic(&self) -> Option<&Arc<dyn Symbolic>> {
        self.node.symbol.as_ref()
    }

    /// Whether it stands for a tensor that a model will be given or compute: it has no value.
    pub fn is_symbol(&self) -> bool {
        self.node.symbol.is_some()
    }
}
