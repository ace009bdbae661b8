//! Everything a program usually needs, under its Keras name. A name that Keras has twice is here once:
//! the losses (not `metrics::MeanSquaredError`), the activation `Softmax`.

pub use crate::{
    All, DType, Device, Dims, Error, ErrorKind, GradientTape, Index, Result, Shape, Tensor, Variable,
    config::Object,
    data::Array,
    dims, function, gradient,
    initializers::{
        Constant, GlorotNormal, GlorotUniform, HeNormal, HeUniform, Initializer, LecunNormal, LecunUniform, Ones, Orthogonal, RandomNormal,
        RandomUniform, TruncatedNormal, VarianceScaling, Zeros,
    },
    layers::{
        Activation,
        ActivationFn::{self, *},
        ActivityRegularization, Add, AdditiveAttention, AlphaDropout, Argument, Attention, Average, AveragePooling2D, BatchNormalization,
        Build, Call, Concatenate, Conv1D, Conv2D, Dense, Dot, Dropout, ELU, EinsumDense, Embedding, Flatten, GaussianDropout,
        GaussianNoise, GlobalAveragePooling2D, GlobalMaxPooling2D, GroupNormalization, GroupQueryAttention, Identity, Input, Inputs, Layer,
        LayerExt, LayerNormalization, LayerRef, LeakyReLU, Masking, MaxPooling2D, Maximum, Minimum, MultiHeadAttention, Multiply, Outputs,
        PReLU, Permute, RMSNormalization, ReLU, RepeatVector, Rescaling, Reshape, ReversibleEmbedding, SimpleLayer, SpatialDropout1D,
        SpatialDropout2D, SpatialDropout3D, Subtract, Training, UnitNormalization, Weight,
    },
    losses::{
        BinaryCrossentropy, CategoricalCrossentropy, Huber, Loss, MeanAbsoluteError, MeanSquaredError, SparseCategoricalCrossentropy,
    },
    metrics::{
        Accuracy, BinaryAccuracy, CategoricalAccuracy, Metric, SparseCategoricalAccuracy, SparseTopKCategoricalAccuracy,
        TopKCategoricalAccuracy,
    },
    mixed_precision::{Policy, set_dtype_policy},
    models::{Model, Sequential},
    ops::{
        ConvOptions,
        Padding::{self, *},
        custom_gradient,
    },
    optimizers::{Adam, LossScaleOptimizer, Optimizer, OptimizerExt, SGD},
    random::{Seed, set_random_seed},
    training::{History, Verbose},
};
