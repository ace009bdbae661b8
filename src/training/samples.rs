//! What `fit` and `evaluate` go through: inputs, targets and weights on the host.

use super::heads::Head;
use crate::{
    DType, Error, Result, Tensor,
    data::{Array, Arrays, AsArrays},
    device::Device,
    layers::Input,
    losses::targets::check_numbers,
    models::Model,
};
use std::{borrow::Cow, ops::Range};

/// Data to train on or to evaluate: `(&x, &y)` or `(&x, &y, &sample_weight)`. Each of them is an array or, for a model of several
/// inputs or outputs, a list or [`Named`](crate::data::Named). The first axis counts samples.
///
/// ```
/// use wgrad::{prelude::*, training::Samples};
/// let (x, y, weights) = (Tensor::ones([4, 2]), Tensor::zeros([4, 1]), vec![1.0f32, 1.0, 0.5, 0.5]);
/// let weighted = Samples::from((&x, &y, &weights));
/// ```
pub struct Samples<'a> {
    inputs: Result<Arrays<'a>>,
    targets: Result<Arrays<'a>>,
    weights: Option<Result<Arrays<'a>>>,
}

impl<'a, X: AsArrays + ?Sized, Y: AsArrays + ?Sized> From<(&'a X, &'a Y)> for Samples<'a> {
    fn from((x, y): (&'a X, &'a Y)) -> Self {
        Self { inputs: x.as_arrays(), targets: y.as_arrays(), weights: None }
    }
}

impl<'a, X: AsArrays + ?Sized, Y: AsArrays + ?Sized, W: AsArrays + ?Sized> From<(&'a X, &'a Y, &'a W)> for Samples<'a> {
    fn from((x, y, sample_weight): (&'a X, &'a Y, &'a W)) -> Self {
        Samples::from((x, y)).weighted(sample_weight)
    }
}

impl<'a> Samples<'a> {
    /// Weighs each sample, or each of its targets.
    pub(super) fn weighted(self, sample_weight: &'a (impl AsArrays + ?Sized)) -> Self {
        Self { weights: Some(sample_weight.as_arrays()), ..self }
    }

    /// The first input, whose shape a model without one is built for.
    pub(super) fn first_input(&self) -> Option<&Array> {
        self.inputs.as_ref().ok()?.first()
    }

    /// In the order of the model's inputs and of its heads, and checked.
    pub(super) fn arranged(self, model: &Model, heads: &[Head]) -> Result<Arranged<'a>> {
        let inputs = arrange_inputs(model, self.inputs?)?;
        let names: Vec<&str> = heads.iter().map(|head| &head.name[..]).collect();
        let targets = self.targets?.arranged("target", &names)?;
        let weights = match self.weights.transpose()? {
            None => Vec::new(),
            Some(weights) if weights.alone() => weights.in_order(),
            Some(weights) => weights.arranged("sample weight", &names)?,
        };
        let samples = Arranged { inputs, targets, weights };
        samples.check()?;
        Ok(samples)
    }
}

/// The inputs of a model in its order, all of as many samples.
pub(super) fn arrange_inputs<'a>(model: &Model, inputs: Arrays<'a>) -> Result<Vec<Cow<'a, Array>>> {
    let expected = model.inputs()?;
    let names: Vec<&str> = expected.iter().map(Input::input_name).collect();
    let mut inputs = inputs.arranged("input", &names)?;
    for (x, input) in inputs.iter_mut().zip(expected).filter(|(x, input)| x.dtype() == DType::Str && input.sample.ends_with(&[Some(1)])) {
        // Texts in a row are a column of them.
        if x.shape().rank() == input.sample.len() {
            let shape: Vec<usize> = x.shape().iter().copied().chain([1]).collect();
            *x = Cow::Owned(x.clone().into_owned().with_shape(shape)?);
        }
    }
    for (at, (x, name)) in inputs.iter().zip(names).enumerate() {
        match (x.dtype() == DType::Str, expected[at].dtype == DType::Str) {
            (true, false) => {
                return Err(Error::dtype("inputs are text, which no device holds; look them up or vectorize them first"));
            }
            (false, true) => return Err(Error::dtype(format!("input {name} takes text, got {}", x.dtype()))),
            _ => {}
        }
        if x.samples() != inputs[0].samples() {
            return Err(Error::data(format!("input {name} has {} samples, the first input {}", x.samples(), inputs[0].samples())));
        }
        model.check_input(at, x.shape())?;
    }
    Ok(inputs)
}

