//! What preprocessing layers learn from data and files, how models keep it, and what they say when data is wrong.

use std::{fs, path::PathBuf};
use wgrad::{
    data::Values,
    layers::{Adapt, HostLayer, OutputMode, Split},
    prelude::*,
};

fn temporary(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("wgrad-preprocessing-{}-{name}", std::process::id()))
}

fn integers(array: Array) -> Vec<i64> {
    match array.values() {
        Values::I64(values) => values.clone(),
        other => panic!("{other:?}"),
    }
}

fn on_cpu(body: impl FnOnce() -> Result<()>) {
    Device::cpu().scope(body).unwrap();
}

#[test]
fn files_and_batches_teach_the_same_vocabulary() {
    let texts = ["the cat, the dog", "a cat!", "The end\r", ""];
    let whole = TextVectorization::new();
    whole.adapt(&texts).unwrap();
    assert_eq!(whole.get_vocabulary(), ["", "[UNK]", "the", "cat", "end", "dog", "a"]);

    let path = temporary("lines.txt");
    fs::write(&path, texts.join("\n")).unwrap();
    let of_file = TextVectorization::new();
    of_file.adapt_file(&path).unwrap();
    assert_eq!(of_file.get_vocabulary(), whole.get_vocabulary());

    let batches = TextVectorization::new();
    let mut two = texts.chunks(2).map(|part| Ok(Array::from(part.iter().map(|&text| text.to_owned()).collect::<Vec<_>>())));
    batches.adapt_batches(&mut two).unwrap();
    assert_eq!(batches.get_vocabulary(), whole.get_vocabulary());

    fs::write(&path, b"fine\nnot \xff fine\n").unwrap();
    let error = of_file.adapt_file(&path).unwrap_err().to_string();
    assert!(error.contains("line 2: not UTF-8"), "{error}");
    fs::remove_file(&path).unwrap();
    assert_eq!(of_file.adapt_file(&path).unwrap_err().kind(), ErrorKind::Io);
}

#[test]
fn statistics_of_batches_are_those_of_all() {
    on_cpu(|| {
        let x: Vec<f32> = (0..24).map(|i| (i * 7 % 11) as f32 - 3.0).collect();
        let all = Array::new(x.clone(), [6, 2, 2])?;
        for axis in [vec![-1], vec![1, 2], vec![]] {
            let (whole, parts) = (Normalization::new().axis(axis.clone()), Normalization::new().axis(axis));
            whole.adapt(&all)?;
            let mut two = [(0, 2), (2, 6)].into_iter().map(|(from, to)| Array::new(x[from * 4..to * 4].to_vec(), [to - from, 2, 2]));
            parts.adapt_batches(&mut two)?;
            let x = Tensor::from_slice(&x, [6, 2, 2])?;
            let (one, other) = (whole.apply(&x).to_vec::<f32>()?, parts.apply(&x).to_vec::<f32>()?);
            assert!(one.iter().zip(&other).all(|(a, b)| (a - b).abs() < 1e-5), "{one:?}, {other:?}");
        }
        Ok(())
    });
}

#[test]
fn a_layer_learns_again_inside_of_a_model() {
    on_cpu(|| {
        let model = Sequential::new().add(Input::new([2])).add(Normalization::new().name("norm")).build()?;
        let x = Tensor::from([[1.0f32, 10.0], [3.0, 30.0]]);
        assert_eq!(model.call(&x, Training::No)?.to_vec::<f32>()?, x.to_vec::<f32>()?);
        model.get_layer("norm")?.adapt(&x)?;
        assert_eq!(model.call(&x, Training::No)?.to_vec::<f32>()?, [-1.0, -1.0, 1.0, 1.0]);
        let error = model.get_layer("norm")?.adapt(&Tensor::ones([4, 3])).unwrap_err().to_string();
        assert!(error.contains("built for (2,)"), "{error}");
        let dense = Dense::new(3).shared();
        assert!(dense.adapt(&x).unwrap_err().to_string().contains("nothing that it could learn"));
        Ok(())
    });
}

