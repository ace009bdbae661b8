//! Models in files: what Keras saved predicts as it did there, what is saved here comes back, and what is wrong with a file is said.

mod support;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};
use wgrad::{
    data::Values,
    formats::{hdf5::Group, npy, zip},
    layers::Assets,
    prelude::*,
};

fn main() {
    type Test = fn(&Device) -> Result<()>;
    let tests: [(&'static str, Test); 12] = [
        ("models of Keras predict as there", keras),
        ("weights of Keras are taken", keras_weights),
        ("a functional model of Keras predicts as there, and comes back", functional),
        ("other files of Keras come back", samples),
        ("layers inside attention are called as in Keras", attention),
        ("a model comes back", round_trip),
        ("a shared layer is saved once", shared),
        ("weights that do not fit are all named, and none is taken", misfits),
        ("files that hold no model", no_models),
        ("weights in several files", sharded),
        ("an unpacked file is read like a packed one", unpacked),
        ("layers keep files beside their weights", assets),
    ];
    support::run(support::trials(tests), false);
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/keras").join(name)
}

/// A folder that goes with its contents.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str, device: &Device) -> Result<Self> {
        let device = if *device == Device::cpu() { "cpu" } else { "gpu" };
        let path = std::env::temp_dir().join(format!("wgrad-files-{test}-{device}-{}", std::process::id()));
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Input and prediction of Keras for the samples called `seq`.
fn sample() -> Result<(Tensor, Vec<f32>)> {
    let arrays = npy::open_npz(fixture("seq.npz"))?;
    let floats = |at: usize| match arrays[at].1.values() {
        Values::F32(values) => values.clone(),
        other => panic!("floats, not {other:?}"),
    };
    Ok((Tensor::from_slice(&floats(0), arrays[0].1.shape())?, floats(1)))
}

fn predict(model: &Model, x: &Tensor) -> Result<Vec<f32>> {
    model.call(x, Training::No)?.to_vec()
}

fn assert_close(found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len());
    let difference = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(difference < 1e-5, "off by {difference}: {found:?} is not {expected:?}");
}

fn keras(_: &Device) -> Result<()> {
    let (x, expected) = sample()?;
    for name in ["seq.keras", "seq_legacy.h5"] {
        assert_close(&predict(&load_model(fixture(name))?, &x)?, &expected);
    }
    Ok(())
}

/// Predictions for the arrays that begin with another letter than `o`, in the order of the file.
fn predict_all(model: &Model, arrays: &[(String, Array)]) -> Result<Vec<Vec<f32>>> {
    let inputs: Vec<Array> = arrays.iter().filter(|(name, _)| !name.starts_with('o')).map(|(_, array)| array.clone()).collect();
    model.predict(&inputs[..]).run_all()?.iter().map(Tensor::to_vec).collect()
}

/// Groups of files are named after Python's attributes, some of which are private.
fn attention(device: &Device) -> Result<()> {
    let folder = Folder::new("attention", device)?;
    let path = folder.file("a.weights.h5");
    let x = Input::new([5, 8]).symbol();
    let h = MultiHeadAttention::new(2, 4).use_gate(true).apply([&x, &x]);
    Model::new(&x, &GroupQueryAttention::new(4, 4, 2).use_gate(true).apply([&h, &h]))?.save_weights(&path)?;
    let file = Group::open(&path)?;
    let inside = |layer: &str| file.group(layer).map(|group| group.groups.keys().cloned().collect::<Vec<_>>()).unwrap_or_default();
    let names = ["_gate_dense", "key_dense", "output_dense", "query_dense", "value_dense", "vars"];
    assert_eq!(inside("layers/multi_head_attention"), names);
    let names = ["_gate_dense", "_key_dense", "_output_dense", "_query_dense", "_value_dense", "vars"];
    assert_eq!(inside("layers/grouped_query_attention"), names);
    Ok(())
}

