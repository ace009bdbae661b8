//! Augmentations: what is drawn, what moves along, what stays, and what is refused.

mod support;

use wgrad::{
    layers::{BoxFormat, Samples, Transformation},
    prelude::*,
};

fn main() {
    type Test = fn(&Device) -> Result<()>;
    let tests: [(&str, Test); 9] = [
        ("a seed and a step draw the same everywhere", a_seed_and_a_step_draw_the_same_everywhere),
        ("nothing changes outside of training", nothing_changes_outside_of_training),
        ("boxes and masks move with their images", boxes_and_masks_move_with_their_images),
        ("weights are distributed by beta", weights_are_distributed_by_beta),
        ("mixed labels keep their sum", mixed_labels_keep_their_sum),
        ("erased windows have their share", erased_windows_have_their_share),
        ("crops come from everywhere", crops_come_from_everywhere),
        ("boxes are filled up and cut off", boxes_are_filled_up_and_cut_off),
        ("wrong samples are explained", wrong_samples_are_explained),
    ];
    support::run(support::trials(tests), false)
}

/// Pictures with values from 0 to 255, none of them equal.
fn pictures(shape: [usize; 4]) -> Result<Tensor> {
    let size: usize = shape.iter().product();
    let values: Vec<f32> = (0..size).map(|i| (i * 7919 % 10_007) as f32 * (255.0 / 10_007.0)).collect();
    Tensor::from_slice(&values, shape)
}

fn training(step: u64) -> Call {
    Call::new(Training::Yes, 42, step)
}

fn all() -> Vec<LayerRef> {
    vec![
        RandomFlip::new().shared(),
        RandomRotation::new(0.2).shared(),
        RandomZoom::new(0.3).shared(),
        RandomTranslation::new(0.3, 0.3).shared(),
        RandomShear::new().x_factor(0.3).y_factor(0.2).shared(),
        RandomPerspective::new().shared(),
        RandomElasticTransform::new().shared(),
        RandomContrast::new(0.5).shared(),
        RandomBrightness::new(0.3).shared(),
        RandomHue::new(0.5).shared(),
        RandomSaturation::new([0.2, 0.4]).shared(),
        RandomSharpness::new(1.0).shared(),
        RandomGrayscale::new().shared(),
        RandomErasing::new().shared(),
        RandomColorDegeneration::new(0.8).shared(),
        RandomGaussianBlur::new().shared(),
        RandomColorJitter::new().brightness_factor(0.3).hue_factor(0.2).shared(),
        RandomInvert::new().shared(),
        RandomPosterization::new(4.0).shared(),
        Solarization::new().addition_factor(0.3).threshold_factor(0.5).shared(),
        Equalization::new().shared(),
        MixUp::new().shared(),
        CutMix::new().shared(),
        RandAugment::new().shared(),
        AugMix::new().shared(),
    ]
}

/// A transformation as numbers, those inside too.
fn numbers(drawn: &Transformation) -> Result<Vec<f32>> {
    let mut out = Vec::new();
    for (_, value) in drawn.values() {
        out.extend(value.cast(DType::F32).to_vec::<f32>()?);
    }
    for (_, inside) in drawn.inside() {
        out.extend(numbers(inside)?);
    }
    Ok(out)
}

fn a_seed_and_a_step_draw_the_same_everywhere(_device: &Device) -> Result<()> {
    for layer in all() {
        let draw = |step| -> Result<Vec<f32>> {
            let x = pictures([6, 8, 7, 3])?;
            let _ = layer.call(&mut training(step), &x)?;
            numbers(&layer.as_augmentation(|layer| layer.draw_for(&training(step), &x)).expect("an augmentation")?)
        };
        let (here, there) = (draw(3)?, Device::cpu().scope(|| draw(3))?);
        let near = here.iter().zip(&there).all(|(a, b)| (a - b).abs() <= 1e-5 * b.abs().max(1.0));
        assert!(here.len() == there.len() && near, "{layer:?}: {here:?} and {there:?}");
        assert!(layer.class_name() == "Equalization" || draw(4)? != here, "{layer:?} draws the same at the next step");
    }
    Ok(())
}

