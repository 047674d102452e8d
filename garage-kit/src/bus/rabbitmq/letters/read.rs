//! What a message at rest says of itself, and what of it goes back. A service that set it aside wrote reason, queue
//! and time into headers; the broker, when it did so by itself, wrote `x-death`; what was put there by hand says
//! neither.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use lapin::{
    BasicProperties,
    message::BasicGetMessage,
    types::{AMQPValue, FieldTable},
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::{
    aside::{copy, headers},
    publish::Outgoing,
};
use crate::bus::letters::{Letter, Opened, id_of};

/// Headers that say how a message came to rest begin with this: a replay begins anew.
const OURS: &str = "x-garage-";
/// Written by the broker with every look at a letter; they say nothing of its past.
const LOOKS: [&str; 2] = ["x-delivery-count", "x-acquired-count"];

/// The letter that this message is, of this work queue.
pub(super) fn letter(queue: &str, message: &BasicGetMessage) -> Letter {
    let properties = &message.properties;
    let headers = Headers(properties.headers().as_ref());
    let message_id = properties.message_id().as_ref().map(ToString::to_string);
    Letter {
        id: id_of(queue, message_id.as_deref(), &message.data),
        queue: queue.to_owned(),
        topic: properties.kind().as_ref().map(ToString::to_string).or_else(|| headers.routing_key()),
        correlation: correlation(properties, &message.data),
        reason: headers.reason(),
        attempts: headers.attempts(),
        at: headers.at(),
        bytes: message.data.len(),
        message_id,
    }
}

/// The letter with everything that was sent.
pub(super) fn opened(queue: &str, message: &BasicGetMessage) -> Opened {
    let mut headers = message.properties.headers().as_ref().map(table).unwrap_or_default();
    headers.retain(|name, _| !LOOKS.contains(&name.as_str()));
    Opened { letter: letter(queue, message), headers, body: message.data.clone() }
}

/// The message on its way back to its work queue: as it was sent at first. What would make the broker refuse it (a
/// user that we are not) or drop it (a time after which nobody wants it) stays behind.
pub(super) fn replayed(queue: &str, message: &BasicGetMessage) -> Outgoing {
    Outgoing {
        exchange: String::new(),
        routing_key: queue.to_owned(),
        mandatory: true,
        properties: fresh(&message.properties),
        body: message.data.clone(),
    }
}

fn fresh(old: &BasicProperties) -> BasicProperties {
    let mut kept = FieldTable::default();
    for (name, value) in &headers(old) {
        if !name.as_str().starts_with(OURS) && !LOOKS.contains(&name.as_str()) {
            kept.insert(name.clone(), value.clone());
        }
    }
    copy(old).with_headers(kept)
}

/// As its properties say, or as its text does.
fn correlation(properties: &BasicProperties, body: &[u8]) -> Option<Uuid> {
    let said = properties.correlation_id().as_ref().and_then(|id| id.as_str().parse().ok());
    said.or_else(|| serde_json::from_slice::<Value>(body).ok()?["correlationId"].as_str()?.parse().ok())
}

struct Headers<'a>(Option<&'a FieldTable>);

impl Headers<'_> {
    fn get(&self, name: &str) -> Option<Value> {
        self.0?.inner().get(name).map(value)
    }

    fn text(&self, name: &str) -> Option<String> {
        self.get(name)?.as_str().map(str::to_owned)
    }

    /// The broker's note on the last time that it set this aside by itself.
    fn death(&self, field: &str) -> Option<Value> {
        Some(self.get("x-death")?.get(0)?[field].clone())
    }

    fn reason(&self) -> String {
        let by_broker = || {
            let why = self.text("x-last-death-reason").or_else(|| self.text("x-first-death-reason"));
            let why = self.death("reason").and_then(|why| why.as_str().map(str::to_owned)).or(why)?;
            Some(format!("the broker set it aside: {why}"))
        };
        self.text("x-garage-reason")
            .or_else(by_broker)
            .unwrap_or_else(|| "it does not say why: it was put here by hand".to_owned())
    }

    fn routing_key(&self) -> Option<String> {
        Some(self.death("routing-keys")?.get(0)?.as_str()?.to_owned())
    }

    fn attempts(&self) -> Option<u32> {
        let counted = self.get("x-garage-attempts").or_else(|| self.get("x-garage-attempt"))?;
        counted.as_u64()?.try_into().ok()
    }

    fn at(&self) -> Option<DateTime<Utc>> {
        let ours = self.text("x-garage-set-aside-at").and_then(|text| text.parse().ok());
        ours.or_else(|| DateTime::from_timestamp(self.death("time")?.as_i64()?, 0))
    }
}

