//! What a service says of the events that it hears and tells: a line in the log and a span in the trace, both once the
//! event is committed and not before. The ids are the event's own, so the log, the trace and the broker speak of the same.

use chrono::{DateTime, Utc};
use garage_events::{Event, EventId, Service};
use garage_kit::{
    store::Message,
    trace::{self, Kind, Span, TraceContext},
};
use tracing::{Level, field};

use crate::Heard;

/// An event that is about to be committed.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    event: &'static str,
    context: TraceContext,
    /// The span that it was told in; 0 for none.
    parent: u64,
    id: uuid::Uuid,
    correlation: uuid::Uuid,
    cause: Option<EventId>,
    at: DateTime<Utc>,
}

/// Whether anybody would read it: if not, it is not even gathered.
pub(crate) fn is_wanted() -> bool {
    tracing::enabled!(target: "garage::events", Level::INFO) || trace::is_on()
}

impl Told {
    pub(crate) fn new(
        event: &'static str,
        message: &Message,
        cause: Option<EventId>,
        parent: Option<TraceContext>,
    ) -> Self {
        let (id, correlation, at) = (message.id, message.correlation, message.at);
        let parent = parent.map_or(0, |parent| parent.span);
        Self { event, context: message.context(), parent, id, correlation, cause, at }
    }

    /// It is committed.
    pub(crate) fn tell(self, service: Service) {
        let Self { event, context, id, correlation, cause, at, parent } = self;
        tracing::info!(target: "garage::events", event, event_id = %id, correlation_id = %correlation,
            causation_id = cause.map(field::display), trace_id = context.trace_id(), service = service.word(), "told");
        if !trace::is_on() {
            return;
        }
        trace::record(
            service.word(),
            Span {
                context,
                parent: (parent != 0).then_some((parent, false)),
                kind: Kind::Producer,
                name: format!("create {event}").into(),
                began: at.into(),
                ended: at.into(),
                attributes: attributes("create", event, id, correlation),
                failed: None,
            },
        );
    }
}

/// An event that was heard, with the span that hears it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hearing {
    /// Where it was told.
    pub(crate) told: TraceContext,
    /// Where it is heard.
    pub(crate) here: TraceContext,
}

impl Hearing {
    /// A publisher that says nothing of a trace is believed to have none.
    pub(crate) fn of(heard: &Event, id: EventId, said: Option<TraceContext>) -> Self {
        let told = said.unwrap_or_else(|| TraceContext::of(heard.work_order_id().0, id.0));
        Self { told, here: TraceContext { span: trace::fresh_span(), ..told } }
    }

    pub(crate) fn log(&self, queue: &str, heard: &Heard, service: Service) {
        let envelope = &heard.envelope;
        tracing::info!(target: "garage::events", queue, event = envelope.event.event_type(),
            event_id = %envelope.event_id, correlation_id = %envelope.event.work_order_id(),
            causation_id = envelope.causation_id.map(field::display), trace_id = self.told.trace_id(),
            service = service.word(), "heard");
    }

    /// It was heard, well or badly, by `now`.
    pub(crate) fn record(
        &self,
        queue: &str,
        heard: &Heard,
        failed: Option<String>,
        service: Service,
        now: DateTime<Utc>,
    ) {
        let (event, envelope) = (heard.envelope.event.event_type(), &heard.envelope);
        let mut attributes =
            attributes("process", event, envelope.event_id.0, envelope.event.work_order_id().0);
        attributes.push(("messaging.destination.subscription.name", queue.to_owned()));
        trace::record(
            service.word(),
            Span {
                context: self.here,
                parent: Some((self.told.span, true)),
                kind: Kind::Consumer,
                name: format!("process {event}").into(),
                began: heard.at.into(),
                ended: now.into(),
                attributes,
                failed,
            },
        );
    }
}

/// By the semantic conventions for messaging, which are not stable yet: they stand here alone.
fn attributes(
    operation: &'static str,
    event: &str,
    id: uuid::Uuid,
    correlation: uuid::Uuid,
) -> Vec<(&'static str, String)> {
    vec![
        ("messaging.system", "rabbitmq".to_owned()),
        ("messaging.operation.name", operation.to_owned()),
        ("messaging.destination.name", garage_events::topology::EXCHANGE.to_owned()),
        ("messaging.rabbitmq.destination.routing_key", event.to_owned()),
        ("messaging.message.id", id.to_string()),
        ("messaging.message.conversation_id", correlation.to_string()),
    ]
}
