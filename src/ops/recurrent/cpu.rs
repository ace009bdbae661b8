//! The recurrent kernels on the CPU: tasks take some samples each and walk all steps, with the weights packed once for all.

use super::{
    Recurrence, RecurrentCell, Squash,
    gradient::WalkBack,
    op::{Form, Sizes, sizes},
};
use crate::{
    device::cpu::{
        gemm::Mat,
        math,
        packed::Packed,
        pool::{self, SharedMut},
        scratch,
        simd::{map2, map3, multiversion, update1, update2},
    },
    graph::{CpuCall, CpuIn},
};
use std::ops::Range;

/// Samples of a task: not more, else their rows leave the cache; not fewer, else the weights are read too often.
const MOST: usize = 28;
const FEWEST: usize = 4;
/// Walks of fewer multiplications are not worth waking another thread for.
const INLINE: usize = 1 << 20;

impl Sizes {
    /// Runs `task` for ranges of samples. Samples do not touch each other, so that the cut decides about no bits.
    fn share(&self, gates: usize, task: &(dyn Fn(Range<usize>) + Sync)) {
        let tasks = self.samples.div_ceil(MOST).max(1).next_multiple_of(pool::threads());
        let cut = || pool::for_chunks(self.samples, self.samples.div_ceil(tasks).max(FEWEST), task);
        let work = self.steps * self.samples * self.units * self.units * gates;
        if work <= INLINE { pool::inline(cut) } else { cut() }
    }

    /// The elements of `rows` of step `at`, `width` numbers each.
    fn at(&self, at: usize, rows: &Range<usize>, width: usize) -> Range<usize> {
        (at * self.samples + rows.start) * width..(at * self.samples + rows.end) * width
    }
}

/// Lends matrices of `depth` x `columns`, packed.
fn packed<R>(matrices: &[Mat], depth: usize, columns: usize, body: impl FnOnce(&[Packed]) -> R) -> R {
    let size = Packed::size(depth, columns);
    scratch::with(matrices.len() * size, |memory| {
        let parts = matrices.iter().zip(memory.chunks_mut(size.max(1)));
        let all: Vec<Packed> = parts.map(|(&matrix, memory)| Packed::new(matrix, depth, columns, memory)).collect();
        body(&all)
    })
}

/// Whether a step of a sample counts.
fn counts(mask: Option<&CpuIn>, row: usize) -> bool {
    mask.is_none_or(|mask| mask.words()[row] != 0)
}

pub(super) fn walk(form: &Form, call: CpuCall) {
    let (inputs, cell) = (form.inputs(call.inputs), form.recurrence.cell);
    let sizes = sizes(inputs.projected.shape(), inputs.kernel.shape()[0]);
    let Sizes { steps, units, .. } = sizes;
    let (gates, kept) = (cell.gates(), cell.kept());
    let (states, rest) = call.outputs.split_at_mut(cell.states());
    for (out, start) in states.iter_mut().zip(inputs.states) {
        out.f32()[..start.f32().len()].copy_from_slice(start.f32());
    }
    let states: Vec<SharedMut<f32>> = states.iter_mut().map(|out| SharedMut::new(out.f32())).collect();
    let kept_gates = SharedMut::new(rest[0].f32());
    let (x, bias, dropout) = (inputs.projected.f32(), inputs.bias.map(CpuIn::f32), inputs.dropout.map(CpuIn::f32));
    let parts = if form.by_gate() { gates } else { 1 };
    let kernel = Mat::row_major(inputs.kernel.f32(), gates * units);
    let matrices: Vec<Mat> = (0..parts).map(|part| if units == 0 { kernel } else { kernel.from(0, part * units) }).collect();
    packed(&matrices, units, gates * units / parts, |weights| {
        sizes.share(gates, &|rows| {
            scratch::with(rows.len() * units, |left| {
                for at in 0..steps {
                    // SAFETY: each sample belongs to one task, and the states of two steps are apart.
                    let [h, next] = [at, at + 1].map(|at| unsafe { states[0].slice(sizes.at(at, &rows, units)) });
                    // SAFETY: as above.
                    let out = unsafe { kept_gates.slice(sizes.at(at, &rows, kept * units)) };
                    let x = &x[sizes.at(at, &rows, gates * units)];
                    let mut product = |gate: usize, left: &[f32]| {
                        weights[gate].multiply(rows.len(), left, units, &mut out[gate * units..], kept * units, false);
                    };
                    for gate in 0..if cell == RecurrentCell::GruResetBefore { 2 } else { parts } {
                        match dropout {
                            Some(dropout) => {
                                map2(h, &dropout[sizes.at(gate, &rows, units)], left, |h: f32, keep: f32| h * keep);
                                product(gate, left);
                            }
                            None => product(gate, h),
                        }
                    }
                    let lines = |row: usize, width: usize| row * width..(row + 1) * width;
                    if cell == RecurrentCell::GruResetBefore {
                        for row in 0..rows.len() {
                            let out = &mut out[lines(row, 3 * units)][..2 * units];
                            update2(out, &x[lines(row, 3 * units)][..2 * units], |z: f32, x: f32| z + x);
                            form.recurrence.recurrent_activation.apply(out);
                            map2(&out[units..], &h[lines(row, units)], &mut left[lines(row, units)], |r: f32, h: f32| r * h);
                        }
                        if let Some(dropout) = dropout {
                            update2(left, &dropout[sizes.at(2, &rows, units)], |left: f32, keep: f32| left * keep);
                        }
                        weights[2].multiply(rows.len(), left, units, &mut out[2 * units..], 3 * units, false);
                    }
                    for (row, sample) in rows.clone().enumerate() {
                        let mut state = lines(row, units);
                        let counts = counts(inputs.mask, at * sizes.samples + sample);
                        let (h, next) = (&h[state.clone()], &mut next[state.clone()]);
                        let (out, x) = (&mut out[lines(row, kept * units)], &x[lines(row, gates * units)]);
                        if let Some(cells) = states.get(1) {
                            state = sizes.at(at, &(sample..sample + 1), units);
                            let further = sizes.samples * units;
                            // SAFETY: as above.
                            let (c, next_c) =
                                unsafe { (cells.slice(state.clone()), cells.slice(state.start + further..state.end + further)) };
                            form.recurrence.lstm(out, x, c, next, next_c);
                            if !counts {
                                next_c.copy_from_slice(c);
                            }
                        } else {
                            form.recurrence.one_state(out, x, bias, h, next);
                        }
                        if !counts {
                            next.copy_from_slice(h);
                        }
                    }
                }
            });
        });
    });
}

