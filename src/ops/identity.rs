//! Ops that change no number: versions of variables, `stop_gradient`, `custom_gradient`, and the plan's copy.

use super::{Case, case::Smooth, record};
use crate::{
    Result, Tensor,
    graph::{CpuCall, GpuCall, GradCx, Key, Op, OpRef, Specs, apply_one},
    plan::{Lanes, Pointwise},
    shape::{Layout, Spec},
};
use smallvec::SmallVec;
use std::{fmt, sync::Arc};

/// Copies words: how the plan makes a view contiguous.
pub(crate) const COPY: Pointwise = Pointwise { name: "copy", wgsl: "x", cpu: |l: Lanes| l.out.copy_from_slice(l.inputs[0]) };

type CustomGrad = Arc<dyn Fn(&Tensor) -> Result<Vec<Option<Tensor>>> + Send + Sync>;

/// The first input as it is: a view that costs nothing and differs in its gradients.
pub(crate) enum Identity {
    /// Holds gradients back.
    Detach,
    /// Known to be the softmax of the second input.
    SoftmaxOf,
    /// Gives the other inputs gradients from a function of the user's.
    Custom(CustomGrad),
}

/// `stop_gradient` as a row, which needs no allocation.
pub(crate) static DETACH: Identity = Identity::Detach;

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Op for Identity {
    fn name(&self) -> &'static str {
        match self {
            Identity::Detach => "stop_gradient",
            Identity::SoftmaxOf => "softmax",
            Identity::Custom(_) => "custom_gradient",
        }
    }

    fn outputs(&self, inputs: &[&Spec]) -> Result<Specs> {
        Ok(SmallVec::from_iter([inputs[0].clone()]))
    }

    fn key(&self, _key: &mut Key) {}

    fn grad(&self, cx: &GradCx) -> Result<Vec<Option<Tensor>>> {
        match self {
            Identity::Detach => Ok(vec![None]),
            Identity::SoftmaxOf => Ok(vec![cx.upstream(0).cloned(), None]),
            Identity::Custom(grad) => {
                let mut gradients = vec![None];
                gradients.extend(grad(&cx.upstream_or_zeros(0))?);
                if gradients.len() != cx.inputs().len() {
                    let (found, wanted) = (gradients.len() - 1, cx.inputs().len() - 1);
                    return Err(crate::Error::invalid(format!(
                        "custom_gradient: the function returned {found} gradients for {wanted} inputs"
                    )));
                }
                Ok(gradients)
            }
        }
    }

    fn view(&self, input: &Layout) -> Option<Option<Layout>> {
        Some(Some(input.clone()))
    }

    fn cpu(&self, _call: CpuCall) {
        unreachable!("views are not run")
    }

    fn gpu(&self, _call: &mut GpuCall) -> Result<()> {
        unreachable!("views are not run")
    }
}

/// `output`, calculated from `inputs` in any way, with the gradients that `grad` makes of the upstream gradient:
/// one for each of `inputs`, in order.
///
/// ```
/// use wgrad::prelude::*;
/// let x = Tensor::from(3.0);
/// let y = custom_gradient(&x.exp(), &[&x], |dy| Ok(vec![Some(dy * 10.0)]))?;
/// assert_eq!(gradient(&y, &[&x])?[0].as_ref().unwrap().item::<f32>()?, 10.0);
/// # Ok::<(), wgrad::Error>(())
/// ```
///
/// # Errors
/// When output and inputs live on different devices.
#[doc(alias = "tf.custom_gradient")]
pub fn custom_gradient(
    output: &Tensor,
    inputs: &[&Tensor],
    grad: impl Fn(&Tensor) -> Result<Vec<Option<Tensor>>> + Send + Sync + 'static,
) -> Result<Tensor> {
    let output = output.stop_gradient();
    let all: Vec<&Tensor> = std::iter::once(&output).chain(inputs.iter().copied()).collect();
    apply_one(Identity::Custom(Arc::new(grad)), &all)
}

impl Tensor {
    /// These probabilities, with the logits along whose last axis they are the softmax noted beside them.
    pub(crate) fn as_softmax_of(&self, logits: &Tensor) -> Tensor {
        record(Identity::SoftmaxOf, &[self, logits])
    }

    /// The logits behind the result of a softmax over the last axis (`softmax`) or of a `sigmoid`, while its recording lives.
    pub(crate) fn logits_behind(&self, activation: &str) -> Option<Tensor> {
        let expr = self.node.expr()?;
        match expr.op.name() {
            "cast" if self.dtype().is_float() => expr.inputs[0].logits_behind(activation),
            name if name == activation => expr.inputs.last().cloned(),
            _ => None,
        }
    }

    /// The same value, through which no gradient flows.
    #[doc(alias = "keras.ops.stop_gradient")]
    pub fn stop_gradient(&self) -> Tensor {
        if let Some(symbol) = crate::graph::symbolic("stop_gradient", &[self], &[]) {
            return symbol;
        }
        record(OpRef::row(&DETACH), &[self])
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![Case::new("stop_gradient", &[&[4]], |x| x[0].stop_gradient(), |x| x[0].clone()).smooth(Smooth::No)]
}
