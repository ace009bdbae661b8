//! The part of a model that runs on the host: layers of text and the like, which only inputs or other such layers feed. Their outputs
//! are calculated while a batch is prepared, and the device's part begins there.

use super::{
    Model,
    graph::{Graph, Source, Step},
    network::Network,
};
use crate::{
    DType, Error, Result, Tensor,
    data::Array,
    device::Device,
    layers::{Call, Inputs, LayerRef, Outputs},
};
use std::{borrow::Cow, rc::Rc};

/// Where a call runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Host,
    Device,
    /// A model that begins on the host.
    Split,
}

fn with_graph<R>(layer: &LayerRef, look: impl FnOnce(&Graph) -> R) -> Option<R> {
    layer.with(|network: &Network| look(&network.graph))
}

impl Step {
    /// The slots of its inputs, if there is nothing else.
    fn plain(&self) -> Option<Vec<usize>> {
        let slot = |source: &Source| if let Source::Slot(slot) = source { Some(*slot) } else { None };
        let inputs: Option<Vec<usize>> = self.inputs.iter().map(slot).collect();
        inputs.filter(|inputs| self.slots().count() == inputs.len())
    }
}

impl Graph {
    /// Where each call runs.
    pub(super) fn place(&mut self) {
        let mut places = Vec::new();
        self.known(&mut |place| places.push(place));
        self.places = places;
    }

    /// Which slots the host knows, if it knows the inputs; tells where each call runs.
    fn known(&self, tell: &mut dyn FnMut(Place)) -> Vec<bool> {
        let mut known: Vec<bool> = (0..self.slots.len()).map(|slot| slot < self.inputs.len()).collect();
        for step in &self.steps {
            let layer = &self.layers[step.layer];
            let fed = step.plain().is_some_and(|inputs| inputs.iter().all(|&slot| known[slot]));
            let inside = with_graph(layer, |graph| {
                let known = graph.known(&mut |_| {});
                let begins = graph.places.iter().any(|&place| place != Place::Device);
                begins.then(|| graph.outputs.iter().map(|&slot| known[slot]).collect::<Vec<_>>())
            });
            let place = match inside.flatten().filter(|_| fed) {
                Some(outputs) => {
                    step.outputs.clone().zip(outputs).for_each(|(slot, is_known)| known[slot] = is_known);
                    Place::Split
                }
                None if fed && layer.is_of_host() => {
                    step.outputs.clone().for_each(|slot| known[slot] = true);
                    Place::Host
                }
                None => Place::Device,
            };
            tell(place);
        }
        known
    }

    /// Whether a device needs each of the inputs.
    fn needed(&self) -> Vec<bool> {
        let mut needed: Vec<bool> = (0..self.inputs.len()).map(|slot| self.outputs.contains(&slot)).collect();
        for (step, place) in self.steps.iter().zip(&self.places) {
            let inside = with_graph(&self.layers[step.layer], Graph::needed).filter(|_| *place == Place::Split);
            for (at, slot) in step.slots().enumerate().filter(|(_, slot)| *slot < self.inputs.len()).collect::<Vec<_>>() {
                needed[slot] |= match place {
                    Place::Host => false,
                    Place::Device => true,
                    Place::Split => inside.as_ref().is_some_and(|inside| inside[at]),
                };
            }
        }
        needed
    }

    /// Runs what the host does for these inputs. What a device may need of it goes to `results`; returns the outputs that are known.
    fn prepare(&self, inputs: Vec<Rc<Array>>, results: &mut Vec<Rc<Array>>) -> Result<Vec<Option<Rc<Array>>>> {
        let mut values: Vec<Option<Rc<Array>>> = inputs.into_iter().map(Some).collect();
        values.resize(self.slots.len(), None);
        for (step, place) in self.steps.iter().zip(&self.places).filter(|(_, place)| **place != Place::Device) {
            let layer = &self.layers[step.layer];
            let inputs: Vec<Rc<Array>> = step.slots().filter_map(|slot| values[slot].clone()).collect();
            if *place == Place::Host {
                let arrays: Vec<&Array> = inputs.iter().map(|array| &**array).collect();
                let output = Rc::new(layer.transform(&arrays)?);
                if output.dtype() != DType::Str {
                    results.push(output.clone());
                }
                values[step.outputs.start] = Some(output);
            } else if let Some(outputs) = with_graph(layer, |graph| graph.prepare(inputs, results)) {
                step.outputs.clone().zip(outputs?).for_each(|(slot, output)| values[slot] = output);
            }
        }
        Ok(self.outputs.iter().map(|&slot| values[slot].clone()).collect())
    }

