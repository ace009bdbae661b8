//! Convolution's entries in the catalog, with plain loops as their meaning.

use super::{
    super::{
        Case,
        case::{Reference, Smooth},
        window::{as_volume, each},
    },
    ConvOptions, Padding,
};
use crate::{Result, Shape, Tensor};
use ndarray::ArrayD;

/// A convolution in three axes of space, by its definition.
struct Plain {
    space: usize,
    strides: [usize; 3],
    dilation: [usize; 3],
    padding: Padding,
    groups: usize,
}

impl Plain {
    fn new(rank: usize, options: &ConvOptions) -> Self {
        let three = |sizes: &[usize]| each(sizes, rank - 2).expect("a case has as many sizes as axes");
        let ConvOptions { strides, padding, dilation_rate, groups } = *options;
        Self { space: rank - 2, strides: three(strides), dilation: three(dilation_rate), padding, groups }
    }

    /// Outputs and padding in front along an axis.
    fn rule(&self, axis: usize, size: usize, taps: usize) -> (usize, usize) {
        let (span, stride) = ((taps - 1) * self.dilation[axis] + 1, self.strides[axis]);
        let explicit = |(before, after): (usize, usize)| ((before + size + after - span) / stride + 1, before);
        match self.padding {
            Padding::Same => {
                let outputs = size.div_ceil(stride);
                (outputs, ((outputs - 1) * stride + span).saturating_sub(size) / 2)
            }
            Padding::Causal => explicit((span - 1, 0)),
            Padding::Explicit(pairs) if axis > 0 => explicit(pairs[axis - 1]),
            _ => explicit((0, 0)),
        }
    }

    /// Calls `body(x, filter, y)` with the places of each product of the sum, for an input and a filter of five axes.
    fn visit(&self, x: [usize; 5], filter: [usize; 5], mut body: impl FnMut([usize; 5], [usize; 5], [usize; 5])) {
        let [n, .., k] = [x[0], 0, 0, 0, filter[4]];
        let rules: [(usize, usize); 3] = std::array::from_fn(|axis| self.rule(axis, x[axis + 1], filter[axis]));
        let [depth, rows, columns] = rules.map(|(outputs, _)| outputs);
        for at in ndarray::indices([n, depth, rows, columns, k]) {
            let at: [usize; 5] = at.into();
            for tap in ndarray::indices([filter[0], filter[1], filter[2]]) {
                let tap: [usize; 3] = tap.into();
                let place: [usize; 3] = std::array::from_fn(|axis| {
                    (at[axis + 1] * self.strides[axis] + tap[axis] * self.dilation[axis]).wrapping_sub(rules[axis].1)
                });
                if (0..3).all(|axis| place[axis] < x[axis + 1]) {
                    for channel in 0..filter[3] {
                        let source = at[4] / (k / self.groups) * filter[3] + channel;
                        body([at[0], place[0], place[1], place[2], source], [tap[0], tap[1], tap[2], channel, at[4]], at);
                    }
                }
            }
        }
    }

    fn outputs(&self, x: [usize; 5], filter: [usize; 5]) -> [usize; 5] {
        let outputs: [usize; 3] = std::array::from_fn(|axis| self.rule(axis, x[axis + 1], filter[axis]).0);
        [x[0], outputs[0], outputs[1], outputs[2], filter[4]]
    }

    /// A result in the axes that there really are.
    fn lowered(&self, y: ArrayD<f64>) -> Reference {
        let shape: Vec<usize> = [&y.shape()[..1], &y.shape()[4 - self.space..]].concat();
        y.into_shape_with_order(shape).expect("as many values")
    }

    fn conv(&self, x: &Reference, filter: &Reference) -> Reference {
        let (x, filter) = (raised(x), raised_filter(filter));
        let mut y = ArrayD::zeros(self.outputs(sizes(&x), sizes(&filter)).to_vec());
        self.visit(sizes(&x), sizes(&filter), |at, tap, to| y[to] += x[at] * filter[tap]);
        self.lowered(y)
    }

    /// To a result with `space`.
    fn transposed(&self, y: &Reference, filter: &Reference, space: &[usize]) -> Reference {
        let (y, filter) = (raised(y), raised_filter(filter));
        let [d, h, w] = each(space, self.space).expect("a case has as many sizes as axes");
        let shape = [y.shape()[0], d, h, w, filter.shape()[3] * self.groups];
        assert_eq!(self.outputs(shape, sizes(&filter)), sizes(&y), "a case has the size of its result");
        let mut x = ArrayD::zeros(shape.to_vec());
        self.visit(shape, sizes(&filter), |at, tap, from| x[at] += y[from] * filter[tap]);
        self.lowered(x)
    }
}

