//! The context in which layers are called.

use super::Weight;
use crate::{Tensor, Variable, random::RandomKey};
use std::collections::VecDeque;

/// Whether a call trains: dropout drops and batch normalization looks at the batch.
///
/// ```
/// use wgrad::prelude::*;
/// let (layer, x) = (Dropout::new(0.5).shared(), Tensor::ones([1, 8]));
/// assert_eq!(layer.call(&mut Call::new(Training::No, 42, 0), &x)?.to_vec::<f32>()?, [1.0; 8]);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Training {
    /// Part of a training step.
    Yes,
    /// Evaluation and prediction.
    No,
}

/// The context of one call of a model: whether it trains, random numbers, and what layers hand to the caller: updates of
/// weights and losses of their own.
///
/// ```
/// use wgrad::prelude::*;
/// let (layer, x) = (Dropout::new(0.5).shared(), Tensor::ones([1, 64]));
/// let step = || Call::new(Training::Yes, 42, 7);
/// assert_eq!(layer.call(&mut step(), &x)?.to_vec::<f32>()?, layer.call(&mut step(), &x)?.to_vec::<f32>()?);
/// # Ok::<(), wgrad::Error>(())
/// ```
pub struct Call {
    training: Training,
    seed: u64,
    step: u64,
    path: Vec<String>,
    /// Whether a layer further out is frozen.
    frozen: bool,
    /// Whether only shapes are wanted: weights that this call makes are drawn later.
    inferring: bool,
    mask: Option<Tensor>,
    updates: Vec<(Variable, Tensor)>,
    losses: Vec<Tensor>,
    /// What layers of the host made of the batch, if that has happened already: in the order of their calls.
    prepared: Option<VecDeque<Tensor>>,
}

impl Call {
    /// The context of step `step`: one step's random numbers repeat when it is run again.
    pub fn new(training: Training, seed: u64, step: u64) -> Self {
        Self {
            training,
            seed,
            step,
            path: Vec::new(),
            frozen: false,
            inferring: false,
            mask: None,
            updates: Vec::new(),
            losses: Vec::new(),
            prepared: None,
        }
    }

    /// The context of a call for its shapes.
    pub(super) fn inferring() -> Self {
        Self { inferring: true, ..Self::new(Training::No, 0, 0) }
    }

    /// Whether only shapes are wanted.
    pub(super) fn is_inferring(&self) -> bool {
        self.inferring
    }

    /// Whether this call trains.
    pub fn training(&self) -> bool {
        self.training == Training::Yes
    }

    /// Whether the layer that is called, or one around it, is frozen (`trainable(false)`).
    pub fn frozen(&self) -> bool {
        self.frozen
    }

    /// The mask of the layer's first input: bool, true where it counts.
    pub fn mask(&self) -> Option<&Tensor> {
        self.mask.as_ref()
    }

    /// The random numbers of this layer at this step.
    pub fn random(&self) -> RandomKey {
        RandomKey::new(self.seed, &self.path(), self.step)
    }

    /// Other random numbers of this layer at this step, for what is called so.
    pub fn random_for(&self, what: &str) -> RandomKey {
        RandomKey::new(self.seed, &format!("{}/{what}", self.path()), self.step)
    }

    /// Asks for `weight` to become `value` once the step is done.
    pub fn update(&mut self, weight: &Weight, value: Tensor) {
        let variable = weight.variable().clone();
        let value = value.cast(variable.spec().dtype);
        self.updates.push((variable, value));
    }

    /// Adds a scalar to the model's loss.
    #[doc(alias = "keras.layers.Layer.add_loss")]
    pub fn add_loss(&mut self, loss: Tensor) {
        self.losses.push(loss);
    }

    /// Names of the layers that are being called, outermost first.
    pub(super) fn path(&self) -> String {
        self.path.join("/")
    }

    pub(super) fn seed(&self) -> u64 {
        self.seed
    }

    /// Runs `body` as the call of a layer.
    pub(super) fn inside<R>(&mut self, name: &str, frozen: bool, mask: Option<Tensor>, body: impl FnOnce(&mut Self) -> R) -> R {
        let depth = self.path.len();
        // The outermost model has no place in the paths of its layers.
        self.path.extend((!name.is_empty()).then(|| name.to_owned()));
        let outer = (self.frozen, std::mem::replace(&mut self.mask, mask));
        self.frozen |= frozen;
        let result = body(self);
        (self.frozen, self.mask) = outer;
        self.path.truncate(depth);
        result
    }

    /// Layers of the host that inputs feed were called already, and gave this.
    pub(crate) fn prepare(&mut self, outputs: Vec<Tensor>) {
        self.prepared = Some(outputs.into());
    }

    /// Whether layers of the host that inputs feed were called already.
    pub(crate) fn is_prepared(&self) -> bool {
        self.prepared.is_some()
    }

    /// What the next of them gave.
    pub(crate) fn next_prepared(&mut self) -> Option<Tensor> {
        self.prepared.as_mut()?.pop_front()
    }

    /// Runs `body`, in which no layer was called already.
    pub(crate) fn unprepared<R>(&mut self, body: impl FnOnce(&mut Self) -> R) -> R {
        let prepared = self.prepared.take();
        let result = body(self);
        self.prepared = prepared;
        result
    }

    /// The losses that layers added so far, to be added to the model's.
    pub fn take_losses(&mut self) -> Vec<Tensor> {
        std::mem::take(&mut self.losses)
    }

    /// The updates that layers asked for so far, in call order, to be assigned once the step is done.
    pub fn take_updates(&mut self) -> Vec<(Variable, Tensor)> {
        std::mem::take(&mut self.updates)
    }
}
