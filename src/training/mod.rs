//! Training.
pub(crate) mod progress;
pub(crate) mod readable;
