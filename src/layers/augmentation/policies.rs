//! Augmentations that choose among others: RandAugment and AugMix.

use super::{
    AutoContrast, BoundingBoxes, BoxFormat, Draws, Equalization, Factor, Frame, ImageOptions, RandomBrightness, RandomColorDegeneration,
    RandomContrast, RandomPosterization, RandomRotation, RandomSharpness, RandomShear, RandomTranslation, Solarization, Transform,
    Transformation, options::SHARE,
};
use crate::{DType, Error, Result, Tensor, layers::Layer, ops::Interpolation};

/// An augmentation to choose, and Keras' name of it.
type Choice = (&'static str, Box<dyn Transform>);

/// All of them, of some strength.
fn choices(factor: Factor, value_range: [f32; 2], interpolation: Interpolation) -> Result<Vec<Choice>> {
    let bounds = factor.over("factor", SHARE)?;
    let bits = (8.0 * bounds[1]).floor().max(1.0);
    let sampled = Factor::Two(bounds);
    Ok(vec![
        ("random_shear", Box::new(RandomShear::new().x_factor(sampled).y_factor(sampled).interpolation(interpolation))),
        ("random_translation", Box::new(RandomTranslation::new(sampled, sampled).interpolation(interpolation))),
        ("random_rotation", Box::new(RandomRotation::new(sampled).interpolation(interpolation))),
        ("random_brightness", Box::new(RandomBrightness::new(sampled).value_range(value_range))),
        ("random_color_degeneration", Box::new(RandomColorDegeneration::new(sampled).value_range(value_range))),
        ("random_contrast", Box::new(RandomContrast::new(sampled).value_range(value_range))),
        ("random_sharpness", Box::new(RandomSharpness::new(sampled).value_range(value_range))),
        ("random_posterization", Box::new(RandomPosterization::new(bits).value_range(value_range))),
        ("solarization", Box::new(Solarization::new().addition_factor(sampled).threshold_factor(sampled).value_range(value_range))),
        ("auto_contrast", Box::new(AutoContrast::new().value_range(value_range))),
        ("equalization", Box::new(Equalization::new().value_range(value_range))),
    ])
}

/// While training, `num_ops` augmentations, chosen anew for each batch, change its images one after another (Cubuk et al., 2019).
///
/// ```
/// use wgrad::prelude::*;
/// let layer = RandAugment::new().num_ops(3).factor(0.4);
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.RandAugment")]
pub struct RandAugment {
    /// The smallest and the largest value of a pixel.
    #[layer(default = [0.0, 255.0])]
    value_range: [f32; 2],
    /// How many.
    #[layer(default = 2)]
    num_ops: usize,
    /// How strong each is, from 0 to 1: at most, or from where to where.
    #[layer(default = Factor::One(0.5))]
    factor: Factor,
    /// Between pixels: nearest or bilinear.
    interpolation: Interpolation,
    /// What decides with the layer's name and the step; the model's seed if not set.
    pub(super) seed: Option<u64>,
    #[layer(flatten)]
    pub(super) options: ImageOptions,
}

impl RandAugment {
    fn choices(&self) -> Result<Vec<Choice>> {
        choices(self.factor, self.value_range, self.interpolation)
    }

    /// Each op in order: what the chosen augmentation makes of it. All are asked, as the choice is the device's.
    fn chosen(
        &self,
        x: &Tensor,
        drawn: &Transformation,
        apply: impl Fn(&dyn Transform, &Tensor, &Transformation) -> Result<Tensor>,
    ) -> Result<Tensor> {
        let (choices, mut x) = (self.choices()?, x.clone());
        for index in drawn.get("layer_idxes")?.unstack(0) {
            let start = x.clone();
            for (at, (name, choice)) in choices.iter().enumerate() {
                x = Tensor::where_(&index.equal(at as i32), &apply(&**choice, &start, drawn.part(name))?, &x);
            }
        }
        Ok(x)
    }
}

impl Transform for RandAugment {
    fn check(&self, frame: &Frame) -> Result<()> {
        self.choices()?.iter().try_for_each(|(_, choice)| choice.check(frame))
    }

    fn draw(&self, draws: &Draws) -> Result<Transformation> {
        let choices = self.choices()?;
        let last = choices.len() as f32;
        let indices = draws.uniform("layer_idxes", [self.num_ops], [0.0, last]).clip(0.0, last - 0.5).cast(DType::I32);
        let start = Transformation::new([("layer_idxes", indices)]);
        choices.iter().try_fold(start, |drawn, (name, choice)| Ok(drawn.with(name, choice.draw(&draws.inside(name))?)))
    }

    fn images(&self, images: &Tensor, drawn: &Transformation) -> Result<Tensor> {
        self.chosen(images, drawn, |choice, x, drawn| choice.images(x, drawn))
    }

    fn masks(&self, masks: &Tensor, drawn: &Transformation) -> Result<Tensor> {
        self.chosen(masks, drawn, |choice, x, drawn| choice.masks(x, drawn))
    }

    fn boxes(&self, boxes: &BoundingBoxes, format: BoxFormat, frame: &Frame, drawn: &Transformation) -> Result<BoundingBoxes> {
        let (choices, mut found) = (self.choices()?, boxes.clone());
        for index in drawn.get("layer_idxes")?.unstack(0) {
            let start = found.clone();
            for (at, (name, choice)) in choices.iter().enumerate() {
                let (is_chosen, moved) = (index.equal(at as i32), choice.boxes(&start, format, frame, drawn.part(name))?);
                found.boxes = Tensor::where_(&is_chosen, &moved.boxes, &found.boxes);
                found.labels = Tensor::where_(&is_chosen, &moved.labels, &found.labels);
            }
        }
        Ok(found)
    }
}

/// While training, images are blended with mixtures of themselves, each changed by a chain of augmentations (Hendrycks et al., 2019). As in a
/// traced function of Keras, the chains are chosen when a call is recorded: a model that replays its step keeps them, and draws weights and
/// strengths anew.
///
/// ```
/// use wgrad::prelude::*;
/// let layer = AugMix::new().num_chains(2).chain_depth(2).factor(0.2);
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.AugMix")]
pub struct AugMix {
    /// The smallest and the largest value of a pixel.
    #[layer(default = [0.0, 255.0])]
    value_range: [f32; 2],
    /// How many mixtures.
    #[layer(default = 3)]
    num_chains: usize,
    /// How many augmentations in each, at most.
    #[layer(default = 3)]
    chain_depth: usize,
    /// How strong each is, from 0 to 1: at most, or from where to where.
    #[layer(default = Factor::One(0.3))]
    factor: Factor,
    /// Weights are distributed by Dirichlet(alpha, ...) and Beta(alpha, alpha).
    #[layer(default = 1.0)]
    alpha: f32,
    /// Whether all augmentations may be chosen; else those that tests of robustness do not have.
    #[layer(default = true)]
    all_ops: bool,
    /// Between pixels: nearest or bilinear.
    interpolation: Interpolation,
    /// What decides with the layer's name and the step; the model's seed if not set.
    pub(super) seed: Option<u64>,
    #[layer(flatten)]
    pub(super) options: ImageOptions,
}

impl AugMix {
    fn choices(&self) -> Result<Vec<Choice>> {
        let robust =
            |name: &str| !["random_brightness", "random_color_degeneration", "random_contrast", "random_sharpness"].contains(&name);
        let choices = choices(self.factor, self.value_range, self.interpolation)?;
        Ok(choices.into_iter().filter(|(name, _)| self.all_ops || robust(name)).collect())
    }

    fn mixed(
        &self,
        x: &Tensor,
        drawn: &Transformation,
        apply: impl Fn(&dyn Transform, &Tensor, &Transformation) -> Result<Tensor>,
    ) -> Result<Tensor> {
        let (choices, x) = (self.choices()?, x.cast(DType::F32));
        let mut mixture = x.zeros_like();
        for (chain, weight) in drawn.get("chain_mixing_weights")?.unstack(0).iter().enumerate() {
            let mut changed = x.clone();
            for (name, drawn) in drawn.inside().iter().filter(|(name, _)| name.starts_with(&format!("{chain}."))) {
                let name = name.rsplit('.').next().unwrap_or_default();
                let choice = choices.iter().find(|(other, _)| *other == name);
                let (_, choice) = choice.ok_or_else(|| Error::invalid(format!("no augmentation is called {name:?}")))?;
                changed = apply(&**choice, &changed, drawn)?;
            }
            mixture += changed * weight;
        }
        let weight = drawn.get("weight_sample")?;
        Ok(weight * x + (weight.negate() + 1.0) * mixture)
    }
}

impl Transform for AugMix {
    fn check(&self, frame: &Frame) -> Result<()> {
        if self.alpha <= 0.0 || self.num_chains == 0 {
            return Err(Error::invalid(format!("alpha is positive and num_chains at least 1, got {} and {}", self.alpha, self.num_chains)));
        }
        self.choices()?.iter().try_for_each(|(_, choice)| choice.check(frame))
    }

    fn draw(&self, draws: &Draws) -> Result<Transformation> {
        let (choices, alpha, chosen) = (self.choices()?, draws.constant(&[self.alpha], [])?, draws.key("chains"));
        let mut drawn = Transformation::new([
            ("chain_mixing_weights", draws.dirichlet("chain_mixing_weights", self.num_chains, &alpha)),
            ("weight_sample", draws.beta("weight_sample", [], &alpha)),
        ]);
        for chain in 0..self.num_chains {
            for depth in 0..self.chain_depth {
                // One more than there are stands for none.
                let word = chosen.block((chain * self.chain_depth + depth) as u32)[0] as usize;
                let Some((name, choice)) = choices.get(word % (choices.len() + 1)) else { continue };
                let place = format!("{chain}.{depth}.{name}");
                drawn = drawn.with(&place, choice.draw(&draws.inside(&place))?);
            }
        }
        Ok(drawn)
    }

    fn images(&self, images: &Tensor, drawn: &Transformation) -> Result<Tensor> {
        let [low, high] = self.value_range;
        Ok(self.mixed(images, drawn, |choice, x, drawn| choice.images(x, drawn))?.clip(low, high))
    }

    fn masks(&self, masks: &Tensor, drawn: &Transformation) -> Result<Tensor> {
        self.mixed(masks, drawn, |choice, x, drawn| choice.masks(x, drawn))
    }
}