fn functional(device: &Device) -> Result<()> {
    let folder = Folder::new("functional", device)?;
    let arrays = npy::open_npz(fixture("func.npz"))?;
    let model = load_model(fixture("func.keras"))?;
    let found = predict_all(&model, &arrays)?;
    for ((_, expected), found) in arrays.iter().filter(|(name, _)| name.starts_with('o')).zip(&found) {
        let Values::F32(expected) = expected.values() else { panic!("floats, not {}", expected.dtype()) };
        assert_close(found, expected);
    }
    let path = folder.file("again.keras");
    model.save(&path)?;
    assert_eq!(predict_all(&load_model(&path)?, &arrays)?, found);
    Ok(())
}

/// What else Keras saved, in a folder of its own: it opens unless a class is missing, and comes back as it was.
fn samples(device: &Device) -> Result<()> {
    let Some(samples) = std::env::var_os("WGRAD_SAMPLES") else { return Ok(()) };
    let folder = Folder::new("samples", device)?;
    for entry in fs::read_dir(samples)? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "keras") {
            continue;
        }
        let model = match load_model(&path) {
            Ok(model) => model,
            Err(error) => {
                assert!(error.to_string().contains("unknown layer"), "{error}");
                continue;
            }
        };
        let again = folder.file("again.keras");
        model.save(&again)?;
        let loaded = load_model(&again)?;
        assert_eq!(loaded.to_json()?, model.to_json()?, "{}", path.display());
        for (one, other) in loaded.get_weights().iter().zip(model.get_weights()) {
            assert_eq!(one.to_vec::<f32>()?, other.to_vec::<f32>()?, "{}", path.display());
        }
    }
    Ok(())
}

fn keras_weights(_: &Device) -> Result<()> {
    let (x, expected) = sample()?;
    for name in ["seq.weights.h5", "seq.keras"] {
        let model = load_model(fixture("seq.keras"))?.clone_model()?;
        assert!(predict(&model, &x)? != expected);
        model.load_weights(fixture(name))?;
        assert_close(&predict(&model, &x)?, &expected);
    }
    Ok(())
}

fn cnn(classes: usize) -> Result<Model> {
    Sequential::new()
        .add(Input::new([6, 6, 2]))
        .add(Conv2D::new(4, 3).activation(Relu))
        .add(BatchNormalization::new())
        .add(Flatten::new())
        .add(Dense::new(classes).name("last"))
        .build()
}

fn round_trip(device: &Device) -> Result<()> {
    let folder = Folder::new("round-trip", device)?;
    let (path, again, weights) = (folder.file("a.keras"), folder.file("b.keras"), folder.file("a.weights.h5"));
    let mut model = cnn(3)?;
    let x = Tensor::ones([5, 6, 6, 2]);
    model.compile(SGD::new(0.1), SparseCategoricalCrossentropy::new().from_logits(true)).finish()?;
    model.fit((&x, &vec![0, 1, 2, 0, 1])).epochs(2).verbose(Verbose::Silent).run()?;
    let expected = predict(&model, &x)?;
    model.save(&path)?;
    let loaded = load_model(&path)?;
    assert_eq!(predict(&loaded, &x)?, expected);
    assert_eq!(loaded.get_layer("last")?.class_name(), "Dense");
    loaded.save(&again)?;
    assert!(fs::read(&path)? == fs::read(&again)?, "equal models give equal files");
    model.save_weights(&weights)?;
    let other = cnn(3)?;
    other.load_weights(&weights)?;
    assert_eq!(predict(&other, &x)?, expected);
    for (name, end) in [("a.h5", ".keras"), ("a", ".keras")] {
        assert!(model.save(folder.file(name)).unwrap_err().to_string().contains(end));
    }
    assert!(model.save_weights(folder.file("a.h5")).unwrap_err().to_string().contains(".weights.h5"));
    Ok(())
}

