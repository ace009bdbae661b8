//! Options that augmentations share: the order of axes, the format of bounding boxes, and bounds of what is drawn.

use super::BoxFormat;
use crate::{
    Error, Result,
    config::{Fields, Flatten, Json, Options, Reader, Shares, Value},
    layers::DataFormat,
};

/// Options that every augmentation has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImageOptions {
    pub(super) data_format: DataFormat,
    pub(super) bounding_box_format: Option<BoxFormat>,
}

impl Flatten for ImageOptions {
    fn write(&self, out: &mut Options) {
        out.insert("data_format".into(), self.data_format.to_json());
        if let Some(format) = self.bounding_box_format {
            out.insert("bounding_box_format".into(), format.to_json());
        }
    }

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let data_format = fields.take("data_format").unwrap_or_default();
        Some(Self { data_format, bounding_box_format: fields.take("bounding_box_format") })
    }
}

/// The setters of what every augmentation has.
///
/// ```
/// use wgrad::{layers::{BoxFormat, DataFormat}, prelude::*};
/// let layer = RandomFlip::new().data_format(DataFormat::ChannelsFirst).bounding_box_format(BoxFormat::Xywh);
/// ```
pub trait ImageSetters: Shares<ImageOptions> + Sized {
    /// Where the axis of channels is.
    #[must_use = "a setter returns the changed options"]
    fn data_format(mut self, data_format: DataFormat) -> Self {
        self.shared_mut().data_format = data_format;
        self
    }

    /// How the numbers of bounding boxes are meant; to be set where there are any.
    #[must_use = "a setter returns the changed options"]
    fn bounding_box_format(mut self, format: BoxFormat) -> Self {
        self.shared_mut().bounding_box_format = Some(format);
        self
    }
}

impl<L: Shares<ImageOptions>> ImageSetters for L {}

/// How much at most, `0.2`, or from where to where, `[-0.1, 0.3]`.
///
/// ```
/// use wgrad::layers::Factor;
/// assert_eq!(Factor::from(0.2f32), Factor::One(0.2));
/// assert_eq!(Factor::from([-0.1f32, 0.3]), Factor::Two([-0.1, 0.3]));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Factor {
    /// How much at most; in which direction, the layer says.
    One(f32),
    /// Both bounds.
    Two([f32; 2]),
}

impl Factor {
    /// The bounds, in order, where each lies in `range`; one number alone stands for those from its negative on.
    pub(super) fn around_zero(self, name: &str, range: [f32; 2]) -> Result<[f32; 2]> {
        self.bounds(name, range, |factors| factors.iter().all(|factor| (range[0]..=range[1]).contains(factor)))
    }

    /// The bounds, in order, where they overlap with `range`, as Keras has it for some layers; one number alone lies in it, and stands for
    /// those from its negative on, as far as the range goes.
    pub(super) fn over(self, name: &str, [low, high]: [f32; 2]) -> Result<[f32; 2]> {
        let [from, to] = self.bounds(name, [low, high], |[a, b]| a <= high && b >= low)?;
        Ok(if matches!(self, Self::One(_)) { [from.max(low), to] } else { [from, to] })
    }

    fn bounds(self, name: &str, [low, high]: [f32; 2], fits: impl Fn([f32; 2]) -> bool) -> Result<[f32; 2]> {
        match self {
            Self::One(factor) if (low..=high).contains(&factor) => Ok([-factor.abs(), factor.abs()]),
            Self::Two([a, b]) if fits([a, b]) => Ok([a.min(b), a.max(b)]),
            _ => Err(Error::invalid(format!("{name} is a number, or two, from {low} to {high}, got {}", self.to_json()))),
        }
    }
}

impl From<f32> for Factor {
    fn from(factor: f32) -> Self {
        Self::One(factor)
    }
}

impl From<[f32; 2]> for Factor {
    fn from(factors: [f32; 2]) -> Self {
        Self::Two(factors)
    }
}

impl From<(f32, f32)> for Factor {
    fn from((low, high): (f32, f32)) -> Self {
        Self::Two([low, high])
    }
}

impl Value for Factor {
    fn to_json(&self) -> Json {
        match self {
            Self::One(factor) => factor.to_json(),
            Self::Two(factors) => factors.to_json(),
        }
    }

    fn from_json(json: &Json, reader: &mut Reader) -> Option<Self> {
        if json.is_array() { Value::from_json(json, reader).map(Self::Two) } else { Value::from_json(json, reader).map(Self::One) }
    }
}

/// That a range of values is one.
pub(super) fn check_value_range([low, high]: [f32; 2]) -> Result<()> {
    if low < high {
        return Ok(());
    }
    Err(Error::invalid(format!("value_range names the smallest and the largest value, got [{low}, {high}]")))
}

/// The bounds of a share from 0 to 1.
pub(super) const SHARE: [f32; 2] = [0.0, 1.0];
/// The bounds of what goes in both directions.
pub(super) const BOTH: [f32; 2] = [-1.0, 1.0];
