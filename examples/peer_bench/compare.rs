//! Puts the JSON files of several benches side by side as a Markdown table.

use serde_json::Value;
use wgrad::prelude::*;

/// Prints a row for each case of the first file: times in milliseconds, and how many times as fast as the best other one it is.
pub fn compare(files: &[&str]) -> Result<()> {
    let read = |file: &&str| -> Result<Value> {
        let text = std::fs::read_to_string(file).map_err(|error| Error::from(error).at(file))?;
        serde_json::from_str(&text).map_err(|error| Error::new(ErrorKind::Invalid, error.to_string()).at(file))
    };
    let benches = files.iter().map(read).collect::<Result<Vec<Value>>>()?;
    let Some((ours, others)) = benches.split_first() else { return Err(Error::new(ErrorKind::Invalid, "--compare takes JSON files")) };
    let title = |bench: &Value| format!("{} {}", bench["name"].as_str().unwrap_or("?"), bench["version"].as_str().unwrap_or(""));
    let titles: Vec<String> = benches.iter().map(title).collect();
    println!("| case | {} | times as good |", titles.join(" | "));
    println!("|---|{}", "---|".repeat(benches.len() + 1));
    for case in ours["cases"].as_object().into_iter().flat_map(|cases| cases.keys()) {
        let amounts: Vec<Option<f64>> = benches.iter().map(|bench| amount(&bench["cases"][case])).collect();
        let cells: Vec<String> = benches.iter().map(|bench| cell(&bench["cases"][case])).collect();
        let best = amounts[1..].iter().flatten().copied().min_by(f64::total_cmp);
        let ratio = best.zip(amounts[0]).map_or(String::new(), |(best, mine)| format!("{:.2}", best / mine));
        println!("| {case} | {} | {ratio} |", cells.join(" | "));
    }
    let missing = others.iter().flat_map(|bench| bench["cases"].as_object()).flat_map(|cases| cases.keys());
    let mut missing: Vec<&String> = missing.filter(|case| ours["cases"].get(case.as_str()).is_none()).collect();
    missing.sort();
    missing.dedup();
    if !missing.is_empty() {
        println!("\nOnly others have {missing:?}.");
    }
    Ok(())
}

/// The number by which cases are compared; less is better.
fn amount(case: &Value) -> Option<f64> {
    case["median_ms"].as_f64().or_else(|| case.as_f64())
}

/// Median time with the rate beside it, or the plain number.
fn cell(case: &Value) -> String {
    let Some(median) = case["median_ms"].as_f64() else {
        return case.as_f64().map_or(String::new(), |number| if number < 10.0 { format!("{number:.2}") } else { format!("{number:.0}") });
    };
    let rate = case.as_object().into_iter().flatten().find(|(key, _)| *key != "median_ms" && *key != "min_ms");
    let rate = rate.and_then(|(unit, rate)| Some(format!(", {:.0} {}", rate.as_f64()?, unit.replace('_', " "))));
    format!("{median:.3} ms{}", rate.unwrap_or_default())
}
