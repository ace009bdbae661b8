//! Which loss and which metrics belong to which output.

use super::compile::{Chosen, Compiled};
use crate::{
    Error, Result,
    config::Object,
    losses::{Loss, Reduction},
    metrics::Metric,
    models::Model,
};

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
    /// The outputs that are trained or measured, in the model's order, and all metrics: those without sample weights come first.
    ///
    /// # Errors
    /// For an output that does not exist, and for a metric that does not say of which output it is.
    pub(super) fn heads(&self, model: &Model) -> Result<(Vec<Head>, Vec<Measured>)> {
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
        Ok((heads, metrics))
    }
}

/// Keras' names of what is logged: `loss`; with several losses that of each output; metrics, with the output's name before them where
/// the model has several. Of metrics with one name the later get `weighted_` before it or a number behind it.
pub(super) fn names(heads: &[Head], metrics: &[Measured], outputs: usize) -> (Vec<String>, Vec<String>) {
    let mut losses = vec!["loss".to_owned()];
    let trained: Vec<&Head> = heads.iter().filter(|head| head.loss.is_some()).collect();
    if trained.len() > 1 {
        losses.extend(trained.iter().map(|head| format!("{}_loss", head.name)));
    }
    let mut names: Vec<String> = Vec::new();
    for metric in metrics {
        let own = metric.metric.metric_name();
        let prefixed = |name: &str| if outputs > 1 { format!("{}_{name}", heads[metric.head].name) } else { name.to_owned() };
        let plain = prefixed(&own);
        let stem = if metric.weighted && names.contains(&plain) { prefixed(&format!("weighted_{own}")) } else { plain };
        let numbered = (0..).map(|at| if at == 0 { stem.clone() } else { format!("{stem}_{at}") });
        names.extend(numbered.into_iter().find(|name| !names.contains(name)));
    }
    (losses, names)
}
