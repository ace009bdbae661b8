//! Models: layers put together, and what can be asked of the whole.

mod assets;
mod files;
mod graph;
mod host;
mod legacy;
mod model;
mod network;
mod plot;
mod port;
mod sequential;
pub(crate) mod summary;
mod weights;

pub use crate::layers::Input;
pub use files::{load_model, read_model};
pub use model::{Ends, Model};
pub use plot::plot_model;
pub use sequential::Sequential;
