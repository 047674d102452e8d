//! JSON as MongoDB's documents and back, without a loss: bodies are documents so that their fields can be
//! indexed and an operator can read them, yet they must come back exactly as they were written. The driver's
//! own conversion is not used: it reads objects such as `{"$oid": …}` as something else.

use std::borrow::Cow;

use bson::{Bson, Decimal128, Document};
use serde_json::{Map, Number, Value};

/// A JSON value as a document's value.
pub(super) fn to_bson(value: Value) -> Bson {
    match value {
        Value::Null => Bson::Null,
        Value::Bool(truth) => Bson::Boolean(truth),
        Value::Number(number) => number_to_bson(&number),
        Value::String(text) => Bson::String(text),
        Value::Array(values) => Bson::Array(values.into_iter().map(to_bson).collect()),
        Value::Object(members) => Bson::Document(to_document(members)),
    }
}

/// A JSON object as a document.
pub(super) fn to_document(members: Map<String, Value>) -> Document {
    members.into_iter().map(|(key, value)| (escape(key), to_bson(value))).collect()
}

/// Whole numbers past 63 bits are kept as decimals, which hold 34 digits; there are no unsigned ones.
fn number_to_bson(number: &Number) -> Bson {
    match (number.as_i64(), number.as_u64(), number.as_f64()) {
        (Some(whole), _, _) => Bson::Int64(whole),
        (None, Some(large), _) => match large.to_string().parse::<Decimal128>() {
            Ok(decimal) => Bson::Decimal128(decimal),
            Err(_) => Bson::Null,
        },
        (None, None, Some(fraction)) => Bson::Double(fraction),
        (None, None, None) => Bson::Null,
    }
}

/// The JSON value that [`to_bson`] was given; none for what it never makes.
pub(super) fn to_json(value: Bson) -> Option<Value> {
    Some(match value {
        Bson::Null => Value::Null,
        Bson::Boolean(truth) => Value::Bool(truth),
        Bson::Int32(whole) => whole.into(),
        Bson::Int64(whole) => whole.into(),
        Bson::Decimal128(large) => large.to_string().parse::<u64>().ok()?.into(),
        Bson::Double(fraction) => Number::from_f64(fraction)?.into(),
        Bson::String(text) => Value::String(text),
        Bson::Array(values) => Value::Array(values.into_iter().map(to_json).collect::<Option<_>>()?),
        Bson::Document(document) => Value::Object(
            document
                .into_iter()
                .map(|(key, value)| Some((unescape(&key).into_owned(), to_json(value)?)))
                .collect::<Option<_>>()?,
        ),
        Bson::RegularExpression(_)
        | Bson::JavaScriptCode(_)
        | Bson::JavaScriptCodeWithScope(_)
        | Bson::Timestamp(_)
        | Bson::Binary(_)
        | Bson::ObjectId(_)
        | Bson::DateTime(_)
        | Bson::Symbol(_)
        | Bson::Undefined
        | Bson::MaxKey
        | Bson::MinKey
        | Bson::DbPointer(_) => return None,
    })
}

/// A document's key cannot hold the character NUL, an object's can.
fn escape(key: String) -> String {
    if key.contains(['%', '\0']) { key.replace('%', "%25").replace('\0', "%00") } else { key }
}

fn unescape(key: &str) -> Cow<'_, str> {
    if key.contains('%') { key.replace("%00", "\0").replace("%25", "%").into() } else { key.into() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::{to_bson, to_json};

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a-z$.%0\\x00]{0,6}", inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_json_value_comes_back_as_it_was(value in values()) {
            prop_assert_eq!(to_json(to_bson(value.clone())), Some(value));
        }
    }

    #[test]
    fn an_object_that_looks_like_the_drivers_own_notation_stays_an_object() {
        let value = json!({ "$oid": "0123456789abcdef01234567", "$numberLong": "1" });
        assert_eq!(to_json(to_bson(value.clone())), Some(value));
    }
}
