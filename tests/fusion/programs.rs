//! Random programs of tensor ops: any bytes are one, and all of them stay finite and free of steps.

use proptest::{collection::vec, prelude::*};
use std::collections::HashMap;
use wgrad::prelude::*;

/// A program over values: the first two are a variable and one that broadcasts to it, each line adds another.
#[derive(Clone)]
pub struct Program {
    shape: Vec<usize>,
    lines: Vec<Line>,
    /// A value that is an output besides the last one, and so is kept in the midst of the graph.
    kept: usize,
}

/// Op, earlier values by number (modulo how many there are), and a choice of axis or size.
#[derive(Clone, Copy, Debug)]
struct Line {
    op: usize,
    a: usize,
    b: usize,
    choice: usize,
}

impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "x0 {:?}, x1 its last axis; output x{} too", self.shape, self.kept % (self.lines.len() + 2))?;
        for (at, line) in self.lines.iter().enumerate() {
            let values = at + 2;
            writeln!(f, "x{values} = {}(x{}, x{}, {})", OPS[line.op].0, line.a % values, line.b % values, line.choice)?;
        }
        Ok(())
    }
}

/// Programs of up to `lines` lines on tensors of up to 30,000 elements.
pub fn programs(lines: usize) -> impl Strategy<Value = Program> {
    let sizes = [1usize, 2, 3, 5, 7, 8, 13, 16, 31, 64, 67, 129, 257, 2049, 4099];
    let size = prop_oneof![1 => Just(0), 40 => (0..sizes.len()).prop_map(move |at| sizes[at])];
    let shape = vec(size, 1..=4).prop_map(|sizes| {
        let fits = |shape: &Vec<usize>, size: usize| shape.iter().map(|&size| size.max(1)).product::<usize>() * size <= LARGEST;
        sizes.into_iter().fold(Vec::new(), |mut shape, size| {
            shape.push(if fits(&shape, size) { size } else { 2 });
            shape
        })
    });
    let line = (0..OPS.len(), 0..64usize, 0..64usize, 0..64usize).prop_map(|(op, a, b, choice)| Line { op, a, b, choice });
    (shape, vec(line, 1..=lines), 0..64usize).prop_map(|(shape, lines, kept)| Program { shape, lines, kept })
}

const LARGEST: usize = 30_000;

/// The variables of a program, made when first asked for; [`Program::outputs`] asks in a fixed order.
#[derive(Default)]
pub struct Weights {
    known: HashMap<usize, Variable>,
    pub all: Vec<Variable>,
}

impl Weights {
    fn get(&mut self, key: usize, shape: &[usize]) -> Tensor {
        let made = self.known.entry(key).or_insert_with(|| {
            let values: Vec<f32> = (0..shape.iter().product::<usize>()).map(|i| wave(i + 97 * key)).collect();
            let variable = Variable::new(format!("w{key}"), Tensor::from_slice(&values, shape).expect("as many values as the shape says"));
            self.all.push(variable.clone());
            variable
        });
        made.value()
    }
}

/// Numbers from -1 to 1 without a pattern.
fn wave(i: usize) -> f32 {
    (i as u64 * 2_654_435_761 % 20_011) as f32 / 10_005.5 - 1.0
}

impl Program {
    /// Records the program; two outputs, which may be one.
    pub fn outputs(&self, weights: &mut Weights) -> [Tensor; 2] {
        let last = *self.shape.last().expect("at least one axis");
        let mut values = vec![weights.get(0, &self.shape), weights.get(1, &[last])];
        for line in &self.lines {
            let (a, b) = (&values[line.a % values.len()], &values[line.b % values.len()]);
            let mut context = Context { key: values.len(), choice: line.choice, weights };
            let value = OPS[line.op].1(&mut context, a, b);
            assert!(value.size() <= 4 * LARGEST, "{} makes {}", OPS[line.op].0, value.shape());
            values.push(value);
        }
        [values[self.kept % values.len()].clone(), values.swap_remove(values.len() - 1)]
    }
}

/// What an op of a line may use besides its two values.
struct Context<'a> {
    key: usize,
    choice: usize,
    weights: &'a mut Weights,
}

