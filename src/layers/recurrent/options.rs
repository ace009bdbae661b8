//! Options that all recurrent layers share, each with its setter: those of cells, and those of how steps are walked.

use crate::{
    config::{Fields, Flatten, Object, Options, Value},
    constraints::Constraint,
    initializers::{GlorotUniform, Initializer, Orthogonal, Zeros},
    layers::{ActivationFn, Weight},
    regularizers::Regularizer,
};

/// The options of a cell.
#[derive(Clone, Debug)]
pub struct CellOptions {
    pub(super) activation: ActivationFn,
    pub(super) use_bias: bool,
    pub(super) kernel: Weight,
    pub(super) recurrent: Weight,
    pub(super) bias: Weight,
    pub(super) dropout: f32,
    pub(super) recurrent_dropout: f32,
    pub(super) seed: Option<u64>,
}

impl Default for CellOptions {
    fn default() -> Self {
        Self {
            activation: ActivationFn::Tanh,
            use_bias: true,
            kernel: Weight::starting(GlorotUniform::new()),
            recurrent: Weight::starting(Orthogonal::new()),
            bias: Weight::starting(Zeros),
            dropout: 0.0,
            recurrent_dropout: 0.0,
            seed: None,
        }
    }
}

impl Flatten for CellOptions {
    fn write(&self, out: &mut Options) {
        self.kernel.write_options("kernel", out);
        self.recurrent.write_options("recurrent", out);
        self.bias.write_options("bias", out);
        let others = [
            ("activation", self.activation.to_json()),
            ("use_bias", self.use_bias.to_json()),
            ("dropout", self.dropout.to_json()),
            ("recurrent_dropout", self.recurrent_dropout.to_json()),
            ("seed", self.seed.to_json()),
        ];
        out.extend(others.map(|(key, value)| (key.to_owned(), value)));
    }

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let start = Self::default();
        // The same numbers either way, so neither is an option here.
        fields.ignore("implementation");
        fields.ignore("use_cudnn");
        Some(Self {
            activation: fields.take("activation").unwrap_or(start.activation),
            use_bias: fields.take("use_bias").unwrap_or(start.use_bias),
            kernel: start.kernel.read_options("kernel", fields),
            recurrent: start.recurrent.read_options("recurrent", fields),
            bias: start.bias.read_options("bias", fields),
            dropout: fields.take("dropout").unwrap_or_default(),
            recurrent_dropout: fields.take("recurrent_dropout").unwrap_or_default(),
            seed: fields.take("seed"),
        })
    }
}

/// The setters of what all cells, and the layers that hold one, have in common.
///
/// ```
/// use wgrad::prelude::*;
/// let layer = LSTM::new(8).use_bias(false).recurrent_initializer(Orthogonal::new());
/// ```
pub trait CellSetters: Sized {
    #[doc(hidden)]
    fn cell_options(&mut self) -> &mut CellOptions;

    #[doc(hidden)]
    fn with_cell_options(mut self, change: impl FnOnce(&mut CellOptions)) -> Self {
        change(self.cell_options());
        self
    }

    /// The function of the new state; `Tanh` if not set.
    #[must_use = "a setter returns the changed options"]
    fn activation(self, activation: ActivationFn) -> Self {
        self.with_cell_options(|options| options.activation = activation)
    }

    /// Whether a bias is added; it is if not set.
    #[must_use = "a setter returns the changed options"]
    fn use_bias(self, use_bias: bool) -> Self {
        self.with_cell_options(|options| options.use_bias = use_bias)
    }

    /// How the kernel of the inputs starts; as `GlorotUniform` if not set.
    #[must_use = "a setter returns the changed options"]
    fn kernel_initializer(self, initializer: impl Into<Object<dyn Initializer>>) -> Self {
        self.with_cell_options(|options| options.kernel.set_initializer(initializer))
    }

    /// How the kernel of the states starts; as `Orthogonal` if not set.
    #[must_use = "a setter returns the changed options"]
    fn recurrent_initializer(self, initializer: impl Into<Object<dyn Initializer>>) -> Self {
        self.with_cell_options(|options| options.recurrent.set_initializer(initializer))
    }

    /// How the bias starts; with zeros if not set.
    #[must_use = "a setter returns the changed options"]
    fn bias_initializer(self, initializer: impl Into<Object<dyn Initializer>>) -> Self {
        self.with_cell_options(|options| options.bias.set_initializer(initializer))
    }

    /// What the kernel of the inputs adds to the loss.
    #[must_use = "a setter returns the changed options"]
    fn kernel_regularizer(self, regularizer: impl Into<Object<dyn Regularizer>>) -> Self {
        self.with_cell_options(|options| options.kernel.set_regularizer(regularizer))
    }

    /// What the kernel of the states adds to the loss.
    #[must_use = "a setter returns the changed options"]
    fn recurrent_regularizer(self, regularizer: impl Into<Object<dyn Regularizer>>) -> Self {
        self.with_cell_options(|options| options.recurrent.set_regularizer(regularizer))
    }

    /// What the bias adds to the loss.
    #[must_use = "a setter returns the changed options"]
    fn bias_regularizer(self, regularizer: impl Into<Object<dyn Regularizer>>) -> Self {
        self.with_cell_options(|options| options.bias.set_regularizer(regularizer))
    }

