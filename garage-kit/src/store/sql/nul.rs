//! The character NUL is allowed in JSON but in no text of PostgreSQL, which would refuse a body and with it
//! everything that is written in the same transaction. So it is written as two others, in both databases
//! alike; a text with NUL is stored and reads back, but is not found by it.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::Failure;

/// A code point that Unicode will never give a meaning.
const MARK: char = '\u{ffff}';

/// A body without NUL.
pub(super) fn hide(body: &str) -> Result<Cow<'_, str>, Failure> {
    if body.contains("\\u0000") || body.contains(MARK) {
        rewrite(body, |text| text.replace(MARK, "\u{ffff}1").replace('\0', "\u{ffff}0")).map(Cow::Owned)
    } else {
        Ok(Cow::Borrowed(body))
    }
}

/// The body that [`hide`] was given.
pub(super) fn show(body: String) -> Result<String, Failure> {
    if body.contains(MARK) {
        rewrite(&body, |text| text.replace("\u{ffff}0", "\0").replace("\u{ffff}1", "\u{ffff}"))
    } else {
        Ok(body)
    }
}

/// Whether no record can have one of these values.
pub(super) fn is_in(values: &[String]) -> bool {
    values.iter().any(|value| value.contains('\0'))
}

fn rewrite(body: &str, text: impl Fn(&str) -> String + Copy) -> Result<String, Failure> {
    let value = serde_json::from_str(body).map_err(|cause| Failure::lasting("reading a body", cause))?;
    Ok(each_text(value, text).to_string())
}

fn each_text(value: Value, text: impl Fn(&str) -> String + Copy) -> Value {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => value,
        Value::String(old) => Value::String(text(&old)),
        Value::Array(values) => values.into_iter().map(|value| each_text(value, text)).collect(),
        Value::Object(members) => {
            let members = members.into_iter().map(|(key, value)| (text(&key), each_text(value, text)));
            Value::Object(members.collect::<Map<_, _>>())
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{hide, show};

    #[test]
    fn texts_with_nul_are_written_without_and_read_back_with() {
        for text in ["\0", "a\0b\0", "\u{ffff}", "\u{ffff}0", "\0\u{ffff}1\0", r"\u0000", "plain"] {
            let body = json!({ text: [text, { "inner": text }], "number": 1.5 });
            let hidden = hide(&body.to_string()).unwrap().into_owned();
            let stored: Value = serde_json::from_str(&hidden).unwrap();
            assert!(!stored["number"].is_null() && !format!("{stored:?}").contains("\\0"), "{stored:?}");
            assert_eq!(serde_json::from_str::<Value>(&show(hidden).unwrap()).unwrap(), body);
        }
    }
}
