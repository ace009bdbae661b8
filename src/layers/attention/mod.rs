//! Attention layers, and what they share: masks of scores.

mod additive;
mod dot;
mod grouped_query;
mod heads;
mod multi_head;

pub use additive::AdditiveAttention;
pub use dot::{Attention, ScoreMode};
pub use grouped_query::GroupQueryAttention;
pub use multi_head::MultiHeadAttention;

use super::{Call, Inputs, Outputs};
use crate::{DType, Error, Result, Shape, Tensor};

/// Query, value and key, which are given in this order; the value is also the key where there is none.
fn three<T>(given: &[T]) -> Result<[&T; 3]> {
    match given {
        [query, value] => Ok([query, value, value]),
        [query, value, key] => Ok([query, value, key]),
        other => Err(Error::invalid(format!("expected query and value, or query, value and key; got {} inputs", other.len()))),
    }
}

/// Those of a call.
fn parts(inputs: &Inputs) -> Result<[&Tensor; 3]> {
    three(inputs.tensors())
}

/// Which keys (S) each query (T) may look at by their order, as (1, T, S): those up to itself where `causal`, those nearer than
/// `window`; all if neither is asked for.
fn band(near: &Tensor, [queries, keys]: [usize; 2], causal: bool, window: Option<usize>) -> Result<Option<Tensor>> {
    let places = |count: usize, shape: [usize; 3]| Tensor::from_slice_on(near.device(), &(0..count as i32).collect::<Vec<_>>(), shape);
    if !causal && window.is_none() {
        return Ok(None);
    }
    let (rows, columns) = (places(queries, [1, queries, 1])?, places(keys, [1, 1, keys])?);
    let causal = causal.then(|| rows.greater_equal(&columns));
    Ok(both(causal, window.map(|width| (&rows - &columns).abs().less(width as i32))))
}

/// What both masks keep.
fn both(one: Option<Tensor>, other: Option<Tensor>) -> Option<Tensor> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.logical_and(&other)),
        (one, other) => one.or(other),
    }
}

/// A mask of an input (B, T) as one of scores, with an axis of size one at `axis`.
fn of_scores(mask: Option<&Tensor>, axis: isize) -> Option<Tensor> {
    mask.map(|mask| mask.cast(DType::Bool).expand_dims(axis))
}

/// The end of dot-product and additive attention: softmax of `scores` (B, T, S) under the masks, dropout, product with the value.
fn weigh(call: &Call, inputs: &Inputs, scores: &Tensor, dropout: f32, seed: Option<u64>) -> Result<Outputs> {
    let [_, value, _] = parts(inputs)?;
    let [.., queries, keys] = scores.shape()[..] else { unreachable!("scores have three axes") };
    let causal = band(scores, [queries, keys], inputs.flag("use_causal_mask")?, None)?;
    let low = if scores.dtype() == DType::F16 { 65_504.0 } else { 1e9 };
    let mask = both(of_scores(inputs.mask(1), -2), causal);
    let scores = match &mask {
        Some(mask) => {
            check_mask(mask, scores.shape())?;
            Tensor::where_(mask, scores, &(scores - low))
        }
        None => scores.clone(),
    };
    let scores = scores.softmax(-1);
    let kept = if call.training() { scores.dropout(dropout, &call.random().seeded(seed)) } else { scores.clone() };
    let mut y = kept.matmul(value);
    if let Some(mask) = of_scores(inputs.mask(0), -1) {
        check_mask(&mask, y.shape())?;
        y = Tensor::where_(&mask, &y, &y.zeros_like());
    }
    let outputs = if inputs.flag("return_attention_scores")? { Outputs::new([y, scores]) } else { Outputs::from(y) };
    Ok(outputs.with_mask(inputs.mask(0).cloned()))
}

/// That a mask broadcasts to what it masks.
fn check_mask(mask: &Tensor, shape: &Shape) -> Result<()> {
    if mask.dtype() != DType::Bool || mask.shape().broadcast(shape).as_ref() != Ok(shape) {
        return Err(Error::shape(format!("expected a mask of booleans that broadcasts to {shape}, got {}", mask.spec())));
    }
    Ok(())
}

/// That query (B, T, D), value (B, S, V) and key (B, S, D) belong together.
fn check_shapes(shapes: &[Shape]) -> Result<()> {
    let [query, value, key] = three(shapes)?;
    let fit = [query, value, key].iter().all(|shape| shape.rank() == 3 && shape[0] == query[0]);
    if !fit || value[1] != key[1] || query[2] != key[2] {
        let text = format!("expected query (B, T, D), value (B, S, V) and key (B, S, D), got {query}, {value} and {key}");
        return Err(Error::shape(text));
    }
    Ok(())
}

/// That query, value and key of multi-head attention belong together; the query's shape.
fn check_ranks(shapes: &[Shape]) -> Result<&Shape> {
    let [query, value, key] = three(shapes)?;
    let inner = |shape: &Shape| shape[..shape.rank().saturating_sub(1)].to_vec();
    if query.rank() < 3 || value.rank() != query.rank() || inner(value) != inner(key) || value[0] != query[0] {
        let text = format!("expected query (B, T, D), value (B, S, E) and key (B, S, F), got {query}, {value} and {key}");
        return Err(Error::shape(text));
    }
    Ok(query)
}
