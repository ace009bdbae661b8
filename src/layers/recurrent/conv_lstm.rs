//! Convolutional LSTM: the cell and the layer, for sequences of lines, images and volumes.

use super::{
    Cell, CellOptions, CellSetters, WalkOptions, WalkSetters,
    gated::UnitForget,
    walk::{Kept, built},
};
use crate::{
    Error, Result, Shape, Tensor,
    config::Object,
    initializers::Initializer,
    layers::{ActivationFn, Build, Call, DataFormat, Inputs, Layer, LayerExt, LayerRef, Outputs, Sizes, Weight, inputs},
    ops::{ConvOptions, Padding},
};

/// A step of a convolutional LSTM (Shi et al., 2015): an [`LSTMCell`](super::LSTMCell) whose products are convolutions, that of the
/// states with padding `Same`. States: h and c, of the shape of an output.
///
/// Weights: `kernel` (taps..., C, 4 filters), `recurrent_kernel` (taps..., filters, 4 filters), `bias` (4 filters); gates i, f, g, o.
#[derive(Layer, Clone, Debug)]
#[layer(rank(1, 2, 3))]
pub struct ConvLSTMCell<const N: usize> {
    /// Number of output channels.
    #[layer(new)]
    filters: usize,
    /// Size of the window.
    #[layer(new)]
    kernel_size: Sizes<N>,
    /// From one window to the next.
    #[layer(default = 1)]
    strides: Sizes<N>,
    /// `Valid` or `Same`.
    padding: Padding,
    /// Where the axis of channels is.
    data_format: DataFormat,
    /// From one tap of a window to the next.
    #[layer(default = 1)]
    dilation_rate: Sizes<N>,
    /// The function of the gates i, f and o.
    #[layer(default = ActivationFn::Sigmoid)]
    recurrent_activation: ActivationFn,
    /// Whether the bias of the forget gates starts with ones.
    #[layer(default = true)]
    unit_forget_bias: bool,
    #[layer(flatten)]
    options: CellOptions,
    #[layer(weight)]
    kernel: Weight,
    #[layer(weight)]
    recurrent: Weight,
    #[layer(weight)]
    bias: Weight,
}

impl<const N: usize> ConvLSTMCell<N> {
    /// The input of a step with its channels last.
    fn to_last(&self, t: &Tensor) -> Tensor {
        if self.data_format == DataFormat::ChannelsLast {
            return t.clone();
        }
        let axes: Vec<isize> = [0].into_iter().chain(2..t.rank() as isize).chain([1]).collect();
        t.permute(&axes)
    }

    /// An output with its channels where they belong.
    fn to_format(&self, t: &Tensor) -> Tensor {
        if self.data_format == DataFormat::ChannelsLast {
            return t.clone();
        }
        let last = t.rank() as isize - 1;
        t.permute(&[0, last].into_iter().chain(1..last).collect::<Vec<_>>())
    }

    /// The sizes of a step's input: its channels, and those of space.
    fn sizes<'s>(&self, input: &'s Shape) -> Result<(usize, &'s [usize])> {
        if input.rank() != N + 2 {
            let axes = if self.data_format == DataFormat::ChannelsLast { "N, space..., C" } else { "N, C, space..." };
            return Err(Error::shape(format!("expected ({axes}) of {} axes for each step, got {input}", N + 2)));
        }
        let last = self.data_format == DataFormat::ChannelsLast;
        Ok(if last { (input[N + 1], &input[1..=N]) } else { (input[1], &input[2..]) })
    }
}