fn shared(device: &Device) -> Result<()> {
    let folder = Folder::new("shared", device)?;
    let (a, b) = (Input::new([3]).name("a").symbol(), Input::new([3]).name("b").symbol());
    let tower = Dense::new(2).name("tower");
    let y = Dense::new(2).apply(&(tower.clone().apply(&a) - tower.clone().apply(&b)));
    let model = Model::new([("a", &a), ("b", &b)], &y)?;
    let path = folder.file("siamese.keras");
    model.save(&path)?;
    let (one, two) = (Tensor::from([[1.0f32, 2.0, 3.0]]), Tensor::from([[0.5f32, 0.0, -1.0]]));
    let loaded = load_model(&path)?;
    let both = |model: &Model| model.call((&one, &two), Training::No)?.to_vec::<f32>();
    assert_eq!(both(&loaded)?, both(&model)?);
    let weights = Group::read(&zip::Archive::open(&path)?.entry("model.weights.h5")?)?;
    let layers = weights.group("layers").expect("there are layers");
    assert_eq!(layers.groups.keys().collect::<Vec<_>>(), ["dense", "dense_1"]);
    Ok(())
}

fn misfits(device: &Device) -> Result<()> {
    let folder = Folder::new("misfits", device)?;
    let path = folder.file("a.weights.h5");
    cnn(3)?.save_weights(&path)?;
    let other = cnn(4)?;
    let before = other.get_weights()[0].to_vec::<f32>()?;
    let error = other.load_weights(&path).unwrap_err().to_string();
    for text in ["a.weights.h5", "layers/dense/vars/0", "layers/dense/vars/1", "last/kernel", "(64, 4)", "(64, 3)"] {
        assert!(error.contains(text), "{text}: {error}");
    }
    assert_eq!(other.get_weights()[0].to_vec::<f32>()?, before);
    let small = Sequential::new().add(Input::new([2])).add(Dense::new(1)).build()?;
    small.save_weights(&path)?;
    let error = other.load_weights(&path).unwrap_err().to_string();
    assert!(error.contains("layers/conv2d/vars: layer conv2d has 2 weights, the file 0"), "{error}");
    Ok(())
}

fn no_models(device: &Device) -> Result<()> {
    let folder = Folder::new("no-models", device)?;
    let path = folder.file("a.keras");
    let told = |path: &Path| load_model(path).err().map(|error| error.to_string()).unwrap_or_default();
    assert!(told(&path).contains("a.keras"));
    let whole = fs::read(fixture("seq.keras"))?;
    for length in [0, 3, 1000, whole.len() - 1] {
        fs::write(&path, &whole[..length])?;
        assert!(told(&path).contains("a.keras"), "{length}");
    }
    let mut archive = zip::Writer::new(fs::File::create(&path)?);
    archive.entry("config.json", 2, |out| Ok(out.write_all(b"[]")?))?;
    archive.finish()?;
    assert!(told(&path).contains("model.weights.h5"), "{}", told(&path));
    // A config of a few bytes cannot claim a terabyte of weights.
    let mut archive = zip::Archive::open(fixture("seq.keras"))?;
    let mut forged = zip::Writer::new(fs::File::create(&path)?);
    for name in archive.names().to_vec() {
        let content = archive.entry(&name)?;
        let content = if name == "config.json" {
            String::from_utf8_lossy(&content).replace("\"units\": 5", "\"units\": 500000000000").into_bytes()
        } else {
            content
        };
        forged.entry(&name, content.len() as u64, |out| Ok(out.write_all(&content)?))?;
    }
    forged.finish()?;
    let error = told(&path);
    assert!(error.contains("config.json") && error.contains("500000000000") && error.contains("kernel"), "{error}");
    assert!(told(&fixture("seq.weights.h5")).contains("model_config"));
    Ok(())
}

