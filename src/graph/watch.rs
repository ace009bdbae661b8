//! Finds the first op whose result is not finite, by computing each op as soon as it is recorded.

use super::{Tensor, layer_path};
use crate::{DType, Result};
use std::cell::RefCell;

thread_local! {
    /// While watching: what was found first.
    static FOUND: RefCell<Option<Option<String>>> = const { RefCell::new(None) };
}

/// Whether ops are computed one by one and looked at.
pub(crate) fn active() -> bool {
    FOUND.with_borrow(|found| matches!(found, Some(None)))
}

/// Notes the op that made `outputs`, if it is the first to make something that is not finite.
pub(super) fn look_at(op: &'static str, outputs: &[Tensor]) -> Result<()> {
    if active() {
        for output in outputs {
            if !is_finite(output)? {
                let layer = layer_path().map_or_else(|| "outside of any layer".to_owned(), |path| format!("in layer {path}"));
                FOUND.set(Some(Some(format!("the result of op {op} {layer}"))));
                break;
            }
        }
    }
    Ok(())
}

/// Runs `body` op by op; what made the first value that is not finite, in words. Errors of `body` are of no interest here.
pub(crate) fn first_not_finite(body: impl FnOnce() -> Result<()>) -> Option<String> {
    FOUND.set(Some(None));
    let _ = body();
    FOUND.take().flatten()
}

/// Whether all elements are finite; integers are.
pub(crate) fn is_finite(tensor: &Tensor) -> Result<bool> {
    Ok(!tensor.dtype().is_float() || tensor.cast(DType::F32).to_vec::<f32>()?.iter().all(|x| x.is_finite()))
}