impl Recurrence {
    /// From the recurrent product to the gates, and the new states of a sample.
    fn lstm(&self, gates: &mut [f32], x: &[f32], c: &[f32], next: &mut [f32], next_c: &mut [f32]) {
        let units = c.len();
        update2(gates, x, |z: f32, x: f32| z + x);
        let (sigmoids, rest) = gates.split_at_mut(2 * units);
        let (g, o) = rest.split_at_mut(units);
        self.recurrent_activation.apply(sigmoids);
        self.activation.apply(g);
        self.recurrent_activation.apply(o);
        let (i, f) = sigmoids.split_at(units);
        map2(i, g, next_c, |i: f32, g: f32| i * g);
        add_products(f, c, next_c);
        next.copy_from_slice(next_c);
        self.activation.apply(next);
        update2(next, o, |c: f32, o: f32| c * o);
    }

    /// The same for the other cells; a GRU that resets before the product already has its first two gates.
    fn one_state(&self, gates: &mut [f32], x: &[f32], bias: Option<&[f32]>, h: &[f32], next: &mut [f32]) {
        let units = h.len();
        let mix = |z: f32, h: f32, n: f32| z * h + (1.0 - z) * n;
        match self.cell {
            RecurrentCell::Gru => {
                let (product, n) = gates.split_at_mut(3 * units);
                if let Some(bias) = bias {
                    update2(product, bias, |z: f32, b: f32| z + b);
                }
                let (gates, product) = product.split_at_mut(2 * units);
                update2(gates, &x[..2 * units], |z: f32, x: f32| z + x);
                self.recurrent_activation.apply(gates);
                let (z, r) = gates.split_at(units);
                map3(&x[2 * units..], r, product, n, |x: f32, r: f32, product: f32| x + r * product);
                self.activation.apply(n);
                map3(z, h, n, next, mix);
            }
            RecurrentCell::GruResetBefore => {
                let (gates, n) = gates.split_at_mut(2 * units);
                update2(n, &x[2 * units..], |n: f32, x: f32| n + x);
                self.activation.apply(n);
                map3(&gates[..units], h, n, next, mix);
            }
            _ => {
                update2(gates, x, |z: f32, x: f32| z + x);
                self.activation.apply(gates);
                next.copy_from_slice(gates);
            }
        }
    }
}

