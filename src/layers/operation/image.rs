//! Images: colours, other sizes, projections, patches, filters.

use super::{
    arguments::Arguments,
    table::{IMAGE, Row, row},
};
use crate::{
    Error, Result, Tensor,
    config::Json,
    layers::{DataFormat, Resizing, preprocessing},
    ops::{
        Interpolation,
        image::{self, FillMode, SsimOptions},
    },
    random::RandomKey,
};

const IMAGES: &[&str] = &["images"];

pub(super) static ROWS: &[Row] = &[
    row(IMAGE, "RGBToGrayscale", IMAGES, "data_format=null", |a| of_images(a, 2, image::rgb_to_grayscale)),
    row(IMAGE, "RGBToHSV", IMAGES, "data_format=null", |a| of_images(a, 2, image::rgb_to_hsv)),
    row(IMAGE, "HSVToRGB", IMAGES, "data_format=null", |a| of_images(a, 2, image::hsv_to_rgb)),
    row(
        IMAGE,
        "Resize",
        IMAGES,
        "size interpolation=bilinear antialias=false crop_to_aspect_ratio=false pad_to_aspect_ratio=false fill_mode=constant fill_value=0.0 data_format=null",
        |a| {
            let [height, width] = a.option("size")?;
            Resizing::new(height, width)
                .interpolation(a.option::<Interpolation>("interpolation")?)
                .antialias(a.flag("antialias")?)
                .crop_to_aspect_ratio(a.flag("crop_to_aspect_ratio")?)
                .pad_to_aspect_ratio(a.flag("pad_to_aspect_ratio")?)
                .fill_mode(a.option::<preprocessing::FillMode>("fill_mode")?)
                .fill_value(a.option("fill_value")?)
                .data_format(format(a)?)
                .resized(&a.x()?)
        },
    ),
    row(
        IMAGE,
        "AffineTransform",
        &["images", "transform"],
        "interpolation=bilinear fill_mode=constant fill_value=0 data_format=null",
        |a| {
            let transform = a.float("transform")?;
            let transforms = if transform.rank() == 1 { transform.expand_dims(0) } else { transform };
            let (interpolation, fill_mode, fill_value) = outside(a)?;
            of_images(a, 2, |x| image::affine_transform(x, &transforms, interpolation, fill_mode, fill_value))
        },
    ),
    row(
        IMAGE,
        "PerspectiveTransform",
        &["images", "start_points", "end_points"],
        "interpolation=bilinear fill_value=0 data_format=null",
        |a| {
            let points = |name: &str| a.float(name).map(|x| if x.rank() == 2 { x.expand_dims(0) } else { x });
            let (start, end) = (points("start_points")?, points("end_points")?);
            let (interpolation, fill_value) = (a.option("interpolation")?, a.option("fill_value")?);
            of_images(a, 2, |x| image::perspective_transform(x, &start, &end, interpolation, fill_value))
        },
    ),
    row(
        IMAGE,
        "ElasticTransform",
        IMAGES,
        "alpha=20.0 sigma=5.0 interpolation=bilinear fill_mode=reflect fill_value=0.0 seed=null data_format=null",
        |a| {
            let seed: Option<u64> = a.option("seed")?;
            let key = seed.map_or(a.random, |seed| RandomKey::new(seed, "elastic_transform", 0));
            let (alpha, sigma, outside): (f64, f32, _) = (a.option("alpha")?, a.option("sigma")?, outside(a)?);
            if !(0.0..1024.0).contains(&sigma) {
                return Err(a.error(format_args!("sigma is from 0 to 1024, not {sigma}")));
            }
            let number = |x: &Tensor, value: f64| x.scalar_like(value, crate::DType::F32);
            of_images(a, 2, |x| image::elastic_transform(x, &number(x, alpha), &number(x, sigma.into()), sigma, outside, &key))
        },
    ),
    row(IMAGE, "MapCoordinates", &["inputs", "coordinates"], "order fill_mode=constant fill_value=0", |a| {
        let interpolation = match a.option("order")? {
            0usize => Interpolation::Nearest,
            1 => Interpolation::Bilinear,
            order => return Err(a.error(format_args!("order is 0 or 1, not {order}"))),
        };
        let (fill_mode, fill_value) = (a.option("fill_mode")?, a.option("fill_value")?);
        image::map_coordinates(&a.x()?, &a.float("coordinates")?, interpolation, fill_mode, fill_value)
    }),
    row(IMAGE, "ScaleAndTranslate", &["images", "output_shape", "scale", "translation"], "spatial_dims method antialias=true", |a| {
        let (axes, sizes): (Vec<isize>, Vec<Option<usize>>) = (a.option("spatial_dims")?, a.option("output_shape")?);
        let method = match a.json("method").as_str().unwrap_or_default() {
            "linear" | "bilinear" | "trilinear" => Interpolation::Bilinear,
            "cubic" | "bicubic" | "tricubic" => Interpolation::Bicubic,
            "lanczos3" => Interpolation::Lanczos3,
            "lanczos5" => Interpolation::Lanczos5,
            method => return Err(a.error(format_args!("unknown method {method:?}"))),
        };
        let x = a.x()?;
        let size = |&axis: &isize| {
            let size = sizes.get(x.shape().axis(axis)?).copied().flatten().filter(|&size| size < 1 << 30);
            size.ok_or_else(|| a.misfit(format_args!("output_shape does not say how long axis {axis} becomes")))
        };
        let sizes = axes.iter().map(size).collect::<Result<Vec<_>>>()?;
        image::scale_and_translate(&x, (&axes, &sizes), &a.float("scale")?, &a.float("translation")?, method, a.flag("antialias")?)
    }),
    row(IMAGE, "ExtractPatches", IMAGES, "size strides=null dilation_rate=1 padding=valid data_format=null", |a| {
        let size = a.sizes("size")?;
        // One number stands for all axes.
        let each = |list: Vec<usize>, axes: usize| if let [all] = list[..] { vec![all; axes] } else { list };
        let size = each(size, 2);
        let strides = if a.json("strides").is_null() { size.clone() } else { each(a.sizes("strides")?, size.len()) };
        let dilation = each(a.sizes("dilation_rate")?, size.len());
        let padding = a.option("padding")?;
        of_images(a, size.len(), |x| image::extract_patches(x, &size, Some(&strides), &dilation, padding))
    }),
    row(
        IMAGE,
        "PadImages",
        IMAGES,
        "top_padding=null left_padding=null bottom_padding=null right_padding=null target_height=null target_width=null data_format=null",
        |a| {
            of_images(a, 2, |x| {
                let rows = borders(a, ["top_padding", "bottom_padding", "target_height"], |target| target.checked_sub(x.shape()[1]))?;
                let columns = borders(a, ["left_padding", "right_padding", "target_width"], |target| target.checked_sub(x.shape()[2]))?;
                image::pad_images(x, rows, columns)
            })
        },
    ),
    row(
        IMAGE,
        "CropImages",
        IMAGES,
        "top_cropping=null left_cropping=null bottom_cropping=null right_cropping=null target_height=null target_width=null data_format=null",
        |a| {
            of_images(a, 2, |x| {
                let rows = borders(a, ["top_cropping", "bottom_cropping", "target_height"], |target| x.shape()[1].checked_sub(target))?;
                let columns = borders(a, ["left_cropping", "right_cropping", "target_width"], |target| x.shape()[2].checked_sub(target))?;
                image::crop_images(x, rows, columns)
            })
        },
    ),
    row(IMAGE, "GaussianBlur", IMAGES, "kernel_size=[3,3] sigma=[1.0,1.0] data_format=null", |a| {
        let (size, sigma): ([usize; 2], [f32; 2]) = (a.option("kernel_size")?, a.option("sigma")?);
        if size.iter().any(|&size| size > 1 << 12) {
            return Err(a.error(format_args!("kernel_size {size:?} is too large")));
        }
        of_images(a, 2, |x| image::gaussian_blur(x, size, &Tensor::from(sigma).to_device(x.device())?))
    }),
    row(IMAGE, "SobelEdges", IMAGES, "data_format=null", |a| {
        let y = image::sobel_edges(&batch(a, &a.x()?, 2)?)?;
        Ok(if format(a)? == DataFormat::ChannelsFirst { y.move_axes(&[3], &[1]) } else { y })
    }),
    row(IMAGE, "SSIM", &["image1", "image2"], "max_val=1.0 filter_size=11 filter_sigma=1.5 k1=0.01 k2=0.03 data_format=null", |a| {
        let options = SsimOptions {
            max_val: a.option("max_val")?,
            filter_size: a.size("filter_size")?,
            filter_sigma: a.option("filter_sigma")?,
            k1: a.option("k1")?,
            k2: a.option("k2")?,
        };
        let y = image::ssim(&batch(a, &a.at(0)?, 2)?, &batch(a, &a.at(1)?, 2)?, options)?;
        Ok(if a.at(0)?.rank() == 3 { y.squeeze(&[0]) } else { y })
    }),
];

