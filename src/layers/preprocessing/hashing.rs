//! Categories as the bins in which their hashes fall.

use super::{
    HostLayer, OutputMode,
    encode::dense,
    fingerprint::{self, Salt, crossed},
    host,
};
use crate::{
    DType, Dims, Error, Result, Shape,
    config::Json,
    data::{Array, Values},
    layers::{Build, Call, Inputs, Layer, Outputs},
};

/// Text or integers as the numbers of bins, by TensorFlow's hashes.
///
/// ```
/// use wgrad::{layers::{Hashing, HostLayer}, prelude::*};
/// let bins = Hashing::new(3).transform(&["A", "B", "C", "D", "E"])?;
/// assert_eq!(bins, Array::from(vec![1_i64, 0, 1, 1, 2]));
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.Hashing")]
pub struct Hashing {
    /// How many bins there are.
    #[layer(new)]
    num_bins: usize,
    /// What is no value: it alone is in bin 0.
    mask_value: Option<Json>,
    /// The key of the hash; there is none if not set.
    salt: Option<Salt>,
    /// What comes of the bins: `Int`, `OneHot`, `MultiHot` or `Count`.
    output_mode: OutputMode,
    /// Always false: outputs are dense.
    sparse: bool,
}

/// Numbers of bins as a layer of this mode gives them.
fn encoded(bins: Vec<i64>, shape: &Shape, mode: OutputMode, depth: usize) -> Result<Array> {
    if mode == OutputMode::Int {
        return Array::new(bins, shape);
    }
    let rows: Vec<f32> = mode.rows(&bins, shape, depth).into_iter().map(|count| count as f32).collect();
    Array::new(rows, mode.dims(shape, depth).with_unknown(0))
}

fn output(shape: &Shape, mode: OutputMode, depth: usize) -> (Dims, DType) {
    (mode.dims(shape, depth), if mode == OutputMode::Int { DType::I32 } else { DType::F32 })
}

fn check(num_bins: usize) -> Result<()> {
    if num_bins == 0 { Err(Error::invalid("num_bins must be at least 1")) } else { Ok(()) }
}

/// The integers of an array; fractions are cut off.
fn integers(array: &Array) -> Option<Vec<i64>> {
    array.integers().map(Iterator::collect).or_else(|| array.numbers().map(|numbers| numbers.map(|x| x as i64).collect()))
}

impl Layer for Hashing {
    fn autocast(&self) -> bool {
        false
    }

    fn as_host(&self) -> Option<&dyn HostLayer> {
        Some(self)
    }

    fn build(&mut self, _build: &mut Build, _inputs: &[Shape]) -> Result<()> {
        dense(self.sparse)?;
        check(self.num_bins)?;
        if self.mask_value.as_ref().is_some_and(|mask| !mask.is_string() && !mask.is_i64()) {
            return Err(Error::invalid("mask_value is a text or an integer"));
        }
        self.output_mode.check(&[OutputMode::Int, OutputMode::OneHot, OutputMode::MultiHot, OutputMode::Count])
    }

    fn call(&self, _call: &mut Call, inputs: &Inputs) -> Result<Outputs> {
        host::call(self, inputs)
    }
}

impl HostLayer for Hashing {
    fn output(&self, inputs: &[&Shape]) -> Result<(Dims, DType)> {
        Ok(output(inputs[0], self.output_mode, self.num_bins))
    }

    fn transform_all(&self, inputs: &[&Array]) -> Result<Array> {
        check(self.num_bins)?;
        let array = host::one(inputs)?;
        // With a mask it has the first bin for itself.
        let masked = self.mask_value.is_some() && self.num_bins > 1;
        let bin = |text: &[u8], is_mask: bool| match masked {
            true if is_mask => 0,
            true => 1 + fingerprint::bin(text, self.num_bins - 1, self.salt),
            false => fingerprint::bin(text, self.num_bins, self.salt),
        };
        let bins = if let Values::Str(texts) = array.values() {
            let mask = self.mask_value.as_ref().and_then(Json::as_str);
            texts.iter().map(|text| bin(text.as_bytes(), mask == Some(&**text))).collect()
        } else if let Values::Bool(flags) = array.values() {
            flags.iter().map(|flag| bin(flag.to_string().as_bytes(), false)).collect()
        } else {
            let mask = self.mask_value.as_ref().and_then(Json::as_i64);
            let numbers = integers(array).unwrap_or_default();
            numbers.into_iter().map(|number| bin(number.to_string().as_bytes(), mask == Some(number))).collect()
        };
        encoded(bins, array.shape(), self.output_mode, self.num_bins)
    }
}

/// Two or more columns of text or integers as the number of a bin for what they are together.
///
/// ```
/// use wgrad::{layers::{HashedCrossing, HostLayer}, prelude::*};
/// let (names, ages) = (Array::from(vec!["A".to_owned(), "B".into(), "A".into()]), Array::from(vec![101, 101, 101]));
/// assert_eq!(HashedCrossing::new(5).transform_all(&[&names, &ages])?, Array::from(vec![1_i64, 4, 1]));
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.HashedCrossing")]
pub struct HashedCrossing {
    /// How many bins there are.
    #[layer(new)]
    num_bins: usize,
    /// What comes of the bins: `Int` or `OneHot`.
    output_mode: OutputMode,
    /// Always false: outputs are dense.
    sparse: bool,
}

impl Layer for HashedCrossing {
    fn autocast(&self) -> bool {
        false
    }

    fn as_host(&self) -> Option<&dyn HostLayer> {
        Some(self)
    }

    fn build(&mut self, _build: &mut Build, inputs: &[Shape]) -> Result<()> {
        dense(self.sparse)?;
        check(self.num_bins)?;
        let column = |shape: &Shape| shape.rank() < 2 || (shape.rank() == 2 && shape[1] == 1);
        if inputs.len() < 2 || inputs.iter().any(|shape| !column(shape) || *shape != inputs[0]) {
            return Err(Error::shape(format!("expected two or more columns (N,) or (N, 1) of one shape, got {inputs:?}")));
        }
        self.output_mode.check(&[OutputMode::Int, OutputMode::OneHot])
    }

    fn call(&self, _call: &mut Call, inputs: &Inputs) -> Result<Outputs> {
        host::call(self, inputs)
    }
}

impl HostLayer for HashedCrossing {
    fn output(&self, inputs: &[&Shape]) -> Result<(Dims, DType)> {
        Ok(output(inputs[0], self.output_mode, self.num_bins))
    }

    fn transform_all(&self, inputs: &[&Array]) -> Result<Array> {
        /// TensorFlow's default key.
        const KEY: u64 = 0xDE_CAFC_AFFE;
        check(self.num_bins)?;
        let Some(first) = inputs.first().filter(|first| inputs.iter().all(|other| other.shape() == first.shape())) else {
            return Err(Error::shape("expected columns of one shape"));
        };
        let mut hashes = vec![KEY; first.values().len()];
        for column in inputs {
            if let Values::Str(texts) = column.values() {
                hashes.iter_mut().zip(texts).for_each(|(hash, text)| *hash = crossed(*hash, fingerprint::fingerprint(text.as_bytes())));
            } else if let Some(numbers) = column.integers() {
                hashes.iter_mut().zip(numbers).for_each(|(hash, number)| *hash = crossed(*hash, number as u64));
            } else {
                return Err(Error::dtype(format!("HashedCrossing takes text and integers, not {}", column.dtype())));
            }
        }
        let bins = hashes.into_iter().map(|hash| (hash % self.num_bins as u64) as i64).collect();
        encoded(bins, first.shape(), self.output_mode, self.num_bins)
    }
}
