//! What goes into the call of a layer and what comes out: tensors, their masks, and arguments.

use crate::{Error, Result, Tensor, config::Json};
use smallvec::SmallVec;

/// An argument of a call beside the inputs.
///
/// ```
/// use wgrad::prelude::*;
/// let inputs = Inputs::from(&Tensor::ones([2, 3])).with("return_state", Argument::Value(true.into()));
/// assert!(inputs.flag("return_state")?);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Clone, Debug)]
pub enum Argument {
    /// A tensor, such as an attention mask.
    Tensor(Tensor),
    /// Several, such as the initial states of a recurrent layer.
    Tensors(Vec<Tensor>),
    /// A flag or a number.
    Value(Json),
}

/// Tensors, masks and arguments of a call.
///
/// ```
/// use wgrad::prelude::*;
/// let x = Tensor::ones([1, 3, 8]);
/// let inputs = Inputs::from(&x).with_mask(0, Some(Tensor::from([[true, true, false]])));
/// assert_eq!(inputs.one()?.shape()[..], [1, 3, 8]);
/// assert!(inputs.mask(0).is_some() && inputs.mask(1).is_none());
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    tensors: SmallVec<[Tensor; 2]>,
    masks: SmallVec<[Option<Tensor>; 2]>,
    arguments: Vec<(String, Argument)>,
}

impl Inputs {
    /// Inputs without masks.
    pub fn new<'a>(tensors: impl IntoIterator<Item = &'a Tensor>) -> Self {
        Self { tensors: tensors.into_iter().cloned().collect(), ..Self::default() }
    }

    /// Gives input `at` a mask: bool, true where the input counts, of its first axes.
    pub fn with_mask(mut self, at: usize, mask: Option<Tensor>) -> Self {
        if self.masks.len() <= at {
            self.masks.resize(at + 1, None);
        }
        self.masks[at] = mask;
        self
    }

    /// Adds an argument under Keras' name.
    pub fn with(mut self, name: &str, argument: Argument) -> Self {
        self.arguments.retain(|(other, _)| other != name);
        self.arguments.push((name.to_owned(), argument));
        self
    }

    /// All inputs.
    pub fn tensors(&self) -> &[Tensor] {
        &self.tensors
    }

    /// The one input.
    ///
    /// # Errors
    /// When there is not exactly one.
    pub fn one(&self) -> Result<&Tensor> {
        one(&self.tensors)
    }

    /// The mask of input `at`.
    pub fn mask(&self, at: usize) -> Option<&Tensor> {
        self.masks.get(at)?.as_ref()
    }

    /// Argument `name`.
    pub fn argument(&self, name: &str) -> Option<&Argument> {
        self.arguments.iter().find(|(other, _)| other == name).map(|(_, argument)| argument)
    }

    /// All arguments, in order.
    pub fn arguments(&self) -> &[(String, Argument)] {
        &self.arguments
    }

    /// The tensor that is argument `name`.
    ///
    /// # Errors
    /// When the argument is something else.
    pub fn tensor(&self, name: &str) -> Result<Option<&Tensor>> {
        match self.argument(name) {
            None | Some(Argument::Value(Json::Null)) => Ok(None),
            Some(Argument::Tensor(tensor)) => Ok(Some(tensor)),
            Some(_) => Err(Error::invalid(format!("argument {name} is a tensor"))),
        }
    }

    /// The tensors that are argument `name`; none where it is not given.
    ///
    /// # Errors
    /// When the argument is something else.
    pub fn list(&self, name: &str) -> Result<&[Tensor]> {
        match self.argument(name) {
            None | Some(Argument::Value(Json::Null)) => Ok(&[]),
            Some(Argument::Tensor(tensor)) => Ok(std::slice::from_ref(tensor)),
            Some(Argument::Tensors(tensors)) => Ok(tensors),
            Some(Argument::Value(_)) => Err(Error::invalid(format!("argument {name} is a list of tensors"))),
        }
    }

    /// Whether flag `name` is set.
    ///
    /// # Errors
    /// When the argument is something else.
    pub fn flag(&self, name: &str) -> Result<bool> {
        match self.argument(name) {
            None | Some(Argument::Value(Json::Null)) => Ok(false),
            Some(Argument::Value(Json::Bool(set))) => Ok(*set),
            Some(_) => Err(Error::invalid(format!("argument {name} is true or false"))),
        }
    }

    /// All tensors but masks: the inputs, then those among the arguments.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Tensor> {
        let arguments = self.arguments.iter().flat_map(|(_, argument)| match argument {
            Argument::Tensor(tensor) => std::slice::from_ref(tensor),
            Argument::Tensors(tensors) => &tensors[..],
            Argument::Value(_) => &[],
        });
        self.tensors.iter().chain(arguments)
    }

    /// The same with `change` applied to all tensors but masks.
    pub(crate) fn map(&self, change: impl Fn(&Tensor) -> Tensor) -> Self {
        let argument = |argument: &Argument| match argument {
            Argument::Tensor(tensor) => Argument::Tensor(change(tensor)),
            Argument::Tensors(tensors) => Argument::Tensors(tensors.iter().map(&change).collect()),
            Argument::Value(value) => Argument::Value(value.clone()),
        };
        Self {
            tensors: self.tensors.iter().map(&change).collect(),
            masks: self.masks.clone(),
            arguments: self.arguments.iter().map(|(name, value)| (name.clone(), argument(value))).collect(),
        }
    }
}

