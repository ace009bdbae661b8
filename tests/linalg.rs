//! Linear algebra and Fourier transforms beside what the real Keras calculated (`fixtures/linalg`, made by the script in there).

mod support;

use std::collections::BTreeMap;
use wgrad::{
    All, DType, Index, Result, Tensor,
    data::{Array, Values},
    formats::npy,
    ops::{FrameWindow, MatrixNorm, Stft},
};

/// Inputs and outputs of one case.
#[derive(Clone, Default)]
struct Case {
    inputs: Vec<Array>,
    outputs: Vec<Array>,
}

fn main() -> Result<()> {
    let mut cases: BTreeMap<String, Case> = BTreeMap::new();
    for (name, array) in npy::read_npz(include_bytes!("fixtures/linalg/keras.npz").to_vec())? {
        let (case, place) = name.rsplit_once('/').expect("cases are named before their arrays");
        let case = cases.entry(case.to_owned()).or_default();
        if place.starts_with("in") { case.inputs.push(array) } else { case.outputs.push(array) }
    }
    let mut trials = Vec::new();
    for device in support::devices() {
        for (name, case) in cases.clone() {
            let test = name.clone();
            trials.push(support::trial(&name, &device, move |_| check(&test, &case)));
        }
    }
    support::run(trials, false);
}

fn check(name: &str, case: &Case) -> Result<(), String> {
    let read = |arrays: &[Array]| arrays.iter().map(tensor).collect::<Result<Vec<Tensor>>>();
    let compared = || -> Result<[Vec<Tensor>; 2]> {
        let mut words = name.split(' ').skip(1);
        let op = words.next().expect("every case has an op");
        let options = Options(words.filter_map(|word| word.split_once('=')).collect());
        Ok([unique(op, call(op, &options, &read(&case.inputs)?))?, unique(op, read(&case.outputs)?)?])
    };
    let [found, expected] = compared().map_err(|error| error.to_string())?;
    assert_eq!(found.len(), expected.len(), "as many results");
    for (at, (found, expected)) in found.iter().zip(&expected).enumerate() {
        if found.shape() != expected.shape() {
            return Err(format!("result {at} has shape {}, expected {}", found.shape(), expected.shape()));
        }
        let [found, expected] = [found, expected].map(|x| x.cast(DType::F32).to_vec::<f32>().map_err(|error| error.to_string()));
        let (found, expected) = (found?, expected?);
        let scale = expected.iter().fold(1.0, |most: f32, x| most.max(x.abs()));
        let worst = found.iter().zip(&expected).map(|(x, y)| (x - y).abs() / scale).fold(0.0, f32::max);
        if worst > 1e-5 || found.iter().any(|x| x.is_nan()) {
            return Err(format!("result {at} differs by {worst:e}: {found:?}, expected {expected:?}"));
        }
    }
    Ok(())
}

fn tensor(array: &Array) -> Result<Tensor> {
    match array.values() {
        Values::F32(values) => Tensor::from_slice(values, array.shape().clone()),
        Values::I32(values) => Tensor::from_slice(values, array.shape().clone()),
        other => panic!("fixtures hold no such values: {other:?}"),
    }
}

/// What stands in a case's name.
struct Options<'a>(Vec<(&'a str, &'a str)>);

impl Options<'_> {
    fn text(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| *key == name).map_or("0", |(_, value)| value)
    }

    fn flag(&self, name: &str) -> bool {
        self.text(name) == "1"
    }

    fn number(&self, name: &str) -> usize {
        self.text(name).parse().expect("a number")
    }

    /// Zero stands for none.
    fn length(&self, name: &str) -> Option<usize> {
        Some(self.number(name)).filter(|&length| length > 0)
    }

    fn axis(&self, name: &str) -> isize {
        self.text(name).parse().expect("an axis")
    }

    fn norm(&self) -> MatrixNorm {
        match self.text("order") {
            "fro" => MatrixNorm::Frobenius,
            "nuc" => MatrixNorm::Nuclear,
            "1" => MatrixNorm::One,
            "-1" => MatrixNorm::LeastOne,
            "2" => MatrixNorm::Two,
            "-2" => MatrixNorm::LeastTwo,
            "inf" => MatrixNorm::Infinity,
            "-inf" => MatrixNorm::LeastInfinity,
            other => panic!("unknown order {other}"),
        }
    }

    fn stft(&self) -> Stft {
        let window = match self.text("window") {
            "hann" => FrameWindow::Hann,
            "hamming" => FrameWindow::Hamming,
            _ => FrameWindow::None,
        };
        Stft { window, center: self.flag("center"), ..Stft::new(self.number("length"), self.number("stride"), self.number("size")) }
    }
}

