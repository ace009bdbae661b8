//! Forecasts a time series with an LSTM, tomorrow's lowest temperature from those of the last 30 days:
//! `cargo run --release --example forecast -- --data FILE`.
//!
//! The file is `daily-min-temperatures.csv` in the folder `timeseries` of `WGRAD_DATA`, or what `--data` names: a table with a column
//! `Temp`, here of Melbourne from 1981 to 1990. The last tenth, a year, is held out.

#[path = "support/args.rs"]
mod args;
#[path = "support/table.rs"]
mod table;

use table::Table;
use wgrad::prelude::*;

/// Days that a forecast looks at.
const DAYS: usize = 30;

pub fn model() -> Result<Model> {
    Sequential::new().add(Input::new([DAYS, 1])).add(LSTM::new(32)).add(Dense::new(1).name("tomorrow")).build()
}

/// Each stretch of days, and the day behind it.
fn windows(days: &[f32]) -> Result<(Array, Array)> {
    let count = days.len().saturating_sub(DAYS);
    let x: Vec<f32> = days.windows(DAYS).take(count).flatten().copied().collect();
    Ok((Array::new(x, [count, DAYS, 1])?, Array::new(days[days.len() - count..].to_vec(), [count, 1])?))
}

fn main() -> Result<()> {
    let args = args::Args::parse(&["--data", "--epochs", "--device"]);
    args.text("--device").map_or_else(Device::best, str::parse)?.set_default();
    set_random_seed(7);
    let folder = std::env::var("WGRAD_DATA").unwrap_or_default();
    let path = args.text("--data").map_or_else(|| format!("{folder}/timeseries/daily-min-temperatures.csv"), str::to_owned);
    let table = Table::read(&path, &["Temp"])?;
    let (mean, deviation) = table.statistics()[0];
    let days: Vec<f32> = table.rows.iter().map(|row| (row[0] - mean) / deviation).collect();
    let (train, test) = days.split_at(days.len() - days.len() / 10);
    // The first forecast of the held-out days looks back at those before.
    let test = &days[train.len() - DAYS..train.len() + test.len()];
    let ((x, y), (x_test, y_test)) = (windows(train)?, windows(test)?);

    let mut model = model()?;
    model.summary();
    model.compile(Adam::new(3e-3), MeanSquaredError::new()).metric(RootMeanSquaredError::new()).finish()?;
    model.fit((&x, &y)).epochs(args.number("--epochs", 10)).batch_size(64).validation_data((&x_test, &y_test)).run()?;

    let guesses: Vec<f32> = model.predict(&x_test).run()?.to_vec()?;
    let error = |guesses: &[f32]| {
        let truth = &test[DAYS..];
        truth.iter().zip(guesses).map(|(day, guess)| (day - guess).abs()).sum::<f32>() / truth.len() as f32 * deviation
    };
    let (error, same) = (error(&guesses), error(&test[DAYS - 1..]));
    println!("mean absolute error on held-out days: {error:.2} degrees; of always saying today's temperature: {same:.2}");
    Ok(())
}
