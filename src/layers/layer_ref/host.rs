//! Layers that calculate on the host, or learn before training, behind their name.

use super::LayerRef;
use crate::{
    DType, Error, Result,
    data::{Array, AsArray},
    layers::{
        Adapt, Call, Inputs, Layer, Outputs,
        preprocessing::{in_rows, inferred},
    },
};

impl LayerRef {
    /// Whether it calculates on the host.
    pub(crate) fn is_of_host(&self) -> bool {
        self.look(|layer| layer.as_host().is_some())
    }

    /// Learns from data before training, as [`Adapt::adapt`] of its layer does: `model.get_layer("text")?.adapt(&texts)?`.
    ///
    /// # Errors
    /// When its layer learns nothing so, and as there.
    pub fn adapt(&self, data: &(impl AsArray + ?Sized)) -> Result<()> {
        let data = in_rows(data.as_array()?.into_owned());
        let adapted = self.look(|layer| layer.as_adapt().map(|layer: &dyn Adapt| layer.adapt_batches(&mut std::iter::once(data))));
        let adapted = adapted.unwrap_or_else(|| Err(Error::invalid("there is nothing that it could learn by adapt")));
        adapted.map_err(|error| error.at_layer(&self.described()))
    }

    /// The output for arrays on the host, of a layer that calculates there.
    ///
    /// # Errors
    /// When its layer does not, or does not take such inputs.
    pub fn transform(&self, inputs: &[&Array]) -> Result<Array> {
        let made = self.look(|layer| layer.as_host().map(|layer| layer.transform_all(inputs)));
        let made = made.unwrap_or_else(|| Err(Error::invalid("it calculates on a device: call it with tensors")));
        made.map_err(|error| error.at_layer(&self.described()))
    }

    /// The outputs where no device takes part: shapes that are wanted of a layer of the host. Text is for such layers alone.
    pub(super) fn called_on_host(&self, layer: &dyn Layer, call: &Call, inputs: &Inputs) -> Result<Option<Outputs>> {
        if let Some(host) = layer.as_host() {
            return call.is_inferring().then(|| inferred(host, inputs)).transpose();
        }
        if layer.autocast() && inputs.all().any(|x| x.dtype() == DType::Str) {
            return Err(Error::dtype("its input is text, which stays on the host: look it up or vectorize it first"));
        }
        Ok(None)
    }
}
