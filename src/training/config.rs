//! What `compile` set, as Keras' files hold it, both ways.

use super::{
    Losses,
    compile::{Chosen, Compiled},
};
use crate::{
    Result,
    config::{self, Fields, Json, Kind, Object, Options, Reader, Value},
    losses::Loss,
    metrics::Metric,
};

/// Strings that mean [`Accuracy`](crate::metrics::Accuracy), which becomes one of three; as an object Keras' counts equal numbers.
const ACCURACY: [&str; 2] = ["accuracy", "acc"];

impl Compiled {
    /// The `compile_config` for a model of these outputs.
    pub(crate) fn to_json(&self, outputs: &[String]) -> Json {
        let for_each = |value: &dyn Fn(&str) -> Json| match outputs {
            [output] => value(output),
            _ => outputs.iter().map(|output| (output.clone(), value(output))).collect::<Options>().into(),
        };
        let loss = |output: &str| self.losses.of(output).to_json();
        let weight = |output: &str| self.loss_weight(output).to_json();
        let metrics = |weighted: bool| {
            let asked = |chosen: &&Chosen| chosen.weighted == weighted;
            let of = |output: &str| -> Json {
                let own = self.metrics.iter().filter(asked).filter(|chosen| chosen.output.as_ref().is_none_or(|name| name == output));
                own.map(|chosen| write_metric(&chosen.metric)).collect()
            };
            if self.metrics.iter().any(|chosen| asked(&chosen)) { for_each(&of) } else { Json::Null }
        };
        serde_json::json!({
            "optimizer": self.optimizer.to_json(),
            "loss": for_each(&loss),
            "loss_weights": if self.loss_weights.is_empty() { Json::Null } else { for_each(&weight) },
            "metrics": metrics(false),
            "weighted_metrics": metrics(true),
            "run_eagerly": self.run_eagerly,
            "steps_per_execution": 1,
            "jit_compile": "auto",
        })
    }

    /// The way back.
    ///
    /// # Errors
    /// All classes and options that are not known.
    pub(crate) fn from_json(json: &Json, outputs: &[String]) -> Result<Self> {
        let Json::Object(options) = json.clone() else { return config::read(|reader| reader.expected("an object", json)) };
        config::read(|reader| Fields::read(options, reader, |fields| Self::read(fields, outputs)))
    }

    fn read(fields: &mut Fields, outputs: &[String]) -> Option<Self> {
        // How TensorFlow runs its steps.
        ["steps_per_execution", "jit_compile", "auto_scale_loss"].into_iter().for_each(|key| fields.ignore(key));
        let mut take = |key: &str| fields.take::<Json>(key).unwrap_or_default();
        let (loss, weights, plain, weighted) = (take("loss"), take("loss_weights"), take("metrics"), take("weighted_metrics"));
        let (optimizer, run_eagerly) = (fields.required("optimizer"), fields.take("run_eagerly"));
        let reader = fields.reader();
        let losses = reader.at("loss", |reader| read_losses(&loss, outputs, reader));
        let loss_weights = reader.at("loss_weights", |reader| {
            each(&weights, outputs, reader, &mut |output, json, reader| Some((output.to_owned(), f32::from_json(json, reader)?)))
        });
        let mut metrics = |key: &str, json: &Json, weighted: bool| {
            let mut read = |output: &str, json: &Json, reader: &mut Reader| {
                let chosen = |metric| Chosen { output: (outputs.len() > 1).then(|| output.to_owned()), metric, weighted };
                flat(json).into_iter().map(|json| read_metric(json, reader).map(chosen)).collect::<Option<Vec<_>>>()
            };
            reader.at(key, |reader| match json {
                // All of a list are the only output's.
                Json::Array(_) if outputs.len() == 1 => read(&outputs[0], json, reader),
                _ => each(json, outputs, reader, &mut read).map(|lists| lists.into_iter().flatten().collect()),
            })
        };
        let (plain, weighted) = (metrics("metrics", &plain, false), metrics("weighted_metrics", &weighted, true));
        Some(Self {
            optimizer: optimizer?,
            losses: losses?,
            loss_weights: loss_weights?,
            metrics: plain?.into_iter().chain(weighted?).collect(),
            run_eagerly: run_eagerly.unwrap_or(false),
        })
    }
}

/// What stands in `json` for each output: by name, in order, or once for the only one. Nothing where it is null.
fn each<T>(
    json: &Json,
    outputs: &[String],
    reader: &mut Reader,
    read: &mut dyn FnMut(&str, &Json, &mut Reader) -> Option<T>,
) -> Option<Vec<T>> {
    let found: Vec<(&str, &Json)> = match json {
        Json::Null => Vec::new(),
        Json::Object(named) if !is_object(json) => named.iter().map(|(name, json)| (&name[..], json)).collect(),
        Json::Array(list) if list.len() == outputs.len() => outputs.iter().map(|name| &name[..]).zip(list).collect(),
        _ if outputs.len() == 1 => vec![(&outputs[0], json)],
        _ => return reader.expected(format_args!("one for each of {}", outputs.join(", ")), json),
    };
    let is_there = |(_, json): &(&str, &Json)| !json.is_null();
    let values: Vec<Option<T>> =
        found.into_iter().filter(is_there).map(|(name, json)| reader.at(name, |reader| read(name, json, reader))).collect();
    values.into_iter().collect()
}

/// Whether `json` is an object of a class, not a dictionary.
fn is_object(json: &Json) -> bool {
    json.get("class_name").is_some()
}

/// The elements of a list, or the one thing that `json` is.
fn flat(json: &Json) -> Vec<&Json> {
    json.as_array().map_or_else(|| vec![json], |list| list.iter().flat_map(flat).collect())
}

fn read_losses(json: &Json, outputs: &[String], reader: &mut Reader) -> Option<Losses> {
    if json.is_string() || is_object(json) {
        return Object::<dyn Loss>::from_json(json, reader).map(Losses::from);
    }
    let mut read = |output: &str, json: &Json, reader: &mut Reader| match &flat(json)[..] {
        [loss] => Some((output.to_owned(), Object::from_json(loss, reader)?)),
        _ => reader.expected("one loss", json),
    };
    each(json, outputs, reader, &mut read).map(|named| Losses { all: None, named })
}

fn write_metric(metric: &Object<dyn Metric>) -> Json {
    match metric.class().name {
        "Accuracy" => metric.metric_name().into(),
        _ => metric.to_json(),
    }
}

/// A metric that a string names has that name.
fn read_metric(json: &Json, reader: &mut Reader) -> Option<Object<dyn Metric>> {
    let Some(name) = json.as_str() else {
        if json["class_name"] == "Accuracy" {
            return reader.refuse("metric Accuracy as an object, which counts numbers that are equal; use \"accuracy\"");
        }
        return Object::from_json(json, reader);
    };
    let class = ACCURACY.into_iter().find(|known| name.eq_ignore_ascii_case(known)).unwrap_or(name);
    let mut metric = <dyn Metric>::from_json(&class.into(), reader)?;
    metric.shared_mut().rename(name);
    Some(Object::new(metric.into()))
}
