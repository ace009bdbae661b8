// One step of a recurrent cell: an invocation calculates the gates of one unit of four samples, and its new states.

// <begin use math>
fn sigmoid(x: f32) -> f32 { return x; }
fn tanh_safe(x: f32) -> f32 { return x; }
// <end use math>

struct Args { step: u32, samples: u32, units: u32 }
@group(0) @binding(0) var<uniform> args: Args;

// <begin buffers>
@group(0) @binding(1) var<storage, read> projected: array<f32>;
@group(0) @binding(2) var<storage, read> kernel: array<f32>;
@group(0) @binding(3) var<storage, read_write> states: array<f32>;
@group(0) @binding(4) var<storage, read_write> cells: array<f32>;
@group(0) @binding(5) var<storage, read_write> gates: array<f32>;
// <end buffers>

// <begin options>
fn counts(row: u32) -> bool { return true; }
// <end options>

// <begin activations>
fn activation(x: f32) -> f32 { return tanh_safe(x); }
fn recurrent_activation(x: f32) -> f32 { return sigmoid(x); }
// <end activations>

// The left operand of the recurrent product at steps of it: one number for each of four samples.
// <begin product>
const GATES = 4u;
const KEPT = 4u;
fn left(rows: vec4<u32>, k: u32) -> vec4<f32> {
    let at = rows * args.units + k;
    return vec4(states[at.x], states[at.y], states[at.z], states[at.w]);
}
fn product(rows: vec4<u32>, unit: u32) -> mat4x4<f32> {
    var sums = mat4x4<f32>();
    for (var k = 0u; k < args.units; k += 1u) {
        let h = left(rows, k);
        sums[0] += h * weight(k, 0u, unit);
        sums[1] += h * weight(k, 1u, unit);
        sums[2] += h * weight(k, 2u, unit);
        sums[3] += h * weight(k, 3u, unit);
    }
    return sums;
}
// <end product>

fn weight(k: u32, gate: u32, unit: u32) -> f32 {
    return kernel[(k * GATES + gate) * args.units + unit];
}

// What a step adds to the recurrent product of a gate.
fn x(row: u32, gate: u32, unit: u32) -> f32 {
    return projected[(row * GATES + gate) * args.units + unit];
}

// Where the result of a gate is kept.
fn kept(row: u32, gate: u32, unit: u32) -> u32 {
    return (row * KEPT + gate) * args.units + unit;
}

// From the recurrent product of each gate to what is kept and to the new states.
// <begin cell>
fn advance(row: u32, unit: u32, product: vec4<f32>, old: u32, next: u32) {
    let i = recurrent_activation(x(row, 0u, unit) + product.x);
    let f = recurrent_activation(x(row, 1u, unit) + product.y);
    let g = activation(x(row, 2u, unit) + product.z);
    let o = recurrent_activation(x(row, 3u, unit) + product.w);
    gates[kept(row, 0u, unit)] = i;
    gates[kept(row, 1u, unit)] = f;
    gates[kept(row, 2u, unit)] = g;
    gates[kept(row, 3u, unit)] = o;
    let c = f * cells[old] + i * g;
    cells[next] = select(cells[old], c, counts(row));
    states[next] = select(states[old], o * activation(c), counts(row));
}
// <end cell>

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let invocation = id.x + id.y * groups.x * 64u;
    let unit = invocation % args.units;
    let first = invocation / args.units * 4u;
    if first >= args.samples {
        return;
    }
    // Samples beyond the last one repeat it.
    let samples = min(vec4(first) + vec4(0u, 1u, 2u, 3u), vec4(args.samples - 1u));
    let rows = samples + args.step * args.samples;
    var sums = transpose(product(rows, unit));
    for (var i = 0u; i < min(4u, args.samples - first); i += 1u) {
        let old = rows[i] * args.units + unit;
        advance(rows[i], unit, sums[i], old, old + args.samples * args.units);
    }
}
