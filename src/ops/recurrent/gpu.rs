//! The recurrent kernels on a GPU: a dispatch for each step, two where the reset gate comes before the product.

use super::{
    RecurrentCell, Squash,
    gradient::WalkBack,
    op::{Form, Sizes, sizes},
};
use crate::{
    Result,
    device::gpu::compose,
    graph::{Arg, GpuCall, Word},
};
use std::ops::Range;

const FORWARD: &str = include_str!("../../../shaders/recurrent.wgsl");
const BACKWARD: &str = include_str!("../../../shaders/recurrent_gradient.wgsl");
/// Samples of an invocation, and invocations of a workgroup.
const SAMPLES: usize = 4;
const GROUP: usize = 64;

impl Squash {
    /// The function of x, and its slope where its result is y.
    fn wgsl(self) -> (&'static str, &'static str) {
        match self {
            Self::Linear => ("x", "1.0"),
            Self::Relu => ("select(x, 0.0, x < 0.0)", "select(0.0, 1.0, y > 0.0)"),
            Self::Sigmoid => ("sigmoid(x)", "y * (1.0 - y)"),
            Self::HardSigmoid => ("limit(x / 6.0 + 0.5, 0.0, 1.0)", "select(0.0, 1.0 / 6.0, y > 0.0 && y < 1.0)"),
            Self::Tanh => ("tanh_safe(x)", "1.0 - y * y"),
        }
    }
}

impl Form {
    /// The shaders' block `activations`.
    fn activations(&self) -> String {
        let ((own, slope), (recurrent, recurrent_slope)) = (self.recurrence.activation.wgsl(), self.recurrence.recurrent_activation.wgsl());
        format!(
            "fn activation(x: f32) -> f32 {{ return {own}; }}\nfn recurrent_activation(x: f32) -> f32 {{ return {recurrent}; }}\n\
             fn slope(y: f32) -> f32 {{ return {slope}; }}\nfn recurrent_slope(y: f32) -> f32 {{ return {recurrent_slope}; }}"
        )
    }
}

/// The buffers of a kernel by name, and the block that declares them.
struct Buffers<'a> {
    reads: Vec<(&'static str, &'a Arg)>,
    writes: Vec<(&'static str, &'a Arg)>,
}

impl<'a> Buffers<'a> {
    /// Adds a buffer that may be missing.
    fn and(mut self, name: &'static str, arg: Option<&'a Arg>) -> Self {
        self.reads.extend(arg.map(|arg| (name, arg)));
        self
    }

    fn declare(&self) -> String {
        let all = self.reads.iter().map(|buffer| (buffer, "read")).chain(self.writes.iter().map(|buffer| (buffer, "read_write")));
        let line = |(at, ((name, arg), access)): (usize, (&(&str, &Arg), &str))| {
            format!("@group(0) @binding({}) var<storage, {access}> {name}: array<{}>;\n", at + 1, arg.spec.dtype.wgsl_storage())
        };
        all.enumerate().map(line).collect()
    }

    fn args(&self) -> [Vec<&'a Arg>; 2] {
        [&self.reads, &self.writes].map(|buffers| buffers.iter().map(|(_, arg)| *arg).collect())
    }
}

/// The function that looks at a mask, if there is one.
fn counts(mask: Option<&Arg>) -> String {
    let answer = if mask.is_some() { "mask[row] != 0u" } else { "true" };
    format!("fn counts(row: u32) -> bool {{ return {answer}; }}\n")
}

/// Four numbers of the dropout at `at`.
const FOUR: &str = "return vec4(dropout[at.x], dropout[at.y], dropout[at.z], dropout[at.w]);";

