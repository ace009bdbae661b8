//! Sums, products, means and extrema of several tensors, element by element.

use super::{any_mask, raised, spread};
use crate::{
    Error, Result, Tensor,
    layers::{Call, Inputs, Layer, Outputs},
};

/// The sum of all inputs, which broadcast beside the batch axis.
///
/// ```
/// use wgrad::prelude::*;
/// let shortcut = Add::new();
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.Add")]
pub struct Add {}

impl Layer for Add {
    fn call(&self, _call: &mut Call, inputs: &Inputs) -> Result<Outputs> {
        folded(inputs, |one, other| one + other)
    }
}

/// The first of two inputs minus the second; they broadcast beside the batch axis.
///
/// ```
/// use wgrad::prelude::*;
/// let y = Subtract::new().apply([&Tensor::from([[1.0f32, 6.0]]), &Tensor::from([[3.0f32, 2.0]])]);
/// assert_eq!(y.to_vec::<f32>()?, [-2.0, 4.0]);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.Subtract")]
pub struct Subtract {}

impl Layer for Subtract {
    fn call(&self, _call: &mut Call, inputs: &Inputs) -> Result<Outputs> {
        if inputs.tensors().len() != 2 {
            return Err(Error::invalid(format!("expected two inputs, got {}", inputs.tensors().len())));
        }
        folded(inputs, |one, other| one - other)
    }
}

/// The mean of all inputs, which broadcast beside the batch axis.
///
/// ```
/// use wgrad::prelude::*;
/// let y = Average::new().apply([&Tensor::from([[1.0f32, 6.0]]), &Tensor::from([[3.0f32, 2.0]])]);
/// assert_eq!(y.to_vec::<f32>()?, [2.0, 4.0]);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.Average")]
pub struct Average {}

impl Layer for Average {
    fn call(&self, _call: &mut Call, inputs: &Inputs) -> Result<Outputs> {
        let sum = raised(inputs)?.into_iter().reduce(|one, other| one + other).expect("there is an input");
        Ok(Outputs::from(sum / inputs.tensors().len() as f32).with_mask(any_mask(inputs)))
    }
}

/// The product of all inputs, which broadcast beside the batch axis. A masked place of an input counts as one.
///
/// ```
/// use wgrad::prelude::*;
/// let y = Multiply::new().apply([&Tensor::from([[1.0f32, 6.0]]), &Tensor::from([[3.0f32, 2.0]])]);
/// assert_eq!(y.to_vec::<f32>()?, [3.0, 12.0]);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.Multiply")]
pub struct Multiply {}

impl Layer for Multiply {
    fn call(&self, _call: &mut Call, inputs: &Inputs) -> Result<Outputs> {
        let mask = any_mask(inputs);
        let factor = |(at, x): (usize, Tensor)| match spread(inputs, at, &x) {
            Some(mask) => Tensor::where_(&mask, &x, &x.ones_like()),
            None => x,
        };
        let product = raised(inputs)?.into_iter().enumerate().map(factor).reduce(|one, other| one * other).expect("there is an input");
        let product = match &mask {
            Some(mask) => Tensor::where_(&mask.expand_dims(-1), &product, &product.zeros_like()),
            None => product,
        };
        Ok(Outputs::from(product).with_mask(mask))
    }
}

/// The largest of all inputs, which broadcast beside the batch axis. A masked place of an input does not count.
///
/// ```
/// use wgrad::prelude::*;
/// let y = Maximum::new().apply([&Tensor::from([[1.0f32, 6.0]]), &Tensor::from([[3.0f32, 2.0]])]);
/// assert_eq!(y.to_vec::<f32>()?, [3.0, 6.0]);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.Maximum")]
pub struct Maximum {}

impl Layer for Maximum {
    fn call(&self, _call: &mut Call, inputs: &Inputs) -> Result<Outputs> {
        chosen(inputs, |one, other| one.maximum(other))
    }
}

/// The smallest of all inputs, which broadcast beside the batch axis. A masked place of an input does not count.
///
/// ```
/// use wgrad::prelude::*;
/// let y = Minimum::new().apply([&Tensor::from([[1.0f32, 6.0]]), &Tensor::from([[3.0f32, 2.0]])]);
/// assert_eq!(y.to_vec::<f32>()?, [1.0, 2.0]);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.Minimum")]
pub struct Minimum {}

impl Layer for Minimum {
    fn call(&self, _call: &mut Call, inputs: &Inputs) -> Result<Outputs> {
        chosen(inputs, |one, other| one.minimum(other))
    }
}

fn folded(inputs: &Inputs, pair: impl Fn(Tensor, Tensor) -> Tensor) -> Result<Outputs> {
    let all = raised(inputs)?.into_iter().reduce(pair).expect("there is an input");
    Ok(Outputs::from(all).with_mask(any_mask(inputs)))
}

/// An extremum of the inputs: where only one of two is masked, the other is taken.
fn chosen(inputs: &Inputs, better: impl Fn(&Tensor, &Tensor) -> Tensor) -> Result<Outputs> {
    let mut best: Option<(Tensor, Option<Tensor>)> = None;
    for (at, x) in raised(inputs)?.into_iter().enumerate() {
        let mask = spread(inputs, at, &x);
        best = Some(match best {
            None => (x, mask),
            Some((y, y_mask)) => {
                let x = mask.as_ref().map_or(x.clone(), |mask| Tensor::where_(mask, &x, &y));
                let y = y_mask.as_ref().map_or(y.clone(), |mask| Tensor::where_(mask, &y, &x));
                (better(&y, &x), y_mask.zip(mask).map(|(one, other)| one.logical_or(&other)))
            }
        });
    }
    let (y, mask) = best.expect("there is an input");
    Ok(Outputs::from(y).with_mask(mask.map(|mask| mask.any(&[-1]))))
}