impl<const N: usize> Layer for ConvLSTMCell<N> {
    fn build(&mut self, build: &mut Build, shapes: &[Shape]) -> Result<()> {
        let (channels, _) = self.sizes(inputs::first(shapes)?)?;
        let (options, columns) = (&self.options, 4 * self.filters);
        let shape = |channels: usize| self.kernel_size.iter().copied().chain([channels, columns]).collect::<Shape>();
        self.kernel = build.weight("kernel", shape(channels)).options(&options.kernel).add()?;
        self.recurrent = build.weight("recurrent_kernel", shape(self.filters)).options(&options.recurrent).add()?;
        if options.use_bias {
            let start = options.bias.initializer();
            let start: Object<dyn Initializer> = if self.unit_forget_bias { UnitForget(start).into() } else { start };
            self.bias = build.weight("bias", [columns]).options(&options.bias).initializer(start).add()?;
        }
        Ok(())
    }

    fn call(&self, call: &mut Call, inputs: &Inputs) -> Result<Outputs> {
        let [x, h, c] = inputs.tensors() else {
            return Err(Error::invalid(format!("expected the inputs of a step and two states, got {} tensors", inputs.tensors().len())));
        };
        let drop = |t: &Tensor, rate: f32, what: &str| {
            let key = call.random_for(what).seeded(self.options.seed);
            if call.training() { t.dropout(rate, &key) } else { t.clone() }
        };
        let (x, h) = (drop(x, self.options.dropout, "dropout"), drop(h, self.options.recurrent_dropout, "recurrent_dropout"));
        let Self { strides, padding, dilation_rate, .. } = self;
        let options = ConvOptions { strides: &**strides, padding: *padding, dilation_rate: &**dilation_rate, groups: 1 };
        let mut z = self.to_last(&x).conv(&self.kernel.value(), &options)?;
        if self.options.use_bias {
            z += self.bias.value();
        }
        let same = ConvOptions { padding: Padding::Same, ..ConvOptions::default() };
        z += self.to_last(&h).conv(&self.recurrent.value(), &same)?;
        let (gates, recurrent, activation) = (z.split(4, -1), self.recurrent_activation, self.options.activation);
        let [i, f, o] = [0, 1, 3].map(|gate| recurrent.apply(&gates[gate]));
        let c = f * self.to_last(c) + i * activation.apply(&gates[2]);
        let (h, c) = (self.to_format(&(o * activation.apply(&c))), self.to_format(&c));
        Ok(Outputs::new([h.clone(), h, c]))
    }

    fn as_cell(&self) -> Option<&dyn Cell> {
        Some(self)
    }
}

impl<const N: usize> Cell for ConvLSTMCell<N> {
    fn state_shapes(&self, input: &Shape) -> Result<Vec<Shape>> {
        let (_, space) = self.sizes(input)?;
        let place = |axis: usize| {
            let span = (self.kernel_size[axis] - 1) * self.dilation_rate[axis] + 1;
            match self.padding {
                Padding::Valid => (space[axis] + self.strides[axis]).saturating_sub(span) / self.strides[axis],
                _ => space[axis].div_ceil(self.strides[axis]),
            }
        };
        let (samples, places) = ([input[0]], (0..N).map(place));
        let shape: Shape = match self.data_format {
            DataFormat::ChannelsLast => samples.into_iter().chain(places).chain([self.filters]).collect(),
            DataFormat::ChannelsFirst => samples.into_iter().chain([self.filters]).chain(places).collect(),
        };
        Ok(vec![shape; 2])
    }
}

impl<const N: usize> CellSetters for ConvLSTMCell<N> {
    fn cell_options(&mut self) -> &mut CellOptions {
        &mut self.options
    }
}

