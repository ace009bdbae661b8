// One step back through a recurrent cell: an invocation adds up the gradient of one unit of four samples, and passes it to the gates.

// <begin use math>
fn sigmoid(x: f32) -> f32 { return x; }
fn tanh_safe(x: f32) -> f32 { return x; }
// <end use math>

// The state that is looked at; the step of `inner` that reaches it through the recurrent product, if `summed` is not 0.
struct Args { state: u32, sum_step: u32, summed: u32, samples: u32, units: u32 }
@group(0) @binding(0) var<uniform> args: Args;

// <begin buffers>
@group(0) @binding(1) var<storage, read> kernel: array<f32>;
@group(0) @binding(2) var<storage, read> gates: array<f32>;
@group(0) @binding(3) var<storage, read> upstream: array<f32>;
@group(0) @binding(4) var<storage, read> states: array<f32>;
@group(0) @binding(5) var<storage, read> cells: array<f32>;
@group(0) @binding(6) var<storage, read_write> inner: array<f32>;
@group(0) @binding(7) var<storage, read_write> carry: array<f32>;
// <end buffers>

// <begin options>
fn counts(row: u32) -> bool { return true; }
fn keep(gate: u32, samples: vec4<u32>, unit: u32) -> vec4<f32> { return vec4(1.0); }
fn more_cells(at: u32) -> f32 { return 0.0; }
// <end options>

// <begin activations>
fn activation(x: f32) -> f32 { return tanh_safe(x); }
fn slope(y: f32) -> f32 { return 1.0 - y * y; }
fn recurrent_slope(y: f32) -> f32 { return y * (1.0 - y); }
// <end activations>

// The gates of the cell, how many numbers it keeps, its states, and the gates that the product sums over.
// <begin sizes>
const GATES = 4u;
const KEPT = 4u;
const STATES = 2u;
const FIRST = 0u;
const END = 4u;
// <end sizes>

// Result `gate` of a step that was kept.
fn kept(row: u32, gate: u32, unit: u32) -> f32 {
    return gates[(row * KEPT + gate) * args.units + unit];
}

// Where the gradient of a gate belongs.
fn gate_at(row: u32, gate: u32, unit: u32) -> u32 {
    return (row * GATES + gate) * args.units + unit;
}

fn product(samples: vec4<u32>, unit: u32) -> vec4<f32> {
    var sum = vec4(0.0);
    if args.summed == 0u {
        return sum;
    }
    let rows = (samples + args.sum_step * args.samples) * (GATES * args.units);
    for (var gate = FIRST; gate < END; gate += 1u) {
        var part = vec4(0.0);
        for (var k = gate * args.units; k < (gate + 1u) * args.units; k += 1u) {
            let at = rows + k;
            part += vec4(inner[at.x], inner[at.y], inner[at.z], inner[at.w]) * kernel[k * args.units + unit];
        }
        sum += part * keep(gate, samples, unit);
    }
    return sum;
}

// From the gradients of the states behind a step to those of its gates and to what else flows to the states before it.
// <begin cell>
fn retreat(row: u32, unit: u32, after: u32, dh: f32, dc: f32) -> vec2<f32> {
    let o = kept(row, 3u, unit);
    let squashed = activation(cells[after]);
    let dcell = dc + dh * o * slope(squashed);
    let i = kept(row, 0u, unit);
    let f = kept(row, 1u, unit);
    let g = kept(row, 2u, unit);
    inner[gate_at(row, 0u, unit)] = dcell * g * recurrent_slope(i);
    inner[gate_at(row, 1u, unit)] = dcell * cells[row * args.units + unit] * recurrent_slope(f);
    inner[gate_at(row, 2u, unit)] = dcell * i * slope(g);
    inner[gate_at(row, 3u, unit)] = dh * squashed * recurrent_slope(o);
    return vec2(0.0, dcell * f);
}
fn skip(row: u32, unit: u32) {
    for (var gate = 0u; gate < GATES; gate += 1u) {
        inner[gate_at(row, gate, unit)] = 0.0;
    }
}
// <end cell>

// What is done with the sum that reaches a unit of a sample.
// <begin arrive>
fn arrive(sample: u32, unit: u32, sum: f32) {
    let at = (args.state * args.samples + sample) * args.units + unit;
    let place = sample * args.units + unit;
    let size = args.samples * args.units;
    var dh = sum + upstream[at];
    var dc = 0.0;
    if args.summed != 0u {
        dh += carry[place];
    }
    if STATES == 2u {
        dc = more_cells(at);
        if args.summed != 0u {
            dc += carry[size + place];
        }
    }
    var flow = vec2(dh, dc);
    if args.state > 0u {
        let row = (args.state - 1u) * args.samples + sample;
        if counts(row) {
            flow = retreat(row, unit, at, dh, dc);
        } else {
            skip(row, unit);
        }
    }
    carry[place] = flow.x;
    if STATES == 2u {
        carry[size + place] = flow.y;
    }
}
// <end arrive>

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
    let sums = product(samples, unit);
    for (var i = 0u; i < min(4u, args.samples - first); i += 1u) {
        arrive(samples[i], unit, sums[i]);
    }
}
