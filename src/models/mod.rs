//! Models.
pub(crate) mod summary;
