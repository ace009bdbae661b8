//! Models in files: Keras' `.keras` archives and `.weights.h5` both ways, and its older `.h5`, which is read only.
//!
//! Reading a file runs no code and takes time and memory in proportion to its size; saving is atomic.

use super::{Model, assets, legacy, weights};
use crate::{
    Error, Result,
    config::Json,
    formats::{atomic, hdf5::Group, shards, zip},
    layers,
};
use std::path::Path;

/// The version of Keras whose files these are.
const KERAS_VERSION: &str = "3.15.1";

/// The entries of a `.keras` archive.
const METADATA: &str = "metadata.json";
const CONFIG: &str = "config.json";
const WEIGHTS: &str = "model.weights.h5";

/// The model in a `.keras` file, in a folder that one was unpacked to, or in an `.h5` file of older versions, with its weights, on
/// the current device, compiled as it was saved: training goes on where it was. One whose `compile_config` cannot be used (a loss of
/// your own that is not registered) is there all the same; its `fit` tells why.
///
/// ```
/// use wgrad::{models::load_model, prelude::*};
/// let model = Sequential::new().add(Input::new([4])).add(Dense::new(3)).build()?;
/// let path = std::env::temp_dir().join("wgrad-load-model-example.keras");
/// model.save(&path)?;
/// let x = Tensor::ones([2, 4]);
/// let (y, loaded) = (model.call(&x, Training::No)?, load_model(&path)?.call(&x, Training::No)?);
/// assert_eq!(y.to_vec::<f32>()?, loaded.to_vec::<f32>()?);
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), wgrad::Error>(())
/// ```
///
/// # Errors
/// `Io` when the file cannot be read; else `Data` or `Shape` with its path, and all classes, options and weights that do not fit.
#[doc(alias = "keras.models.load_model")]
#[doc(alias = "keras.saving.load_model")]
pub fn load_model(path: impl AsRef<Path>) -> Result<Model> {
    let path = path.as_ref();
    let is_legacy = path.extension().is_some_and(|extension| extension == "h5" || extension == "hdf5");
    let model = if is_legacy { legacy::load(&Group::open(path)?) } else { read(zip::Archive::open(path)?) };
    model.map_err(|error| error.at(path.display()))
}

/// The model in a `.keras` file that is in memory, as [`load_model`].
///
/// ```
/// use wgrad::{models::read_model, prelude::*};
/// let model = Sequential::new().add(Input::new([4])).add(Dense::new(3)).build()?;
/// let path = std::env::temp_dir().join("wgrad-read-model-example.keras");
/// model.save(&path)?;
/// let (x, read) = (Tensor::ones([2, 4]), read_model(std::fs::read(&path)?)?);
/// assert_eq!(read.call(&x, Training::No)?.to_vec::<f32>()?, model.call(&x, Training::No)?.to_vec::<f32>()?);
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), wgrad::Error>(())
/// ```
///
/// # Errors
/// `Data` or `Shape`, with the entry of the archive.
pub fn read_model(bytes: Vec<u8>) -> Result<Model> {
    read(zip::Archive::read(bytes)?)
}

fn read(mut archive: zip::Archive) -> Result<Model> {
    let (config, content) = (archive.entry(CONFIG)?, archive.entry(WEIGHTS)?);
    let file = Group::read(&content).map_err(|error| error.at(WEIGHTS))?;
    drop(content);
    let config = parse(&config).map_err(|error| error.at(CONFIG))?;
    let model = make(&config, &file).map_err(|error| error.at(CONFIG))?;
    weights::read(&model, &file).map_err(|error| error.at(WEIGHTS))?;
    assets::read(&model.as_layer()?, &mut archive)?;
    Ok(model)
}

/// The model of a config, with no more in its weights than the file with their values holds, whatever the config claims.
pub(super) fn make(config: &Json, file: &Group) -> Result<Model> {
    let stored = weights::stored(file);
    layers::at_most(stored, || Model::from_config(config, false))
}

pub(super) fn parse(text: &[u8]) -> Result<Json> {
    crate::config::parse_json(text)
}

impl Model {
    /// Saves architecture, weights, what `compile` set and the optimizer's state as a `.keras` file that [`load_model`] and Keras
    /// open. Equal models give equal files: no date is noted.
    ///
    /// # Errors
    /// Before the model is built, for another extension, and when the file cannot be written; an older file then stays as it is.
    #[doc(alias = "keras.Model.save")]
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = ends_with(path.as_ref(), ".keras")?;
        let (config, metadata) = (self.to_json()?, serde_json::json!({ "keras_version": KERAS_VERSION }).to_string());
        let root = self.as_layer()?;
        let tree = weights::write(self)?;
        let encoded = tree.encode()?;
        atomic::write(path, |file| {
            let mut archive = zip::Writer::new(file);
            for (name, text) in [(METADATA, &metadata), (CONFIG, &config)] {
                archive.entry(name, text.len() as u64, |out| Ok(out.write_all(text.as_bytes())?))?;
            }
            archive.entry(WEIGHTS, encoded.size(), |out| Ok(encoded.write(out)?))?;
            for (name, content) in assets::write(&root) {
                archive.entry(&name, content.len() as u64, |out| Ok(out.write_all(&content)?))?;
            }
            archive.finish().map(drop)
        })
    }

    /// Saves the weights, and the state of the optimizer, as a `.weights.h5` file, for a model that is made of the same layers.
    ///
    /// # Errors
    /// Before the model is built, for another extension, and when the file cannot be written; an older file then stays as it is.
    #[doc(alias = "keras.Model.save_weights")]
    pub fn save_weights(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = ends_with(path.as_ref(), ".weights.h5")?;
        weights::write(self)?.save(path)
    }

    /// Saves the weights, and the state of the optimizer, as a `.weights.json` file that lists others beside it, each with at most `most_bytes` bytes of weights. No
    /// file is replaced before all are written.
    ///
    /// # Errors
    /// As [`save_weights`](Self::save_weights), and when a weight alone is larger.
    #[doc(alias = "max_shard_size")]
    pub fn save_weights_in_shards(&self, path: impl AsRef<Path>, most_bytes: u64) -> Result<()> {
        shards::save(path, weights::write(self)?, most_bytes)
    }

    /// Takes the weights of a `.weights.h5`, `.weights.json` or `.keras` file, or of an unpacked folder, that a model of the same layers
    /// saved, whatever those are called; a compiled model's optimizer takes its state.
    ///
    /// # Errors
    /// When the file cannot be read, or weights are missing, too many or of other shapes: all of them are named, and none is changed.
    #[doc(alias = "keras.Model.load_weights")]
    pub fn load_weights(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let is = |extension: &str| path.extension().is_some_and(|found| found == extension);
        let file = if is("json") {
            shards::open(path)?
        } else if is("keras") || path.is_dir() {
            let content = zip::Archive::open(path)?.entry(WEIGHTS);
            content.and_then(|content| Group::read(&content)).map_err(|error| error.at(path.display()))?
        } else {
            Group::open(path)?
        };
        weights::read(self, &file).map_err(|error| error.at(path.display()))
    }
}

/// `path`, if it ends as files of the kind do; Keras opens no others.
fn ends_with<'a>(path: &'a Path, end: &str) -> Result<&'a Path> {
    if path.to_string_lossy().ends_with(end) {
        return Ok(path);
    }
    Err(Error::invalid(format!("{}: the name of such a file ends in {end}", path.display())))
}
