//! The one error type: a kind to match on, and a text that names the thing, what was expected and what came.

use std::fmt;

/// What went wrong, for programs; the text of an [`Error`] is for people.
///
/// ```
/// use wgrad::prelude::*;
/// let error = Tensor::from([1.0f32, 2.0]).item::<f32>().expect_err("these are two");
/// assert_eq!(error.kind(), ErrorKind::Shape);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Shapes that do not fit an op or a layer.
    Shape,
    /// A dtype that an op does not take; wgrad never casts silently.
    DType,
    /// An option, argument or call order that cannot work.
    Invalid,
    /// Data that cannot be used: corrupt files, labels out of range, empty datasets.
    Data,
    /// A file or the network.
    Io,
    /// No such device, or the driver reported an error.
    Device,
    /// The device has no memory left for what was asked.
    OutOfMemory,
    /// The device went away; every tensor on it is lost.
    DeviceLost,
    /// A loss or gradient became NaN or infinite.
    NonFinite,
    /// A gradient that does not exist: an op without one, or a graph that was already released.
    Gradient,
}

/// An error of wgrad: [`kind`](Error::kind) says what sort, `Display` says it in full.
///
/// ```
/// use wgrad::{Error, ErrorKind};
/// let error = Error::new(ErrorKind::Data, "row 3 is empty").at("train.csv");
/// assert_eq!(error.to_string(), "train.csv: row 3 is empty");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    message: Box<str>,
}

/// The result of everything that can go wrong in wgrad.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error of `kind` with a complete, readable `message`.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into().into() }
    }

    /// What sort of error this is.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The same error with the place it happened at (a layer path, a file) in front of its text.
    pub fn at(self, place: impl fmt::Display) -> Self {
        Self::new(self.kind, format!("{place}: {}", self.message))
    }

    /// The same error with its layer in front, unless an op of that layer has said it already.
    pub(crate) fn at_layer(self, path: &str) -> Self {
        if self.message.starts_with("layer ") { self } else { self.at(format_args!("layer {path}")) }
    }

    pub(crate) fn shape(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Shape, message)
    }

    pub(crate) fn dtype(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::DType, message)
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, message)
    }

    pub(crate) fn data(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Data, message)
    }

    pub(crate) fn device(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Device, message)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// `Debug` prints the text too, so that `fn main() -> wgrad::Result<()>` reads well.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({:?})", self.message, self.kind)
    }
}

impl std::error::Error for Error {}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Self::new(ErrorKind::Io, error.to_string())
    }
}
