//! Layers that only look at their input in another way.

use super::{Call, DataFormat, Layer, SimpleLayer};
use crate::{Result, Tensor};

/// `(N, …)` to `(N, all the rest)`.
///
/// ```
/// use wgrad::prelude::*;
/// assert_eq!(Flatten::new().apply(&Tensor::ones([2, 3, 4])).shape()[..], [2, 12]);
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.Flatten")]
pub struct Flatten {
    /// Where the axis of channels is.
    data_format: DataFormat,
}

impl SimpleLayer for Flatten {
    fn call(&self, _call: &mut Call, x: &Tensor) -> Result<Tensor> {
        // Channels that come first are brought behind, so that both formats give one order.
        let x = match self.data_format {
            DataFormat::ChannelsFirst if x.rank() > 2 => {
                &x.permute(&[0].into_iter().chain(2..x.rank() as isize).chain([1]).collect::<Vec<_>>())
            }
            _ => x,
        };
        let samples = x.shape().first().copied().unwrap_or(1);
        let rest = x.shape().get(1..).map_or(1, |rest| rest.iter().product());
        Ok(x.reshape([samples, rest]))
    }
}

/// The input itself.
///
/// ```
/// use wgrad::prelude::*;
/// assert_eq!(Identity::new().apply(&Tensor::from([1.0f32, 2.0])).to_vec::<f32>()?, [1.0, 2.0]);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.Identity")]
pub struct Identity {}

impl SimpleLayer for Identity {
    fn supports_masking(&self) -> bool {
        true
    }

    fn call(&self, _call: &mut Call, x: &Tensor) -> Result<Tensor> {
        Ok(x.clone())
    }
}
