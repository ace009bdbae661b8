//! A layer with a name, built once and called often: what models own.

mod calls;
mod config;
mod ext;
mod host;

pub use calls::LayerCall;
pub(crate) use config::{file_names, name_all};
pub use ext::LayerExt;

use super::{Assets, Augmentation, Build, Cell, Layer, LayerWeight};
use crate::{
    DType, Result, Shape, Variable,
    config::{Class, Object, snake_case},
    lock::lock,
    mixed_precision::Policy,
    regularizers::Regularizer,
};
use std::{
    fmt,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

/// A layer with a name: what models own. Clones are the same layer.
///
/// ```
/// use wgrad::prelude::*;
/// let (layer, x) = (Dense::new(2).shared(), Tensor::ones([1, 3]));
/// assert_eq!(layer.clone().apply(&x).to_vec::<f32>()?, layer.clone().apply(&x).to_vec::<f32>()?);
/// assert_eq!((layer.class_name(), layer.is_built()), ("Dense", true));
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Clone)]
pub struct LayerRef(Arc<Inner>);

struct Inner {
    name: OnceLock<String>,
    trainable: AtomicBool,
    policy: Policy,
    activity_regularizer: Option<Object<dyn Regularizer>>,
    class: &'static Class,
    unbuilt: Mutex<Option<Box<dyn Layer>>>,
    built: OnceLock<Built>,
}

struct Built {
    layer: Box<dyn Layer>,
    weights: Vec<LayerWeight>,
    children: Vec<(String, LayerRef)>,
    /// Whether the weights have their first values.
    drawn: AtomicBool,
    /// The shapes it was built for.
    shapes: Vec<Shape>,
}

impl<L: Layer> From<L> for LayerRef {
    fn from(layer: L) -> Self {
        Self::new(Box::new(layer), Policy::current())
    }
}

impl LayerRef {
    fn new(layer: Box<dyn Layer>, policy: Policy) -> Self {
        LayerRef(Arc::new(Inner {
            name: OnceLock::new(),
            trainable: AtomicBool::new(true),
            policy,
            activity_regularizer: None,
            class: layer.class(),
            unbuilt: Mutex::new(Some(layer)),
            built: OnceLock::new(),
        }))
    }

    /// To change what is fixed once the layer is in use.
    #[track_caller]
    fn unshared(&mut self, what: &str) -> &mut Inner {
        match Arc::get_mut(&mut self.0).filter(|inner| inner.built.get().is_none()) {
            Some(inner) => inner,
            None => panic!("the {what} of a layer is set before it is built or shared"),
        }
    }

