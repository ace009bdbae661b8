//! Symbols: tensors without a value, which stand for what a model will be given.

use super::{Node, Tensor};
use crate::{Result, device::Device, shape::Spec};
use serde_json::Value as Json;
use std::{any::Any, sync::Arc};

/// What a symbol is; known further up.
pub(crate) trait Symbolic: Send + Sync {
    /// The symbols for the tensor's method `name` of these inputs, at least one of which is a symbol, with options in order.
    #[track_caller]
    fn apply(&self, name: &str, inputs: &[&Tensor], options: &[Json]) -> Vec<Tensor>;

    /// Sizes of a shape that was calculated of this symbol's, as options: -1 where they are unknown.
    fn sizes(&self, sizes: &[usize]) -> Json {
        sizes.to_vec().into()
    }

    /// The key of `start`, `size` and `step` along each axis of `x`, this symbol.
    fn key(&self, _x: &Tensor, _spans: &[(usize, usize, isize)]) -> Json {
        Json::Null
    }

    /// Itself.
    fn as_any(&self) -> &dyn Any;
}

/// The symbol for a tensor's method, where one of its inputs is a symbol: methods ask first.
#[track_caller]
pub(crate) fn symbolic(name: &str, inputs: &[&Tensor], options: &[Json]) -> Option<Tensor> {
    symbolic_all(name, inputs, options).map(|mut outputs| outputs.swap_remove(0))
}

/// The symbols for a method that gives several.
#[track_caller]
pub(crate) fn symbolic_all(name: &str, inputs: &[&Tensor], options: &[Json]) -> Option<Vec<Tensor>> {
    let symbol = inputs.iter().find_map(|input| input.symbolic())?;
    Some(symbol.apply(name, inputs, options))
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
