//! Variables: sequences of versions, each a tensor like any other.

use super::{Expr, Node, OpRef, Tensor, tape};
use crate::lock::lock;
use crate::{
    Error, Result,
    device::{Device, Value},
    ops::DETACH,
    plan,
    shape::Spec,
};
use smallvec::SmallVec;
use std::{
    fmt,
    sync::{
        Arc, Mutex, OnceLock, Weak,
        atomic::{AtomicU64, Ordering},
    },
};

/// Tells the variables of a process apart.
pub(crate) type VariableId = u64;

/// State that outlives a step: weights, moving statistics, counters. Clones share it.
///
/// ```
/// use wgrad::prelude::*;
/// let w = Variable::new("w", Tensor::from(3.0));
/// w.assign(&(w.value() * 2.0))?;
/// let loss = w.value().square();
/// assert_eq!(gradient(&loss, &[&w])?[0].as_ref().unwrap().item::<f32>()?, 12.0);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Clone)]
#[doc(alias = "tf.Variable")]
#[doc(alias = "keras.Variable")]
pub struct Variable {
    inner: Arc<Inner>,
}

struct Inner {
    id: VariableId,
    name: OnceLock<String>,
    spec: Spec,
    device: Device,
    current: Mutex<Tensor>,
    projection: OnceLock<Box<Projection>>,
}

/// Where an optimizer brings a new value back to.
type Projection = dyn Fn(&Tensor) -> Result<Tensor> + Send + Sync;

/// A variable whose newest version is not computed yet; a flush does it.
pub(crate) struct Pending(Weak<Inner>);

impl Pending {
    pub fn tensor(&self) -> Option<Tensor> {
        self.0.upgrade().map(|inner| lock(&inner.current).clone())
    }
}

impl Variable {
    /// A variable that starts as `initial`.
    pub fn new(name: impl Into<String>, initial: Tensor) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let (spec, device) = (initial.spec().clone(), initial.device().clone());
        let current = Mutex::new(version(id, &initial));
        Self { inner: Arc::new(Inner { id, name: OnceLock::from(name.into()), spec, device, current, projection: OnceLock::new() }) }
    }

    /// Optimizers bring each new value back by `project` within the same step: a constraint. Said once, before the first step.
    ///
    /// ```
    /// use wgrad::{constraints::{Constraint, NonNeg}, prelude::*};
    /// let w = Variable::new("w", Tensor::from([1.0f32, 5.0])).constrained(|w| NonNeg.call(w));
    /// SGD::new(1.0).apply(&[Some(Tensor::from([2.0f32, 2.0]))], &[w.clone()])?;
    /// assert_eq!(w.value().to_vec::<f32>()?, [0.0, 3.0]);
    /// # Ok::<(), wgrad::Error>(())
    /// ```
    pub fn constrained(self, project: impl Fn(&Tensor) -> Result<Tensor> + Send + Sync + 'static) -> Self {
        let _ = self.inner.projection.set(Box::new(project));
        self
    }

    /// Its constraint.
    pub(crate) fn projection(&self) -> Option<&Projection> {
        self.inner.projection.get().map(|project| &**project)
    }

    pub(crate) fn id(&self) -> VariableId {
        self.inner.id
    }

    /// Its name, as in a model's summary.
    pub fn name(&self) -> &str {
        self.inner.name.get().map_or("", String::as_str)
    }

    /// A variable of zeros that is named and given its first value later.
    pub(crate) fn unnamed(initial: Tensor) -> Self {
        let mut variable = Self::new(String::new(), initial);
        if let Some(inner) = Arc::get_mut(&mut variable.inner) {
            inner.name = OnceLock::new();
        }
        variable
    }

    /// Names it, if it has no name yet.
    pub(crate) fn name_if_unnamed(&self, name: impl FnOnce() -> String) {
        self.inner.name.get_or_init(name);
    }

    /// Dtype and shape, which never change.
    pub fn spec(&self) -> &Spec {
        &self.inner.spec
    }

    /// Where it lives.
    pub fn device(&self) -> &Device {
        &self.inner.device
    }

    /// The current version, to calculate with.
    pub fn value(&self) -> Tensor {
        let version = lock(&self.inner.current).clone();
        if plan::recording() {
            plan::note_read(self, &version);
        }
        version
    }

    /// Looks at the current version without a handle on it.
    pub(crate) fn with_version<R>(&self, look: impl FnOnce(&Tensor) -> R) -> R {
        look(&lock(&self.inner.current))
    }

    /// Makes `value` the next version. Its history is cut: gradients do not flow through an assignment.
    ///
    /// # Errors
    /// When dtype, shape or device differ from the variable's.
    pub fn assign(&self, value: &Tensor) -> Result<()> {
        if value.spec() != &self.inner.spec {
            return Err(Error::shape(format!("variable {} is {}, cannot be assigned {}", self.name(), self.inner.spec, value.spec())));
        }
        if value.device() != self.device() {
            return Err(Error::device(format!("variable {} lives on {}, the value on {}", self.name(), self.device(), value.device())));
        }
        if plan::recording() {
            plan::note_write(self);
        }
        let next = version(self.inner.id, value);
        let pending = next.value().is_none();
        self.set(next);
        if pending {
            plan::add_pending(Pending(Arc::downgrade(&self.inner)));
        }
        Ok(())
    }

    /// Makes a computed value its current version.
    pub(crate) fn set_value(&self, value: Value) {
        self.set(Tensor::from_node(Node::leaf(self.inner.spec.clone(), self.inner.device.clone(), value, Some(self.inner.id))));
    }

    /// Makes a leaf of this variable its current version.
    pub(crate) fn set(&self, version: Tensor) {
        let old = std::mem::replace(&mut *lock(&self.inner.current), version);
        drop(old); // outside of the lock: it may be the end of a long chain
    }
}

/// A node that stands for a version of the variable and holds what `value` holds.
fn version(id: VariableId, value: &Tensor) -> Tensor {
    // A recorded function writes at each call, so that it needs a node also for what has a value.
    if let (Some(held), false) = (value.value(), plan::recording()) {
        return Tensor::from_node(Node::leaf(value.spec().clone(), value.device().clone(), held, Some(id)));
    }
    let expr = Expr { op: OpRef::row(&DETACH), inputs: SmallVec::from_iter([value.clone()]), layer: super::layer_path() };
    Tensor::from_node(Node::recorded(SmallVec::from_iter([value.spec().clone()]), value.device().clone(), expr, tape::current(), Some(id)))
}

impl fmt::Debug for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<Variable {}: {}>", self.name(), self.spec())
    }
}
