//! How sagas end and how long they took, for Prometheus. The end of a saga is the event that tells it: what every other
//! service hears is what is counted, once the bus has it.

use std::sync::Arc;

use garage_events::{Envelope, Event, WorkOrderStatus};
use garage_kit::store::Message;
use garage_saga::Witness;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{family::Family, histogram::Histogram},
    registry::{Registry, Unit},
};

/// In seconds: from a program that plays a customer to weeks of waiting for one.
const BUCKETS: [f64; 14] = [
    0.1,
    0.5,
    1.0,
    5.0,
    30.0,
    60.0,
    600.0,
    3600.0,
    14_400.0,
    86_400.0,
    259_200.0,
    604_800.0,
    1_209_600.0,
    2_592_000.0,
];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    outcome: &'static str,
}

/// Registers `garage_saga_duration_seconds`; what is returned must see every event that leaves.
pub(crate) fn count(registry: &mut Registry) -> Witness {
    let durations: Family<Labels, Histogram, fn() -> Histogram> =
        Family::new_with_constructor((|| Histogram::new(BUCKETS)) as fn() -> Histogram);
    registry.register_with_unit(
        "garage_saga_duration",
        "How long sagas took from intake to their end, by how they ended; each order is counted once per end",
        Unit::Seconds,
        durations.clone(),
    );
    Arc::new(move |message| {
        if let Some((outcome, seconds)) = ended(message) {
            durations.get_or_create(&Labels { outcome }).observe(seconds);
        }
    })
}

/// The outcome, and the seconds since intake: an order's id is a UUIDv7 and holds the time at which it was made.
fn ended(message: &Message) -> Option<(&'static str, f64)> {
    if message.topic != "work-order.status-changed" {
        return None;
    }
    let Event::WorkOrderStatusChanged(changed) = Envelope::from_json(message.body.as_bytes()).ok()?.event
    else {
        return None;
    };
    let outcome = match changed.new_status {
        WorkOrderStatus::Completed => "completed",
        WorkOrderStatus::Cancelled => "cancelled",
        WorkOrderStatus::Failed => "failed",
        WorkOrderStatus::Pending
        | WorkOrderStatus::Quoted
        | WorkOrderStatus::QuoteSent
        | WorkOrderStatus::Approved
        | WorkOrderStatus::InProgress
        | WorkOrderStatus::Delivered => return None,
    };
    let (seconds, nanoseconds) = changed.work_order_id.0.get_timestamp()?.to_unix();
    let begun = i64::try_from(seconds).ok()? * 1000 + i64::from(nanoseconds / 1_000_000);
    let took = (message.at.timestamp_millis() - begun).max(0);
    Some((outcome, std::time::Duration::from_millis(took.unsigned_abs()).as_secs_f64()))
}
