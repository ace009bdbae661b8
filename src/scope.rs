//! Values of a thread that hold for a piece of code.

use std::{cell::Cell, thread::LocalKey};

/// Runs `body` while `cell` holds `value`; what it held before comes back afterwards, also after a panic.
pub(crate) fn scope<T: 'static, R>(cell: &'static LocalKey<Cell<T>>, value: T, body: impl FnOnce() -> R) -> R {
    struct Restore<T: 'static>(&'static LocalKey<Cell<T>>, Option<T>);
    impl<T: 'static> Drop for Restore<T> {
        fn drop(&mut self) {
            self.1.take().into_iter().for_each(|before| self.0.set(before));
        }
    }
    let _restore = Restore(cell, Some(cell.replace(value)));
    body()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_nest_and_end_with_a_panic() {
        thread_local! {
            static NAME: Cell<&'static str> = const { Cell::new("outside") };
        }
        scope(&NAME, "outer", || {
            let panicked = std::panic::catch_unwind(|| scope(&NAME, "inner", || assert_eq!(NAME.get(), "another")));
            assert!(panicked.is_err() && NAME.get() == "outer");
        });
        assert_eq!(NAME.get(), "outside");
    }
}
