//! The other side of a pointwise op of two inputs: a tensor that broadcasts, or a number.

use super::Binary;
use crate::{
    DType, Tensor,
    graph::OpRef,
    ops::{fits, record},
};

/// What stands beside a tensor in a pointwise op: another tensor, or a number that takes the tensor's dtype.
///
/// A number that the dtype cannot hold, such as 0.5 beside an int32 tensor, panics.
pub trait Operand {
    /// This as a tensor of the dtype and device of `tensor`.
    #[doc(hidden)]
    fn beside(&self, tensor: &Tensor) -> Tensor;
}

impl Operand for Tensor {
    fn beside(&self, _tensor: &Tensor) -> Tensor {
        self.clone()
    }
}

impl Operand for &Tensor {
    fn beside(&self, _tensor: &Tensor) -> Tensor {
        (*self).clone()
    }
}

impl Operand for f64 {
    #[track_caller]
    fn beside(&self, tensor: &Tensor) -> Tensor {
        let exact = match tensor.dtype() {
            DType::I32 => f64::from(*self as i32) == *self,
            DType::U32 | DType::U8 => f64::from(*self as u32) == *self,
            DType::Bool => *self == 0.0 || *self == 1.0,
            _ => true,
        };
        assert!(exact, "{self} is no {}; cast the tensor first", tensor.dtype());
        tensor.number_like(*self)
    }
}

impl Operand for f32 {
    #[track_caller]
    fn beside(&self, tensor: &Tensor) -> Tensor {
        f64::from(*self).beside(tensor)
    }
}

impl Operand for i32 {
    #[track_caller]
    fn beside(&self, tensor: &Tensor) -> Tensor {
        f64::from(*self).beside(tensor)
    }
}

impl Tensor {
    /// Records `op` on this and `other`, both broadcast by NumPy's rules.
    #[track_caller]
    pub(crate) fn binary(&self, op: &'static Binary, other: impl Operand) -> Tensor {
        let other = other.beside(self);
        if self.shape() == other.shape() {
            return record(OpRef::row(op), &[self, &other]);
        }
        let shape = fits(self.shape().broadcast(other.shape()), op.pointwise.name);
        record(OpRef::row(op), &[&self.broadcast_to(&shape), &other.broadcast_to(&shape)])
    }
}
