// One pass over gradients before an optimizer's update: one workgroup folds one chunk of one variable.

struct Args { unscale: f32, losses: u32 }
struct Control { skipped: f32, iterations: u32, scale: f32, good: u32 }
struct Chunk { start: u32, length: u32, first: u32, last: u32, flags: u32 }
struct Found { exponent: u32, squares: f32 }
struct Report { control: Control, found: array<Found> }

@group(0) @binding(0) var<uniform> args: Args;
@group(0) @binding(1) var<storage, read> gradient: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read> control: Control;
@group(0) @binding(3) var<storage, read> chunks: array<Chunk>;
@group(0) @binding(4) var<storage, read> loss: array<u32>;
// <begin accumulator>
// <end accumulator>
// <begin report>
@group(0) @binding(5) var<storage, read_write> report: Report;
// <end report>

const EXPONENT: u32 = 0x7f800000u;
const IDLE: u32 = 2u;

var<workgroup> lanes: array<Found, 256>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let chunk = chunks[group.x];
    let unscale = args.unscale / control.scale;
    var exponents = vec4<u32>();
    var squares = vec4<f32>();
    if (chunk.flags & IDLE) == 0u {
        for (var at = chunk.start / 4u + lane; at < (chunk.start + chunk.length + 3u) / 4u; at += 256u) {
            exponents = max(exponents, gradient[at] & vec4(EXPONENT));
            var x = bitcast<vec4<f32>>(gradient[at]) * unscale;
            // <begin accumulate>
            // <end accumulate>
            squares += x * x;
        }
    }
    let pairs = max(exponents.xy, exponents.zw);
    var mine = Found(max(pairs.x, pairs.y), (squares.x + squares.z) + (squares.y + squares.w));
    if group.x == 0u {
        for (var at = lane; at < args.losses; at += 256u) {
            if (loss[at] & EXPONENT) == EXPONENT { mine.exponent = EXPONENT; }
        }
    }
    lanes[lane] = mine;
    workgroupBarrier();
    // Sixteen lanes fold sixteen each, then one folds those: two barriers, and every addition has its place.
    if lane < 16u {
        for (var other = lane + 16u; other < 256u; other += 16u) {
            mine.exponent = max(mine.exponent, lanes[other].exponent);
            mine.squares += lanes[other].squares;
        }
        lanes[lane] = mine;
    }
    workgroupBarrier();
    if lane == 0u {
        for (var other = 1u; other < 16u; other++) {
            mine.exponent = max(mine.exponent, lanes[other].exponent);
            mine.squares += lanes[other].squares;
        }
        report.found[group.x] = mine;
        if group.x == 0u {
            report.control = control;
        }
    }
}
