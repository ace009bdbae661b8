//! Configs: the options of layers, losses, optimizers and the like, as Keras writes them in JSON, both ways.

mod fields;
mod numbers;
mod object;
mod text;
mod value;

pub use fields::{Fields, Flatten, Reader, Shares, read};
#[doc(hidden)]
pub use inventory::submit;
pub use numbers::Numbers;
pub use object::{Entry, Kind, Object};
pub(crate) use object::{Written, kind, snake_case};
/// JSON, as Keras' files hold it.
pub use serde_json::Value as Json;
pub(crate) use text::{number, parse as parse_json, write as write_json};
pub use value::Value;
pub use wgrad_derive::Choice;

use std::{any::Any, fmt};

/// Options by name, in order.
pub type Options = serde_json::Map<String, Json>;

/// By what files find a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Class {
    /// Keras' module, such as `keras.layers`.
    pub module: &'static str,
    /// Keras' class name.
    pub name: &'static str,
    /// The package of a class that is not Keras'.
    pub package: Option<&'static str>,
}

impl Class {
    /// The name under which a class that is not Keras' own is registered: `package>Name`.
    pub fn registered_name(&self) -> Option<String> {
        self.package.map(|package| format!("{package}>{}", self.name))
    }
}

/// Something with a class name and options: written by the derives of layers, losses and the like.
pub trait Config: Any + fmt::Debug + Send + Sync {
    /// Its class.
    fn class(&self) -> &'static Class;

    /// Adds its options under Keras' names, as `get_config` gives them. Name, trainable flag and dtype of a layer are not among them.
    fn options(&self, out: &mut Options);

    /// The options that are arguments of its constructor, in order.
    fn constructor(&self) -> &'static [&'static str] {
        &[]
    }
}

/// The way back from options.
pub trait FromConfig: Config + Sized {
    /// Its class.
    const CLASS: Class;

    /// The thing with these options; nothing where one cannot be used, which is then noted in `fields`.
    fn from_options(fields: &mut Fields<'_>) -> Option<Self>;
}
