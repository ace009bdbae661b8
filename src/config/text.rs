//! JSON as Python writes it: with numbers that are infinite or none at all.

use super::Json;
use crate::{Error, Result};
use std::borrow::Cow;

/// What stands in the place of such a number, which JSON itself does not have: a string that nobody writes.
const MARK: char = '\u{f8ff}';
const NUMBERS: [(&str, f64); 3] = [("NaN", f64::NAN), ("-Infinity", f64::NEG_INFINITY), ("Infinity", f64::INFINITY)];

/// The number that a JSON value is.
pub(crate) fn number(json: &Json) -> Option<f64> {
    let marked = || json.as_str()?.strip_prefix(MARK).and_then(|text| NUMBERS.iter().find(|(name, _)| *name == text));
    json.as_f64().or_else(|| marked().map(|(_, number)| *number))
}

/// A number as a JSON value.
pub(crate) fn of_number(number: f64) -> Json {
    let name = match number {
        _ if number.is_finite() => return number.into(),
        _ if number.is_nan() => "NaN",
        _ if number > 0.0 => "Infinity",
        _ => "-Infinity",
    };
    format!("{MARK}{name}").into()
}

/// Reads JSON in which `NaN` and `Infinity` may stand.
pub(crate) fn parse(text: &[u8]) -> Result<Json> {
    let fail = |error: &dyn std::fmt::Display| Error::data(format!("not JSON: {error}"));
    serde_json::from_slice(text).or_else(|error| {
        let text = std::str::from_utf8(text).map_err(|error| fail(&error))?;
        match marked(text) {
            Cow::Owned(text) => serde_json::from_str(&text).map_err(|error| fail(&error)),
            Cow::Borrowed(_) => Err(fail(&error)),
        }
    })
}

/// `text` with marks for the numbers that JSON does not have.
fn marked(text: &str) -> Cow<'_, str> {
    let (mut out, mut rest) = (String::new(), text);
    let mut is_string = false;
    while let Some(at) = rest.find(|c: char| matches!(c, '"' | '\\') || (!is_string && matches!(c, 'N' | 'I' | '-'))) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let found = NUMBERS.iter().find(|(name, _)| !is_string && rest.starts_with(name));
        let length = match (found, rest.as_bytes()[0]) {
            (Some((name, _)), _) => {
                out.extend(['"', MARK]);
                out.push_str(name);
                out.push('"');
                rest = &rest[name.len()..];
                continue;
            }
            // What is escaped ends no string.
            (None, b'\\') => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
            (None, quote) => {
                is_string ^= quote == b'"';
                1
            }
        };
        out.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    out.push_str(rest);
    if out == text { Cow::Borrowed(text) } else { Cow::Owned(out) }
}

/// JSON as Python reads it.
pub(crate) fn write(json: &Json) -> String {
    let text = json.to_string();
    if !text.contains(MARK) {
        return text;
    }
    NUMBERS.iter().fold(text, |text, (name, _)| text.replace(&format!("\"{MARK}{name}\""), name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn infinite_numbers_come_and_go() {
        let text = r#"{"a":[1.5,-Infinity,NaN],"b":"say \"Infinity\" twice","c":Infinity,"d":-2}"#;
        let json = parse(text.as_bytes()).unwrap();
        assert_eq!(number(&json["a"][1]), Some(f64::NEG_INFINITY));
        assert!(number(&json["a"][2]).unwrap().is_nan() && number(&json["b"]).is_none());
        assert_eq!(write(&json), text);
        assert!(parse(b"{\"a\": Infinit}").unwrap_err().to_string().contains("not JSON"));
    }
}
