//! Augmentation: layers that change images while training, by what they draw for each batch. To draw and to apply are two things, so
//! that masks, labels and boxes move along, and one augmentation can hold others.

mod affine;
mod boxes;
mod colour;
mod crop;
mod draws;
mod equalization;
mod filter;
mod flip;
mod light;
mod mix;
mod options;
mod perspective;
mod pipeline;
mod policies;
mod samples;
mod shear;
mod tone;

pub use affine::{RandomRotation, RandomTranslation, RandomZoom};
pub use boxes::{BoundingBoxes, BoxFormat, convert_format};
pub use colour::{RandomColorDegeneration, RandomGrayscale, RandomHue, RandomSaturation};
pub use crop::RandomCrop;
pub use draws::{Draws, Transformation};
pub use equalization::{ContrastLimitedAdaptiveHistogramEqualization, Equalization};
pub use filter::{RandomElasticTransform, RandomGaussianBlur, RandomSharpness};
pub use flip::{FlipMode, RandomFlip};
pub use light::{RandomBrightness, RandomColorJitter, RandomContrast};
pub use mix::{CutMix, FillValue, MixUp, RandomErasing};
pub use options::{Factor, ImageOptions, ImageSetters};
pub use perspective::RandomPerspective;
pub use pipeline::{MaxNumBoundingBoxes, Pipeline};
pub use policies::{AugMix, RandAugment};
pub use samples::Samples;
pub use shear::RandomShear;
pub use tone::{AutoContrast, RandomInvert, RandomPosterization, Solarization};

use super::{Build, Call, DataFormat, Inputs, Layer, Outputs, options::axes, space};
use crate::{Error, Result, Shape, Tensor, config::Config};

/// The sizes of images (N, H, W, C).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// N.
    pub batch: usize,
    /// H.
    pub height: usize,
    /// W.
    pub width: usize,
    /// C.
    pub channels: usize,
}

impl Frame {
    pub(super) fn of(images: &Tensor) -> Result<Self> {
        let [batch, height, width, channels] =
            axes(images.shape(), "(N, H, W, C)", "images have an axis of channels, and come in batches")?;
        Ok(Self { batch, height, width, channels })
    }
}

/// What a kind of augmentation does: it draws a transformation for a batch and applies it to images, and to what belongs to them. Here all
/// images are (N, H, W, C).
pub trait Transform: Config {
    /// Checks the options, and whether the layer takes images of this frame. The batch size in it means nothing.
    ///
    /// # Errors
    /// What is wrong.
    fn check(&self, _frame: &Frame) -> Result<()> {
        Ok(())
    }

    /// Whether the call changes anything: one of training does.
    fn acts(&self, call: &Call) -> bool {
        call.training()
    }

    /// What to do with a batch.
    ///
    /// # Errors
    /// When options are out of bounds.
    fn draw(&self, draws: &Draws) -> Result<Transformation>;

    /// The images, transformed.
    ///
    /// # Errors
    /// When they do not fit the transformation.
    fn images(&self, images: &Tensor, drawn: &Transformation) -> Result<Tensor>;

    /// Segmentation masks, transformed as their images; they stay as they are where only colours change.
    ///
    /// # Errors
    /// As [`images`](Self::images).
    fn masks(&self, masks: &Tensor, _drawn: &Transformation) -> Result<Tensor> {
        Ok(masks.clone())
    }

    /// Labels, where the transformation changes them.
    ///
    /// # Errors
    /// When they do not fit.
    fn labels(&self, labels: &Tensor, _drawn: &Transformation) -> Result<Tensor> {
        Ok(labels.clone())
    }

    /// Boxes in images of `frame`, moved along.
    ///
    /// # Errors
    /// When they do not fit, or the layer cannot move boxes.
    fn boxes(&self, boxes: &BoundingBoxes, _format: BoxFormat, _frame: &Frame, _drawn: &Transformation) -> Result<BoundingBoxes> {
        Ok(boxes.clone())
    }
}

/// A layer that changes images.
///
/// ```
/// use wgrad::{layers::{Samples, Transformation}, prelude::*};
/// let layer = RandomBrightness::new(0.2).shared();
/// let samples = Samples::new(&Tensor::full([1, 2, 2, 3], 100.0f32));
/// let drawn = Transformation::new([("rgb_delta", Tensor::from([25.0f32]))]);
/// let brighter = layer.as_augmentation(|layer| layer.transform(&samples, &drawn)).expect("it is one")?;
/// assert_eq!(brighter.images.to_vec::<f32>()?, [125.0; 12]);
/// # Ok::<(), wgrad::Error>(())
/// ```
pub trait Augmentation: Transform {
    /// The order of axes, and the format of boxes.
    fn image_options(&self) -> ImageOptions;

    /// What decides with the layer's name and the step.
    fn seed(&self) -> Option<u64>;

    /// What a call does with a batch of images.
    ///
    /// # Errors
    /// Images of another rank, options out of bounds.
    #[doc(alias = "get_random_transformation")]
    fn draw_for(&self, call: &Call, images: &Tensor) -> Result<Transformation> {
        let images = to_last(images, self.image_options().data_format)?;
        self.draw(&Draws::new(call, self.seed(), &images)?)
    }

