// Colours of three channels to hue, saturation and value, or back: one invocation a pixel.

// <begin use math>
fn limit(x: f32, low: f32, high: f32) -> f32 { return clamp(x, low, high); }
fn nan_max(a: f32, b: f32) -> f32 { return max(a, b); }
fn nan_min(a: f32, b: f32) -> f32 { return min(a, b); }
// <end use math>

struct Args { pixels: u32 }
@group(0) @binding(0) var<uniform> args: Args;
@group(0) @binding(1) var<storage, read> input: array<f32>;
@group(0) @binding(2) var<storage, read_write> output: array<f32>;

fn to_hsv(x: vec3<f32>) -> vec3<f32> {
    let value = nan_max(nan_max(x.x, x.y), x.z);
    let range = value - nan_min(nan_min(x.x, x.y), x.z);
    let saturation = select(0.0, range / value, value > 0.0);
    let norm = 1.0 / (6.0 * range);
    var hue = select(norm * (x.x - x.y) + 4.0 / 6.0, norm * (x.z - x.x) + 2.0 / 6.0, x.y == value);
    hue = select(hue, norm * (x.y - x.z), x.x == value);
    hue = select(0.0, hue, range > 0.0);
    return vec3(select(hue, hue + 1.0, hue < 0.0), saturation, value);
}

fn to_rgb(x: vec3<f32>) -> vec3<f32> {
    let h = 6.0 * x.x;
    let wheel = vec3(limit(abs(h - 3.0) - 1.0, 0.0, 1.0), limit(2.0 - abs(h - 2.0), 0.0, 1.0), limit(2.0 - abs(h - 4.0), 0.0, 1.0));
    return (wheel * x.y + (1.0 - x.y)) * x.z;
}

// <begin direction>
fn converted(x: vec3<f32>) -> vec3<f32> { return to_hsv(x); }
// <end direction>

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let pixel = id.x + id.y * groups.x * 64u;
    if pixel >= args.pixels {
        return;
    }
    let i = 3u * pixel;
    let result = converted(vec3(input[i], input[i + 1u], input[i + 2u]));
    output[i] = result.x;
    output[i + 1u] = result.y;
    output[i + 2u] = result.z;
}