fn nothing_changes_outside_of_training(_device: &Device) -> Result<()> {
    let x = pictures([3, 8, 7, 3])?;
    let before = x.to_vec::<f32>()?;
    for layer in all().into_iter().chain([RandomCrop::new(4, 4).shared()]) {
        assert_eq!(layer.call(&mut Call::new(Training::No, 42, 0), &x)?.to_vec::<f32>()?, before, "{layer:?}");
        let y = layer.call(&mut training(0), &x)?;
        assert!(y.to_vec::<f32>()?.iter().all(|y| (-1e-3..=255.001).contains(y)), "{layer:?} leaves the range of values");
    }
    Ok(())
}

/// A picture that is 1 inside of its box stays so: what is 1 afterwards is what the moved box and the moved mask say.
fn boxes_and_masks_move_with_their_images(_device: &Device) -> Result<()> {
    let (n, high, wide) = (8usize, 20usize, 16usize);
    let inside = |at: usize| (6..12).contains(&(at / wide % high)) && (5..9).contains(&(at % wide));
    let x = Tensor::from_slice(&(0..n * high * wide).map(|at| f32::from(u8::from(inside(at)))).collect::<Vec<_>>(), [n, high, wide, 1])?;
    let boxes = Tensor::from([[5.0f32, 6.0, 4.0, 6.0]]).broadcast_to([n, 1, 4]);
    let samples = Samples::new(&x).bounding_boxes(&boxes, &Tensor::from([[7]]).broadcast_to([n, 1])).segmentation_masks(&x);
    for layer in [
        RandomFlip::new().bounding_box_format(BoxFormat::Xywh).shared(),
        RandomTranslation::new(0.2, 0.2).bounding_box_format(BoxFormat::Xywh).shared(),
        RandomZoom::new([-0.3, 0.3]).bounding_box_format(BoxFormat::Xywh).shared(),
        RandomCrop::new(16, 14).bounding_box_format(BoxFormat::Xywh).shared(),
        RandomRotation::new(0.02).bounding_box_format(BoxFormat::Xywh).shared(),
        RandomShear::new().x_factor(0.05).bounding_box_format(BoxFormat::Xywh).shared(),
        RandomPerspective::new().scale(0.1).bounding_box_format(BoxFormat::Xywh).shared(),
    ] {
        let moved = samples.through(&layer, &mut training(1))?;
        let boxes = moved.bounding_boxes.expect("there are boxes");
        let (numbers, masks) = (boxes.boxes.to_vec::<f32>()?, moved.segmentation_masks.expect("there are masks").to_vec::<f32>()?);
        let (images, size) = (moved.images.to_vec::<f32>()?, moved.images.shape()[1] * moved.images.shape()[2]);
        let wide = moved.images.shape()[2];
        assert!(
            images.iter().zip(&masks).filter(|(x, _)| **x < 0.2 || **x > 0.8).all(|(x, mask)| (x > &0.5) == (*mask == 1.0)),
            "{layer:?}"
        );
        for sample in 0..n {
            let lit: Vec<usize> = (0..size).filter(|&at| masks[sample * size + at] == 1.0).collect();
            let (rows, columns) = (lit.iter().map(|at| at / wide), lit.iter().map(|at| at % wide));
            let [x, y, w, h] = numbers[4 * sample..][..4] else { unreachable!("four numbers") };
            let found = [columns.clone().min(), rows.clone().min(), columns.max().map(|x| x + 1), rows.max().map(|x| x + 1)];
            let found = found.map(|place| place.expect("some pixels are lit") as f32);
            let near = found.iter().zip([x, y, x + w, y + h]).all(|(a, b)| (a - b).abs() <= 1.6);
            assert!(near, "{layer:?}, sample {sample}: the box is {x}, {y}, {w}, {h}; lit are {found:?}");
        }
        assert_eq!(boxes.labels.to_vec::<i32>()?, vec![7; n]);
    }
    Ok(())
}

