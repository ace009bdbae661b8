//! Keras 3's summary table: layers, output shapes and parameter counts in a box, totals below.

use std::fmt::Write as _;

/// The width of Keras' table on a terminal of 80 columns.
pub(crate) const WIDTH: usize = 76;

/// One layer of the table.
pub(crate) struct Row {
    pub name: String,
    /// The layer's class, such as `Conv2D`.
    pub class: String,
    /// Such as `(None, 26, 26, 32)`; `?` for a layer that is not built.
    pub output_shape: String,
    /// The layer's parameters, trainable or not; none before it is built.
    pub params: Option<usize>,
    /// The layers it takes its inputs from, such as `dense[0][0]`. The column shows up once a row of the table has any.
    pub connected_to: Vec<String>,
}

/// Parameter counts of a whole model.
pub(crate) struct Totals {
    pub trainable: Count,
    pub non_trainable: Count,
    /// The optimizer's state; none before there is any.
    pub optimizer: Option<Count>,
}

/// A number of parameters and the memory they take.
#[derive(Clone, Copy, Default)]
pub(crate) struct Count {
    pub params: usize,
    pub bytes: usize,
}

impl Count {
    /// `params` numbers of 32 bits.
    pub(crate) fn words(params: usize) -> Self {
        Self { params, bytes: 4 * params }
    }
}

impl std::iter::Sum for Count {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), |sum, count| Self { params: sum.params + count.params, bytes: sum.bytes + count.bytes })
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Align {
    Left,
    Right,
}

/// A column: its heading, where it ends as a share of the table's width, and its alignment.
type Column = (&'static str, f64, Align);

const PLAIN: &[Column] = &[("Layer (type)", 0.45, Align::Left), ("Output Shape", 0.8, Align::Left), ("Param #", 1.0, Align::Right)];
const CONNECTED: &[Column] = &[
    ("Layer (type)", 0.3, Align::Left),
    ("Output Shape", 0.56, Align::Left),
    ("Param #", 0.74, Align::Right),
    ("Connected to", 1.0, Align::Left),
];

/// The summary of a model as Keras 3 prints it, `width` characters wide ([`WIDTH`] is Keras' own; the least is 40).
/// Names that do not fit are wrapped between words and cut with `…` within them, as there.
pub(crate) fn summary(title: &str, rows: &[Row], totals: &Totals, width: usize) -> String {
    let columns = if rows.iter().any(|row| !row.connected_to.is_empty()) { CONNECTED } else { PLAIN };
    let widths = widths(columns, width.max(40));
    let rule = |left: &str, line: &str, cross: &str, right: &str| {
        let cells: Vec<_> = widths.iter().map(|width| line.repeat(width + 2)).collect();
        format!("{left}{}{right}\n", cells.join(cross))
    };

    let mut text = format!("Model: \"{title}\"\n");
    text += &rule("┏", "━", "┳", "┓");
    let headings: Vec<_> = columns.iter().map(|column| column.0.to_string()).collect();
    text += &record(&headings, columns, &widths, "┃", true);
    text += &rule("┡", "━", "╇", "┩");
    for (index, row) in rows.iter().enumerate() {
        if index > 0 {
            text += &rule("├", "─", "┼", "┤");
        }
        text += &record(&cells(row), columns, &widths, "│", false);
    }
    text += &rule("└", "─", "┴", "┘");

    let mut total = |name: &str, count: Count| {
        let _ = writeln!(text, " {name} params: {} ({})", grouped(count.params), size(count.bytes));
    };
    total("Total", [totals.trainable, totals.non_trainable].into_iter().chain(totals.optimizer).sum());
    total("Trainable", totals.trainable);
    total("Non-trainable", totals.non_trainable);
    if let Some(optimizer) = totals.optimizer {
        total("Optimizer", optimizer);
    }
    text
}

/// The columns' inner widths. Keras plans them without borders and padding; rich then takes those from all columns alike.
fn widths(columns: &[Column], width: usize) -> Vec<usize> {
    let ends = columns.iter().map(|column| (column.1 * width as f64) as usize);
    let mut start = 0;
    let planned = ends.map(|end| end - std::mem::replace(&mut start, end));
    let reduced = if columns.len() == 3 { [3, 4, 3, 0] } else { [3, 3, 4, 3] };
    planned.zip(reduced).map(|(width, less)| width - less).collect()
}

fn cells(row: &Row) -> [String; 4] {
    let params = row.params.map_or_else(|| "0 (unbuilt)".to_string(), grouped);
    let connected_to = if row.connected_to.is_empty() { "-".to_string() } else { row.connected_to.join(", ") };
    [format!("{} ({})", row.name, row.class), row.output_shape.clone(), params, connected_to]
}

/// One row of cells, as many lines high as its highest cell; headings stand at the bottom, others at the top.
fn record(cells: &[String], columns: &[Column], widths: &[usize], border: &str, bottom: bool) -> String {
    let wrapped: Vec<_> = cells.iter().zip(widths).map(|(cell, &width)| wrap(cell, width)).collect();
    let height = wrapped.iter().map(Vec::len).max().unwrap_or(0);
    let mut text = String::new();
    for line in 0..height {
        text += border;
        for ((lines, &width), column) in wrapped.iter().zip(widths).zip(columns) {
            let skipped = if bottom { height - lines.len() } else { 0 };
            let content = line.checked_sub(skipped).and_then(|line| lines.get(line)).map_or("", String::as_str);
            let _ = match column.2 {
                Align::Left => write!(text, " {content:<width$} {border}"),
                Align::Right => write!(text, " {content:>width$} {border}"),
            };
        }
        text.push('\n');
    }
    text
}

/// Breaks `text` between words into lines of at most `width` characters; what is longer in itself is cut.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_inclusive(' ') {
        let line = lines.last_mut().expect("starts with a line");
        if line.is_empty() || line.chars().count() + word.trim_end().chars().count() <= width {
            line.push_str(word);
        } else {
            lines.push(word.to_string());
        }
    }
    lines.iter().map(|line| cut(line.trim_end(), width)).collect()
}

