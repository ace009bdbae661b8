//! `docs/coverage.md` and `docs/ops.md`, made from what is registered and from the lists of Keras' public classes and functions. The
//! tests fail when a page is stale; `WGRAD_UPDATE=1` writes it anew.

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

/// That the page at `path` is `page`.
fn check(path: &str, page: &str) {
    let path = &format!("{}/{path}", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("WGRAD_UPDATE").is_some() {
        std::fs::write(path, page).unwrap();
    }
    let found = std::fs::read_to_string(path).unwrap_or_default();
    assert!(found == page, "{path} is stale: WGRAD_UPDATE=1 cargo test --test coverage writes it anew");
}

#[test]
fn the_page_of_classes_is_not_stale() {
    check("docs/coverage.md", &page());
}

/// What graphs hold of a function that makes no node.
fn no_node(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "constant" => "makes a constant, which files hold as such",
        "answer" => "answers when the graph is made",
        "python" => "refused: takes a Python function",
        "composed" => "made of other functions",
        _ => return None,
    })
}

fn page_of_ops() -> String {
    let known: Vec<_> = wgrad::layers::op_classes().collect();
    let (mut table, mut count, mut total, mut refused) = (String::new(), 0, 0, 0);
    for line in include_str!("fixtures/keras_ops.txt").lines() {
        let (name, class) = line.split_once(' ').unwrap_or_else(|| panic!("{line}"));
        let why = wgrad::layers::REFUSED_OPS.iter().find(|(refused, _)| *refused == class).map(|(_, why)| *why);
        let _ = match (no_node(class), why, known.iter().find(|(known, _)| *known == class)) {
            (Some(text), ..) => writeln!(table, "| {name} | | {text} | | | |"),
            (_, Some(why), _) => {
                refused += 1;
                writeln!(table, "| {name} | {class} | refused: {why} | | | |")
            }
            (_, _, Some((_, gradient))) => {
                (count, total) = (count + 1, total + 1);
                writeln!(table, "| {name} | {class} | yes | yes | {} | both ways |", if *gradient { "yes" } else { "none" })
            }
            _ => {
                total += 1;
                writeln!(table, "| {name} | {class} | not yet | | | |")
            }
        };
    }
    format!(
        "# `keras.ops` in graphs\n\nMade by `tests/coverage.rs` from the table in `src/layers/operation`; `WGRAD_UPDATE=1 cargo test --test \
         coverage` writes it anew. The functions are those of Keras 3.15; a class is what files call a function's node. Devices have no \
         64-bit numbers: float64 is float32 here, int64 and smaller integers are int32.\n\n{count} of {total} functions that can stand in \
         a graph do so here, {refused} are refused by name.\n\n| function | class | CPU | GPU | gradient | `.keras` |\n|---|---|---|---|---|---|\n{table}"
    )
}

#[test]
fn the_page_of_ops_is_not_stale() {
    check("docs/ops.md", &page_of_ops());
}
