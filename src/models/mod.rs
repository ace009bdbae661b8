//! Models: layers put together, and their summary.

pub(crate) mod summary;
