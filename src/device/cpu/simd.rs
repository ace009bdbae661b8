//! Instruction sets: one macro compiles a loop for each and picks at run time; elementwise maps over slices stand on it.
//!
//! A body is plain Rust that the compiler vectorises. Floats are never contracted or reordered, so the bits are equal on all levels.

use bytemuck::Pod;
use std::sync::atomic::{AtomicU8, Ordering};

/// What the running machine offers. `Baseline` is SSE2 on x86-64 and NEON on aarch64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Level {
    Baseline = 1,
    Avx2 = 2,
    Avx512 = 3,
}

static LEVEL: AtomicU8 = AtomicU8::new(0);

#[cfg(test)]
thread_local! {
    static FORCED: std::cell::Cell<Option<Level>> = const { std::cell::Cell::new(None) };
}

/// The best level here; `WGRAD_SIMD=baseline|avx2` lowers it. One relaxed load after the first call.
#[inline]
pub fn level() -> Level {
    #[cfg(test)]
    if let Some(level) = FORCED.get() {
        return level;
    }
    match LEVEL.load(Ordering::Relaxed) {
        1 => Level::Baseline,
        2 => Level::Avx2,
        3 => Level::Avx512,
        _ => detect(),
    }
}

#[cold]
fn detect() -> Level {
    let mut level = Level::Baseline;
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
        level = Level::Avx2;
        if is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq")
        {
            level = Level::Avx512;
        }
    }
    match std::env::var("WGRAD_SIMD").as_deref() {
        Ok("baseline") => level = Level::Baseline,
        Ok("avx2") => level = level.min(Level::Avx2),
        _ => {}
    }
    LEVEL.store(level as u8, Ordering::Relaxed);
    level
}

/// Runs `body` once on every level this machine has (regions of the thread pool run on this thread alone meanwhile).
#[cfg(test)]
pub fn on_each_level(mut body: impl FnMut(Level)) {
    let best = detect();
    for level in [Level::Baseline, Level::Avx2, Level::Avx512] {
        if level <= best {
            FORCED.set(Some(level));
            super::pool::inline(|| body(level));
            FORCED.set(None);
        }
    }
}