    /// Calls a layer; takes what the host has prepared instead where it has.
    pub(super) fn call_step(&self, at: usize, call: &mut Call, inputs: &Inputs) -> Result<Outputs> {
        let (step, layer) = (&self.steps[at], &self.layers[self.steps[at].layer]);
        match self.places[at] {
            Place::Device => call.unprepared(|call| layer.call_all(call, inputs)),
            Place::Host if call.is_prepared() => {
                let (dims, dtype) = &self.slots[step.outputs.start];
                if *dtype == DType::Str {
                    return Ok(Tensor::stand_in(*dtype, &dims.with_unknown(1)).into());
                }
                let next = call.next_prepared().ok_or_else(|| Error::invalid("the host prepared less than the model needs"))?;
                Ok(next.cast(*dtype).into())
            }
            _ => layer.call_all(call, inputs),
        }
    }
}

impl Model {
    /// The samples at `indices` of all inputs as the device's part takes them: inputs that a device needs, then what the host makes
    /// of the others.
    pub(crate) fn prepare(&self, inputs: &[Cow<Array>], device: &Device, indices: &[usize]) -> Result<Vec<Tensor>> {
        let root = self.as_layer()?;
        type Split = Option<(Vec<bool>, Vec<Rc<Array>>)>;
        let split = with_graph(&root, |graph| -> Result<Split> {
            if graph.outputs.iter().any(|&slot| graph.slots[slot].1 == DType::Str) {
                return Err(Error::dtype(
                    "an output is text, which no device holds: leave its layer out, and call its transform on numbers",
                ));
            }
            if graph.places.iter().all(|&place| place == Place::Device) {
                return Ok(None);
            }
            let mut results = Vec::new();
            graph.prepare(inputs.iter().map(|array| Rc::new(array.take(indices))).collect(), &mut results)?;
            Ok(Some((graph.needed(), results)))
        });
        let Some((needed, results)) = split.transpose()?.flatten() else {
            return inputs.iter().map(|array| array.gather(device, indices)).collect();
        };
        let inputs = inputs.iter().zip(needed).filter(|(_, needed)| *needed).map(|(array, _)| array.gather(device, indices));
        inputs.chain(results.iter().map(|array| array.tensor(device))).collect()
    }

    /// [`forward`](Self::forward) of what [`prepare`](Self::prepare) made.
    pub(crate) fn forward_prepared(&self, call: &mut Call, prepared: &[Tensor]) -> Result<Outputs> {
        let root = self.as_layer()?;
        let needed = with_graph(&root, Graph::needed).unwrap_or_default();
        let samples = prepared.first().and_then(|tensor| tensor.shape().first()).copied().unwrap_or(1);
        let mut left = prepared.iter().cloned();
        let inputs = self.inputs()?.iter().zip(needed).map(|(input, needed)| {
            let here = if needed { left.next() } else { None };
            // Nothing looks at what only the host needs.
            here.unwrap_or_else(|| Tensor::stand_in(input.dtype, &input.dims().with_unknown(samples)))
        });
        let inputs: Vec<Tensor> = inputs.collect();
        let rest: Vec<Tensor> = left.collect();
        call.prepare(rest);
        self.forward(call, &(&inputs[..]).into())
    }

    /// How many tensors [`prepare`](Self::prepare) makes of a batch.
    pub(crate) fn prepared(&self) -> Result<usize> {
        let root = self.as_layer()?;
        fn results(graph: &Graph) -> usize {
            let count = |(step, place): (&Step, &Place)| match place {
                Place::Host => usize::from(graph.slots[step.outputs.start].1 != DType::Str),
                Place::Split => with_graph(&graph.layers[step.layer], results).unwrap_or(0),
                Place::Device => 0,
            };
            graph.steps.iter().zip(&graph.places).map(count).sum()
        }
        let count = |graph: &Graph| graph.needed().into_iter().filter(|&needed| needed).count() + results(graph);
        Ok(with_graph(&root, count).unwrap_or(0))
    }
}