pub(super) fn walk_back(op: &WalkBack, call: CpuCall) {
    let (form, inputs, cell) = (&op.form, op.inputs(call.inputs), op.form.recurrence.cell);
    let sizes = sizes(inputs.gates.shape(), inputs.kernel.shape()[1]);
    let Sizes { steps, samples, units } = sizes;
    let (gates, kept, width) = (cell.gates(), cell.kept(), cell.gates() * units);
    let [inner, carry, projected @ ..] = call.outputs else { unreachable!("there are two outputs or three") };
    let (inner, carry) = (SharedMut::new(inner.f32()), SharedMut::new(carry.f32()));
    let projected = projected.first_mut().map(|out| SharedMut::new(out.f32()));
    let (kept_gates, h, upstream) = (inputs.gates.f32(), inputs.states[0].f32(), inputs.upstream.f32());
    let (cells, cells_upstream) = (inputs.states.get(1).map(CpuIn::f32), inputs.cells_upstream.map(CpuIn::f32));
    let dropout = inputs.dropout.map(CpuIn::f32);
    let parts = if form.by_gate() { gates } else { 1 };
    let kernel = Mat::row_major(inputs.kernel.f32(), units);
    let matrices: Vec<Mat> = (0..parts).map(|part| if units == 0 { kernel } else { kernel.from(part * units, 0) }).collect();
    packed(&matrices, width / parts, units, |weights| {
        sizes.share(gates, &|rows| {
            // SAFETY: each sample belongs to one task, here and below.
            let dh = unsafe { carry.slice(sizes.at(0, &rows, units)) };
            // SAFETY: as above.
            let mut dc = cells.map(|_| unsafe { carry.slice(sizes.at(1, &rows, units)) });
            dh.fill(0.0);
            dc.iter_mut().for_each(|dc| dc.fill(0.0));
            let lines = |row: usize, width: usize| row * width..(row + 1) * width;
            let add = |sum: f32, x: f32| sum + x;
            scratch::with(rows.len() * units, |product| {
                for at in (0..=steps).rev() {
                    let here = sizes.at(at, &rows, units);
                    update2(dh, &upstream[here.clone()], add);
                    if let (Some(dc), Some(upstream)) = (&mut dc, cells_upstream) {
                        update2(dc, &upstream[here], add);
                    }
                    let Some(at) = at.checked_sub(1) else { break };
                    // SAFETY: as above.
                    let inner = unsafe { inner.slice(sizes.at(at, &rows, width)) };
                    // SAFETY: as above.
                    let mut projected = projected.as_ref().map(|out| unsafe { out.slice(sizes.at(at, &rows, width)) });
                    for (row, sample) in rows.clone().enumerate() {
                        let inner = &mut inner[lines(row, width)];
                        let projected = projected.as_mut().map(|out| &mut out[lines(row, width)]);
                        if !counts(inputs.mask, at * samples + sample) {
                            inner.fill(0.0);
                            projected.into_iter().for_each(|out| out.fill(0.0));
                            continue;
                        }
                        let state = sizes.at(at, &(sample..sample + 1), units);
                        let (h, dh) = (&h[state.clone()], &mut dh[lines(row, units)]);
                        let out = &kept_gates[sizes.at(at, &(sample..sample + 1), kept * units)];
                        match (cells, &mut dc) {
                            (Some(cells), Some(dc)) => {
                                let after = &cells[state.start + samples * units..][..units];
                                form.recurrence.lstm_back(out, &cells[state], after, dh, &mut dc[lines(row, units)], inner);
                            }
                            _ => form.recurrence.one_state_back(out, h, dh, inner, projected),
                        }
                    }
                    let mut add_product = |gate: usize, inner: &[f32], dh: &mut [f32]| match dropout {
                        None => weights[gate].multiply(rows.len(), &inner[gate * units..], width, dh, units, true),
                        Some(dropout) => {
                            weights[gate].multiply(rows.len(), &inner[gate * units..], width, product, units, false);
                            add_products(product, &dropout[sizes.at(gate, &rows, units)], dh);
                        }
                    };
                    if cell == RecurrentCell::GruResetBefore {
                        // First what the candidates give the reset gates.
                        scratch::with(rows.len() * units, |reset| {
                            reset.fill(0.0);
                            add_product(2, inner, reset);
                            for (row, sample) in rows.clone().enumerate() {
                                let (reset, inner) = (&reset[lines(row, units)], &mut inner[lines(row, width)][units..2 * units]);
                                let one = sample..sample + 1;
                                let r = &kept_gates[sizes.at(at, &one, kept * units)][units..2 * units];
                                map2(reset, &h[sizes.at(at, &one, units)], inner, |reset: f32, h: f32| reset * h);
                                form.recurrence.recurrent_activation.slope(r, inner);
                                add_products(reset, r, &mut dh[lines(row, units)]);
                            }
                        });
                        (0..2).for_each(|gate| add_product(gate, inner, dh));
                    } else {
                        (0..parts).for_each(|gate| add_product(gate, inner, dh));
                    }
                }
            });
        });
    });
}

