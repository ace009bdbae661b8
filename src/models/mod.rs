//! Models: layers put together, and what can be asked of the whole.

mod graph;
mod model;
mod network;
mod plot;
mod port;
mod sequential;
pub(crate) mod summary;

pub use crate::layers::Input;
pub use model::{Ends, Model};
pub use plot::plot_model;
pub use sequential::Sequential;
