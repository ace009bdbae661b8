//! Rows of the table for preprocessing that has gradients, and what preprocessing layers refuse.

use super::Row;
use wgrad::{
    initializers::Window,
    layers::{FillMode, OutputMode, SpectrogramMode},
    prelude::*,
};

pub fn rows() -> Vec<Row> {
    let row = |name, layer, input, output, parameters| Row { name, layer, input, output, parameters };
    let thumbnails: fn() -> LayerRef =
        || Resizing::new(3, 4).interpolation(Interpolation::Area).pad_to_aspect_ratio(true).fill_mode(FillMode::Constant).shared();
    let waves: fn() -> LayerRef = || STFTSpectrogram::new().frame_length(8).frame_step(4).mode(SpectrogramMode::Psd).shared();
    let channels: fn() -> LayerRef = || {
        let layer = STFTSpectrogram::new().frame_length(6).mode(SpectrogramMode::Stft).expand_dims(true).padding(Same);
        layer.data_format(wgrad::layers::DataFormat::ChannelsFirst).shared()
    };
    let bands: fn() -> LayerRef = || {
        let layer = MelSpectrogram::new().fft_length(16).sequence_stride(8).num_mel_bins(4).min_freq(0.0).power_to_db(false);
        layer.window(Window::Values(vec![0.1; 16])).shared()
    };
    vec![
        row("Rescaling of channels", || Rescaling::new([0.5, 0.25]).offset([1.0, 0.0]).shared(), &[3, 4, 2], &[3, 4, 2], (0, 0)),
        row("Normalization", || Normalization::new().mean([0.5, 0.0]).variance([1.0, 4.0]).shared(), &[3, 2], &[3, 2], (0, 0)),
        row("Normalization back", || Normalization::new().mean(0.5).variance(0.25).invert(true).shared(), &[3, 2], &[3, 2], (0, 0)),
        row("Resizing", || Resizing::new(5, 3).antialias(true).shared(), &[2, 4, 6, 3], &[2, 5, 3, 3], (0, 0)),
        row("Resizing area", thumbnails, &[2, 9, 7, 2], &[2, 3, 4, 2], (0, 0)),
        row("CenterCrop", || CenterCrop::new(3, 4).shared(), &[2, 6, 7, 2], &[2, 3, 4, 2], (0, 0)),
        row("CenterCrop of small images", || CenterCrop::new(6, 8).shared(), &[2, 5, 9, 2], &[2, 6, 8, 2], (0, 0)),
        row("STFTSpectrogram", waves, &[2, 24, 2], &[2, 5, 10], (80, 0)),
        row("STFTSpectrogram channels first", channels, &[2, 2, 24], &[2, 2, 8, 10], (60, 0)),
        row("MelSpectrogram", bands, &[2, 40], &[2, 4, 6], (0, 0)),
    ]
}

/// Layers with inputs or options that are wrong for them, and what they say.
pub fn wrong_inputs() -> Vec<(LayerRef, &'static [usize], &'static str)> {
    vec![
        (Resizing::new(0, 3).shared(), &[4, 4, 3], "height and width [0, 3] must be at least 1"),
        (Resizing::new(3, 3).shared(), &[4], "expected images (N, H, W, C) or one of them, got (None, 4)"),
        (Resizing::new(3, 3).crop_to_aspect_ratio(true).pad_to_aspect_ratio(true).shared(), &[4, 4, 3], "only one of"),
        (CenterCrop::new(3, 3).shared(), &[4], "expected images"),
        (UpSampling2D::new(2).interpolation(Interpolation::Area).shared(), &[4, 4, 3], "interpolation Area is for Resizing"),
        (Normalization::new().mean(0.5).shared(), &[4], "given both, or learned both"),
        (Normalization::new().mean([0.5, 1.0, 2.0]).variance([1.0, 1.0, 1.0]).shared(), &[4], "do not fit axis 1"),
        (Normalization::new().axis(3).shared(), &[4], "axis 3 is outside of shape (None, 4)"),
        (Discretization::new().shared(), &[4], "set num_bins or bin_boundaries"),
        (Discretization::new().num_bins(3).sparse(true).shared(), &[4], "sparse outputs do not exist here"),
        (Discretization::new().num_bins(3).output_mode(OutputMode::TfIdf).shared(), &[4], "output_mode is one of"),
        (CategoryEncoding::new(0).shared(), &[4], "num_tokens must be at least 1"),
        (CategoryEncoding::new(3).output_mode(OutputMode::Int).shared(), &[4], "output_mode is one of"),
        (Hashing::new(0).shared(), &[4], "num_bins must be at least 1"),
        (HashedCrossing::new(3).shared(), &[1], "expected two or more columns"),
        (StringLookup::new().vocabulary(["a", "b", "a"]).shared(), &[4], "terms more than once: [\"a\"]"),
        (StringLookup::new().vocabulary(["a", "b"]).max_tokens(2).shared(), &[4], "a vocabulary of 3 with special tokens is larger"),
        (StringLookup::new().vocabulary(["a", ""]).mask_token("").shared(), &[4], "holds \"\", which stands for masked"),
        (StringLookup::new().invert(true).output_mode(OutputMode::Count).shared(), &[4], "invert goes with output_mode Int"),
        (StringLookup::new().pad_to_max_tokens(true).shared(), &[4], "pad_to_max_tokens needs max_tokens"),
        (IntegerLookup::new().output_mode(OutputMode::MultiHot).shared(), &[4], "give one, or call adapt first"),
        (IntegerLookup::new().vocabulary([1]).output_mode(OutputMode::TfIdf).shared(), &[4], "idf_weights are given with a vocabulary"),
        (TextVectorization::new().output_mode(OutputMode::OneHot).shared(), &[1], "would be ragged"),
        (TextVectorization::new().output_sequence_length(3).shared(), &[3], "expected texts (N,) or (N, 1), got (None, 3)"),
        (STFTSpectrogram::new().shared(), &[400], "expected waves (N, T, C), got (None, 400)"),
        (STFTSpectrogram::new().frame_length(8).frame_step(9).shared(), &[40, 1], "frame_step 9 is from 1 to frame_length 8"),
        (MelSpectrogram::new().shared(), &[400], "more than fft_length / 2 = 1024 samples"),
    ]
}
