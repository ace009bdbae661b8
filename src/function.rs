//! `function`: a closure that runs once for each kind of input, and is replayed as a plan afterwards.

use crate::{Error, Result, Tensor, plan::Recordings};
use std::fmt;

/// Makes `body` a function whose first call for each signature (dtype and shape of its inputs) is recorded and whose later
/// calls replay the same plans: nothing is recorded or looked up again.
///
/// A whole training step is its usual content. What is followed at each call: the inputs; the current versions of variables
/// that the body reads; variables that it assigns; optimizers that it applies, with their step count and learning rate;
/// random numbers of models that are called for training, and those of a [`SeedGenerator`](crate::random::SeedGenerator).
///
/// ```
/// use wgrad::prelude::*;
/// let model = Sequential::new().add(Input::new([2])).add(Dense::new(8).activation(Tanh)).add(Dense::new(1)).build()?;
/// let (optimizer, loss_fn, weights) = (Adam::new(0.05), MeanSquaredError::new(), model.trainable_variables());
/// let step = function(|[x, y]: [&Tensor; 2]| {
///     let tape = GradientTape::new();
///     let loss = loss_fn.call(y, &model.call(x, Training::Yes)?)?;
///     optimizer.apply(&tape.gradient(&loss, &weights)?, &weights)?;
///     Ok(loss)
/// });
/// let x = Tensor::from([[0.0f32, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]);
/// let y = Tensor::from([[0.0f32], [1.0], [1.0], [0.0]]);
/// let first = step.call([&x, &y])?.item::<f32>()?;
/// for _ in 0..200 {
///     step.call([&x, &y])?;
/// }
/// assert!(step.call([&x, &y])?.item::<f32>()? < first / 10.0);
/// # Ok::<(), wgrad::Error>(())
/// ```
///
/// # What is frozen
/// Everything else is as it was when the body ran: numbers, branches and loops of Rust, tensors that the closure captured or
/// made from numbers, explicit random keys, what is drawn on the host. Give what changes as an input, or keep it in a
/// [`Variable`](crate::Variable). The body may run again at any time and should have no effects of its own: it does where an
/// optimizer took its variables into an arena meanwhile (the first step; [`build`](crate::optimizers::Optimizer::build)
/// before it avoids that), where somebody holds a version of a variable that the step overwrites, for a signature that
/// comes back after 16 others, and always under an open [`GradientTape`](crate::GradientTape) (gradients flow through it
/// then) or inside of another function.
#[doc(alias = "tf.function")]
pub fn function<F, R, const N: usize>(body: F) -> Function<F, N>
where
    F: Fn([&Tensor; N]) -> Result<R>,
    R: Outputs,
{
    Function { body, recordings: Recordings::default() }
}

/// What [`function`] makes: a closure of `N` tensors and its recordings. It can be called from several threads if the closure can.
pub struct Function<F, const N: usize> {
    body: F,
    recordings: Recordings,
}

impl<F, const N: usize> Function<F, N> {
    /// The body's result for `inputs`.
    ///
    /// # Errors
    /// Those of the body; when the body reads a value; when the device fails.
    pub fn call<R>(&self, inputs: [&Tensor; N]) -> Result<R>
    where
        F: Fn([&Tensor; N]) -> Result<R>,
        R: Outputs,
    {
        let outputs = self.recordings.call(&inputs, |inputs| {
            let inputs: [&Tensor; N] = std::array::from_fn(|at| &inputs[at]);
            Ok((self.body)(inputs)?.into_tensors())
        })?;
        R::from_tensors(outputs)
    }
}

impl<F, const N: usize> fmt::Debug for Function<F, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<Function of {N} tensors>")
    }
}

/// What the body of a [`function`] returns: a tensor, an array or vector of them, or nothing.
pub trait Outputs: Sized {
    #[doc(hidden)]
    fn into_tensors(self) -> Vec<Tensor>;
    #[doc(hidden)]
    fn from_tensors(tensors: Vec<Tensor>) -> Result<Self>;
}

impl Outputs for () {
    fn into_tensors(self) -> Vec<Tensor> {
        Vec::new()
    }
    fn from_tensors(_tensors: Vec<Tensor>) -> Result<Self> {
        Ok(())
    }
}

impl Outputs for Tensor {
    fn into_tensors(self) -> Vec<Tensor> {
        vec![self]
    }
    fn from_tensors(mut tensors: Vec<Tensor>) -> Result<Self> {
        tensors.pop().ok_or_else(|| Error::invalid("function: the body returned no tensor"))
    }
}

impl Outputs for Vec<Tensor> {
    fn into_tensors(self) -> Vec<Tensor> {
        self
    }
    fn from_tensors(tensors: Vec<Tensor>) -> Result<Self> {
        Ok(tensors)
    }
}

impl<const M: usize> Outputs for [Tensor; M] {
    fn into_tensors(self) -> Vec<Tensor> {
        self.into()
    }
    fn from_tensors(tensors: Vec<Tensor>) -> Result<Self> {
        let found = tensors.len();
        tensors.try_into().map_err(|_| Error::invalid(format!("function: the body returned {found} tensors instead of {M}")))
    }
}