impl From<&Tensor> for Inputs {
    fn from(tensor: &Tensor) -> Self {
        Self::new([tensor])
    }
}

impl<const N: usize> From<[&Tensor; N]> for Inputs {
    fn from(tensors: [&Tensor; N]) -> Self {
        Self::new(tensors)
    }
}

impl From<(&Tensor, &Tensor)> for Inputs {
    fn from((one, other): (&Tensor, &Tensor)) -> Self {
        Self::new([one, other])
    }
}

impl From<(&Tensor, &Tensor, &Tensor)> for Inputs {
    fn from((one, two, three): (&Tensor, &Tensor, &Tensor)) -> Self {
        Self::new([one, two, three])
    }
}

impl From<&[Tensor]> for Inputs {
    fn from(tensors: &[Tensor]) -> Self {
        Self::new(tensors)
    }
}

impl From<Outputs> for Inputs {
    fn from(outputs: Outputs) -> Self {
        Self { tensors: outputs.tensors, masks: outputs.masks, arguments: Vec::new() }
    }
}

/// Tensors that a call gives, and their masks.
///
/// ```
/// use wgrad::prelude::*;
/// let outputs = Outputs::new([Tensor::ones([2, 3]), Tensor::zeros([2])]);
/// assert_eq!(outputs.tensors()[1].shape()[..], [2]);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Outputs {
    tensors: SmallVec<[Tensor; 2]>,
    masks: SmallVec<[Option<Tensor>; 2]>,
}

impl Outputs {
    /// Outputs without masks.
    pub fn new(tensors: impl IntoIterator<Item = Tensor>) -> Self {
        Self { tensors: tensors.into_iter().collect(), ..Self::default() }
    }

    /// Outputs with a mask or none each.
    pub(crate) fn masked(tensors: SmallVec<[Tensor; 2]>, masks: SmallVec<[Option<Tensor>; 2]>) -> Self {
        Self { tensors, masks }
    }

    /// Gives the first output a mask.
    pub fn with_mask(self, mask: Option<Tensor>) -> Self {
        Self { masks: mask.map(Some).into_iter().collect(), ..self }
    }

    /// All outputs.
    pub fn tensors(&self) -> &[Tensor] {
        &self.tensors
    }

    /// The one output.
    ///
    /// # Errors
    /// When there is not exactly one.
    pub fn one(&self) -> Result<&Tensor> {
        one(&self.tensors)
    }

    /// The mask of output `at`.
    pub fn mask(&self, at: usize) -> Option<&Tensor> {
        self.masks.get(at)?.as_ref()
    }

    /// The same with `change` applied to all tensors but masks.
    pub(super) fn map(self, change: impl Fn(&Tensor) -> Tensor) -> Self {
        Self { tensors: self.tensors.iter().map(change).collect(), masks: self.masks }
    }
}

impl From<Tensor> for Outputs {
    fn from(tensor: Tensor) -> Self {
        Self::new([tensor])
    }
}

/// The only element.
pub(super) fn one<T>(list: &[T]) -> Result<&T> {
    match list {
        [one] => Ok(one),
        _ => Err(Error::invalid(format!("expected one tensor, got {}", list.len()))),
    }
}

/// The first element.
pub(super) fn first<T>(list: &[T]) -> Result<&T> {
    list.first().ok_or_else(|| Error::invalid("expected an input, got none"))
}
