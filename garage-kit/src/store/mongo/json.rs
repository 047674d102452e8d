//! JSON as MongoDB's documents and back, without a loss: bodies are documents so that their fields can be
//! indexed and an operator can read them, yet they must come back exactly as they were written. The driver's
//! own conversion is not used: it reads objects such as `{"$oid": …}` as something else.

use std::{borrow::Cow, fmt};

use bson::{Decimal128, RawArrayBuf, RawBson, RawBsonRef, RawDocument, RawDocumentBuf, raw::CString};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, MapAccess, SeqAccess, Visitor},
    ser::{self, SerializeMap, SerializeSeq},
};

/// The document of a JSON text; none for what is no object.
pub(super) fn to_document(text: &str) -> Option<RawDocumentBuf> {
    match serde_json::from_str(text) {
        Ok(Written(RawBson::Document(document))) => Some(document),
        Ok(Written(_)) | Err(_) => None,
    }
}

/// The JSON text that [`to_document`] was given; none for what it never makes.
pub(super) fn to_text(document: &RawDocument) -> Option<String> {
    serde_json::to_string(&Shown(RawBsonRef::Document(document))).ok()
}

/// A document's value, read from JSON without a tree in between.
struct Written(RawBson);

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Values)
    }
}

struct Values;

impl<'de> Visitor<'de> for Values {
    type Value = Written;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Written, E> {
        Ok(Written(RawBson::Null))
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Written, E> {
        Ok(Written(RawBson::Boolean(truth)))
    }

    fn visit_i64<E>(self, whole: i64) -> Result<Written, E> {
        Ok(Written(RawBson::Int64(whole)))
    }

    /// Whole numbers past 63 bits are kept as decimals, which hold 34 digits; there are no unsigned ones.
    fn visit_u64<E: de::Error>(self, whole: u64) -> Result<Written, E> {
        Ok(Written(match i64::try_from(whole) {
            Ok(whole) => RawBson::Int64(whole),
            Err(_) => RawBson::Decimal128(whole.to_string().parse::<Decimal128>().map_err(E::custom)?),
        }))
    }

    fn visit_f64<E>(self, fraction: f64) -> Result<Written, E> {
        Ok(Written(RawBson::Double(fraction)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Written, E> {
        Ok(Written(RawBson::String(text.to_owned())))
    }

    fn visit_string<E>(self, text: String) -> Result<Written, E> {
        Ok(Written(RawBson::String(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Written, A::Error> {
        let mut array = RawArrayBuf::new();
        while let Some(Written(value)) = values.next_element()? {
            array.push(value);
        }
        Ok(Written(RawBson::Array(array)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Written, A::Error> {
        let mut document = RawDocumentBuf::new();
        while let Some((key, Written(value))) = members.next_entry::<String, _>()? {
            document.append(CString::try_from(escape(key)).map_err(de::Error::custom)?, value);
        }
        Ok(Written(RawBson::Document(document)))
    }
}

/// A document's value, as JSON.
struct Shown<'a>(RawBsonRef<'a>);

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            RawBsonRef::Null => serializer.serialize_unit(),
            RawBsonRef::Boolean(truth) => serializer.serialize_bool(truth),
            RawBsonRef::Int32(whole) => serializer.serialize_i32(whole),
            RawBsonRef::Int64(whole) => serializer.serialize_i64(whole),
            RawBsonRef::Decimal128(large) => {
                serializer.serialize_u64(large.to_string().parse().map_err(ser::Error::custom)?)
            }
            RawBsonRef::Double(fraction) if fraction.is_finite() => serializer.serialize_f64(fraction),
            RawBsonRef::String(text) => serializer.serialize_str(text),
            RawBsonRef::Array(values) => {
                let mut array = serializer.serialize_seq(None)?;
                for value in values {
                    array.serialize_element(&Shown(value.map_err(ser::Error::custom)?))?;
                }
                array.end()
            }
            RawBsonRef::Document(members) => {
                let mut object = serializer.serialize_map(None)?;
                for member in members {
                    let (key, value) = member.map_err(ser::Error::custom)?;
                    object.serialize_entry(&unescape(key.as_str()), &Shown(value))?;
                }
                object.end()
            }
            RawBsonRef::Double(_)
            | RawBsonRef::RegularExpression(_)
            | RawBsonRef::JavaScriptCode(_)
            | RawBsonRef::JavaScriptCodeWithScope(_)
            | RawBsonRef::Timestamp(_)
            | RawBsonRef::Binary(_)
            | RawBsonRef::ObjectId(_)
            | RawBsonRef::DateTime(_)
            | RawBsonRef::Symbol(_)
            | RawBsonRef::Undefined
            | RawBsonRef::MaxKey
            | RawBsonRef::MinKey
            | RawBsonRef::DbPointer(_) => Err(ser::Error::custom("no JSON has this")),
        }
    }
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

    use super::{to_document, to_text};

    /// The value, after it was a document.
    fn back(value: &Value) -> Value {
        let document = to_document(&json!({ "value": value }).to_string()).unwrap();
        let text = to_text(&document).unwrap();
        serde_json::from_str::<Value>(&text).unwrap()["value"].take()
    }

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
            prop_assert_eq!(back(&value), value);
        }
    }

    #[test]
    fn an_object_that_looks_like_the_drivers_own_notation_stays_an_object() {
        let value = json!({ "$oid": "0123456789abcdef01234567", "$numberLong": "1" });
        assert_eq!(back(&value), value);
    }

    #[test]
    fn only_an_object_is_a_document() {
        for text in ["[1]", "7", "null", "", "{\"a\":"] {
            assert_eq!(to_document(text), None, "{text}");
        }
    }
}
