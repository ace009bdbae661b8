//! Which loss and which metrics belong to which output.

use super::{
    compile::{Chosen, Compiled},
    samples::Arranged,
};
use crate::{
    DType, Error, Result, Spec,
    config::Object,
    losses::{Loss, Reduction},
    metrics::Metric,
    models::Model,
};

/// The outputs that are trained or measured, in the model's order, and all metrics: those without sample weights come first.
pub(super) struct Heads {
    pub heads: Vec<Head>,
    metrics: Vec<Measured>,
    /// Outputs of the model.
    outputs: usize,
}

/// An output that is trained or measured.
pub(super) struct Head {
    /// Which output it is, and its name.
    pub output: usize,
    pub name: String,
    /// The loss, and how much it counts.
    pub loss: Option<(Object<dyn Loss>, f32)>,
}

/// A metric of a head.
pub(super) struct Measured {
    /// By its place among the heads.
    pub head: usize,
    pub metric: Object<dyn Metric>,
    /// Whether sample weights reach it.
    pub weighted: bool,
}

impl Compiled {
    /// Losses and metrics by output.
    ///
    /// # Errors
    /// For an output that does not exist, a metric that does not say of which output it is, and a loss without reduction.
    pub(super) fn heads(&self, model: &Model) -> Result<Heads> {
        let names = model.output_names()?;
        let find = |name: &str| {
            let unknown = || Error::invalid(format!("compile: no output is called {name:?}; there are {}", names.join(", ")));
            names.iter().position(|other| other == name).ok_or_else(unknown)
        };
        for name in self.losses.named.iter().map(|(name, _)| name).chain(self.loss_weights.iter().map(|(name, _)| name)) {
            find(name)?;
        }
        let loss = |name: &String| self.losses.of(name).map(|loss| (loss, self.loss_weight(name)));
        let losses: Vec<Option<(Object<dyn Loss>, f32)>> = names.iter().map(loss).collect();
        if let Some((loss, _)) = losses.iter().flatten().find(|(loss, _)| loss.shared().reduction() == Reduction::None) {
            let name = loss.loss_name();
            return Err(Error::invalid(format!("compile: {name} with reduction `none` leaves many numbers, which cannot be made small")));
        }
        let output = |chosen: &Chosen| match &chosen.output {
            Some(name) => find(name),
            None if names.len() == 1 => Ok(0),
            None => {
                let name = chosen.metric.metric_name();
                Err(Error::invalid(format!("compile: say with metric_of which output {name} is of: {}", names.join(", "))))
            }
        };
        let chosen = self.metrics.iter().map(|chosen| Ok((output(chosen)?, chosen))).collect::<Result<Vec<_>>>()?;
        let measured = |output: &usize| chosen.iter().any(|(of, _)| of == output);
        let used: Vec<usize> = (0..names.len()).filter(|output| losses[*output].is_some() || measured(output)).collect();
        let mut metrics: Vec<Measured> = Vec::new();
        for (head, output) in used.iter().enumerate() {
            let own = chosen.iter().filter(|(of, _)| of == output);
            metrics.extend(own.map(|(_, chosen)| Measured { head, metric: chosen.metric.clone(), weighted: chosen.weighted }));
        }
        metrics.sort_by_key(|metric| metric.weighted);
        let head = |output: usize| Head { output, name: names[output].clone(), loss: losses[output].clone() };
        let heads = used.into_iter().map(head).collect();
        Ok(Heads { heads, metrics, outputs: names.len() })
    }
}

impl Heads {
    /// The metrics for such samples, with their states. Dtype, shape and range of the targets are checked here.
    pub fn metrics(&self, model: &Model, samples: &Arranged) -> Result<Vec<(Measured, Vec<Spec>)>> {
        let shapes = self.heads.iter().map(|head| model.output_shape(head.output, samples.len())).collect::<Result<Vec<_>>>()?;
        let named = |error: Error, head: &Head| if self.outputs > 1 { error.at(&head.name) } else { error };
        for ((head, output), y) in self.heads.iter().zip(&shapes).zip(&samples.targets) {
            if let Some((loss, _)) = &head.loss {
                loss.check(y, output).map_err(|error| named(error.at(loss.loss_name()), head))?;
            }
        }
        let resolved = |measured: &Measured| {
            let (y, output) = (samples.targets[measured.head].shape(), &shapes[measured.head]);
            let metric = measured.metric.resolve(y, output)?.unwrap_or_else(|| measured.metric.clone());
            let states = metric.states(y, output)?;
            Ok((Measured { metric, ..*measured }, states))
        };
        let at = |measured: &Measured, error: Error| named(error.at(measured.metric.metric_name()), &self.heads[measured.head]);
        self.metrics.iter().map(|measured| resolved(measured).map_err(|error| at(measured, error))).collect()
    }

    /// Keras' names of the losses that are logged: `loss`, and with several losses that of each output.
    pub fn loss_names(&self) -> Vec<String> {
        let trained: Vec<&Head> = self.heads.iter().filter(|head| head.loss.is_some()).collect();
        let own = trained.iter().filter(|_| trained.len() > 1).map(|head| format!("{}_loss", head.name));
        std::iter::once("loss".to_owned()).chain(own).collect()
    }

    /// Keras' names of the metrics, with the output's name before them where the model has several. Of metrics with one name the later
    /// get `weighted_` before it or a number behind it.
    pub fn metric_names(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for measured in &self.metrics {
            let own = measured.metric.metric_name();
            let prefixed =
                |name: &str| if self.outputs > 1 { format!("{}_{name}", self.heads[measured.head].name) } else { name.to_owned() };
            let plain = prefixed(&own);
            let stem = if measured.weighted && names.contains(&plain) { prefixed(&format!("weighted_{own}")) } else { plain };
            let numbered = (0..).map(|at| if at == 0 { stem.clone() } else { format!("{stem}_{at}") });
            names.extend(numbered.into_iter().find(|name| !names.contains(name)));
        }
        names
    }

    /// States of the mean of each loss: sum and number.
    pub fn loss_states(&self) -> Vec<Vec<Spec>> {
        vec![vec![Spec::new(DType::F32, []); 2]; self.loss_names().len()]
    }
}
