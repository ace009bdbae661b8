//! Augmentations: for what Keras drew, the same pixels, masks, labels and boxes.

use super::{
    case::{Case, Tolerance, wrong},
    layers::{config_both_ways, layer_json},
};
use wgrad::{
    config::{self, Value},
    layers::{Augmentation, Samples, Transformation},
    prelude::*,
};

/// Of images from 0 to 1 a ten thousandth, of those from 0 to 255 a thousandth.
const TOLERANCE: Tolerance = Tolerance { absolute: 1e-4, relative: 0.0, of_largest: 4e-6 };

/// What was drawn; values of layers inside have their path.
fn drawn(case: &Case, path: &str) -> Result<Transformation> {
    let mut names: Vec<&str> = case.tensors.keys().filter_map(|name| name.strip_prefix(path)).collect();
    names.sort_unstable();
    let own = names.iter().filter(|name| !name.contains('/'));
    let values: Vec<(&str, Tensor)> =
        own.map(|&name| Ok((name, case.numbers(&format!("{path}{name}"))?.tensor()?))).collect::<Result<_>>()?;
    let mut inside: Vec<&str> = names.iter().filter_map(|name| Some(name.split_once('/')?.0)).collect();
    inside.dedup();
    let start = Transformation::new(values);
    inside.into_iter().try_fold(start, |found, name| Ok(found.with(name, drawn(case, &format!("{path}{name}/"))?)))
}

pub fn check(case: &Case) -> Result<()> {
    let json = layer_json(case);
    let layer = config::read(|reader| LayerRef::from_json(&json, reader))?;
    let tensor = |name: &str| case.tensors.get(name).map(|numbers| numbers.tensor()).transpose();
    let mut samples = Samples::new(&case.numbers("in.images")?.tensor()?);
    samples.labels = tensor("in.labels")?;
    samples.segmentation_masks = tensor("in.masks")?;
    if let (Some(boxes), Some(classes)) = (tensor("in.boxes")?, tensor("in.classes")?) {
        samples = samples.bounding_boxes(&boxes, &classes);
    }
    let drawn = drawn(case, "drawn.")?;
    let transform = |layer: &dyn Augmentation| layer.transform(&samples, &drawn);
    let found = layer.as_augmentation(transform).ok_or_else(|| wrong("the layer is no augmentation"))??;
    let boxes = found.bounding_boxes.map(|found| [found.boxes, found.labels]);
    let [boxes, classes] = boxes.map_or([None, None], |found| found.map(Some));
    for (name, found) in [
        ("out.images", Some(found.images)),
        ("out.labels", found.labels),
        ("out.masks", found.segmentation_masks),
        ("out.boxes", boxes),
        ("out.classes", classes),
    ] {
        if let Some(found) = found {
            case.compare(name, &found, TOLERANCE)?;
        }
    }
    // A call draws by itself.
    let called = samples.through(&layer, &mut Call::new(Training::Yes, 1, 0))?.images;
    if called.shape()[..] != case.numbers("out.images")?.shape {
        return Err(wrong(format!("a call gives {}", called.shape())));
    }
    called.compute()?;
    config_both_ways(&layer, &json)
}
