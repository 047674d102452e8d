//! The contracts that stand in `docs/contracts` are those that the programs keep: the committed documents are what the
//! code makes, and real messages are what the documents say. `GARAGE_CONTRACTS=renew` writes them anew; a difference in
//! a review is then a difference for somebody's client.

#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot go on must stop, and say why")]

mod chain;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use chain::built;
use garage_events::{Event, VERSION, contract, topology};
use jsonschema::Validator;
use serde_json::{Value, json};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace is above").to_owned()
}

fn contracts() -> PathBuf {
    root().join("docs/contracts")
}

fn read(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap_or_else(|cause| panic!("{}: {cause}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|cause| panic!("{}: {cause}", path.display()))
}

fn files(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|cause| panic!("{}: {cause}", folder.display()));
    entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
}

/// Compares a document with the committed one, or commits it.
fn hold_to(name: &str, document: &Value) {
    let path = contracts().join(name);
    if std::env::var("GARAGE_CONTRACTS").is_ok_and(|wish| wish == "renew") {
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        let text = serde_json::to_string_pretty(document).expect("JSON") + "\n";
        fs::write(&path, text).expect("a contract is written");
    }
    let differs = "differs from what the code makes: see docs/contracts/README.md";
    assert!(&read(&path) == document, "docs/contracts/{name} {differs}");
}

fn printed(arguments: &[&str]) -> Value {
    let output = Command::new(built("garage")).args(arguments).env_clear().output().expect("garage runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON on standard output, and nothing else")
}

fn validator(schema: &Value) -> Validator {
    jsonschema::options()
        .should_validate_formats(true)
        .build(schema)
        .unwrap_or_else(|cause| panic!("no schema: {cause}"))
}

fn schema_of(event_type: &str, version: u32) -> Validator {
    validator(&read(&contracts().join(format!("events/{event_type}.v{version}.json"))))
}

fn sample(name: &str) -> Value {
    read(&root().join(format!("garage-events/tests/samples/{name}.json")))
}

#[test]
fn every_services_openapi_document_is_the_one_that_clients_were_made_from() {
    for service in ["os", "billing", "execution"] {
        hold_to(&format!("openapi-{service}.json"), &printed(&["openapi", service]));
    }
}

#[test]
fn the_exchanges_asyncapi_document_is_the_one_that_listeners_were_made_from() {
    hold_to("asyncapi.json", &printed(&["asyncapi"]));
}

#[test]
fn the_brokers_definitions_are_those_that_operators_import() {
    hold_to("../../deploy/rabbitmq/definitions.json", &printed(&["definitions", "--locked"]));
}

#[test]
fn every_event_has_a_schema_for_every_version_and_nothing_else_has() {
    for (event_type, schema) in contract::schemas() {
        hold_to(&format!("events/{event_type}.v{VERSION}.json"), &schema);
    }
    let versions = 1..=VERSION;
    let wanted = versions.flat_map(|version| {
        Event::TYPES.iter().map(move |event_type| format!("{event_type}.v{version}.json"))
    });
    assert_eq!(files(&contracts().join("events")), wanted.collect());
}

#[test]
fn what_has_been_sent_is_what_the_schemas_say() {
    for event_type in Event::TYPES {
        let sent = sample(event_type);
        let version = u32::try_from(sent["version"].as_u64().expect("a version")).expect("a small one");
        let told: Vec<String> =
            schema_of(event_type, version).iter_errors(&sent).map(|error| error.to_string()).collect();
        assert!(told.is_empty(), "{event_type}: {told:?}");
    }
    assert!(schema_of("work-order.created", 1).is_valid(&sample("seed")), "the seed's example");
    assert!(schema_of("work-order.status-changed", 1).is_valid(&sample("customer-erased")), "an erasure");
}

#[test]
fn what_a_reader_would_refuse_is_not_what_the_schemas_say() {
    for event_type in Event::TYPES {
        let (schema, sent) = (schema_of(event_type, VERSION), sample(event_type));
        for (at, wrong) in [
            ("/eventId", json!("seven")),
            ("/eventType", json!("car.washed")),
            ("/version", json!(VERSION + 1)),
            ("/timestamp", json!("yesterday")),
            ("/data/workOrderId", json!(7)),
        ] {
            let mut changed = sent.clone();
            *changed.pointer_mut(at).unwrap_or_else(|| panic!("{event_type} has no {at}")) = wrong;
            assert!(!schema.is_valid(&changed), "{event_type} with another {at}");
        }
        for name in ["eventId", "eventType", "timestamp", "source", "data"] {
            let mut changed = sent.clone();
            changed.as_object_mut().expect("an object").remove(name);
            assert!(!schema.is_valid(&changed), "{event_type} without {name}");
        }
    }
}

#[test]
fn every_document_is_what_its_format_allows() {
    let formats = [
        ("openapi-os", "openapi-3.1"),
        ("openapi-billing", "openapi-3.1"),
        ("openapi-execution", "openapi-3.1"),
    ];
    for (name, format) in formats.into_iter().chain([("asyncapi", "asyncapi-3.0")]) {
        let format = validator(&read(&root().join(format!("garage/tests/schemas/{format}.json"))));
        let mut document = read(&contracts().join(format!("{name}.json")));
        let told: Vec<String> = format.iter_errors(&document).map(|error| error.to_string()).collect();
        assert!(told.is_empty(), "{name}: {told:?}");
        document["info"].as_object_mut().expect("an object").remove("title");
        assert!(!format.is_valid(&document), "{name} without a title");
    }
}

#[test]
fn the_asyncapi_document_names_nothing_that_is_not_there() {
    let document = contract::asyncapi();
    let mut named = Vec::new();
    references(&document, &mut named);
    assert!(named.len() > 100, "{} references", named.len());
    for reference in named {
        assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
    }
}

#[test]
fn the_asyncapi_document_has_every_routing_key_and_every_queue() {
    let document = contract::asyncapi();
    let names = |kind: &str| -> BTreeSet<String> {
        let channels = document["channels"].as_object().expect("channels");
        let kept = channels.iter().filter(|(_, channel)| channel["bindings"]["amqp"]["is"] == kind);
        kept.map(|(name, _)| name.clone()).collect()
    };
    assert_eq!(names("routingKey"), Event::TYPES.iter().map(ToString::to_string).collect());
    assert_eq!(names("queue"), topology::QUEUES.iter().map(|queue| queue.name.to_owned()).collect());
    let operations = document["operations"].as_object().expect("operations");
    assert_eq!(operations.len(), Event::TYPES.len() + topology::QUEUES.len());
}

fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            found.extend(object.get("$ref").and_then(Value::as_str).map(str::to_owned));
            object.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| references(value, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
