//! The options that every metric has.

use super::Metric;
use crate::{
    DType,
    config::{Class, Fields, Flatten, Options, Value, snake_case},
};

/// What the setters of [`MetricExt`] set. A metric has one as a field marked `#[metric(flatten)]`.
#[derive(Clone, Debug)]
pub struct MetricOptions {
    name: Option<String>,
    dtype: DType,
}

impl Default for MetricOptions {
    fn default() -> Self {
        Self { name: None, dtype: DType::F32 }
    }
}

impl MetricOptions {
    /// For a metric whose name is not its class' in small letters.
    pub fn named(name: &str) -> Self {
        Self { name: Some(name.to_owned()), ..Self::default() }
    }

    /// For a metric whose states are not float32.
    pub(super) fn of(dtype: DType) -> Self {
        Self { dtype, ..Self::default() }
    }

    /// Gives it another name.
    pub(crate) fn rename(&mut self, name: &str) {
        self.name = Some(name.to_owned());
    }

    /// The name, by default that of `class` in small letters.
    pub(super) fn name(&self, class: &Class) -> String {
        self.name.clone().unwrap_or_else(|| snake_case(class.name))
    }

    pub(super) fn dtype(&self) -> DType {
        self.dtype
    }
}

impl Flatten for MetricOptions {
    /// A name that is the class' is not written.
    fn write(&self, out: &mut Options) {
        out.extend(self.name.iter().map(|name| ("name".into(), name.to_json())));
        out.insert("dtype".into(), self.dtype.to_json());
    }

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        Self::default().read_over(fields)
    }

    fn read_over(self, fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self { name: fields.take("name").or(self.name), dtype: fields.take("dtype").unwrap_or(self.dtype) })
    }
}

/// The options that every metric has.
///
/// ```
/// use wgrad::prelude::*;
/// let metric = SparseCategoricalAccuracy::new().name("acc");
/// ```
pub trait MetricExt: Metric + Sized {
    /// The name under which logs and history show it.
    fn name(mut self, name: impl Into<String>) -> Self {
        self.shared_mut().name = Some(name.into());
        self
    }

    /// The type in which [`IoU`](super::IoU) and its kin count: integers, unless a float is set here, with which weights may be
    /// fractions. All others calculate in float32.
    fn dtype(mut self, dtype: DType) -> Self {
        self.shared_mut().dtype = dtype;
        self
    }
}

impl<M: Metric> MetricExt for M {}
