//! The layer path of the code that is recording, for messages.

use std::{cell::RefCell, sync::Arc};

thread_local! {
    static PATH: RefCell<Vec<Arc<str>>> = const { RefCell::new(Vec::new()) };
}

/// While it lives, nodes are recorded as part of the layer `name`.
pub(crate) struct LayerScope;

impl LayerScope {
    pub fn enter(name: &str) -> Self {
        PATH.with_borrow_mut(|path| {
            let full = path.last().map_or_else(|| name.to_owned(), |outer| format!("{outer}/{name}"));
            path.push(full.into());
        });
        LayerScope
    }
}

impl Drop for LayerScope {
    fn drop(&mut self) {
        PATH.with_borrow_mut(|path| path.pop());
    }
}

/// The path of the innermost layer being called, outermost name first.
pub(crate) fn layer_path() -> Option<Arc<str>> {
    PATH.with_borrow(|path| path.last().cloned())
}
