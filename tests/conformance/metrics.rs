//! Metrics: the result after each of several updates, the states at the end, and the config both ways.

use super::{
    case::{Case, Tolerance, wrong},
    objects::object,
};
use wgrad::{
    metrics::{Batch, Meter},
    prelude::*,
};

pub fn check(case: &Case) -> Result<()> {
    let metric = object::<dyn Metric>(case)?;
    let mut meter = Meter::new(&metric);
    let updates = case.json["n_updates"].as_u64().ok_or_else(|| wrong("n_updates is missing"))?;
    for at in 0..updates {
        let tensor = |name: &str| case.numbers(&format!("u{at}.{name}"))?.tensor();
        let first = tensor("0")?;
        let batch = tensor("1").map_or_else(|_| Batch::from(&first), |second| Batch::new(&first, &second));
        meter.update(tensor("w").map(|weight| batch.clone().sample_weight(&weight)).unwrap_or(batch))?;
        case.compare(&format!("r{at}"), &meter.result()?, Tolerance::of_device())?;
    }
    let states = case.series("state");
    if states.len() != meter.states().len() {
        return Err(wrong(format!("{} states, expected {}", meter.states().len(), states.len())));
    }
    for (at, state) in meter.states().iter().enumerate() {
        case.compare(&format!("state.{at}"), state, Tolerance::of_device())?;
    }
    Ok(())
}
