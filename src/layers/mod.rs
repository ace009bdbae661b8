//! Layers: a struct of Keras' options, `build` and `call`. One line per layer file.

mod layer;

mod activation;
mod core;
mod dense;

pub use self::core::{Flatten, Rescaling};
pub use activation::{Activation, ActivationFn};
pub use dense::Dense;
pub use layer::{Build, Call, LayerExt, LayerRef, SimpleLayer, Training, Weight};
