//! Dot-product attention, whose scores are products of query and key.

use super::{check_shapes, parts, weigh};
use crate::{
    Result, Shape,
    config::Choice,
    initializers::Ones,
    layers::{Build, Call, Inputs, Layer, Outputs, Weight},
};

/// How a query and a key are compared.
///
/// ```
/// use wgrad::{layers::ScoreMode, prelude::*};
/// let layer = Attention::new().score_mode(ScoreMode::Concat);
/// ```
#[derive(Choice, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ScoreMode {
    /// `q · k`.
    #[default]
    Dot,
    /// `w * sum(tanh(q + k))` with a weight `w`.
    Concat,
}

/// `softmax(q kᵀ) v`: for each query (B, T, D) the values (B, S, V) by how well their keys (B, S, D) fit it; (B, T, V) (Luong et
/// al., 2015). Called with query and value, or with query, value and key.
///
/// Weights: `scale`, a number, where `use_scale` is set, and `concat_score_weight`, a number, in mode `Concat`. Arguments of the call:
/// `use_causal_mask` hides later keys, `return_attention_scores` adds the weights (B, T, S) to the outputs. The value's mask hides
/// keys, the query's mask zeros outputs and is theirs.
///
/// ```
/// use wgrad::prelude::*;
/// let (query, value) = (Input::new([4, 8]).symbol(), Input::new([6, 8]).symbol());
/// let y = Attention::new().use_scale(true).apply([&query, &value]);
/// let model = Model::new([&query, &value], &y)?;
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.Attention")]
pub struct Attention {
    /// Whether scores are multiplied by a learned number.
    use_scale: bool,
    /// How a query and a key are compared.
    score_mode: ScoreMode,
    /// The share of weights that is dropped while training.
    dropout: f32,
    /// What decides with the layer's name and the step which ones are dropped; the model's seed if not set.
    seed: Option<u64>,
    #[layer(weight)]
    scale: Weight,
    #[layer(weight)]
    concat_score_weight: Weight,
}

impl Layer for Attention {
    fn arguments(&self) -> &'static [&'static str] {
        &["return_attention_scores", "use_causal_mask"]
    }

    fn build(&mut self, build: &mut Build, inputs: &[Shape]) -> Result<()> {
        check_shapes(inputs)?;
        if self.use_scale {
            self.scale = build.weight("scale", []).initializer(Ones).add()?;
        }
        if self.score_mode == ScoreMode::Concat {
            self.concat_score_weight = build.weight("concat_score_weight", []).initializer(Ones).add()?;
        }
        Ok(())
    }

    fn call(&self, call: &mut Call, inputs: &Inputs) -> Result<Outputs> {
        let [query, _, key] = parts(inputs)?;
        let scale = self.use_scale.then(|| self.scale.value());
        let scores = match self.score_mode {
            ScoreMode::Dot => {
                let scores = query.matmul(&key.swap_axes(-1, -2));
                scale.map_or(scores.clone(), |scale| scores * scale)
            }
            ScoreMode::Concat => {
                let sums = query.expand_dims(-2) + key.expand_dims(-3);
                let sums = scale.map_or(sums.clone(), |scale| sums * scale);
                sums.tanh().sum(&[-1]) * self.concat_score_weight.value()
            }
        };
        weigh(call, inputs, &scores, self.dropout, self.seed)
    }
}
