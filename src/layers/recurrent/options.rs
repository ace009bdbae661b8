//! Options that all recurrent layers share, each with its setter: those of cells, and those of how steps are walked.

use crate::{
    config::{Fields, Flatten, Object, Options, Value},
    constraints::Constraint,
    initializers::{GlorotUniform, Initializer, Orthogonal, Zeros},
    layers::ActivationFn,
    regularizers::Regularizer,
};

/// The options of a cell.
#[derive(Clone, Debug)]
pub struct CellOptions {
    pub(super) activation: ActivationFn,
    pub(super) use_bias: bool,
    pub(super) kernel_initializer: Object<dyn Initializer>,
    pub(super) recurrent_initializer: Object<dyn Initializer>,
    pub(super) bias_initializer: Object<dyn Initializer>,
    pub(super) kernel_regularizer: Option<Object<dyn Regularizer>>,
    pub(super) recurrent_regularizer: Option<Object<dyn Regularizer>>,
    pub(super) bias_regularizer: Option<Object<dyn Regularizer>>,
    pub(super) kernel_constraint: Option<Object<dyn Constraint>>,
    pub(super) recurrent_constraint: Option<Object<dyn Constraint>>,
    pub(super) bias_constraint: Option<Object<dyn Constraint>>,
    pub(super) dropout: f32,
    pub(super) recurrent_dropout: f32,
    pub(super) seed: Option<u64>,
}

impl Default for CellOptions {
    fn default() -> Self {
        Self {
            activation: ActivationFn::Tanh,
            use_bias: true,
            kernel_initializer: GlorotUniform::new().into(),
            recurrent_initializer: Orthogonal::new().into(),
            bias_initializer: Zeros.into(),
            kernel_regularizer: None,
            recurrent_regularizer: None,
            bias_regularizer: None,
            kernel_constraint: None,
            recurrent_constraint: None,
            bias_constraint: None,
            dropout: 0.0,
            recurrent_dropout: 0.0,
            seed: None,
        }
    }
}

impl Flatten for CellOptions {
    fn write(&self, out: &mut Options) {
        let mut put = |key: &str, value| out.insert(key.into(), value);
        put("activation", self.activation.to_json());
        put("use_bias", self.use_bias.to_json());
        put("kernel_initializer", self.kernel_initializer.to_json());
        put("recurrent_initializer", self.recurrent_initializer.to_json());
        put("bias_initializer", self.bias_initializer.to_json());
        put("kernel_regularizer", self.kernel_regularizer.to_json());
        put("recurrent_regularizer", self.recurrent_regularizer.to_json());
        put("bias_regularizer", self.bias_regularizer.to_json());
        put("kernel_constraint", self.kernel_constraint.to_json());
        put("recurrent_constraint", self.recurrent_constraint.to_json());
        put("bias_constraint", self.bias_constraint.to_json());
        put("dropout", self.dropout.to_json());
        put("recurrent_dropout", self.recurrent_dropout.to_json());
        put("seed", self.seed.to_json());
    }

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let start = Self::default();
        // The same numbers either way, so neither is an option here.
        fields.ignore("implementation");
        fields.ignore("use_cudnn");
        Some(Self {
            activation: fields.take("activation").unwrap_or(start.activation),
            use_bias: fields.take("use_bias").unwrap_or(start.use_bias),
            kernel_initializer: fields.take("kernel_initializer").unwrap_or(start.kernel_initializer),
            recurrent_initializer: fields.take("recurrent_initializer").unwrap_or(start.recurrent_initializer),
            bias_initializer: fields.take("bias_initializer").unwrap_or(start.bias_initializer),
            kernel_regularizer: fields.take("kernel_regularizer"),
            recurrent_regularizer: fields.take("recurrent_regularizer"),
            bias_regularizer: fields.take("bias_regularizer"),
            kernel_constraint: fields.take("kernel_constraint"),
            recurrent_constraint: fields.take("recurrent_constraint"),
            bias_constraint: fields.take("bias_constraint"),
            dropout: fields.take("dropout").unwrap_or_default(),
            recurrent_dropout: fields.take("recurrent_dropout").unwrap_or_default(),
            seed: fields.take("seed"),
        })
    }
}

/// The setters of what all cells, and the layers that hold one, have in common.
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
        self.with_cell_options(|options| options.kernel_initializer = initializer.into())
    }

    /// How the kernel of the states starts; as `Orthogonal` if not set.
    #[must_use = "a setter returns the changed options"]
    fn recurrent_initializer(self, initializer: impl Into<Object<dyn Initializer>>) -> Self {
        self.with_cell_options(|options| options.recurrent_initializer = initializer.into())
    }

    /// How the bias starts; with zeros if not set.
    #[must_use = "a setter returns the changed options"]
    fn bias_initializer(self, initializer: impl Into<Object<dyn Initializer>>) -> Self {
        self.with_cell_options(|options| options.bias_initializer = initializer.into())
    }

    /// What the kernel of the inputs adds to the loss.
    #[must_use = "a setter returns the changed options"]
    fn kernel_regularizer(self, regularizer: impl Into<Object<dyn Regularizer>>) -> Self {
        self.with_cell_options(|options| options.kernel_regularizer = Some(regularizer.into()))
    }

    /// What the kernel of the states adds to the loss.
    #[must_use = "a setter returns the changed options"]
    fn recurrent_regularizer(self, regularizer: impl Into<Object<dyn Regularizer>>) -> Self {
        self.with_cell_options(|options| options.recurrent_regularizer = Some(regularizer.into()))
    }

    /// What the bias adds to the loss.
    #[must_use = "a setter returns the changed options"]
    fn bias_regularizer(self, regularizer: impl Into<Object<dyn Regularizer>>) -> Self {
        self.with_cell_options(|options| options.bias_regularizer = Some(regularizer.into()))
    }

    /// Where the kernel of the inputs is brought back to after each training step.
    #[must_use = "a setter returns the changed options"]
    fn kernel_constraint(self, constraint: impl Into<Object<dyn Constraint>>) -> Self {
        self.with_cell_options(|options| options.kernel_constraint = Some(constraint.into()))
    }

    /// Where the kernel of the states is brought back to after each training step.
    #[must_use = "a setter returns the changed options"]
    fn recurrent_constraint(self, constraint: impl Into<Object<dyn Constraint>>) -> Self {
        self.with_cell_options(|options| options.recurrent_constraint = Some(constraint.into()))
    }

    /// Where the bias is brought back to after each training step.
    #[must_use = "a setter returns the changed options"]
    fn bias_constraint(self, constraint: impl Into<Object<dyn Constraint>>) -> Self {
        self.with_cell_options(|options| options.bias_constraint = Some(constraint.into()))
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
