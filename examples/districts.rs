//! A model of two named inputs and two named outputs: where a district of California lies and what it is like say what a house costs
//! there and how much people earn. `cargo run --release --example districts -- --data FILE`.
//!
//! The file is `california-housing.csv` in the folder `tabular` of `WGRAD_DATA`, or what `--data` names. The last tenth of the
//! rows, in an order of their own, is held out.

#[path = "support/args.rs"]
mod args;
#[path = "support/table.rs"]
mod table;

use table::Table;
use wgrad::{metrics, prelude::*, random::RandomKey};

const PLACE: [&str; 2] = ["longitude", "latitude"];
const DISTRICT: [&str; 5] = ["housing_median_age", "total_rooms", "total_bedrooms", "population", "households"];
const RESULTS: [&str; 2] = ["median_house_value", "median_income"];

pub fn model() -> Result<Model> {
    let place = Input::new([PLACE.len()]).name("place").symbol();
    let district = Input::new([DISTRICT.len()]).name("district").symbol();
    let h = Concatenate::new().apply([&Dense::new(32).activation(Relu).apply(&place), &Dense::new(32).activation(Relu).apply(&district)]);
    let h = Dense::new(64).activation(Relu).apply(&h);
    let price = Dense::new(1).name("price").apply(&h);
    let rich = Dense::new(1).activation(Sigmoid).name("rich").apply(&h);
    Model::new([("place", &place), ("district", &district)], [("price", &price), ("rich", &rich)])
}

/// Inputs and targets of some rows, by name.
struct Samples {
    place: Array,
    district: Array,
    price: Array,
    rich: Array,
}

impl Samples {
    fn new(rows: &[Vec<f32>]) -> Result<Self> {
        let columns = |first: usize, count: usize| {
            let values: Vec<f32> = rows.iter().flat_map(|row| &row[first..first + count]).copied().collect();
            Array::new(values, [rows.len(), count])
        };
        // Richer than the mean of all districts.
        let rich: Vec<f32> = rows.iter().map(|row| f32::from(row[8] > 0.0)).collect();
        let (place, district) = (columns(0, PLACE.len())?, columns(PLACE.len(), DISTRICT.len())?);
        Ok(Self { place, district, price: columns(7, 1)?, rich: Array::new(rich, [rows.len(), 1])? })
    }

    fn inputs(&self) -> Named<'_> {
        Named::new().add("place", &self.place).add("district", &self.district)
    }

    fn targets(&self) -> Named<'_> {
        Named::new().add("price", &self.price).add("rich", &self.rich)
    }
}

fn main() -> Result<()> {
    let args = args::Args::parse(&["--data", "--epochs", "--device"]);
    args.text("--device").map_or_else(Device::best, str::parse)?.set_default();
    set_random_seed(7);
    let folder = std::env::var("WGRAD_DATA").unwrap_or_default();
    let path = args.text("--data").map_or_else(|| format!("{folder}/tabular/california-housing.csv"), str::to_owned);
    let table = Table::read(&path, &[&PLACE[..], &DISTRICT, &RESULTS].concat())?;
    let statistics = table.statistics();
    let order = RandomKey::new(7, "rows", 0).permutation(table.rows.len());
    let scaled = |row: usize| table.rows[row].iter().zip(&statistics).map(|(x, (mean, deviation))| (x - mean) / deviation).collect();
    let rows: Vec<Vec<f32>> = order.into_iter().map(scaled).collect();
    let (train, test) = rows.split_at(rows.len() - rows.len() / 10);
    let (train, test) = (Samples::new(train)?, Samples::new(test)?);

    let mut model = model()?;
    model.summary();
    let losses = Losses::new().add("price", MeanSquaredError::new()).add("rich", BinaryCrossentropy::new());
    let compile = model.compile(Adam::new(1e-3), losses).loss_weight("rich", 0.5);
    compile.metric_of("price", metrics::MeanAbsoluteError::new()).metric_of("rich", BinaryAccuracy::new()).finish()?;
    let (inputs, targets) = (train.inputs(), train.targets());
    model.fit((&inputs, &targets)).epochs(args.number("--epochs", 10)).batch_size(64).run()?;

    let scores = model.evaluate((&test.inputs(), &test.targets())).batch_size(256).run()?;
    let dollars = scores["price_mean_absolute_error"] * f64::from(statistics[7].1);
    println!(
        "on held-out districts: prices off by ${dollars:.0}, {:.1}% told rightly rich or poor",
        100.0 * scores["rich_binary_accuracy"]
    );
    Ok(())
}
