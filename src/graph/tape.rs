//! `GradientTape`: a scope that decides what stays reachable for gradients, as in TensorFlow.

use super::{Tensor, Variable, gradient::Source};
use crate::Result;
use crate::lock::lock;
use std::{
    cell::RefCell,
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicBool, Ordering},
    },
};

thread_local! {
    static OPEN: RefCell<Vec<Arc<TapeToken>>> = const { RefCell::new(Vec::new()) };
}

/// The outermost tape open on this thread: it lives the longest.
pub(crate) fn current() -> Option<Weak<TapeToken>> {
    OPEN.with_borrow(|open| open.first().map(Arc::downgrade))
}

/// What nodes recorded under a tape know of it.
pub(crate) struct TapeToken {
    persistent: bool,
    used: AtomicBool,
    watched: Mutex<Vec<Tensor>>,
}

impl TapeToken {
    /// Whether nodes keep their inputs across a flush for this tape.
    pub fn keeps(&self) -> bool {
        self.persistent || !self.used.load(Ordering::Relaxed)
    }
}

/// Records what happens while it lives, so that [`gradient`](GradientTape::gradient) works also after values were read.
///
/// Variables are watched by themselves, other tensors with [`watch`](GradientTape::watch). Tapes nest: gradients taken
/// inside an outer tape can be differentiated again.
///
/// ```
/// use wgrad::prelude::*;
/// let tape = GradientTape::new();
/// let x = Tensor::from(3.0);
/// tape.watch(&x);
/// let y = &x * &x;
/// assert_eq!(y.item::<f32>()?, 9.0);
/// let dx = tape.gradient(&y, &[&x])?[0].clone().unwrap();
/// assert_eq!(dx.item::<f32>()?, 6.0);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[must_use = "a tape records only while it lives"]
#[doc(alias = "tf.GradientTape")]
pub struct GradientTape {
    token: Arc<TapeToken>,
}

impl GradientTape {
    /// Opens a tape. Its recording may be released by the first flush after [`gradient`](Self::gradient).
    pub fn new() -> Self {
        Self::open(false)
    }

    /// Opens a tape that keeps its recording until it is dropped, for gradients after an update of the variables.
    pub fn persistent() -> Self {
        Self::open(true)
    }

    fn open(persistent: bool) -> Self {
        let token = Arc::new(TapeToken { persistent, used: AtomicBool::new(false), watched: Mutex::default() });
        OPEN.with_borrow_mut(|open| open.push(token.clone()));
        Self { token }
    }

    /// Makes gradients with respect to `tensor` possible; variables need no call.
    pub fn watch(&self, tensor: &Tensor) {
        lock(&self.token.watched).push(tensor.clone());
    }

    /// The gradient of `target` with respect to each of `sources`: `None` where `target` does not depend on it,
    /// or where it is a tensor that was not watched.
    ///
    /// # Errors
    /// When an op on the way has no gradient, or when the recording was already released.
    pub fn gradient(&self, target: &Tensor, sources: &[impl AsSource]) -> Result<Vec<Option<Tensor>>> {
        let watched = lock(&self.token.watched).clone();
        let sources: Vec<Option<Source>> = sources
            .iter()
            .map(|source| match source.source() {
                Source::Tensor(tensor) if !watched.iter().any(|w| w.is_same(&tensor)) && tensor.node.variable.is_none() => None,
                source => Some(source),
            })
            .collect();
        let wanted: Vec<Source> = sources.iter().flatten().cloned().collect();
        let mut found = super::gradient::gradient_of(target, None, &wanted)?.into_iter();
        self.token.used.store(true, Ordering::Relaxed);
        Ok(sources.iter().map(|source| source.as_ref().and_then(|_| found.next().flatten())).collect())
    }
}

impl Default for GradientTape {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for GradientTape {
    fn drop(&mut self) {
        OPEN.with_borrow_mut(|open| open.retain(|token| !Arc::ptr_eq(token, &self.token)));
        lock(&self.token.watched).clear();
    }
}

/// What a gradient can be asked for: a tensor or a variable.
pub trait AsSource {
    #[doc(hidden)]
    fn source(&self) -> Source;
}

impl AsSource for Tensor {
    fn source(&self) -> Source {
        Source::Tensor(self.clone())
    }
}

impl AsSource for Variable {
    fn source(&self) -> Source {
        Source::Variable(self.id())
    }
}

impl<T: AsSource + ?Sized> AsSource for &T {
    fn source(&self) -> Source {
        (**self).source()
    }
}
