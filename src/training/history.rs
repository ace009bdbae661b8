//! What `fit` returns: the logs of every epoch.

use std::ops::Index;

/// Loss and metrics by epoch: `history["val_loss"][0]`.
///
/// ```
/// use wgrad::prelude::*;
/// let mut model = Sequential::new().add(Input::new([2])).add(Dense::new(1)).build()?;
/// model.compile(SGD::new(0.1), MeanSquaredError::new()).finish()?;
/// let (x, y) = (Tensor::ones([4, 2]), Tensor::zeros([4, 1]));
/// let history = model.fit((&x, &y)).epochs(3).verbose(Verbose::Silent).run()?;
/// assert_eq!((history.epochs(), history["loss"].len()), (3, 3));
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[doc(alias = "keras.callbacks.History")]
pub struct History {
    epochs: usize,
    series: Vec<(String, Vec<f64>)>,
}

impl History {
    pub(crate) fn add(&mut self, logs: &[(String, f64)]) {
        self.epochs += 1;
        for (name, value) in logs {
            match self.series.iter_mut().find(|(known, _)| known == name) {
                Some((_, values)) => values.push(*value),
                None => self.series.push((name.clone(), vec![*value])),
            }
        }
    }

    /// Epochs that were finished.
    pub fn epochs(&self) -> usize {
        self.epochs
    }

    /// The values of `name` by epoch, if there are any.
    pub fn get(&self, name: &str) -> Option<&[f64]> {
        self.series.iter().find(|(known, _)| known == name).map(|(_, values)| &values[..])
    }

    /// All names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[f64])> {
        self.series.iter().map(|(name, values)| (&name[..], &values[..]))
    }
}

impl Index<&str> for History {
    type Output = [f64];

    /// # Panics
    /// When nothing of that name was logged.
    fn index(&self, name: &str) -> &[f64] {
        self.get(name)
            .unwrap_or_else(|| panic!("history has no {name:?}; it has {:?}", self.iter().map(|(name, _)| name).collect::<Vec<_>>()))
    }
}
