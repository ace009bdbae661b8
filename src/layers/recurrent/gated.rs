//! What cells with kernels share: their weights, one step, and all steps by the recurrent kernels.

use super::{Cell, CellOptions, Steps, Walked};
use crate::{
    Error, Index, Result, Shape, Tensor,
    config::{Class, Config, Object, Options},
    initializers::{Initializer, Ones},
    layers::{ActivationFn, Build, Call, Inputs, Outputs, Weight, options::fits},
    ops::{Recurrence, RecurrentCell, Sequence, Squash, Step},
    random::RandomKey,
};

/// The weights of a cell: of its inputs, of its states, and the bias.
#[derive(Clone, Debug, Default)]
pub(super) struct Weights {
    kernel: Weight,
    recurrent: Weight,
    bias: Weight,
}

/// A cell and what it calculates with.
pub(super) struct Gated<'a> {
    pub cell: RecurrentCell,
    pub units: usize,
    pub options: &'a CellOptions,
    pub recurrent_activation: ActivationFn,
    pub weights: &'a Weights,
}

/// A cell that is one of those: what makes its layer the cell of a recurrent one.
pub(super) trait GatedCell {
    /// What it calculates with.
    fn gated(&self) -> Gated<'_>;
}

impl<C: GatedCell> Cell for C {
    fn state_shapes(&self, input: &Shape) -> Result<Vec<Shape>> {
        Ok(self.gated().state_shapes(input))
    }

    fn walk(&self, call: &mut Call, steps: &Steps) -> Result<Option<Walked>> {
        self.gated().walk(call, steps)
    }
}

impl Weights {
    /// Kernel (D, gates · units), recurrent kernel (units, gates · units), and a bias for each gate, for a GRU one for each product.
    pub fn build(
        build: &mut Build,
        input: &Shape,
        cell: RecurrentCell,
        units: usize,
        options: &CellOptions,
        bias_initializer: Object<dyn Initializer>,
    ) -> Result<Self> {
        let &[_, features] = &input[..] else {
            return Err(Error::shape(format!("expected (N, D) for each step, got {input}; flatten the other axes")));
        };
        if units == 0 {
            return Err(Error::invalid("units must be at least 1, got 0"));
        }
        let columns = cell.gates() * units;
        let kernel = build.weight("kernel", [features, columns]).options(&options.kernel).add()?;
        let recurrent = build.weight("recurrent_kernel", [units, columns]).options(&options.recurrent).add()?;
        let mut bias = Weight::default();
        if options.use_bias {
            let shape = if cell == RecurrentCell::Gru { Shape::from([2, columns]) } else { Shape::from([columns]) };
            bias = build.weight("bias", shape).options(&options.bias).initializer(bias_initializer).add()?;
        }
        Ok(Self { kernel, recurrent, bias })
    }
}

