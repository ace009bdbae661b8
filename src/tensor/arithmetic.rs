//! Operators on tensors, references and scalars. They broadcast as NumPy does and panic where shapes do not fit.

use crate::{
    Tensor,
    ops::{ADD, DIV, MUL, SUB},
};
use std::ops::{Add, Div, Mul, Neg, Sub};

macro_rules! operator {
    ($trait:ident, $method:ident, $row:ident) => {
        operator!(tensor $trait, $method, $row, &Tensor, &Tensor);
        operator!(tensor $trait, $method, $row, &Tensor, Tensor);
        operator!(tensor $trait, $method, $row, Tensor, &Tensor);
        operator!(tensor $trait, $method, $row, Tensor, Tensor);
        operator!(scalar $trait, $method, $row, f32);
        operator!(scalar $trait, $method, $row, f64);
        operator!(scalar $trait, $method, $row, i32);
    };
    (tensor $trait:ident, $method:ident, $row:ident, $left:ty, $right:ty) => {
        impl $trait<$right> for $left {
            type Output = Tensor;
            #[track_caller]
            fn $method(self, other: $right) -> Tensor {
                Tensor::binary(&self, &$row, &other)
            }
        }
    };
    (scalar $trait:ident, $method:ident, $row:ident, $scalar:ty) => {
        operator!(left $trait, $method, $row, $scalar, Tensor);
        operator!(left $trait, $method, $row, $scalar, &Tensor);
    };
    (left $trait:ident, $method:ident, $row:ident, $scalar:ty, $tensor:ty) => {
        impl $trait<$scalar> for $tensor {
            type Output = Tensor;
            #[track_caller]
            fn $method(self, other: $scalar) -> Tensor {
                self.binary(&$row, &self.number_like(f64::from(other)))
            }
        }
        impl $trait<$tensor> for $scalar {
            type Output = Tensor;
            #[track_caller]
            fn $method(self, other: $tensor) -> Tensor {
                Tensor::binary(&other.number_like(f64::from(self)), &$row, &other)
            }
        }
    };
}

operator!(Add, add, ADD);
operator!(Sub, sub, SUB);
operator!(Mul, mul, MUL);
operator!(Div, div, DIV);

impl Neg for &Tensor {
    type Output = Tensor;
    #[track_caller]
    fn neg(self) -> Tensor {
        self.negate()
    }
}

impl Neg for Tensor {
    type Output = Tensor;
    #[track_caller]
    fn neg(self) -> Tensor {
        self.negate()
    }
}
