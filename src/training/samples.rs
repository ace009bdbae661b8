//! What `fit` and `evaluate` go through: inputs, targets and weights on the host.

use super::trainer::check_inputs;
use crate::{
    DType, Error, Result, Tensor,
    data::{Array, AsArray},
    device::Device,
    losses::targets::check_numbers,
    models::Model,
};
use std::{borrow::Cow, ops::Range};

/// Inputs, targets, and how much each sample counts.
pub(super) struct Samples<'a> {
    x: Cow<'a, Array>,
    pub y: Cow<'a, Array>,
    weight: Option<Cow<'a, Array>>,
}

impl<'a> Samples<'a> {
    /// Inputs and targets.
    pub fn new(x: &'a (impl AsArray + ?Sized), y: &'a (impl AsArray + ?Sized)) -> Result<Self> {
        Ok(Self { x: x.as_array()?, y: y.as_array()?, weight: None })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.x.samples()
    }

    /// The inputs' shape, which a model without one is built for.
    pub fn input_shape(&self) -> &crate::Shape {
        self.x.shape()
    }

    /// Weighs each sample, or each of its targets.
    pub fn weighted(self, weight: Option<Result<Cow<'a, Array>>>) -> Result<Self> {
        Ok(Self { weight: weight.transpose()?.or(self.weight), ..self })
    }

    /// Weighs samples by the class that their label, or their one-hot row, names; 1 where no weight is given.
    pub fn weighted_by_class(self, weights: &[(usize, f32)]) -> Result<Self> {
        if self.weight.is_some() {
            return Err(Error::invalid("sample_weight and class_weight exclude each other: multiply the weights of samples by hand"));
        }
        let shape = self.y.shape();
        let row = shape.last().copied().filter(|_| shape.rank() > 1).unwrap_or(1);
        let numbers: Vec<f64> = self.y.numbers().map(Iterator::collect).unwrap_or_default();
        let class = |row: &[f64]| match row {
            [label] => *label as usize,
            row => (1..row.len()).fold(0, |best, at| if row[at] > row[best] { at } else { best }),
        };
        let weight = |class: usize| weights.iter().find(|(of, _)| *of == class).map_or(1.0, |(_, weight)| *weight);
        let values: Vec<f32> = numbers.chunks(row.max(1)).map(|row| weight(class(row))).collect();
        let shape = if shape.rank() > 1 { &shape[..shape.rank() - 1] } else { &shape[..] };
        let weight = Some(Cow::Owned(Array::new(values, shape)?));
        Ok(Self { weight, ..self })
    }

    /// That a model can be trained on them.
    pub fn check(&self, model: &Model) -> Result<()> {
        let (x, y) = (&self.x, &self.y);
        if x.samples() == 0 {
            return Err(Error::data(format!("the dataset is empty: inputs have shape {}", x.shape())));
        }
        let counted = |what: &str, other: &Array| {
            let (inputs, others) = (x.samples(), other.samples());
            let text = || format!("{inputs} inputs (shape {}) for {others} {what} (shape {})", x.shape(), other.shape());
            if inputs == others { Ok(()) } else { Err(Error::data(text())) }
        };
        counted("targets", y)?;
        if let Some(weight) = &self.weight {
            counted("sample weights", weight)?;
            check_numbers(weight).map_err(|error| error.at("sample_weight"))?;
        }
        check_inputs(model, std::slice::from_ref(x)).map(drop)
    }

    /// Samples `range`.
    pub fn slice(&self, range: Range<usize>) -> Samples<'a> {
        let part = |array: &Cow<'a, Array>| Cow::Owned(array.slice(range.clone()));
        Self { x: part(&self.x), y: part(&self.y), weight: self.weight.as_ref().map(part) }
    }

    /// Inputs, targets and, if there are any, weights of the samples at `indices`.
    pub fn gather(&self, device: &Device, indices: &[usize]) -> Result<Vec<Tensor>> {
        let mut tensors = vec![self.x.gather(device, indices)?, self.y.gather(device, indices)?];
        if let Some(weight) = &self.weight {
            tensors.push(weight.gather(device, indices)?.cast(DType::F32));
        }
        Ok(tensors)
    }
}