impl Recurrence {
    /// From the gradients of a sample's states to those of its gates; leaves in `dh` and `dc` what flows to the states before, the
    /// recurrent product apart.
    fn lstm_back(&self, gates: &[f32], c: &[f32], after: &[f32], dh: &mut [f32], dc: &mut [f32], inner: &mut [f32]) {
        let units = c.len();
        let [i, f, g, o] = [0, 1, 2, 3].map(|gate| &gates[gate * units..][..units]);
        let (inner_if, rest) = inner.split_at_mut(2 * units);
        let ((inner_i, inner_f), (inner_g, inner_o)) = (inner_if.split_at_mut(units), rest.split_at_mut(units));
        inner_o.copy_from_slice(after);
        self.activation.apply(inner_o);
        map2(dh, o, inner_f, |dh: f32, o: f32| dh * o);
        self.activation.slope(inner_o, inner_f);
        update2(dc, inner_f, |dc: f32, more: f32| dc + more);
        update2(inner_o, dh, |squashed: f32, dh: f32| squashed * dh);
        self.recurrent_activation.slope(o, inner_o);
        map2(dc, g, inner_i, |dc: f32, g: f32| dc * g);
        map2(dc, c, inner_f, |dc: f32, c: f32| dc * c);
        self.recurrent_activation.slope(&gates[..2 * units], inner_if);
        map2(dc, i, inner_g, |dc: f32, i: f32| dc * i);
        self.activation.slope(g, inner_g);
        update2(dc, f, |dc: f32, f: f32| dc * f);
        dh.fill(0.0);
    }

    /// The same for the other cells. A GRU that resets before the product lacks the gradient of its reset gate yet.
    fn one_state_back(&self, gates: &[f32], h: &[f32], dh: &mut [f32], inner: &mut [f32], projected: Option<&mut [f32]>) {
        let units = h.len();
        if self.cell == RecurrentCell::Simple {
            inner.copy_from_slice(dh);
            self.activation.slope(gates, inner);
            return dh.fill(0.0);
        }
        let (z, n) = (&gates[..units], &gates[gates.len() - units..]);
        let (inner_zr, inner_n) = inner.split_at_mut(2 * units);
        let (inner_z, inner_r) = inner_zr.split_at_mut(units);
        map3(dh, h, n, inner_z, |dh: f32, h: f32, n: f32| dh * (h - n));
        self.recurrent_activation.slope(z, inner_z);
        map2(dh, z, inner_n, |dh: f32, z: f32| dh * (1.0 - z));
        self.activation.slope(n, inner_n);
        update2(dh, z, |dh: f32, z: f32| dh * z);
        if let Some(projected) = projected {
            let (r, product) = (&gates[units..2 * units], &gates[2 * units..3 * units]);
            map2(inner_n, product, inner_r, |dn: f32, product: f32| dn * product);
            self.recurrent_activation.slope(r, inner_r);
            projected.copy_from_slice(inner);
            update2(&mut inner[2 * units..], r, |dn: f32, r: f32| dn * r);
        }
    }
}

impl Squash {
    fn apply(self, x: &mut [f32]) {
        match self {
            Self::Linear => {}
            Self::Relu => update1(x, |x: f32| if x < 0.0 { 0.0 } else { x }),
            Self::Sigmoid => update1(x, math::sigmoid),
            Self::HardSigmoid => update1(x, |x: f32| {
                let y = x * (1.0 / 6.0) + 0.5;
                let y = if y < 0.0 { 0.0 } else { y };
                if y > 1.0 { 1.0 } else { y }
            }),
            Self::Tanh => update1(x, math::tanh),
        }
    }

    /// Multiplies `dy` with the slope where the result is `y`.
    fn slope(self, y: &[f32], dy: &mut [f32]) {
        match self {
            Self::Linear => {}
            Self::Relu => update2(dy, y, |dy: f32, y: f32| if y > 0.0 { dy } else { 0.0 }),
            Self::Sigmoid => update2(dy, y, |dy: f32, y: f32| dy * (y * (1.0 - y))),
            Self::HardSigmoid => update2(dy, y, |dy: f32, y: f32| if y > 0.0 && y < 1.0 { dy * (1.0 / 6.0) } else { 0.0 }),
            Self::Tanh => update2(dy, y, |dy: f32, y: f32| dy * (1.0 - y * y)),
        }
    }
}

multiversion! {
    /// `out += x * y`
    fn add_products[](x: &[f32], y: &[f32], out: &mut [f32]) {
        assert!(x.len() == out.len() && y.len() == out.len());
        for ((out, &x), &y) in out.iter_mut().zip(x).zip(y) {
            *out += x * y;
        }
    }
}
