//! The rows: what files know of each function of `keras.ops`, and what it does.

use super::{arguments::Arguments, core, dtypes, elementwise, image, indexing, linear, neural, products, reductions, search, shapes};
use crate::{
    DType, Result, Tensor,
    config::{Class, Json, Options, snake_case},
};

pub(super) const NUMPY: &str = "keras.src.ops.numpy";
pub(super) const NN: &str = "keras.src.ops.nn";
pub(super) const MATH: &str = "keras.src.ops.math";
pub(super) const CORE: &str = "keras.src.ops.core";
pub(super) const LINALG: &str = "keras.src.ops.linalg";
pub(super) const IMAGE: &str = "keras.src.ops.image";

/// One function of `keras.ops`.
#[derive(Debug)]
pub(crate) struct Row {
    pub class: Class,
    /// The arguments of its call, in order.
    pub arguments: &'static [&'static str],
    /// Whether its call takes any number of tensors.
    pub takes_rest: bool,
    /// Whether its first argument is a list of tensors.
    pub takes_list: bool,
    /// The options of its config with their defaults, as `axis=null keepdims=false`.
    pub options: &'static str,
    pub run: Run,
}

/// What a function does with tensors. All but the last two care for dtypes as Keras does.
#[derive(Clone, Copy, Debug)]
pub(super) enum Run {
    /// One tensor; integers and booleans become float32.
    Float(fn(&Tensor) -> Tensor),
    /// One tensor, whose dtype stays.
    Same(fn(&Tensor) -> Tensor),
    /// Two of a common dtype.
    Pair(fn(&Tensor, &Tensor) -> Tensor),
    /// Two of a common float dtype.
    FloatPair(fn(&Tensor, &Tensor) -> Tensor),
    /// Anything that gives one tensor.
    One(fn(&Arguments) -> Result<Tensor>),
    /// Anything that gives several.
    All(fn(&Arguments) -> Result<Vec<Tensor>>),
}

impl Run {
    pub fn call(self, a: &Arguments) -> Result<Vec<Tensor>> {
        Ok(match self {
            Run::Float(run) => vec![run(&a.float_at(0)?)],
            Run::Same(run) => vec![dtypes::in_numbers(&[a.at(0)?], |x| run(&x[0]))],
            Run::Pair(run) => vec![dtypes::in_numbers(&a.promoted(&a.row().arguments[..2], None)?, |x| run(&x[0], &x[1]))],
            Run::FloatPair(run) => {
                let x = a.promoted(&a.row().arguments[..2], Some(DType::F32))?;
                vec![run(&x[0], &x[1])]
            }
            Run::One(run) => vec![run(a)?],
            Run::All(run) => run(a)?,
        })
    }
}

impl Row {
    /// Names and defaults of the options.
    pub fn defaults(&self) -> impl Iterator<Item = (&'static str, Json)> + use<> {
        parse(self.options)
    }

    /// The first argument is a list.
    pub const fn list(self) -> Self {
        Self { takes_list: true, ..self }
    }

    /// The call takes any number of tensors.
    pub const fn rest(self) -> Self {
        Self { takes_rest: true, takes_list: true, ..self }
    }
}

/// Options written as `axis=-1 mode=valid`.
fn parse(options: &'static str) -> impl Iterator<Item = (&'static str, Json)> {
    let value = |text: &str| serde_json::from_str(text).unwrap_or_else(|_| text.into());
    options.split_whitespace().map(move |option| option.split_once('=').map_or((option, Json::Null), |(name, text)| (name, value(text))))
}

const fn new(module: &'static str, name: &'static str, arguments: &'static [&'static str], options: &'static str, run: Run) -> Row {
    Row { class: Class { module, name, package: None }, arguments, takes_rest: false, takes_list: false, options, run }
}

/// A function of floats; integers and booleans become float32.
pub(super) const fn float(module: &'static str, name: &'static str, run: fn(&Tensor) -> Tensor) -> Row {
    new(module, name, &["x"], "", Run::Float(run))
}

/// A function of numbers, whose dtype stays.
pub(super) const fn same(module: &'static str, name: &'static str, run: fn(&Tensor) -> Tensor) -> Row {
    new(module, name, &["x"], "", Run::Same(run))
}

/// A function of two tensors in their common dtype.
pub(super) const fn pair(name: &'static str, run: fn(&Tensor, &Tensor) -> Tensor) -> Row {
    new(NUMPY, name, &["x1", "x2"], "", Run::Pair(run))
}

/// A function of two tensors in their common float dtype.
pub(super) const fn float_pair(name: &'static str, run: fn(&Tensor, &Tensor) -> Tensor) -> Row {
    new(NUMPY, name, &["x1", "x2"], "", Run::FloatPair(run))
}

type One = fn(&Arguments) -> Result<Tensor>;
type All = fn(&Arguments) -> Result<Vec<Tensor>>;

