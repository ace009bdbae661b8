//! Models: layers put together, and what can be asked of the whole.

mod model;
mod sequential;
pub(crate) mod summary;

pub use model::Model;
pub use sequential::{Input, Sequential};
