//! Functions of two numbers that are composed of others, and the greatest common divisor.

use super::{Binary, Case, Once, Operand, Row, Smooth, Tensor, Twice, Types, lanes::*, table};
use crate::DType;

static GCD: Binary =
    Row::new("gcd", Types::Bits, "gcd_T(x, y)", |l| bits2(l, |x, y| gcd(x.unsigned_abs(), y.unsigned_abs()) as i32, gcd), None);

fn gcd(mut a: u32, mut b: u32) -> u32 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

impl Tensor {
    /// The greatest common divisor of integers; that of 0 and 0 is 0.
    #[doc(alias = "keras.ops.gcd")]
    #[track_caller]
    pub fn gcd(&self, other: impl Operand) -> Tensor {
        self.binary(&GCD, other)
    }

    /// The least common multiple of integers; 0 where one is 0.
    #[doc(alias = "keras.ops.lcm")]
    #[track_caller]
    pub fn lcm(&self, other: impl Operand) -> Tensor {
        let other = other.beside(self);
        let size = |x: &Tensor| if x.dtype() == DType::I32 { x.abs() } else { x.clone() };
        // A divisor of zero gives zero.
        size(self) * size(&other).floor_divide(self.gcd(&other))
    }

    /// `sqrt(x² + y²)`, without overflow on the way.
    #[doc(alias = "keras.ops.hypot")]
    #[track_caller]
    pub fn hypot(&self, other: impl Operand) -> Tensor {
        let (x, y) = (self.abs(), other.beside(self).abs());
        let (large, small) = (x.maximum(&y), x.minimum(&y));
        &large * (small.divide_no_nan(&large).square() + 1.0).sqrt()
    }

    /// `log(e^x + e^y)`.
    #[doc(alias = "keras.ops.logaddexp")]
    #[track_caller]
    pub fn logaddexp(&self, other: impl Operand) -> Tensor {
        let other = other.beside(self);
        if self.dtype().is_half() {
            return self.in_f32(|x| x.logaddexp(other.cast(DType::F32)));
        }
        // Of two equal infinities the distance is NaN.
        let apart = self - &other;
        let apart = Tensor::where_(&apart.is_nan(), &apart.zeros_like(), &apart);
        Tensor::where_(&(self + &other).is_nan(), &(self + &other), &(self.maximum(&other) + (-apart.abs()).exp().log1p()))
    }

    /// `log2(2^x + 2^y)`.
    #[doc(alias = "keras.ops.logaddexp2")]
    #[track_caller]
    pub fn logaddexp2(&self, other: impl Operand) -> Tensor {
        let other = other.beside(self);
        if self.dtype().is_half() {
            return self.in_f32(|x| x.logaddexp2(other.cast(DType::F32)));
        }
        let ln2 = std::f32::consts::LN_2;
        (self * ln2).logaddexp(other * ln2) / ln2
    }

    /// 0 for negative numbers, 1 for positive ones, `middle` at 0.
    #[doc(alias = "keras.ops.heaviside")]
    #[track_caller]
    pub fn heaviside(&self, middle: impl Operand) -> Tensor {
        let (middle, zero) = (middle.beside(self), self.zeros_like());
        Tensor::where_(&self.less(0.0), &zero, &Tensor::where_(&self.greater(0.0), &self.ones_like(), &middle))
    }

    /// The larger of both, the other one where one is NaN.
    #[doc(alias = "keras.ops.fmax")]
    #[track_caller]
    pub fn fmax(&self, other: impl Operand) -> Tensor {
        let other = other.beside(self);
        self.unless_nan(&other, &self.maximum(&other))
    }

    /// The smaller of both, the other one where one is NaN.
    #[doc(alias = "keras.ops.fmin")]
    #[track_caller]
    pub fn fmin(&self, other: impl Operand) -> Tensor {
        let other = other.beside(self);
        self.unless_nan(&other, &self.minimum(&other))
    }

    fn unless_nan(&self, other: &Tensor, both: &Tensor) -> Tensor {
        if !self.dtype().is_float() {
            return both.clone();
        }
        Tensor::where_(&self.is_nan(), other, &Tensor::where_(&other.is_nan(), self, both))
    }

    /// The remainder with the sign of this tensor, as in C.
    #[doc(alias = "keras.ops.fmod")]
    #[track_caller]
    pub fn fmod(&self, divisor: impl Operand) -> Tensor {
        let divisor = divisor.beside(self);
        if self.dtype() == DType::U32 {
            return self.floor_mod(divisor);
        }
        self.sign() * self.abs().floor_mod(divisor.abs())
    }

    /// `x * 2^exponent`, for an int32 exponent.
    #[doc(alias = "keras.ops.ldexp")]
    #[track_caller]
    pub fn ldexp(&self, exponent: &Tensor) -> Tensor {
        self * exponent.cast(self.dtype()).exp2()
    }