/// A function with one result: module, class, arguments of the call, options of the config.
pub(super) const fn row(
    module: &'static str,
    name: &'static str,
    arguments: &'static [&'static str],
    options: &'static str,
    run: One,
) -> Row {
    new(module, name, arguments, options, Run::One(run))
}

/// A function with several results.
pub(super) const fn several(
    module: &'static str,
    name: &'static str,
    arguments: &'static [&'static str],
    options: &'static str,
    run: All,
) -> Row {
    new(module, name, arguments, options, Run::All(run))
}

/// Every function, table by table.
static TABLES: [&[Row]; 11] = [
    elementwise::UNARY,
    elementwise::BINARY,
    reductions::ROWS,
    shapes::ROWS,
    products::ROWS,
    indexing::ROWS,
    search::ROWS,
    neural::ROWS,
    linear::ROWS,
    core::ROWS,
    image::ROWS,
];

/// Classes of Keras' functions that no graph here holds, and why.
pub const REFUSED_OPS: &[(&str, &str)] = &[
    ("Map", "its node holds a Python function"),
    ("Scan", "its node holds a Python function"),
    ("AssociativeScan", "its node holds a Python function"),
    ("Switch", "its node holds Python functions"),
    ("Cond", "its node holds Python functions"),
    ("WhileLoop", "its node holds Python functions"),
    ("ForiLoop", "its node holds a Python function"),
    ("VectorizedMap", "its node holds a Python function"),
    ("JVP", "its node holds a Python function"),
    ("Eig", "complex numbers do not exist here; of symmetric matrices eigh gives real ones"),
    ("Nonzero", "the shape of its result depends on values"),
    ("Polar", "complex numbers do not exist here; take real and imaginary parts"),
    ("ViewAsComplex", "complex numbers do not exist here; take real and imaginary parts"),
    ("ViewAsReal", "complex numbers do not exist here; take real and imaginary parts"),
    ("Arange", "its node needs the values of tensors when the graph is made, and Keras makes none"),
];

fn rows() -> impl Iterator<Item = &'static Row> {
    TABLES.iter().flat_map(|table| table.iter())
}

/// The function of class `class`.
pub(super) fn named(class: &str) -> Option<&'static Row> {
    rows().find(|row| row.class.name == class)
}

/// Functions whose results are integers, booleans or constants: they have no gradient.
const FLAT: &str = "Isfinite Isinf Isnan Isneginf Isposinf Isreal LogicalNot BitwiseInvert BitwiseNot Signbit Equal NotEqual Greater GreaterEqual Less \
    LessEqual LogicalAnd LogicalOr LogicalXor Gcd Lcm BitwiseAnd BitwiseOr BitwiseXor BitwiseLeftShift LeftShift BitwiseRightShift RightShift \
    Isclose AllClose Any All Argmax Argmin Nanargmax Nanargmin CountNonzero Argsort Argpartition InTopK SearchSorted Digitize IsIn Bincount \
    OneHot MultiHot UnravelIndex OnesLike ZerosLike EmptyLike Size Ndim StopGradient View CTCDecode MatrixRank Imag Angle Nextafter";

/// All classes, and whether gradients flow through their functions.
pub fn op_classes() -> impl Iterator<Item = (&'static str, bool)> {
    rows().map(|row| (row.class.name, FLAT.split_whitespace().all(|flat| flat != row.class.name)))
}

/// Methods of tensors whose names are not those of Keras' classes, with options that they imply.
const METHODS: &[(&str, &str, &str)] = &[
    ("sub", "Subtract", ""),
    ("mul", "Multiply", ""),
    ("div", "Divide", ""),
    ("pow", "Power", ""),
    ("floor_mod", "Mod", ""),
    ("neg", "Negative", ""),
    ("abs", "Absolute", ""),
    ("asin", "Arcsin", ""),
    ("acos", "Arccos", ""),
    ("atan", "Arctan", ""),
    ("asinh", "Arcsinh", ""),
    ("acosh", "Arccosh", ""),
    ("atanh", "Arctanh", ""),
    ("atan2", "Arctan2", ""),
    ("is_nan", "Isnan", ""),
    ("is_inf", "Isinf", ""),
    ("is_finite", "Isfinite", ""),
    ("gelu", "Gelu", "approximate=false"),
    ("gelu_tanh", "Gelu", ""),
    ("swap_axes", "Swapaxes", ""),
    ("concat", "Concatenate", ""),
    ("at", "GetItem", ""),
];

/// The function that a tensor's method means, and the options that it implies.
pub(super) fn of_method(name: &str) -> Option<(&'static Row, Options)> {
    let (class, options) =
        METHODS.iter().find(|(method, ..)| *method == name).map_or((None, ""), |(_, class, options)| (Some(*class), *options));
    let row = rows().find(|row| class.map_or_else(|| snake_case(row.class.name) == name, |class| row.class.name == class))?;
    Some((row, parse(options).map(|(name, value)| (name.to_owned(), value)).collect()))
}