fn weights_are_distributed_by_beta(_device: &Device) -> Result<()> {
    let x = Tensor::zeros([20_000, 1, 1, 1]);
    for alpha in [0.2f32, 1.0, 3.0] {
        let layer = MixUp::new().alpha(alpha).shared();
        let _ = layer.call(&mut training(0), &x)?;
        let drawn = layer.as_augmentation(|layer| layer.draw_for(&training(0), &x)).expect("an augmentation")?;
        let weights = drawn.get("mix_weight")?.to_vec::<f32>()?;
        let mean = weights.iter().sum::<f32>() / weights.len() as f32;
        let variance = weights.iter().map(|w| (w - mean).powi(2)).sum::<f32>() / weights.len() as f32;
        let expected = 1.0 / (4.0 * (2.0 * alpha + 1.0));
        assert!(
            (mean - 0.5).abs() < 0.015 && (variance / expected - 1.0).abs() < 0.04,
            "alpha {alpha}: {mean}, {variance}, not {expected}"
        );
        let mut order = drawn.get("permutation_order")?.to_vec::<i32>()?;
        assert!(order.iter().enumerate().filter(|(at, place)| *at as i32 == **place).count() < 12);
        order.sort_unstable();
        assert!(order.into_iter().eq(0..20_000));
    }
    Ok(())
}

fn mixed_labels_keep_their_sum(_device: &Device) -> Result<()> {
    let classes: Vec<f32> = (0..12).map(|at| at as f32).collect();
    let x = Tensor::from_slice(&classes, [12, 1, 1, 1])?.broadcast_to([12, 20, 20, 1]);
    let labels = Tensor::eye(12);
    for layer in [MixUp::new().alpha(1.0).shared(), CutMix::new().shared()] {
        let mixed = Samples::new(&x).labels(&labels).through(&layer, &mut training(0))?;
        let means = mixed.images.mean(&[1, 2, 3]).to_vec::<f32>()?;
        let labels = mixed.labels.expect("there are labels").to_vec::<f32>()?;
        for (sample, row) in labels.chunks(12).enumerate() {
            let (sum, mean): (f32, f32) = (row.iter().sum(), row.iter().zip(&classes).map(|(share, class)| share * class).sum());
            // The window of a cut covers whole pixels.
            let slack = if layer.class_name() == "CutMix" { 1.2 } else { 1e-4 };
            assert!((sum - 1.0).abs() < 1e-5 && (mean - means[sample]).abs() < slack, "{layer:?}: {mean} and {}", means[sample]);
        }
    }
    Ok(())
}

fn erased_windows_have_their_share(_device: &Device) -> Result<()> {
    let layer = RandomErasing::new().factor([1.0, 1.0]).scale([0.25, 0.25]).fill_value(9.0).shared();
    let y = layer.call(&mut training(0), &Tensor::zeros([50, 40, 40, 1]))?;
    let shares = y.equal(9.0).cast(DType::F32).mean(&[1, 2, 3]).to_vec::<f32>()?;
    assert!(shares.iter().all(|share| (share - 0.25).abs() < 1e-6), "{shares:?}");
    Ok(())
}

