//! The exchange as a contract for those who are not this program: an AsyncAPI 3.0 document, and a JSON Schema of every
//! message that stands alone. Both are made from the table of queues and from the types that are really read and
//! written. What an HTTP caller may rely on stands in the services' own documents.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::{
    Event, MAX_BYTES, Service, VERSION,
    topology::{EXCHANGE, QUEUES, Queue, has_consumers},
};

/// The version of the AMQP bindings that the document is written in.
const BINDING: &str = "0.3.0";
/// Where schemas stand in an API document, and how they name each other.
const COMPONENTS: &str = "#/components/schemas/";

/// An event type with the schema of its data.
pub(crate) struct Described {
    event_type: &'static str,
    publisher: Service,
    summary: &'static str,
    /// The schema's name.
    name: String,
    /// It and all that it names.
    schemas: BTreeMap<String, Value>,
}

impl Described {
    pub(crate) fn new<D: ToSchema>(
        event_type: &'static str,
        publisher: Service,
        summary: &'static str,
    ) -> Self {
        let mut named = Vec::new();
        D::schemas(&mut named);
        named.push((D::name().into_owned(), D::schema()));
        let schemas = named.into_iter().map(|(name, schema)| (name, plain(&schema))).collect();
        Self { event_type, publisher, summary: summary.trim(), name: D::name().into_owned(), schemas }
    }

    /// The name of the schema of the whole message.
    fn message_name(&self) -> String {
        format!("{}Message", self.name)
    }

    /// The whole message (SPEC 3). What a reader takes for granted when it is missing is not required.
    fn message(&self) -> Value {
        let id =
            |description: &str| json!({ "type": "string", "format": "uuid", "description": description });
        json!({
            "type": "object",
            "description": self.summary,
            "required": ["eventId", "eventType", "timestamp", "source", "data"],
            "properties": {
                "eventId": id("Unique for ever; the same in every copy of this event"),
                "eventType": { "type": "string", "const": self.event_type },
                "timestamp": { "type": "string", "format": "date-time", "description": "When it happened, by the source's clock; written in UTC with milliseconds" },
                "source": { "type": "string", "const": self.publisher },
                "version": { "type": "integer", "const": VERSION, "default": 1, "description": "Of the schema of `data`" },
                "correlationId": id("The work order: the conversation that the event belongs to"),
                "causationId": { "type": ["string", "null"], "format": "uuid", "description": "The event that caused this one, if an event did" },
                "data": { "$ref": format!("{COMPONENTS}{}", self.name) },
            },
        })
    }
}

fn plain(schema: &impl Serialize) -> Value {
    serde_json::to_value(schema).unwrap_or_default()
}

/// The schema of every message in the version that this build writes, by event type: JSON Schema 2020-12, each with all
/// that it names.
#[must_use]
pub fn schemas() -> Vec<(&'static str, Value)> {
    let alone = |described: Described| {
        let mut schema = described.message();
        schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
        schema["title"] = json!(described.event_type);
        schema["$defs"] = json!(described.schemas);
        renamed(&mut schema);
        (described.event_type, schema)
    };
    Event::described().into_iter().map(alone).collect()
}

/// In a document of its own a schema names its neighbours otherwise than in an API document.
fn renamed(value: &mut Value) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                if let ("$ref", Value::String(text)) = (name.as_str(), &mut *value) {
                    *text = text.replace(COMPONENTS, "#/$defs/");
                } else {
                    renamed(value);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(renamed),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The AsyncAPI 3.0 document of the exchange: a channel for every routing key and for every queue, and who sends and
/// receives there.
#[must_use]
pub fn asyncapi() -> Value {
    let events = Event::described();
    let channels: BTreeMap<_, _> =
        events.iter().map(routing_key).chain(QUEUES.iter().map(queue_channel)).collect();
    let operations: BTreeMap<_, _> = events.iter().map(sends).chain(QUEUES.iter().map(receives)).collect();
    let messages: BTreeMap<_, _> = events.iter().map(|event| (event.event_type, message(event))).collect();
    let mut schemas: BTreeMap<String, Value> =
        events.iter().map(|event| (event.message_name(), event.message())).collect();
    schemas.extend(events.into_iter().flat_map(|event| event.schemas));
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Garage: events",
            "version": env!("CARGO_PKG_VERSION"),
            "description": format!("What the three services tell each other over the topic exchange `{EXCHANGE}`. Anybody may bind a queue of their own to it. A message may come more than once and in any order; unknown fields are to be ignored. It has at most {MAX_BYTES} bytes."),
            "license": { "name": "MIT OR Apache-2.0" },
        },
        "defaultContentType": "application/json",
        "servers": {
            "amqp": { "host": "rabbitmq:5672", "protocol": "amqp", "protocolVersion": "0.9.1", "description": "Inside a network of its own" },
            "amqps": { "host": "rabbitmq:5671", "protocol": "amqps", "protocolVersion": "0.9.1", "description": "Anywhere else" },
        },
        "channels": channels,
        "operations": operations,
        "components": { "messages": messages, "messageTraits": { "event": event_trait() }, "schemas": schemas },
    })
}

