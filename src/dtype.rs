//! Element types: what a tensor can hold, on a device or only on the host.

use crate::{Error, Result};
use half::{bf16, f16};
use std::{borrow::Cow, fmt};

/// The type of a tensor's elements.
///
/// Device dtypes take one 32-bit word an element on every device, halves one for two elements: they save memory, while
/// kernels calculate in float32. The host-only ones exist at the border: labels and files arrive in them and are range-checked
/// on their way to a device.
///
/// ```
/// use wgrad::DType;
/// assert_eq!(DType::F32.name(), "float32");
/// assert!(!DType::I64.on_device());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum DType {
    /// 32-bit float, the default.
    F32,
    /// 16-bit float with 11 bits of precision, up to 65504.
    F16,
    /// 16-bit float with the range of float32 and 8 bits of precision.
    BF16,
    /// 32-bit signed integer.
    I32,
    /// 32-bit unsigned integer.
    U32,
    /// Byte, for images; cast it before calculating.
    U8,
    /// True or false, the result of comparisons.
    Bool,
    /// 64-bit signed integer, host only.
    I64,
    /// 64-bit float, host only.
    F64,
    /// UTF-8 text, host only.
    Str,
}

impl DType {
    /// All of them.
    pub const ALL: [DType; 10] =
        [DType::F32, DType::F16, DType::BF16, DType::I32, DType::U32, DType::U8, DType::Bool, DType::I64, DType::F64, DType::Str];

    /// The name as NumPy and Keras write it.
    pub fn name(self) -> &'static str {
        match self {
            DType::F32 => "float32",
            DType::F16 => "float16",
            DType::BF16 => "bfloat16",
            DType::I32 => "int32",
            DType::U32 => "uint32",
            DType::U8 => "uint8",
            DType::Bool => "bool",
            DType::I64 => "int64",
            DType::F64 => "float64",
            DType::Str => "string",
        }
    }

    /// Whether a device can hold it.
    pub fn on_device(self) -> bool {
        !matches!(self, DType::I64 | DType::F64 | DType::Str)
    }

    /// The dtype in which a device holds elements of this one; text has none, and stays itself.
    pub(crate) fn of_device(self) -> DType {
        match self {
            DType::I64 => DType::I32,
            DType::F64 => DType::F32,
            dtype => dtype,
        }
    }

    /// Whether it is a float that devices hold.
    pub fn is_float(self) -> bool {
        self == DType::F32 || self.is_half()
    }

    /// Whether it is a float of 16 bits.
    pub fn is_half(self) -> bool {
        matches!(self, DType::F16 | DType::BF16)
    }

    /// How many elements lie in a word of device memory, the first one in the low bits.
    pub(crate) fn per_word(self) -> usize {
        if self.is_half() { 2 } else { 1 }
    }

    /// In what kernels hold it while they calculate.
    pub(crate) fn register(self) -> DType {
        if self.is_half() { DType::F32 } else { self }
    }

    /// The number nearest to `value` that this float dtype holds.
    pub(crate) fn round(self, value: f32) -> f32 {
        match self {
            DType::F16 => f16::from_f32(value).to_f32(),
            DType::BF16 => bf16::from_f32(value).to_f32(),
            _ => value,
        }
    }

    /// How WGSL calls it in a register.
    pub(crate) fn wgsl(self) -> &'static str {
        match self.register() {
            DType::F32 => "f32",
            DType::I32 => "i32",
            DType::Bool => "bool",
            _ => "u32",
        }
    }

    /// What the shader library calls a half dtype.
    pub(crate) fn half_name(self) -> Option<&'static str> {
        match self {
            DType::F16 => Some("f16"),
            DType::BF16 => Some("bf16"),
            _ => None,
        }
    }

    /// How WGSL calls it in memory.
    pub(crate) fn wgsl_storage(self) -> &'static str {
        if self == DType::Bool || self.is_half() { "u32" } else { self.wgsl() }
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A Rust type that device tensors can be made from and read into.
///
/// ```
/// use wgrad::{DType, Element};
/// assert_eq!(<f32 as Element>::DTYPE, DType::F32);
/// ```
pub trait Element: Copy + Send + Sync + PartialEq + fmt::Debug + 'static {
    /// The dtype of a tensor of these.
    const DTYPE: DType;
    /// The word that holds it in a kernel: halves are widened to f32.
    fn to_word(self) -> u32;
    /// The element that such a word holds.
    fn from_word(word: u32) -> Self;
    /// The words of many: the elements themselves where these are words already.
    fn to_words(elements: &[Self]) -> Cow<'_, [u32]> {
        elements.iter().map(|element| element.to_word()).collect()
    }
}

impl Element for f32 {
    const DTYPE: DType = DType::F32;
    #[inline]
    fn to_word(self) -> u32 {
        self.to_bits()
    }
    #[inline]
    fn from_word(word: u32) -> Self {
        f32::from_bits(word)
    }
    fn to_words(elements: &[Self]) -> Cow<'_, [u32]> {
        bytemuck::cast_slice(elements).into()
    }
}

impl Element for f16 {
    const DTYPE: DType = DType::F16;
    #[inline]
    fn to_word(self) -> u32 {
        self.to_f32().to_bits()
    }
    #[inline]
    fn from_word(word: u32) -> Self {
        f16::from_f32(f32::from_bits(word))
    }
}

impl Element for bf16 {
    const DTYPE: DType = DType::BF16;
    #[inline]
    fn to_word(self) -> u32 {
        self.to_f32().to_bits()
    }
    #[inline]
    fn from_word(word: u32) -> Self {
        bf16::from_f32(f32::from_bits(word))
    }
}

impl Element for i32 {
    const DTYPE: DType = DType::I32;
    #[inline]
    fn to_word(self) -> u32 {
        self as u32
    }
    #[inline]
    fn from_word(word: u32) -> Self {
        word as i32
    }
    fn to_words(elements: &[Self]) -> Cow<'_, [u32]> {
        bytemuck::cast_slice(elements).into()
    }
}

impl Element for u32 {
    const DTYPE: DType = DType::U32;
    #[inline]
    fn to_word(self) -> u32 {
        self
    }
    #[inline]
    fn from_word(word: u32) -> Self {
        word
    }
    fn to_words(elements: &[Self]) -> Cow<'_, [u32]> {
        bytemuck::cast_slice(elements).into()
    }
}

impl Element for u8 {
    const DTYPE: DType = DType::U8;
    #[inline]
    fn to_word(self) -> u32 {
        self.into()
    }
    #[inline]
    fn from_word(word: u32) -> Self {
        word as u8
    }
}

impl Element for bool {
    const DTYPE: DType = DType::Bool;
    #[inline]
    fn to_word(self) -> u32 {
        self.into()
    }
    #[inline]
    fn from_word(word: u32) -> Self {
        word != 0
    }
}

/// `value` as an integer label or index, or an error that says what it was.
pub(crate) fn to_i32(value: i64) -> Result<i32> {
    i32::try_from(value).map_err(|_| Error::data(format!("{value} does not fit int32, the integer that devices calculate with")))
}
