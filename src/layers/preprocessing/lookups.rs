//! Texts and integers as their places in a vocabulary.

use super::{
    Adapt, HasVocabulary, HostLayer, Lookup, LookupSetters,
    text::{Encoding, IntegerType},
};
use crate::{
    DType, Dims, Result, Shape,
    data::Array,
    layers::{Assets, Build, Call, Inputs, Layer, Outputs},
};

/// Texts as their places in a vocabulary, which is given or learned by [`adapt`](Adapt::adapt): the most frequent come first. In
/// front stand place 0 for `mask_token`, if there is one, and `num_oov_indices` places for all texts that are not in the vocabulary.
///
/// ```
/// use wgrad::{layers::{Adapt, HostLayer, StringLookup}, prelude::*};
/// let layer = StringLookup::new();
/// layer.adapt(&["d", "c", "c", "a", "b", "b", "b"])?;
/// assert_eq!(layer.get_vocabulary(), ["[UNK]", "b", "c", "d", "a"]);
/// assert_eq!(layer.transform(&["a", "z"])?, Array::from(vec![4_i64, 0]));
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.StringLookup")]
pub struct StringLookup {
    #[layer(flatten)]
    lookup: Lookup<String>,
    #[layer(setter = false)]
    encoding: Encoding,
}

/// Integers of 64 bits as their places in a vocabulary, as [`StringLookup`] has it.
///
/// ```
/// use wgrad::{layers::{HostLayer, IntegerLookup, OutputMode}, prelude::*};
/// let layer = IntegerLookup::new().vocabulary([12, 36, 1138]).output_mode(OutputMode::Count);
/// let counts = layer.transform(&Array::new([12_i64, 1138, 12, 7], [1, 4])?)?;
/// assert_eq!(counts, Array::new([1_i64, 2, 0, 1], [1, 4])?);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.IntegerLookup")]
pub struct IntegerLookup {
    #[layer(flatten)]
    lookup: Lookup<i64>,
    #[layer(setter = false)]
    vocabulary_dtype: IntegerType,
}

impl HasVocabulary for StringLookup {
    type Token = String;
}
impl LookupSetters for StringLookup {}

impl HasVocabulary for IntegerLookup {
    type Token = i64;
}
impl LookupSetters for IntegerLookup {}

macro_rules! lookup_layer {
    ($layer:ident) => {
        impl Layer for $layer {
            fn autocast(&self) -> bool {
                false
            }

            fn as_host(&self) -> Option<&dyn HostLayer> {
                Some(self)
            }

            fn as_adapt(&self) -> Option<&dyn Adapt> {
                Some(self)
            }

            fn as_assets(&self) -> Option<&dyn Assets> {
                Some(&self.lookup)
            }

            fn build(&mut self, _build: &mut Build, _inputs: &[Shape]) -> Result<()> {
                self.lookup.check()
            }

            fn call(&self, _call: &mut Call, inputs: &Inputs) -> Result<Outputs> {
                super::host::call(self, inputs)
            }
        }

        impl HostLayer for $layer {
            fn output(&self, inputs: &[&Shape]) -> Result<(Dims, DType)> {
                self.lookup.output(inputs[0])
            }

            fn transform_all(&self, inputs: &[&Array]) -> Result<Array> {
                self.lookup.check()?;
                self.lookup.transform(inputs)
            }
        }

        impl Adapt for $layer {
            fn adapt_batches(&self, batches: &mut dyn Iterator<Item = Result<Array>>) -> Result<()> {
                self.lookup.adapt(batches, |counts, batch| self.lookup.count(counts, batch))
            }
        }
    };
}

lookup_layer!(StringLookup);
lookup_layer!(IntegerLookup);
