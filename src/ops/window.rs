//! Windows that slide over an axis, for convolution and pooling: padding rules and output sizes, TensorFlow's.

use crate::{Error, Result, Shape};

/// What surrounds the input of a convolution or pooling. For one-dimensional ops the time axis counts as the second of two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Padding {
    /// Nothing: only whole windows count, so the output has `(size - window) / stride + 1` positions.
    #[default]
    Valid,
    /// As much as gives `ceil(size / stride)` outputs; half of it in front, an odd rest behind, as in TensorFlow.
    Same,
    /// All in front, so that no output sees a later input; for `conv1d`.
    Causal,
    /// `[(top, bottom), (left, right)]`.
    Explicit([(usize, usize); 2]),
}

/// Two axes with a window on each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Windows {
    /// From one output to the next.
    pub strides: [usize; 2],
    /// From one tap to the next.
    pub dilation: [usize; 2],
    pub padding: Padding,
}

/// What the windows of an input come to: outputs, and padding in front, for each axis.
pub(super) struct Placed {
    pub outputs: [usize; 2],
    pub before: [usize; 2],
}

impl Windows {
    /// Places windows of `taps` on an input of shape (N, H, W, C). `what` names the window in errors.
    pub fn place(&self, input: &Shape, taps: [usize; 2], what: &str) -> Result<Placed> {
        if self.strides.contains(&0) || self.dilation.contains(&0) || taps.contains(&0) {
            let Self { strides, dilation, .. } = self;
            return Err(Error::invalid(format!("{what} with strides {strides:?}, dilation {dilation:?}: every size must be at least 1")));
        }
        let mut placed = Placed { outputs: [0; 2], before: [0; 2] };
        let mut padded = [0; 2];
        let spans: [usize; 2] = std::array::from_fn(|axis| (taps[axis] - 1) * self.dilation[axis] + 1);
        for axis in 0..2 {
            let (size, span, stride) = (input[axis + 1], spans[axis], self.strides[axis]);
            let (before, after) = match self.padding {
                Padding::Valid => (0, 0),
                Padding::Same => {
                    let total = (size.div_ceil(stride).saturating_sub(1) * stride + span).saturating_sub(size);
                    (total / 2, total - total / 2)
                }
                Padding::Causal => return Err(Error::invalid("causal padding is for conv1d; use `Same`, `Valid` or `Explicit`")),
                Padding::Explicit(pairs) => pairs[axis],
            };
            padded[axis] = before + size + after;
            placed.before[axis] = before;
            placed.outputs[axis] = if padded[axis] < span { 0 } else { (padded[axis] - span) / stride + 1 };
        }
        // An input without a single position has no outputs under `Same`; under all else it is an error like any other too small one.
        let empty = input[1] * input[2] == 0 && self.padding == Padding::Same;
        if !empty && placed.outputs.contains(&0) {
            let ([high, wide], [rows, columns]) = (spans, padded);
            return Err(Error::shape(format!(
                "{what} spans {high} x {wide}, but the input {input} has only {rows} x {columns} positions, its padding included; \
                 use a smaller one or padding `Same`"
            )));
        }
        Ok(placed)
    }

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
