//! The broker as an operator sets it up, in its own definitions format: one user per service with the least rights that
//! its work needs, every queue before the first service starts, limits, and a net under what nobody would take. The
//! services declare what they need by themselves; on a broker that has these definitions they find all of it in place.

use serde_json::{Value, json};

use crate::{
    Event, Service,
    topology::{DEAD_LETTER_EXCHANGE, EXCHANGE, definitions, has_consumers, queues_of},
};

/// Where what nobody is bound for comes to rest: exchange and queue.
pub const UNROUTED: &str = "garage-events.unrouted";
/// Where events rest for a while that are told for the record alone.
pub const AUDIT: &str = "garage-events.audit";
/// How long they rest there, in milliseconds: a week.
const AUDIT_FOR: u64 = 7 * 24 * 3600 * 1000;
/// The longest queue, in bytes; then the broker refuses more. Events for a work queue wait in the outbox; what would be set
/// aside waits in its work queue.
const LONGEST: u64 = 1024 * 1024 * 1024;
/// The longest record of what is told for the record alone; then the oldest goes.
const LONGEST_AUDIT: u64 = 256 * 1024 * 1024;

/// Everything, for one virtual host. Users have no password yet, so nobody can be them.
#[must_use]
pub fn broker_definitions() -> Value {
    let own: Vec<Value> = Service::ALL.iter().map(|service| definitions(*service)).collect();
    let all = |kind: &'static str| own.iter().flat_map(move |own| list(&own[kind]));
    let mut exchanges: Vec<Value> = Vec::new();
    for exchange in all("exchanges").chain([exchange(UNROUTED, "fanout")]) {
        if !exchanges.contains(&exchange) {
            exchanges.push(exchange);
        }
    }
    json!({
        "vhosts": [{ "name": "/" }],
        "users": Service::ALL.iter().map(|service| user(*service)).collect::<Vec<_>>(),
        "permissions": Service::ALL.iter().map(|service| permission(*service)).collect::<Vec<_>>(),
        "topic_permissions": Service::ALL.iter().map(|service| topic_permission(*service)).collect::<Vec<_>>(),
        "policies": policies(),
        "exchanges": exchanges,
        "queues": all("queues").chain([unrouted_queue(), audit_queue()]).collect::<Vec<_>>(),
        "bindings": all("bindings").chain(own_bindings()).collect::<Vec<_>>(),
    })
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

fn user(service: Service) -> Value {
    json!({ "name": service, "password_hash": "", "hashing_algorithm": "rabbit_password_hashing_sha256", "tags": [] })
}

/// What a service may touch: its own queues (their dead letters and retries among them), the exchanges, and the queue by
/// which its replicas take turns at the dead letters. The default exchange is how a delivery comes again to the one queue
/// that it came from.
fn permission(service: Service) -> Value {
    let own = format!("{}-[a-z-]+(\\.dlq|\\.retry\\.[0-9]+[sm])?", prefix(service));
    let exchanges = format!("{}|{}", literal(EXCHANGE), literal(DEAD_LETTER_EXCHANGE));
    json!({
        "user": service,
        "vhost": "/",
        "configure": format!("^({own}|{service}\\.dead-letters|{exchanges})$"),
        "write": format!("^({own}|{exchanges}|amq\\.default)$"),
        "read": format!("^({own}|{exchanges})$"),
    })
}

/// What it may tell, and what it may listen to.
fn topic_permission(service: Service) -> Value {
    let tells = Event::TYPES.iter().filter(|event_type| Event::publisher_of(event_type) == Some(service));
    let hears = queues_of(service).map(|queue| queue.event_type);
    json!({
        "user": service,
        "vhost": "/",
        "exchange": EXCHANGE,
        "write": one_of(tells.copied()),
        "read": one_of(hears),
    })
}

fn prefix(service: Service) -> &'static str {
    service.word().trim_end_matches("-service")
}

fn literal(name: &str) -> String {
    name.replace('.', "\\.")
}

fn one_of<'a>(names: impl Iterator<Item = &'a str>) -> String {
    format!("^({})$", names.map(literal).collect::<Vec<_>>().join("|"))
}

