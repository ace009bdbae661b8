// An optimizer's step: one workgroup for one chunk of one variable; nothing changes where a gradient was not finite.

struct Args {
    // What follows from the number of steps, for each number of calls that there can have been: `calls` in the first row, then less.
    numbers: array<vec4<f32>, 4>,
    rates: vec4<f32>,
    calls: u32,
    chunks: u32,
    unscale: f32,
    decay: f32,
    clip_norm: f32,
    clip_each: u32,
    clip_value: f32,
    ema_momentum: f32,
    ema_every: u32,
    accumulate: u32,
    growth: u32,
    // <begin scalars>
    // <end scalars>
}
struct Control { skipped: f32, iterations: u32, scale: f32, good: u32 }
struct Chunk { start: u32, length: u32, first: u32, last: u32, flags: u32 }
struct Found { exponent: u32, squares: f32 }
struct Report { control: Control, found: array<Found> }
// Arenas are read and written four numbers at a time; behind a variable's end there is room for them.
alias Floats = vec4<f32>;

@group(0) @binding(0) var<uniform> args: Args;
@group(0) @binding(1) var<storage, read> gradient: array<Floats>;
@group(0) @binding(2) var<storage, read> report: Report;
@group(0) @binding(3) var<storage, read> chunks: array<Chunk>;
@group(0) @binding(4) var<storage, read_write> parameter: array<Floats>;
// <begin control>
@group(0) @binding(5) var<storage, read_write> control: Control;
// <end control>
// <begin slots>
// <end slots>

const EXPONENT: u32 = 0x7f800000u;
const DECAYS: u32 = 1u;
const IDLE: u32 = 2u;

var<workgroup> lanes: array<Found, 256>;

// <begin update>
fn update(i: u32, p: Floats, g: Floats, now: vec4<f32>) -> Floats {
    return p - now.x * g;
}
// <end update>

// What all chunks found, and the squares of those chunks that are clipped together with this one.
fn gather(lane: u32, chunk: Chunk) -> Found {
    var mine = Found(0u, 0.0);
    for (var at = lane; at < args.chunks; at += 256u) {
        mine.exponent = max(mine.exponent, report.found[at].exponent);
        let together = args.clip_each == 0u || (at >= chunk.first && at < chunk.last);
        mine.squares += select(0.0, report.found[at].squares, together);
    }
    lanes[lane] = mine;
    workgroupBarrier();
    if lane < 16u {
        for (var other = lane + 16u; other < 256u; other += 16u) {
            mine.exponent = max(mine.exponent, lanes[other].exponent);
            mine.squares += lanes[other].squares;
        }
        lanes[lane] = mine;
    }
    workgroupBarrier();
    var all = lanes[0];
    for (var other = 1u; other < 16u; other++) {
        all.exponent = max(all.exponent, lanes[other].exponent);
        all.squares += lanes[other].squares;
    }
    return all;
}

// What is kept after a step.
fn next(kept: Control, bad: bool) -> Control {
    let dynamic = args.growth > 0u;
    if bad {
        return Control(1.0, kept.iterations, select(kept.scale, 0.5 * kept.scale, dynamic), 0u);
    }
    let grown = dynamic && kept.good + 1u == args.growth;
    let scale = select(kept.scale, 2.0 * kept.scale, grown);
    return Control(0.0, kept.iterations + 1u, scale, select(kept.good + 1u, 0u, grown || !dynamic));
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let chunk = chunks[group.x];
    let all = gather(lane, chunk);
    let kept = report.control;
    let bad = all.exponent == EXPONENT || (args.growth == 0u && kept.skipped != 0.0);
    // Steps done, as Keras counts them, and whether this call makes one.
    let steps = kept.iterations / args.accumulate;
    let due = (kept.iterations + 1u) % args.accumulate == 0u;
    let row = min(args.calls - kept.iterations, 3u);
    let now = args.numbers[row];
    let rate = args.rates[row];
    if group.x == 0u && lane == 0u {
        // <begin next>
        control = next(kept, bad);
        // <end next>
    }
    if bad {
        return;
    }
    let norm = sqrt(all.squares) / f32(args.accumulate);
    let clip = select(1.0, args.clip_norm / max(norm, args.clip_norm), args.clip_norm > 0.0);
    var unscale = args.unscale / kept.scale;
    var factor = clip / f32(args.accumulate);
    // <begin raw>
    // <end raw>
    let decay = select(0.0, args.decay, (chunk.flags & DECAYS) != 0u);
    let ema_momentum = select(0.0, args.ema_momentum, steps != 0u);
    let overwrite = args.ema_every > 0u && (steps + 1u) % max(args.ema_every, 1u) == 0u;
    let limit = Floats(args.clip_value);
    for (var at = chunk.start / 4u + lane; at < (chunk.start + chunk.length + 3u) / 4u; at += 256u) {
        var p = parameter[at];
        if (chunk.flags & IDLE) == 0u {
            var g = gradient[at] * unscale;
            // <begin accumulate>
            // <end accumulate>
            if due {
                g = clamp(g * factor, -limit, limit);
                p = update(at, p - p * decay * rate, g, now);
            }
        }
        // <begin average>
        // <end average>
        parameter[at] = p;
    }
}
