//! The exchange, the queues and who hears what (SPEC 2), as data: the broker's declarations, the in-process
//! bus and the documents are all made from this one table. The form for machines is the broker's own
//! definitions format, so that what is declared at start and what an operator imports are the same text.

use std::time::Duration;

use serde_json::{Value, json};

use crate::words::words;

/// The topic exchange of all events.
pub const EXCHANGE: &str = "garage-events";
/// The direct exchange that set-aside messages travel through, to `{queue}.dlq`.
pub const DEAD_LETTER_EXCHANGE: &str = "garage-events.dlx";
/// Deliveries of one message before the broker sets it aside by itself: a second net, the services' own
/// judgement comes first.
pub const DELIVERY_LIMIT: u32 = 20;
/// Tries of a delivery over which its service fails, counted over all replicas, before it is set aside.
pub const ATTEMPTS: u32 = 5;
/// The pauses between them, in queues of their own: `{queue}.retry.{delay}` (`1s`, `5s`, `30s`, `2m`), each declared by
/// the service that first needs it.
pub const RETRY_DELAYS: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(30), Duration::from_secs(120)];
/// How often people may look at a dead letter: more often than they will.
pub const LOOKS_AT_A_DEAD_LETTER: u32 = 1_000_000_000;

words! {
    /// A service, by the name it has on the wire.
    Service {
        /// Customers, vehicles, work orders.
        Os = "os-service",
        /// Quotes, payments, catalogue.
        Billing = "billing-service",
        /// The workshop.
        Execution = "execution-service",
    }
}

/// A queue: whose it is and which events it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queue {
    /// `{service}-{event-subject}`.
    pub name: &'static str,
    /// The service that consumes it.
    pub owner: Service,
    /// The routing key, which is the event's type.
    pub event_type: &'static str,
}

impl Queue {
    /// Whether its events may gather for a moment and be heard together. How far an order or its work has come is written
    /// down and followed, so that it can be shown and somebody be told that it waits too long; no step waits for it.
    #[must_use]
    pub fn may_gather(&self) -> bool {
        ["work-order.status-changed", "execution.status-changed"].contains(&self.event_type)
    }
}

const fn queue(owner: Service, name: &'static str, event_type: &'static str) -> Queue {
    Queue { name, owner, event_type }
}

/// Every work queue.
pub const QUEUES: [Queue; 19] = [
    queue(Service::Os, "os-payment-approved", "payment.approved"),
    queue(Service::Os, "os-payment-failed", "payment.failed"),
    queue(Service::Os, "os-quote-rejected", "quote.rejected"),
    queue(Service::Os, "os-execution-completed", "execution.completed"),
    queue(Service::Billing, "billing-work-order-created", "work-order.created"),
    queue(Service::Billing, "billing-work-order-cancelled", "work-order.cancelled"),
    queue(Service::Billing, "billing-execution-failed", "execution.failed"),
    queue(Service::Execution, "execution-payment-approved", "payment.approved"),
    queue(Service::Execution, "execution-quote-approved", "quote.approved"),
    queue(Service::Execution, "execution-work-order-cancelled", "work-order.cancelled"),
    queue(Service::Os, "os-quote-created", "quote.created"),
    queue(Service::Os, "os-quote-approved", "quote.approved"),
    queue(Service::Os, "os-quote-sent", "quote.sent"),
    queue(Service::Os, "os-payment-rejected", "payment.rejected"),
    queue(Service::Os, "os-execution-status-changed", "execution.status-changed"),
    queue(Service::Os, "os-execution-failed", "execution.failed"),
    queue(Service::Billing, "billing-work-order-status-changed", "work-order.status-changed"),
    queue(Service::Execution, "execution-work-order-status-changed", "work-order.status-changed"),
    queue(Service::Os, "os-payment-refunded", "payment.refunded"),
];

/// The queues that one service consumes.
pub fn queues_of(owner: Service) -> impl Iterator<Item = &'static Queue> {
    QUEUES.iter().filter(move |queue| queue.owner == owner)
}

/// Whether anybody consumes this type; if so it is published mandatory.
#[must_use]
pub fn has_consumers(event_type: &str) -> bool {
    QUEUES.iter().any(|queue| queue.event_type == event_type)
}