#[test]
fn bins_are_those_of_keras() {
    // By Keras 3.15: ten numbers at once, then four batches of 250.
    let one = Discretization::new().num_bins(4);
    one.adapt(&vec![0.5f32, -1.0, 3.0, 2.0, 8.0, -4.0, 0.0, 1.0, 6.0, 5.0]).unwrap();
    let wave = |at: usize| ((at * 37 % 1000) as f32 - 500.0) / 100.0;
    let many = Discretization::new().num_bins(5).epsilon(0.05);
    many.adapt_batches(&mut (0..4).map(|part| Ok(Array::from((part * 250..(part + 1) * 250).map(wave).collect::<Vec<_>>())))).unwrap();
    for (layer, expected) in [(one, &BINS_ONE[..]), (many, &BINS_MANY)] {
        let found = Tensor::from_slice(expected, [expected.len()]).unwrap();
        let below = Tensor::from_slice(&expected.iter().map(|x| x - 1e-3).collect::<Vec<_>>(), [expected.len()]).unwrap();
        let bins: Vec<i32> = (0..expected.len() as i32).collect();
        let shifted = |x: &Tensor, by: f32| layer.clone().apply(&(x + by)).to_vec::<i32>().unwrap();
        assert_eq!(shifted(&found, 1e-4), bins.iter().map(|bin| bin + 1).collect::<Vec<_>>());
        assert_eq!(shifted(&below, 0.0), bins);
    }
}

const BINS_ONE: [f32; 3] = [-0.5, 1.0, 4.0];
const BINS_MANY: [f32; 4] = [-2.94, -1.1, 0.85, 2.79];

#[test]
fn what_is_wrong_is_said() {
    let told = |result: Result<()>, expected: &str| {
        let error = result.expect_err(expected).to_string();
        assert!(error.contains(expected), "{error}\n  expected: {expected}");
    };
    let texts = ["a", "b"];
    told(StringLookup::new().adapt(&Vec::<String>::new()), "no data to learn from");
    told(Normalization::new().adapt(&Vec::<f32>::new()), "no data to learn from");
    told(Discretization::new().num_bins(3).adapt(&Vec::<f32>::new()), "no data to learn from");
    told(StringLookup::new().vocabulary(["a"]).adapt(&texts), "a vocabulary was given");
    told(StringLookup::new().adapt(&vec![1, 2]), "it looks up text, not int32");
    told(IntegerLookup::new().adapt(&texts), "it looks up integers, not text");
    told(Normalization::new().adapt(&texts), "takes numbers, not text");
    told(Discretization::new().num_bins(3).adapt(&texts), "takes numbers, not text");
    told(Discretization::new().bin_boundaries([1.0]).adapt(&vec![1.0f32]), "boundaries were given");
    told(StringLookup::new().transform(&texts).map(drop), "no vocabulary yet: give one, or call adapt");
    told(Discretization::new().num_bins(2).transform(&vec![1.0f32]).map(drop), "no boundaries yet");
    told(StringLookup::new().vocabulary(["a"]).num_oov_indices(0).transform(&texts).map(drop), "[\"b\"] are not in the vocabulary");
    told(StringLookup::new().set_vocabulary(["a", "b", "a"]), "terms more than once: [\"a\"]");
    told(StringLookup::new().max_tokens(2).set_vocabulary(["a", "b"]), "larger than max_tokens 2");
    told(StringLookup::new().set_vocabulary(Vec::<String>::new()), "the vocabulary is empty");
    told(StringLookup::new().output_mode(OutputMode::TfIdf).set_vocabulary(["a"]), "needed for it");
    told(
        StringLookup::new().output_mode(OutputMode::TfIdf).set_weighted_vocabulary(["a"], &[1.0, 2.0]),
        "2 idf_weights for a vocabulary of 1",
    );
    let text = Input::new([3]).dtype(DType::Str);
    told(Sequential::new().add(text.clone()).add(Dense::new(2)).build().map(drop), "its input is text, which stays on the host");
    let error = Sequential::new().add(text).add(StringLookup::new().output_mode(OutputMode::Count)).build().map(drop);
    told(error, "give one, or call adapt first");
}

