//! Convolution of any rank by the one of images: a sequence is an image of one row, and a volume's slices become images whose channels
//! hold the taps of the depth.

use super::{
    ConvOptions, Padding, Windows,
    op::{Convolution, Part, check_channels},
};
use crate::{
    Error, Result, Shape, Tensor,
    graph::apply_one,
    ops::{
        unfold::Neighbours,
        window::{as_volume, each},
    },
};

/// A convolution of a volume; sequences and images have axes of size one in front.
struct Form {
    /// How many axes of space there really are.
    space: usize,
    windows: Windows<3>,
    groups: usize,
    /// KD, KH, KW, C / groups, K.
    filter: [usize; 5],
}

impl Form {
    fn of(op: &str, x: &Tensor, filter: &Tensor, options: &ConvOptions) -> Result<(Form, [usize; 5])> {
        let (space, input, shape) = (x.rank().saturating_sub(2), as_volume(x.shape()), filter.shape());
        let (Some(input), true) = (input, filter.rank() == x.rank()) else {
            return Err(Error::shape(format!(
                "{op}: takes (N, space…, C) of one to three axes of space and a filter (taps…, C / groups, K), not {} and {shape}",
                x.shape()
            )));
        };
        let sizes = |name: &str, sizes: &[usize]| {
            let wrong = || Error::invalid(format!("{op}: {name} {sizes:?} are not one for all {space} axes of space, nor one for each"));
            each(sizes, space).ok_or_else(wrong)
        };
        let (strides, dilation) = (sizes("strides", options.strides)?, sizes("dilation_rate", options.dilation_rate)?);
        let [depth, high, wide] = sizes("taps", &shape[..space])?;
        let padding = match options.padding {
            Padding::Causal if space == 1 => Padding::Explicit([(0, 0), (wide.saturating_sub(1) * dilation[2], 0)]),
            Padding::Explicit([(above, below), _]) if space == 1 && (above, below) != (0, 0) => {
                return Err(Error::invalid(format!(
                    "{op}: of explicit padding the first pair must be (0, 0), the second is for sequences"
                )));
            }
            other => other,
        };
        let filter = [depth, high, wide, shape[space], shape[space + 1]];
        Ok((Form { space, windows: Windows { strides, dilation, padding }, groups: options.groups, filter }, input))
    }

    /// The part of a convolution of images, whose padding is that of the volume.
    fn images(&self, part: Part, extent: [usize; 2], first: &Tensor, second: &Tensor) -> Result<Tensor> {
        let Windows { strides: [_, down, across], dilation: [_, high, wide], padding } = self.windows;
        let windows = Windows { strides: [down, across], dilation: [high, wide], padding };
        apply_one(Convolution { part, windows, groups: self.groups, extent }, &[first, second])
    }

    /// The filter of the images: its channels hold the taps of the depth.
    fn filter(&self, filter: &Tensor) -> Tensor {
        let [depth, high, wide, inputs, k] = self.filter;
        let filter = filter.reshape([depth, high, wide, inputs, k]);
        (if depth == 1 { filter } else { filter.permute(&[1, 2, 0, 3, 4]) }).reshape([high, wide, depth * inputs, k])
    }

    /// The windows along the depth of a volume with `length` slices.
    fn depth(&self, length: usize, outputs: usize, before: usize) -> Neighbours {
        let Windows { strides: [stride, ..], dilation: [dilation, ..], .. } = self.windows;
        Neighbours { length, outputs, taps: self.filter[0], stride, dilation, before }
    }

    /// A volume's result in the axes that there really are.
    fn result(&self, y: &Tensor, [n, depth]: [usize; 2]) -> Tensor {
        let [_, rows, columns, k] = y.shape()[..] else { unreachable!("images have four axes") };
        let space = &[depth, rows, columns][3 - self.space..];
        y.reshape([n].into_iter().chain(space.iter().copied()).chain([k]).collect::<Shape>())
    }
}