/// Where messages of a queue rest that can never succeed.
#[must_use]
pub fn dead_letter_queue(queue: &str) -> String {
    format!("{queue}.dlq")
}

/// What `owner` declares at start, in the broker's definitions format: both exchanges, its own queues and
/// their dead-letter queues, with their final arguments (they mean the same on RabbitMQ 3.10 and 4.x).
#[must_use]
pub fn definitions(owner: Service) -> Value {
    let own: Vec<_> = queues_of(owner).collect();
    let queues = own.iter().flat_map(|queue| [work_queue(queue), resting_queue(queue)]);
    let bindings = own.iter().flat_map(|queue| {
        [
            binding(EXCHANGE, queue.name, queue.event_type),
            binding(DEAD_LETTER_EXCHANGE, &dead_letter_queue(queue.name), queue.name),
        ]
    });
    json!({
        "exchanges": [exchange(EXCHANGE, "topic"), exchange(DEAD_LETTER_EXCHANGE, "direct")],
        "queues": queues.collect::<Vec<_>>(),
        "bindings": bindings.collect::<Vec<_>>(),
    })
}

/// Declared with no arguments: any other form is refused by a broker that already has it.
fn exchange(name: &str, kind: &str) -> Value {
    json!({ "name": name, "vhost": "/", "type": kind, "durable": true, "auto_delete": false, "internal": false, "arguments": {} })
}

/// At-least-once dead-lettering needs the strategy and `reject-publish` together, or it silently is at most once.
fn work_queue(queue: &Queue) -> Value {
    durable(
        queue.name,
        json!({
            "x-queue-type": "quorum",
            "x-delivery-limit": DELIVERY_LIMIT,
            "x-dead-letter-exchange": DEAD_LETTER_EXCHANGE,
            "x-dead-letter-routing-key": queue.name,
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
        }),
    )
}

/// Looking at a letter counts as a delivery, and RabbitMQ 4 drops what was delivered twenty times unless told otherwise;
/// 3.10 knows no word for "without limit". That a full one refuses more is said by a policy (see [`crate::broker`]): brokers
/// that have these queues would refuse them with a further argument.
fn resting_queue(queue: &Queue) -> Value {
    durable(
        &dead_letter_queue(queue.name),
        json!({ "x-queue-type": "quorum", "x-delivery-limit": LOOKS_AT_A_DEAD_LETTER }),
    )
}

fn durable(name: &str, arguments: Value) -> Value {
    json!({ "name": name, "vhost": "/", "durable": true, "auto_delete": false, "arguments": arguments })
}

fn binding(source: &str, queue: &str, key: &str) -> Value {
    json!({ "source": source, "vhost": "/", "destination": queue, "destination_type": "queue", "routing_key": key, "arguments": {} })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Event;

    #[test]
    fn a_queue_is_named_after_its_service_and_its_event() {
        for queue in QUEUES {
            let service = queue.owner.word().trim_end_matches("-service");
            assert_eq!(queue.name, format!("{service}-{}", queue.event_type.replace('.', "-")));
        }
    }

    #[test]
    fn every_queue_takes_an_event_that_exists_and_only_audits_go_unheard() {
        assert!(QUEUES.iter().all(|queue| Event::TYPES.contains(&queue.event_type)));
        let unheard: Vec<_> = Event::TYPES.iter().filter(|key| !has_consumers(key)).collect();
        assert_eq!(unheard, [&"payment.created", &"execution.created"]);
    }

    #[test]
    fn the_three_services_declare_every_queue_once_with_its_dead_letter_queue() {
        let names: Vec<String> = Service::ALL.iter().flat_map(|service| names(*service)).collect();
        let distinct: std::collections::BTreeSet<_> = names.iter().collect();
        assert_eq!((names.len(), distinct.len()), (38, 38));
        assert!(names.contains(&"os-payment-refunded.dlq".to_owned()));
    }

    fn names(owner: Service) -> Vec<String> {
        let queues = definitions(owner)["queues"].as_array().cloned().unwrap();
        queues.iter().map(|queue| queue["name"].as_str().unwrap().to_owned()).collect()
    }
}
