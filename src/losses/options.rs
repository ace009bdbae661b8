//! The options that every loss has, under Keras' names and with its defaults.

use super::Loss;
use crate::{
    DType,
    config::{Class, Fields, Flatten, Json, Options, Reader, Value, snake_case},
};

/// What becomes of the losses of a batch's samples.
///
/// ```
/// use wgrad::{losses::Reduction, prelude::*};
/// let loss = MeanSquaredError::new().reduction(Reduction::None);
/// assert_eq!(loss.call(&Tensor::from([[1.0f32], [2.0]]), &Tensor::from([[2.0f32], [4.0]]))?.to_vec::<f32>()?, [1.0, 4.0]);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reduction {
    /// Their mean: the sum divided by how many there are.
    #[default]
    SumOverBatchSize,
    /// The same.
    Mean,
    /// Their sum.
    Sum,
    /// Their sum divided by the sum of the sample weights.
    MeanWithSampleWeight,
    /// Nothing: each is kept. Not for training.
    None,
}

const NAMES: [&str; 5] = ["sum_over_batch_size", "mean", "sum", "mean_with_sample_weight", "none"];

impl Value for Reduction {
    const NULL: bool = true;

    fn to_json(&self) -> Json {
        NAMES[*self as usize].into()
    }

    /// `null` is `none`.
    fn from_json(json: &Json, reader: &mut Reader) -> Option<Self> {
        match json.as_str().unwrap_or(if json.is_null() { "none" } else { "" }) {
            "sum_over_batch_size" => Some(Self::SumOverBatchSize),
            "mean" => Some(Self::Mean),
            "sum" => Some(Self::Sum),
            "mean_with_sample_weight" => Some(Self::MeanWithSampleWeight),
            "none" => Some(Self::None),
            _ => reader.one_of(json, &NAMES),
        }
    }
}

/// What the setters of [`LossExt`] set. A loss has one as a field marked `#[loss(flatten)]`.
#[derive(Clone, Debug, Default)]
pub struct LossOptions {
    name: Option<String>,
    reduction: Reduction,
    dtype: Option<DType>,
}

impl LossOptions {
    /// For a loss whose name is not its class' in small letters.
    pub fn named(name: &str) -> Self {
        Self { name: Some(name.to_owned()), ..Self::default() }
    }

    /// The name, by default that of `class` in small letters.
    pub(super) fn name(&self, class: &Class) -> String {
        self.name.clone().unwrap_or_else(|| snake_case(class.name))
    }

    pub(crate) fn reduction(&self) -> Reduction {
        self.reduction
    }

    /// Of the result.
    pub(super) fn dtype(&self) -> DType {
        self.dtype.unwrap_or(DType::F32)
    }
}

impl Flatten for LossOptions {
    /// A name that is the class' is not written.
    fn write(&self, out: &mut Options) {
        out.extend(self.name.iter().map(|name| ("name".into(), name.to_json())));
        out.insert("reduction".into(), self.reduction.to_json());
        out.extend(self.dtype.iter().map(|dtype| ("dtype".into(), dtype.to_json())));
    }

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        Self::default().read_over(fields)
    }

    fn read_over(self, fields: &mut Fields<'_>) -> Option<Self> {
        let (name, reduction) = (fields.take("name").or(self.name), fields.take("reduction").unwrap_or(self.reduction));
        let dtype: Option<DType> = fields.take("dtype").or(self.dtype);
        match dtype.filter(|dtype| !dtype.is_float()) {
            Some(dtype) => fields.reader().refuse(format_args!("losses are floats, not {dtype}")),
            None => Some(Self { name, reduction, dtype }),
        }
    }
}

/// The options that every loss has.
///
/// ```
/// use wgrad::{losses::Reduction, prelude::*};
/// let loss = MeanSquaredError::new().reduction(Reduction::Sum);
/// assert_eq!(loss.call(&Tensor::from([[1.0f32], [2.0]]), &Tensor::from([[2.0f32], [4.0]]))?.item::<f32>()?, 5.0);
/// # Ok::<(), wgrad::Error>(())
/// ```
pub trait LossExt: Loss + Sized {
    /// The name in errors and files.
    fn name(mut self, name: impl Into<String>) -> Self {
        self.shared_mut().name = Some(name.into());
        self
    }

    /// What becomes of the samples' losses: their mean where not set.
    fn reduction(mut self, reduction: Reduction) -> Self {
        self.shared_mut().reduction = reduction;
        self
    }

    /// The result's type, float32 where not set; it is calculated in float32.
    fn dtype(mut self, dtype: DType) -> Self {
        self.shared_mut().dtype = Some(dtype);
        self
    }
}

impl<L: Loss> LossExt for L {}
