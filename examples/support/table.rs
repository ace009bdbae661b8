//! Tables of numbers in CSV files, for the examples: columns by name, rows with holes left out.

use wgrad::prelude::*;

/// The numbers of some columns, row by row.
pub struct Table {
    pub rows: Vec<Vec<f32>>,
}

impl Table {
    /// Reads `columns` of the file at `path`. A row in which one of them is empty is left out.
    pub fn read(path: &str, columns: &[&str]) -> Result<Self> {
        let fail = |text: String| Error::new(ErrorKind::Data, format!("{path}: {text}"));
        let text = std::fs::read_to_string(path).map_err(|error| fail(error.to_string()))?;
        let mut lines = text.lines().map(|line| line.split(',').map(|cell| cell.trim_matches('"')).collect::<Vec<_>>());
        let header = lines.next().ok_or_else(|| fail("is empty".into()))?;
        let place = |name: &&str| header.iter().position(|cell| cell == name).ok_or_else(|| fail(format!("has no column {name}")));
        let places = columns.iter().map(place).collect::<Result<Vec<_>>>()?;
        let numbers = |cells: Vec<&str>| places.iter().map(|&at| cells.get(at)?.parse().ok()).collect::<Option<Vec<f32>>>();
        let rows: Vec<Vec<f32>> = lines.filter_map(numbers).collect();
        if rows.is_empty() { Err(fail("has no complete row".into())) } else { Ok(Self { rows }) }
    }

    /// Mean and standard deviation of each column.
    pub fn statistics(&self) -> Vec<(f32, f32)> {
        let count = self.rows.len() as f32;
        let column = |at: usize| {
            let mean = self.rows.iter().map(|row| row[at]).sum::<f32>() / count;
            let variance = self.rows.iter().map(|row| (row[at] - mean).powi(2)).sum::<f32>() / count;
            (mean, variance.sqrt().max(1e-6))
        };
        (0..self.rows[0].len()).map(column).collect()
    }
}
