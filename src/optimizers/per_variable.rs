//! Formulas over whole variables: norms, means of rows, matrix products; written in tensor ops.

use super::update::RATE;
use crate::{Result, Shape, Tensor, Variable};
use std::fmt;

/// A formula over whole variables. It costs some kernels for each variable instead of one for all; clipping, accumulation, averages
/// and the rest are the same as for [fused rules](super::Rule).
pub trait PerVariable: fmt::Debug + Send + Sync {
    /// The shape of slot `slot` for this variable, at most as large as the variable; none where it keeps none.
    fn slot_shape(&self, _slot: usize, variable: &Variable) -> Option<Shape> {
        Some(variable.spec().shape.clone())
    }

    /// Whether weight decay is part of the formula; else it comes before.
    fn decays_itself(&self) -> bool {
        false
    }

    /// The new parameter, then the new slots: those that the variable has, in order.
    ///
    /// # Errors
    /// When tensor ops refuse.
    fn step(&self, now: &Moving) -> Result<Vec<Tensor>>;
}

/// One variable in a step.
#[derive(Debug)]
pub struct Moving<'a> {
    /// Which one.
    pub variable: &'a Variable,
    /// Its value, after weight decay.
    pub parameter: Tensor,
    /// Its gradient, unscaled, accumulated and clipped.
    pub gradient: Tensor,
    /// The slots that it has, in order.
    pub slots: Vec<Tensor>,
    /// Whether weight decay is for it too.
    pub decays: bool,
    pub(super) told: Tensor,
}

impl Moving<'_> {
    /// Number `at` of the step, as the rule's `at_step` says.
    pub fn number(&self, at: usize) -> Tensor {
        self.told.at(&[at.into()])
    }

    /// The learning rate.
    pub fn rate(&self) -> Tensor {
        self.number(RATE)
    }
}