    /// Images and what belongs to them, transformed alike.
    ///
    /// # Errors
    /// What does not fit the transformation, or each other; boxes without a format.
    fn transform(&self, samples: &Samples, drawn: &Transformation) -> Result<Samples> {
        let ImageOptions { data_format, bounding_box_format } = self.image_options();
        let frame = Frame::of(&to_last(&samples.images, data_format)?)?;
        let labels = |labels: &Tensor| {
            batch_fits(labels, &frame, samples::LABELS)?;
            self.labels(labels, drawn)
        };
        let boxes = |boxes: &BoundingBoxes| {
            let Some(format) = bounding_box_format else {
                let hint = "say how their numbers are meant, as by bounding_box_format(BoxFormat::Xyxy)";
                return Err(Error::invalid(format!("the input has bounding boxes, the layer no bounding_box_format; {hint}")));
            };
            boxes.check(&frame)?;
            self.boxes(boxes, format, &frame, drawn)
        };
        let masks = |masks: &Tensor| {
            space::channels::<2>(masks.shape(), data_format)?;
            space::channels_last(masks, data_format, |masks| {
                if masks.shape()[..3] == [frame.batch, frame.height, frame.width] {
                    return self.masks(masks, drawn);
                }
                let (found, wanted) = (masks.shape(), samples.images.shape());
                Err(Error::shape(format!("segmentation masks {found} are of another size or batch than the images {wanted}")))
            })
        };
        Ok(Samples {
            images: space::channels_last(&samples.images, data_format, |images| self.images(images, drawn))?,
            labels: samples.labels.as_ref().map(labels).transpose()?,
            bounding_boxes: samples.bounding_boxes.as_ref().map(boxes).transpose()?,
            segmentation_masks: samples.segmentation_masks.as_ref().map(masks).transpose()?,
        })
    }
}

/// Images as (N, H, W, C).
fn to_last(images: &Tensor, format: DataFormat) -> Result<Tensor> {
    space::channels::<2>(images.shape(), format)?;
    Ok(if format == DataFormat::ChannelsLast { images.clone() } else { images.permute(&[0, 2, 3, 1]) })
}

/// Makes layers of augmentations: `drawn` ones have a seed.
macro_rules! layers {
    ($($name:ident $(seed $seed:ident)?;)*) => {$(
        impl Augmentation for $name {
            fn image_options(&self) -> ImageOptions {
                self.options
            }

            fn seed(&self) -> Option<u64> {
                None$(.or(self.$seed))?
            }
        }

        impl Layer for $name {
            fn is_exact(&self) -> bool {
                true
            }

            fn arguments(&self) -> &'static [&'static str] {
                &[samples::LABELS, samples::BOXES, samples::MASKS]
            }

            fn as_augmentation(&self) -> Option<&dyn Augmentation> {
                Some(self)
            }

            fn build(&mut self, _build: &mut Build, inputs: &[Shape]) -> Result<()> {
                build(self, inputs)
            }

            fn call(&self, call: &mut Call, inputs: &Inputs) -> Result<Outputs> {
                let samples = Samples::of(inputs)?.in_floats();
                Ok(if self.acts(call) { self.transform(&samples, &self.draw_for(call, &samples.images)?)? } else { samples }.tensors())
            }
        }
    )*};
}

layers! {
    AutoContrast;
    ContrastLimitedAdaptiveHistogramEqualization;
    Equalization;
    MaxNumBoundingBoxes;
    AugMix seed seed;
    CutMix seed seed;
    MixUp seed seed;
    RandAugment seed seed;
    RandomBrightness seed seed;
    RandomColorDegeneration seed seed;
    RandomColorJitter seed seed;
    RandomContrast seed seed;
    RandomCrop seed seed;
    RandomElasticTransform seed seed;
    RandomErasing seed seed;
    RandomFlip seed seed;
    RandomGaussianBlur seed seed;
    RandomGrayscale seed seed;
    RandomHue seed seed;
    RandomInvert seed seed;
    RandomPerspective seed seed;
    RandomPosterization seed seed;
    RandomRotation seed seed;
    RandomSaturation seed seed;
    RandomSharpness seed seed;
    RandomShear seed seed;
    RandomTranslation seed seed;
    RandomZoom seed seed;
    Solarization seed seed;
}

fn build(layer: &dyn Augmentation, inputs: &[Shape]) -> Result<()> {
    let [shape] = inputs else { return Err(Error::invalid(format!("expected images, got {} inputs", inputs.len()))) };
    let format = layer.image_options().data_format;
    space::channels::<2>(shape, format)?;
    let [batch, a, b, c] = axes(shape, "(N, H, W, C)", "images come in batches")?;
    let [height, width, channels] = if format == DataFormat::ChannelsLast { [a, b, c] } else { [b, c, a] };
    layer.check(&Frame { batch, height, width, channels })
}

fn batch_fits(x: &Tensor, frame: &Frame, what: &str) -> Result<()> {
    if x.shape().first() == Some(&frame.batch) {
        return Ok(());
    }
    Err(Error::shape(format!("{what} of shape {} belong to another batch than {} images", x.shape(), frame.batch)))
}
