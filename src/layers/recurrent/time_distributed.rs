//! A layer at each step of a sequence.

use crate::{
    Error, Result, Shape, Tensor,
    layers::{Call, Inputs, Layer, LayerRef, Outputs},
};

/// Calls a layer for each step of `(N, T, ...)`, always with the same weights: the result is `(N, T, ...)`.
///
/// ```
/// use wgrad::prelude::*;
/// let frames = TimeDistributed::new(Conv2D::new(8, 3));
/// let model = Sequential::new().add(Input::new([5, 16, 16, 3])).add(frames).build()?;
/// assert_eq!(model.call(&Tensor::zeros([2, 5, 16, 16, 3]), Training::No)?.shape()[..], [2, 5, 14, 14, 8]);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.TimeDistributed")]
pub struct TimeDistributed {
    /// What each step goes through.
    #[layer(new)]
    layer: LayerRef,
}

impl Layer for TimeDistributed {
    fn call(&self, call: &mut Call, inputs: &Inputs) -> Result<Outputs> {
        let (x, mask) = (inputs.one()?, inputs.mask(0));
        let [samples, steps, rest @ ..] = &x.shape()[..] else {
            return Err(Error::shape(format!("expected (N, T, ...), got {}", x.shape())));
        };
        if rest.is_empty() {
            return Err(Error::shape(format!("expected (N, T, ...) of at least three axes, got {}", x.shape())));
        }
        if let Some(mask) = mask.filter(|mask| mask.rank() < 2 || mask.shape()[..2] != [*samples, *steps]) {
            return Err(Error::shape(format!("the mask has shape {}, expected ({samples}, {steps}) at its start", mask.shape())));
        }
        let one = |call: &mut Call, x: &Tensor, mask: Option<Tensor>| {
            self.layer.call_all(call, &Inputs::from(x).with_mask(0, mask)).and_then(|outputs| outputs.one().cloned())
        };
        // Statistics that move are those of one step, as in Keras; all else takes the steps as more samples.
        let moves = call.training() && self.layer.weights().iter().any(|weight| !weight.trainable);
        let y = if moves {
            let masks = mask.map(|mask| mask.unstack(1));
            let steps = x.unstack(1).into_iter().enumerate();
            let steps = steps.map(|(at, x)| one(call, &x, masks.as_ref().map(|masks| masks[at].clone()))).collect::<Result<Vec<_>>>()?;
            Tensor::stack(&steps.iter().collect::<Vec<_>>(), 1)
        } else {
            let fold = |t: &Tensor| t.reshape([samples * steps].into_iter().chain(t.shape()[2..].iter().copied()).collect::<Shape>());
            let y = one(call, &fold(x), mask.map(fold))?;
            y.reshape([*samples, *steps].into_iter().chain(y.shape()[1..].iter().copied()).collect::<Shape>())
        };
        Ok(Outputs::from(y).with_mask(mask.cloned()))
    }
}
