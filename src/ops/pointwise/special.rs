//! Functions of one number that are composed of others: special functions, angles, rounding to digits, tests of signs.

use super::{Case, No, Once, Tensor, Twice, table};
use crate::DType;

/// `c[0] * x^n + c[1] * x^(n-1) + …`.
fn polynomial(x: &Tensor, c: &[f32]) -> Tensor {
    c[2..].iter().fold(x * c[0] + c[1], |sum, &c| sum * x + c)
}

impl Tensor {
    /// `1 - erf(x)`.
    #[doc(alias = "keras.ops.erfc")]
    #[track_caller]
    pub fn erfc(&self) -> Tensor {
        1.0f32 - self.erf()
    }

    /// The number whose [`erf`](Tensor::erf) this is: infinite at ±1, NaN beyond. After Giles, "Approximating the erfinv function".
    #[doc(alias = "keras.ops.erfinv")]
    #[track_caller]
    pub fn erfinv(&self) -> Tensor {
        let w = -(-self.square()).log1p();
        let near = [
            2.810_226_4e-8,
            3.432_739_4e-7,
            -3.523_387_8e-6,
            -4.391_506_5e-6,
            2.185_808_7e-4,
            -1.253_725e-3,
            -4.177_681_6e-3,
            0.246_640_73,
            1.501_409_4,
        ];
        let far = [
            -2.002_142_6e-4,
            1.009_505_6e-4,
            1.349_343_2e-3,
            -3.673_428_4e-3,
            5.739_507_7e-3,
            -7.622_461_3e-3,
            9.438_87e-3,
            1.001_674,
            2.832_976_8,
        ];
        let (w_near, w_far) = (w.minimum(5.0) - 2.5, w.maximum(5.0).minimum(88.0).sqrt() - 3.0);
        let inside = self * Tensor::where_(&w.less(5.0), &polynomial(&w_near, &near), &polynomial(&w_far, &far));
        Tensor::where_(&self.abs().equal(1.0), &(self.sign() * f32::INFINITY).stop_gradient(), &inside)
    }

    /// The modified Bessel function of the first kind, of order 0. After Abramowitz and Stegun, 9.8.1 and 9.8.2.
    #[doc(alias = "keras.ops.i0")]
    #[track_caller]
    pub fn i0(&self) -> Tensor {
        let size = self.abs();
        let small = [0.004_581_3, 0.036_076_8, 0.265_973_2, 1.206_749_2, 3.089_942_4, 3.515_622_9, 1.0];
        let large = [
            0.003_923_77,
            -0.016_476_33,
            0.026_355_37,
            -0.020_577_06,
            0.009_162_81,
            -0.001_575_65,
            0.002_253_19,
            0.013_285_92,
            0.398_942_3,
        ];
        let near = polynomial(&(size.minimum(3.75) / 3.75).square(), &small);
        let far = size.maximum(3.75);
        let far = far.exp() * far.rsqrt() * polynomial(&(3.75f32 / &far), &large);
        Tensor::where_(&size.less(3.75), &near, &far)
    }

    /// `sin(πx) / (πx)`, 1 at 0.
    #[doc(alias = "keras.ops.sinc")]
    #[track_caller]
    pub fn sinc(&self) -> Tensor {
        let zero = self.equal(0.0);
        let angle = Tensor::where_(&zero, &self.ones_like(), &(self * std::f32::consts::PI));
        Tensor::where_(&zero, &self.ones_like(), &(angle.sin() / &angle))
    }

    /// The third root, with the sign of `x`.
    #[doc(alias = "keras.ops.cbrt")]
    #[track_caller]
    pub fn cbrt(&self) -> Tensor {
        self.sign() * self.abs().pow(1.0f32 / 3.0)
    }

    /// Degrees as radians.
    #[doc(alias = "keras.ops.deg2rad")]
    #[track_caller]
    pub fn deg2rad(&self) -> Tensor {
        self * (std::f32::consts::PI / 180.0)
    }

    /// Radians as degrees.
    #[doc(alias = "keras.ops.rad2deg")]
    #[track_caller]
    pub fn rad2deg(&self) -> Tensor {
        self * (180.0 / std::f32::consts::PI)
    }