    /// Where the kernel of the inputs is brought back to after each training step.
    #[must_use = "a setter returns the changed options"]
    fn kernel_constraint(self, constraint: impl Into<Object<dyn Constraint>>) -> Self {
        self.with_cell_options(|options| options.kernel.set_constraint(constraint))
    }

    /// Where the kernel of the states is brought back to after each training step.
    #[must_use = "a setter returns the changed options"]
    fn recurrent_constraint(self, constraint: impl Into<Object<dyn Constraint>>) -> Self {
        self.with_cell_options(|options| options.recurrent.set_constraint(constraint))
    }

    /// Where the bias is brought back to after each training step.
    #[must_use = "a setter returns the changed options"]
    fn bias_constraint(self, constraint: impl Into<Object<dyn Constraint>>) -> Self {
        self.with_cell_options(|options| options.bias.set_constraint(constraint))
    }

    /// The share of each input that is dropped while training, the same at all steps.
    #[must_use = "a setter returns the changed options"]
    fn dropout(self, rate: f32) -> Self {
        self.with_cell_options(|options| options.dropout = rate)
    }

    /// The share of each state that is dropped in the recurrent products while training, the same at all steps, by gate.
    #[must_use = "a setter returns the changed options"]
    fn recurrent_dropout(self, rate: f32) -> Self {
        self.with_cell_options(|options| options.recurrent_dropout = rate)
    }

    /// What decides with the layer's name and the training step what is dropped; the model's seed if not set.
    #[must_use = "a setter returns the changed options"]
    fn seed(self, seed: u64) -> Self {
        self.with_cell_options(|options| options.seed = Some(seed))
    }
}

/// How a recurrent layer walks its steps.
#[derive(Clone, Debug, Default)]
pub struct WalkOptions {
    pub(super) return_sequences: bool,
    pub(super) return_state: bool,
    pub(super) go_backwards: bool,
    pub(super) stateful: bool,
    pub(super) unroll: bool,
    pub(super) zero_output_for_mask: bool,
}

impl Flatten for WalkOptions {
    fn write(&self, out: &mut Options) {
        let Self { return_sequences, return_state, go_backwards, stateful, unroll, zero_output_for_mask } = *self;
        let all = [
            ("return_sequences", return_sequences),
            ("return_state", return_state),
            ("go_backwards", go_backwards),
            ("stateful", stateful),
            ("unroll", unroll),
            ("zero_output_for_mask", zero_output_for_mask),
        ];
        all.into_iter().for_each(|(key, value)| {
            out.insert(key.into(), value.into());
        });
    }

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let mut flag = |key: &str| fields.take(key).unwrap_or_default();
        Some(Self {
            return_sequences: flag("return_sequences"),
            return_state: flag("return_state"),
            go_backwards: flag("go_backwards"),
            stateful: flag("stateful"),
            unroll: flag("unroll"),
            zero_output_for_mask: flag("zero_output_for_mask"),
        })
    }
}

/// The setters of how steps are walked, which all recurrent layers have in common.
///
/// ```
/// use wgrad::prelude::*;
/// let layer = GRU::new(4).return_sequences(true);
/// assert_eq!(layer.apply(&Tensor::ones([2, 5, 3])).shape()[..], [2, 5, 4]);
/// ```
pub trait WalkSetters: Sized {
    #[doc(hidden)]
    fn walk_options(&mut self) -> &mut WalkOptions;

    #[doc(hidden)]
    fn with_walk_options(mut self, change: impl FnOnce(&mut WalkOptions)) -> Self {
        change(self.walk_options());
        self
    }

    /// Whether the outputs of all steps are returned, not only the last one.
    #[must_use = "a setter returns the changed options"]
    fn return_sequences(self, return_sequences: bool) -> Self {
        self.with_walk_options(|options| options.return_sequences = return_sequences)
    }

    /// Whether the last states are returned too, behind the output.
    #[must_use = "a setter returns the changed options"]
    fn return_state(self, return_state: bool) -> Self {
        self.with_walk_options(|options| options.return_state = return_state)
    }

    /// Whether the walk starts at the last step; the outputs then come in reversed order.
    #[must_use = "a setter returns the changed options"]
    fn go_backwards(self, go_backwards: bool) -> Self {
        self.with_walk_options(|options| options.go_backwards = go_backwards)
    }

    /// Whether a batch starts with the states that the one before it left: sample i goes on where sample i ended.
    #[must_use = "a setter returns the changed options"]
    fn stateful(self, stateful: bool) -> Self {
        self.with_walk_options(|options| options.stateful = stateful)
    }

    /// Keras' switch between a loop and one graph of all steps: here it decides nothing, and is kept for files.
    #[must_use = "a setter returns the changed options"]
    fn unroll(self, unroll: bool) -> Self {
        self.with_walk_options(|options| options.unroll = unroll)
    }

    /// Whether the output of a masked step is zeros; otherwise it is that of the step before.
    #[must_use = "a setter returns the changed options"]
    fn zero_output_for_mask(self, zeros: bool) -> Self {
        self.with_walk_options(|options| options.zero_output_for_mask = zeros)
    }
}