#[test]
fn words_are_cut_as_tensorflow_cuts_them() {
    let layer = TextVectorization::new().without_standardize().split(Split::Whitespace).ngrams([2, 1]).vocabulary(["b c", "c", "a b"]);
    // A no-break space is none for TensorFlow.
    assert_eq!(integers(layer.transform(&[" a\tb \n c", "a\u{a0}b", "b c"]).unwrap()), [4, 2, 1, 1, 3, 1, 0, 0, 0, 0, 2, 1, 3, 0, 0]);
}

/// Texts of two kinds, told apart by one word.
fn notes() -> (Vec<String>, Tensor) {
    let texts = (0..64).map(|at| format!("{} note, number {at}!", if at % 2 == 0 { "Good" } else { "bad" })).collect();
    let kinds: Vec<f32> = (0..64).map(|at| (at % 2) as f32).collect();
    (texts, Tensor::from_slice(&kinds, [64, 1]).expect("64 numbers"))
}

#[test]
fn a_model_takes_text_in_training_prediction_and_files() {
    on_cpu(|| {
        let (texts, kinds) = notes();
        for mode in [OutputMode::Int, OutputMode::MultiHot, OutputMode::TfIdf] {
            let words = TextVectorization::new().output_mode(mode).max_tokens(60);
            words.adapt(&texts)?;
            let stack = Sequential::new().add(Input::new(dims![]).dtype(DType::Str)).add(words);
            let mut model = Seed(1).scope(|| match mode {
                OutputMode::Int => {
                    stack.add(Embedding::new(60, 8).mask_zero(true)).add(GlobalAveragePooling1D::new()).add(Dense::new(1)).build()
                }
                _ => stack.add(Dense::new(1)).build(),
            })?;
            model
                .compile(Adam::new(0.05), BinaryCrossentropy::new().from_logits(true))
                .metric(BinaryAccuracy::new().threshold(0.0))
                .finish()?;
            let history = model.fit((&texts, &kinds)).epochs(12).batch_size(10).verbose(Verbose::Silent).run()?;
            assert!(history["loss"].last() < history["loss"].first(), "{mode:?}: {history:?}");
            let scores = model.evaluate((&texts, &kinds)).verbose(Verbose::Silent).run()?;
            assert!(scores["binary_accuracy"] > 0.95, "{mode:?}: {scores:?}");

            let path = temporary(&format!("{mode:?}.keras"));
            model.save(&path)?;
            let loaded = load_model(&path)?;
            let (told, known) = (loaded.predict(&texts).run()?.to_vec::<f32>()?, model.predict(&texts).run()?.to_vec::<f32>()?);
            assert_eq!(told, known, "{mode:?}");
            fs::remove_file(path)?;
        }
        Ok(())
    });
}

