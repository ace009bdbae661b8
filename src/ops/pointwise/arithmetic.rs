//! Arithmetic of two numbers, the operators among it. A new one is a row and its method below.

use super::{
    Binary, Case, No, Once, Operand, Row,
    Smooth::{self, Twice},
    Tensor, Types,
    lanes::*,
    table,
};
use crate::{DType, device::cpu::math};

pub(crate) static ADD: Binary = Row::new(
    "add",
    Types::Number,
    "x + y",
    |l| number2(l, |x, y| x + y, i32::wrapping_add, u32::wrapping_add),
    Some(|_, _, dy| [Some(dy.clone()), Some(dy.clone())]),
);
pub(crate) static SUB: Binary = Row::new(
    "sub",
    Types::Number,
    "x - y",
    |l| number2(l, |x, y| x - y, i32::wrapping_sub, u32::wrapping_sub),
    Some(|_, _, dy| [Some(dy.clone()), Some(-dy)]),
);
pub(crate) static MUL: Binary = Row::new(
    "mul",
    Types::Number,
    "x * y",
    |l| number2(l, |x, y| x * y, i32::wrapping_mul, u32::wrapping_mul),
    Some(|x, _, dy| [Some(dy * &x[1]), Some(dy * &x[0])]),
);
pub(crate) static DIV: Binary =
    Row::new("div", Types::Float, "x / y", |l| float2(l, |x, y| x / y), Some(|x, out, dy| [Some(dy / &x[1]), Some(-(dy * out / &x[1]))]));
static DIVIDE_NO_NAN: Binary = Row::new(
    "divide_no_nan",
    Types::Float,
    "select(x / y, 0.0, y == 0.0)",
    |l| float2(l, |x, y| if y == 0.0 { 0.0 } else { x / y }),
    Some(|x, out, dy| [Some(dy.divide_no_nan(&x[1])), Some(-(dy * out).divide_no_nan(&x[1]))]),
);
static POW: Binary = Row::new(
    "pow",
    Types::Float,
    "pow_safe(x, y)",
    |l| float2(l, math::powf),
    Some(|x, out, dy| {
        // x^0 is flat even where x^-1 is infinite, and no logarithm is asked for where there is none.
        let lower = Tensor::where_(&x[1].equal(0.0), &x[1].ones_like(), &(&x[1] - 1.0));
        let positive = Tensor::where_(&x[0].greater(0.0), &x[0], &x[0].ones_like());
        [Some(dy * &x[1] * x[0].pow(lower)), Some(dy * out * positive.log())]
    }),
);
static MAXIMUM: Binary = Row::new(
    "maximum",
    Types::Number,
    "max_T(x, y)",
    |l| number2(l, |x, y| if x >= y || x.is_nan() { x } else { y }, i32::max, u32::max),
    Some(|x, _, dy| chosen(&x[0].greater_equal(&x[1]), dy)),
);
static MINIMUM: Binary = Row::new(
    "minimum",
    Types::Number,
    "min_T(x, y)",
    |l| number2(l, |x, y| if x <= y || x.is_nan() { x } else { y }, i32::min, u32::min),
    Some(|x, _, dy| chosen(&x[0].less_equal(&x[1]), dy)),
);
static FLOOR_MOD: Binary = Row::new(
    "floor_mod",
    Types::Number,
    "floor_mod_T(x, y)",
    |l| number2(l, |x, y| floor_divmod(x, y).1, |x, y| int_divmod(x, y).1, |x, y| x.checked_rem(y).unwrap_or(0)),
    Some(|x, _, dy| [Some(dy.clone()), Some(-(dy * x[0].floor_divide(&x[1])))]),
);
static FLOOR_DIVIDE: Binary = Row::new(
    "floor_divide",
    Types::Number,
    "floor_divide_T(x, y)",
    |l| number2(l, |x, y| floor_divmod(x, y).0, |x, y| int_divmod(x, y).0, |x, y| x.checked_div(y).unwrap_or(0)),
    Some(|_, _, dy| [Some(dy.zeros_like()), Some(dy.zeros_like())]),
);