pub(super) fn walk(form: &Form, call: &mut GpuCall) -> Result<()> {
    let (inputs, cell) = (form.inputs(call.inputs), form.recurrence.cell);
    let Sizes { steps, samples, units } = sizes(inputs.projected.shape(), inputs.kernel.shape()[0]);
    let (states, gates) = call.outputs.split_at(cell.states());
    let size = samples * units;
    let start = compose("recurrent_start", include_str!("../../../shaders/copy_into.wgsl"), &[])?;
    for (state, out) in inputs.states.iter().zip(states) {
        call.dispatch(start.clone(), &[size, size, size, 0].map(Word::from), &[state], &[out], call.linear(size, GROUP));
    }
    let buffers = Buffers {
        reads: vec![("projected", inputs.projected), ("kernel", inputs.kernel)],
        writes: ["states", "cells"].into_iter().zip(states).chain([("gates", &gates[0])]).collect(),
    };
    let buffers = buffers.and("bias", inputs.bias).and("mask", inputs.mask).and("dropout", inputs.dropout);
    let bias = if form.biased { "bias[gate * args.units + unit]" } else { "0.0" };
    let keep = "fn keep(gate: u32, rows: vec4<u32>, k: u32) -> vec4<f32> {\n    \
                let at = (rows - args.step * args.samples + gate * args.samples) * args.units + k;\n    ";
    let mut options = counts(inputs.mask) + &format!("fn recurrent_bias(gate: u32, unit: u32) -> f32 {{ return {bias}; }}\n");
    if form.dropped {
        options += &format!("{keep}{FOUR}\n}}");
    }
    let (declared, activations) = (buffers.declare(), form.activations());
    let phase = |gates: Range<usize>, reset: bool, cell: Option<&str>| {
        let product = product(form, gates, reset);
        let blocks = [("buffers", &*declared), ("options", &options), ("activations", &activations), ("product", &product)];
        let blocks: Vec<(&str, &str)> = blocks.into_iter().chain(cell.map(|cell| ("cell", cell))).collect();
        compose("recurrent", FORWARD, &blocks)
    };
    let kernels = match cell {
        RecurrentCell::Simple => vec![phase(0..1, false, Some(SIMPLE))?],
        RecurrentCell::Lstm => vec![phase(0..4, false, None)?],
        RecurrentCell::Gru => vec![phase(0..3, false, Some(GRU))?],
        RecurrentCell::GruResetBefore => vec![phase(0..2, false, Some(RESET))?, phase(2..3, true, Some(CANDIDATE))?],
    };
    let [reads, writes] = buffers.args();
    let groups = call.linear(samples.div_ceil(SAMPLES) * units, GROUP);
    for step in 0..steps {
        for kernel in &kernels {
            call.dispatch(kernel.clone(), &[step, samples, units].map(Word::from), &reads, &writes, groups);
        }
    }
    Ok(())
}

/// The block `product`: the recurrent product for some gates.
fn product(form: &Form, gates: Range<usize>, reset: bool) -> String {
    let cell = form.recurrence.cell;
    let reset = if reset {
        "\n    let r = (rows * KEPT + 1u) * args.units + k;\n    \
         h *= vec4(gates[r.x], gates[r.y], gates[r.z], gates[r.w]);"
    } else {
        ""
    };
    let sum = |gate: usize| {
        let keep = if form.dropped { format!(" * keep({gate}u, rows, k)") } else { String::new() };
        format!("        sums[{gate}] += h{keep} * weight(k, {gate}u, unit);\n")
    };
    format!(
        "const GATES = {}u;\nconst KEPT = {}u;\nfn left(rows: vec4<u32>, k: u32) -> vec4<f32> {{\n    \
         let at = rows * args.units + k;\n    var h = vec4(states[at.x], states[at.y], states[at.z], states[at.w]);{reset}\n    \
         return h;\n}}\nfn product(rows: vec4<u32>, unit: u32) -> mat4x4<f32> {{\n    var sums = mat4x4<f32>();\n    \
         for (var k = 0u; k < args.units; k += 1u) {{\n        let h = left(rows, k);\n{}    }}\n    return sums;\n}}",
        cell.gates(),
        cell.kept(),
        gates.map(sum).collect::<String>()
    )
}

