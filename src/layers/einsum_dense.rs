//! A fully connected layer between any axes, as an equation says.

use super::{ActivationFn, Build, Call, Layer, PartialShape, SimpleLayer, Weight};
use crate::{
    Error, Result, Shape, Tensor,
    config::{self, Object, Value},
    initializers::{GlorotUniform, Initializer, Zeros},
    ops::Equation,
};
use std::collections::HashMap;

/// `activation(einsum(equation, x, kernel) + bias)`: a [`Dense`](super::Dense) layer between axes that the equation names.
///
/// Weights: `kernel`, its axes those of the equation's second part, and `bias` where `bias_axes` is set.
///
/// ```
/// use wgrad::layers::EinsumDense;
/// // (N, T, D) to (N, T, heads, size) and back.
/// let heads = EinsumDense::new("abc,cde->abde", [None, Some(4), Some(16)]).bias_axes("de");
/// let output = EinsumDense::new("...de,def->...f", [64]).bias_axes("f");
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.EinsumDense")]
pub struct EinsumDense {
    /// The axes of input, kernel and output: `"ab,bc->ac"`, with `...` in front or behind for any others.
    #[layer(new)]
    equation: String,
    /// The output's shape without the batch axis and those behind `...`; `None` for a size that the input decides.
    #[layer(new)]
    output_shape: PartialShape,
    /// What is applied to the result.
    activation: ActivationFn,
    /// The output's axes that have a bias of their own for each place; no bias if not set.
    pub(super) bias_axes: Option<String>,
    #[layer(start = GlorotUniform::new())]
    pub(super) kernel: Weight,
    #[layer(start = Zeros)]
    pub(super) bias: Weight,
    #[layer(skip)]
    parsed: Option<Equation>,
}

impl SimpleLayer for EinsumDense {
    fn build(&mut self, build: &mut Build, input: &Shape) -> Result<()> {
        let equation = Equation::parse(&self.equation)?;
        let [inputs, kernel, output] = equation.of_layer(input.rank())?;
        let mut sizes: HashMap<u32, usize> = inputs.iter().copied().zip(input.iter().copied()).collect();
        // The output's shape names its last axes, or those behind the batch axis where the equation ends with `...`.
        let known = self.output_shape.list();
        let first = if self.equation.ends_with("...") { 1 } else { output.len().saturating_sub(known.len()) };
        for (&label, &size) in output.iter().skip(first).zip(known).filter_map(|(label, size)| Some((label, size.as_ref()?))) {
            let found = *sizes.entry(label).or_insert(size);
            if found != size {
                let text = format!("output_shape {:?} asks for {size} where input {input} has {found} in {:?}", known, self.equation);
                return Err(Error::shape(text));
            }
        }
        let size = |label: &u32| {
            let missing = || Error::invalid(format!("output_shape {known:?} leaves a size of the kernel in {:?} open", self.equation));
            sizes.get(label).copied().ok_or_else(missing)
        };
        let shape = kernel.iter().map(size).collect::<Result<Shape>>()?;
        let axes = |is_output: bool| (0..kernel.len()).filter(|&axis| output.contains(&kernel[axis]) == is_output).collect::<Vec<_>>();
        let initializer = between(self.kernel.initializer(), &axes(false), &axes(true))?;
        self.kernel = build.weight("kernel", shape).options(&self.kernel).initializer(initializer).add()?;
        if let Some(axes) = &self.bias_axes {
            let axes: Vec<u32> = axes.chars().map(|letter| letter as u32).collect();
            if let Some(other) = axes.iter().find(|label| !output.contains(label)) {
                let letter = char::from_u32(*other).unwrap_or_default();
                return Err(Error::invalid(format!("bias_axes names {letter:?}, which is no axis of the output in {:?}", self.equation)));
            }
            let rest = output.iter().skip_while(|label| !axes.contains(label));
            let shape = rest.map(|label| if axes.contains(label) { size(label) } else { Ok(1) }).collect::<Result<Shape>>()?;
            self.bias = build.weight("bias", shape).options(&self.bias).add()?;
        }
        self.parsed = Some(equation);
        Ok(())
    }

    fn call(&self, _call: &mut Call, x: &Tensor) -> Result<Tensor> {
        let equation = self.parsed.as_ref().expect("a layer is built before it is called");
        let mut y = equation.apply(&[x, &self.kernel.value()])?;
        if self.bias_axes.is_some() {
            y += self.bias.value();
        }
        Ok(self.activation.apply(&y))
    }
}

/// An initializer that looks at the size of a kernel, told which axes are inputs and which outputs; others as they are.
fn between(initializer: Object<dyn Initializer>, inputs: &[usize], outputs: &[usize]) -> Result<Object<dyn Initializer>> {
    let mut json = initializer.to_json();
    let open = |key: &str| json["config"].get(key).is_some_and(|axes| axes.is_null());
    if !(open("input_axes") && open("output_axes")) {
        return Ok(initializer);
    }
    json["config"]["input_axes"] = inputs.into();
    json["config"]["output_axes"] = outputs.into();
    config::read(|reader| Object::from_json(&json, reader))
}