fn sharded(device: &Device) -> Result<()> {
    let (x, expected) = sample()?;
    let model = load_model(fixture("seq.keras"))?;
    let other = || model.clone_model();
    let from_keras = other()?;
    from_keras.load_weights(fixture("shards.weights.json"))?;
    assert_close(&predict(&from_keras, &x)?, &expected);
    let folder = Folder::new("sharded", device)?;
    let path = folder.file("a.weights.json");
    model.save_weights_in_shards(&path, 1300)?;
    let count = fs::read_dir(folder.file(""))?.count();
    assert!(count > 2, "{count} files");
    let ours = other()?;
    ours.load_weights(&path)?;
    assert_close(&predict(&ours, &x)?, &expected);
    fs::remove_file(folder.file("a_00001.weights.h5"))?;
    let error = ours.load_weights(&path).unwrap_err().to_string();
    assert!(error.contains("a_00001.weights.h5"), "{error}");
    Ok(())
}

/// Unpacks an archive, as people do to look into it.
fn unpack(archive: &Path, folder: &Path) -> Result<()> {
    let mut archive = zip::Archive::open(archive)?;
    for name in archive.names().to_vec() {
        let path = folder.join(&name);
        fs::create_dir_all(path.parent().expect("a file lies in a folder"))?;
        fs::write(path, archive.entry(&name)?)?;
    }
    Ok(())
}

fn unpacked(device: &Device) -> Result<()> {
    let folder = Folder::new("unpacked", device)?;
    let path = folder.file("seq");
    unpack(&fixture("seq.keras"), &path)?;
    let (x, expected) = sample()?;
    assert_close(&predict(&load_model(&path)?, &x)?, &expected);
    let other = load_model(&path)?.clone_model()?;
    other.load_weights(&path)?;
    assert_close(&predict(&other, &x)?, &expected);
    fs::remove_file(path.join("config.json"))?;
    let error = load_model(&path).err().map(|error| error.to_string()).unwrap_or_default();
    assert!(error.contains("seq: config.json: there is no such file"), "{error}");
    Ok(())
}

/// Gives back what it is given, and keeps words in a file.
#[derive(Layer, Clone, Debug)]
#[layer(package = "test")]
struct Keeper {
    #[layer(skip)]
    words: Arc<Mutex<String>>,
}

impl SimpleLayer for Keeper {
    fn as_assets(&self) -> Option<&dyn Assets> {
        Some(self)
    }

    fn call(&self, _: &mut Call, x: &Tensor) -> Result<Tensor> {
        Ok(x.clone())
    }
}

impl Assets for Keeper {
    fn assets(&self) -> Vec<(String, Vec<u8>)> {
        vec![("inside/words.txt".into(), self.words.lock().unwrap().clone().into())]
    }

    fn set_assets(&self, files: &BTreeMap<String, Vec<u8>>) -> Result<()> {
        let words = files.get("inside/words.txt").ok_or_else(|| Error::new(ErrorKind::Data, "inside/words.txt is missing"))?;
        *self.words.lock().unwrap() = String::from_utf8_lossy(words).into_owned();
        Ok(())
    }
}

fn assets(device: &Device) -> Result<()> {
    let folder = Folder::new("assets", device)?;
    let (path, open) = (folder.file("a.keras"), folder.file("open"));
    let keeper = |words: &str| Keeper { words: Arc::new(Mutex::new(words.into())) };
    let model = Sequential::new().add(Input::new([2])).add(keeper("one").name("a")).add(keeper("two\nthree")).build()?;
    model.save(&path)?;
    let names = zip::Archive::open(&path)?.names().to_vec();
    assert_eq!(names[3..], ["assets/layers/keeper/inside/words.txt", "assets/layers/keeper_1/inside/words.txt"]);
    unpack(&path, &open)?;
    for path in [&path, &open] {
        let loaded = load_model(path)?;
        let words = loaded.layers().iter().filter_map(|layer| layer.with(|keeper: &Keeper| keeper.words.lock().unwrap().clone()));
        assert_eq!(words.collect::<Vec<_>>(), ["one", "two\nthree"]);
    }
    fs::remove_file(open.join(&names[4]))?;
    let error = load_model(&open).err().map(|error| error.to_string()).unwrap_or_default();
    assert!(error.contains("assets/layers/keeper_1/: inside/words.txt is missing"), "{error}");
    Ok(())
}
