//! Other orders of elements and axes: turns, moved axes, blocks of pixels as channels, windows of sequences and images.

use super::{
    Case,
    case::{Reference, Smooth},
    fits, require,
    view::Range,
};
use crate::{DType, Error, Result, Shape, Tensor};

impl Tensor {
    /// The axes `from` at the places `to` of the result; the others keep their order.
    #[doc(alias = "keras.ops.moveaxis")]
    #[track_caller]
    pub fn move_axes(&self, from: &[isize], to: &[isize]) -> Tensor {
        require(from.len() == to.len(), format_args!("move_axes: {from:?} and {to:?} are not in pairs"));
        let axes = |list: &[isize]| list.iter().map(|&axis| fits(self.shape().axis(axis), "move_axes")).collect::<Vec<_>>();
        let (from, to) = (axes(from), axes(to));
        let mut pairs: Vec<_> = to.into_iter().zip(&from).collect();
        pairs.sort_unstable();
        let mut order: Vec<isize> = (0..self.rank()).filter(|axis| !from.contains(axis)).map(|axis| axis as isize).collect();
        pairs.into_iter().for_each(|(to, &from)| order.insert(to.min(order.len()), from as isize));
        self.permute(&order)
    }

    /// Turned by `times` quarters in the plane of two axes, from the first towards the second.
    #[doc(alias = "keras.ops.rot90")]
    #[track_caller]
    pub fn rot90(&self, times: isize, axes: [isize; 2]) -> Tensor {
        let [one, other] = axes.map(|axis| fits(self.shape().axis(axis), "rot90") as isize);
        require(one != other, format_args!("rot90: axes {axes:?} of shape {} are no plane", self.shape()));
        match times.rem_euclid(4) {
            0 => self.clone(),
            1 => self.flip(&[other]).swap_axes(one, other),
            2 => self.flip(&[one, other]),
            _ => self.swap_axes(one, other).flip(&[other]),
        }
    }

    /// The differences of neighbours along `axis`.
    #[doc(alias = "keras.ops.diff")]
    #[track_caller]
    pub fn diff(&self, axis: isize) -> Tensor {
        let axis = fits(self.shape().axis(axis), "diff");
        let count = self.shape()[axis].saturating_sub(1);
        let (later, before) = (self.section(axis, self.shape()[axis] - count, count), self.section(axis, 0, count));
        if self.dtype() == DType::Bool { later.not_equal(before) } else { later - before }
    }

    /// Images (N, H, W, C) as (N, H * block, W * block, C / block²): channels become blocks of pixels.
    #[doc(alias = "keras.ops.depth_to_space")]
    #[track_caller]
    pub fn depth_to_space(&self, block: usize) -> Tensor {
        let [n, h, w, c] = self.image_with("depth_to_space", block, |&[_, _, _, c]| c.is_multiple_of(block * block));
        let depth = c / (block * block);
        self.reshape([n, h, w, block, block, depth]).permute(&[0, 1, 3, 2, 4, 5]).reshape([n, h * block, w * block, depth])
    }

    /// Images (N, H, W, C) as (N, H / block, W / block, C * block²): blocks of pixels become channels.
    #[doc(alias = "keras.ops.space_to_depth")]
    #[track_caller]
    pub fn space_to_depth(&self, block: usize) -> Tensor {
        let [n, h, w, c] = self.image_with("space_to_depth", block, |&[_, h, w, _]| h.is_multiple_of(block) && w.is_multiple_of(block));
        let blocks = self.reshape([n, h / block, block, w / block, block, c]).permute(&[0, 1, 3, 2, 4, 5]);
        blocks.reshape([n, h / block, w / block, c * block * block])
    }

    #[track_caller]
    fn image_with(&self, name: &str, block: usize, fit: impl Fn(&[usize; 4]) -> bool) -> [usize; 4] {
        let sizes = self.shape()[..].try_into().ok().filter(|sizes| block > 0 && fit(sizes));
        fits(sizes.ok_or_else(|| Error::shape(format!("blocks of {block} do not fit images (N, H, W, C) of {}", self.shape()))), name)
    }

