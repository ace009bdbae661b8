//! Values of options: numbers, strings, lists, and what may be missing.

use super::{Json, Reader, text};
use crate::{DType, mixed_precision::Policy};

/// A value that stands in a config.
pub trait Value: Sized {
    /// Whether `null` is such a value; elsewhere it means that an option is not set.
    const NULL: bool = false;

    /// As JSON.
    fn to_json(&self) -> Json;

    /// From JSON; nothing where that cannot be used, which is then noted.
    fn from_json(json: &Json, reader: &mut Reader) -> Option<Self>;
}

impl Value for Json {
    const NULL: bool = true;

    fn to_json(&self) -> Json {
        self.clone()
    }

    fn from_json(json: &Json, _reader: &mut Reader) -> Option<Self> {
        Some(json.clone())
    }
}

impl Value for bool {
    fn to_json(&self) -> Json {
        (*self).into()
    }

    fn from_json(json: &Json, reader: &mut Reader) -> Option<Self> {
        json.as_bool().or_else(|| reader.expected("true or false", json))
    }
}

impl Value for String {
    fn to_json(&self) -> Json {
        self.clone().into()
    }

    fn from_json(json: &Json, reader: &mut Reader) -> Option<Self> {
        json.as_str().map(str::to_owned).or_else(|| reader.expected("a string", json))
    }
}

/// An integer, also written as `2.0`.
fn integer(json: &Json) -> Option<i64> {
    let whole = |x: &f64| x.fract() == 0.0 && x.abs() < 9e15;
    json.as_i64().or_else(|| json.as_f64().filter(whole).map(|x| x as i64))
}

macro_rules! integers {
    ($($type:ty, $what:literal;)*) => {$(
        impl Value for $type {
            fn to_json(&self) -> Json {
                (*self).into()
            }

            fn from_json(json: &Json, reader: &mut Reader) -> Option<Self> {
                integer(json).and_then(|x| x.try_into().ok()).or_else(|| reader.expected($what, json))
            }
        }
    )*};
}
integers! {
    usize, "an integer from 0 on";
    u32, "an integer from 0 on";
    u64, "an integer from 0 on";
    isize, "an integer";
    i32, "an integer";
    i64, "an integer";
}

impl Value for f64 {
    fn to_json(&self) -> Json {
        text::of_number(*self)
    }

    fn from_json(json: &Json, reader: &mut Reader) -> Option<Self> {
        text::number(json).or_else(|| reader.expected("a number", json))
    }
}

impl Value for f32 {
    fn to_json(&self) -> Json {
        // The shortest number that is this one, so that 0.1 is written as 0.1.
        text::of_number(self.to_string().parse::<f64>().unwrap_or(f64::from(*self)))
    }

    fn from_json(json: &Json, reader: &mut Reader) -> Option<Self> {
        f64::from_json(json, reader).map(|x| x as f32)
    }
}

impl<T: Value> Value for Option<T> {
    const NULL: bool = true;

    fn to_json(&self) -> Json {
        self.as_ref().map_or(Json::Null, Value::to_json)
    }

    fn from_json(json: &Json, reader: &mut Reader) -> Option<Self> {
        if json.is_null() { Some(None) } else { T::from_json(json, reader).map(Some) }
    }
}

impl<T: Value> Value for Vec<T> {
    fn to_json(&self) -> Json {
        self.iter().map(Value::to_json).collect()
    }

    fn from_json(json: &Json, reader: &mut Reader) -> Option<Self> {
        let Some(list) = json.as_array() else { return reader.expected("a list", json) };
        // All are read, so that all problems are noted.
        let values: Vec<Option<T>> = list.iter().enumerate().map(|(at, json)| reader.at(at, |reader| T::from_json(json, reader))).collect();
        values.into_iter().collect()
    }
}

impl<T: Value, const N: usize> Value for [T; N] {
    fn to_json(&self) -> Json {
        self.iter().map(Value::to_json).collect()
    }

    fn from_json(json: &Json, reader: &mut Reader) -> Option<Self> {
        let values = Vec::from_json(json, reader)?;
        values.try_into().ok().or_else(|| reader.expected(format_args!("{N} values"), json))
    }
}

impl Value for DType {
    fn to_json(&self) -> Json {
        self.name().into()
    }

    fn from_json(json: &Json, reader: &mut Reader) -> Option<Self> {
        let found = DType::ALL.into_iter().find(|dtype| json.as_str() == Some(dtype.name()));
        found.or_else(|| reader.one_of(json, &DType::ALL.map(DType::name)))
    }
}

/// A `DTypePolicy` object, or its name.
impl Value for Policy {
    fn to_json(&self) -> Json {
        serde_json::json!({
            "module": "keras", "class_name": "DTypePolicy", "config": {"name": self.name()}, "registered_name": null
        })
    }

    fn from_json(json: &Json, reader: &mut Reader) -> Option<Self> {
        let name = json.as_str().or_else(|| json.pointer("/config/name")?.as_str());
        let Some(name) = name else { return reader.expected("a dtype policy", json) };
        name.parse().map_or_else(|error: crate::Error| reader.refuse(error), Some)
    }
}
