//! The other side of a pointwise op of two inputs: a tensor that broadcasts, or a number.

use super::Binary;
use crate::{
    DType, Tensor,
    graph::{OpRef, symbolic},
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
        crate::ops::require(exact, format_args!("{self} is no {}; cast the tensor first", tensor.dtype()));
        if tensor.is_symbol() {
            return Tensor::full([], *self as f32).cast(tensor.dtype());
        }
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
        if let Some(symbol) = symbolic(op.pointwise.name, &[self, &other], &[]) {
            return symbol;
        }
        if self.shape() == other.shape() {
            return record(OpRef::row(op), &[self, &other]);
        }
        let shape = fits(self.shape().broadcast(other.shape()), op.pointwise.name);
        record(OpRef::row(op), &[&self.broadcast_to(&shape), &other.broadcast_to(&shape)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "0.5 is no int32")]
    fn integers_refuse_half_a_number() {
        let _ = Tensor::zeros([3]).cast(DType::I32).less(0.5);
    }

    #[test]
    fn literals_need_no_type() {
        let x = Tensor::full([2], 3.0f32);
        let mut y = (1.0 - (&x * 0.5)).square() + (2 * &x).maximum(1);
        y += 0.75;
        y -= &x;
        let odd = (x.cast(DType::I32) % 2).equal(1) & !x.is_nan();
        assert_eq!(y.to_vec::<f32>().unwrap(), [4.0, 4.0]);
        assert_eq!(odd.to_vec::<bool>().unwrap(), [true, true]);
    }
}
