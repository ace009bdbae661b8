//! Cases: what an op is tested with. Each names its inputs, how to call it, and a plain reference in f64.

use crate::{DType, Result, Tensor};
use ndarray::ArrayD;

/// An array of the reference; integers and booleans are held as their values.
pub type Reference = ArrayD<f64>;

/// How far the gradient of a case is checked against central differences of its reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Smooth {
    /// No gradient: integer results, or steps.
    No,
    /// First derivatives.
    Once,
    /// First and second derivatives.
    Twice,
}

/// How an input of a case is drawn.
#[derive(Clone, Debug)]
pub struct Draw {
    /// Element type.
    pub dtype: DType,
    /// Sizes of the axes.
    pub shape: Vec<usize>,
    /// Smallest and largest value; integers include both.
    pub range: (f64, f64),
    /// No two values closer than this, for ops with ties or kinks at equal values; zero where it does not matter.
    pub apart: f64,
    /// These values instead of random ones; the error of each is measured by itself.
    pub values: Option<Vec<f64>>,
}

/// How a case calls the op.
pub type Call = Box<dyn Fn(&[Tensor]) -> Result<Vec<Tensor>> + Send + Sync>;
/// The same in plain f64.
pub type Plain = Box<dyn Fn(&[Reference]) -> Vec<Reference> + Send + Sync>;

/// One entry of the catalog.
pub struct Case {
    /// Op and variant, as `sum axes=[0] keepdims`.
    pub name: String,
    /// Inputs.
    pub inputs: Vec<Draw>,
    /// The op on tensors.
    pub call: Call,
    /// The op's plain meaning.
    pub reference: Plain,
    /// Largest error allowed, relative to the larger of 1 and the reference's magnitude.
    pub tolerance: f64,
    /// The same on a GPU, where a driver's own transcendental functions may be coarser.
    pub gpu_tolerance: f64,
    /// Which derivatives exist.
    pub smooth: Smooth,
    /// Whether the op is fused: it is checked also by way of its meaning in plain ops.
    pub fused: bool,
    /// Whether real cards have kernels of their own for the op, which software drivers do not get unasked.
    pub cards: bool,
}

impl Case {
    /// A case with float inputs of `shapes` drawn from -2 to 2, a tolerance of 1e-5 and first derivatives.
    pub fn new<C, R>(name: impl Into<String>, shapes: &[&[usize]], call: C, reference: R) -> Self
    where
        C: Fn(&[Tensor]) -> Tensor + Send + Sync + 'static,
        R: Fn(&[Reference]) -> Reference + Send + Sync + 'static,
    {
        let draw = |shape: &[usize]| Draw { dtype: DType::F32, shape: shape.to_vec(), range: (-2.0, 2.0), apart: 0.0, values: None };
        let inputs = shapes.iter().map(|shape| draw(shape)).collect();
        Self {
            name: name.into(),
            inputs,
            call: Box::new(move |inputs| Ok(vec![call(inputs)])),
            reference: Box::new(move |inputs| vec![reference(inputs)]),
            tolerance: 1e-5,
            gpu_tolerance: 1e-5,
            smooth: Smooth::Once,
            fused: false,
            cards: false,
        }
    }

    /// Draws all float inputs from this range.
    pub fn range(mut self, low: f64, high: f64) -> Self {
        self.inputs.iter_mut().for_each(|draw| draw.range = (low, high));
        self
    }

    /// Draws input `index` as `dtype` from `low` to `high`.
    pub fn input(mut self, index: usize, dtype: DType, low: f64, high: f64) -> Self {
        (self.inputs[index].dtype, self.inputs[index].range) = (dtype, (low, high));
        self
    }

    /// Keeps the values of all inputs at least `gap` apart from each other and from zero.
    pub fn apart(mut self, gap: f64) -> Self {
        self.inputs.iter_mut().for_each(|draw| draw.apart = gap);
        self
    }

    /// Gives input `index` these values, rounded to f32 where it is float: for corners that no range meets. No gradient is checked.
    pub fn values(mut self, index: usize, values: &[f64]) -> Self {
        let float = self.inputs[index].dtype == DType::F32;
        let values = values.iter().map(|&x| if float { f64::from(x as f32) } else { x }).collect();
        (self.inputs[index].values, self.smooth) = (Some(values), Smooth::No);
        self
    }

    /// Which derivatives to check.
    pub fn smooth(mut self, smooth: Smooth) -> Self {
        self.smooth = smooth;
        self
    }

    /// Tests the kernels of real cards too, wherever there is an adapter.
    pub fn cards(mut self) -> Self {
        self.cards = true;
        self
    }

    /// Checks the plain meaning of the op too, with the same reference.
    pub fn fused(mut self) -> Self {
        self.fused = true;
        self
    }

    /// The errors allowed on the CPU and on a GPU.
    pub fn tolerance(mut self, cpu: f64, gpu: f64) -> Self {
        (self.tolerance, self.gpu_tolerance) = (cpu, gpu);
        self
    }
}