impl Context<'_> {
    /// An axis of `x`, if it has one.
    fn axis(&self, x: &Tensor) -> Option<isize> {
        (x.rank() > 0).then(|| (self.choice % x.rank()) as isize)
    }

    fn constant(&self, shape: &[usize]) -> Tensor {
        let values: Vec<f32> = (0..shape.iter().product::<usize>()).map(|i| wave(i * 3 + 31 * self.key)).collect();
        Tensor::from_slice(&values, shape).expect("as many values as the shape says")
    }
}

/// `b`, or its mean where the two do not broadcast to something of a fair size.
fn partner(a: &Tensor, b: &Tensor) -> Tensor {
    let size = |shape: &Shape| shape.iter().product::<usize>();
    match a.shape().broadcast(b.shape()) {
        Ok(shape) if size(&shape) <= LARGEST => b.clone(),
        _ => mean(b, &[]),
    }
}

/// The mean; zero of an empty tensor.
fn mean(x: &Tensor, axes: &[isize]) -> Tensor {
    let sum = x.sum(axes);
    let count = if sum.size() == 0 { 1 } else { x.size() / sum.size() };
    sum * (1.0 / count.max(1) as f32)
}

type Run = fn(&mut Context, &Tensor, &Tensor) -> Tensor;

/// Ops that stay small and have no steps: an error in the last bit stays one.
const OPS: [(&str, Run); 44] = [
    ("tanh", |_, a, _| a.tanh()),
    ("sigmoid", |_, a, _| a.sigmoid()),
    ("relu", |_, a, _| a.relu()),
    ("exp", |_, a, _| a.tanh().exp()),
    ("gelu", |_, a, _| a.gelu()),
    ("silu", |_, a, _| a.silu()),
    ("softplus", |_, a, _| a.softplus()),
    ("sqrt", |_, a, _| (a.square() + 1.0).sqrt()),
    ("reciprocal", |_, a, _| 1.0 / (a.square() + 1.0)),
    ("negative", |_, a, _| -a),
    ("affine", |c, a, _| a * 0.7 + (c.choice as f32 * 0.01)),
    ("clip", |_, a, _| a.clip(-0.8, 0.9)),
    ("add", |_, a, b| (a + partner(a, b)) * 0.5),
    ("subtract", |_, a, b| (a - partner(a, b)) * 0.5),
    ("multiply", |_, a, b| a * partner(a, b).tanh()),
    ("divide", |_, a, b| a / (partner(a, b).square() + 1.0)),
    ("maximum", |c, a, _| a.maximum(c.constant(a.shape()))),
    ("where", |c, a, b| {
        let condition = c.constant(a.shape()).greater(0.1);
        Tensor::where_(&condition, a, &partner(a, b))
    }),
    ("dropout", |c, a, _| a.dropout(0.3, &wgrad::random::RandomKey::new(9, "program", c.key as u64))),
    ("sum", |c, a, _| c.axis(a).map_or(a.clone(), |axis| a.sum(&[axis]).tanh())),
    ("sum keepdims", |c, a, _| c.axis(a).map_or(a.clone(), |axis| a.sum(&[axis]).expand_dims(axis).tanh())),
    ("mean of all", |_, a, _| mean(a, &[])),
    ("mean", |c, a, _| c.axis(a).map_or(a.clone(), |axis| mean(a, &[axis]))),
    ("mean of a chain", |c, a, b| c.axis(a).map_or(a.clone(), |axis| mean(&((a * 0.5).tanh() * (a + partner(a, b)).sigmoid()), &[axis]))),
    ("max", |c, a, _| c.axis(a).filter(|&axis| a.shape()[axis as usize] > 0).map_or(a.clone(), |axis| a.max(&[axis]))),
    ("softmax", |c, a, _| c.axis(a).map_or(a.clone(), |axis| a.tanh().softmax(axis))),
    ("log_softmax", |c, a, _| c.axis(a).map_or(a.clone(), |axis| a.tanh().log_softmax(axis))),
    ("layer_norm", |c, a, _| {
        c.axis(a).map_or(a.clone(), |axis| if a.size() == 0 { a.clone() } else { a.layer_norm(&[axis], None, None, 0.1) })
    }),
    ("flatten", |_, a, _| a.reshape([a.size()])),
    ("fold", |_, a, _| {
        let inner = gcd(a.size(), 6);
        a.reshape([a.size() / inner, inner])
    }),
    ("transpose", |_, a, _| a.transpose()),
    ("swap_axes", |c, a, _| c.axis(a).map_or(a.clone(), |axis| a.swap_axes(axis, -1))),
    ("slice", |c, a, _| c.axis(a).map_or(a.clone(), |axis| slice(a, axis as usize, c.choice))),
    ("flip", |c, a, _| c.axis(a).map_or(a.clone(), |axis| a.flip(&[axis]))),
    ("broadcast_to", |_, a, _| {
        let shape: Vec<usize> = [2].into_iter().chain(a.shape().iter().copied()).collect();
        if 2 * a.size() <= LARGEST && a.rank() < 4 { a.broadcast_to(shape) } else { a.clone() }
    }),
    ("expand_dims", |c, a, _| if a.rank() < 4 { a.expand_dims(c.axis(a).unwrap_or(0)) } else { a.clone() }),
    ("concat", |c, a, _| match c.axis(a) {
        Some(axis) if 2 * a.size() <= LARGEST => Tensor::concat(&[a, &a.tanh()], axis),
        _ => a.clone(),
    }),
    ("cumsum", |c, a, _| c.axis(a).map_or(a.clone(), |axis| a.cumsum(axis) * (1.0 / a.shape()[axis as usize].max(1) as f32))),
    ("dense", |c, a, _| {
        let (Some(&last), width) = (a.shape().last(), 1 + c.choice % 17) else { return a.clone() };
        if a.rank() < 2 || last > 300 || a.size() / last.max(1) * width > LARGEST {
            return a.clone();
        }
        let (kernel, bias) = (c.weights.get(100 + 2 * c.key, &[last, width]), c.weights.get(101 + 2 * c.key, &[width]));
        a.matmul(&kernel) * (1.0 / last.max(1) as f32).sqrt() + bias
    }),
    ("image", |_, a, _| {
        let (high, channels) = (gcd(a.size(), 4), gcd(a.size() / gcd(a.size(), 4), 8));
        a.reshape([1, high, a.size() / (high * channels), channels])
    }),
    ("conv2d", |c, a, _| {
        let (&[_, _, _, channels], filters) = (&a.shape()[..], 1 + c.choice % 17) else { return a.clone() };
        if channels > 16 || a.size() == 0 || a.size() / channels * filters > LARGEST / 4 {
            return a.clone();
        }
        let (kernel, bias) = (c.weights.get(100 + 2 * c.key, &[3, 3, channels, filters]), c.weights.get(101 + 2 * c.key, &[filters]));
        let options = ConvOptions { padding: Same, strides: &[1 + c.choice % 2, 1], ..Default::default() };
        let sum = (a * (1.0 / (9.0 * channels as f32)).sqrt()).conv(&kernel, &options).expect("it fits");
        if c.choice % 3 == 0 { sum } else { sum + bias }
    }),
    ("max_pool", |c, a, _| pooled(c, a, |a| a.max_pool(&[2], None, Same))),
    ("average_pool", |c, a, _| pooled(c, a, |a| a.average_pool(&[2, 3], None, Same))),
    ("matmul", |_, a, _| {
        let [.., rows, columns] = a.shape()[..] else { return a.clone() };
        if rows > 130 || columns > 300 || a.size() / columns.max(1) * rows > LARGEST {
            return a.clone();
        }
        a.tanh().matmul(&a.swap_axes(-1, -2)) * (1.0 / columns.max(1) as f32)
    }),
];

/// The windows of an image; other tensors as they are.
fn pooled(c: &Context, x: &Tensor, pool: impl Fn(&Tensor) -> Result<Tensor>) -> Tensor {
    let is_image = x.rank() == 4 && x.size() > 0;
    if is_image { pool(&(x + c.constant(x.shape()))).expect("it fits") } else { x.clone() }
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a.max(1) } else { gcd(b, a % b) }
}

/// Every second or every position but the first, along `axis`.
fn slice(x: &Tensor, axis: usize, choice: usize) -> Tensor {
    let part = Index::from(1..).step(1 + choice as isize % 2);
    let indices: Vec<Index> = (0..x.rank()).map(|other| if other == axis { part } else { All }).collect();
    x.at(&indices)
}
