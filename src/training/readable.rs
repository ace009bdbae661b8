//! Times and metric values as Keras prints them.

use std::{fmt::Write as _, time::Duration};

/// Elapsed time in whole seconds: `5s`.
pub(crate) fn seconds(elapsed: Duration) -> String {
    format!("{:.0}s", elapsed.as_secs_f64())
}

/// Time left, in seconds, as `7s`, `1:07` or `1:01:07`.
pub(crate) fn eta(left: f64) -> String {
    let whole = left as u64;
    if left > 3600.0 {
        format!("{}:{:02}:{:02}", whole / 3600, whole % 3600 / 60, whole % 60)
    } else if left > 60.0 {
        format!("{}:{:02}", whole / 60, whole % 60)
    } else {
        format!("{whole}s")
    }
}

/// Seconds per step as `2s/step`, `558ms/step` or `420us/step`.
pub(crate) fn per_step(seconds: f64) -> String {
    match seconds {
        1.0.. | 0.0 => format!("{seconds:.0}s/step"),
        1e-3.. => format!("{:.0}ms/step", seconds * 1e3),
        _ => format!("{:.0}us/step", seconds * 1e6),
    }
}

/// Values as ` - accuracy: 0.1875 - loss: 2.2995`.
pub(crate) fn list(values: &[(&str, f64)]) -> String {
    values.iter().fold(String::new(), |mut text, (name, value)| {
        let _ = write!(text, " - {name}: {}", number(*value));
        text
    })
}

/// A value as Keras prints it: four decimals, in scientific form up to 0.001.
pub(crate) fn number(value: f64) -> String {
    if value.is_nan() {
        return "nan".to_string();
    }
    if value.is_infinite() || value.abs() > 1e-3 {
        return format!("{value:.4}");
    }
    let text = format!("{value:.4e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |exponent| ('-', exponent));
    format!("{digits}e{sign}{exponent:0>2}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_values_read_like_pythons() {
        assert_eq!([0.9, 60.0, 60.5, 3600.0, 3725.0].map(eta), ["0s", "60s", "1:00", "60:00", "1:02:05"]);
        assert_eq!([0.0, 2.6, 0.5584, 0.001, 0.00042].map(per_step), ["0s/step", "3s/step", "558ms/step", "1ms/step", "420us/step"]);
        let values = [0.5, -2.0, 0.00101, 0.001, -0.00042, 0.0, 1e-12, 1e-300, 1e6, f64::NAN, f64::NEG_INFINITY].map(number);
        let expected = "0.5000 -2.0000 0.0010 1.0000e-03 -4.2000e-04 0.0000e+00 1.0000e-12 1.0000e-300 1000000.0000 nan -inf";
        assert_eq!(values.join(" "), expected);
    }
}