/// The shader's block `cell` where it is not that of an LSTM, forward.
const SIMPLE: &str = "fn advance(row: u32, unit: u32, product: vec4<f32>, old: u32, next: u32) {
    let y = activation(x(row, 0u, unit) + product.x);
    gates[kept(row, 0u, unit)] = y;
    states[next] = select(states[old], y, counts(row));
}";
const GRU: &str = "fn advance(row: u32, unit: u32, product: vec4<f32>, old: u32, next: u32) {
    let z = recurrent_activation(x(row, 0u, unit) + product.x + recurrent_bias(0u, unit));
    let r = recurrent_activation(x(row, 1u, unit) + product.y + recurrent_bias(1u, unit));
    let inner = product.z + recurrent_bias(2u, unit);
    let n = activation(x(row, 2u, unit) + r * inner);
    gates[kept(row, 0u, unit)] = z;
    gates[kept(row, 1u, unit)] = r;
    gates[kept(row, 2u, unit)] = inner;
    gates[kept(row, 3u, unit)] = n;
    states[next] = select(states[old], z * states[old] + (1.0 - z) * n, counts(row));
}";
const RESET: &str = "fn advance(row: u32, unit: u32, product: vec4<f32>, old: u32, next: u32) {
    gates[kept(row, 0u, unit)] = recurrent_activation(x(row, 0u, unit) + product.x);
    gates[kept(row, 1u, unit)] = recurrent_activation(x(row, 1u, unit) + product.y);
}";
const CANDIDATE: &str = "fn advance(row: u32, unit: u32, product: vec4<f32>, old: u32, next: u32) {
    let z = gates[kept(row, 0u, unit)];
    let n = activation(x(row, 2u, unit) + product.z);
    gates[kept(row, 2u, unit)] = n;
    states[next] = select(states[old], z * states[old] + (1.0 - z) * n, counts(row));
}";

pub(super) fn walk_back(op: &WalkBack, call: &mut GpuCall) -> Result<()> {
    let (form, inputs, cell) = (&op.form, op.inputs(call.inputs), op.form.recurrence.cell);
    let Sizes { steps, samples, units } = sizes(inputs.gates.shape(), inputs.kernel.shape()[1]);
    let buffers = Buffers {
        reads: vec![("kernel", inputs.kernel), ("gates", inputs.gates), ("upstream", inputs.upstream)],
        writes: ["inner", "carry", "projected"].into_iter().zip(call.outputs).collect(),
    };
    let lstm = cell == RecurrentCell::Lstm;
    let buffers = buffers.and("states", inputs.states.first().filter(|_| !lstm)).and("cells", inputs.states.get(1));
    let buffers = buffers.and("cells_upstream", inputs.cells_upstream).and("mask", inputs.mask).and("dropout", inputs.dropout);
    let cells = if op.cells_upstream { "cells_upstream[at]" } else { "0.0" };
    let keep = if form.dropped {
        format!("\n    let at = (samples + gate * args.samples) * args.units + unit;\n    {FOUR}\n")
    } else {
        " return vec4(1.0); ".into()
    };
    let options = counts(inputs.mask)
        + &format!("fn keep(gate: u32, samples: vec4<u32>, unit: u32) -> vec4<f32> {{{keep}}}\n")
        + &format!("fn more_cells(at: u32) -> f32 {{ return {cells}; }}");
    let (declared, activations) = (buffers.declare(), form.activations());
    let phase = |gates: Range<usize>, extra: &[(&str, &str)]| {
        let (Range { start, end }, kept, states) = (gates, cell.kept(), cell.states());
        let sizes = format!(
            "const GATES = {}u;\nconst KEPT = {kept}u;\nconst STATES = {states}u;\nconst FIRST = {start}u;\nconst END = {end}u;",
            cell.gates()
        );
        let blocks = [("buffers", &*declared), ("options", &options), ("activations", &activations), ("sizes", &sizes)];
        compose("recurrent_gradient", BACKWARD, &[&blocks, extra].concat())
    };
    let first = match cell {
        RecurrentCell::Simple => phase(0..1, &[("cell", SIMPLE_BACK)])?,
        RecurrentCell::Lstm => phase(0..4, &[])?,
        RecurrentCell::Gru => phase(0..3, &[("cell", GRU_BACK)])?,
        RecurrentCell::GruResetBefore => phase(0..2, &[("cell", CANDIDATE_BACK)])?,
    };
    let second = match cell {
        RecurrentCell::GruResetBefore => Some(phase(2..3, &[("cell", ""), ("arrive", RESET_BACK)])?),
        _ => None,
    };
    let [reads, writes] = buffers.args();
    let groups = call.linear(samples.div_ceil(SAMPLES) * units, GROUP);
    for state in (0..=steps).rev() {
        let args = [state, state, usize::from(state < steps), samples, units].map(Word::from);
        call.dispatch(first.clone(), &args, &reads, &writes, groups);
        if let (Some(second), Some(step)) = (&second, state.checked_sub(1)) {
            call.dispatch(second.clone(), &[state, step, 1, samples, units].map(Word::from), &reads, &writes, groups);
        }
    }
    Ok(())
}

