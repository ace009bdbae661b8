//! Scaled dot products of several heads, between any axes.

use super::{check_mask, of_scores};
use crate::{
    DType, Error, Result, Shape, Tensor,
    layers::{
        ActivationFn, Call, EinsumDense, Inputs, LayerExt, LayerRef, Outputs, Weight,
        softmax::{hidden, masked},
    },
    mixed_precision::Policy,
};

/// The layers of multi-head attention, in Keras' order: query, key, gate, value, output.
pub(super) type Projections = [Option<LayerRef>; 5];

/// Makes them: with the options of a kernel and a bias, `heads` of query and key, `sizes` of a head's key and value, and sizes of the
/// output's last axes.
pub(super) fn projections(
    [kernel, bias]: [&Weight; 2],
    use_bias: bool,
    policy: Policy,
    heads: [usize; 2],
    sizes: [usize; 2],
    gate: bool,
    output: &[usize],
) -> Projections {
    let layer = |name: &str, equation: &str, shape: &[usize], activation: ActivationFn| {
        let axes = equation.rsplit('.').next().unwrap_or_default().to_owned();
        let shape: Vec<Option<usize>> = shape.iter().copied().map(Some).collect();
        let mut dense = EinsumDense::new(equation, shape).activation(activation);
        (dense.kernel, dense.bias, dense.bias_axes) = (kernel.clone(), bias.clone(), use_bias.then_some(axes));
        Some(dense.name(name).dtype_policy(policy))
    };
    let split = |name: &str, heads: usize, size: usize, activation| layer(name, "...a,abc->...bc", &[heads, size], activation);
    let last: String = ('c'..='z').take(output.len()).collect();
    [
        split("query", heads[0], sizes[0], ActivationFn::Linear),
        split("key", heads[1], sizes[0], ActivationFn::Linear),
        if gate { split("gate", heads[0], sizes[1], ActivationFn::Sigmoid) } else { None },
        split("value", heads[1], sizes[1], ActivationFn::Linear),
        layer("attention_output", &format!("...ab,ab{last}->...{last}"), output, ActivationFn::Linear),
    ]
}

/// What a call of multi-head attention looks at.
pub(super) struct Heads<'a> {
    pub layers: [&'a Option<LayerRef>; 5],
    /// The axes of an input that are looked along.
    pub axes: &'a [usize],
    /// True for the scores that count, of shape (B, T…, S…) or (1, T…, S…).
    pub mask: Option<Tensor>,
    pub dropout: f32,
    pub seed: Option<u64>,
}

