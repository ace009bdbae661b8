//! Products of two tensors by other rules than that of matrices: outer, inner and cross products, distances, correlation, attention.

use super::{
    Case,
    case::{Reference, Smooth},
    fits, require,
};
use crate::{DType, Error, Result, Shape, Tensor, ops::ConvOptions};

impl Tensor {
    /// Each element of this tensor times each of the other: `(m, n)` for m and n elements.
    #[doc(alias = "keras.ops.outer")]
    #[track_caller]
    pub fn outer(&self, other: &Tensor) -> Tensor {
        self.reshape([self.size(), 1]) * other.reshape([1, other.size()])
    }

    /// The sum of products along the last axis of this tensor and the last but one of the other, or its only one; the product with a
    /// number.
    #[doc(alias = "keras.ops.dot")]
    #[track_caller]
    pub fn dot(&self, other: &Tensor) -> Tensor {
        match (self.rank(), other.rank()) {
            (0, _) | (_, 0) => self * other,
            (_, 1) => self.tensordot(other, &[-1], &[-1]),
            _ => self.tensordot(other, &[-1], &[-2]),
        }
    }

    /// The sum of products along the last axes of both; the product with a number.
    #[doc(alias = "keras.ops.inner")]
    #[track_caller]
    pub fn inner(&self, other: &Tensor) -> Tensor {
        if self.rank() == 0 || other.rank() == 0 { self * other } else { self.tensordot(other, &[-1], &[-1]) }
    }

    /// Kronecker's product: this tensor with each element times the other one in its place.
    #[doc(alias = "keras.ops.kron")]
    #[track_caller]
    pub fn kron(&self, other: &Tensor) -> Tensor {
        let rank = self.rank().max(other.rank());
        let sizes = |x: &Tensor| std::iter::repeat_n(1, rank - x.rank()).chain(x.shape().iter().copied()).collect::<Vec<_>>();
        let (a, b) = (sizes(self), sizes(other));
        let apart = |pairs: &dyn Fn(usize) -> [usize; 2]| (0..rank).flat_map(pairs).collect::<Shape>();
        let product = self.reshape(apart(&|axis| [a[axis], 1])) * other.reshape(apart(&|axis| [1, b[axis]]));
        product.reshape((0..rank).map(|axis| a[axis] * b[axis]).collect::<Shape>())
    }

    /// The cross product along the last axes, which have two or three elements; of two and two only its third one, without the axis.
    #[doc(alias = "keras.ops.cross")]
    #[track_caller]
    pub fn cross(&self, other: &Tensor) -> Tensor {
        let parts = |x: &Tensor| {
            let size = x.shape().last().copied().unwrap_or(0);
            require((2..=3).contains(&size), format_args!("cross: the last axis of shape {} has not two or three elements", x.shape()));
            let mut parts = x.unstack(-1);
            parts.resize_with(3, || x.unstack(-1)[0].zeros_like());
            (size, parts)
        };
        let ((one, a), (two, b)) = (parts(self), parts(other));
        let at = |i: usize, j: usize| &a[i] * &b[j] - &a[j] * &b[i];
        let third = at(0, 1);
        if one == 2 && two == 2 { third } else { Tensor::stack(&[&at(1, 2), &at(2, 0), &third], -1) }
    }

    /// The Euclidean distances of the rows of `(N..., M, D)` and `(N..., P, D)`: `(N..., M, P)`.
    #[doc(alias = "keras.ops.cdist")]
    #[track_caller]
    pub fn distances(&self, other: &Tensor) -> Tensor {
        (self.expand_dims(-2) - other.expand_dims(-3)).square().sum(&[-1]).sqrt()
    }

    /// The correlation coefficients of the rows of a matrix.
    #[doc(alias = "keras.ops.corrcoef")]
    #[track_caller]
    pub fn corrcoef(&self) -> Tensor {
        let centred = self - self.mean(&[-1]).expand_dims(-1);
        let norm = centred.square().sum(&[-1]).sqrt().expand_dims(-1);
        let unit = &centred / norm;
        unit.matmul(&unit.swap_axes(-1, -2)).clip(-1.0, 1.0)
    }

    /// The correlation of two vectors, the other one moved along this one with so many zeros on both sides.
    ///
    /// # Errors
    /// When one is no vector, or the other is longer than the padded one.
    #[doc(alias = "keras.ops.correlate")]
    pub fn correlate(&self, other: &Tensor, padding: usize) -> Result<Tensor> {
        if self.rank() != 1 || other.rank() != 1 {
            return Err(Error::shape(format!("correlate: takes vectors, not {} and {}", self.shape(), other.shape())));
        }
        let padded = self.pad(&[(padding, padding)], 0.0);
        let line = padded.reshape([1, padded.size(), 1]).conv(&other.reshape([other.size(), 1, 1]), &ConvOptions::default())?;
        Ok(line.reshape([line.size()]))
    }
}