/// The shader's blocks `cell` where it is not that of an LSTM, backward.
const SIMPLE_BACK: &str = "fn retreat(row: u32, unit: u32, after: u32, dh: f32, dc: f32) -> vec2<f32> {
    inner[gate_at(row, 0u, unit)] = dh * slope(kept(row, 0u, unit));
    return vec2(0.0);
}
fn skip(row: u32, unit: u32) {
    inner[gate_at(row, 0u, unit)] = 0.0;
}";
const GRU_BACK: &str = "fn retreat(row: u32, unit: u32, after: u32, dh: f32, dc: f32) -> vec2<f32> {
    let z = kept(row, 0u, unit);
    let r = kept(row, 1u, unit);
    let n = kept(row, 3u, unit);
    let dz = dh * (states[row * args.units + unit] - n) * recurrent_slope(z);
    let dn = dh * (1.0 - z) * slope(n);
    let dr = dn * kept(row, 2u, unit) * recurrent_slope(r);
    give(row, 0u, unit, dz, dz);
    give(row, 1u, unit, dr, dr);
    give(row, 2u, unit, dn * r, dn);
    return vec2(dh * z, 0.0);
}
fn give(row: u32, gate: u32, unit: u32, within: f32, outside: f32) {
    inner[gate_at(row, gate, unit)] = within;
    projected[gate_at(row, gate, unit)] = outside;
}
fn skip(row: u32, unit: u32) {
    for (var gate = 0u; gate < GATES; gate += 1u) {
        give(row, gate, unit, 0.0, 0.0);
    }
}";
const CANDIDATE_BACK: &str = "fn retreat(row: u32, unit: u32, after: u32, dh: f32, dc: f32) -> vec2<f32> {
    let z = kept(row, 0u, unit);
    let n = kept(row, 2u, unit);
    inner[gate_at(row, 0u, unit)] = dh * (states[row * args.units + unit] - n) * recurrent_slope(z);
    inner[gate_at(row, 2u, unit)] = dh * (1.0 - z) * slope(n);
    return vec2(dh * z, 0.0);
}
fn skip(row: u32, unit: u32) {
    for (var gate = 0u; gate < GATES; gate += 1u) {
        inner[gate_at(row, gate, unit)] = 0.0;
    }
}";

/// The block `arrive` of the second dispatch of a step: what the candidates give the reset gates.
const RESET_BACK: &str = "fn arrive(sample: u32, unit: u32, sum: f32) {
    let row = (args.state - 1u) * args.samples + sample;
    if counts(row) {
        let r = kept(row, 1u, unit);
        inner[gate_at(row, 1u, unit)] = sum * states[row * args.units + unit] * recurrent_slope(r);
        carry[sample * args.units + unit] += sum * r;
    }
}";
