//! Reading options from JSON: everything that is wrong is noted with its place, and told at once.

use super::{Json, Options, Value};
use crate::{Error, Result};
use std::fmt::Display;

/// Where in a config reading is, and what was wrong so far.
#[derive(Debug, Default)]
pub struct Reader {
    path: Vec<String>,
    problems: Vec<String>,
}

/// Reads with `body`; fails with all that it noted.
///
/// # Errors
/// When something was noted, or nothing was read.
pub fn read<T>(body: impl FnOnce(&mut Reader) -> Option<T>) -> Result<T> {
    let mut reader = Reader::default();
    match body(&mut reader) {
        Some(value) if reader.problems.is_empty() => Ok(value),
        _ => Err(Error::data(reader.problems.join("\n"))),
    }
}

impl Reader {
    /// Reads with `body` what stands at `place`.
    pub fn at<T>(&mut self, place: impl Display, body: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(place.to_string());
        let value = body(self);
        self.path.pop();
        value
    }

    /// Notes that something cannot be used; returns nothing.
    pub fn refuse<T>(&mut self, problem: impl Display) -> Option<T> {
        let place = self.path.join("/");
        self.problems.push(if place.is_empty() { problem.to_string() } else { format!("{place}: {problem}") });
        None
    }

    /// Notes that `expected` should stand where `found` does; returns nothing.
    pub fn expected<T>(&mut self, expected: impl Display, found: &Json) -> Option<T> {
        let mut found = found.to_string();
        if let Some((end, _)) = found.char_indices().nth(60) {
            found.truncate(end);
            found.push_str("...");
        }
        self.refuse(format_args!("expected {expected}, got {found}"))
    }

    /// Notes that `found` is none of these names; returns nothing.
    pub fn one_of<T>(&mut self, found: &Json, names: &[&str]) -> Option<T> {
        self.expected(format_args!("one of {}", names.join(", ")), found)
    }
}

/// The options of one thing, taken one by one.
pub struct Fields<'a> {
    left: Options,
    reader: &'a mut Reader,
}

impl<'a> Fields<'a> {
    /// Reads with `body` the thing that has these options; those that it does not take are noted as unknown.
    pub fn read<T>(options: Options, reader: &'a mut Reader, body: impl FnOnce(&mut Fields<'_>) -> Option<T>) -> Option<T> {
        let mut fields = Fields { left: options, reader };
        let value = body(&mut fields);
        // An option that is null is not set.
        for (key, _) in fields.left.iter().filter(|(_, value)| !value.is_null()) {
            fields.reader.refuse::<()>(format_args!("unknown option {key:?}"));
        }
        value
    }

    /// Option `key`, if it is there and can be used; what cannot be used is noted.
    pub fn take<T: Value>(&mut self, key: &str) -> Option<T> {
        let json = self.left.shift_remove(key)?;
        if json.is_null() && !T::NULL {
            return None;
        }
        self.reader.at(key, |reader| T::from_json(&json, reader))
    }

    /// Option `key`, which must be there.
    pub fn required<T: Value>(&mut self, key: &str) -> Option<T> {
        if self.left.get(key).is_none_or(|json| json.is_null() && !T::NULL) {
            self.left.shift_remove(key);
            return self.reader.refuse(format_args!("option {key:?} is missing"));
        }
        self.take(key)
    }

    /// Takes option `key` and forgets it.
    pub fn ignore(&mut self, key: &str) {
        self.left.shift_remove(key);
    }

    /// To note what is wrong.
    pub fn reader(&mut self) -> &mut Reader {
        self.reader
    }
}

/// Options that several classes share: a struct whose options stand among their own.
pub trait Flatten: Sized {
    /// Adds the options.
    fn write(&self, out: &mut Options);

    /// Takes them.
    fn read(fields: &mut Fields<'_>) -> Option<Self>;

    /// Takes those that are there; the others stay as they are, where the struct knows how.
    fn read_over(self, fields: &mut Fields<'_>) -> Option<Self> {
        Self::read(fields)
    }
}

/// That a class has the options `T` among its own: written by the derives for a field that is flattened.
pub trait Shares<T> {
    /// The options.
    fn shared(&self) -> &T;

    /// The options, to be changed.
    fn shared_mut(&mut self) -> &mut T;
}
