//! What convolution layers share: checks of their options against an input.

use crate::{Error, Result, ops::Padding};

/// The options that decide whether a convolution fits its input.
pub(super) struct Options<'a> {
    pub filters: usize,
    pub kernel_size: &'a [usize],
    pub strides: &'a [usize],
    pub dilation_rate: &'a [usize],
    pub groups: usize,
    pub padding: Padding,
}

impl Options<'_> {
    /// That they fit an input of so many channels, by Keras' rules.
    pub fn check(&self, channels: usize) -> Result<()> {
        let Self { filters, kernel_size, strides, dilation_rate, groups, padding } = *self;
        let refuse = |text: String| Err(Error::invalid(text));
        if filters == 0 || groups == 0 || [kernel_size, strides, dilation_rate].iter().any(|sizes| sizes.contains(&0)) {
            return refuse(format!(
                "filters {filters}, kernel_size {kernel_size:?}, strides {strides:?}, dilation_rate {dilation_rate:?} and groups {groups} must be at least 1"
            ));
        }
        if !filters.is_multiple_of(groups) || !channels.is_multiple_of(groups) {
            return refuse(format!("{groups} groups must divide the {filters} filters and the input's {channels} channels"));
        }
        if strides.iter().any(|&stride| stride > 1) && dilation_rate.iter().any(|&rate| rate > 1) {
            return refuse(format!("strides {strides:?} and dilation_rate {dilation_rate:?}: only one of them may be above 1"));
        }
        match padding {
            Padding::Causal if kernel_size.len() > 1 => refuse("causal padding is for Conv1D; use Same or Valid".into()),
            Padding::Explicit(_) => refuse("layers pad by Same, Valid or Causal; use a ZeroPadding layer for other widths".into()),
            _ => Ok(()),
        }
    }
}
