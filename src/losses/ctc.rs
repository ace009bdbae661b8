//! Connectionist temporal classification: labels of a sequence whose places nobody knows.

use super::{
    Loss, LossOptions,
    targets::{check_labels, check_numbers},
};
use crate::{DType, Error, Result, Shape, Tensor, data::Array};

/// `-log P(labels | logits)`, summed over all ways in which the steps can spell the labels (Graves et al., 2006).
///
/// Targets are labels `(N, L)` from 1 on, 0 where a sequence is shorter; predictions are logits `(N, T, K)`, of which class 0 is
/// the blank. One loss for each sequence; where T steps are too few for the labels it is 1e30 and has no gradient.
///
/// ```
/// use wgrad::prelude::*;
/// let loss = CTC::new().call(&Tensor::from([[1]]), &Tensor::zeros([1, 2, 2]))?;
/// assert!((loss.item::<f32>()? - (4f32 / 3.0).ln()).abs() < 1e-6); // three of four: 01, 10, 11
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Loss, Clone, Debug)]
#[doc(alias = "keras.losses.CTC")]
pub struct CTC {
    #[loss(flatten)]
    options: LossOptions,
}

/// The logarithm of a probability of zero.
const NEVER: f32 = -1e30;

impl Loss for CTC {
    fn values(&self, targets: &Tensor, predictions: &Tensor) -> Result<Tensor> {
        let labels = targets.cast(DType::I32);
        let length = labels.not_equal(0).cast(DType::F32).sum(&[-1]);
        spell(&labels, predictions, &length, None, 0)
    }

    fn check(&self, targets: &Array, output: &Shape) -> Result<()> {
        check_shapes(targets.shape(), output)?;
        check_labels(targets, output[2])?;
        check_numbers(targets)
    }
}

/// [`CTC`] with the lengths of labels and of logits (int32, `(N,)`), and the class of the blank.
///
/// ```
/// use wgrad::{losses::ctc_loss, prelude::*};
/// let (length, steps) = (Tensor::from([1]), Tensor::from([2]));
/// let loss = ctc_loss(&Tensor::from([[1]]), &Tensor::zeros([1, 2, 2]), [&length, &steps], 0)?;
/// assert!((loss.to_vec::<f32>()?[0] - (4f32 / 3.0).ln()).abs() < 1e-6); // three of four: 01, 10, 11
/// # Ok::<(), wgrad::Error>(())
/// ```
///
/// # Errors
/// When the shapes do not fit.
#[doc(alias = "keras.ops.ctc_loss")]
pub fn ctc_loss(labels: &Tensor, logits: &Tensor, [length, steps]: [&Tensor; 2], blank: usize) -> Result<Tensor> {
    spell(labels, logits, &length.cast(DType::F32), Some(steps), blank as i32)
}

/// The loss of labels of so many elements (float), for logits of so many steps, all if not given.
fn spell(labels: &Tensor, logits: &Tensor, length: &Tensor, until: Option<&Tensor>, blank: i32) -> Result<Tensor> {
    check_shapes(labels.shape(), logits.shape())?;
    let n = labels.shape()[0];
    // A path goes through blank, label, blank, label, ..., blank.
    let states = 2 * labels.shape()[1] + 1;
    let blanks = labels.zeros_like() + blank;
    let symbols = Tensor::stack(&[&blanks, labels], -1).reshape([n, states - 1]).pad(&[(0, 0), (0, 1)], blank.into());
    let back = |x: &Tensor, by: usize, value: f32| x.pad(&[(0, 0), (by, 0)], value.into()).at(&[crate::All, (0..states as isize).into()]);
    // Blanks between two labels may be left out where these differ.
    let skips = symbols.not_equal(blank).logical_and(&symbols.not_equal(back(&symbols, 2, blank as f32)));
    let closed = Tensor::where_(&skips, &Tensor::zeros([]), &Tensor::full([], NEVER));
    // (T, N, states): what each state's symbol costs at each step.
    let log_p = logits.cast(DType::F32).log_softmax(-1).permute(&[1, 0, 2]);
    let steps = log_p.take_along_axis(&symbols.expand_dims(0).broadcast_to([log_p.shape()[0], n, states]), -1).unstack(0);
    let start = Tensor::arange(0.0, states as f32, 1.0).less(2.0);
    let mut alpha = Tensor::where_(&start, &steps[0], &Tensor::full([], NEVER));
    for (at, step) in steps.iter().enumerate().skip(1) {
        let ways = [&alpha, &back(&alpha, 1, NEVER), &(back(&alpha, 2, NEVER) + &closed)];
        let next = Tensor::stack(&ways, -1).logsumexp(&[-1]) + step;
        alpha = match until {
            Some(until) => Tensor::where_(&until.greater(at as i32).expand_dims(-1), &next, &alpha),
            None => next,
        };
    }
    // The last label, or the blank behind it, is where it must end.
    let behind = length.expand_dims(-1) * 2.0 - Tensor::arange(0.0, states as f32, 1.0);
    let ends = behind.equal(0.0).logical_or(&behind.equal(1.0));
    Ok(-Tensor::where_(&ends, &alpha, &Tensor::full([], NEVER)).logsumexp(&[-1]))
}

fn check_shapes(targets: &Shape, output: &Shape) -> Result<()> {
    match (&targets[..], &output[..]) {
        ([n, _], [samples, steps, _]) if n == samples && *steps > 0 => Ok(()),
        _ => Err(Error::shape(format!("expected labels (N, L) and logits (N, T, K), got {targets} and {output}"))),
    }
}
