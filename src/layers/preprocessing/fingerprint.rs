//! Hashes of text that TensorFlow's layers take: FarmHash's `Fingerprint64`, and SipHash where there is a salt.

use crate::config::{Json, Reader, Value};

/// A key of SipHash: two integers, or one that stands for both.
///
/// ```
/// use wgrad::prelude::*;
/// let layer = Hashing::new(3).salt([133, 137]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Salt([i64; 2]);

impl From<i64> for Salt {
    fn from(salt: i64) -> Self {
        Self([salt; 2])
    }
}

impl From<[i64; 2]> for Salt {
    fn from(salt: [i64; 2]) -> Self {
        Self(salt)
    }
}

impl Value for Salt {
    fn to_json(&self) -> Json {
        self.0.to_json()
    }

    fn from_json(json: &Json, reader: &mut Reader) -> Option<Self> {
        if json.is_array() { Value::from_json(json, reader).map(Self) } else { i64::from_json(json, reader).map(Self::from) }
    }
}

/// In which of `bins` a text falls.
pub(super) fn bin(text: &[u8], bins: usize, salt: Option<Salt>) -> i64 {
    let hash = salt.map_or_else(|| fingerprint(text), |Salt(key)| sip_hash(key.map(|word| word as u64), text));
    (hash % bins as u64) as i64
}

/// One fingerprint made of two.
pub(super) fn crossed(one: u64, other: u64) -> u64 {
    const MUL: u64 = 0xc6a4_a793_5bd1_e995;
    let mut out = one ^ MUL;
    out ^= shift_mix(other.wrapping_mul(MUL)).wrapping_mul(MUL);
    shift_mix(shift_mix(out.wrapping_mul(MUL)).wrapping_mul(MUL))
}

const K0: u64 = 0xc3a5_c85c_97cb_3127;
const K1: u64 = 0xb492_b66f_be98_f273;
const K2: u64 = 0x9ae1_6a3b_2f90_404f;

fn shift_mix(x: u64) -> u64 {
    x ^ (x >> 47)
}

/// Eight bytes from `at` on.
fn word(text: &[u8], at: usize) -> u64 {
    text[at..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

fn half_word(text: &[u8], at: usize) -> u64 {
    text[at..].first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes).into())
}

/// FarmHash's `HashLen16`.
fn mixed(u: u64, v: u64, mul: u64) -> u64 {
    let a = shift_mix((u ^ v).wrapping_mul(mul));
    shift_mix((v ^ a).wrapping_mul(mul)).wrapping_mul(mul)
}

/// FarmHash's `WeakHashLen32WithSeeds`.
fn weak(text: &[u8], at: usize, a: u64, b: u64) -> (u64, u64) {
    let [w, x, y, z] = [0, 8, 16, 24].map(|offset| word(text, at + offset));
    let a = a.wrapping_add(w);
    let b = b.wrapping_add(a).wrapping_add(z).rotate_right(21);
    let c = a.wrapping_add(x).wrapping_add(y);
    (c.wrapping_add(z), b.wrapping_add(c.rotate_right(44)).wrapping_add(a))
}

/// FarmHash's `Fingerprint64`, by Geoff Pike (farmhashna).
pub(super) fn fingerprint(text: &[u8]) -> u64 {
    let length = text.len();
    let mul = K2.wrapping_add(length as u64 * 2);
    match length {
        0 => K2,
        1..=3 => {
            let [a, b, c] = [0, length / 2, length - 1].map(|at| u64::from(text[at]));
            let (y, z) = (a + (b << 8), length as u64 + (c << 2));
            shift_mix(y.wrapping_mul(K2) ^ z.wrapping_mul(K0)).wrapping_mul(K2)
        }
        4..=7 => mixed(length as u64 + (half_word(text, 0) << 3), half_word(text, length - 4), mul),
        8..=16 => {
            let (a, b) = (word(text, 0).wrapping_add(K2), word(text, length - 8));
            let c = b.rotate_right(37).wrapping_mul(mul).wrapping_add(a);
            mixed(c, a.rotate_right(25).wrapping_add(b).wrapping_mul(mul), mul)
        }
        17..=32 => {
            let (a, b) = (word(text, 0).wrapping_mul(K1), word(text, 8));
            let (c, d) = (word(text, length - 8).wrapping_mul(mul), word(text, length - 16).wrapping_mul(K2));
            folded(a, b, c, d, K2, mul).1
        }
        33..=64 => {
            let (a, b) = (word(text, 0).wrapping_mul(K2), word(text, 8));
            let (c, d) = (word(text, length - 8).wrapping_mul(mul), word(text, length - 16).wrapping_mul(K2));
            let (y, z) = folded(a, b, c, d, K2, mul);
            let (e, f) = (word(text, 16).wrapping_mul(mul), word(text, 24));
            let g = y.wrapping_add(word(text, length - 32)).wrapping_mul(mul);
            let h = z.wrapping_add(word(text, length - 24)).wrapping_mul(mul);
            folded(e, f, g, h, a, mul).1
        }
        _ => of_long(text),
    }
}

