//! Operators on tensors, references and scalars. They broadcast as NumPy does and panic where shapes do not fit.
//!
//! `%` is [`Tensor::floor_mod`]; `!`, `&`, `|` and `^` take booleans and integers.

use crate::{
    Tensor,
    ops::{ADD, DIV, MUL, Operand, SUB},
};
use std::ops::{Add, AddAssign, BitAnd, BitOr, BitXor, Div, DivAssign, Mul, MulAssign, Neg, Not, Rem, Sub, SubAssign};

macro_rules! operator {
    ($trait:ident, $method:ident, $call:expr) => {
        operator!(tensor $trait, $method, $call, &Tensor, &Tensor);
        operator!(tensor $trait, $method, $call, &Tensor, Tensor);
        operator!(tensor $trait, $method, $call, Tensor, &Tensor);
        operator!(tensor $trait, $method, $call, Tensor, Tensor);
    };
    (numbers $trait:ident, $method:ident, $call:expr) => {
        operator!($trait, $method, $call);
        operator!(scalar $trait, $method, $call, f32);
        operator!(scalar $trait, $method, $call, i32);
    };
    (tensor $trait:ident, $method:ident, $call:expr, $left:ty, $right:ty) => {
        impl $trait<$right> for $left {
            type Output = Tensor;
            #[track_caller]
            fn $method(self, other: $right) -> Tensor {
                $call(&self, &other)
            }
        }
    };
    (scalar $trait:ident, $method:ident, $call:expr, $scalar:ty) => {
        operator!(left $trait, $method, $call, $scalar, Tensor);
        operator!(left $trait, $method, $call, $scalar, &Tensor);
    };
    (left $trait:ident, $method:ident, $call:expr, $scalar:ty, $tensor:ty) => {
        impl $trait<$scalar> for $tensor {
            type Output = Tensor;
            #[track_caller]
            fn $method(self, other: $scalar) -> Tensor {
                $call(&self, &other.beside(&self))
            }
        }
        impl $trait<$tensor> for $scalar {
            type Output = Tensor;
            #[track_caller]
            fn $method(self, other: $tensor) -> Tensor {
                $call(&self.beside(&other), &other)
            }
        }
    };
    (one $trait:ident, $method:ident, $call:path) => {
        operator!(of $trait, $method, $call, &Tensor);
        operator!(of $trait, $method, $call, Tensor);
    };
    (of $trait:ident, $method:ident, $call:path, $tensor:ty) => {
        impl $trait for $tensor {
            type Output = Tensor;
            #[track_caller]
            fn $method(self) -> Tensor {
                $call(&self)
            }
        }
    };
    // The name takes the new tensor; the old one lives on where others hold it.
    (assign $trait:ident, $method:ident, $operator:tt, $plain:ident) => {
        impl<T> $trait<T> for Tensor
        where
            for<'a> &'a Tensor: $plain<T, Output = Tensor>,
        {
            #[track_caller]
            fn $method(&mut self, other: T) {
                *self = &*self $operator other;
            }
        }
    };
}

operator!(numbers Add, add, |x: &Tensor, y: &Tensor| x.binary(&ADD, y));
operator!(numbers Sub, sub, |x: &Tensor, y: &Tensor| x.binary(&SUB, y));
operator!(numbers Mul, mul, |x: &Tensor, y: &Tensor| x.binary(&MUL, y));
operator!(numbers Div, div, |x: &Tensor, y: &Tensor| x.binary(&DIV, y));
operator!(numbers Rem, rem, |x: &Tensor, y: &Tensor| x.floor_mod(y));
operator!(BitAnd, bitand, |x: &Tensor, y: &Tensor| x.bitwise_and(y));
operator!(BitOr, bitor, |x: &Tensor, y: &Tensor| x.bitwise_or(y));
operator!(BitXor, bitxor, |x: &Tensor, y: &Tensor| x.bitwise_xor(y));
operator!(one Neg, neg, Tensor::negate);
operator!(one Not, not, Tensor::bitwise_not);
operator!(assign AddAssign, add_assign, +, Add);
operator!(assign SubAssign, sub_assign, -, Sub);
operator!(assign MulAssign, mul_assign, *, Mul);
operator!(assign DivAssign, div_assign, /, Div);
