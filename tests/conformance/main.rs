//! Conformance with Keras: vectors made by the real one. Every object is built from its Keras config.
//!
//! A case is a `.json` (what) and a `.safetensors` (numbers) in a folder of its group. Those in `tests/fixtures/conformance` always
//! run; `WGRAD_CONFORMANCE` names further folders that hold groups.

mod activations;
mod augmentation;
mod case;
mod layers;
mod losses;
mod metrics;
mod objects;
mod optimizers;
#[path = "../support/mod.rs"]
mod support;
mod text;

use case::Case;
use libtest_mimic::Trial;
use std::path::PathBuf;
use wgrad::{
    Result, constraints::Constraint, initializers::Initializer, losses::Loss, metrics::Metric, regularizers::Regularizer,
    schedules::Schedule,
};

/// A group of cases: its folder, whether the GPU runs them too, whether the class of a case is there, and how one is checked.
struct Group {
    folder: &'static str,
    on_gpu: bool,
    exists: fn(&Case) -> bool,
    check: fn(&Case) -> Result<()>,
}

const GROUPS: &[Group] = &[
    Group { folder: "layers", on_gpu: true, exists: layers::exists, check: layers::check },
    Group { folder: "text", on_gpu: false, exists: layers::exists, check: text::check },
    Group { folder: "augmentation", on_gpu: true, exists: layers::exists, check: augmentation::check },
    Group { folder: "activations", on_gpu: true, exists: activations::exists, check: activations::check },
    Group { folder: "losses", on_gpu: true, exists: objects::exists::<dyn Loss>, check: losses::check },
    Group { folder: "metrics", on_gpu: true, exists: objects::exists::<dyn Metric>, check: metrics::check },
    Group { folder: "initializers", on_gpu: false, exists: objects::exists::<dyn Initializer>, check: objects::initializer },
    Group { folder: "regularizers", on_gpu: true, exists: objects::exists::<dyn Regularizer>, check: objects::regularizer },
    Group { folder: "constraints", on_gpu: true, exists: objects::exists::<dyn Constraint>, check: objects::constraint },
    Group { folder: "optimizers", on_gpu: true, exists: optimizers::exists, check: optimizers::check },
    Group { folder: "schedules", on_gpu: false, exists: objects::exists::<dyn Schedule>, check: objects::schedule },
];

fn main() {
    let fixtures = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/conformance"));
    let given = std::env::var_os("WGRAD_CONFORMANCE").unwrap_or_default();
    let folders: Vec<PathBuf> = std::iter::once(fixtures).chain(std::env::split_paths(&given)).filter(|path| path.is_dir()).collect();
    let devices = support::devices();
    let mut trials = Vec::new();
    for group in GROUPS {
        let cases = folders.iter().flat_map(|folder| case::list(&folder.join(group.folder)));
        for path in cases {
            for device in devices.iter().take(if group.on_gpu { 2 } else { 1 }) {
                trials.push(trial(group, &path, device));
            }
        }
    }
    support::run(trials, false);
}

fn trial(group: &'static Group, path: &std::path::Path, device: &(&str, Result<wgrad::Device>)) -> Trial {
    let name = format!("{}/{}", group.folder, path.file_stem().unwrap_or_default().to_string_lossy());
    match Case::read(path) {
        Ok(case) => {
            let exists = (group.exists)(&case);
            let trial = support::trial(&name, device, move |_| (group.check)(&case));
            if exists { trial } else { trial.with_ignored_flag(true) }
        }
        Err(error) => support::trial(&name, device, move |_| Err(error)),
    }
}