pub(super) fn conv(x: &Tensor, filter: &Tensor, options: &ConvOptions) -> Result<Tensor> {
    let (form, [n, d, h, w, c]) = Form::of("conv", x, filter, options)?;
    let ([depth, high, wide, inputs, _], weights) = (form.filter, form.filter(filter));
    if form.space < 3 {
        return Ok(form.result(&form.images(Part::Output, [0; 2], &x.reshape([n, h, w, c]), &weights)?, [n, 1]));
    }
    check_channels(form.groups, x.shape(), filter.shape()).map_err(|error| error.at("conv"))?;
    let what = format!("the filter {}", filter.shape());
    let placed = form.windows.place(x.shape(), [depth, high, wide], &what).map_err(|error| error.at("conv"))?;
    let (outputs, slices) = (placed.outputs[0], x.reshape([n, d, h * w * form.groups, inputs]));
    let images = form.depth(d, outputs, placed.before[0]).unfold(&slices)?.reshape([n * outputs, h, w, depth * c]);
    Ok(form.result(&form.images(Part::Output, [0; 2], &images, &weights)?, [n, outputs]))
}

pub(super) fn conv_transpose(y: &Tensor, filter: &Tensor, options: &ConvOptions, output_padding: Option<&[usize]>) -> Result<Tensor> {
    let op = "conv_transpose";
    let (form, [n, d, h, w, k]) = Form::of(op, y, filter, options)?;
    let ([depth, high, wide, inputs, outputs], Windows { strides, dilation, padding }) = (form.filter, form.windows);
    if outputs != k {
        let (y, filter) = (y.shape(), filter.shape());
        let text = format!("{op}: the input {y} has {k} channels, the filter {filter} takes {outputs}: a filter is (taps…, C / groups, K)");
        return Err(Error::shape(text));
    }
    let added = output_padding.map(|sizes| each(sizes, form.space).unwrap_or([usize::MAX; 3]));
    let larger = |axis: usize| {
        let (size, span) = ([d, h, w][axis], (form.filter[axis].max(1) - 1) * dilation[axis] + 1);
        let (stride, added) = (strides[axis], added.map(|added| if axis + form.space < 3 { 0 } else { added[axis] }));
        let steps = size.saturating_sub(1) * stride;
        match (padding, added) {
            (_, Some(added)) if added >= stride.max(1) => None,
            (Padding::Causal, _) => None,
            (Padding::Same, None) => Some(size * stride),
            (Padding::Same, Some(added)) => Some(steps + span % 2 + added),
            (_, added) => {
                let around = if let (Padding::Explicit(pairs), 1..) = (padding, axis) { pairs[axis - 1] } else { (0, 0) };
                (steps + span.max(if added.is_none() { stride } else { 0 }) + added.unwrap_or(0)).checked_sub(around.0 + around.1)
            }
        }
    };
    let refused = || {
        Error::invalid(format!(
            "{op}: {padding:?} padding with strides {:?}, output_padding {output_padding:?} and a filter {} has no result for {}:              the padding is Valid or Same, the output padding less than the strides",
            options.strides,
            filter.shape(),
            y.shape()
        ))
    };
    let (Some(depths), Some(rows), Some(columns)) = (larger(0), larger(1), larger(2)) else { return Err(refused()) };
    let volume = Shape::from([n, depths, rows, columns, inputs * form.groups]);
    let placed =
        form.windows.place(&volume, [depth, high, wide], &format!("the filter {}", filter.shape())).map_err(|error| error.at(op))?;
    if placed.outputs != [d, h, w] {
        return Err(refused());
    }
    let images = form.images(Part::Input, [rows, columns], &y.reshape([n * d, h, w, k]), &form.filter(filter))?;
    if form.space < 3 {
        return Ok(form.result(&images, [n, 1]));
    }
    let windows = images.reshape([n, d, rows * columns * form.groups, depth, inputs]);
    let folded = form.depth(depths, d, placed.before[0]).fold(&windows)?;
    Ok(form.result(&folded.reshape([n * depths, rows, columns, inputs * form.groups]), [n, depths]))
}
