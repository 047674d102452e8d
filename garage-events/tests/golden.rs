//! The wire, letter by letter: one stored sample per event, written by version 1. What is stored here has been
//! sent; a build that reads or writes it otherwise breaks somebody's queue.

#![expect(clippy::panic, reason = "a test that cannot begin must say why")]

use std::{fs, path::PathBuf};

use garage_events::{Envelope, Event, EventId, Unreadable, WorkOrderStatus};
use serde_json::{Value, json};

fn sample(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/samples").join(format!("{name}.json"));
    fs::read_to_string(&path).unwrap_or_else(|cause| panic!("{}: {cause}", path.display()))
}

fn read(text: &str) -> Envelope {
    Envelope::from_json(text.as_bytes()).unwrap_or_else(|cause| panic!("{cause}: {text}"))
}

/// The sample's text without the blanks that make it readable.
fn compact(pretty: &str) -> String {
    pretty.lines().map(str::trim_start).collect::<String>().replace("\": ", "\":")
}

#[test]
fn every_event_is_written_as_its_sample_letter_by_letter() {
    for event_type in Event::TYPES {
        let stored = sample(event_type);
        let envelope = read(&stored);
        assert_eq!(envelope.event.event_type(), *event_type);
        assert_eq!(envelope.event.publisher(), envelope.source);
        assert_eq!(envelope.to_json().unwrap(), compact(&stored));
    }
    assert_eq!(Event::TYPES.len(), 16);
}

#[test]
fn that_a_customer_was_erased_is_told_with_the_status_and_else_not_at_all() {
    let stored = sample("customer-erased");
    let envelope = read(&stored);
    let Event::WorkOrderStatusChanged(changed) = &envelope.event else { panic!("{envelope:?}") };
    assert!(changed.customer_erased);
    assert_eq!(envelope.to_json().unwrap(), compact(&stored));
    let usual = read(&sample("work-order.status-changed"));
    let Event::WorkOrderStatusChanged(changed) = &usual.event else { panic!("{usual:?}") };
    assert!(!changed.customer_erased);
}

#[test]
fn the_seeds_own_example_is_version_one_with_no_cause() {
    let envelope = read(&sample("seed"));
    assert_eq!((envelope.version, envelope.causation_id), (1, None));
    let Event::WorkOrderCreated(created) = &envelope.event else { panic!("{envelope:?}") };
    assert_eq!(created.description, "Oil change and tire rotation");
    assert_eq!(
        (created.status, created.estimated_cost, &created.customer),
        (WorkOrderStatus::Pending, None, &None)
    );
}

#[test]
fn unknown_fields_are_ignored_wherever_they_stand() {
    for event_type in Event::TYPES {
        let mut stored: Value = serde_json::from_str(&sample(event_type)).unwrap();
        let plain = read(&stored.to_string());
        stored["later"] = json!({"added": [1, 2]});
        stored["data"]["later"] = json!("added");
        assert_eq!(read(&stored.to_string()), plain, "{event_type}");
    }
}

#[test]
fn the_correlation_is_the_work_order_and_the_cause_is_kept() {
    for event_type in Event::TYPES {
        let stored: Value = serde_json::from_str(&sample(event_type)).unwrap();
        let envelope = read(&stored.to_string());
        assert_eq!(stored["correlationId"], json!(envelope.event.work_order_id()));
        let cause: Option<EventId> = serde_json::from_value(stored["causationId"].clone()).unwrap();
        assert_eq!(envelope.causation_id, cause);
    }
}

#[test]
fn what_cannot_be_read_says_which_kind_it_is() {
    let changed = |at: &str, to: Value| {
        let mut stored: Value = serde_json::from_str(&sample("payment.approved")).unwrap();
        *stored.pointer_mut(at).unwrap() = to;
        Envelope::from_json(stored.to_string().as_bytes()).unwrap_err()
    };
    assert!(matches!(Envelope::from_json(b"not json").unwrap_err(), Unreadable::Malformed(_)));
    assert!(matches!(Envelope::from_json(b"{}").unwrap_err(), Unreadable::Malformed(_)));
    assert!(
        matches!(changed("/eventType", json!("car.washed")), Unreadable::UnknownType(unknown) if unknown == "car.washed")
    );
    assert!(matches!(changed("/version", json!(2)), Unreadable::UnknownVersion { version: 2, .. }));
    for (field, wrong) in [
        ("amount", json!(-1)),
        ("amount", json!(1.005)),
        ("paymentMethod", json!("GOLD")),
        ("paymentId", json!(7)),
    ] {
        let why = changed(&format!("/data/{field}"), wrong);
        assert!(
            matches!(&why, Unreadable::Data { event_type, .. } if event_type == "payment.approved"),
            "{why}"
        );
    }
}