/// What texts of 17 to 64 bytes share: the first half of the mix, and the mix.
fn folded(a: u64, b: u64, c: u64, d: u64, seed: u64, mul: u64) -> (u64, u64) {
    let y = a.wrapping_add(b).rotate_right(43).wrapping_add(c.rotate_right(30)).wrapping_add(d);
    (y, mixed(y, a.wrapping_add(b.wrapping_add(seed).rotate_right(18)).wrapping_add(c), mul))
}

fn of_long(text: &[u8]) -> u64 {
    const SEED: u64 = 81;
    let rest = (text.len() - 1) & 63;
    let end = (text.len() - 1) / 64 * 64;
    let mut x = SEED.wrapping_mul(K2).wrapping_add(word(text, 0));
    let mut y = SEED.wrapping_mul(K1).wrapping_add(113);
    let mut z = shift_mix(y.wrapping_mul(K2).wrapping_add(113)).wrapping_mul(K2);
    let (mut v, mut w) = ((0, 0), (0, 0));
    let mut round = |at: usize, mul: u64, nine: u64, v: &mut (u64, u64), w: &mut (u64, u64)| {
        x = x.wrapping_add(y).wrapping_add(v.0).wrapping_add(word(text, at + 8)).rotate_right(37).wrapping_mul(mul);
        y = y.wrapping_add(v.1).wrapping_add(word(text, at + 48)).rotate_right(42).wrapping_mul(mul);
        x ^= w.1.wrapping_mul(nine);
        y = y.wrapping_add(v.0.wrapping_mul(nine)).wrapping_add(word(text, at + 40));
        z = z.wrapping_add(w.0).rotate_right(33).wrapping_mul(mul);
        *v = weak(text, at, v.1.wrapping_mul(mul), x.wrapping_add(w.0));
        *w = weak(text, at + 32, z.wrapping_add(w.1), y.wrapping_add(word(text, at + 16)));
        std::mem::swap(&mut z, &mut x);
        (x, y, z)
    };
    let mut state = (0, 0, 0);
    for at in (0..end).step_by(64) {
        state = round(at, K1, 1, &mut v, &mut w);
    }
    let mul = K1.wrapping_add((state.2 & 0xff) << 1);
    w.0 = w.0.wrapping_add(rest as u64);
    v.0 = v.0.wrapping_add(w.0);
    w.0 = w.0.wrapping_add(v.0);
    let (x, y, z) = round(end + rest - 63, mul, 9, &mut v, &mut w);
    let first = mixed(v.0, w.0, mul).wrapping_add(shift_mix(y).wrapping_mul(K0)).wrapping_add(z);
    mixed(first, mixed(v.1, w.1, mul).wrapping_add(x), mul)
}

/// SipHash-2-4 by Aumasson and Bernstein.
fn sip_hash(key: [u64; 2], text: &[u8]) -> u64 {
    let [k0, k1] = key;
    let mut v = [k0 ^ 0x736f_6d65_7073_6575, k1 ^ 0x646f_7261_6e64_6f6d, k0 ^ 0x6c79_6765_6e65_7261, k1 ^ 0x7465_6462_7974_6573];
    let round = |v: &mut [u64; 4]| {
        let [mut a, mut b, mut c, mut d] = *v;
        (a, c) = (a.wrapping_add(b), c.wrapping_add(d));
        (b, d) = (b.rotate_left(13) ^ a, d.rotate_left(16) ^ c);
        (a, c) = (a.rotate_left(32).wrapping_add(d), c.wrapping_add(b));
        (b, d) = (b.rotate_left(17) ^ c, d.rotate_left(21) ^ a);
        *v = [a, b, c.rotate_left(32), d];
    };
    let mut take = |word: u64| {
        v[3] ^= word;
        round(&mut v);
        round(&mut v);
        v[0] ^= word;
    };
    let (words, rest) = text.as_chunks::<8>();
    words.iter().for_each(|bytes| take(u64::from_le_bytes(*bytes)));
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    last[7] = text.len() as u8;
    take(u64::from_le_bytes(last));
    v[2] ^= 0xff;
    (0..4).for_each(|_| round(&mut v));
    v[0] ^ v[1] ^ v[2] ^ v[3]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What TensorFlow 2.21's `to_hash_bucket_fast` and `to_hash_bucket_strong` with key [133, 137] give for 2^50 bins.
    #[test]
    fn bins_are_tensorflow_s() {
        let known: [(usize, i64, i64); 6] = [
            (3, 567871538541148, 495303040121076),
            (7, 109237440565807, 695288748693445),
            (16, 616765842749468, 152507716494371),
            (31, 785280940162591, 34251070790653),
            (63, 1083630394937245, 392207103973001),
            (200, 347419260265407, 874468141595038),
        ];
        for (length, fast, strong) in known {
            let text = "x".repeat(length);
            assert_eq!(bin(text.as_bytes(), 1 << 50, None), fast, "{length}");
            assert_eq!(bin(text.as_bytes(), 1 << 50, Some([133, 137].into())), strong, "{length}");
        }
    }
}
