//! Debug switches of plans: `WGRAD_FUSION=0` for a whole process, [`unfused`] for a scope of one thread, `WGRAD_VALIDATE`, `WGRAD_DUMP`.

use crate::scope::scope;
use std::{
    cell::Cell,
    path::{Path, PathBuf},
    sync::LazyLock,
};

thread_local! {
    static UNFUSED: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread's plans fuse, and fused ops are recorded as such. It is part of a plan's signature.
pub(crate) fn fusion() -> bool {
    static ENABLED: LazyLock<bool> = LazyLock::new(|| std::env::var_os("WGRAD_FUSION").is_none_or(|value| value != "0"));
    *ENABLED && !UNFUSED.get()
}

/// Runs `body` with each op of this thread's plans as a kernel of its own; tests compare this with what is fused.
pub fn unfused<R>(body: impl FnOnce() -> R) -> R {
    scope(&UNFUSED, true, body)
}

/// Whether the CPU repeats each GPU kernel: `WGRAD_VALIDATE=1`.
pub(super) fn validate() -> bool {
    static ENABLED: LazyLock<bool> = LazyLock::new(|| std::env::var_os("WGRAD_VALIDATE").is_some_and(|value| value == "1"));
    *ENABLED
}

/// The folder that plans are written to: `WGRAD_DUMP`.
pub(super) fn dump() -> Option<&'static Path> {
    static FOLDER: LazyLock<Option<PathBuf>> = LazyLock::new(|| std::env::var_os("WGRAD_DUMP").map(PathBuf::from));
    FOLDER.as_deref()
}