    fn slice_axis(&self, axis: usize, range: Range) -> Tensor {
        self.slice_ranges(
            self.shape().iter().enumerate().map(|(at, &size)| if at == axis { range } else { Range { start: 0, size, step: 1 } }).collect(),
        )
    }

    /// Patches of (N, C, H, W) as columns: (N, C * taps, places), as PyTorch has them.
    ///
    /// # Errors
    /// Another rank, or patches that do not fit.
    #[doc(alias = "keras.ops.unfold")]
    pub fn unfold(&self, patches: &Patches) -> Result<Tensor> {
        let [n, c, h, w] = self.shape()[..] else { return Err(Error::shape(format!("unfold: takes (N, C, H, W), not {}", self.shape()))) };
        let places = patches.places([h, w])?;
        let [top, left] = patches.padding;
        let padded = self.pad(&[(0, 0), (0, 0), (top, top), (left, left)], 0.0);
        let columns: Vec<Tensor> =
            patches.ranges(places).map(|[rows, columns]| padded.slice_axis(2, rows).slice_axis(3, columns)).collect();
        let stacked = Tensor::stack(&columns.iter().collect::<Vec<_>>(), 2);
        Ok(stacked.reshape([n, c * columns.len(), places[0] * places[1]]))
    }

    /// The sum of patches at their places: (N, C * taps, places) to (N, C, H, W) of size `output`, the transpose of
    /// [`unfold`](Self::unfold).
    ///
    /// # Errors
    /// Another rank, or patches that do not fit.
    #[doc(alias = "keras.ops.fold")]
    pub fn fold(&self, output: [usize; 2], patches: &Patches) -> Result<Tensor> {
        let (places, taps) = (patches.places(output)?, patches.kernel_size[0] * patches.kernel_size[1]);
        let &[n, columns, count] = &self.shape()[..] else {
            return Err(Error::shape(format!("fold: takes (N, C, L), not {}", self.shape())));
        };
        if !columns.is_multiple_of(taps) || count != places[0] * places[1] {
            let text = format!("fold: {} is not {taps} taps at {} by {} places of {output:?}", self.shape(), places[0], places[1]);
            return Err(Error::shape(text));
        }
        let (c, [top, left]) = (columns / taps, patches.padding);
        let parts = self.reshape([n, c, taps, places[0], places[1]]).unstack(2);
        let whole = Shape::from([n, c, output[0] + 2 * top, output[1] + 2 * left]);
        let all = |size| Range { start: 0, size, step: 1 };
        let laid = parts
            .iter()
            .zip(patches.ranges(places))
            .map(|(part, [rows, columns])| part.scatter_slice(&whole, &[all(n), all(c), rows, columns]));
        let sum = laid.reduce(|a, b| a + b).expect("there is a tap");
        let inner = [all(n), all(c), Range { start: top, size: output[0], step: 1 }, Range { start: left, size: output[1], step: 1 }];
        Ok(sum.slice_ranges(inner.into_iter().collect()))
    }
}

/// How patches lie in an image: rows and columns of each option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patches {
    /// Size of a patch.
    pub kernel_size: [usize; 2],
    /// From one pixel of a patch to the next.
    pub dilation: [usize; 2],
    /// Zeros on both sides.
    pub padding: [usize; 2],
    /// From one patch to the next.
    pub stride: [usize; 2],
}

impl Patches {
    /// How many patches an image of `size` has in each direction.
    fn places(&self, size: [usize; 2]) -> Result<[usize; 2]> {
        let place = |axis: usize| {
            let (taps, stride, dilation) = (self.kernel_size[axis], self.stride[axis], self.dilation[axis]);
            let span = dilation.checked_mul(taps.checked_sub(1)?)?.checked_add(1)?;
            let room = size[axis].checked_add(self.padding[axis].checked_mul(2)?)?.checked_sub(span)?;
            room.checked_div(stride).map(|rest| rest + 1)
        };
        let places = place(0).zip(place(1)).ok_or_else(|| Error::shape(format!("{self:?} do not fit an image of {size:?}")));
        places.map(|(down, across)| [down, across])
    }

