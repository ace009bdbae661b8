//! Numbers as the bins in which they lie.

use super::{
    HostLayer, OutputMode,
    encode::dense,
    learned::{Adapt, Learned, not_empty},
    quantiles::Summary,
};
use crate::{
    DType, Dims, Error, Result, Shape, Tensor,
    data::Array,
    layers::{Build, Call, Inputs, Layer, Outputs},
};
use std::sync::Arc;

/// Numbers as the number of the bin in which they lie: how many boundaries are at most as large. Boundaries are given, or
/// [`adapt`](Adapt::adapt) puts them where about as many numbers lie in each of `num_bins`.
///
/// ```
/// use wgrad::prelude::*;
/// let y = Discretization::new().bin_boundaries([0.0, 1.0, 2.0]).apply(&Tensor::from([[-1.5f32, 1.0, 3.4, 0.5]]));
/// assert_eq!(y.to_vec::<i32>()?, [0, 2, 3, 1]);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.Discretization")]
pub struct Discretization {
    /// The lower ends of all bins but the first.
    bin_boundaries: Learned<Vec<f32>>,
    /// How many bins are learned, instead of given boundaries.
    num_bins: Option<usize>,
    /// How far a learned boundary may be off, as a share of all numbers.
    #[layer(default = 0.01)]
    epsilon: f64,
    /// What comes of the bins: `Int`, `OneHot`, `MultiHot` or `Count`.
    output_mode: OutputMode,
    /// Always false: outputs are dense.
    sparse: bool,
}

impl Discretization {
    fn boundaries(&self) -> Result<Arc<Vec<f32>>> {
        self.bin_boundaries.get().ok_or_else(|| Error::invalid("it has no boundaries yet: give bin_boundaries, or call adapt"))
    }
}

impl Layer for Discretization {
    fn autocast(&self) -> bool {
        false
    }

    fn as_host(&self) -> Option<&dyn HostLayer> {
        Some(self)
    }

    fn as_adapt(&self) -> Option<&dyn Adapt> {
        Some(self)
    }

    fn build(&mut self, _build: &mut Build, _inputs: &[Shape]) -> Result<()> {
        dense(self.sparse)?;
        if self.num_bins.is_none() && self.bin_boundaries.get().is_none() {
            return Err(Error::invalid("set num_bins or bin_boundaries"));
        }
        self.output_mode.check(&[OutputMode::Int, OutputMode::OneHot, OutputMode::MultiHot, OutputMode::Count])
    }

    fn call(&self, _call: &mut Call, inputs: &Inputs) -> Result<Outputs> {
        let (x, boundaries) = (inputs.one()?, self.boundaries()?);
        let depth = boundaries.len();
        let passed = x.cast(DType::F32).expand_dims(-1).greater_equal(&Tensor::from_slice(&boundaries, [depth])?);
        let bins = passed.cast(DType::F32).sum(&[-1]).cast(DType::I32);
        Ok(self.output_mode.encode(&bins, depth + 1, None).into())
    }
}

impl HostLayer for Discretization {
    fn output(&self, inputs: &[&Shape]) -> Result<(Dims, DType)> {
        let depth = self.bin_boundaries.get().map(|boundaries| boundaries.len() + 1).or(self.num_bins).unwrap_or(0);
        let dtype = if self.output_mode == OutputMode::Int { DType::I32 } else { DType::F32 };
        Ok((self.output_mode.dims(inputs[0], depth), dtype))
    }

    fn transform_all(&self, inputs: &[&Array]) -> Result<Array> {
        let (x, boundaries) = (super::host::one(inputs)?, self.boundaries()?);
        let numbers = x.numbers().ok_or_else(|| Error::dtype("Discretization takes numbers, not text"))?;
        let bins: Vec<i64> = numbers.map(|x| boundaries.partition_point(|&boundary| boundary <= x as f32) as i64).collect();
        if self.output_mode == OutputMode::Int {
            return Array::new(bins, x.shape());
        }
        let depth = boundaries.len() + 1;
        let rows = self.output_mode.rows(&bins, x.shape(), depth);
        let shape = self.output_mode.dims(x.shape(), depth).with_unknown(0);
        Array::new(rows.into_iter().map(|count| count as f32).collect::<Vec<_>>(), shape)
    }
}

impl Adapt for Discretization {
    fn adapt_batches(&self, batches: &mut dyn Iterator<Item = Result<Array>>) -> Result<()> {
        let Some(bins) = self.num_bins else {
            return Err(Error::invalid("adapt: boundaries were given; set num_bins instead, and they are learned"));
        };
        if bins == 0 || !(self.epsilon > 0.0 && self.epsilon <= 1.0) {
            return Err(Error::invalid(format!("num_bins {bins} must be at least 1, and epsilon {} between 0 and 1", self.epsilon)));
        }
        let mut summary = Summary::default();
        for batch in batches {
            let batch = batch?;
            let numbers = batch.floats().ok_or_else(|| Error::dtype("adapt: Discretization takes numbers, not text"))?;
            if !numbers.is_empty() {
                summary = Summary::of(numbers, self.epsilon).merged(summary, self.epsilon);
            }
        }
        not_empty(!summary.is_empty())?;
        self.bin_boundaries.set(Some(summary.boundaries(bins)));
        Ok(())
    }
}
