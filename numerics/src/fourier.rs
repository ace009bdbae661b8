//! The discrete Fourier transform of one row.

use rustfft::{FftPlanner, num_complex::Complex};
use std::cell::RefCell;

thread_local! {
    /// Remembers what it planned, for each length.
    static PLANNER: RefCell<FftPlanner<f32>> = RefCell::new(FftPlanner::new());
}

/// `sum over t of x[t] exp(-2πi f t / n)` for each `f`, with the other sign where `inverse`, of real and imaginary parts; not divided by `n`.
/// NaN for a row with a number that is not finite.
pub fn fourier(inverse: bool, [re, im]: [&[f32]; 2], [to_re, to_im]: [&mut [f32]; 2]) {
    if !re.iter().chain(im).all(|x| x.is_finite()) {
        return [to_re, to_im].into_iter().for_each(|to| to.fill(f32::NAN));
    }
    let mut row: Vec<Complex<f32>> = re.iter().zip(im).map(|(&re, &im)| Complex { re, im }).collect();
    let plan =
        PLANNER.with_borrow_mut(|planner| if inverse { planner.plan_fft_inverse(row.len()) } else { planner.plan_fft_forward(row.len()) });
    plan.process(&mut row);
    for (x, (re, im)) in row.into_iter().zip(to_re.iter_mut().zip(to_im)) {
        (*re, *im) = (x.re, x.im);
    }
}