    /// Rounded to so many decimals, as [`Tensor::round`] does; negative ones are before the point.
    #[doc(alias = "keras.ops.round")]
    #[track_caller]
    pub fn round_to(&self, decimals: i32) -> Tensor {
        if decimals == 0 {
            return self.round();
        }
        let factor = 10f32.powi(decimals.clamp(-38, 38));
        (self * factor).round() / factor
    }

    /// Whether the sign bit is set, as booleans: also that of -0.
    #[doc(alias = "keras.ops.signbit")]
    #[track_caller]
    pub fn sign_bit(&self) -> Tensor {
        match self.dtype() {
            dtype if dtype.is_float() => self.cast(DType::F32).bitcast(DType::I32).less(0),
            DType::I32 => self.less(0),
            _ => self.not_equal(self),
        }
    }

    /// Whether each element is infinite and positive, as booleans.
    #[doc(alias = "keras.ops.isposinf")]
    #[track_caller]
    pub fn is_pos_inf(&self) -> Tensor {
        self.is_inf().logical_and(&self.greater(0.0))
    }

    /// Whether each element is infinite and negative, as booleans.
    #[doc(alias = "keras.ops.isneginf")]
    #[track_caller]
    pub fn is_neg_inf(&self) -> Tensor {
        self.is_inf().logical_and(&self.less(0.0))
    }

    /// Other numbers for NaN, +∞ and -∞.
    #[doc(alias = "keras.ops.nan_to_num")]
    #[track_caller]
    pub fn nan_to_num(&self, nan: f32, positive: f32, negative: f32) -> Tensor {
        let instead = |value: f32| self.ones_like() * value;
        let finite = Tensor::where_(&self.is_nan(), &instead(nan), self);
        let low = Tensor::where_(&self.is_neg_inf(), &instead(negative), &finite);
        Tensor::where_(&self.is_pos_inf(), &instead(positive), &low)
    }
}

pub(super) fn cases() -> Vec<Case> {
    fn i0(x: f64) -> f64 {
        let (mut term, mut sum) = (1.0, 1.0);
        for k in 1..60 {
            term *= (x / 2.0 / f64::from(k)).powi(2);
            sum += term;
        }
        sum
    }
    /// By the series of erf, and Newton's steps.
    fn erfinv(y: f64) -> f64 {
        let erf = |x: f64| {
            let (mut term, mut sum) = (x, x);
            for k in 1..200 {
                term *= -x * x / f64::from(k);
                sum += term / f64::from(2 * k + 1);
            }
            sum * std::f64::consts::FRAC_2_SQRT_PI
        };
        (0..60).fold(0.0, |x: f64, _| x - (erf(x) - y) / (std::f64::consts::FRAC_2_SQRT_PI * (-x * x).exp()))
    }
    let lines: &[table::Line1] = &[
        ("erfinv", Tensor::erfinv, erfinv, (-0.95, 0.95), Once),
        ("i0", Tensor::i0, i0, (-6.0, 6.0), Once),
        (
            "sinc",
            Tensor::sinc,
            |x| if x == 0.0 { 1.0 } else { (std::f64::consts::PI * x).sin() / (std::f64::consts::PI * x) },
            (0.1, 3.0),
            Twice,
        ),
        ("cbrt", Tensor::cbrt, f64::cbrt, (0.2, 3.0), Twice),
        ("round_to 1", |x| x.round_to(1), |x| (x * 10.0).round_ties_even() / 10.0, (-9.0, 9.0), No),
        ("sign_bit", Tensor::sign_bit, |x| f64::from(x.is_sign_negative()), (-9.0, 9.0), No),
    ];
    let mut out = table::unary(lines, &[0.5, -0.5, 0.25, 0.125], (3e-6, 1e-5));
    let replaced = |x: f64| if x.is_nan() { 1.0 } else { x.clamp(3.0, 4.0) };
    let call = |x: &[Tensor]| x[0].nan_to_num(1.0, 4.0, 3.0);
    out.push(
        Case::new("nan_to_num", &[&[4]], call, move |x| x[0].mapv(replaced)).values(0, &[f64::NAN, f64::INFINITY, 3.5, f64::NEG_INFINITY]),
    );
    out
}