fn message(event: &Described) -> Value {
    json!({
        "name": event.event_type,
        "title": event.event_type,
        "summary": event.summary,
        "payload": { "$ref": format!("{COMPONENTS}{}", event.message_name()) },
        "bindings": { "amqp": { "messageType": event.event_type, "bindingVersion": BINDING } },
        "traits": [{ "$ref": "#/components/messageTraits/event" }],
    })
}

/// What all messages have.
fn event_trait() -> Value {
    json!({
        "contentType": "application/json",
        "correlationId": { "description": "The work order", "location": "$message.payload#/correlationId" },
        "headers": {
            "type": "object",
            "properties": {
                "version": { "type": "integer", "description": "As in the payload" },
                "causation-id": { "type": "string", "format": "uuid", "description": "As in the payload, when there is one" },
                "traceparent": { "type": "string", "pattern": "^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$", "description": "W3C Trace Context" },
            },
        },
    })
}

fn routing_key(event: &Described) -> (&'static str, Value) {
    let exchange =
        json!({ "name": EXCHANGE, "type": "topic", "durable": true, "autoDelete": false, "vhost": "/" });
    let binding = json!({ "is": "routingKey", "exchange": exchange, "bindingVersion": BINDING });
    (event.event_type, channel(event.event_type, event.event_type, event.summary, &binding))
}

fn queue_channel(queue: &Queue) -> (&'static str, Value) {
    let shape =
        json!({ "name": queue.name, "durable": true, "exclusive": false, "autoDelete": false, "vhost": "/" });
    let binding = json!({ "is": "queue", "queue": shape, "bindingVersion": BINDING });
    let description = format!(
        "A quorum queue of {}, bound to `{EXCHANGE}` with the routing key `{}`",
        queue.owner, queue.event_type
    );
    (queue.name, channel(queue.name, queue.event_type, &description, &binding))
}

fn channel(address: &str, event_type: &str, description: &str, binding: &Value) -> Value {
    json!({
        "address": address,
        "description": description,
        "messages": { event_type: { "$ref": format!("#/components/messages/{event_type}") } },
        "bindings": { "amqp": binding },
    })
}

fn sends(event: &Described) -> (String, Value) {
    let binding =
        json!({ "deliveryMode": 2, "mandatory": has_consumers(event.event_type), "bindingVersion": BINDING });
    let operation = operation("send", event.event_type, event.event_type, event.publisher, &binding);
    (format!("{}-sends-{}", event.publisher, event.event_type), operation)
}

fn receives(queue: &Queue) -> (String, Value) {
    let binding = json!({ "ack": true, "bindingVersion": BINDING });
    let operation = operation("receive", queue.name, queue.event_type, queue.owner, &binding);
    (format!("{}-receives-{}", queue.owner, queue.event_type), operation)
}

fn operation(action: &str, channel: &str, event_type: &str, service: Service, binding: &Value) -> Value {
    json!({
        "action": action,
        "channel": { "$ref": format!("#/channels/{channel}") },
        "messages": [{ "$ref": format!("#/channels/{channel}/messages/{event_type}") }],
        "tags": [{ "name": service }],
        "bindings": { "amqp": binding },
    })
}