fn format(a: &Arguments) -> Result<DataFormat> {
    Ok(a.option::<Option<DataFormat>>("data_format")?.unwrap_or_default())
}

/// What stands between pixels and outside of them.
fn outside(a: &Arguments) -> Result<(Interpolation, FillMode, f32)> {
    Ok((a.option("interpolation")?, a.option("fill_mode")?, a.option("fill_value")?))
}

/// Images, or a single one, of so many axes beside the channels, as a batch with the channels last.
fn batch(a: &Arguments, x: &Tensor, axes: usize) -> Result<Tensor> {
    let x = match x.rank().checked_sub(axes) {
        Some(1) => x.expand_dims(0),
        Some(2) => x.clone(),
        _ => return Err(a.misfit("expected images (N, H, W, C) or one of them")),
    };
    Ok(if format(a)? == DataFormat::ChannelsFirst { x.move_axes(&[1], &[-1]) } else { x })
}

/// `run` of the first argument as [`batch`] has it; the result gets the order and rank of the argument.
fn of_images(a: &Arguments, axes: usize, run: impl Fn(&Tensor) -> Result<Tensor>) -> Result<Tensor> {
    let x = a.x()?;
    let y = run(&batch(a, &x, axes)?)?;
    let y = if format(a)? == DataFormat::ChannelsFirst { y.move_axes(&[-1], &[1]) } else { y };
    Ok(if x.rank() == axes + 1 { y.squeeze(&[0]) } else { y })
}

/// What goes before and behind an axis, of which options name two among these and the target size. `difference` is how far the target is
/// from the size.
fn borders(a: &Arguments, [before, behind, target]: [&str; 3], difference: impl Fn(usize) -> Option<usize>) -> Result<(usize, usize)> {
    let given = |name: &str| if a.json(name) == &Json::Null { Ok(None) } else { a.size(name).map(Some) };
    let rest = |known: usize, target_size: usize| {
        let rest = difference(target_size).and_then(|both| both.checked_sub(known));
        rest.ok_or_else(|| a.misfit(format_args!("{target} {target_size} does not fit")))
    };
    match (given(before)?, given(behind)?, given(target)?) {
        (Some(before), Some(behind), None) => Ok((before, behind)),
        (Some(before), None, Some(target)) => Ok((before, rest(before, target)?)),
        (None, Some(behind), Some(target)) => Ok((rest(behind, target)?, behind)),
        _ => Err(Error::invalid(format!("exactly two of {before}, {behind} and {target} are given"))),
    }
}