/// `multiversion! { pub fn name[T: Bound](argument: Type) -> Result { body } }`: the body once per level; generics in brackets.
///
/// Functions called in a body's loop must be `#[inline(always)]`, else the loop stays scalar.
macro_rules! multiversion {
    ($($(#[$attribute:meta])* $visibility:vis fn $name:ident [$($generic:tt)*] ($($argument:ident: $type:ty),* $(,)?) $(-> $result:ty)? $body:block)*) => {$(
        $(#[$attribute])*
        #[inline]
        $visibility fn $name<$($generic)*>($($argument: $type),*) $(-> $result)? {
            #[inline(always)]
            fn body<$($generic)*>($($argument: $type),*) $(-> $result)? $body
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,avx2,fma")]
            fn avx512<$($generic)*>($($argument: $type),*) $(-> $result)? {
                body($($argument),*)
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            fn avx2<$($generic)*>($($argument: $type),*) $(-> $result)? {
                body($($argument),*)
            }
            #[cfg(target_arch = "x86_64")]
            match $crate::device::cpu::simd::level() {
                // SAFETY: the level was detected on this machine.
                $crate::device::cpu::simd::Level::Avx512 => return unsafe { avx512($($argument),*) },
                // SAFETY: as above.
                $crate::device::cpu::simd::Level::Avx2 => return unsafe { avx2($($argument),*) },
                $crate::device::cpu::simd::Level::Baseline => {}
            }
            body($($argument),*)
        }
    )*};
}
pub(crate) use multiversion;

multiversion! {
    /// `out[i] = f(x[i])`.
    pub fn map1[T: Pod, U: Pod, F: Fn(T) -> U + Copy](x: &[T], out: &mut [U], f: F) {
        assert_eq!(x.len(), out.len());
        for (out, &x) in out.iter_mut().zip(x) {
            *out = f(x);
        }
    }

    /// `out[i] = f(x[i], y[i])`.
    pub fn map2[T: Pod, S: Pod, U: Pod, F: Fn(T, S) -> U + Copy](x: &[T], y: &[S], out: &mut [U], f: F) {
        assert!(x.len() == out.len() && y.len() == out.len());
        for ((out, &x), &y) in out.iter_mut().zip(x).zip(y) {
            *out = f(x, y);
        }
    }

    /// [`map2`] for results that are too many for the caches: written past them, lines are not fetched first. Before a task is done,
    /// it calls [`streamed`].
    pub fn stream2[F: Fn(f32, f32) -> f32 + Copy](x: &[f32], y: &[f32], out: &mut [f32], f: F) {
        assert!(x.len() == out.len() && y.len() == out.len());
        let lead = out.as_ptr().align_offset(64).min(out.len());
        let whole = lead + (out.len() - lead) / 16 * 16;
        for i in (0..lead).chain(whole..out.len()) {
            out[i] = f(x[i], y[i]);
        }
        let lines = out[lead..whole].as_chunks_mut::<16>().0.iter_mut();
        for ((line, x), y) in lines.zip(x[lead..whole].as_chunks::<16>().0).zip(y[lead..whole].as_chunks::<16>().0) {
            let mut values = [0f32; 16];
            for lane in 0..16 {
                values[lane] = f(x[lane], y[lane]);
            }
            stream(line, values);
        }
    }

    /// `out[i] = f(x[i], y[i], z[i])`.
    pub fn map3[T: Pod, S: Pod, R: Pod, U: Pod, F: Fn(T, S, R) -> U + Copy](x: &[T], y: &[S], z: &[R], out: &mut [U], f: F) {
        assert!(x.len() == out.len() && y.len() == out.len() && z.len() == out.len());
        for (((out, &x), &y), &z) in out.iter_mut().zip(x).zip(y).zip(z) {
            *out = f(x, y, z);
        }
    }

    /// `out[i] = f(out[i])`.
    pub fn update1[T: Pod, F: Fn(T) -> T + Copy](out: &mut [T], f: F) {
        for out in out {
            *out = f(*out);
        }
    }

    /// One array updated from a second.
    pub fn step1[F: Fn(f32, f32) -> f32 + Copy](p: &mut [f32], g: &[f32], f: F) {
        assert_eq!(p.len(), g.len());
        for (p, &g) in p.iter_mut().zip(g) {
            *p = f(*p, g);
        }
    }

    /// Two arrays updated from a third.
    pub fn step2[F: Fn(f32, f32, f32) -> (f32, f32) + Copy](p: &mut [f32], s: &mut [f32], g: &[f32], f: F) {
        assert!(p.len() == g.len() && s.len() == g.len());
        for ((p, s), &g) in p.iter_mut().zip(s).zip(g) {
            (*p, *s) = f(*p, *s, g);
        }
    }

    /// Three arrays updated from a fourth.
    pub fn step3[F: Fn(f32, f32, f32, f32) -> (f32, f32, f32) + Copy](p: &mut [f32], s: &mut [f32], t: &mut [f32], g: &[f32], f: F) {
        assert!(p.len() == g.len() && s.len() == g.len() && t.len() == g.len());
        for (((p, s), t), &g) in p.iter_mut().zip(s).zip(t).zip(g) {
            (*p, *s, *t) = f(*p, *s, *t, g);
        }
    }

    /// `out[i] = f(out[i], x[i])`.
    pub fn update2[T: Pod, U: Pod, F: Fn(U, T) -> U + Copy](out: &mut [U], x: &[T], f: F) {
        assert_eq!(x.len(), out.len());
        for (out, &x) in out.iter_mut().zip(x) {
            *out = f(*out, x);
        }
    }
}

/// Writes a line, which begins on 64 bytes, past the caches.
#[inline(always)]
fn stream(line: &mut [f32; 16], values: [f32; 16]) {
    #[cfg(target_arch = "x86_64")]
    for at in (0..16).step_by(4) {
        use std::arch::x86_64::{_mm_loadu_ps, _mm_stream_ps};
        // SAFETY: four floats in both, and every x86-64 has the instruction.
        unsafe { _mm_stream_ps(line.as_mut_ptr().add(at), _mm_loadu_ps(values.as_ptr().add(at))) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    (*line = values);
}

/// Makes what this thread wrote past the caches visible before anything that follows.
pub fn streamed() {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every x86-64 has the instruction.
    unsafe {
        std::arch::x86_64::_mm_sfence()
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_give_the_same_bits_on_each_level() {
        let x: Vec<f32> = (0..1003).map(|i| (i as f32 * 0.37).sin()).collect();
        let y: Vec<f32> = x.iter().map(|x| x * 3.1 + 0.2).collect();
        let expected: Vec<u32> = x.iter().zip(&y).map(|(x, y)| (x * y + x / y).to_bits()).collect();
        on_each_level(|level| {
            let mut out = vec![0f32; x.len()];
            map2(&x, &y, &mut out, |x: f32, y: f32| x * y + x / y);
            assert!(out.iter().map(|v| v.to_bits()).eq(expected.iter().copied()), "{level:?}");
            for first in 0..20 {
                out.fill(0.0);
                stream2(&x[first..], &y[first..], &mut out[first..], |x: f32, y: f32| x * y + x / y);
                assert!(out[first..].iter().map(|v| v.to_bits()).eq(expected[first..].iter().copied()), "{level:?}, from {first} on");
            }
            map3(&x, &y, &x.clone(), &mut out, |x: f32, y: f32, z: f32| x * y + z);
            assert_eq!(out[77], x[77] * y[77] + x[77]);
            update2(&mut out, &y, |v: f32, y: f32| v - y);
            assert_eq!(out[77], (x[77] * y[77] + x[77]) - y[77]);
        });
    }

    #[test]
    fn a_map_changes_the_type() {
        let mut out = [0u8; 40];
        map1(&[-1.0f32; 40], &mut out, |x: f32| u8::from(x < 0.0));
        assert_eq!(out, [1; 40]);
    }
}
