//! Layers that add borders of zeros around the axes of space, or cut borders off.

use super::{Build, Call, DataFormat, Layer, SimpleLayer, space};
use crate::{
    Error, Index, Result, Shape, Tensor,
    config::{Json, Reader, Value},
};

/// `(before, after)` elements of each of N axes of space: `1` for all, `[1, 2]` the same on both sides of each axis, `[(1, 0), (2, 2)]`; of
/// sequences `(1, 2)`.
///
/// ```
/// use wgrad::layers::Borders;
/// assert_eq!(Borders::<2>::from([1, 2]), Borders::from([(1, 1), (2, 2)]));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Borders<const N: usize>([(usize, usize); N]);

impl<const N: usize> From<usize> for Borders<N> {
    fn from(width: usize) -> Self {
        Self([(width, width); N])
    }
}

impl<const N: usize> From<[usize; N]> for Borders<N> {
    fn from(widths: [usize; N]) -> Self {
        Self(widths.map(|width| (width, width)))
    }
}

impl<const N: usize> From<[(usize, usize); N]> for Borders<N> {
    fn from(widths: [(usize, usize); N]) -> Self {
        Self(widths)
    }
}

impl From<(usize, usize)> for Borders<1> {
    fn from(widths: (usize, usize)) -> Self {
        Self([widths])
    }
}

impl<const N: usize> Value for Borders<N> {
    fn to_json(&self) -> Json {
        let pair = |&(before, after): &(usize, usize)| [before, after].to_json();
        if N == 1 { pair(&self.0[0]) } else { self.0.iter().map(pair).collect() }
    }

    fn from_json(json: &Json, reader: &mut Reader) -> Option<Self> {
        let pair = |[before, after]: [usize; 2]| (before, after);
        if !json.is_array() {
            return usize::from_json(json, reader).map(Self::from);
        }
        if N == 1 {
            return Value::from_json(json, reader).map(|widths| Self([pair(widths); N]));
        }
        if json[0].is_array() {
            let widths: Option<[[usize; 2]; N]> = Value::from_json(json, reader);
            return widths.map(|widths| Self(widths.map(pair)));
        }
        let widths: Option<[usize; N]> = Value::from_json(json, reader);
        widths.map(Self::from)
    }
}

/// Zeros around the axes of space: `(N, space…, C)` to `(N, before + space + after…, C)`. The layers are [`ZeroPadding1D`],
/// [`ZeroPadding2D`] and [`ZeroPadding3D`].
///
/// ```
/// use wgrad::layers::{ZeroPadding1D, ZeroPadding2D};
/// let around = ZeroPadding2D::new(1);
/// let behind = ZeroPadding1D::new((0, 3));
/// ```
#[derive(Layer, Clone, Debug)]
#[layer(rank(1, 2, 3))]
pub struct ZeroPadding<const N: usize> {
    /// Zeros before and after the elements of each axis.
    #[layer(new, default = 1)]
    padding: Borders<N>,
    /// Where the axis of channels is.
    data_format: DataFormat,
}

/// Zeros around sequences: `(N, T, C)` to `(N, T', C)`.
///
/// ```
/// use wgrad::prelude::*;
/// let y = ZeroPadding1D::new((1, 2)).apply(&Tensor::ones([1, 2, 1]));
/// assert_eq!(y.to_vec::<f32>()?, [0.0, 1.0, 1.0, 0.0, 0.0]);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[doc(alias = "keras.layers.ZeroPadding1D")]
pub type ZeroPadding1D = ZeroPadding<1>;
/// Zeros around images: `(N, H, W, C)` to `(N, H', W', C)`.
///
/// ```
/// use wgrad::prelude::*;
/// assert_eq!(ZeroPadding2D::new([(1, 1), (2, 2)]).apply(&Tensor::ones([1, 4, 4, 3])).shape()[..], [1, 6, 8, 3]);
/// ```
#[doc(alias = "keras.layers.ZeroPadding2D")]
pub type ZeroPadding2D = ZeroPadding<2>;
/// Zeros around volumes: `(N, D, H, W, C)` to `(N, D', H', W', C)`.
///
/// ```
/// use wgrad::prelude::*;
/// assert_eq!(ZeroPadding3D::new(1).apply(&Tensor::ones([1, 4, 5, 6, 3])).shape()[..], [1, 6, 7, 8, 3]);
/// ```
#[doc(alias = "keras.layers.ZeroPadding3D")]
pub type ZeroPadding3D = ZeroPadding<3>;