    /// Keras' class name.
    pub fn class_name(&self) -> &'static str {
        self.0.class.name
    }

    /// Its name; empty until it is part of a model.
    pub fn layer_name(&self) -> &str {
        self.0.name.get().map_or("", String::as_str)
    }

    /// Name and class, for messages.
    fn described(&self) -> String {
        let name = self.0.name.get().map_or_else(|| snake_case(self.class_name()), String::clone);
        let policy = if self.policy() == Policy::Float32 { String::new() } else { format!(", {}", self.policy()) };
        format!("{name} ({}{policy})", self.class_name())
    }

    /// In which dtype it calculates.
    pub fn policy(&self) -> Policy {
        self.0.policy
    }

    /// Names it, if it has no name yet.
    pub(crate) fn name_if_unnamed(&self, name: impl FnOnce() -> String) {
        self.0.name.get_or_init(name);
    }

    /// Freezes or thaws the layer, and with it those inside.
    pub fn set_trainable(&self, trainable: bool) {
        self.0.trainable.store(trainable, Ordering::Relaxed);
        self.children().iter().for_each(|(_, child)| child.set_trainable(trainable));
    }

    /// Whether optimizers may change it.
    pub fn is_trainable(&self) -> bool {
        self.0.trainable.load(Ordering::Relaxed)
    }

    /// Whether its weights exist.
    pub fn is_built(&self) -> bool {
        self.0.built.get().is_some()
    }

    /// Whether both are the same layer.
    pub fn is_same(&self, other: &LayerRef) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Its layer, where that is an `L`: to look at its options.
    pub fn with<L: Layer, R>(&self, look: impl FnOnce(&L) -> R) -> Option<R> {
        self.look(|layer| (layer as &dyn std::any::Any).downcast_ref::<L>().map(look))
    }

    /// Looks at it as the cell of a recurrent layer, if it is one.
    pub(in crate::layers) fn with_cell<R>(&self, look: impl FnOnce(&dyn Cell) -> R) -> Option<R> {
        self.look(|layer| layer.as_cell().map(look))
    }

    /// Looks at what it keeps in files beside its weights, if it does.
    pub(crate) fn with_assets<R>(&self, look: impl FnOnce(&dyn Assets) -> R) -> Option<R> {
        self.look(|layer| layer.as_assets().map(look))
    }

    /// Looks at it as an augmentation, if it is one: to draw and to apply by hand.
    pub fn as_augmentation<R>(&self, look: impl FnOnce(&dyn Augmentation) -> R) -> Option<R> {
        self.look(|layer| layer.as_augmentation().map(look))
    }

    fn look<R>(&self, look: impl FnOnce(&dyn Layer) -> R) -> R {
        // Locked first: a layer that is being built is in neither place.
        let unbuilt = lock(&self.0.unbuilt);
        let layer = self.0.built.get().map(|built| &*built.layer).or(unbuilt.as_deref());
        look(layer.expect("a layer is unbuilt or built"))
    }

    /// Weights of the layer alone, in Keras' order, without those of layers inside.
    pub(crate) fn own_weights(&self) -> &[LayerWeight] {
        self.0.built.get().map_or(&[], |built| &built.weights)
    }

    /// The layers inside, by field; of a layer that is not built yet too.
    pub fn children(&self) -> Vec<(String, LayerRef)> {
        self.0.built.get().map_or_else(|| self.look(|layer| layer.children()), |built| built.children.clone())
    }

    /// All weights in Keras' order, own ones first, and whether each would be trained if the layer is. A weight that stands in
    /// several places comes once.
    pub(crate) fn weights(&self) -> Vec<LayerWeight> {
        let mut weights = self.own_weights().to_vec();
        for (_, child) in self.children() {
            for weight in child.weights() {
                if !weights.iter().any(|other| other.variable.id() == weight.variable.id()) {
                    weights.push(LayerWeight { trainable: weight.trainable && child.is_trainable(), ..weight });
                }
            }
        }
        weights
    }

    /// The weights that an optimizer changes.
    pub(crate) fn trained_weights(&self) -> impl Iterator<Item = LayerWeight> {
        let trained = self.is_trainable();
        self.weights().into_iter().filter(move |weight| trained && weight.trainable)
    }

    /// Whether several inputs are a list in Keras' call.
    pub(crate) fn takes_list(&self) -> bool {
        self.look(|layer| layer.takes_list())
    }

    /// Its weights, trainable or not, in Keras' order.
    pub fn variables(&self) -> Vec<Variable> {
        self.weights().into_iter().map(|weight| weight.variable).collect()
    }

    /// Gives the weights of the layer and of those inside their names and first values, if they have none; without a seed names only,
    /// for values that come from a file.
    pub(crate) fn draw(&self, path: &str, seed: Option<u64>) -> Result<()> {
        let Some(built) = self.0.built.get() else { return Ok(()) };
        if built.drawn.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        built.weights.iter().try_for_each(|weight| weight.draw(path, seed)).map_err(|error| error.at_layer(&self.described()))?;
        let inside = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") };
        built.children.iter().try_for_each(|(_, child)| child.draw(&inside(child.layer_name()), seed))
    }

    /// Makes the weights for inputs of these shapes where new tensors live, if they do not exist yet.
    pub(crate) fn build(&self, shapes: Vec<Shape>) -> Result<()> {
        let mut unbuilt = lock(&self.0.unbuilt);
        // Built in place and put back on an error: a wrong shape must not lose the layer.
        if let Some(mut layer) = unbuilt.take() {
            let dtype = if layer.is_exact() { DType::F32 } else { self.policy().compute_dtype() };
            let mut build = Build::new(self.policy(), dtype);
            if let Err(error) = layer.build(&mut build, &shapes) {
                *unbuilt = Some(layer);
                return Err(error.at_layer(&self.described()));
            }
            let children = layer.children();
            let inside: Vec<LayerRef> = children.iter().map(|(_, child)| child.clone()).collect();
            name_all(&inside);
            let _ = self.0.built.set(Built { layer, weights: build.weights(), children, drawn: AtomicBool::new(false), shapes });
        }
        Ok(())
    }

    /// Makes the weights before the first call, as the only layer inside another one, for inputs of shape `input`.
    pub(super) fn build_inside(&self, input: &Shape) -> Result<()> {
        name_all(std::slice::from_ref(self));
        self.build(vec![input.clone()])
    }
}

impl fmt::Debug for LayerRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{} {}>", self.class_name(), self.layer_name())
    }
}
