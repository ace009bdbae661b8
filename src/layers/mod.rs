//! Layers: a struct of Keras' options, `build` and `call`. One line per layer file.

mod call;
mod inputs;
mod layer;
mod layer_ref;
mod operation;
mod options;
mod space;
mod symbol;
mod weight;

mod activation;
mod activity_regularization;
mod alpha_dropout;
mod attention;
mod augmentation;
mod batch_normalization;
mod borders;
mod build;
mod convolution;
mod core;
mod dense;
mod dropout;
mod einsum_dense;
mod embedding;
mod group_normalization;
mod layer_normalization;
mod masking;
mod merging;
mod noise;
mod pooling;
mod prelu;
mod preprocessing;
mod rearrange;
mod recurrent;
mod relu;
mod reshape;
mod reversible_embedding;
mod rms_normalization;
mod softmax;
mod spatial_dropout;
mod spectral_normalization;
mod unit_normalization;
mod up_sampling;

pub use self::core::{Flatten, Identity};
pub use activation::{Activation, ActivationFn};
pub use activity_regularization::ActivityRegularization;
pub use alpha_dropout::AlphaDropout;
pub use attention::{AdditiveAttention, Attention, GroupQueryAttention, MultiHeadAttention, ScoreMode};
pub use augmentation::*;
pub use batch_normalization::{BatchNormalization, RenormClipping};
pub use borders::{Borders, Cropping, Cropping1D, Cropping2D, Cropping3D, ZeroPadding, ZeroPadding1D, ZeroPadding2D, ZeroPadding3D};
pub(crate) use build::at_most;
pub use build::{Build, WeightBuilder};
pub use call::{Call, Training};
pub use convolution::*;
pub use dense::Dense;
pub use dropout::Dropout;
pub use einsum_dense::EinsumDense;
pub use embedding::Embedding;
pub use group_normalization::GroupNormalization;
pub use inputs::{Argument, Inputs, Outputs};
#[doc(hidden)]
pub use layer::numbered;
pub use layer::{Assets, Children, Layer, SimpleLayer};
pub use layer_normalization::LayerNormalization;
pub use layer_ref::{LayerCall, LayerExt, LayerRef};
pub(crate) use layer_ref::{file_names, name_all};
pub use masking::Masking;
pub use merging::{Add, Average, Concatenate, Dot, Maximum, Minimum, Multiply, Subtract};
pub use noise::{GaussianDropout, GaussianNoise};
pub(crate) use operation::Operation;
#[doc(hidden)]
pub use operation::{REFUSED_OPS, op_classes};
pub use options::{Axes, DataFormat, PartialShape, Sizes};
pub use pooling::*;
pub use prelu::PReLU;
pub use preprocessing::*;
pub use rearrange::{Permute, RepeatVector};
pub use recurrent::{
    Bidirectional, Cell, CellOptions, CellSetters, ConvLSTM, ConvLSTM1D, ConvLSTM2D, ConvLSTM3D, ConvLSTMCell, GRU, GRUCell, LSTM,
    LSTMCell, MergeMode, RNN, SimpleRNN, SimpleRNNCell, StackedRNNCells, Steps, TimeDistributed, WalkOptions, WalkSetters, Walked,
};
pub use relu::{ELU, LeakyReLU, ReLU};
pub use reshape::Reshape;
pub use reversible_embedding::ReversibleEmbedding;
pub use rms_normalization::RMSNormalization;
pub use softmax::Softmax;
pub use spatial_dropout::{SpatialDropout, SpatialDropout1D, SpatialDropout2D, SpatialDropout3D};
pub use spectral_normalization::SpectralNormalization;
pub use symbol::Input;
pub(crate) use symbol::{Meaning, Origin, SymbolicCall, apply as apply_symbols, check as check_symbol};
pub use unit_normalization::UnitNormalization;
pub use up_sampling::{UpSampling1D, UpSampling2D, UpSampling3D};
pub use weight::{LayerWeight, Weight};
pub use wgrad_derive::Layer;
