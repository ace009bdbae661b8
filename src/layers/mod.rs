//! Layers: a struct of Keras' options, `build` and `call`. One line per layer file.

mod call;
mod conv;
mod inputs;
mod layer;
mod layer_ref;
mod options;
mod weight;

mod activation;
mod activity_regularization;
mod alpha_dropout;
mod batch_normalization;
mod conv1d;
mod conv2d;
mod core;
mod dense;
mod dropout;
mod einsum_dense;
mod embedding;
mod global_pooling;
mod layer_normalization;
mod masking;
mod noise;
mod pooling;
mod reshape;
mod reversible_embedding;
mod spatial_dropout;

pub use self::core::{Flatten, Identity, Rescaling};
pub use activation::{Activation, ActivationFn};
pub use activity_regularization::ActivityRegularization;
pub use alpha_dropout::AlphaDropout;
pub use batch_normalization::BatchNormalization;
pub use call::{Call, Training};
pub use conv1d::Conv1D;
pub use conv2d::Conv2D;
pub use dense::Dense;
pub use dropout::Dropout;
pub use einsum_dense::EinsumDense;
pub use embedding::Embedding;
pub use global_pooling::{GlobalAveragePooling2D, GlobalMaxPooling2D};
pub use inputs::{Argument, Inputs, Outputs};
#[doc(hidden)]
pub use layer::numbered;
pub use layer::{Children, Layer, SimpleLayer};
pub use layer_normalization::LayerNormalization;
pub(crate) use layer_ref::name_all;
pub use layer_ref::{LayerExt, LayerRef};
pub use masking::Masking;
pub use noise::{GaussianDropout, GaussianNoise};
pub use options::{Axes, DataFormat, PartialShape, Sizes};
pub use pooling::{AveragePooling2D, MaxPooling2D};
pub use reshape::Reshape;
pub use reversible_embedding::ReversibleEmbedding;
pub use spatial_dropout::{SpatialDropout, SpatialDropout1D, SpatialDropout2D, SpatialDropout3D};
pub use weight::{Build, LayerWeight, Weight, WeightBuilder};
pub use wgrad_derive::Layer;