/// The upstream gradient to the first input where `first` is true, else to the second.
fn chosen(first: &Tensor, dy: &Tensor) -> [Option<Tensor>; 2] {
    [Some(dy.only_where(first)), Some(dy.only_where(&first.logical_not()))]
}

/// Quotient and remainder as Python and NumPy define them.
#[inline(always)]
fn floor_divmod(x: f32, y: f32) -> (f32, f32) {
    let remainder = x % y; // with the sign of x
    let quotient = ((x - remainder) / y).round_ties_even();
    let adjust = remainder != 0.0 && (remainder < 0.0) != (y < 0.0);
    let quotient = if y == 0.0 { x / y } else { quotient - if adjust { 1.0 } else { 0.0 } };
    (quotient, if adjust { remainder + y } else { remainder })
}

/// The same for integers: zeros where the divisor is zero.
#[inline(always)]
fn int_divmod(x: i32, y: i32) -> (i32, i32) {
    if y == 0 {
        return (0, 0);
    }
    let (quotient, remainder) = (x.wrapping_div(y), x.wrapping_rem(y));
    if remainder != 0 && (remainder < 0) != (y < 0) { (quotient - 1, remainder + y) } else { (quotient, remainder) }
}

impl Tensor {
    /// The quotient, 0 where the divisor is 0.
    #[doc(alias = "keras.ops.divide_no_nan")]
    #[track_caller]
    pub fn divide_no_nan(&self, divisor: impl Operand) -> Tensor {
        self.binary(&DIVIDE_NO_NAN, divisor)
    }

    /// `self^exponent`: NaN for negative numbers to fractional powers, `x^0 = 1` for all x.
    #[doc(alias = "keras.ops.power")]
    #[track_caller]
    pub fn pow(&self, exponent: impl Operand) -> Tensor {
        self.binary(&POW, exponent)
    }

    /// The larger of both; NaN wins. Where they are equal, the gradient goes to `self`.
    #[doc(alias = "keras.ops.maximum")]
    #[track_caller]
    pub fn maximum(&self, other: impl Operand) -> Tensor {
        self.binary(&MAXIMUM, other)
    }

    /// The smaller of both; NaN wins. Where they are equal, the gradient goes to `self`.
    #[doc(alias = "keras.ops.minimum")]
    #[track_caller]
    pub fn minimum(&self, other: impl Operand) -> Tensor {
        self.binary(&MINIMUM, other)
    }

    /// The remainder with the sign of the divisor, as in Python; the operator `%`. An integer modulo 0 is 0.
    ///
    /// Floats on a GPU are exact to about a rounding of `self`, on the CPU to one of the result.
    #[doc(alias = "keras.ops.mod")]
    #[track_caller]
    pub fn floor_mod(&self, divisor: impl Operand) -> Tensor {
        self.binary(&FLOOR_MOD, divisor)
    }

    /// The largest whole number not above the quotient, as `//` in Python. An integer divided by 0 is 0.
    #[doc(alias = "keras.ops.floor_divide")]
    #[track_caller]
    pub fn floor_divide(&self, divisor: impl Operand) -> Tensor {
        self.binary(&FLOOR_DIVIDE, divisor)
    }
}

