//! Training: the loops of `fit`, `evaluate` and `predict`, and what they write while they run.

pub(crate) mod progress;
pub(crate) mod readable;