fn cut(line: &str, width: usize) -> String {
    if line.chars().count() <= width { line.to_string() } else { line.chars().take(width - 1).chain(['…']).collect() }
}

/// `12576` as `12,576`.
pub(crate) fn grouped(count: usize) -> String {
    let digits = count.to_string();
    let (head, tail) = digits.split_at((digits.len() - 1) % 3 + 1);
    tail.as_bytes().chunks(3).fold(head.to_string(), |text, group| text + "," + &String::from_utf8_lossy(group))
}

/// `139304` bytes as `136.04 KB`.
fn size(bytes: usize) -> String {
    let mut size = bytes as f64;
    for unit in ["B", "KB", "MB", "GB", "TB"] {
        if size < 1024.0 {
            return format!("{size:.2} {unit}");
        }
        size /= 1024.0;
    }
    format!("{size:.2} PB")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, class: &str, output_shape: &str, params: usize, connected_to: &[&str]) -> Row {
        let connected_to = connected_to.iter().map(ToString::to_string).collect();
        Row { name: name.into(), class: class.into(), output_shape: output_shape.into(), params: Some(params), connected_to }
    }

    fn totals(trainable: usize, non_trainable: usize, optimizer: Option<Count>) -> Totals {
        Totals { trainable: Count::words(trainable), non_trainable: Count::words(non_trainable), optimizer }
    }

    fn small_cnn() -> [Row; 8] {
        [
            row("conv2d", "Conv2D", "(None, 26, 26, 32)", 320, &[]),
            row("batch_normalization", "BatchNormalization", "(None, 26, 26, 32)", 128, &[]),
            row("max_pooling2d", "MaxPooling2D", "(None, 13, 13, 32)", 0, &[]),
            row("conv2d_1", "Conv2D", "(None, 11, 11, 64)", 18_496, &[]),
            row("max_pooling2d_1", "MaxPooling2D", "(None, 5, 5, 64)", 0, &[]),
            row("flatten", "Flatten", "(None, 1600)", 0, &[]),
            row("dropout", "Dropout", "(None, 1600)", 0, &[]),
            row("dense", "Dense", "(None, 10)", 16_010, &[]),
        ]
    }

    fn branching() -> [Row; 5] {
        [
            row("input_layer_1", "InputLayer", "(None, 8)", 0, &[]),
            row("a_rather_long_layer_name_indeed", "Dense", "(None, 1000)", 9000, &["input_layer_1[0][0]"]),
            row("dense_1", "Dense", "(None, 1000)", 9000, &["input_layer_1[0][0]"]),
            row("add", "Add", "(None, 1000)", 0, &["a_rather_long_layer_name_indeed[0][0]", "dense_1[0][0]"]),
            row("dense_2", "Dense", "(None, 3)", 3003, &["add[0][0]"]),
        ]
    }

    #[test]
    fn a_sequential_model_equals_keras() {
        let expected = r#"
Model: "small_cnn"
┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━┓
┃ Layer (type)                    ┃ Output Shape           ┃       Param # ┃
┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━┩
│ conv2d (Conv2D)                 │ (None, 26, 26, 32)     │           320 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ batch_normalization             │ (None, 26, 26, 32)     │           128 │
│ (BatchNormalization)            │                        │               │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ max_pooling2d (MaxPooling2D)    │ (None, 13, 13, 32)     │             0 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ conv2d_1 (Conv2D)               │ (None, 11, 11, 64)     │        18,496 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ max_pooling2d_1 (MaxPooling2D)  │ (None, 5, 5, 64)       │             0 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ flatten (Flatten)               │ (None, 1600)           │             0 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ dropout (Dropout)               │ (None, 1600)           │             0 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ dense (Dense)                   │ (None, 10)             │        16,010 │
└─────────────────────────────────┴────────────────────────┴───────────────┘
 Total params: 104,736 (409.13 KB)
 Trainable params: 34,890 (136.29 KB)
 Non-trainable params: 64 (256.00 B)
 Optimizer params: 69,782 (272.59 KB)
"#;
        assert_eq!(
            summary("small_cnn", &small_cnn(), &totals(34_890, 64, Some(Count { params: 69_782, bytes: 4 * 69_782 + 4 })), WIDTH),
            expected[1..]
        );
    }

    #[test]
    fn a_narrow_table_of_a_branching_model_equals_keras() {
        let expected = r#"
Model: "functional_1"
┏━━━━━━━━━━━━━━┳━━━━━━━━━━━━┳━━━━━━━┳━━━━━━━━━━━━┓
┃              ┃ Output     ┃ Param ┃ Connected  ┃
┃ Layer (type) ┃ Shape      ┃     # ┃ to         ┃
┡━━━━━━━━━━━━━━╇━━━━━━━━━━━━╇━━━━━━━╇━━━━━━━━━━━━┩
│ input_layer… │ (None, 8)  │     0 │ -          │
│ (InputLayer) │            │       │            │
├──────────────┼────────────┼───────┼────────────┤
│ a_rather_lo… │ (None,     │ 9,000 │ input_lay… │
│ (Dense)      │ 1000)      │       │            │
├──────────────┼────────────┼───────┼────────────┤
│ dense_1      │ (None,     │ 9,000 │ input_lay… │
│ (Dense)      │ 1000)      │       │            │
├──────────────┼────────────┼───────┼────────────┤
│ add (Add)    │ (None,     │     0 │ a_rather_… │
│              │ 1000)      │       │ dense_1[0… │
├──────────────┼────────────┼───────┼────────────┤
│ dense_2      │ (None, 3)  │ 3,003 │ add[0][0]  │
│ (Dense)      │            │       │            │
└──────────────┴────────────┴───────┴────────────┘
 Total params: 21,003 (82.04 KB)
 Trainable params: 21,003 (82.04 KB)
 Non-trainable params: 0 (0.00 B)
"#;
        assert_eq!(summary("functional_1", &branching(), &totals(21_003, 0, None), 50), expected[1..]);
    }

    #[test]
    fn a_layer_that_is_not_built_says_so() {
        let rows = [Row { params: None, ..row("dense_3", "Dense", "?", 0, &[]) }];
        let text = summary("sequential", &rows, &totals(0, 0, None), WIDTH);
        assert!(text.contains("│ dense_3 (Dense)                 │ ?                      │   0 (unbuilt) │\n"), "{text}");
        assert!(text.ends_with(" Non-trainable params: 0 (0.00 B)\n"));
    }

    #[test]
    fn counts_and_sizes_read_like_keras() {
        assert_eq!([0, 999, 1000, 12_576, 1_234_567].map(grouped), ["0", "999", "1,000", "12,576", "1,234,567"]);
        assert_eq!([256, 1024, 139_304, 110_346_336].map(size), ["256.00 B", "1.00 KB", "136.04 KB", "105.23 MB"]);
    }

    #[test]
    fn narrow_tables_and_odd_names_are_safe() {
        for width in 0..90 {
            for rows in [&small_cnn()[..], &branching(), &[row("", "", "", 0, &[]), row("größe größe", "Ü", " ", 0, &[])]] {
                let text = summary("m", rows, &totals(0, 0, None), width);
                assert!(text.lines().skip(1).filter(|line| !line.starts_with(' ')).all(|line| line.chars().count() == width.max(40)));
            }
        }
    }
}