#[test]
fn keras_text_model_predicts_what_it_did() {
    on_cpu(|| {
        let model = load_model(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/keras/text.keras"))?;
        let layer = model.get_layer("text_vectorization")?;
        assert_eq!(layer.with(|layer: &TextVectorization| layer.get_vocabulary()).unwrap_or_default(), ["", "[UNK]", "c", "b", "a"]);
        let found: Vec<f32> = model.predict(&["a b c", "C! zz", "c"]).run()?.to_vec()?;
        for (found, expected) in found.iter().zip(KERAS) {
            assert!((found - expected).abs() < 1e-6, "{found}, expected {expected}");
        }
        Ok(())
    });
}

const KERAS: [f32; 12] = [
    -0.009_465_543,
    0.018_355_71,
    -0.022_026_094,
    0.017_858_034,
    -0.009_779_579,
    -0.011_001_603,
    -0.009_016_53,
    0.012_086_567,
    0.016_454_7,
    -0.005_944_533_7,
    -0.026_711_715,
    -0.011_137_906,
];

/// Text, integers beyond 32 bits and floats into one model, preprocessing in a model of its own.
fn mixed() -> Result<Model> {
    let town = Input::new([1]).dtype(DType::Str).name("town").symbol();
    let id = Input::new([1]).dtype(DType::I64).name("id").symbol();
    let age = Input::new([1]).name("age").symbol();
    let towns = StringLookup::new().vocabulary(["Rome", "Oslo"]).output_mode(OutputMode::OneHot);
    let ids = IntegerLookup::new().vocabulary([1_i64 << 40, 7]);
    let bins = Discretization::new().bin_boundaries([20.0, 40.0]);
    let crossed = HashedCrossing::new(8).output_mode(OutputMode::OneHot).apply([&town, &bins.apply(&age)]);
    let ids = CategoryEncoding::new(3).apply(&ids.apply(&id));
    let scaled = Normalization::new().mean(30.0).variance(100.0).apply(&age);
    let all = Concatenate::new().apply([&towns.apply(&town), &crossed, &ids, &scaled]);
    let preprocessing = Model::new([&town, &id, &age], &all)?.as_layer()?;

    let inputs =
        [Input::new([1]).dtype(DType::Str).name("where"), Input::new([1]).dtype(DType::I64).name("who"), Input::new([1]).name("old")];
    let inputs = inputs.map(|input| input.symbol());
    let features = preprocessing.call_with([&inputs[0], &inputs[1], &inputs[2]]).apply();
    let answer = Dense::new(2).apply(&features);
    Seed(3).scope(|| Model::new([("where", &inputs[0]), ("who", &inputs[1]), ("old", &inputs[2])], &answer))
}

#[test]
fn the_host_part_may_lie_in_a_model_inside() {
    on_cpu(|| {
        let model = mixed()?;
        let town = Array::new(["Rome", "Oslo", "Bonn"].map(str::to_owned), [3, 1])?;
        let id = Array::new([7_i64, 1 << 40, 9], [3, 1])?;
        let age = Array::new([18.0f32, 30.0, 50.0], [3, 1])?;
        let predicted = model.predict(&[&town, &id, &age]).batch_size(2).run()?;
        let kernel = model.variables()[0].value();
        assert_eq!(kernel.shape()[..], [15, 2]);
        let crossed = HashedCrossing::new(8).transform_all(&[&town, &Array::new([0_i64, 1, 2], [3, 1])?])?;
        let place = |row: usize, one: usize| usize::from(row == one);
        let mut features = vec![vec![0.0f32; 15]; 3];
        for (row, bin) in integers(crossed).into_iter().enumerate() {
            features[row][[1, 2, 0][row]] = 1.0;
            features[row][3 + bin as usize] = 1.0;
            features[row][11 + 2 * place(row, 0) + place(row, 1)] = 1.0;
            features[row][14] = [-1.2, 0.0, 2.0][row];
        }
        let expected = Tensor::from_slice(&features.concat(), [3, 15])?.matmul(&kernel).to_vec::<f32>()?;
        let found = predicted.to_vec::<f32>()?;
        assert!(found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-5), "{found:?}, {expected:?}");

        let path = temporary("mixed.keras");
        model.save(&path)?;
        assert_eq!(load_model(&path)?.predict(&[&town, &id, &age]).run()?.to_vec::<f32>()?, found);
        fs::remove_file(path)?;
        Ok(())
    });
}

#[test]
fn text_where_a_device_needs_numbers_is_refused() {
    on_cpu(|| {
        let told = |result: Result<Tensor>, expected: &str| {
            let error = result.expect_err(expected).to_string();
            assert!(error.contains(expected), "{error}\n  expected: {expected}");
        };
        let numbers = Sequential::new().add(Input::new([1])).add(Dense::new(2)).build()?;
        told(numbers.predict(&["a"]).run(), "inputs are text, which no device holds");
        let lookup = || StringLookup::new().vocabulary(["a", "b"]);
        let text = || Input::new([1]).dtype(DType::Str);
        let texts = Sequential::new().add(text()).add(lookup()).build()?;
        told(texts.predict(&vec![1.0f32]).run(), "takes text, got float32");
        // Behind a layer of the device, a lookup would have to read it back.
        let behind = Sequential::new().add(Input::new([1])).add(Rescaling::new(2.0)).add(Hashing::new(3)).build()?;
        told(behind.predict(&Tensor::ones([2, 1])).run(), "it calculates on the host");
        let back = Sequential::new().add(Input::new([1]).dtype(DType::I64)).add(lookup().invert(true)).build()?;
        told(back.predict(&Array::new([1_i64], [1, 1])?).run(), "an output is text");
        Ok(())
    });
}
