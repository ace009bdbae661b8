//! Predicts house prices of Californian districts from the census of 1990: `cargo run --release --example housing -- --data FILE`.
//!
//! The file is `california-housing.csv` in the folder `tabular` of `WGRAD_DATA`, or what `--data` names. The last tenth of the
//! rows, in an order of their own, is held out.

#[path = "support/args.rs"]
mod args;
#[path = "support/table.rs"]
mod table;

use table::Table;
use wgrad::{prelude::*, random::RandomKey, regularizers::L2};

const COLUMNS: [&str; 9] = [
    "longitude",
    "latitude",
    "housing_median_age",
    "total_rooms",
    "total_bedrooms",
    "population",
    "households",
    "median_income",
    "median_house_value",
];

pub fn model() -> Result<Model> {
    let features = Input::new([COLUMNS.len() - 1]).name("features").symbol();
    let h = Dense::new(64).activation(Relu).kernel_regularizer(L2::new().l2(1e-5)).apply(&features);
    let h = Dense::new(64).activation(Relu).kernel_regularizer(L2::new().l2(1e-5)).apply(&h);
    let price = Dense::new(1).name("price").apply(&h);
    Model::new(&features, &price)
}

fn main() -> Result<()> {
    let args = args::Args::parse(&["--data", "--epochs", "--device"]);
    args.text("--device").map_or_else(Device::best, str::parse)?.set_default();
    set_random_seed(7);
    let folder = std::env::var("WGRAD_DATA").unwrap_or_default();
    let path = args.text("--data").map_or_else(|| format!("{folder}/tabular/california-housing.csv"), str::to_owned);
    let mut table = Table::read(&path, &COLUMNS)?;
    let order = RandomKey::new(7, "rows", 0).permutation(table.rows.len());
    table.rows = order.into_iter().map(|row| table.rows[row].clone()).collect();

    // All columns with mean 0 and standard deviation 1; the price too.
    let statistics = table.statistics();
    let scaled: Vec<Vec<f32>> =
        table.rows.iter().map(|row| row.iter().zip(&statistics).map(|(x, (mean, deviation))| (x - mean) / deviation).collect()).collect();
    let arrays = |rows: &[Vec<f32>]| -> Result<(Array, Array)> {
        let x: Vec<f32> = rows.iter().flat_map(|row| &row[..row.len() - 1]).copied().collect();
        let y: Vec<f32> = rows.iter().map(|row| row[row.len() - 1]).collect();
        Ok((Array::new(x, [rows.len(), COLUMNS.len() - 1])?, Array::new(y, [rows.len(), 1])?))
    };
    let (train, test) = scaled.split_at(scaled.len() - scaled.len() / 10);
    let ((x, y), (x_test, y_test)) = (arrays(train)?, arrays(test)?);

    let mut model = model()?;
    model.summary();
    model.compile(Adam::new(1e-3), MeanSquaredError::new()).finish()?;
    model.fit((&x, &y)).epochs(args.number("--epochs", 20)).batch_size(64.min(train.len())).validation_data((&x_test, &y_test)).run()?;

    let prices: Vec<f32> = test.iter().map(|row| row[row.len() - 1]).collect();
    let guesses: Vec<f32> = model.predict(&x_test).run()?.to_vec()?;
    let (_, deviation) = statistics[COLUMNS.len() - 1];
    let mean = |errors: Vec<f32>| errors.iter().sum::<f32>() / errors.len() as f32 * deviation;
    let error = mean(prices.iter().zip(&guesses).map(|(price, guess)| (price - guess).abs()).collect());
    let blind = mean(prices.iter().map(|price| price.abs()).collect());
    println!("mean absolute error on held-out districts: ${error:.0}; of always saying the mean: ${blind:.0}");
    Ok(())
}
