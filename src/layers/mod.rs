//! Layers: a struct of Keras' options, `build` and `call`. One line per layer file.

mod check;
mod conv;
mod layer;
mod layer_ref;

mod activation;
mod batch_normalization;
mod conv1d;
mod conv2d;
mod core;
mod dense;
mod dropout;
mod global_pooling;
mod layer_normalization;
mod pooling;
mod reshape;

pub use self::core::{Flatten, Rescaling};
pub use activation::{Activation, ActivationFn};
pub use batch_normalization::BatchNormalization;
pub use check::Sizes;
pub use conv1d::Conv1D;
pub use conv2d::Conv2D;
pub use dense::Dense;
pub use dropout::Dropout;
pub use global_pooling::{GlobalAveragePooling2D, GlobalMaxPooling2D};
pub use layer::{Build, Call, SimpleLayer, Training, Weight};
pub use layer_normalization::LayerNormalization;
pub use layer_ref::{LayerExt, LayerRef};
pub use pooling::{AveragePooling2D, MaxPooling2D};
pub use reshape::Reshape;