/// The net under the exchange, which is declared without arguments; and how long queues may get. A full queue drops its
/// oldest message unless told otherwise. Work queues and retry queues are told by an argument; dead-letter queues were made
/// without one on brokers that would refuse them with it now, so a policy of its own tells them: of several that match, the
/// broker applies the one of the highest priority alone.
fn policies() -> Value {
    let policy = |name: &str, pattern: String, apply_to: &str, priority: u32, definition: Value| {
        json!({
            "vhost": "/", "name": name, "pattern": pattern, "apply-to": apply_to, "priority": priority,
            "definition": definition,
        })
    };
    let services: Vec<_> = Service::ALL.iter().map(|service| prefix(*service)).collect();
    let queues = format!("^({})-", services.join("|"));
    let dead_letters = format!("{queues}.*\\.dlq$");
    let refusing = json!({ "max-length-bytes": LONGEST, "overflow": "reject-publish" });
    json!([
        policy(
            UNROUTED,
            format!("^{}$", literal(EXCHANGE)),
            "exchanges",
            0,
            json!({ "alternate-exchange": UNROUTED })
        ),
        policy("garage-limits", queues, "queues", 0, json!({ "max-length-bytes": LONGEST })),
        policy("garage-dead-letters", dead_letters, "queues", 1, refusing),
    ])
}

fn exchange(name: &str, kind: &str) -> Value {
    json!({ "name": name, "vhost": "/", "type": kind, "durable": true, "auto_delete": false, "internal": false, "arguments": {} })
}

fn queue(name: &str, arguments: Value) -> Value {
    json!({ "name": name, "vhost": "/", "durable": true, "auto_delete": false, "arguments": arguments })
}

fn unrouted_queue() -> Value {
    let arguments =
        json!({ "x-queue-type": "quorum", "x-max-length-bytes": LONGEST, "x-overflow": "reject-publish" });
    queue(UNROUTED, arguments)
}

fn audit_queue() -> Value {
    let bounds = json!({
        "x-queue-type": "quorum", "x-message-ttl": AUDIT_FOR, "x-max-length-bytes": LONGEST_AUDIT,
        "x-overflow": "drop-head",
    });
    queue(AUDIT, bounds)
}

/// An event that nobody consumes rests for the record, so that the net catches only what should not be there.
fn own_bindings() -> impl Iterator<Item = Value> {
    let unheard = Event::TYPES.iter().filter(|event_type| !has_consumers(event_type));
    let binding = |source: &str, queue: &str, key: &str| json!({ "source": source, "vhost": "/", "destination": queue, "destination_type": "queue", "routing_key": key, "arguments": {} });
    let mut bindings = vec![binding(UNROUTED, UNROUTED, "")];
    bindings.extend(unheard.map(|event_type| binding(EXCHANGE, AUDIT, event_type)));
    bindings.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(kind: &str) -> Vec<String> {
        let all = broker_definitions()[kind].as_array().cloned().unwrap();
        all.iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn every_exchange_and_queue_is_there_once() {
        assert_eq!(names("exchanges"), [EXCHANGE, DEAD_LETTER_EXCHANGE, UNROUTED]);
        let queues = names("queues");
        let distinct: std::collections::BTreeSet<_> = queues.iter().collect();
        assert_eq!((queues.len(), distinct.len()), (40, 40));
    }

    #[test]
    fn every_event_goes_somewhere_before_the_net() {
        let bindings = broker_definitions()["bindings"].as_array().cloned().unwrap();
        for event_type in Event::TYPES {
            let bound = bindings
                .iter()
                .any(|binding| binding["source"] == EXCHANGE && binding["routing_key"] == *event_type);
            assert!(bound, "{event_type}");
        }
    }

    #[test]
    fn a_service_tells_what_is_its_own_to_tell() {
        let told = broker_definitions()["topic_permissions"][0]["write"].clone();
        assert_eq!(told, "^(work-order\\.created|work-order\\.status-changed|work-order\\.cancelled)$");
    }
    /// By an argument of its own, or by the one policy that holds for it.
    #[test]
    fn no_full_queue_of_a_service_drops_what_it_has() {
        let definitions = broker_definitions();
        let list = |kind: &str| definitions[kind].as_array().cloned().unwrap();
        let dead_letters: Vec<Value> = list("policies")
            .into_iter()
            .filter(|policy| policy["definition"]["overflow"].is_string())
            .collect();
        let [policy] = dead_letters.as_slice() else { panic!("{dead_letters:?}") };
        assert_eq!(policy["definition"]["overflow"], "reject-publish");
        assert!(policy["definition"]["max-length-bytes"].is_u64());
        assert_eq!(policy["pattern"], "^(os|billing|execution)-.*\\.dlq$");
        let others = list("policies").into_iter().filter(|other| other["name"] != policy["name"]);
        assert!(
            others.map(|other| other["priority"].as_u64()).all(|other| other < policy["priority"].as_u64())
        );
        for queue in list("queues").iter().filter(|queue| queue["name"] != AUDIT) {
            let is_told = queue["arguments"]["x-overflow"] == "reject-publish";
            assert!(is_told || queue["name"].as_str().unwrap().ends_with(".dlq"), "{queue}");
        }
    }
}