/// A convolutional LSTM over sequences of images `(N, T, H, W, C)`, or of lines or volumes: its last output, `(N, H', W', filters)`, or
/// those of all steps.
///
/// Weights: those of its [`ConvLSTMCell`].
///
/// ```
/// use wgrad::{layers::ConvLSTM2D, prelude::*};
/// let model = Sequential::new().add(Input::new([4, 8, 8, 1])).add(ConvLSTM2D::new(6, 3).padding(Same)).build()?;
/// assert_eq!(model.call(&Tensor::zeros([2, 4, 8, 8, 1]), Training::No)?.shape()[..], [2, 8, 8, 6]);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Layer, Clone, Debug)]
#[layer(rank(1, 2, 3))]
#[doc(alias = "keras.layers.ConvLSTM2D")]
pub struct ConvLSTM<const N: usize> {
    /// Number of output channels.
    #[layer(new)]
    filters: usize,
    /// Size of the window.
    #[layer(new)]
    kernel_size: Sizes<N>,
    /// From one window to the next.
    #[layer(default = 1)]
    strides: Sizes<N>,
    /// `Valid` or `Same`.
    padding: Padding,
    /// Where the axis of channels is.
    data_format: DataFormat,
    /// From one tap of a window to the next.
    #[layer(default = 1)]
    dilation_rate: Sizes<N>,
    /// The function of the gates i, f and o.
    #[layer(default = ActivationFn::Sigmoid)]
    recurrent_activation: ActivationFn,
    /// Whether the bias of the forget gates starts with ones.
    #[layer(default = true)]
    unit_forget_bias: bool,
    #[layer(flatten)]
    options: CellOptions,
    #[layer(flatten)]
    walk: WalkOptions,
    #[layer(skip)]
    cell: Option<LayerRef>,
    #[layer(skip)]
    kept: Kept,
}

/// [`ConvLSTM`] over sequences of lines.
///
/// ```
/// use wgrad::prelude::*;
/// assert_eq!(ConvLSTM1D::new(6, 3).padding(Same).apply(&Tensor::ones([2, 4, 8, 1])).shape()[..], [2, 8, 6]);
/// ```
#[doc(alias = "keras.layers.ConvLSTM1D")]
pub type ConvLSTM1D = ConvLSTM<1>;
/// [`ConvLSTM`] over sequences of images.
///
/// ```
/// use wgrad::prelude::*;
/// assert_eq!(ConvLSTM2D::new(6, 3).return_sequences(true).apply(&Tensor::ones([2, 4, 8, 7, 1])).shape()[..], [2, 4, 6, 5, 6]);
/// ```
pub type ConvLSTM2D = ConvLSTM<2>;
/// [`ConvLSTM`] over sequences of volumes.
///
/// ```
/// use wgrad::prelude::*;
/// assert_eq!(ConvLSTM3D::new(6, 3).apply(&Tensor::ones([2, 4, 5, 6, 7, 1])).shape()[..], [2, 3, 4, 5, 6]);
/// ```
#[doc(alias = "keras.layers.ConvLSTM3D")]
pub type ConvLSTM3D = ConvLSTM<3>;

impl<const N: usize> Layer for ConvLSTM<N> {
    fn arguments(&self) -> &'static [&'static str] {
        &["initial_state"]
    }

    fn build(&mut self, build: &mut Build, _inputs: &[Shape]) -> Result<()> {
        let Self { filters, kernel_size, strides, padding, data_format, dilation_rate, recurrent_activation, unit_forget_bias, .. } = *self;
        let options = self.options.clone();
        let cell = ConvLSTMCell {
            strides,
            padding,
            data_format,
            dilation_rate,
            recurrent_activation,
            unit_forget_bias,
            options,
            ..ConvLSTMCell::<N>::new(filters, kernel_size)
        };
        self.cell = Some(cell.dtype_policy(build.policy()).name("conv_lstm_cell"));
        Ok(())
    }

    fn call(&self, call: &mut Call, inputs: &Inputs) -> Result<Outputs> {
        self.walk.call(call, inputs, built(&self.cell), &self.kept)
    }
}

impl<const N: usize> ConvLSTM<N> {
    /// Forgets the states that a stateful layer keeps.
    pub fn reset_state(&self) {
        self.kept.reset();
    }
}

impl<const N: usize> CellSetters for ConvLSTM<N> {
    fn cell_options(&mut self) -> &mut CellOptions {
        &mut self.options
    }
}

impl<const N: usize> WalkSetters for ConvLSTM<N> {
    fn walk_options(&mut self) -> &mut WalkOptions {
        &mut self.walk
    }
}
