//! `keras.ops` in functional models: each function is a row of a table, and each call of it a layer without weights.
//!
//! A row says what files know of a function (class, arguments of the call, options with their defaults) and what it does with
//! tensors. To add one, write it into one of the tables below; reading, writing, symbols, errors and `docs/ops.md` follow:
//!
//! ```ignore
//! row(MATH, "CDist", &["x", "y"], "", |a| Ok(a.float("x")?.distances(&a.float("y")?)))
//! ```

mod arguments;
mod core;
mod dtypes;
mod elementwise;
mod image;
mod indexing;
mod linear;
mod neural;
mod products;
mod reductions;
mod search;
mod shapes;
mod table;

use super::{Argument, Call, Children, Inputs, Layer, LayerRef, Outputs};
use crate::{
    Error, Result, Tensor,
    config::{Class, Config, Json, Options, Reader, Value, snake_case},
    ops::attempt,
};
use arguments::Arguments;
use std::panic::Location;
use table::Row;
pub use table::{REFUSED_OPS, op_classes};

/// A function of `keras.ops` with its options.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    row: &'static Row,
    options: Options,
}

impl Operation {
    /// `row` with these options, and Keras' defaults for the others.
    fn new(row: &'static Row, mut given: Options) -> Result<Self> {
        let options = row.defaults().map(|(name, default)| (name.to_owned(), given.shift_remove(name).unwrap_or(default))).collect();
        match given.iter().find(|(_, value)| !value.is_null()) {
            Some((name, _)) => Err(Error::invalid(format!("{}: unknown option {name:?}", row.class.name))),
            None => Ok(Self { row, options }),
        }
    }

    /// The op of Keras' class `class` with the options of its config.
    pub fn read(class: &str, mut config: Options, reader: &mut Reader) -> Option<LayerRef> {
        config.shift_remove("name");
        if let Some((_, why)) = REFUSED_OPS.iter().find(|(name, _)| *name == class) {
            return reader.refuse(format_args!("keras.ops.{}: {why}", snake_case(class)));
        }
        let Some(row) = table::named(class) else { return reader.refuse(format_args!("unknown op {class}")) };
        match Self::new(row, config) {
            Ok(operation) => Some(LayerRef::from(operation)),
            Err(error) => reader.refuse(error),
        }
    }

    /// A number or an array of a file as a tensor, if it is one.
    pub fn constant(json: &Json) -> Option<Tensor> {
        dtypes::literal(json).ok()
    }

    /// The arguments of a call that files hold, by name.
    pub fn name_arguments(&self, args: Vec<Argument>, kwargs: Vec<(String, Argument)>) -> Inputs {
        let names = self.row.arguments;
        let named: Vec<(String, Argument)> = if self.row.takes_rest {
            let tensors = args.into_iter().flat_map(|argument| match argument {
                Argument::Tensor(tensor) => vec![tensor],
                Argument::Tensors(tensors) => tensors,
                Argument::Value(json) => dtypes::literal(&json).into_iter().collect(),
            });
            vec![(names[0].to_owned(), Argument::Tensors(tensors.collect()))]
        } else {
            let name = |at: usize| names.get(at).map_or_else(|| format!("argument {at}"), |&name| name.to_owned());
            args.into_iter().enumerate().map(|(at, argument)| (name(at), argument)).collect()
        };
        named.into_iter().chain(kwargs).fold(Inputs::default(), |inputs, (name, argument)| inputs.with(&name, argument))
    }

    /// The arguments of a call as files hold them: by place as far as they come one after another, then by name.
    pub fn write_arguments(&self, mut given: Options) -> (Vec<Json>, Options) {
        if self.row.takes_rest {
            let list = given.shift_remove(self.row.arguments[0]).and_then(|list| list.as_array().cloned());
            return (list.unwrap_or_default(), given);
        }
        let args = self.row.arguments.iter().map_while(|&name| given.shift_remove(name)).collect();
        (args, given)
    }

    /// The options that differ from Keras' defaults.
    pub fn unusual(&self) -> impl Iterator<Item = (&str, &Json)> {
        let defaults = self.row.defaults();
        self.options
            .iter()
            .zip(defaults)
            .filter(|((_, value), (_, default))| *value != default)
            .map(|((name, value), _)| (&name[..], value))
    }
}

/// The symbols that a function gives for these inputs, at least one of which is a symbol. `name` is that of the tensor's method, the
/// options come in Keras' order. A single number beside symbols is written as such.
#[track_caller]
pub(super) fn apply(name: &str, inputs: &[&Tensor], options: &[Json]) -> Vec<Tensor> {
    let call = table::of_method(name).ok_or_else(|| Error::invalid(format!("{name}: Keras' graphs have no such op"))).and_then(
        |(row, mut given)| {
            let mut options = options.iter().cloned();
            given.extend(row.defaults().map(|(name, _)| name.to_owned()).zip(options.by_ref()));
            let operation = Operation::new(row, given)?;
            let argument = |&x: &&Tensor| if x.is_symbol() || x.rank() > 0 { Ok(Argument::Tensor(x.clone())) } else { number(x) };
            let arguments = match row.takes_list {
                true => vec![Argument::Tensors(inputs.iter().map(|&x| x.clone()).collect())],
                false => inputs.iter().map(argument).collect::<Result<_>>()?,
            };
            // What is left belongs to the call.
            let arguments = arguments.into_iter().chain(options.map(Argument::Value)).collect();
            Ok((operation.name_arguments(arguments, Vec::new()), LayerRef::from(operation)))
        },
    );
    match call {
        Ok((inputs, layer)) => super::symbol::apply(&layer, inputs, Some(Location::caller())),
        Err(error) => super::symbol::failed(error, Some(Location::caller())),
    }
}

/// A tensor without axes as the number that it is.
fn number(x: &Tensor) -> Result<Argument> {
    Ok(Argument::Value(match x.dtype() {
        crate::DType::Bool => x.item::<bool>()?.into(),
        dtype if dtype.is_float() => x.cast(crate::DType::F32).item::<f32>()?.to_json(),
        _ => x.cast(crate::DType::I32).item::<i32>()?.into(),
    }))
}

impl Config for Operation {
    fn class(&self) -> &'static Class {
        &self.row.class
    }

    fn options(&self, out: &mut Options) {
        out.extend(self.options.clone());
    }
}

impl Children for Operation {
    fn children(&self) -> Vec<(String, LayerRef)> {
        Vec::new()
    }
}

impl Layer for Operation {
    fn autocast(&self) -> bool {
        false
    }

    fn arguments(&self) -> &'static [&'static str] {
        self.row.arguments
    }

    fn call(&self, call: &mut Call, inputs: &Inputs) -> Result<Outputs> {
        let arguments = Arguments::new(self.row, &self.options, inputs, call.random());
        attempt(|| self.row.run.call(&arguments)).map(Outputs::new)
    }
}
