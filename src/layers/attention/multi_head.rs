//! Attention of several heads, each with projections of its own.

use super::heads::{Heads, projections, score_mask};
use crate::{
    Error, Result, Shape,
    initializers::{GlorotUniform, Zeros},
    layers::{Axes, Build, Call, Inputs, Layer, LayerRef, Outputs, Weight},
};

/// `softmax(q kᵀ / √key_dim) v` for each of several heads, whose query, key and value are projections of the inputs; the heads'
/// results are projected back (Vaswani et al., 2017). Called with query (B, T…, D) and value (B, S…, E), or with query, value and
/// key; gives (B, T…, D), or of `output_shape`.
///
/// Weights: `kernel` and `bias` of the layers `query`, `key`, `gate`, `value` and `attention_output`. Arguments of the call:
/// `attention_mask` (B, T…, S…), `value_mask` (B, S) and `key_mask` (B, S), all true where something counts; `use_causal_mask` hides
/// later keys; `return_attention_scores` adds the weights (B, heads, T…, S…) to the outputs. The output's mask is the query's.
///
/// ```
/// use wgrad::prelude::*;
/// let attention = MultiHeadAttention::new(4, 16).dropout(0.1);
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.MultiHeadAttention")]
pub struct MultiHeadAttention {
    /// How many heads.
    #[layer(new)]
    num_heads: usize,
    /// Size of a head's query and key.
    #[layer(new)]
    key_dim: usize,
    /// Size of a head's value; that of its key if not set.
    value_dim: Option<usize>,
    /// The share of weights that is dropped while training.
    dropout: f32,
    /// Whether the projections have biases.
    #[layer(default = true)]
    use_bias: bool,
    /// Whether the result is multiplied by the sigmoid of another projection of the query.
    use_gate: bool,
    /// Sizes of the output's last axes; those of the query if not set.
    output_shape: Option<Vec<usize>>,
    /// The axes that are looked along; all but the batch axis and the last one if not set.
    attention_axes: Option<Axes>,
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
    #[layer(skip)]
    query_dense: Option<LayerRef>,
    #[layer(skip)]
    key_dense: Option<LayerRef>,
    #[layer(skip, child = "_gate_dense")]
    gate_dense: Option<LayerRef>,
    #[layer(skip)]
    value_dense: Option<LayerRef>,
    #[layer(skip)]
    output_dense: Option<LayerRef>,
    /// The axes that are looked along, counted from the first.
    #[layer(skip)]
    axes: Vec<usize>,
}

impl Layer for MultiHeadAttention {
    fn takes_list(&self) -> bool {
        false
    }

    fn arguments(&self) -> &'static [&'static str] {
        &["query_mask", "value_mask", "key_mask", "attention_mask", "return_attention_scores", "use_causal_mask"]
    }

    fn build(&mut self, build: &mut Build, inputs: &[Shape]) -> Result<()> {
        let value_dim = self.value_dim.unwrap_or(self.key_dim);
        if [self.num_heads, self.key_dim, value_dim].contains(&0) || self.sliding_window == Some(0) {
            return Err(Error::invalid("num_heads, key_dim, value_dim and sliding_window must be at least 1"));
        }
        let query = super::check_ranks(inputs)?;
        let rank = query.rank();
        self.axes = match &self.attention_axes {
            // Negative ones count from the end of the projected inputs, which have an axis more.
            Some(axes) => axes.list().iter().map(|&axis| (if axis < 0 { axis + rank as isize } else { axis }) as usize).collect(),
            None => (1..rank - 1).collect(),
        };
        if self.axes.is_empty() || self.axes.iter().any(|axis| !(1..rank - 1).contains(axis)) {
            let text = format!("attention_axes {:?} of query {query}: they lie between the batch axis and the last one", self.axes);
            return Err(Error::invalid(text));
        }
        let output = self.output_shape.clone().unwrap_or_else(|| vec![query[rank - 1]]);
        let (heads, sizes) = ([self.num_heads; 2], [self.key_dim, value_dim]);
        [self.query_dense, self.key_dense, self.gate_dense, self.value_dense, self.output_dense] =
            projections([&self.kernel, &self.bias], self.use_bias, build.policy(), heads, sizes, self.use_gate, &output);
        Ok(())
    }

    fn call(&self, call: &mut Call, inputs: &Inputs) -> Result<Outputs> {
        let heads = Heads {
            layers: [&self.query_dense, &self.key_dense, &self.gate_dense, &self.value_dense, &self.output_dense],
            axes: &self.axes,
            // As in Keras, a query mask counts that comes with the query; as an argument it is not looked at.
            mask: score_mask(inputs, inputs.mask(0), self.sliding_window)?,
            dropout: self.dropout,
            seed: self.seed,
        };
        heads.call(call, inputs)
    }
}
