//! What a row sees of a call: tensors by name, and options.

use super::{
    dtypes::{self, Kind},
    table::Row,
};
use crate::{
    DType, Error, Result, Tensor,
    config::{Json, Options, Value, read},
    layers::{Argument, Inputs},
    random::RandomKey,
};

/// The arguments and options of a call.
pub(in crate::layers) struct Arguments<'a> {
    row: &'static Row,
    options: &'a Options,
    inputs: &'a Inputs,
    /// The random numbers of this call.
    pub random: RandomKey,
}

static NULL: Json = Json::Null;

impl<'a> Arguments<'a> {
    pub fn new(row: &'static Row, options: &'a Options, inputs: &'a Inputs, random: RandomKey) -> Self {
        Self { row, options, inputs, random }
    }

    pub fn row(&self) -> &'static Row {
        self.row
    }

    /// An error of this op.
    pub fn error(&self, text: impl std::fmt::Display) -> Error {
        Error::invalid(format!("{}: {text}", crate::config::snake_case(self.row.class.name)))
    }

    /// Argument `name` as it was given; nothing for null.
    pub fn given(&self, name: &str) -> Option<&'a Argument> {
        self.inputs.argument(name).filter(|argument| !matches!(argument, Argument::Value(Json::Null)))
    }

    /// The first argument.
    pub fn x(&self) -> Result<Tensor> {
        self.at(0)
    }

    /// Argument `index`.
    pub fn at(&self, index: usize) -> Result<Tensor> {
        self.tensor(self.row.arguments[index])
    }

    /// Argument `index` as a float.
    pub fn float_at(&self, index: usize) -> Result<Tensor> {
        self.at(index).map(|x| dtypes::float(&x))
    }

    /// Argument `name` as a tensor, in its own dtype.
    pub fn tensor(&self, name: &str) -> Result<Tensor> {
        self.optional(name)?.ok_or_else(|| self.error(format_args!("argument {name} is missing")))
    }

    /// Argument `name` as a float tensor.
    pub fn float(&self, name: &str) -> Result<Tensor> {
        self.tensor(name).map(|x| dtypes::float(&x))
    }

    /// Argument `name`, if it is given.
    pub fn optional(&self, name: &str) -> Result<Option<Tensor>> {
        self.given(name)
            .map(|argument| self.as_tensor(argument).map_err(|error| self.error(format_args!("argument {name}: {error}"))))
            .transpose()
    }

    fn as_tensor(&self, argument: &Argument) -> Result<Tensor> {
        match argument {
            Argument::Tensor(tensor) => Ok(tensor.clone()),
            Argument::Tensors(_) => Err(Error::invalid("expected one tensor, got a list")),
            Argument::Value(json) => dtypes::literal(json)?.to_device(self.neighbour()?.device()),
        }
    }

    /// Some tensor of the call: where constants go.
    fn neighbour(&self) -> Result<&'a Tensor> {
        self.inputs.all().next().ok_or_else(|| self.error("no argument is a tensor"))
    }

    /// The list of tensors that argument `name` is.
    pub fn list(&self, name: &str) -> Result<Vec<Tensor>> {
        match self.given(name) {
            Some(Argument::Tensors(list)) if !list.is_empty() => Ok(list.clone()),
            Some(Argument::Tensor(one)) => Ok(vec![one.clone()]),
            Some(Argument::Value(Json::Array(list))) if !list.is_empty() => {
                let device = self.neighbour()?.device();
                list.iter().map(|json| dtypes::literal(json)?.to_device(device)).collect()
            }
            _ => Err(self.error(format_args!("argument {name} is a list of tensors"))),
        }
    }

    /// The list of tensors that argument `name` is, in their common dtype.
    pub fn promoted_list(&self, name: &str) -> Result<Vec<Tensor>> {
        let list = self.list(name)?;
        let dtype = dtypes::common(&list.iter().map(|x| Kind::Exact(x.dtype())).collect::<Vec<_>>());
        Ok(list.iter().map(|x| x.cast(dtype)).collect())
    }

    /// Arguments in the dtype in which they meet, with a further one among them.
    pub fn promoted(&self, names: &[&str], with: Option<DType>) -> Result<Vec<Tensor>> {
        let kind = |name: &&str| match self.given(name) {
            Some(Argument::Tensor(tensor)) => Ok(Kind::Exact(tensor.dtype())),
            Some(Argument::Value(json)) => Ok(Kind::of(json)),
            _ => Err(self.error(format_args!("argument {name} is missing"))),
        };
        let mut kinds = names.iter().map(kind).collect::<Result<Vec<_>>>()?;
        // Python's float among them makes them floats, of 16 bits where they are that.
        kinds.extend(with.map(|dtype| if dtype == DType::F32 { Kind::Float } else { Kind::Exact(dtype) }));
        let dtype = dtypes::common(&kinds);
        names
            .iter()
            .map(|name| match self.given(name) {
                // Scalars of a run, so that another number needs no other plan.
                Some(Argument::Value(json)) if !json.is_array() && !json.is_object() => {
                    let number = json.as_bool().map(|set| f64::from(u8::from(set))).or_else(|| crate::config::number(json));
                    let number = number.ok_or_else(|| self.error(format_args!("argument {name}: expected a number, got {json}")))?;
                    Ok(self.neighbour()?.scalar_like(number, dtype))
                }
                _ => self.tensor(name).map(|x| x.cast(dtype)),
            })
            .collect()
    }

    /// The first two arguments in their common dtype.
    pub fn pair(&self) -> Result<(Tensor, Tensor)> {
        let mut both = self.promoted(&self.row.arguments[..2], None)?;
        let second = both.remove(1);
        Ok((both.remove(0), second))
    }

    /// Option or argument `name` as it stands in the file.
    pub fn json(&self, name: &str) -> &'a Json {
        match (self.options.get(name), self.inputs.argument(name)) {
            (Some(json), _) | (None, Some(Argument::Value(json))) => json,
            _ => &NULL,
        }
    }

    /// Option or argument `name`.
    pub fn option<T: Value>(&self, name: &str) -> Result<T> {
        if let (None, Some(Argument::Tensor(_) | Argument::Tensors(_))) = (self.options.get(name), self.inputs.argument(name)) {
            return Err(self.error(format_args!("{name} is a tensor, but must be known when the graph is made")));
        }
        read(|reader| T::from_json(self.json(name), reader)).map_err(|error| self.error(format_args!("{name}: {error}")))
    }

    /// Whether flag `name` is set.
    pub fn flag(&self, name: &str) -> Result<bool> {
        Ok(self.option::<Option<bool>>(name)?.unwrap_or(false))
    }

    /// One integer or a list of them; nothing for null.
    pub fn integers(&self, name: &str) -> Result<Option<Vec<isize>>> {
        match self.json(name) {
            Json::Null => Ok(None),
            Json::Array(_) => self.option(name).map(Some),
            Json::Object(_) => {
                Ok(Some(dtypes::literal(self.json(name))?.cast(DType::I32).to_vec::<i32>()?.iter().map(|&x| x as isize).collect()))
            }
            _ => self.option(name).map(|one| Some(vec![one])),
        }
    }

    /// One size or a list of them.
    pub fn sizes(&self, name: &str) -> Result<Vec<usize>> {
        let list = self.integers(name)?.ok_or_else(|| self.error(format_args!("{name} is missing")))?;
        let size = |size: isize| usize::try_from(size).map_err(|_| self.error(format_args!("{name}: {size} is no size")));
        list.into_iter().map(size).collect()
    }

    /// A size, as the shapes of results grow with it: within bounds that no honest model passes.
    pub fn size(&self, name: &str) -> Result<usize> {
        let size: usize = self.option(name)?;
        if size < 1 << 30 { Ok(size) } else { Err(self.error(format_args!("{name}: {size} is too large"))) }
    }

    /// The dtype that option `name` names, if it does.
    pub fn dtype(&self, name: &str) -> Result<Option<DType>> {
        let json = self.json(name);
        let Some(text) = json.as_str().or_else(|| json.pointer("/config/name")?.as_str()) else { return Ok(None) };
        dtypes::named(text).map(Some).ok_or_else(|| self.error(format_args!("{name}: no device holds {text}")))
    }

    /// That the shapes of a call do not fit, as an error of this op.
    pub fn misfit(&self, hint: impl std::fmt::Display) -> Error {
        let shapes: Vec<String> = self.inputs.all().map(|x| x.shape().to_string()).collect();
        Error::shape(format!("{}: {hint}; the shapes are {}", crate::config::snake_case(self.row.class.name), shapes.join(", ")))
    }
}
