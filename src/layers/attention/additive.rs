//! Additive attention, whose scores are a small network of query and key.

use super::{check_shapes, parts, weigh};
use crate::{
    Result, Shape,
    initializers::GlorotUniform,
    layers::{Build, Call, Inputs, Layer, Outputs, Weight},
};

/// `softmax(sum(scale * tanh(q + k))) v`: for each query (B, T, D) the values (B, S, V) by how well their keys (B, S, D) fit it;
/// (B, T, V) (Bahdanau et al., 2015). Called with query and value, or with query, value and key.
///
/// Weights: `scale` (D) where `use_scale` is set. Arguments of the call and masks are those of [`Attention`](super::Attention).
///
/// ```
/// use wgrad::prelude::*;
/// let (query, value) = (Input::new([4, 8]).symbol(), Input::new([6, 8]).symbol());
/// let y = AdditiveAttention::new().apply([&query, &value]);
/// let model = Model::new([&query, &value], &y)?;
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.AdditiveAttention")]
pub struct AdditiveAttention {
    /// Whether each feature has a learned factor.
    #[layer(default = true)]
    use_scale: bool,
    /// The share of weights that is dropped while training.
    dropout: f32,
    /// What decides with the layer's name and the step which ones are dropped; the model's seed if not set.
    seed: Option<u64>,
    #[layer(weight)]
    scale: Weight,
}

impl Layer for AdditiveAttention {
    fn arguments(&self) -> &'static [&'static str] {
        &["return_attention_scores", "use_causal_mask"]
    }

    fn build(&mut self, build: &mut Build, inputs: &[Shape]) -> Result<()> {
        check_shapes(inputs)?;
        if self.use_scale {
            self.scale = build.weight("scale", [inputs[0][2]]).initializer(GlorotUniform::new()).add()?;
        }
        Ok(())
    }

    fn call(&self, call: &mut Call, inputs: &Inputs) -> Result<Outputs> {
        let [query, _, key] = parts(inputs)?;
        let fit = (query.expand_dims(-2) + key.expand_dims(-3)).tanh();
        let fit = if self.use_scale { fit * self.scale.value() } else { fit };
        weigh(call, inputs, &fit.sum(&[-1]), self.dropout, self.seed)
    }
}
