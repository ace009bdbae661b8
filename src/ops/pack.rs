//! Lays tensors one after another into a flat arena: gradients where an optimizer reads them.

use crate::{
    Error, Result, Tensor,
    graph::{CpuCall, GpuCall, GradCx, Key, Op, Specs},
    shape::Spec,
};
use smallvec::SmallVec;

/// Writes inputs 1.. over input 0, a vector, at `starts` (in words); what lies between stays.
#[derive(Debug)]
pub(crate) struct Pack {
    pub starts: Vec<usize>,
}

impl Op for Pack {
    fn name(&self) -> &'static str {
        "pack"
    }
    fn outputs(&self, inputs: &[&Spec]) -> Result<Specs> {
        let base = inputs[0];
        let fits = inputs[1..].iter().zip(&self.starts).all(|(spec, start)| start + spec.size() <= base.size() && spec.dtype == base.dtype);
        if !fits || inputs.len() != 1 + self.starts.len() {
            return Err(Error::shape("inputs do not fit their places"));
        }
        Ok(SmallVec::from_iter([base.clone()]))
    }
    fn key(&self, key: &mut Key) {
        key.words(&self.starts);
    }
    fn grad(&self, _cx: &GradCx) -> Result<Vec<Option<Tensor>>> {
        Err(Error::new(crate::ErrorKind::Gradient, "pack has no gradient: it only serves optimizers"))
    }
    fn packs(&self) -> Option<&[usize]> {
        Some(&self.starts)
    }
    fn cpu(&self, _call: CpuCall) {
        unreachable!("the producers write into the arena")
    }
    fn gpu(&self, _call: &mut GpuCall) -> Result<()> {
        unreachable!("the producers write into the arena")
    }
}
