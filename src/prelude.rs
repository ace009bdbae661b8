//! Everything a program usually needs, under its Keras name.

pub use crate::{
    All, DType, Device, Error, ErrorKind, GradientTape, Index, Result, Shape, Tensor, Variable,
    data::Array,
    gradient,
    layers::{Activation, ActivationFn, Build, Call, Dense, Flatten, LayerExt, LayerRef, Rescaling, SimpleLayer, Training, Weight},
    losses::Loss,
    metrics::Metric,
    models::{Input, Model, Sequential},
    ops::{Conv1dOptions, Conv2dOptions, Padding, custom_gradient},
    optimizers::{Adam, Optimizer, SGD},
    random::{Seed, set_random_seed},
    training::{History, Verbose},
};