impl Gated<'_> {
    /// The shapes of the states.
    pub fn state_shapes(&self, input: &Shape) -> Vec<Shape> {
        vec![Shape::from([input[0], self.units]); self.cell.states()]
    }

    /// The inputs of a step or of all steps, times their kernel, with their bias. What is dropped is so at all steps.
    fn project(&self, call: &Call, x: &Tensor) -> Result<Tensor> {
        let kernel = self.weights.kernel.value();
        fits(x, -1, kernel.shape()[0], "features")?;
        let rate = self.options.dropout;
        let x = if call.training() && rate > 0.0 {
            let shape = if x.rank() == 3 { x.shape().with(0, 1) } else { x.shape().clone() };
            x.dropout_of(rate, shape, &self.key(call, "dropout"))
        } else {
            x.clone()
        };
        let product = x.matmul(&kernel);
        Ok(self.bias(0).map_or(product.clone(), |bias| product + bias))
    }

    /// The bias of the inputs' product, 0, or of the states', 1, which only a GRU has.
    fn bias(&self, at: usize) -> Option<Tensor> {
        let bias = self.weights.bias.is_built().then(|| self.weights.bias.value())?;
        if self.cell == RecurrentCell::Gru { Some(bias.unstack(0).swap_remove(at)) } else { Some(bias).filter(|_| at == 0) }
    }

    fn key(&self, call: &Call, what: &str) -> RandomKey {
        call.random_for(what).seeded(self.options.seed)
    }

    /// What the states are multiplied with in the product of each gate.
    fn recurrent_dropout(&self, call: &Call, state: &Tensor) -> Option<Tensor> {
        let rate = self.options.recurrent_dropout;
        let ones = || Tensor::ones([self.cell.gates(), state.shape()[0], self.units]).cast(state.dtype());
        (call.training() && rate > 0.0).then(|| ones().dropout(rate, &self.key(call, "recurrent_dropout")))
    }

    /// The call of a cell: the output and the new states.
    pub fn step(&self, call: &mut Call, inputs: &Inputs) -> Result<Outputs> {
        let [x, states @ ..] = inputs.tensors() else { return Err(Error::invalid("expected the inputs of a step and states")) };
        if states.len() != self.cell.states() {
            return Err(Error::invalid(format!("expected {} states, got {}", self.cell.states(), states.len())));
        }
        let (bias, dropout, kernel) = (self.bias(1), self.recurrent_dropout(call, &states[0]), self.weights.recurrent.value());
        let step = Step { x: &self.project(call, x)?, kernel: &kernel, bias: bias.as_ref(), dropout: dropout.as_ref(), states };
        let (activation, recurrent) = (self.options.activation, self.recurrent_activation);
        let (_, states) = self.cell.step(&step, &|x| activation.apply(x), &|x| recurrent.apply(x));
        Ok(Outputs::new([states[0].clone()].into_iter().chain(states)))
    }

    /// All steps, where the kernels know the activations.
    pub fn walk(&self, call: &Call, steps: &Steps) -> Result<Option<Walked>> {
        let squashes = (squash(self.options.activation), squash(self.recurrent_activation));
        let (Some(activation), Some(recurrent_activation)) = squashes else { return Ok(None) };
        let (bias, dropout) = (self.bias(1), self.recurrent_dropout(call, &steps.states[0]));
        let states: Vec<&Tensor> = steps.states.iter().collect();
        let sequence = Sequence {
            projected: &self.project(call, steps.x)?,
            kernel: &self.weights.recurrent.value(),
            bias: bias.as_ref(),
            states: &states,
            mask: steps.mask,
            dropout: dropout.as_ref(),
        };
        let states = Recurrence { cell: self.cell, activation, recurrent_activation }.walk(&sequence)?;
        let last = states.iter().map(|states| states.at(&[Index::At(-1)])).collect();
        Ok(Some(Walked { outputs: states[0].at(&[Index::from(1..)]), states: last }))
    }
}

/// The activation as the kernels know it.
fn squash(activation: ActivationFn) -> Option<Squash> {
    match activation {
        ActivationFn::Linear => Some(Squash::Linear),
        ActivationFn::Relu => Some(Squash::Relu),
        ActivationFn::Sigmoid => Some(Squash::Sigmoid),
        ActivationFn::HardSigmoid => Some(Squash::HardSigmoid),
        ActivationFn::Tanh => Some(Squash::Tanh),
        _ => None,
    }
}

/// The start of an LSTM's bias with ones for the forget gates, so that it remembers at first (Jozefowicz et al., 2015).
#[derive(Clone, Debug)]
pub(super) struct UnitForget(pub Object<dyn Initializer>);

impl Config for UnitForget {
    fn class(&self) -> &'static Class {
        &Class { module: "wgrad", name: "UnitForget", package: Some("wgrad") }
    }

    fn options(&self, _out: &mut Options) {}
}

impl Initializer for UnitForget {
    fn values(&self, shape: &Shape, key: &RandomKey) -> Result<Vec<f32>> {
        let units = shape.size() / 4;
        let part = |initializer: &dyn Initializer, size: usize| initializer.values(&Shape::from([size]), key);
        Ok([part(&*self.0, units)?, part(&Ones, units)?, part(&*self.0, 2 * units)?].concat())
    }
}
