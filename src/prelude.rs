//! Everything a program usually needs, under its Keras name. A name that Keras has twice is here once:
//! the losses (not `metrics::MeanSquaredError`), the activation `Softmax`.

pub use crate::{
    All, DType, Device, Dims, Error, ErrorKind, GradientTape, Index, Result, Shape, Tensor, Variable,
    config::Object,
    data::{Array, Named},
    dims, function, gradient,
    initializers::{
        Constant, GlorotNormal, GlorotUniform, HeNormal, HeUniform, Initializer, LecunNormal, LecunUniform, Ones, Orthogonal, RandomNormal,
        RandomUniform, TruncatedNormal, VarianceScaling, Zeros,
    },
    layers::{
        Activation,
        ActivationFn::{self, *},
        ActivityRegularization, AdaptiveAveragePooling1D, AdaptiveAveragePooling2D, AdaptiveAveragePooling3D, AdaptiveMaxPooling1D,
        AdaptiveMaxPooling2D, AdaptiveMaxPooling3D, Add, AdditiveAttention, AlphaDropout, Argument, Attention, Average, AveragePooling1D,
        AveragePooling2D, AveragePooling3D, BatchNormalization, Bidirectional, Build, Call, CategoryEncoding, CellSetters, CenterCrop,
        Concatenate, Conv1D, Conv1DTranspose, Conv2D, Conv2DTranspose, Conv3D, Conv3DTranspose, ConvLSTM1D, ConvLSTM2D, ConvLSTM3D,
        Cropping1D, Cropping2D, Cropping3D, Dense, DepthwiseConv1D, DepthwiseConv2D, Discretization, Dot, Dropout, ELU, EinsumDense,
        Embedding, Flatten, GRU, GRUCell, GaussianDropout, GaussianNoise, GlobalAveragePooling1D, GlobalAveragePooling2D,
        GlobalAveragePooling3D, GlobalMaxPooling1D, GlobalMaxPooling2D, GlobalMaxPooling3D, GroupNormalization, GroupQueryAttention,
        HasVocabulary, HashedCrossing, Hashing, Identity, Input, Inputs, IntegerLookup, LSTM, LSTMCell, Layer, LayerExt,
        LayerNormalization, LayerRef, LeakyReLU, LookupSetters, Masking, MaxPooling1D, MaxPooling2D, MaxPooling3D, Maximum, MelSpectrogram,
        MergeMode, Minimum, MultiHeadAttention, Multiply, Normalization, Outputs, PReLU, Permute, RMSNormalization, RNN, ReLU,
        RepeatVector, Rescaling, Reshape, Resizing, ReversibleEmbedding, STFTSpectrogram, SeparableConv1D, SeparableConv2D, SimpleLayer,
        SimpleRNN, SimpleRNNCell, SpatialDropout1D, SpatialDropout2D, SpatialDropout3D, SpectralNormalization, StackedRNNCells,
        StringLookup, Subtract, TextVectorization, TimeDistributed, Training, UnitNormalization, UpSampling1D, UpSampling2D, UpSampling3D,
        WalkSetters, Weight, ZeroPadding1D, ZeroPadding2D, ZeroPadding3D,
    },
    losses::{
        BinaryCrossentropy, BinaryFocalCrossentropy, CTC, CategoricalCrossentropy, CategoricalFocalCrossentropy,
        CategoricalGeneralizedCrossEntropy, CategoricalHinge, Circle, CosineSimilarity, Dice, Hinge, Huber, KLDivergence, LogCosh, Loss,
        LossExt, MeanAbsoluteError, MeanAbsolutePercentageError, MeanSquaredError, MeanSquaredLogarithmicError, Poisson,
        SparseCategoricalCrossentropy, SquaredHinge, Tversky,
    },
    metrics::{
        AUC, Accuracy, BinaryAccuracy, BinaryIoU, CategoricalAccuracy, ConcordanceCorrelation, F1Score, FBetaScore, FalseNegatives,
        FalsePositives, IoU, LogCoshError, Mean, MeanIoU, Metric, MetricExt, OneHotIoU, OneHotMeanIoU, PearsonCorrelation, Precision,
        PrecisionAtRecall, R2Score, Recall, RecallAtPrecision, RootMeanSquaredError, SensitivityAtSpecificity, SparseCategoricalAccuracy,
        SparseTopKCategoricalAccuracy, SpecificityAtSensitivity, Sum, TopKCategoricalAccuracy, TrueNegatives, TruePositives,
    },
    mixed_precision::{Policy, set_dtype_policy},
    models::{Model, Sequential, load_model},
    ops::{
        ConvOptions, Interpolation,
        Padding::{self, *},
        custom_gradient,
    },
    optimizers::{
        Adadelta, Adafactor, Adagrad, Adam, AdamW, Adamax, Ftrl, Lamb, Lion, LossScaleOptimizer, MultiOptimizer, Muon, Nadam, Optimizer,
        OptimizerExt, RMSprop, SGD, ScheduleFreeAdamW,
    },
    random::{Seed, set_random_seed},
    training::{History, Losses, Verbose},
};