fn call(op: &str, options: &Options, x: &[Tensor]) -> Vec<Tensor> {
    let two = |(one, other): (Tensor, Tensor)| vec![one, other];
    match op {
        "cholesky" => vec![x[0].cholesky(options.flag("upper"))],
        "cholesky_inverse" => vec![x[0].cholesky_inverse(options.flag("upper"))],
        "solve_triangular" => vec![x[0].solve_triangular(&x[1], options.flag("lower"))],
        "solve" => vec![x[0].solve(&x[1])],
        "det" => vec![x[0].det()],
        "slogdet" => two(x[0].slogdet()),
        "logdet" => vec![x[0].logdet()],
        "inv" => vec![x[0].inv()],
        "lu_factor" => two(x[0].lu_factor()),
        "eigh" => two(x[0].eigh()),
        "eig" => {
            let (values, vectors) = x[0].eig();
            [two(values), two(vectors)].concat()
        }
        "qr" => two(x[0].qr(options.flag("complete"))),
        "svd" if options.flag("values") => vec![x[0].singular_values()],
        "svd" => <[Tensor; 3]>::from(x[0].svd(options.flag("full"))).to_vec(),
        "pinv" => vec![x[0].pinv(None)],
        "matrix_rank" => vec![x[0].matrix_rank(None)],
        "lstsq" => vec![x[0].lstsq(&x[1], None)],
        "norm" => vec![x[0].matrix_norm(options.norm(), [options.axis("rows"), options.axis("columns")])],
        "fft" => two(x[0].fft(&x[1])),
        "fft2" => two(x[0].fft2(&x[1])),
        "ifft2" => two(x[0].ifft2(&x[1])),
        "rfft" => two(x[0].rfft(options.length("length"))),
        "irfft" => vec![x[0].irfft(&x[1], options.length("length"))],
        "stft" => two(x[0].stft(&options.stft())),
        "istft" => vec![x[0].istft(&x[1], &options.stft(), options.length("cut"))],
        "extract_sequences" => vec![x[0].extract_sequences(options.number("size"), options.number("stride"))],
        other => panic!("unknown op {other}"),
    }
}

/// The results without what a decomposition is free in: signs and phases of vectors, and the order of eigenvalues.
fn unique(op: &str, results: Vec<Tensor>) -> Result<Vec<Tensor>> {
    let columns = |x: &Tensor, range: Index| x.at(&[vec![All; x.rank() - 1], vec![range]].concat());
    Ok(match (op, &results[..]) {
        ("svd", [u, s, v]) => {
            let (count, v) = (s.shape()[s.rank() - 1] as isize, v.swap_axes(-1, -2));
            let [[left, rest], [right, other]] = [u, &v].map(|x| [columns(x, (..count).into()), columns(x, (count..).into())]);
            let whole = (&left * s.expand_dims(-2)).matmul(&right.swap_axes(-1, -2));
            let projector = |x: &Tensor| x.matmul(&x.swap_axes(-1, -2));
            vec![s.clone(), left.abs(), right.abs(), whole, projector(&rest), projector(&other)]
        }
        ("eigh", [values, vectors]) => {
            let whole = (vectors * values.expand_dims(-2)).matmul(&vectors.swap_axes(-1, -2));
            vec![values.clone(), vectors.abs(), whole]
        }
        ("eig", [re, im, vectors_re, vectors_im]) => {
            // Conjugates have equal real parts, but for the last bits.
            let order = ((re * 1e3).round() + im).argsort(-1);
            let lengths = (vectors_re.square() + vectors_im.square()).sqrt();
            let sorted = |x: &Tensor| x.take_along_axis(&order, -1);
            vec![sorted(re), sorted(im), lengths.take_along_axis(&order.expand_dims(-2).broadcast_to(lengths.shape().clone()), -1)]
        }
        ("qr", [q, r]) if q.shape()[q.rank() - 1] > r.shape()[r.rank() - 1] => {
            // Behind the columns of r any orthonormal columns do.
            let (own, rest) =
                (columns(q, (..r.shape()[r.rank() - 1] as isize).into()), columns(q, (r.shape()[r.rank() - 1] as isize..).into()));
            vec![own, rest.matmul(&rest.swap_axes(-1, -2)), r.clone()]
        }
        _ => results,
    })
}