fn crops_come_from_everywhere(_device: &Device) -> Result<()> {
    let x = Tensor::arange(0.0, 30.0, 1.0).reshape([1, 5, 6, 1]);
    let layer = RandomCrop::new(3, 4).shared();
    let mut starts = std::collections::BTreeSet::new();
    for step in 0..80 {
        let y = layer.call(&mut training(step), &x)?.to_vec::<f32>()?;
        let first = y[0];
        assert!(y.iter().enumerate().all(|(at, y)| *y == first + (at / 4 * 6 + at % 4) as f32), "{y:?}");
        starts.insert(first as i32);
    }
    assert_eq!(starts.into_iter().collect::<Vec<_>>(), [0, 1, 2, 6, 7, 8, 12, 13, 14]);
    let model = Sequential::new().add(Input::new([5, 6, 1])).add(RandomCrop::new(3, 4)).add(Flatten::new()).add(Dense::new(2)).build()?;
    assert_eq!(model.call(&x, Training::Yes)?.shape()[..], [1, 2]);
    Ok(())
}

fn boxes_are_filled_up_and_cut_off(_device: &Device) -> Result<()> {
    let boxes = Tensor::from([[1.0f32, 2.0, 3.0, 4.0], [2.0, 2.0, 5.0, 5.0]]).expand_dims(0);
    let samples = Samples::new(&Tensor::zeros([1, 8, 8, 1])).bounding_boxes(&boxes, &Tensor::from([[4, 5]]));
    let layer = |count| MaxNumBoundingBoxes::new(count).bounding_box_format(BoxFormat::Xyxy).shared();
    let found = Pipeline::new([layer(3), layer(2), layer(1), layer(2)]);
    let found = samples.through(&found.shared(), &mut training(0))?.bounding_boxes.expect("there are boxes");
    assert_eq!(found.boxes.to_vec::<f32>()?, [1.0, 2.0, 3.0, 4.0, -1.0, -1.0, -1.0, -1.0]);
    assert_eq!(found.labels.to_vec::<i32>()?, [4, -1]);
    Ok(())
}

fn wrong_samples_are_explained(_device: &Device) -> Result<()> {
    let x = Tensor::zeros([2, 8, 8, 3]);
    let (boxes, classes) = (Tensor::zeros([2, 1, 4]), Tensor::from([[0], [1]]));
    let flip = || RandomFlip::new().bounding_box_format(BoxFormat::Xyxy).shared();
    for (layer, samples, expected) in [
        (RandomFlip::new().shared(), Samples::new(&x).bounding_boxes(&boxes, &classes), "no bounding_box_format"),
        (flip(), Samples::new(&x).bounding_boxes(&Tensor::zeros([2, 1, 5]), &classes), "expected float boxes (2, B, 4) and labels (2, B)"),
        (flip(), Samples::new(&x).bounding_boxes(&boxes, &Tensor::from([[0]])), "expected float boxes (2, B, 4) and labels (2, B)"),
        (flip(), Samples::new(&x).segmentation_masks(&Tensor::zeros([2, 8, 7, 1])), "segmentation masks (2, 8, 7, 1) are of another size"),
        (flip(), Samples::new(&x).labels(&Tensor::zeros([3, 4])), "labels of shape (3, 4) belong to another batch than 2 images"),
        (MixUp::new().shared(), Samples::new(&x).labels(&Tensor::zeros([2])), "expected labels (N, K), one-hot"),
        (CutMix::new().bounding_box_format(BoxFormat::Xyxy).shared(), Samples::new(&x).bounding_boxes(&boxes, &classes), "cannot move"),
        (RandomFlip::new().shared(), Samples::new(&Tensor::zeros([8, 8, 3])), "expected (N, H, W, C), got (8, 8, 3)"),
    ] {
        let error = samples.through(&layer, &mut training(0)).expect_err(expected).to_string();
        assert!(error.contains(expected) && error.contains(layer.class_name()), "{error}\n  expected: {expected}");
    }
    let wrong = Samples::new(&Tensor::zeros([2, 8, 8, 3]));
    let missing =
        RandomFlip::new().shared().as_augmentation(|layer| layer.transform(&wrong, &Transformation::default())).expect("it is one");
    assert!(missing.expect_err("nothing was drawn").to_string().contains("has no value \"flips\""));
    Ok(())
}
