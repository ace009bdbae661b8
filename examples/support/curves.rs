//! Learning curves as an SVG picture: loss and accuracy over the epochs, on training and validation data, side by side.

use std::fmt::Write;

const PANEL: (f64, f64) = (300.0, 200.0);
const MARGIN: (f64, f64) = (52.0, 56.0);
const SIZE: (f64, f64) = (2.0 * (PANEL.0 + MARGIN.0) + 24.0, PANEL.1 + MARGIN.1 + 52.0);
const TRAIN: &str = "#2563eb";
const VALIDATION: &str = "#ea580c";

/// One panel: a value per epoch on the training data, and on the validation data where there is any.
pub struct Curves<'a> {
    pub title: &'a str,
    pub train: &'a [f64],
    pub validation: &'a [f64],
}

/// The picture of two panels under `title`. Values that are not finite leave gaps.
pub fn svg(title: &str, left: &Curves, right: &Curves) -> String {
    let (width, height) = SIZE;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         font-family=\"system-ui, sans-serif\" font-size=\"12\" fill=\"#334155\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    let _ = writeln!(text, "<text x=\"{}\" y=\"22\" font-size=\"15\" font-weight=\"600\">{}</text>", MARGIN.0, escaped(title));
    for (index, curves) in [left, right].into_iter().enumerate() {
        panel(&mut text, curves, MARGIN.0 + index as f64 * (PANEL.0 + MARGIN.0), MARGIN.1 + 8.0);
    }
    legend(&mut text, width - 24.0, !left.validation.is_empty() || !right.validation.is_empty());
    text + "</svg>\n"
}

fn panel(text: &mut String, curves: &Curves, x: f64, y: f64) {
    let values = || curves.train.iter().chain(curves.validation).copied().filter(|value| value.is_finite());
    let epochs = curves.train.len().max(curves.validation.len());
    let step = nice_step(values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
    let low = (values().fold(f64::INFINITY, f64::min) / step).floor() * step;
    let (low, high) = if low.is_finite() { (low, (values().fold(low, f64::max) / step).ceil() * step) } else { (0.0, 1.0) };
    let high = if high > low { high } else { low + step };
    let across = |epoch: usize| x + PANEL.0 * if epochs > 1 { (epoch as f64 - 1.0) / (epochs as f64 - 1.0) } else { 0.5 };
    let down = |value: f64| y + PANEL.1 * (high - value) / (high - low);

    let _ = writeln!(text, "<text x=\"{x}\" y=\"{}\" font-weight=\"600\">{}</text>", y - 10.0, escaped(curves.title));
    let decimals = (-step.log10().floor()).clamp(0.0, 12.0) as usize;
    for tick in 0..=((high - low) / step).round() as usize {
        let value = low + tick as f64 * step;
        let at = down(value);
        let _ = writeln!(text, "<line x1=\"{x}\" x2=\"{}\" y1=\"{at:.1}\" y2=\"{at:.1}\" stroke=\"#e2e8f0\"/>", x + PANEL.0);
        let _ = writeln!(text, "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{value:.decimals$}</text>", x - 7.0, at + 4.0);
    }
    let every = [1, 2, 5, 10, 20, 50, 100, 200, 500].into_iter().find(|every| epochs / every <= 10).unwrap_or(epochs);
    for epoch in (1..=epochs).filter(|epoch| epoch % every == 0 || *epoch == 1 && every < 3) {
        let _ = writeln!(text, "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{epoch}</text>", across(epoch), y + PANEL.1 + 18.0);
    }
    let middle = x + PANEL.0 / 2.0;
    let _ = writeln!(text, "<text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\" fill=\"#64748b\">epoch</text>", y + PANEL.1 + 35.0);

    for (values, color) in [(curves.train, TRAIN), (curves.validation, VALIDATION)] {
        let mut pen = 'M';
        let mut path = String::new();
        for (index, &value) in values.iter().enumerate() {
            if !value.is_finite() {
                pen = 'M';
                continue;
            }
            let (at_x, at_y) = (across(index + 1), down(value));
            let _ = write!(path, "{pen}{at_x:.1} {at_y:.1}");
            pen = 'L';
            if values.len() <= 30 {
                let _ = writeln!(text, "<circle cx=\"{at_x:.1}\" cy=\"{at_y:.1}\" r=\"2.5\" fill=\"{color}\"/>");
            }
        }
        let _ = writeln!(text, "<path d=\"{path}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"2\" stroke-linejoin=\"round\"/>");
    }
}

/// Names the two colours, flush right at `right`.
fn legend(text: &mut String, right: f64, validation: bool) {
    let entries: &[_] =
        if validation { &[(150.0, TRAIN, "training"), (73.0, VALIDATION, "validation")] } else { &[(64.0, TRAIN, "training")] };
    for (offset, color, name) in entries {
        let x = right - offset;
        let _ = writeln!(text, "<line x1=\"{x}\" x2=\"{}\" y1=\"18\" y2=\"18\" stroke=\"{color}\" stroke-width=\"3\"/>", x + 14.0);
        let _ = writeln!(text, "<text x=\"{}\" y=\"22\">{name}</text>", x + 19.0);
    }
}

/// A round distance of ticks (1, 2 or 5 times a power of ten) that puts four to nine of them between two values.
fn nice_step(low: f64, high: f64) -> f64 {
    let range = if high > low { high - low } else { 1.0 };
    let power = 10_f64.powf((range / 4.0).log10().floor());
    power * [5.0, 2.0].into_iter().find(|factor| range / (factor * power) >= 4.0).unwrap_or(1.0)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