/// Attention of queries `(N, T, heads, D)` to keys and values `(N, S, heads, D)`: `softmax(scale * q · k + bias)` over S, times the values.
/// Less heads of keys than of queries serve groups of these. `mask` (bool) and `bias` broadcast to `(N, heads, T, S)`; `causal` hides
/// what is later than the query. The scale is `1 / sqrt(D)` if not given.
///
/// ```
/// use wgrad::{ops, prelude::*};
/// let (same, value) = (Tensor::zeros([1, 2, 1, 1]), Tensor::from_slice(&[1.0f32, 3.0], [1, 2, 1, 1])?);
/// let y = ops::dot_product_attention([&same, &same, &value], None, None, None, true)?;
/// assert_eq!(y.to_vec::<f32>()?, [1.0, 2.0]); // the first step sees itself alone
/// # Ok::<(), wgrad::Error>(())
/// ```
///
/// # Errors
/// When the shapes do not fit.
#[doc(alias = "keras.ops.dot_product_attention")]
pub fn dot_product_attention(
    [query, key, value]: [&Tensor; 3],
    bias: Option<&Tensor>,
    mask: Option<&Tensor>,
    scale: Option<&Tensor>,
    causal: bool,
) -> Result<Tensor> {
    let (&[_, _, heads, d], &[_, _, own, _]) = (&query.shape()[..], &key.shape()[..]) else {
        let shapes = (query.shape(), key.shape());
        return Err(Error::shape(format!("dot_product_attention: takes (N, T, heads, D), not {} and {}", shapes.0, shapes.1)));
    };
    let spread = |x: &Tensor| if own < heads && own > 0 && heads.is_multiple_of(own) { x.repeat(heads / own, 2) } else { x.clone() };
    let logits = Tensor::einsum("BTNH,BSNH->BNTS", &[query, &spread(key)])?.cast(DType::F32);
    let logits = match scale {
        Some(scale) => logits * scale.cast(DType::F32),
        None => logits * (1.0 / (d as f32).sqrt()),
    };
    let logits = bias.map_or(logits.clone(), |bias| &logits + bias.cast(DType::F32));
    let lowest = logits.scalar_like(-0.7 * f64::from(f32::MAX), DType::F32);
    let seen = causal.then(|| logits.ones_like().tril(0).greater(0.5));
    let hidden = mask.into_iter().chain(&seen).fold(logits, |logits, mask| Tensor::where_(mask, &logits, &lowest));
    Tensor::einsum("BNTS,BSNH->BTNH", &[&hidden.softmax(-1).cast(key.dtype()), &spread(value)])
}

pub(super) fn cases() -> Vec<Case> {
    let mut out = Vec::new();
    let mut add =
        |name: &str, shapes: [&[usize]; 2], call: fn(&Tensor, &Tensor) -> Tensor, reference: fn(&Reference, &Reference) -> Reference| {
            let case = Case::new(name, &shapes, move |x| call(&x[0], &x[1]), move |x| reference(&x[0], &x[1]));
            out.push(case.smooth(Smooth::Twice));
        };
    add("outer", [&[3], &[4]], Tensor::outer, |x, y| Reference::from_shape_fn(vec![3, 4], |i| x[i[0]] * y[i[1]]));
    add("dot", [&[2, 3], &[4, 3, 5]], Tensor::dot, |x, y| {
        Reference::from_shape_fn(vec![2, 4, 5], |i| (0..3).map(|k| x[[i[0], k]] * y[[i[1], k, i[2]]]).sum())
    });
    add("inner", [&[2, 3], &[4, 3]], Tensor::inner, |x, y| {
        Reference::from_shape_fn(vec![2, 4], |i| (0..3).map(|k| x[[i[0], k]] * y[[i[1], k]]).sum())
    });
    add("kron", [&[2, 3], &[4]], Tensor::kron, |x, y| Reference::from_shape_fn(vec![2, 12], |i| x[[i[0], i[1] / 4]] * y[i[1] % 4]));
    add("cross", [&[4, 3], &[4, 3]], Tensor::cross, |x, y| {
        let at = |r: usize, i: usize, j: usize| x[[r, i]] * y[[r, j]] - x[[r, j]] * y[[r, i]];
        Reference::from_shape_fn(vec![4, 3], |i| at(i[0], (i[1] + 1) % 3, (i[1] + 2) % 3))
    });
    add("cross of planes", [&[4, 2], &[4, 2]], Tensor::cross, |x, y| {
        Reference::from_shape_fn(vec![4], |i| x[[i[0], 0]] * y[[i[0], 1]] - x[[i[0], 1]] * y[[i[0], 0]])
    });
    add("distances", [&[3, 4], &[5, 4]], Tensor::distances, |x, y| {
        Reference::from_shape_fn(vec![3, 5], |i| (0..4).map(|k| (x[[i[0], k]] - y[[i[1], k]]).powi(2)).sum::<f64>().sqrt())
    });
    add(
        "correlate",
        [&[7], &[3]],
        |x, y| fits(x.correlate(y, 1), "correlate"),
        |x, y| {
            let at = |i: usize| if (1..8).contains(&i) { x[i - 1] } else { 0.0 };
            Reference::from_shape_fn(vec![7], |i| (0..3).map(|k| at(i[0] + k) * y[k]).sum())
        },
    );
    out
}
