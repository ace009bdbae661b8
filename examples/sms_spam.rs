//! Tells spam from other messages, from raw text to an answer in one model: `cargo run --release --example sms_spam -- --data FILE`.
//!
//! The file is `SMSSpamCollection` in the folder `sms-spam` of `WGRAD_DATA`, or what `--data` names: a message a line, "ham" or "spam" and
//! a tab in front. The last tenth of the messages, in an order of their own, is held out. The trained model is saved with its
//! vocabulary to `--save FILE`, and what is loaded from there answers.

#[path = "support/args.rs"]
mod args;

use wgrad::{layers::Adapt, prelude::*, random::RandomKey};

/// Messages, and whether each is spam.
fn read(path: &str) -> Result<(Vec<String>, Vec<f32>)> {
    let text = std::fs::read_to_string(path).map_err(|error| Error::new(ErrorKind::Io, format!("{path}: {error}")))?;
    let rows: Vec<(&str, &str)> = text.lines().filter_map(|line| line.split_once('\t')).collect();
    let order = RandomKey::new(7, "messages", 0).permutation(rows.len());
    Ok(order.into_iter().map(|at| (rows[at].1.to_owned(), f32::from(u8::from(rows[at].0 == "spam")))).unzip())
}

fn model(messages: &[String]) -> Result<Model> {
    let words = TextVectorization::new().max_tokens(4000).output_sequence_length(48);
    words.adapt(messages)?;
    Sequential::new()
        .add(Input::new(dims![]).dtype(DType::Str).name("message"))
        .add(words)
        .add(Embedding::new(4000, 16))
        .add(GlobalAveragePooling1D::new())
        .add(Dense::new(16).activation(Relu))
        .add(Dense::new(1).activation(Sigmoid).name("spam"))
        .build()
}

fn main() -> Result<()> {
    let args = args::Args::parse(&["--data", "--epochs", "--device", "--save"]);
    args.text("--device").map_or_else(Device::best, str::parse)?.set_default();
    set_random_seed(7);
    let folder = std::env::var("WGRAD_DATA").unwrap_or_default();
    let path = args.text("--data").map_or_else(|| format!("{folder}/sms-spam/SMSSpamCollection"), str::to_owned);
    let (messages, spam) = read(&path)?;
    let held_out = messages.len() / 10;
    let (train, test) = messages.split_at(messages.len() - held_out);
    let (y, y_test) = spam.split_at(train.len());
    let column = |y: &[f32]| Array::new(y.to_vec(), [y.len(), 1]);
    let (x, x_test, y, y_test) = (train.to_vec(), test.to_vec(), column(y)?, column(y_test)?);

    let mut model = model(train)?;
    model.summary();
    model.compile(Adam::new(5e-3), BinaryCrossentropy::new()).metric(BinaryAccuracy::new()).finish()?;
    model.fit((&x, &y)).epochs(args.number("--epochs", 5)).batch_size(64).run()?;
    println!("held-out accuracy: {:.3}", model.evaluate((&x_test, &y_test)).run()?["binary_accuracy"]);

    let file = args.text("--save").map_or_else(|| std::env::temp_dir().join("sms_spam.keras"), Into::into);
    model.save(&file)?;
    let loaded = wgrad::models::load_model(&file)?;
    let questions = ["Are we still meeting for lunch at noon?", "WINNER!! Claim your free prize now, call 09061701461", "ok c u later"];
    let answers: Vec<f32> = loaded.predict(&questions).run()?.to_vec()?;
    for (question, answer) in questions.iter().zip(answers) {
        println!("{:>5.1}% spam: {question}", 100.0 * answer);
    }
    println!("the model with its vocabulary is {}", file.display());
    Ok(())
}