fn table(table: &FieldTable) -> BTreeMap<String, Value> {
    table.into_iter().map(|(name, inner)| (name.to_string(), value(inner))).collect()
}

/// AMQP's values as JSON's.
fn value(amqp: &AMQPValue) -> Value {
    match amqp {
        AMQPValue::Boolean(yes) => json!(yes),
        AMQPValue::ShortShortInt(number) => json!(number),
        AMQPValue::ShortShortUInt(number) => json!(number),
        AMQPValue::ShortInt(number) => json!(number),
        AMQPValue::ShortUInt(number) => json!(number),
        AMQPValue::LongInt(number) => json!(number),
        AMQPValue::LongUInt(number) => json!(number),
        AMQPValue::LongLongInt(number) => json!(number),
        AMQPValue::Float(number) => json!(number),
        AMQPValue::Double(number) => json!(number),
        AMQPValue::DecimalValue(number) => json!({ "scale": number.scale, "value": number.value }),
        AMQPValue::ShortString(text) => json!(text.as_str()),
        AMQPValue::LongString(text) => json!(String::from_utf8_lossy(text.as_bytes())),
        AMQPValue::FieldArray(values) => values.as_slice().iter().map(value).collect(),
        AMQPValue::Timestamp(seconds) => json!(seconds),
        AMQPValue::FieldTable(inner) => json!(table(inner)),
        AMQPValue::ByteArray(bytes) => json!(String::from_utf8_lossy(bytes.as_slice())),
        AMQPValue::Void => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(all: &[(&str, AMQPValue)]) -> FieldTable {
        let mut table = FieldTable::default();
        for (name, value) in all {
            table.insert((*name).into(), value.clone());
        }
        table
    }

    fn text(text: &str) -> AMQPValue {
        AMQPValue::LongString(text.into())
    }

    #[test]
    fn a_replay_begins_anew_and_goes_nowhere_else() {
        let old = BasicProperties::default()
            .with_message_id("7".into())
            .with_type("order.made".into())
            .with_user_id("somebody".into())
            .with_expiration("1000".into())
            .with_headers(said(&[
                ("version", AMQPValue::LongLongInt(1)),
                ("traceparent", text("00-1-2-01")),
                ("x-garage-reason", text("no")),
                ("x-garage-attempt", AMQPValue::LongLongInt(5)),
                ("x-death", AMQPValue::FieldArray(vec![].into())),
                ("x-first-death-reason", text("rejected")),
                ("x-delivery-count", AMQPValue::LongLongInt(20)),
                ("CC", AMQPValue::FieldArray(vec![text("elsewhere")].into())),
            ]));
        let new = fresh(&old);
        let kept: Vec<String> = new.headers().iter().flatten().map(|(name, _)| name.to_string()).collect();
        assert_eq!(kept, ["traceparent", "version"]);
        assert_eq!((new.message_id(), new.kind()), (old.message_id(), old.kind()));
        assert_eq!((new.user_id(), new.expiration()), (&None, &None));
    }

    #[test]
    fn what_the_broker_set_aside_by_itself_says_so_and_since_when() {
        let death = said(&[
            ("reason", text("delivery_limit")),
            ("time", AMQPValue::Timestamp(1_770_000_000)),
            ("routing-keys", AMQPValue::FieldArray(vec![text("order.made")].into())),
        ]);
        let all = said(&[("x-death", AMQPValue::FieldArray(vec![AMQPValue::FieldTable(death)].into()))]);
        let read = Headers(Some(&all));
        assert_eq!(read.reason(), "the broker set it aside: delivery_limit");
        assert_eq!(read.at(), DateTime::from_timestamp(1_770_000_000, 0));
        assert_eq!(read.routing_key().as_deref(), Some("order.made"));
    }

    #[test]
    fn a_letter_without_any_word_of_its_past_is_still_a_letter() {
        let read = Headers(None);
        assert!(read.reason().contains("by hand"));
        assert_eq!((read.at(), read.attempts(), read.routing_key()), (None, None, None));
    }
}
