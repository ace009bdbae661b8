// Images (N, H, W, C) through projections: each element of the result lies somewhere between pixels; one invocation an element.

// <begin use math>
fn limit(x: f32, low: f32, high: f32) -> f32 { return clamp(x, low, high); }
// <end use math>

struct Args {
    total: u32, high: u32, wide: u32, channels: u32, stride: u32, fill: u32, nearest: u32, value: f32,
}
@group(0) @binding(0) var<uniform> args: Args;
@group(0) @binding(1) var<storage, read> images: array<f32>;
@group(0) @binding(2) var<storage, read> transforms: array<f32>;
@group(0) @binding(3) var<storage, read_write> output: array<f32>;

const CONSTANT = 0u;
const NEAREST = 1u;
const WRAP = 2u;

// The place in an axis of `length` for one that may lie outside.
fn fold(place: f32, length: f32) -> f32 {
    let last = length - 1.0;
    let period = 2.0 * length;
    if args.fill == CONSTANT {
        return limit(place, -2.0, length + 1.0);
    }
    if args.fill == NEAREST {
        return limit(place, 0.0, last);
    }
    if last < 1.0 {
        return 0.0;
    }
    var at = place;
    if args.fill == WRAP {
        if place < 0.0 {
            at = place + length * (trunc(-place / last) + 1.0);
        } else if place > last {
            at = place - length * trunc(place / last);
        }
    } else if place < 0.0 {
        at = place + period * trunc(-place / period);
        at = select(-at - 1.0, at + period, at < -length);
    } else if place > last {
        at = place - period * trunc(place / period);
        at = select(at, period - at - 1.0, at >= length);
    }
    return limit(at, 0.0, last);
}

fn pixel(first: u32, x: i32, y: i32) -> f32 {
    if u32(x) >= args.wide || u32(y) >= args.high {
        return args.value;
    }
    return images[first + (u32(y) * args.wide + u32(x)) * args.channels];
}

fn round_away(x: f32) -> i32 {
    return i32(sign(x) * floor(abs(x) + 0.5));
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.x + id.y * groups.x * 64u;
    if i >= args.total {
        return;
    }
    let channel = i % args.channels;
    let column = f32(i / args.channels % args.wide);
    let row = f32(i / (args.channels * args.wide) % args.high);
    let sample = i / (args.channels * args.wide * args.high);
    let t = sample * args.stride;
    let k = transforms[t + 6u] * column + transforms[t + 7u] * row + 1.0;
    if k == 0.0 {
        output[i] = args.value;
        return;
    }
    let x = fold((transforms[t] * column + transforms[t + 1u] * row + transforms[t + 2u]) / k, f32(args.wide));
    let y = fold((transforms[t + 3u] * column + transforms[t + 4u] * row + transforms[t + 5u]) / k, f32(args.high));
    let first = sample * args.high * args.wide * args.channels + channel;
    if args.nearest != 0u {
        output[i] = pixel(first, round_away(x), round_away(y));
        return;
    }
    let left = floor(x);
    let top = floor(y);
    let at = vec2(i32(left), i32(top));
    let above = (left + 1.0 - x) * pixel(first, at.x, at.y) + (x - left) * pixel(first, at.x + 1, at.y);
    let below = (left + 1.0 - x) * pixel(first, at.x, at.y + 1) + (x - left) * pixel(first, at.x + 1, at.y + 1);
    output[i] = (top + 1.0 - y) * above + (y - top) * below;
}
