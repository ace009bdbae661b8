//! Attention of grouped heads.

use super::heads::{Heads, given, projections, score_mask};
use crate::{
    Error, Result, Shape,
    initializers::{GlorotUniform, Zeros},
    layers::{Build, Call, Inputs, Layer, LayerRef, Outputs, Weight, options::axes},
};

/// [`MultiHeadAttention`](super::MultiHeadAttention) where several neighbouring heads of the query share one of key and value, which
/// are smaller by that (Ainslie et al., 2023). Called with query (B, T, D) and value (B, S, D), or with query, value and key; gives
/// (B, T, D). Weights, arguments of the call and masks are the same, and `query_mask` (B, T) counts as an argument too.
///
/// ```
/// use wgrad::prelude::*;
/// let attention = GroupQueryAttention::new(16, 8, 2); // of size 16, eight heads of the query, two of key and value
/// ```
#[derive(Layer, Clone, Debug)]
#[layer(alias("GroupedQueryAttention"))]
#[doc(alias = "keras.layers.GroupQueryAttention")]
pub struct GroupQueryAttention {
    /// Size of a head.
    #[layer(new)]
    head_dim: usize,
    /// How many heads the query has.
    #[layer(new)]
    num_query_heads: usize,
    /// How many heads key and value have, a divisor of the query's.
    #[layer(new)]
    num_key_value_heads: usize,
    /// The share of weights that is dropped while training.
    dropout: f32,
    /// Whether the projections have biases.
    #[layer(default = true)]
    use_bias: bool,
    /// Whether the result is multiplied by the sigmoid of another projection of the query.
    use_gate: bool,
    /// How far a query may look to either side, itself included; everywhere if not set.
    sliding_window: Option<usize>,
    /// The options of the projections' kernels.
    #[layer(start = GlorotUniform::new())]
    kernel: Weight,
    /// Those of their biases.
    #[layer(start = Zeros)]
    bias: Weight,
    /// What decides with the layer's name and the step what is dropped; the model's seed if not set.
    seed: Option<u64>,
    #[layer(skip, child = "_query_dense")]
    query_dense: Option<LayerRef>,
    #[layer(skip, child = "_key_dense")]
    key_dense: Option<LayerRef>,
    #[layer(skip, child = "_gate_dense")]
    gate_dense: Option<LayerRef>,
    #[layer(skip, child = "_value_dense")]
    value_dense: Option<LayerRef>,
    #[layer(skip, child = "_output_dense")]
    output_dense: Option<LayerRef>,
}

impl Layer for GroupQueryAttention {
    fn takes_list(&self) -> bool {
        false
    }

    fn arguments(&self) -> &'static [&'static str] {
        &["query_mask", "value_mask", "key_mask", "attention_mask", "return_attention_scores", "use_causal_mask"]
    }

    fn build(&mut self, build: &mut Build, inputs: &[Shape]) -> Result<()> {
        let (size, heads) = (self.head_dim, [self.num_query_heads, self.num_key_value_heads]);
        if size == 0 || heads.contains(&0) || self.sliding_window == Some(0) {
            return Err(Error::invalid("head_dim, num_query_heads, num_key_value_heads and sliding_window must be at least 1"));
        }
        if !heads[0].is_multiple_of(heads[1]) {
            return Err(Error::invalid(format!("num_key_value_heads {} does not divide num_query_heads {}", heads[1], heads[0])));
        }
        let query = super::check_ranks(inputs)?;
        let [_, _, features] = axes(query, "(B, T, D)", "use MultiHeadAttention for more axes")?;
        [self.query_dense, self.key_dense, self.gate_dense, self.value_dense, self.output_dense] =
            projections([&self.kernel, &self.bias], self.use_bias, build.policy(), heads, [size; 2], self.use_gate, &[features]);
        Ok(())
    }

    fn call(&self, call: &mut Call, inputs: &Inputs) -> Result<Outputs> {
        let heads = Heads {
            layers: [&self.query_dense, &self.key_dense, &self.gate_dense, &self.value_dense, &self.output_dense],
            axes: &[1],
            mask: score_mask(inputs, given(inputs, "query_mask", 0)?, self.sliding_window)?,
            dropout: self.dropout,
            seed: self.seed,
        };
        heads.call(call, inputs)
    }
}
