//! Layers applied to symbols: what functional models are made of.

use super::{
    Call, Inputs, LayerRef,
    operation::{self, Operation},
};
use crate::{
    DType, Dims, Error, ErrorKind, Result, Tensor,
    config::Json,
    graph::{Symbolic, without_count},
    shape::Spec,
};
use std::{
    any::Any,
    collections::BTreeSet,
    panic::Location,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// Stand-ins for an unknown size: what differs between two of them is unknown in the output too. Nothing is computed for them.
const STAND_INS: [usize; 2] = [83, 89];

/// What a model is fed with: the shape of one sample, the batch excluded, as in Keras.
///
/// ```
/// use wgrad::prelude::*;
/// let tokens = Input::new(dims![None]).dtype(DType::I32).name("tokens").symbol();
/// assert_eq!(format!("{tokens:?}"), "<symbol (None, None) int32>");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[doc(alias = "keras.Input")]
#[doc(alias = "keras.layers.InputLayer")]
pub struct Input {
    pub(crate) sample: Dims,
    pub(crate) batch_size: Option<usize>,
    pub(crate) dtype: DType,
    pub(crate) name: Option<String>,
}

impl Input {
    /// Samples of this shape, as float32.
    pub fn new(shape: impl Into<Dims>) -> Self {
        Self { sample: shape.into(), batch_size: None, dtype: DType::F32, name: None }
    }

    /// The dtype that the first layer sees; data of other dtypes is cast to it.
    pub fn dtype(mut self, dtype: DType) -> Self {
        self.dtype = dtype;
        self
    }

    /// Its name, by which models of several inputs are fed.
    pub fn name(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    /// The name that it has, empty if none was given.
    pub fn input_name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }

    /// So many samples at each call, instead of any number.
    pub fn batch_size(mut self, batch_size: usize) -> Self {
        self.batch_size = Some(batch_size);
        self
    }

    /// The shape with the batch in front.
    pub(crate) fn dims(&self) -> Dims {
        self.sample.behind(self.batch_size)
    }

    /// A tensor without a value, which stands for what the model will be given.
    pub fn symbol(&self) -> Tensor {
        let meaning = Meaning { dims: self.dims(), mask: None, origin: Ok(Origin::Input(self.clone())) };
        meaning.tensor(self.dtype)
    }
}

/// Where a symbol comes from.
pub(crate) enum Origin {
    Input(Input),
    /// Output `output` of a call.
    Call {
        call: Arc<SymbolicCall>,
        output: usize,
    },
}

/// A call of a layer on symbols.
pub(crate) struct SymbolicCall {
    pub layer: LayerRef,
    pub inputs: Inputs,
    /// Shape and dtype of each output.
    pub outputs: Vec<(Dims, DType)>,
    /// Grows from call to call.
    pub order: u64,
}

/// What a symbol of a model is.
pub(crate) struct Meaning {
    /// The shape, batch included.
    pub dims: Dims,
    /// The shape of its mask, if it has one.
    mask: Option<Dims>,
    /// Or what went wrong on the way.
    pub origin: Result<Origin>,
}

impl Meaning {
    pub fn of(tensor: &Tensor) -> Option<&Meaning> {
        tensor.symbolic()?.as_any().downcast_ref()
    }

    #[track_caller]
    fn tensor(self, dtype: DType) -> Tensor {
        let shape = self.dims.with_unknown(STAND_INS[0]);
        match Tensor::from_symbol(Spec { dtype, shape }, Arc::new(self)) {
            Ok(tensor) => tensor,
            Err(error) => panic!("{error}"),
        }
    }
}

impl Symbolic for Meaning {
    fn apply(&self, name: &str, inputs: &[&Tensor], options: &[Json]) -> Vec<Tensor> {
        operation::apply(name, inputs, options)
    }

    fn sizes(&self, sizes: &[usize]) -> Json {
        let is_unknown = |size: &usize| *size > 0 && size.is_multiple_of(STAND_INS[0]) && self.dims.contains(&None);
        sizes.iter().map(|size| if is_unknown(size) { Json::from(-1) } else { (*size).into() }).collect()
    }

    fn key(&self, x: &Tensor, spans: &[(usize, usize, isize)]) -> Json {
        let span = |((start, size, step), whole): (&(usize, usize, isize), &usize)| {
            let stop = *start as isize + *size as isize * step;
            // The whole of an axis, of unknown size too; walking back ends before the first element.
            let (start, stop) = if size == whole && step.abs() == 1 { (None, None) } else { (Some(*start), (stop >= 0).then_some(stop)) };
            let step = if *step == 1 { Json::Null } else { (*step).into() };
            serde_json::json!({"class_name": "__slice__", "config": {"start": start, "stop": stop, "step": step}})
        };
        spans.iter().zip(x.shape().iter()).map(span).collect()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Tensor {
    /// The shape of a symbol, batch included, with what is unknown; of another tensor its shape.
    pub fn dims(&self) -> Dims {
        Meaning::of(self).map_or_else(|| self.shape().into(), |meaning| meaning.dims.clone())
    }
}

/// A zero of the symbol's shape, unknown sizes replaced.
fn stand_in(tensor: &Tensor, size: usize) -> Tensor {
    match Meaning::of(tensor) {
        Some(meaning) => Tensor::stand_in(tensor.dtype(), &meaning.dims.with_unknown(size)),
        None => tensor.clone(),
    }
}

/// The outputs of `layer` for `inputs`, some of which are symbols. An error waits in them for the model that is made of them,
/// and says at which line.
pub(crate) fn apply(layer: &LayerRef, inputs: Inputs, line: Option<&Location>) -> Vec<Tensor> {
    if let Some(error) = inputs.all().find_map(|x| Meaning::of(x).and_then(|meaning| meaning.origin.as_ref().err())) {
        return failed(error.clone(), None);
    }
    let outputs = match infer(layer, &inputs) {
        Ok(outputs) => outputs,
        Err(error) => {
            // Unknown sizes are shown as such.
            let text = error.to_string().replace("(83", "(None").replace(" 83", " None");
            return failed(Error::new(error.kind(), text), line);
        }
    };
    static ORDER: AtomicU64 = AtomicU64::new(0);
    let specs = outputs.iter().map(|(dims, dtype, _)| (dims.clone(), *dtype)).collect();
    let call = SymbolicCall { layer: layer.clone(), inputs, outputs: specs, order: ORDER.fetch_add(1, Ordering::Relaxed) };
    let call = Arc::new(call);
    let symbol =
        |(output, (dims, dtype, mask))| Meaning { dims, mask, origin: Ok(Origin::Call { call: call.clone(), output }) }.tensor(dtype);
    outputs.into_iter().enumerate().map(symbol).collect()
}

/// A symbol in which an error waits for the model that is made of it.
pub(super) fn failed(error: Error, line: Option<&Location>) -> Vec<Tensor> {
    let line = line.map_or_else(String::new, |line| format!(" (at {}:{})", line.file(), line.line()));
    let error = Error::new(error.kind(), error.to_string() + &line);
    vec![Meaning { dims: Dims::default(), mask: None, origin: Err(error) }.tensor(DType::F32)]
}

/// Shape, dtype and mask of each output.
fn infer(layer: &LayerRef, inputs: &Inputs) -> Result<Vec<(Dims, DType, Option<Dims>)>> {
    let masked = |size: usize| {
        let masks = inputs.tensors().iter().map(|x| Meaning::of(x).and_then(|meaning| meaning.mask.as_ref()));
        let mut out = inputs.map(|x| stand_in(x, size));
        for (at, mask) in masks.enumerate().filter(|(at, _)| inputs.mask(*at).is_none()) {
            out = out.with_mask(at, mask.map(|mask| Tensor::zeros(mask.with_unknown(size)).cast(DType::Bool)));
        }
        out
    };
    let run = |size: usize| layer.call_all(&mut Call::inferring(), &masked(size));
    let (one, other) = without_count(|| {
        let first = run(STAND_INS[0]).and_then(|one| Ok((one, run(STAND_INS[1])?)));
        // An op may meet a known size where its inputs have an unknown one, which then is that or 1, as in Keras.
        let met = |error: Error| {
            let is_operation = layer.with::<Operation, _>(|_| ()).is_some();
            let sizes = known_sizes(inputs).into_iter().filter(|_| is_operation);
            sizes.into_iter().find_map(|size| run(size).ok().map(|one| (run(1).unwrap_or_else(|_| one.clone()), one))).ok_or(error)
        };
        first.or_else(met)
    })?;
    let common = |a: &Tensor, b: &Tensor| Dims::common(a.shape(), b.shape());
    let outputs = one.tensors().iter().zip(other.tensors()).enumerate();
    Ok(outputs.map(|(at, (a, b))| (common(a, b), a.dtype(), one.mask(at).zip(other.mask(at)).map(|(a, b)| common(a, b)))).collect())
}

/// The sizes that axes of the inputs have, the small ones first.
fn known_sizes(inputs: &Inputs) -> BTreeSet<usize> {
    inputs.all().flat_map(|x| x.dims().iter().copied().flatten().collect::<Vec<_>>()).collect()
}

/// The error of a symbol, if something went wrong on the way to it.
pub(crate) fn check(tensor: &Tensor) -> Result<&Meaning> {
    let Some(meaning) = Meaning::of(tensor) else {
        let text = format!("a tensor of shape {} is no symbol: start from Input::new(shape).symbol()", tensor.shape());
        return Err(Error::new(ErrorKind::Invalid, text));
    };
    meaning.origin.as_ref().map(|_| meaning).map_err(Clone::clone)
}
