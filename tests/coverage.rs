//! `docs/coverage.md`, made from what is registered and from the list of Keras' public classes. The test fails when the page is
//! stale; `WGRAD_UPDATE=1` writes it anew.

use std::fmt::Write as _;
use wgrad::{
    config::{self, Kind, Value},
    constraints::Constraint,
    initializers::Initializer,
    layers::{ActivationFn, Layer},
    losses::Loss,
    metrics::Metric,
    optimizers::Optimizer,
    regularizers::Regularizer,
    schedules::Schedule,
};

/// A class of Keras that has no place here, and why.
const BOUND: &[(&str, &str)] = &[
    ("FlaxLayer", "wraps Flax modules"),
    ("JaxLayer", "wraps JAX functions"),
    ("TFSMLayer", "runs TensorFlow graphs"),
    ("TorchModuleWrapper", "wraps PyTorch modules"),
    ("Lambda", "holds Python code: refused, use a layer of your own"),
    ("InputSpec", "checks of Python arguments: `build` does them"),
    ("Initializer", "base class: the trait"),
    ("Layer", "base class: the traits `Layer` and `SimpleLayer`"),
    ("Wrapper", "base class: a field of type `LayerRef`"),
    ("Loss", "base class: the trait"),
    ("Metric", "base class: the trait"),
    ("Optimizer", "base class: the trait"),
    ("LearningRateSchedule", "base class: the trait `Schedule`"),
    ("Regularizer", "base class: the trait"),
    ("Constraint", "base class: the trait"),
    ("InputLayer", "`Input`"),
    ("MeanMetricWrapper", "wraps Python functions: `MeanMetric`"),
    ("OptimizerMap", "a detail of `MultiOptimizer`"),
];

fn exists(group: &str, name: &str) -> bool {
    fn has<K: Kind + ?Sized>(name: &str) -> bool {
        K::entries().any(|entry| entry.class.package.is_none() && entry.class.name == name)
    }
    match group {
        "layers" => has::<dyn Layer>(name),
        "losses" => has::<dyn Loss>(name),
        "metrics" => has::<dyn Metric>(name),
        "optimizers" => has::<dyn Optimizer>(name),
        "schedules" => has::<dyn Schedule>(name),
        "initializers" => has::<dyn Initializer>(name),
        "regularizers" => has::<dyn Regularizer>(name),
        "constraints" => has::<dyn Constraint>(name),
        // Needs two arguments, so that no config names it.
        "activations" if name == "threshold" => true,
        "activations" => config::read(|reader| ActivationFn::from_json(&name.into(), reader)).is_ok(),
        other => panic!("unknown group {other}"),
    }
}

fn page() -> String {
    let (mut tables, mut totals, mut group) = (String::new(), (0, 0), "");
    for line in include_str!("fixtures/keras_names.txt").lines().filter(|line| !line.starts_with('#')) {
        let [of, name, cases] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        if of != group {
            group = of;
            let _ = write!(tables, "\n## {of}\n\n| Keras | CPU | GPU | f16 | vectors passed |\n|---|---|---|---|---|\n");
        }
        let _ = match BOUND.iter().find(|(bound, _)| *bound == name) {
            Some((_, why)) => writeln!(tables, "| {name} | {why} | | | |"),
            None if exists(of, name) => {
                totals = (totals.0 + 1, totals.1 + 1);
                // Drawn and scheduled on the host; the others are tensor ops, which run everywhere in every float dtype.
                let device = if matches!(of, "initializers" | "schedules") { "host" } else { "yes" };
                writeln!(tables, "| {name} | {device} | {device} | {device} | {cases} |")
            }
            None => {
                totals.1 += 1;
                writeln!(tables, "| {name} | not yet | | | 0 |")
            }
        };
    }
    format!(
        "# Keras' classes here\n\nMade by `tests/coverage.rs` from what is registered; `WGRAD_UPDATE=1 cargo test --test coverage` writes it \
         anew. Vectors are cases made with the real Keras 3.15.\n\n{} of {} classes exist.\n{tables}",
        totals.0, totals.1
    )
}

#[test]
fn the_page_is_not_stale() {
    let (path, page) = (concat!(env!("CARGO_MANIFEST_DIR"), "/docs/coverage.md"), page());
    if std::env::var_os("WGRAD_UPDATE").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    let found = std::fs::read_to_string(path).unwrap_or_default();
    assert!(found == page, "docs/coverage.md is stale: WGRAD_UPDATE=1 cargo test --test coverage writes it anew");
}
