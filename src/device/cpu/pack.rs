//! Packing: parts of a matrix laid out in the order in which a register tile reads them.

use super::gemm::Mat;
use super::microkernel::Kernel;

/// Packs neighbouring panels of `width` lanes each, one after the other.
pub fn pack_panels(source: Mat, lanes: usize, steps: usize, width: usize, out: &mut [f32]) {
    if source.row_stride == 1 {
        for step in 0..steps {
            let row = &source.data[step * source.column_stride..][..lanes];
            for (panel, values) in row.chunks(width).enumerate() {
                copy_short(values, &mut out[(panel * steps + step) * width..][..values.len()]);
            }
        }
    } else {
        for (panel, out) in out.chunks_mut(steps * width).enumerate().take(lanes.div_ceil(width)) {
            pack(source.from(panel * width, 0), width.min(lanes - panel * width), steps, width, out);
        }
    }
}

/// Lays `lanes` rows of `source` side by side: `out[step * width + lane] = source[lane, step]`. What is beyond `lanes` stays.
pub fn pack(source: Mat, lanes: usize, steps: usize, width: usize, out: &mut [f32]) {
    if source.row_stride == 1 {
        for (step, out) in out.chunks_exact_mut(width).take(steps).enumerate() {
            copy_short(&source.data[step * source.column_stride..][..lanes], &mut out[..lanes]);
        }
    } else if source.column_stride == 1 {
        transpose(source.data, source.row_stride, lanes, steps, width, out);
    } else {
        for step in 0..steps {
            for lane in 0..lanes {
                out[step * width + lane] = source.data[lane * source.row_stride + step * source.column_stride];
            }
        }
    }
}

/// A copy without a call where the length is the width of a panel.
#[inline(always)]
fn copy_short(from: &[f32], to: &mut [f32]) {
    #[inline(always)]
    fn copy<const LEN: usize>(from: &[f32], to: &mut [f32]) {
        if let (Ok(from), Ok(to)) = (<&[f32; LEN]>::try_from(from), <&mut [f32; LEN]>::try_from(to)) {
            *to = *from;
        }
    }
    match from.len() {
        32 => copy::<32>(from, to),
        16 => copy::<16>(from, to),
        14 => copy::<14>(from, to),
        8 => copy::<8>(from, to),
        6 => copy::<6>(from, to),
        _ => to.copy_from_slice(from),
    }
}

/// `out[step * width + lane] = x[lane * stride + step]` in squares of eight, which stay in registers.
fn transpose(x: &[f32], stride: usize, lanes: usize, steps: usize, width: usize, out: &mut [f32]) {
    let kernel = Kernel::best();
    assert!(lanes <= width && steps * width <= out.len() && (lanes - 1) * stride + steps <= x.len());
    // 64 steps are four lines of each lane, and leave room for what is written.
    for start in (0..steps).step_by(64) {
        let end = (start + 64).min(steps);
        for lane in (0..lanes).step_by(8) {
            let mut step = start;
            if lane + 8 <= lanes {
                while step + 8 <= end {
                    // SAFETY: eight lanes and eight steps lie inside both, by the assertion.
                    unsafe {
                        kernel.transpose(x.as_ptr().add(lane * stride + step), stride, out.as_mut_ptr().add(step * width + lane), width)
                    };
                    step += 8;
                }
            }
            for lane in lane..lanes.min(lane + 8) {
                for step in step..end {
                    out[step * width + lane] = x[lane * stride + step];
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::simd::on_each_level;
    use super::*;

    #[test]
    fn each_layout_lands_in_the_same_panels() {
        let data: Vec<f32> = (0..200 * 200).map(|i| i as f32).collect();
        on_each_level(|level| {
            for (row_stride, column_stride) in [(1, 150), (150, 1), (3, 200)] {
                let source = Mat { data: &data, row_stride, column_stride };
                let (lanes, steps, width) = (37_usize, 75, 14);
                let mut out = vec![-1.0; lanes.div_ceil(width) * steps * width];
                pack_panels(source, lanes, steps, width, &mut out);
                for (lane, step) in (0..lanes).flat_map(|lane| (0..steps).map(move |step| (lane, step))) {
                    let at = (lane / width * steps + step) * width + lane % width;
                    assert_eq!(out[at], data[lane * row_stride + step * column_stride], "{level:?} lane {lane} step {step}");
                }
            }
        });
    }
}