    /// Where each pixel of the patches lies.
    fn ranges(&self, places: [usize; 2]) -> impl Iterator<Item = [Range; 2]> {
        let [high, wide] = self.kernel_size;
        let range =
            move |axis: usize, tap: usize| Range { start: tap * self.dilation[axis], size: places[axis], step: self.stride[axis] as isize };
        (0..high * wide).map(move |tap| [range(0, tap / wide), range(1, tap % wide)])
    }
}

pub(super) fn cases() -> Vec<Case> {
    let mut out = Vec::new();
    let mut add = |name: &str, shape: &[usize], call: fn(&Tensor) -> Tensor, sizes: &[usize], from: fn(&[usize]) -> Vec<usize>| {
        let sizes = sizes.to_vec();
        let reference = move |x: &[Reference]| {
            use ndarray::Dimension;
            Reference::from_shape_fn(sizes.clone(), |at| x[0][&from(at.as_array_view().as_slice().expect("in order"))[..]].powi(2))
        };
        out.push(Case::new(name, &[shape], move |x| call(&x[0]).square(), reference).smooth(Smooth::Twice));
    };
    add("move_axes", &[2, 3, 4], |x| x.move_axes(&[0, 2], &[-1, 0]), &[4, 3, 2], |i| vec![i[2], i[1], i[0]]);
    add("rot90", &[3, 4], |x| x.rot90(1, [0, 1]), &[4, 3], |i| vec![i[1], 3 - i[0]]);
    add("rot90 back", &[3, 4], |x| x.rot90(-1, [0, 1]), &[4, 3], |i| vec![2 - i[1], i[0]]);
    add(
        "depth_to_space",
        &[1, 2, 3, 8],
        |x| x.depth_to_space(2),
        &[1, 4, 6, 2],
        |i| vec![i[0], i[1] / 2, i[2] / 2, (i[1] % 2 * 2 + i[2] % 2) * 2 + i[3]],
    );
    add(
        "space_to_depth",
        &[1, 4, 6, 2],
        |x| x.space_to_depth(2),
        &[1, 2, 3, 8],
        |i| vec![i[0], i[1] * 2 + i[3] / 4, i[2] * 2 + i[3] / 2 % 2, i[3] % 2],
    );
    const PATCHES: Patches = Patches { kernel_size: [2, 3], dilation: [2, 1], padding: [0, 0], stride: [1, 2] };
    add(
        "unfold",
        &[1, 2, 5, 7],
        |x| fits(x.unfold(&PATCHES), "unfold"),
        &[1, 12, 9],
        |i| vec![i[0], i[1] / 6, i[1] / 3 % 2 * 2 + i[2] / 3, i[1] % 3 + i[2] % 3 * 2],
    );
    let difference = |x: &[Reference]| {
        let (later, before) = (x[0].slice(ndarray::s![.., 1..]), x[0].slice(ndarray::s![.., ..-1]));
        (&later - &before).mapv(|x| x * x).into_dyn()
    };
    out.push(Case::new("diff", &[&[3, 5]], |x| x[0].diff(1).square(), difference).smooth(Smooth::Twice));
    let folded = |x: &[Reference]| {
        let mut sum = Reference::zeros(vec![1, 2, 5, 7]);
        for ((_, column, place), value) in x[0].to_shape((1, 12, 9)).expect("its shape").indexed_iter() {
            sum[[0, column / 6, column / 3 % 2 * 2 + place / 3, column % 3 + place % 3 * 2]] += value;
        }
        sum
    };
    out.push(Case::new("fold", &[&[1, 12, 9]], |x| fits(x[0].fold([5, 7], &PATCHES), "fold"), folded).smooth(Smooth::Twice));
    out
}