fn sizes(x: &Reference) -> [usize; 5] {
    x.shape().try_into().expect("five axes")
}

fn unfolded(x: &Reference, shape: &[usize]) -> Reference {
    x.to_shape(shape).expect("as many values").to_owned().into_dyn()
}

fn raised(x: &Reference) -> Reference {
    unfolded(x, &as_volume(&Shape::from(x.shape())).expect("one to three axes of space"))
}

fn raised_filter(filter: &Reference) -> Reference {
    let (taps, rest) = filter.shape().split_at(filter.ndim() - 2);
    let taps = each(taps, taps.len()).expect("one to three axes of space");
    unfolded(filter, &[&taps[..], rest].concat())
}

fn fits(result: Result<Tensor>) -> Tensor {
    result.unwrap_or_else(|error| panic!("{error}"))
}

pub(in super::super) fn cases() -> Vec<Case> {
    use Padding::{Causal, Explicit, Same};
    type Row = (&'static [usize], &'static [usize], ConvOptions<'static>);
    let one = ConvOptions::default();
    let same = ConvOptions { padding: Same, ..one };
    let causal = ConvOptions { padding: Causal, ..one };
    let by = |strides: &'static [usize], options: ConvOptions<'static>| ConvOptions { strides, ..options };
    let far = |dilation_rate: &'static [usize], options: ConvOptions<'static>| ConvOptions { dilation_rate, ..options };
    // Input, filter, options.
    let table: Vec<Row> = vec![
        (&[1, 1, 1, 1], &[1, 1, 1, 1], one),
        (&[2, 5, 6, 3], &[3, 3, 3, 5], one),
        (&[1, 7, 5, 4], &[3, 3, 4, 8], same),
        (&[2, 6, 7, 5], &[1, 1, 5, 9], one),
        (&[2, 6, 7, 3], &[1, 1, 3, 2], by(&[2], one)),
        (&[1, 8, 9, 2], &[3, 2, 2, 3], by(&[2, 3], same)),
        (&[2, 9, 8, 3], &[2, 3, 3, 6], by(&[3, 2], one)),
        (&[1, 9, 8, 3], &[3, 3, 3, 2], far(&[2], same)),
        (&[1, 10, 11, 2], &[3, 3, 2, 3], by(&[2, 3], far(&[2], same))),
        (&[2, 5, 4, 2], &[3, 4, 2, 3], ConvOptions { padding: Explicit([(0, 2), (3, 1)]), ..one }),
        (&[1, 3, 3, 7], &[5, 5, 7, 10], same),
        (&[3, 13, 11, 9], &[3, 3, 9, 17], same),
        (&[2, 9, 5, 36], &[3, 2, 36, 40], same),
        (&[1, 6, 7, 8], &[3, 3, 8, 12], by(&[2], same)),
        (&[2, 6, 5, 4], &[3, 3, 2, 6], ConvOptions { groups: 2, ..same }),
        (&[1, 9, 7, 6], &[3, 2, 2, 3], ConvOptions { groups: 3, strides: &[2], dilation_rate: &[1, 2], ..same }),
        // So many output rows that the filter gradient is summed in chunks of several.
        (&[70, 4, 3, 2], &[3, 3, 2, 3], same),
        // Sequences.
        (&[2, 9, 3], &[3, 3, 4], by(&[2], one)),
        (&[2, 8, 3], &[3, 3, 4], by(&[2], same)),
        (&[2, 7, 3], &[3, 3, 4], far(&[2], causal)),
        (&[2, 6, 3], &[3, 3, 4], by(&[2], causal)),
        (&[2, 6, 4], &[3, 2, 6], ConvOptions { groups: 2, ..causal }),
        // Volumes.
        (&[2, 4, 5, 3, 2], &[3, 2, 3, 2, 4], one),
        (&[1, 5, 4, 4, 3], &[3, 3, 3, 3, 5], same),
        (&[2, 5, 4, 5, 3], &[3, 2, 2, 3, 2], by(&[2, 1, 3], same)),
        (&[2, 3, 4, 4, 2], &[1, 1, 1, 2, 3], one),
        (&[1, 3, 4, 4, 2], &[1, 3, 3, 2, 3], by(&[2], same)),
        (&[1, 6, 5, 4, 4], &[2, 3, 2, 2, 6], ConvOptions { groups: 2, dilation_rate: &[3, 1, 2], ..same }),
        (&[1, 4, 3, 4, 2], &[2, 2, 2, 2, 3], ConvOptions { padding: Explicit([(1, 0), (0, 2)]), ..one }),
    ];
    let tuned = |case: Case| case.smooth(Smooth::Twice).tolerance(1e-5, 1e-5).cards();
    let mut out = Vec::new();
    for (x, filter, options) in table {
        let name = format!("conv {x:?} by {filter:?} {}", described(&options));
        let (call, plain) = (move |x: &[Tensor]| fits(x[0].conv(&x[1], &options)), Plain::new(x.len(), &options));
        out.push(tuned(Case::new(name, &[x, filter], call, move |x| plain.conv(&x[0], &x[1]))));
    }
    let depthwise: [Row; 3] =
        [(&[2, 6, 5, 3], &[3, 3, 3, 2], same), (&[1, 7, 8, 5], &[2, 3, 5, 1], by(&[2], one)), (&[2, 7, 3], &[3, 3, 2], far(&[2], causal))];
    for (x, filter, options) in depthwise {
        let name = format!("depthwise_conv {x:?} by {filter:?} {}", described(&options));
        let call = move |x: &[Tensor]| fits(x[0].depthwise_conv(&x[1], &options));
        let plain = Plain::new(x.len(), &ConvOptions { groups: *x.last().expect("channels"), ..options });
        let (taps, channels) = filter.split_at(filter.len() - 2);
        let grouped = [taps, &[1, channels[0] * channels[1]]].concat();
        out.push(tuned(Case::new(name, &[x, filter], call, move |x| plain.conv(&x[0], &unfolded(&x[1], &grouped)))));
    }
    let call = move |x: &[Tensor]| fits(x[0].separable_conv(&x[1], &x[2], &by(&[2], same)));
    let (first, second) = (Plain::new(3, &ConvOptions { groups: 3, ..by(&[2], same) }), Plain::new(3, &one));
    let separable = Case::new("separable_conv", &[&[2, 6, 3], &[3, 3, 2], &[1, 6, 4]], call, move |x| {
        second.conv(&first.conv(&x[0], &unfolded(&x[1], &[3, 1, 6])), &x[2])
    });
    out.push(separable.smooth(Smooth::Once));
    // Input, filter, options, output padding, the result's space.
    type Back = (Row, Option<&'static [usize]>, &'static [usize]);
    let transposed: [Back; 11] = [
        ((&[2, 5, 3], &[3, 2, 3], by(&[2], one)), None, &[11]),
        ((&[2, 5, 3], &[2, 2, 3], by(&[3], one)), None, &[15]),
        ((&[2, 5, 3], &[3, 2, 3], by(&[2], one)), Some(&[1]), &[12]),
        ((&[2, 5, 3], &[3, 2, 3], far(&[2], same)), None, &[5]),
        ((&[2, 3, 4, 3], &[3, 3, 2, 3], by(&[2], same)), None, &[6, 8]),
        ((&[1, 3, 4, 3], &[3, 3, 2, 3], by(&[2], same)), Some(&[0, 1]), &[5, 8]),
        ((&[1, 3, 4, 3], &[2, 4, 2, 3], by(&[2, 1], one)), None, &[6, 7]),
        ((&[1, 4, 5, 3], &[3, 3, 2, 3], ConvOptions { padding: Explicit([(1, 1), (0, 2)]), ..by(&[2], one) }), Some(&[1]), &[8, 10]),
        ((&[1, 4, 3, 6], &[3, 3, 2, 6], ConvOptions { groups: 3, ..same }), None, &[4, 3]),
        ((&[2, 3, 2, 3, 3], &[3, 2, 3, 2, 3], by(&[3, 2, 1], one)), None, &[9, 4, 5]),
        ((&[1, 2, 3, 2, 3], &[3, 3, 2, 2, 3], by(&[2], same)), Some(&[1, 1, 1]), &[4, 6, 3]),
    ];
    for ((y, filter, options), output_padding, space) in transposed {
        let name = format!("conv_transpose {y:?} by {filter:?} {} output padding {output_padding:?}", described(&options));
        let call = move |x: &[Tensor]| fits(x[0].conv_transpose(&x[1], &options, output_padding));
        let plain = Plain::new(y.len(), &options);
        out.push(tuned(Case::new(name, &[y, filter], call, move |x| plain.transposed(&x[0], &x[1], space))));
    }
    out
}

fn described(options: &ConvOptions) -> String {
    let ConvOptions { strides, padding, dilation_rate, groups } = options;
    format!("{padding:?} strides {strides:?} dilation {dilation_rate:?} groups {groups}")
}
