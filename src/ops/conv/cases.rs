//! Convolution's entries in the catalog, with plain loops as their meaning.

use super::{
    super::{
        Case,
        case::{Reference, Smooth},
    },
    Conv1dOptions, Conv2dOptions, Padding,
};
use ndarray::ArrayD;

/// Outputs and padding in front, for windows that span `span`.
fn rule(padding: Padding, axis: usize, size: usize, span: usize, stride: usize) -> (usize, usize) {
    match padding {
        Padding::Valid => ((size - span) / stride + 1, 0),
        Padding::Same => {
            let outputs = size.div_ceil(stride);
            (outputs, ((outputs - 1) * stride + span).saturating_sub(size) / 2)
        }
        Padding::Causal => ((size - 1) / stride + 1, span - 1),
        Padding::Explicit(pairs) => ((pairs[axis].0 + size + pairs[axis].1 - span) / stride + 1, pairs[axis].0),
    }
}

/// Convolution by its definition.
fn convolve(x: &Reference, filter: &Reference, options: &Conv2dOptions) -> Reference {
    let (&[n, h, w, c], &[kh, kw, inputs, k]) = (x.shape(), filter.shape()) else { panic!("a case has images and filters") };
    let Conv2dOptions { strides: [sh, sw], padding, dilation_rate: [dh, dw], groups } = *options;
    let (oh, top) = rule(padding, 0, h, (kh - 1) * dh + 1, sh);
    let (ow, left) = rule(padding, 1, w, (kw - 1) * dw + 1, sw);
    assert_eq!(inputs, c / groups);
    ArrayD::from_shape_fn(vec![n, oh, ow, k], |at| {
        let first = at[3] / (k / groups) * inputs;
        let mut sum = 0.0;
        for i in 0..kh {
            for j in 0..kw {
                let (row, column) = ((at[1] * sh + i * dh).wrapping_sub(top), (at[2] * sw + j * dw).wrapping_sub(left));
                if row < h && column < w {
                    sum +=
                        (0..inputs).map(|channel| x[[at[0], row, column, first + channel]] * filter[[i, j, channel, at[3]]]).sum::<f64>();
                }
            }
        }
        sum
    })
}

fn unfolded(x: &Reference, shape: &[usize]) -> Reference {
    x.to_shape(shape).expect("as many values").to_owned().into_dyn()
}

pub(in super::super) fn cases() -> Vec<Case> {
    use Padding::{Causal, Explicit, Same, Valid};
    let one = Conv2dOptions::default();
    let same = Conv2dOptions { padding: Same, ..one };
    // Input, filter, options.
    let table: Vec<([usize; 4], [usize; 4], Conv2dOptions)> = vec![
        ([1, 1, 1, 1], [1, 1, 1, 1], one),
        ([2, 5, 6, 3], [3, 3, 3, 5], one),
        ([1, 7, 5, 4], [3, 3, 4, 8], same),
        ([2, 6, 7, 5], [1, 1, 5, 9], one),
        ([2, 6, 7, 3], [1, 1, 3, 2], Conv2dOptions { strides: [2, 2], ..one }),
        ([1, 8, 9, 2], [3, 2, 2, 3], Conv2dOptions { strides: [2, 3], ..same }),
        ([2, 9, 8, 3], [2, 3, 3, 6], Conv2dOptions { strides: [3, 2], ..one }),
        ([1, 9, 8, 3], [3, 3, 3, 2], Conv2dOptions { dilation_rate: [2, 2], ..same }),
        ([1, 10, 11, 2], [3, 3, 2, 3], Conv2dOptions { strides: [2, 3], dilation_rate: [2, 2], ..same }),
        ([2, 5, 4, 2], [3, 4, 2, 3], Conv2dOptions { padding: Explicit([(0, 2), (3, 1)]), ..one }),
        ([1, 3, 3, 7], [5, 5, 7, 10], same),
        ([3, 13, 11, 9], [3, 3, 9, 17], same),
        ([2, 9, 5, 36], [3, 2, 36, 40], same),
        ([1, 6, 7, 8], [3, 3, 8, 12], Conv2dOptions { strides: [2, 2], ..same }),
        ([2, 6, 5, 4], [3, 3, 2, 6], Conv2dOptions { groups: 2, ..same }),
        ([1, 9, 7, 6], [3, 2, 2, 3], Conv2dOptions { groups: 3, strides: [2, 2], dilation_rate: [1, 2], ..same }),
    ];
    let tuned = |case: Case| case.smooth(Smooth::Twice).tolerance(1e-5, 1e-5).cards();
    let mut out: Vec<Case> = table
        .into_iter()
        .map(|(x, filter, options)| {
            let name = format!("conv2d {x:?} by {filter:?} {}", described(&options));
            let call = move |x: &[crate::Tensor]| x[0].conv2d(&x[1], &options).unwrap_or_else(|error| panic!("{error}"));
            tuned(Case::new(name, &[&x, &filter], call, move |x| convolve(&x[0], &x[1], &options)))
        })
        .collect();
    for (x, filter, options) in [
        ([2, 6, 5, 3], [3, 3, 3, 2], Conv2dOptions { groups: 3, ..same }),
        ([1, 7, 8, 5], [2, 3, 5, 1], Conv2dOptions { groups: 5, strides: [2, 2], ..one }),
    ] {
        let name = format!("depthwise_conv2d {x:?} by {filter:?} {}", described(&options));
        let call = move |x: &[crate::Tensor]| x[0].depthwise_conv2d(&x[1], &options).unwrap_or_else(|error| panic!("{error}"));
        let [kh, kw, c, m] = filter;
        out.push(tuned(Case::new(name, &[&x, &filter], call, move |x| convolve(&x[0], &unfolded(&x[1], &[kh, kw, 1, c * m]), &options))));
    }
    for (time, padding, strides, dilation_rate) in [(9, Valid, 2, 1), (8, Same, 2, 1), (7, Causal, 1, 2), (6, Causal, 2, 1)] {
        let options = Conv1dOptions { padding, strides, dilation_rate, groups: 1 };
        let name = format!("conv1d of {time} steps, {padding:?}, stride {strides}, dilation {dilation_rate}");
        let plain = Conv2dOptions { strides: [1, strides], dilation_rate: [1, dilation_rate], padding, groups: 1 };
        // Along the axis of one row, causal padding by its rule leaves one output too.
        let call = move |x: &[crate::Tensor]| x[0].conv1d(&x[1], &options).unwrap_or_else(|error| panic!("{error}"));
        out.push(tuned(Case::new(name, &[&[2, time, 3], &[3, 3, 4]], call, move |x| {
            let y = convolve(&unfolded(&x[0], &[2, 1, time, 3]), &unfolded(&x[1], &[1, 3, 3, 4]), &plain);
            let steps = y.shape()[2];
            unfolded(&y, &[2, steps, 4])
        })));
    }
    // So many output rows that the filter gradient is summed in chunks of several.
    let long = Case::new(
        "conv2d of 70 images",
        &[&[70, 4, 3, 2], &[3, 3, 2, 3]],
        move |x| x[0].conv2d(&x[1], &same).unwrap_or_else(|error| panic!("{error}")),
        move |x| convolve(&x[0], &x[1], &same),
    );
    out.push(tuned(long));
    out
}

fn described(options: &Conv2dOptions) -> String {
    let Conv2dOptions { strides, padding, dilation_rate, groups } = options;
    format!("{padding:?} strides {strides:?} dilation {dilation_rate:?} groups {groups}")
}