    /// The next float32 from this one towards `other`.
    #[doc(alias = "keras.ops.nextafter")]
    #[track_caller]
    pub fn next_after(&self, other: impl Operand) -> Tensor {
        let other = other.beside(self);
        if self.dtype().is_half() {
            return self.in_f32(|x| x.next_after(other.cast(DType::F32)));
        }
        let bits = self.bitcast(DType::I32);
        // Away from zero the bits grow, whatever the sign.
        let away = self.less(&other).equal(self.greater(0.0)).cast(DType::I32) * 2 - 1;
        let moved = (bits + away).bitcast(DType::F32);
        let smallest = Tensor::where_(&other.less(0.0), &(self.ones_like() * -1e-45), &(self.ones_like() * 1e-45));
        let moved = Tensor::where_(&self.equal(0.0), &smallest, &moved);
        Tensor::where_(&self.equal(&other), self, &Tensor::where_(&self.is_nan(), self, &Tensor::where_(&other.is_nan(), &other, &moved)))
    }

    /// Whether `|x - y| <= absolute + relative * |y|`; integers must be equal. With `equal_nan` NaN is close to NaN.
    #[doc(alias = "keras.ops.isclose")]
    #[track_caller]
    pub fn is_close(&self, other: &Tensor, relative: f32, absolute: f32, equal_nan: bool) -> Tensor {
        if !self.dtype().is_float() {
            return self.equal(other);
        }
        let close = (self - other).abs().less_equal(other.abs() * relative + absolute);
        if equal_nan { close.logical_or(&self.is_nan().logical_and(&other.is_nan())) } else { close }
    }
}

pub(super) fn cases() -> Vec<Case> {
    type Line = (&'static str, table::Call2, table::Plain2, Smooth);
    let lines: [Line; 7] = [
        ("hypot", |x, y| x.hypot(y), f64::hypot, Twice),
        ("logaddexp", |x, y| x.logaddexp(y), |x, y| (x.exp() + y.exp()).ln(), Once),
        ("logaddexp2", |x, y| x.logaddexp2(y), |x, y| (x.exp2() + y.exp2()).log2(), Once),
        ("heaviside", |x, y| x.heaviside(y), |x, y| if x == 0.0 { y } else { f64::from(x > 0.0) }, Once),
        ("fmax", |x, y| x.fmax(y), f64::max, Once),
        ("fmin", |x, y| x.fmin(y), f64::min, Once),
        ("fmod", |x, y| x.fmod(y), |x, y| x % y, Once),
    ];
    let mut out: Vec<Case> = Vec::new();
    for (name, call, reference, smooth) in lines {
        let case = Case::new(name, &[&[4, 9], &[9]], move |x| call(&x[0], &x[1]), move |x| table::zip(&x[0], &x[1], reference));
        out.push(case.range(0.3, 3.0).apart(0.01).smooth(smooth).tolerance(2e-6, 1e-5));
    }
    let case = Case::new("ldexp", &[&[4, 9], &[9]], |x| x[0].ldexp(&x[1]), |x| table::zip(&x[0], &x[1], |x, y| x * y.exp2()));
    out.push(case.input(1, DType::I32, -3.0, 3.0).smooth(Twice));
    let values = [0.0, 1.0, 2.0, 7.0, 12.0, 18.0, 65_536.0, 2_147_483_647.0];
    let plain = |x: f64, y: f64| f64::from(gcd(x as u32, y as u32));
    out.push(table::of_pairs("gcd uint32".into(), DType::U32, &values, |x, y| x.gcd(y), plain));
    let signed = [0.0, 1.0, -2.0, 7.0, -12.0, 18.0];
    let plain = |x: f64, y: f64| f64::from(gcd(x.abs() as u32, y.abs() as u32));
    out.push(table::of_pairs("gcd int32".into(), DType::I32, &signed, |x, y| x.gcd(y), plain));
    let plain = move |x: f64, y: f64| if x * y == 0.0 { 0.0 } else { (x * y).abs() / f64::from(gcd(x.abs() as u32, y.abs() as u32)) };
    out.push(table::of_pairs("lcm int32".into(), DType::I32, &signed, |x, y| x.lcm(y), plain));
    let close = |x: f64, y: f64| f64::from((x - y).abs() <= 0.25 + 0.5 * y.abs());
    out.push(table::of_pairs("is_close".into(), DType::F32, &[0.0, 0.25, 1.0, -1.0, 2.0], |x, y| x.is_close(y, 0.5, 0.25, false), close));
    let next = |x: f64, y: f64| {
        f64::from(if x == y {
            x as f32
        } else if x < y {
            (x as f32).next_up()
        } else {
            (x as f32).next_down()
        })
    };
    out.push(table::of_pairs("next_after".into(), DType::F32, &[0.5, 1.0, -1.0, 3e38], |x, y| x.next_after(y), next));
    out
}
