//! Windows that slide over axes of space, for convolution and pooling: padding rules and output sizes, TensorFlow's.

use crate::{Error, Result, Shape};

/// What surrounds the input of a convolution or pooling.
///
/// ```
/// use wgrad::prelude::*;
/// let x = Tensor::ones([1, 5, 5, 1]);
/// assert_eq!(Conv2D::new(2, 3).padding(Padding::Valid).apply(&x).shape()[..], [1, 3, 3, 2]);
/// assert_eq!(Conv2D::new(2, 3).padding(Padding::Same).apply(&x).shape()[..], [1, 5, 5, 2]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Padding {
    /// Nothing: only whole windows count, so the output has `(size - window) / stride + 1` positions.
    #[default]
    Valid,
    /// As much as gives `ceil(size / stride)` outputs; half of it in front, an odd rest behind, as in TensorFlow.
    Same,
    /// All in front, so that no output sees a later input; for convolutions of sequences.
    Causal,
    /// `[(top, bottom), (left, right)]`. Sequences take the second pair, the first is zeros; the depth of volumes gets nothing.
    Explicit([(usize, usize); 2]),
}

/// The sizes of an input (N, space..., C) as (N, D, H, W, C): a sequence is an image of one row, an image a volume of one slice.
pub(super) fn as_volume(shape: &Shape) -> Option<[usize; 5]> {
    let [n, space @ .., c] = &shape[..] else { return None };
    let [d, h, w] = each(space, space.len())?;
    Some([*n, d, h, w, *c])
}

/// A size for each of three axes of space, of which the last `space` are given, or one for all of them.
pub(super) fn each(sizes: &[usize], space: usize) -> Option<[usize; 3]> {
    let given = |at: usize| if sizes.len() == 1 { sizes[0] } else { sizes[at] };
    let fits = (1..=3).contains(&space) && (sizes.len() == 1 || sizes.len() == space);
    fits.then(|| std::array::from_fn(|axis| (axis + space).checked_sub(3).map_or(1, given)))
}

/// Axes with a window on each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Windows<const AXES: usize = 2> {
    /// From one output to the next.
    pub strides: [usize; AXES],
    /// From one tap to the next.
    pub dilation: [usize; AXES],
    pub padding: Padding,
}

/// What the windows of an input come to: outputs, and padding in front, for each axis.
#[derive(Debug, PartialEq)]
pub(super) struct Placed<const AXES: usize = 2> {
    pub outputs: [usize; AXES],
    pub before: [usize; AXES],
}

impl<const AXES: usize> Windows<AXES> {
    /// Places windows of `taps` on an input of shape (N, space..., C). `what` names the window in errors.
    pub fn place(&self, input: &Shape, taps: [usize; AXES], what: &str) -> Result<Placed<AXES>> {
        if self.strides.contains(&0) || self.dilation.contains(&0) || taps.contains(&0) {
            let Self { strides, dilation, .. } = self;
            return Err(Error::invalid(format!("{what} with strides {strides:?}, dilation {dilation:?}: every size must be at least 1")));
        }
        let mut placed = Placed { outputs: [0; AXES], before: [0; AXES] };
        let mut padded = [0; AXES];
        let spans: [usize; AXES] = std::array::from_fn(|axis| (taps[axis] - 1) * self.dilation[axis] + 1);
        for axis in 0..AXES {
            let (size, span, stride) = (input[axis + 1], spans[axis], self.strides[axis]);
            let (before, after) = match self.padding {
                Padding::Valid => (0, 0),
                Padding::Same => {
                    let total = (size.div_ceil(stride).saturating_sub(1) * stride + span).saturating_sub(size);
                    (total / 2, total - total / 2)
                }
                Padding::Causal => return Err(Error::invalid("causal padding is for sequences; use `Same`, `Valid` or `Explicit`")),
                // The pairs are those of the last two axes.
                Padding::Explicit(pairs) => (axis + 2).checked_sub(AXES).map_or((0, 0), |at| pairs[at]),
            };
            padded[axis] = before + size + after;
            placed.before[axis] = before;
            placed.outputs[axis] = if padded[axis] < span { 0 } else { (padded[axis] - span) / stride + 1 };
        }
        // An input without a single position has no outputs under `Same`; under all else it is an error like any other too small one.
        let empty = input[1..=AXES].contains(&0) && self.padding == Padding::Same;
        if !empty && placed.outputs.contains(&0) {
            let by = |sizes: [usize; AXES]| sizes.map(|size| size.to_string()).join(" x ");
            return Err(Error::shape(format!(
                "{what} spans {}, but the input {input} has only {} positions, its padding included; use a smaller one or padding `Same`",
                by(spans),
                by(padded)
            )));
        }
        Ok(placed)
    }
}

impl Windows {
    /// What tells two windows apart, for [`Op::key`](crate::graph::Op::key).
    pub fn words(&self) -> [usize; 9] {
        let (rule, pairs) = match self.padding {
            Padding::Valid => (0, [(0, 0); 2]),
            Padding::Same => (1, [(0, 0); 2]),
            Padding::Causal => (2, [(0, 0); 2]),
            Padding::Explicit(pairs) => (3, pairs),
        };
        let ([a, b], [c, d], [(e, f), (g, h)]) = (self.strides, self.dilation, pairs);
        [rule, a, b, c, d, e, f, g, h]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_padding_is_tensorflow_s() {
        // (size, window, stride) -> (outputs, padding in front), as TensorFlow has them.
        let known =
            [((5, 3, 1), (5, 1)), ((6, 3, 2), (3, 0)), ((5, 3, 2), (3, 1)), ((7, 2, 2), (4, 0)), ((4, 1, 3), (2, 0)), ((9, 4, 1), (9, 1))];
        for ((size, window, stride), (outputs, before)) in known {
            let windows = Windows { strides: [stride; 2], dilation: [1; 2], padding: Padding::Same };
            let placed = windows.place(&[1, size, size, 1].into(), [window; 2], "pool").unwrap();
            assert_eq!((placed.outputs, placed.before), ([outputs; 2], [before; 2]), "size {size}, window {window}, stride {stride}");
        }
    }
}