impl<const N: usize> SimpleLayer for ZeroPadding<N> {
    fn build(&mut self, _build: &mut Build, input: &Shape) -> Result<()> {
        space::channels::<N>(input, self.data_format).map(drop)
    }

    fn call(&self, _call: &mut Call, x: &Tensor) -> Result<Tensor> {
        space::channels::<N>(x.shape(), self.data_format)?;
        let mut widths = vec![(0, 0); x.rank()];
        for (axis, border) in space::axes::<N>(self.data_format).into_iter().zip(self.padding.0) {
            widths[axis as usize] = border;
        }
        Ok(x.pad(&widths, 0.0))
    }
}

/// Cuts borders off images and volumes: `(N, space…, C)` to `(N, space - before - after…, C)`. The layers are [`Cropping2D`] and
/// [`Cropping3D`]; sequences have [`Cropping1D`].
///
/// ```
/// use wgrad::layers::Cropping2D;
/// let layer = Cropping2D::new([(2, 0), (1, 1)]);
/// ```
#[derive(Layer, Clone, Debug)]
#[layer(rank(2, 3))]
pub struct Cropping<const N: usize> {
    /// Elements cut off before and after those that stay, of each axis.
    #[layer(new, default = if N == 2 { 0 } else { 1 })]
    cropping: Borders<N>,
    /// Where the axis of channels is.
    data_format: DataFormat,
}

/// Cuts borders off images: `(N, H, W, C)` to `(N, H', W', C)`.
///
/// ```
/// use wgrad::prelude::*;
/// assert_eq!(Cropping2D::new([(2, 0), (1, 1)]).apply(&Tensor::ones([1, 4, 4, 3])).shape()[..], [1, 2, 2, 3]);
/// ```
#[doc(alias = "keras.layers.Cropping2D")]
pub type Cropping2D = Cropping<2>;
/// Cuts borders off volumes: `(N, D, H, W, C)` to `(N, D', H', W', C)`.
///
/// ```
/// use wgrad::prelude::*;
/// assert_eq!(Cropping3D::new(1).apply(&Tensor::ones([1, 4, 5, 6, 3])).shape()[..], [1, 2, 3, 4, 3]);
/// ```
#[doc(alias = "keras.layers.Cropping3D")]
pub type Cropping3D = Cropping<3>;

impl<const N: usize> SimpleLayer for Cropping<N> {
    fn build(&mut self, _build: &mut Build, input: &Shape) -> Result<()> {
        space::channels::<N>(input, self.data_format).map(drop)
    }

    fn call(&self, _call: &mut Call, x: &Tensor) -> Result<Tensor> {
        space::channels::<N>(x.shape(), self.data_format)?;
        cropped(x, &self.cropping, self.data_format)
    }
}

/// Cuts steps off sequences: `(N, T, C)` to `(N, T - before - after, C)`.
///
/// ```
/// use wgrad::prelude::*;
/// let y = Cropping1D::new((1, 0)).apply(&Tensor::from_slice(&[1.0f32, 2.0, 3.0], [1, 3, 1])?);
/// assert_eq!(y.to_vec::<f32>()?, [2.0, 3.0]);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.Cropping1D")]
pub struct Cropping1D {
    /// Steps cut off before and after those that stay.
    #[layer(new, default = 1)]
    cropping: Borders<1>,
}

impl SimpleLayer for Cropping1D {
    fn build(&mut self, _build: &mut Build, input: &Shape) -> Result<()> {
        space::channels::<1>(input, DataFormat::ChannelsLast).map(drop)
    }

    fn call(&self, _call: &mut Call, x: &Tensor) -> Result<Tensor> {
        space::channels::<1>(x.shape(), DataFormat::ChannelsLast)?;
        cropped(x, &self.cropping, DataFormat::ChannelsLast)
    }
}

fn cropped<const N: usize>(x: &Tensor, cropping: &Borders<N>, format: DataFormat) -> Result<Tensor> {
    let mut kept = vec![Index::from(..); x.rank()];
    for (axis, (before, after)) in space::axes::<N>(format).into_iter().zip(cropping.0) {
        let size = x.shape()[axis as usize];
        if before + after >= size {
            let text = format!("cropping ({before}, {after}) leaves nothing of axis {axis} of the input {}", x.shape());
            return Err(Error::shape(text));
        }
        kept[axis as usize] = Index::from(before as isize..(size - after) as isize);
    }
    Ok(x.at(&kept))
}
