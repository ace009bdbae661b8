//! Options that are a number or an array of them.

use super::{Json, Reader, Value};
use crate::Shape;

/// A number, or an array of them: `0.5`, `[0.5, 2.0]`, `[[0.5], [2.0]]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Numbers {
    shape: Shape,
    values: Vec<f32>,
}

impl Numbers {
    /// Numbers of `shape`, row-major.
    ///
    /// # Panics
    /// When there are more or fewer than the shape holds.
    #[track_caller]
    pub fn new(shape: impl Into<Shape>, values: impl Into<Vec<f32>>) -> Self {
        let (shape, values) = (shape.into(), values.into());
        assert_eq!(shape.size(), values.len(), "an array of shape {shape} has as many numbers");
        Self { shape, values }
    }

    /// Sizes of the axes; none for one number.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// All numbers, row-major.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The number, if it is one.
    pub fn one(&self) -> Option<f32> {
        self.values.first().copied().filter(|_| self.shape.rank() == 0)
    }
}

impl From<f32> for Numbers {
    fn from(number: f32) -> Self {
        Self::new([], [number])
    }
}

impl From<Vec<f32>> for Numbers {
    fn from(values: Vec<f32>) -> Self {
        Self::new([values.len()], values)
    }
}

impl<const N: usize> From<[f32; N]> for Numbers {
    fn from(values: [f32; N]) -> Self {
        Self::new([N], values)
    }
}

impl<const N: usize, const M: usize> From<[[f32; M]; N]> for Numbers {
    fn from(rows: [[f32; M]; N]) -> Self {
        Self::new([N, M], rows.concat())
    }
}

impl Value for Numbers {
    fn to_json(&self) -> Json {
        fn nested(sizes: &[usize], values: &[f32]) -> Json {
            match sizes {
                [] => values[0].to_json(),
                [_, inner @ ..] => values.chunks(inner.iter().product::<usize>().max(1)).map(|part| nested(inner, part)).collect(),
            }
        }
        nested(&self.shape, &self.values)
    }

    fn from_json(json: &Json, reader: &mut Reader) -> Option<Self> {
        // An array of NumPy stands in an object.
        let json = json.pointer("/config/value").unwrap_or(json);
        let Some(list) = json.as_array() else { return f32::from_json(json, reader).map(Self::from) };
        let parts = list.iter().map(|part| Self::from_json(part, reader)).collect::<Option<Vec<_>>>()?;
        let inner = parts.first().map_or(Shape::scalar(), |part| part.shape.clone());
        if parts.iter().any(|part| part.shape != inner) {
            return reader.expected("lists of one length at each depth", json);
        }
        let shape = std::iter::once(parts.len()).chain(inner.iter().copied()).collect();
        Some(Self { shape, values: parts.into_iter().flat_map(|part| part.values).collect() })
    }
}
