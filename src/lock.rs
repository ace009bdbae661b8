//! Taking a lock whose last holder may have panicked: everything behind the locks here is changed in steps that leave it whole.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// The value behind `mutex`.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