pub(super) fn cases() -> Vec<Case> {
    type Line = (&'static str, table::Call2, table::Plain2, Smooth);
    let quotient = |x: f64, y: f64| match (x.is_finite(), y.is_finite()) {
        (false, _) if y != 0.0 => f64::NAN,
        (true, false) if !y.is_nan() => -f64::from((x < 0.0) != (y < 0.0) && x != 0.0),
        _ => (x / y).floor(),
    };
    let modulo = |x: f64, y: f64| {
        let remainder = x % y;
        if remainder != 0.0 && (remainder < 0.0) != (y < 0.0) { remainder + y } else { remainder }
    };
    let lines: [Line; 10] = [
        ("add", |x, y| x + y, |x, y| x + y, Twice),
        ("sub", |x, y| x - y, |x, y| x - y, Twice),
        ("mul", |x, y| x * y, |x, y| x * y, Twice),
        ("div", |x, y| x / y, |x, y| x / y, Twice),
        ("divide_no_nan", |x, y| x.divide_no_nan(y), |x, y| if y == 0.0 { 0.0 } else { x / y }, Twice),
        ("pow", |x, y| x.pow(y), f64::powf, Twice),
        ("maximum", |x, y| x.maximum(y), |x, y| if x >= y || x.is_nan() { x } else { y }, Once),
        ("minimum", |x, y| x.minimum(y), |x, y| if x <= y || x.is_nan() { x } else { y }, Once),
        ("floor_mod", |x, y| x % y, modulo, Once),
        ("floor_divide", |x, y| x.floor_divide(y), quotient, Once),
    ];
    let corners = [f64::NAN, f64::INFINITY, -f64::INFINITY, 0.0, -0.0, 1.0, -1.0, 0.5, 2.0, -3.0, 1e-30, 3e38];
    let mut out: Vec<Case> = Vec::new();
    for (name, call, reference, smooth) in lines {
        for (variant, left, right) in [("", &[4, 9][..], &[4, 9][..]), (" broadcast", &[2, 1, 5], &[3, 1]), (" scalar", &[7], &[])] {
            let case = Case::new(
                format!("{name}{variant}"),
                &[left, right],
                move |x| call(&x[0], &x[1]),
                move |x| table::zip(&x[0], &x[1], reference),
            );
            out.push(case.range(0.3, 3.0).smooth(smooth).tolerance(1e-6, 2e-6));
        }
        // A quotient of 1e38 whole numbers keeps none of its digits, so division leaves out the largest.
        let count = if name.starts_with("floor") { corners.len() - 2 } else { corners.len() };
        out.push(table::of_pairs(format!("{name} corners"), DType::F32, &corners[..count], call, reference).tolerance(1e-6, 2e-6));
    }
    let ints: [Line; 7] = [
        ("add", |x, y| x + y, |x, y| x + y, No),
        ("sub", |x, y| x - y, |x, y| x - y, No),
        ("mul", |x, y| x * y, |x, y| x * y, No),
        ("maximum", |x, y| x.maximum(y), f64::max, No),
        ("minimum", |x, y| x.minimum(y), f64::min, No),
        ("floor_mod", |x, y| x % y, |x, y| if y == 0.0 { 0.0 } else { x - y * (x / y).floor() }, No),
        ("floor_divide", |x, y| x.floor_divide(y), |x, y| if y == 0.0 { 0.0 } else { (x / y).floor() }, No),
    ];
    let (small, large) = (-2_147_483_648.0, 1_073_741_824.0);
    for (name, call, reference, _) in ints {
        // Wrapped around as i32 does, also the smallest number divided by -1.
        let case =
            table::of_pairs(format!("{name} int32"), DType::I32, &[0.0, 1.0, -1.0, 2.0, 7.0, -7.0, 13.0, small, large], call, reference);
        let plain = case.reference;
        let wrapped = move |x: &[_]| plain(x).into_iter().map(|y| y.mapv(|y| f64::from(y as i64 as i32))).collect();
        out.push(Case { reference: Box::new(wrapped), ..case });
        let unsigned = if name == "sub" { &[0.0; 1][..] } else { &[0.0, 1.0, 2.0, 3.0, 7.0, 65_535.0] };
        out.push(table::of_pairs(format!("{name} uint32"), DType::U32, unsigned, call, reference));
    }
    let number = Case::new(
        "numbers beside a tensor",
        &[&[3, 4]],
        |x| x[0].pow(2) % 0.75 + x[0].maximum(0.5f32),
        |x| x[0].mapv(|x| (x * x) % 0.75 + x.max(0.5)),
    );
    out.push(number.range(-2.0, 2.0));
    out
}
