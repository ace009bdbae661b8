//! Linear algebra and Fourier transforms.

use super::{
    arguments::Arguments,
    dtypes,
    table::{LINALG, MATH, NUMPY, Row, float, row, several},
};
use crate::{
    Result, Tensor,
    config::Json,
    ops::{FrameWindow, MatrixNorm, Stft},
};

const X: &[&str] = &["x"];
const AB: &[&str] = &["a", "b"];
const STFT: &str = "sequence_length sequence_stride fft_length window=hann center=true";

pub(super) static ROWS: &[Row] = &[
    row(LINALG, "Cholesky", X, "upper=false", |a| Ok(a.float("x")?.cholesky(a.flag("upper")?))),
    row(LINALG, "CholeskyInverse", X, "upper=false", |a| Ok(a.float("x")?.cholesky_inverse(a.flag("upper")?))),
    float(LINALG, "Det", Tensor::det),
    float(LINALG, "Inv", Tensor::inv),
    several(LINALG, "Eigh", X, "", |a| Ok(both(a.float("x")?.eigh()))),
    several(LINALG, "LuFactor", X, "", |a| Ok(both(a.float("x")?.lu_factor()))),
    several(LINALG, "Qr", X, "mode=reduced", |a| Ok(both(a.float("x")?.qr(a.json("mode") == "complete")))),
    several(LINALG, "SVD", X, "full_matrices=true compute_uv=true", |a| {
        if !a.flag("compute_uv")? {
            return Ok(vec![a.float("x")?.singular_values()]);
        }
        let (u, s, v) = a.float("x")?.svd(a.flag("full_matrices")?);
        Ok(vec![u, s, v])
    }),
    row(LINALG, "Solve", AB, "", |a| Ok(a.float("a")?.solve(&a.float("b")?))),
    row(LINALG, "SolveTriangular", AB, "lower=false", |a| Ok(a.float("a")?.solve_triangular(&a.float("b")?, a.flag("lower")?))),
    row(LINALG, "Lstsq", AB, "rcond=null", |a| Ok(a.float("a")?.lstsq(&a.float("b")?, a.option("rcond")?))),
    row(LINALG, "MatrixRank", X, "tol=null", |a| Ok(a.float("x")?.matrix_rank(a.option("tol")?))),
    row(LINALG, "Pinv", X, "rcond=null", |a| Ok(a.float("x")?.pinv(a.option("rcond")?))),
    row(LINALG, "Norm", X, "ord=null axis=null keepdims=false", norm),
    several(NUMPY, "Slogdet", X, "", |a| Ok(both(a.float("x")?.slogdet()))),
    float(MATH, "Logdet", Tensor::logdet),
    several(MATH, "FFT", X, "", |a| complex(a).map(|(re, im)| both(re.fft(&im)))).list(),
    several(MATH, "FFT2", X, "", |a| complex(a).map(|(re, im)| both(re.fft2(&im)))).list(),
    several(MATH, "IFFT2", X, "", |a| complex(a).map(|(re, im)| both(re.ifft2(&im)))).list(),
    several(MATH, "RFFT", X, "fft_length=null", |a| Ok(both(a.float("x")?.rfft(a.option("fft_length")?)))),
    row(MATH, "IRFFT", X, "fft_length=null", |a| complex(a).and_then(|(re, im)| Ok(re.irfft(&im, a.option("fft_length")?)))).list(),
    several(MATH, "STFT", X, STFT, |a| Ok(both(a.float("x")?.stft(&frames(a)?)))),
    row(MATH, "ISTFT", X, "sequence_length sequence_stride fft_length length=null window=hann center=true", |a| {
        let (re, im) = complex(a)?;
        Ok(re.istft(&im, &frames(a)?, a.option("length")?))
    })
    .list(),
];

fn both((one, other): (Tensor, Tensor)) -> Vec<Tensor> {
    vec![one, other]
}

/// Real and imaginary parts, as a list.
fn complex(a: &Arguments) -> Result<(Tensor, Tensor)> {
    match &a.list("x")?[..] {
        [re, im] if re.shape() == im.shape() => Ok((dtypes::float(re), dtypes::float(im))),
        _ => Err(a.misfit("expected real and imaginary parts of one shape")),
    }
}

fn frames(a: &Arguments) -> Result<Stft> {
    let window = match a.json("window") {
        Json::Null => FrameWindow::None,
        Json::String(name) if name == "hann" => FrameWindow::Hann,
        Json::String(name) if name == "hamming" => FrameWindow::Hamming,
        Json::String(name) => return Err(a.error(format_args!("window is hann or hamming, not {name}"))),
        values => FrameWindow::Values(dtypes::literal(values)?.to_vec()?),
    };
    Ok(Stft {
        window,
        center: a.flag("center")?,
        ..Stft::new(a.size("sequence_length")?, a.size("sequence_stride")?, a.size("fft_length")?)
    })
}

/// The norm of vectors along one axis, or of matrices along two.
fn norm(a: &Arguments) -> Result<Tensor> {
    let (x, order) = (a.float("x")?, a.json("ord"));
    let axes = a.integers("axis")?.unwrap_or_else(|| (0..x.rank() as isize).collect());
    let number = crate::config::number(order);
    let y = match (&axes[..], order.as_str().filter(|_| number.is_none()), number) {
        (_, None, None) | ([_], None, Some(2.0)) => x.square().sum(&axes).sqrt(),
        ([_], None, Some(order)) => match order {
            f64::INFINITY => x.abs().max(&axes),
            f64::NEG_INFINITY => x.abs().min(&axes),
            0.0 => x.not_equal(0.0).cast(x.dtype()).sum(&axes),
            _ => x.abs().pow(order).sum(&axes).pow(1.0 / order),
        },
        (&[row, column], name, number) => {
            let kind = match (name, number) {
                (Some("fro"), _) => MatrixNorm::Frobenius,
                (Some("nuc"), _) => MatrixNorm::Nuclear,
                (_, Some(1.0)) => MatrixNorm::One,
                (_, Some(-1.0)) => MatrixNorm::LeastOne,
                (_, Some(2.0)) => MatrixNorm::Two,
                (_, Some(-2.0)) => MatrixNorm::LeastTwo,
                (_, Some(f64::INFINITY)) => MatrixNorm::Infinity,
                (_, Some(f64::NEG_INFINITY)) => MatrixNorm::LeastInfinity,
                _ => return Err(a.error(format_args!("no matrix has a norm of ord {order}"))),
            };
            x.matrix_norm(kind, [row, column])
        }
        _ => return Err(a.error(format_args!("no norm of ord {order} over {} axes", axes.len()))),
    };
    Ok(if a.flag("keepdims")? { y.keep_dims(x.shape(), &axes) } else { y })
}