impl Heads<'_> {
    /// Projections, attention, and the projection back.
    pub fn call(&self, call: &mut Call, inputs: &Inputs) -> Result<Outputs> {
        let [query, value, key] = super::parts(inputs)?;
        let mut project = |layer: usize, x: &Tensor| self.layers[layer].as_ref().map(|layer| layer.call(call, x)).transpose();
        let (q, k, gate, v) = (project(0, query)?, project(1, key)?, project(2, query)?, project(3, value)?);
        let (Some(q), Some(k), Some(v)) = (q, k, v) else { unreachable!("a layer is built before it is called") };
        let wants_scores = inputs.flag("return_attention_scores")?;
        // Keras' two ways differ for queries that may look at nothing: the one without scores gives the mean of all values.
        let zeros = wants_scores || self.dropout > 0.0 || q.rank() != 4;
        let (y, scores) = self.attend(call, [&q, &k, &v], zeros)?;
        let y = gate.map_or(y.clone(), |gate| y * gate);
        let outputs = self.layers[4].iter().map(|layer| layer.call(call, &y)).collect::<Result<Vec<_>>>()?;
        let outputs = Outputs::new(outputs.into_iter().chain(wants_scores.then_some(scores)));
        Ok(outputs.with_mask(inputs.mask(0).cloned()))
    }

    /// The output (B, T…, N, V) and the weights (B, N, T…, S…) for query (B, T…, N, H), key (B, S…, M, H) and value (B, S…, M, V):
    /// `N / M` neighbouring heads share a key.
    fn attend(&self, call: &Call, [query, key, value]: [&Tensor; 3], zeros: bool) -> Result<(Tensor, Tensor)> {
        let rank = query.rank();
        let others: Vec<usize> = (0..rank - 1).filter(|axis| !self.axes.contains(axis)).collect();
        let order: Vec<usize> = others.iter().chain(self.axes).copied().chain([rank - 1]).collect();
        let signed: Vec<isize> = order.iter().map(|&axis| axis as isize).collect();
        let sizes = |x: &Tensor, axes: &[usize]| axes.iter().map(|&axis| x.shape()[axis]).collect::<Vec<usize>>();
        let product = |sizes: &[usize]| sizes.iter().product::<usize>();
        let matrices = product(&sizes(key, &others));
        let matrix = |x: &Tensor| {
            let columns = x.shape()[rank - 1];
            x.permute(&signed).reshape([matrices, x.size() / (matrices * columns).max(1), columns])
        };
        let scale = 1.0 / (query.shape()[rank - 1] as f32).sqrt();
        let (q, k, v) = (matrix(&(query * scale)), matrix(key), matrix(value));
        let (outer, targets, sources) = (sizes(query, &others), sizes(query, self.axes), sizes(key, self.axes));
        let full: Shape = [&outer[..], &targets, &sources].concat().into();
        let scores = q.matmul(&k.swap_axes(1, 2));
        let flat: Shape = [&outer[..], &targets, &[product(&sources)]].concat().into();
        let softmax = |x: &Tensor| x.reshape(&flat).softmax(-1).reshape(&full);
        let scores = scores.reshape(&full);
        let weights = match &self.mask {
            None => softmax(&scores),
            Some(mask) => {
                let mask = between(mask, others.len(), 2 * self.axes.len())?;
                check_mask(&mask, &full)?;
                if zeros { masked(&scores, &mask, softmax) } else { softmax(&hidden(&scores, &mask)) }
            }
        };
        let kept = if call.training() { weights.dropout(self.dropout, &call.random().seeded(self.seed)) } else { weights.clone() };
        let y = kept.reshape([matrices, q.shape()[1], k.shape()[1]]).matmul(&v);
        let back: Vec<isize> =
            (0..rank).map(|axis| order.iter().position(|&from| from == axis).expect("it is an order") as isize).collect();
        let columns = value.shape()[rank - 1];
        Ok((y.reshape([&outer[..], &targets, &[columns]].concat()).permute(&back), weights))
    }
}

/// A mask (B, T…, S…) with axes of size one for all that stands between: heads, and axes that are not looked along.
fn between(mask: &Tensor, before: usize, behind: usize) -> Result<Tensor> {
    let shape = mask.shape();
    let Some(own) = shape.rank().checked_sub(behind).filter(|&own| own <= before) else {
        return Err(Error::shape(format!("expected an attention mask (B, T, S), got {shape}")));
    };
    let ones = std::iter::repeat_n(1, before - own);
    Ok(mask.reshape(shape[..own].iter().copied().chain(ones).chain(shape[own..].iter().copied()).collect::<Shape>()))
}

/// The mask of an argument, or else of an input.
pub(super) fn given<'i>(inputs: &'i Inputs, argument: &str, at: usize) -> Result<Option<&'i Tensor>> {
    Ok(inputs.tensor(argument)?.or_else(|| inputs.mask(at)))
}

/// Everything that hides keys from queries: the masks of the inputs, the call's own, and those by order.
pub(super) fn score_mask(inputs: &Inputs, query_mask: Option<&Tensor>, window: Option<usize>) -> Result<Option<Tensor>> {
    let [query, value, _] = super::parts(inputs)?;
    let key_mask = if inputs.tensors().len() > 2 { given(inputs, "key_mask", 2)? } else { inputs.tensor("key_mask")? };
    let masks = [
        of_scores(query_mask, -1),
        of_scores(given(inputs, "value_mask", 1)?, -2),
        of_scores(key_mask, -2),
        super::band(query, [query.shape()[1], value.shape()[1]], inputs.flag("use_causal_mask")?, window)?,
        inputs.tensor("attention_mask")?.map(|mask| mask.cast(DType::Bool)),
    ];
    masks.into_iter().try_fold(None, |all: Option<Tensor>, mask| {
        if let (Some(all), Some(mask)) = (&all, &mask) {
            all.shape().broadcast(mask.shape())?;
        }
        Ok(super::both(all, mask))
    })
}
