//! Training that goes on where Keras left it: the next ten steps give its losses and metrics, five of them after a file of ours.

mod support;

use std::{collections::BTreeMap, env, path::Path};
use wgrad::{
    data::{AsArrays, Named, Values},
    formats::npy,
    models::load_model,
    prelude::*,
};

fn main() {
    type Test = fn(&Device) -> Result<()>;
    let tests: [(&'static str, Test); 4] = [
        ("a schedule, weights of samples", |device| resumes("classifier.keras", device)),
        ("two inputs and outputs by name, weights of losses", |device| resumes("heads.keras", device)),
        ("an output without loss, averages and accumulated gradients", |device| resumes("listed.keras", device)),
        ("an older file", |device| resumes("older.h5", device)),
    ];
    support::run(support::trials(tests), false);
}

fn resumes(file: &str, device: &Device) -> Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/training");
    let name = file.split('.').next().unwrap_or_default();
    let arrays: BTreeMap<String, Array> = npy::open_npz(folder.join(format!("{name}.npz")))?.into_iter().collect();
    let mut model = load_model(folder.join(file))?;
    let mut logs = five_steps(&mut model, &arrays)?;

    let kept = env::var("WGRAD_KEEP").ok();
    let device = if *device == Device::cpu() { "cpu" } else { "gpu" };
    let between = Path::new(&kept.clone().map_or_else(env::temp_dir, Into::into)).join(match kept {
        Some(_) => format!("{name}.back.keras"),
        None => format!("wgrad-resume-{device}-{name}-{}.keras", std::process::id()),
    });
    model.save(&between)?;
    let mut loaded = load_model(&between)?;
    if kept.is_none() {
        std::fs::remove_file(&between)?;
    }
    logs.extend(five_steps(&mut loaded, &arrays)?);

    let expected = given(&arrays, "log");
    assert_eq!(logs[0].keys().collect::<Vec<_>>(), expected.iter().map(|(name, _)| name).collect::<Vec<_>>());
    for (log, values) in expected {
        let Values::F64(values) = values.values() else { panic!("{log} is float64") };
        for (step, (ours, keras)) in logs.iter().map(|logs| logs[log]).zip(values).enumerate() {
            assert!((ours - keras).abs() <= 1e-4 * keras.abs().max(1.0), "{log} at step {step}: {ours}, in Keras {keras}");
        }
    }
    Ok(())
}

/// The logs of five steps on all samples at once.
fn five_steps(model: &mut Model, arrays: &BTreeMap<String, Array>) -> Result<Vec<BTreeMap<String, f64>>> {
    let (x, y, w) = (given(arrays, "x"), given(arrays, "y"), given(arrays, "w"));
    let (x, y, w) = (as_arrays(&x), as_arrays(&y), (!w.is_empty()).then(|| as_arrays(&w)));
    let samples = arrays["log_loss"].shape()[0];
    assert_eq!(samples, 10);
    let fit = model.fit((&*x, &*y)).epochs(5).batch_size(24).shuffle(false).verbose(Verbose::Silent);
    let history = match &w {
        Some(w) => fit.sample_weight(&**w).run()?,
        None => fit.run()?,
    };
    let step = |at: usize| history.iter().map(|(name, values)| (name.to_owned(), values[at])).collect();
    Ok((0..5).map(step).collect())
}

/// The arrays of a kind, by the rest of their names: that of `y` is "".
fn given<'a>(arrays: &'a BTreeMap<String, Array>, kind: &str) -> Vec<(&'a str, &'a Array)> {
    let rest = |name: &'a String| name.strip_prefix(kind).and_then(|rest| if rest.is_empty() { Some("") } else { rest.strip_prefix('_') });
    arrays.iter().filter_map(|(name, array)| Some((rest(name)?, array))).collect()
}

/// By name, unless there is only one.
fn as_arrays<'a>(arrays: &'a [(&'a str, &'a Array)]) -> Box<dyn AsArrays + 'a> {
    match arrays {
        [(_, array)] => Box::new(*array),
        _ => Box::new(arrays.iter().fold(Named::new(), |named, (name, array)| named.add(name, array))),
    }
}
