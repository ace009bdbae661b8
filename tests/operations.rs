//! Graphs of `keras.ops` that the real Keras saved: each opens, predicts as there on every device, and comes back from our own JSON.
//! `tests/make_op_samples.py` makes them; `WGRAD_SAMPLES` names a folder of further ones, `ops/NAME/{model.keras, x_0.npy, pred_0.npy}`,
//! and with `WGRAD_AGAIN=1` each is saved beside as `again.keras`, for Keras to open.

mod support;

use libtest_mimic::Trial;
use serde_json::{Value as Json, json};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};
use wgrad::{
    data::{Array, AsArray, Values},
    formats::{npy, zip},
    models::load_model,
    prelude::*,
};

/// One graph with inputs and predictions.
struct Sample {
    model: Source,
    inputs: Vec<Array>,
    predictions: Vec<Array>,
}

enum Source {
    File(PathBuf),
    Config(String),
}

impl Sample {
    fn open(&self) -> Result<Model> {
        match &self.model {
            Source::File(path) => load_model(path),
            Source::Config(text) => Model::from_json(text),
        }
    }
}

/// The committed samples: an archive of their configs, and of their arrays one after another.
fn committed() -> Result<BTreeMap<String, Sample>> {
    let mut archive = zip::Archive::open(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/operations.zip"))?;
    let (list, arrays) = (archive.entry("samples.json")?, archive.entry("arrays.bin")?);
    let list: Json = serde_json::from_slice(&list).expect("JSON");
    let of = |sample: &Json, key: &str| -> Result<Vec<Array>> {
        let place = |place: &Json| (place[0].as_u64().unwrap_or(0) as usize, place[1].as_u64().unwrap_or(0) as usize);
        let places = sample[key].as_array().expect("a list").iter().map(place);
        places.map(|(start, length)| npy::read(&arrays[start..start + length])).collect()
    };
    let samples = list.as_object().expect("samples by name").iter();
    samples
        .map(|(name, sample)| {
            let model = Source::Config(sample["config"].as_str().expect("text").to_owned());
            Ok((name.clone(), Sample { model, inputs: of(sample, "x")?, predictions: of(sample, "pred")? }))
        })
        .collect()
}

/// Those of a folder.
fn further(folder: &Path) -> Result<BTreeMap<String, Sample>> {
    let mut out = BTreeMap::new();
    for entry in fs::read_dir(folder.join("ops"))? {
        let path = entry?.path();
        let arrays = |prefix: &str| -> Result<Vec<Array>> {
            (0..).map(|at| path.join(format!("{prefix}_{at}.npy"))).take_while(|file| file.exists()).map(npy::open).collect()
        };
        let sample = Sample { model: Source::File(path.join("model.keras")), inputs: arrays("x")?, predictions: arrays("pred")? };
        out.insert(path.file_name().unwrap_or_default().to_string_lossy().into_owned(), sample);
    }
    Ok(out)
}

fn numbers(array: &Array) -> Vec<f64> {
    match array.values() {
        Values::F32(values) => values.iter().map(|&x| f64::from(x)).collect(),
        Values::F64(values) => values.clone(),
        Values::F16(values) => values.iter().map(|x| x.to_f64()).collect(),
        Values::BF16(values) => values.iter().map(|x| x.to_f64()).collect(),
        Values::I32(values) => values.iter().map(|&x| f64::from(x)).collect(),
        Values::U8(values) => values.iter().map(|&x| f64::from(x)).collect(),
        Values::I64(values) => values.iter().map(|&x| x as f64).collect(),
        Values::Bool(values) => values.iter().map(|&x| f64::from(u8::from(x))).collect(),
        other => panic!("numbers, not {other:?}"),
    }
}

/// Keras' dtype, as devices have it.
fn device_dtype(dtype: DType) -> DType {
    match dtype {
        DType::I64 => DType::I32,
        DType::F64 => DType::F32,
        other => other,
    }
}

fn compare(found: &[Array], sample: &Sample, tolerance: f64) -> Result<(), String> {
    if found.len() != sample.predictions.len() {
        return Err(format!("{} outputs, not {}", found.len(), sample.predictions.len()));
    }
    for (at, (found, wanted)) in found.iter().zip(&sample.predictions).enumerate() {
        if found.shape() != wanted.shape() {
            return Err(format!("output {at} has shape {}, not {}", found.shape(), wanted.shape()));
        }
        let tolerance = if found.dtype() == DType::F16 {
            2e-3
        } else if found.dtype() == DType::BF16 {
            2e-2
        } else {
            tolerance
        };
        let (a, b) = (numbers(found), numbers(wanted));
        let close = |a: f64, b: f64| a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= tolerance * (1.0 + b.abs());
        if let Some(place) = (0..a.len()).find(|&place| !close(a[place], b[place])) {
            return Err(format!("output {at}: element {place} is {}, not {} of {:?}", a[place], b[place], &b[..b.len().min(12)]));
        }
        if device_dtype(found.dtype()) != device_dtype(wanted.dtype()) && found.dtype() != DType::BF16 {
            return Err(format!("output {at} is {}, not {}", found.dtype(), wanted.dtype()));
        }
    }
    Ok(())
}

fn predict(model: &Model, sample: &Sample) -> Result<Vec<Array>> {
    model.predict(&sample.inputs[..]).batch_size(64).run_all()?.iter().map(|output| Ok(output.as_array()?.into_owned())).collect()
}

fn check(sample: &Sample, device: &Device) -> Result<(), String> {
    let text = |error: Error| error.to_string();
    let tolerance = if *device == Device::cpu() { 1e-5 } else { 1e-4 };
    let model = sample.open().map_err(text)?;
    let found = predict(&model, sample).map_err(text)?;
    compare(&found, sample, tolerance)?;
    // What we write is read as the same graph.
    let again = Model::from_json(&model.to_json().map_err(text)?).map_err(|error| format!("written and read: {error}"))?;
    again.set_weights(&model.get_weights()).map_err(text)?;
    compare(&predict(&again, sample).map_err(text)?, sample, tolerance).map_err(|error| format!("written and read: {error}"))?;
    if let (Source::File(path), Some(_)) = (&sample.model, std::env::var_os("WGRAD_AGAIN")) {
        model.save(path.with_file_name("again.keras")).map_err(text)?;
    }
    Ok(())
}

/// A model of one op on inputs of these shapes, as files hold it. Where an argument is a number `n` in a string, it is input `n`.
fn graph(shapes: &[&[usize]], class: &str, config: Json, args: &[Json]) -> Result<Model> {
    let shape = |shape: &[usize]| std::iter::once(Json::Null).chain(shape.iter().map(|&size| size.into())).collect::<Json>();
    let mut layers: Vec<Json> = Vec::new();
    for (at, sizes) in shapes.iter().enumerate() {
        layers.push(json!({
            "module": "keras.layers", "class_name": "InputLayer", "name": format!("x{at}"), "inbound_nodes": [],
            "config": {"batch_shape": shape(sizes), "dtype": "float32", "name": format!("x{at}")},
        }));
    }
    let argument = |argument: &Json| match argument.as_str().and_then(|text| text.parse::<usize>().ok()) {
        Some(at) => json!({
            "class_name": "__keras_tensor__",
            "config": {"shape": shape(shapes[at]), "dtype": "float32", "keras_history": [format!("x{at}"), 0, 0]},
        }),
        None => argument.clone(),
    };
    let args: Vec<Json> = args.iter().map(argument).collect();
    layers.push(json!({
        "module": "keras.src.ops.numpy", "class_name": class, "registered_name": class, "config": config, "name": "op",
        "inbound_nodes": [{"args": args, "kwargs": {}}],
    }));
    let inputs: Vec<Json> = (0..shapes.len()).map(|at| json!([format!("x{at}"), 0, 0])).collect();
    let config = json!({"name": "model", "layers": layers, "input_layers": inputs, "output_layers": [["op", 0, 0]]});
    Model::from_json(&json!({"module": "keras", "class_name": "Functional", "config": config}).to_string())
}

/// What a file asks for and no op can do is an error that names the op, never a panic.
fn misfits(_: &Device) -> Result<()> {
    type Line<'a> = (&'a [&'a [usize]], &'a str, Json, &'a [Json], &'a [&'a str]);
    let (x, y) = (|| Json::from("0"), || Json::from("1"));
    let lines: &[Line] = &[
        (&[&[4], &[3]], "Add", json!({}), &[x(), y()], &["add", "(None, 4)", "(None, 3)"]),
        (&[&[4]], "Sum", json!({"axis": 7}), &[x()], &["sum", "axis 7", "(None, 4)"]),
        (&[&[4]], "Reshape", json!({"newshape": [-1, 3]}), &[x()], &["reshape", "[-1, 3]", "(None, 4)"]),
        (&[&[4]], "Reshape", json!({"newshape": [-1, -1]}), &[x()], &["reshape", "[-1, -1]"]),
        (&[&[4, 5], &[4, 5]], "Matmul", json!({}), &[x(), y()], &["matmul", "(None, 4, 5)"]),
        (&[&[4]], "Transpose", json!({"axes": [0, 0]}), &[x()], &["transpose", "[0, 0]"]),
        (&[&[4]], "GetItem", json!({}), &[x(), json!([0, 9])], &["position 9", "(None, 4)"]),
        (&[&[4]], "GetItem", json!({}), &[x(), json!([0, 0, 0])], &["3 indices", "(None, 4)"]),
        (&[&[4]], "GetItem", json!({}), &[x(), json!({"class_name": "__slice__", "config": {"step": 0}})], &["step of zero"]),
        (&[&[5]], "Split", json!({"indices_or_sections": 2, "axis": 1}), &[x()], &["split", "divisible by 2"]),
        (&[&[5]], "Squeeze", json!({"axis": 1}), &[x()], &["squeeze", "axis 1"]),
        (&[&[5]], "ExpandDims", json!({"axis": 9}), &[x()], &["expand_dims", "[9]"]),
        (&[&[4]], "OneHot", json!({"num_classes": 99_999_999_999u64}), &[x()], &["num_classes", "too large"]),
        (&[&[4]], "Sum", json!({"axes": 1}), &[x()], &["Sum", "unknown option \"axes\""]),
        (&[&[4]], "Add", json!({}), &[x()], &["add", "x2 is missing"]),
        (&[&[4]], "Add", json!({}), &[x(), json!([[1.0], [1.0, 2.0]])], &["add", "x2"]),
        (&[&[4]], "Cast", json!({"dtype": "complex64"}), &[x()], &["cast", "complex64"]),
        (&[&[4]], "WhileLoop", json!({}), &[x()], &["while_loop", "Python function"]),
        (&[&[4]], "Nonzero", json!({}), &[x()], &["nonzero", "depends on values"]),
        (&[&[4]], "Fancy", json!({}), &[x()], &["unknown op Fancy"]),
        (&[&[4, 4]], "Einsum", json!({"subscripts": "bij,bjk->bik"}), &[x()], &["einsum", "1 tensors"]),
        (&[&[4]], "Pad", json!({"pad_width": [[0, 0], [9, 0]], "mode": "reflect"}), &[x()], &["pad", "at least 10"]),
        (&[&[4]], "Tile", json!({"repeats": [-1]}), &[x()], &["tile", "-1"]),
        (&[&[4]], "BroadcastTo", json!({"shape": [2, 3]}), &[x()], &["broadcast", "(2, 3)"]),
        (&[&[3]], "Where", json!({}), &[x(), json!(1.0)], &["where", "x2"]),
    ];
    for (shapes, class, config, args, expected) in lines {
        let error = match graph(shapes, class, config.clone(), args) {
            Ok(_) => panic!("{class} {config} was made"),
            Err(error) => error.to_string(),
        };
        for text in *expected {
            assert!(error.contains(text), "{class} {config}: {text:?} is not in: {error}");
        }
    }
    Ok(())
}

/// A function of tensors that symbols know too.
type Chain = fn(&[Tensor]) -> Vec<Tensor>;

/// Methods called on symbols calculate what they do with tensors, and are written as Keras' ops.
fn symbols(_: &Device) -> Result<()> {
    let chains: &[(&str, Chain)] = &[
        ("arithmetic", |x| vec![(&x[0] * 2.0 - 1.0).square() / (&x[1] + 3.0) % 0.7, 1.0 - x[0].pow(2), x[0].maximum(0.5f32)]),
        ("reductions", |x| vec![x[0].sum(&[1]), x[0].mean(&[-1]), x[0].max(&[1, 2]), x[0].var(&[1]), x[0].logsumexp(&[2]), x[0].prod(&[])]),
        ("kept axes", |x| vec![&x[0] - x[0].mean(&[-1]).keep_dims(x[0].shape(), &[-1]), x[0].std(&[1]).expand_dims(1)]),
        ("places", |x| vec![x[0].argmax(-1), x[0].argmin(1), x[0].argsort(-1), x[0].sort(1), x[0].top_k(2).0]),
        ("shapes", |x| vec![x[0].reshape([x[0].shape()[0], 12]), x[0].permute(&[0, 2, 1]), x[0].swap_axes(1, 2), x[0].flip(&[1])]),
        ("parts", |x| vec![x[0].at(&[All, (1..).into()]), x[0].at(&[Index::Rest, (-1).into()]), x[0].at(&[All, All.step(-2)])]),
        ("pieces", |x| [x[0].split(2, 2), x[0].split_sizes(&[1, 2], 1), x[0].unstack(1)].concat()),
        ("joined", |x| vec![Tensor::concat(&[&x[0], &x[1]], 1), Tensor::stack(&[&x[0], &x[1]], -1)]),
        ("products", |x| vec![x[0].matmul(&x[1].swap_axes(1, 2)), x[0].tensordot(&Tensor::ones([4, 2]), &[2], &[0])]),
        ("einsum", |x| vec![Tensor::einsum("bij,bkj->bik", &[&x[0], &x[1]]).unwrap()]),
        ("comparisons", |x| vec![x[0].greater(&x[1]), x[0].less(0.5), x[0].greater(0.0) & x[1].greater(0.0), !x[0].equal(&x[1])]),
        ("choices", |x| vec![Tensor::where_(&x[0].greater(0.0), &x[0], &x[1]), x[0].clip(-0.5, 0.5), x[0].relu6(), x[0].leaky_relu(0.3)]),
        ("activations", |x| vec![x[0].gelu(), x[0].gelu_tanh(), x[0].softmax(-1), x[0].silu(), x[0].glu(-1), x[0].elu(0.5)]),
        ("casts", |x| vec![x[0].cast(DType::I32), x[0].greater(0.0).cast(DType::F32), x[0].zeros_like(), x[0].ones_like()]),
        ("borders", |x| vec![x[0].pad(&[(0, 0), (1, 0), (0, 2)], 0.5), x[0].pad_reflect(&[(0, 0), (1, 1), (0, 0)]), x[0].tile(&[1, 2, 1])]),
        ("triangles", |x| vec![x[0].tril(0), x[0].triu(1), x[0].diagonal(0), x[0].roll(1, 1), x[0].repeat(2, 1)]),
        ("running", |x| vec![x[0].cumsum(1), x[0].cumprod(-1), x[0].diff(-1)]),
        ("composed", |x| {
            vec![x[0].hypot(&x[1]), x[0].logaddexp(&x[1]), x[0].nan_mean(&[1]), x[0].median(&[1]), x[0].move_axes(&[1], &[-1])]
        }),
        ("taken", |x| vec![x[0].take(&Tensor::from([1, 0]), 1), x[0].argmax(-1).one_hot(4)]),
        ("moments", |x| vec![x[0].moments(&[1]).1, x[0].layer_norm(&[-1], None, None, 1e-3), x[0].stop_gradient()]),
    ];
    let data: Vec<f32> = (0..48).map(|i| ((i * 37 % 48) as f32 - 24.0) / 12.0).collect();
    let (a, b) = (Tensor::from_slice(&data[..24], [2, 3, 4])?, Tensor::from_slice(&data[24..], [2, 3, 4])?);
    for (name, chain) in chains {
        let x = [Input::new([3, 4]).symbol(), Input::new([3, 4]).symbol()];
        let y = chain(&x);
        let model = Model::new([&x[0], &x[1]], &y[..]).unwrap_or_else(|error| panic!("{name}: {error}"));
        let again = Model::from_json(&model.to_json()?)?;
        let wanted = chain(&[a.clone(), b.clone()]);
        for model in [&model, &again] {
            for (at, (found, wanted)) in model.call_all((&a, &b), Training::No)?.iter().zip(&wanted).enumerate() {
                assert_eq!((found.shape(), found.dtype()), (wanted.shape(), wanted.dtype()), "{name} {at}");
                let (found, wanted) = (found.cast(DType::F32).to_vec::<f32>()?, wanted.cast(DType::F32).to_vec::<f32>()?);
                let close = found.iter().zip(&wanted).all(|(a, b)| a == b || (a - b).abs() < 1e-5 * (1.0 + b.abs()));
                assert!(close, "{name} {at}: {found:?} is not {wanted:?}");
            }
        }
    }
    // What a graph does not hold is told by the model that is made of it.
    let x = Input::new([3, 4]).symbol();
    let error = Model::new(&x, &x.matmul(&x)).unwrap_err().to_string();
    assert!(error.contains("matmul") && error.contains("(None, 3, 4)"), "{error}");
    let error = Model::new(&x, &x.cumulative_sum(1, true, false)).unwrap_err().to_string();
    assert!(error.contains("cumsum") && error.contains("graph"), "{error}");
    Ok(())
}

fn main() {
    let read = |samples: Result<BTreeMap<String, Sample>>| samples.unwrap_or_else(|error| panic!("samples: {error}"));
    let mut samples = read(committed());
    if let Some(folder) = std::env::var_os("WGRAD_SAMPLES") {
        samples.extend(read(further(Path::new(&folder))));
    }
    type Test = fn(&Device) -> Result<()>;
    let tests: [(&'static str, Test); 2] =
        [("misfits are errors that name the op", misfits), ("symbols know the methods of tensors", symbols)];
    let devices = support::devices();
    let mut trials: Vec<Trial> = support::trials(tests);
    for (name, sample) in samples {
        let sample = Arc::new(sample);
        for device in &devices {
            let sample = sample.clone();
            trials.push(support::trial(&name, device, move |device| check(&sample, device)));
        }
    }
    support::run(trials, false);
}
