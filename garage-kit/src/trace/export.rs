//! Where spans go: to the collector that `OTEL_EXPORTER_OTLP_ENDPOINT` names, in batches and beside the work, under the
//! name of the service that made them. The library's batches, encoding and variables are taken as they are; its tracer
//! is not, as ours knows the ids of its spans before it makes them. What the collector does not take is dropped: a trace
//! is never worth a request.

use std::{
    borrow::Cow,
    sync::OnceLock,
    time::{Duration, SystemTime},
};

use opentelemetry::{
    InstrumentationScope, KeyValue, SpanId, TraceFlags, TraceId,
    trace::{SpanContext, SpanKind, Status, TraceState},
};
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::{
    Resource,
    trace::{BatchSpanProcessor, SpanData, SpanEvents, SpanLinks, SpanProcessor},
};

use super::TraceContext;
use crate::program::{Env, Misconfigured};

/// How long the last spans may take to leave when the program ends.
const LEAVING: Duration = Duration::from_secs(1);

/// One process has one collector, whatever number of services.
static COLLECTOR: OnceLock<Vec<(&'static str, BatchSpanProcessor)>> = OnceLock::new();

/// On which side of a call or a message a span stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Answers a request.
    Server,
    /// Asks somebody else.
    Client,
    /// Tells a message.
    Producer,
    /// Takes a message.
    Consumer,
}

/// Something that took time, or happened.
#[derive(Clone, Debug)]
pub struct Span {
    /// Where it stands.
    pub context: TraceContext,
    /// The span that caused it, and whether that is somebody else's.
    pub parent: Option<(u64, bool)>,
    /// On which side.
    pub kind: Kind,
    /// What it is, by the semantic conventions.
    pub name: Cow<'static, str>,
    /// From when
    pub began: SystemTime,
    /// to when.
    pub ended: SystemTime,
    /// More of it.
    pub attributes: Vec<(&'static str, String)>,
    /// How it failed, if it did.
    pub failed: Option<String>,
}

/// Whether spans go anywhere.
#[must_use]
pub fn is_on() -> bool {
    COLLECTOR.get().is_some()
}

/// Sends a span of this service on its way. An unsampled one goes nowhere.
pub fn record(service: &str, span: Span) {
    let processors = COLLECTOR.get().into_iter().flatten();
    for (_, processor) in processors.filter(|(name, _)| *name == service && span.context.sampled) {
        processor.on_end(data(span.clone()));
    }
}

/// Lets spans of these services leave, if `OTEL_EXPORTER_OTLP_ENDPOINT` says where to. Does nothing the second time.
///
/// # Errors
/// When that is no address.
pub fn start(env: &Env, services: &[&'static str]) -> Result<(), Misconfigured> {
    const NAME: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
    let Some(endpoint) = env.text(NAME)? else { return Ok(()) };
    if !["http://", "https://"].iter().any(|scheme| endpoint.starts_with(scheme)) {
        return Err(Misconfigured::new(format!(
            "{NAME} must begin with http:// or https://; it is {endpoint:?}"
        )));
    }
    let traces = format!("{}/v1/traces", endpoint.trim_end_matches('/'));
    let processors: Result<Vec<_>, _> =
        services.iter().map(|service| Ok((*service, processor(service, &traces)?))).collect();
    let _ =
        COLLECTOR.set(processors.map_err(|cause: String| Misconfigured::new(format!("{NAME}: {cause}")))?);
    Ok(())
}

fn processor(service: &'static str, traces: &str) -> Result<BatchSpanProcessor, String> {
    let exporter = SpanExporter::builder().with_http().with_endpoint(traces).build();
    let mut processor = BatchSpanProcessor::builder(exporter.map_err(|cause| cause.to_string())?).build();
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    processor.set_resource(&Resource::builder().with_service_name(service).with_attribute(version).build());
    Ok(processor)
}

/// Lets the last spans leave, for a second at most.
pub async fn finish() {
    let leaving = tokio::task::spawn_blocking(|| {
        for (service, processor) in COLLECTOR.get().into_iter().flatten() {
            if let Err(cause) = processor.shutdown_with_timeout(LEAVING) {
                tracing::warn!(service, %cause, "the last spans could not leave");
            }
        }
    });
    let _ = tokio::time::timeout(LEAVING, leaving).await;
}

fn data(span: Span) -> SpanData {
    let flags = TraceFlags::default().with_sampled(span.context.sampled);
    let (trace, id) = (TraceId::from(span.context.trace), SpanId::from(span.context.span));
    let parent = span.parent.unwrap_or_default();
    SpanData {
        span_context: SpanContext::new(trace, id, flags, false, TraceState::NONE),
        parent_span_id: SpanId::from(parent.0),
        parent_span_is_remote: parent.1,
        span_kind: match span.kind {
            Kind::Server => SpanKind::Server,
            Kind::Client => SpanKind::Client,
            Kind::Producer => SpanKind::Producer,
            Kind::Consumer => SpanKind::Consumer,
        },
        name: span.name,
        start_time: span.began,
        end_time: span.ended,
        attributes: span.attributes.into_iter().map(|(name, value)| KeyValue::new(name, value)).collect(),
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: span.failed.map_or(Status::Unset, Status::error),
        instrumentation_scope: InstrumentationScope::builder("garage").build(),
    }
}
