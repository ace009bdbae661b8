//! Everything a program usually needs, under its Keras name.

pub use crate::{
    All, DType, Device, Error, ErrorKind, GradientTape, Index, Result, Shape, Tensor, Variable, gradient,
    ops::{Conv1dOptions, Conv2dOptions, Padding, custom_gradient},
    optimizers::{Adam, Optimizer, SGD},
};
