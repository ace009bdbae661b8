//! Pictures of models: Keras' `plot_model` as DOT text or as SVG.

use super::{Model, network::Network, summary::Row};
use crate::{Error, ErrorKind, Result};
use std::{collections::HashMap, fmt::Write as _, path::Path};

/// From which box to which.
type Edges = Vec<(usize, usize)>;

/// Width and height of a box, and the room between boxes.
const BOX: (usize, usize) = (220, 44);
const GAP: (usize, usize) = (24, 36);

impl Model {
    /// The model's layers and connections in the DOT language of Graphviz.
    ///
    /// # Errors
    /// Before it is built.
    #[doc(alias = "keras.utils.model_to_dot")]
    pub fn to_dot(&self) -> Result<String> {
        let (rows, edges) = self.drawn()?;
        let mut text = "digraph model {\n  node [shape=box, fontname=\"sans-serif\"];\n".to_owned();
        for (at, row) in rows.iter().enumerate() {
            let _ = writeln!(text, "  {at} [label={:?}];", format!("{} ({})\n{}", row.name, row.class, row.output_shape));
        }
        for (from, to) in edges {
            let _ = writeln!(text, "  {from} -> {to};");
        }
        Ok(text + "}\n")
    }

    /// The same as a picture: a layer lies below those that it takes its inputs from.
    ///
    /// # Errors
    /// Before it is built.
    pub fn to_svg(&self) -> Result<String> {
        let (rows, edges) = self.drawn()?;
        // A row of the picture is the longest way from an input. Rows come in an order in which edges point forward or not at all,
        // so that as many rounds as there are boxes are enough.
        let mut depths = vec![0usize; rows.len()];
        for _ in 0..rows.len() {
            let before = depths.clone();
            edges.iter().for_each(|&(from, to)| depths[to] = depths[to].max(depths[from] + 1));
            if depths == before {
                break;
            }
        }
        let mut filled: HashMap<usize, usize> = HashMap::new();
        let mut place = |depth: usize| {
            let column = filled.entry(depth).or_default();
            *column += 1;
            (GAP.0 + (*column - 1) * (BOX.0 + GAP.0), GAP.1 + depth * (BOX.1 + GAP.1))
        };
        let places: Vec<(usize, usize)> = depths.iter().map(|&depth| place(depth)).collect();
        let right = places.iter().map(|place| place.0).max().unwrap_or(0) + BOX.0 + GAP.0;
        let bottom = places.iter().map(|place| place.1).max().unwrap_or(0) + BOX.1 + GAP.1;
        let mut text = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {right} {bottom}\" width=\"{right}\" height=\"{bottom}\" \
             font-family=\"sans-serif\" font-size=\"12\" text-anchor=\"middle\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
        );
        for (from, to) in edges {
            let ((x, y), (to_x, to_y)) = (places[from], places[to]);
            let (x, y, to_x) = (x + BOX.0 / 2, y + BOX.1, to_x + BOX.0 / 2);
            let _ = writeln!(text, "<path d=\"M{x} {y}L{to_x} {to_y}\" stroke=\"#64748b\"/>");
        }
        for (row, (x, y)) in rows.iter().zip(places) {
            let (middle, first, second) = (x + BOX.0 / 2, y + 18, y + 36);
            let (name, shape) = (escaped(&format!("{} ({})", row.name, row.class)), escaped(&row.output_shape));
            let (width, height) = BOX;
            let _ = writeln!(
                text,
                "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"4\" fill=\"#f1f5f9\" stroke=\"#64748b\"/>"
            );
            let _ = writeln!(
                text,
                "<text x=\"{middle}\" y=\"{first}\">{name}</text><text x=\"{middle}\" y=\"{second}\" fill=\"#475569\">{shape}</text>"
            );
        }
        Ok(text + "</svg>\n")
    }

    /// Boxes and arrows between them.
    fn drawn(&self) -> Result<(Vec<Row>, Edges)> {
        let drawn = self.as_layer()?.with(|network: &Network| (network.rows(), network.edges()));
        drawn.ok_or_else(|| Error::invalid(format!("model {} has no layers to draw", self.name())))
    }
}

/// Writes a picture of `model` to `path`: SVG, or DOT where the name ends so.
///
/// ```
/// use wgrad::{models::plot_model, prelude::*};
/// let model = Sequential::new().add(Input::new([4])).add(Dense::new(3)).build()?;
/// let path = std::env::temp_dir().join("wgrad-plot-model-example.svg");
/// plot_model(&model, &path)?;
/// assert!(path.exists());
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), wgrad::Error>(())
/// ```
///
/// # Errors
/// Before the model is built, for other endings, and when the file cannot be written.
#[doc(alias = "keras.utils.plot_model")]
pub fn plot_model(model: &Model, path: impl AsRef<Path>) -> Result<()> {
    let path = path.as_ref();
    let text = match path.extension().and_then(|ending| ending.to_str()) {
        Some("svg") => model.to_svg()?,
        Some("dot") => model.to_dot()?,
        _ => return Err(Error::invalid(format!("{}: pictures of models end with .svg or .dot", path.display()))),
    };
    std::fs::write(path, text).map_err(|error| Error::new(ErrorKind::Io, format!("{}: cannot be written: {error}", path.display())))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