/// Inputs in the model's order, targets in that of its heads, and no weights, one for all heads, or one each.
pub(super) struct Arranged<'a> {
    inputs: Vec<Cow<'a, Array>>,
    pub targets: Vec<Cow<'a, Array>>,
    weights: Vec<Cow<'a, Array>>,
}

impl<'a> Arranged<'a> {
    /// How many samples there are.
    pub fn len(&self) -> usize {
        self.inputs[0].samples()
    }

    fn check(&self) -> Result<()> {
        let x = &self.inputs[0];
        if x.samples() == 0 {
            return Err(Error::data(format!("the dataset is empty: inputs have shape {}", x.shape())));
        }
        let counted = |what: &str, other: &Array| {
            let (inputs, others) = (x.samples(), other.samples());
            let text = || format!("{inputs} inputs (shape {}) for {others} {what} (shape {})", x.shape(), other.shape());
            if inputs == others { Ok(()) } else { Err(Error::data(text())) }
        };
        self.targets.iter().try_for_each(|target| counted("targets", target))?;
        self.weights.iter().try_for_each(|weight| {
            counted("sample weights", weight)?;
            check_numbers(weight).map_err(|error| error.at("sample_weight"))
        })
    }

    /// Weighs samples by the class that their label, or their one-hot row, names; 1 where no weight is given.
    pub fn weighted_by_class(self, weights: &[(usize, f32)]) -> Result<Self> {
        let [targets] = &self.targets[..] else {
            return Err(Error::invalid("class_weight is for models of one output: give sample_weight for each output"));
        };
        if !self.weights.is_empty() {
            return Err(Error::invalid("sample_weight and class_weight exclude each other: multiply the weights of samples by hand"));
        }
        let shape = targets.shape();
        let row = shape.last().copied().filter(|_| shape.rank() > 1).unwrap_or(1);
        let numbers: Vec<f64> = targets.numbers().map(Iterator::collect).unwrap_or_default();
        let class = |row: &[f64]| match row {
            [label] => *label as usize,
            row => (1..row.len()).fold(0, |best, at| if row[at] > row[best] { at } else { best }),
        };
        let weight = |class: usize| weights.iter().find(|(of, _)| *of == class).map_or(1.0, |(_, weight)| *weight);
        let values: Vec<f32> = numbers.chunks(row.max(1)).map(|row| weight(class(row))).collect();
        let shape = if shape.rank() > 1 { &shape[..shape.rank() - 1] } else { &shape[..] };
        let weights = vec![Cow::Owned(Array::new(values, shape)?)];
        Ok(Self { weights, ..self })
    }

    /// Samples `range`.
    pub fn slice(&self, range: Range<usize>) -> Arranged<'a> {
        let part = |arrays: &[Cow<'a, Array>]| arrays.iter().map(|array| Cow::Owned(array.slice(range.clone()))).collect();
        Self { inputs: part(&self.inputs), targets: part(&self.targets), weights: part(&self.weights) }
    }

    /// Inputs as the model's part on the device takes them, targets and, if there are any, weights of the samples at `indices`.
    pub fn gather(&self, model: &Model, device: &Device, indices: &[usize]) -> Result<Vec<Tensor>> {
        let inputs = model.prepare(&self.inputs, device, indices)?.into_iter().map(Ok);
        let targets = self.targets.iter().map(|target| target.gather(device, indices));
        let weights = self.weights.iter().map(|weight| Ok(weight.gather(device, indices)?.cast(DType::F32)));
        inputs.chain(targets).chain(weights).collect()
    }
}
