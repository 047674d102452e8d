//! One trace shows a whole saga: the real programs on real servers, and a collector in this test that reads what they
//! send it. The log tells the same story by the same ids.

#![expect(clippy::expect_used, reason = "a test that cannot go on must stop, and say why")]

mod chain;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use axum::{Router, body::Bytes, routing::post};
use chain::Chain;
use garage::{shop::text, stories::STORIES};
use garage_events::topology::QUEUES;
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value},
    trace::v1::span::SpanKind,
};
use prost::Message;
use reqwest::Client;
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    time::{Instant, sleep},
};
use uuid::Uuid;

const PATIENCE: Duration = Duration::from_secs(60);
const CALLER: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// A span as a collector sees it.
#[derive(Clone, Debug)]
struct Seen {
    service: String,
    name: String,
    kind: SpanKind,
    trace: String,
    id: String,
    parent: String,
    attributes: BTreeMap<String, String>,
}

/// What a collector has been sent.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<Seen>>>);

impl Collector {
    async fn listen() -> Result<(Self, String)> {
        let (collector, listener) = (Self::default(), TcpListener::bind("127.0.0.1:0").await?);
        let address = format!("http://{}", listener.local_addr()?);
        let into = collector.clone();
        let router =
            Router::new().route("/v1/traces", post(move |body: Bytes| async move { into.take(&body) }));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok((collector, address))
    }

    fn take(&self, body: &[u8]) {
        let sent = ExportTraceServiceRequest::decode(body).expect("spans in OTLP");
        let mut seen = self.0.lock().expect("nobody panics here");
        for resource in sent.resource_spans {
            let of = attributes(&resource.resource.unwrap_or_default().attributes);
            for span in resource.scope_spans.into_iter().flat_map(|scope| scope.spans) {
                seen.push(Seen {
                    service: of["service.name"].clone(),
                    kind: span.kind(),
                    trace: hex(&span.trace_id),
                    id: hex(&span.span_id),
                    parent: hex(&span.parent_span_id),
                    attributes: attributes(&span.attributes),
                    name: span.name,
                });
            }
        }
    }

    fn of(&self, trace: &str) -> Vec<Seen> {
        let seen = self.0.lock().expect("nobody panics here");
        seen.iter().filter(|span| span.trace == trace).cloned().collect()
    }

    /// The spans of a trace once all of these are there, as `service: name`.
    async fn once(&self, trace: &str, wanted: &BTreeSet<String>) -> Result<Vec<Seen>> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let spans = self.of(trace);
            let names: BTreeSet<String> = spans.iter().map(Seen::full_name).collect();
            let missing: Vec<_> = wanted.difference(&names).collect();
            if missing.is_empty() {
                return Ok(spans);
            }
            ensure!(Instant::now() < deadline, "{missing:?} are not among {names:?}");
            sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Seen {
    fn full_name(&self) -> String {
        format!("{}: {}", self.service, self.name)
    }
}

fn attributes(all: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |one: &KeyValue| match one.value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(any_value::Value::StringValue(text)) => text.clone(),
        other => format!("{other:?}"),
    };
    all.iter().map(|one| (one.key.clone(), text(one))).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn told_chain(collector: String, logs: &Path) -> Result<Chain> {
    let more = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector),
        ("OTEL_BSP_SCHEDULE_DELAY", "100".to_owned()),
        ("LOG_FORMAT", "json".to_owned()),
        ("RUST_LOG", "info,lapin=off".to_owned()),
    ];
    Chain::start_told(&more, logs).await
}

/// What happens on the way from intake to delivery, each event told once by its publisher and heard by all whose it is.
fn happy_path() -> BTreeSet<String> {
    let events = [
        ("os-service", "work-order.created"),
        ("os-service", "work-order.status-changed"),
        ("billing-service", "quote.created"),
        ("billing-service", "quote.sent"),
        ("billing-service", "quote.approved"),
        ("billing-service", "payment.created"),
        ("billing-service", "payment.approved"),
        ("execution-service", "execution.created"),
        ("execution-service", "execution.status-changed"),
        ("execution-service", "execution.completed"),
    ];
    let requests = [
        "os-service: POST /work-orders",
        "billing-service: PUT /quotes/{id}/approve",
        "billing-service: POST /payments",
        "execution-service: POST /executions/{id}/complete",
        "os-service: POST /work-orders/{id}/deliver",
    ];
    let mut wanted: BTreeSet<String> = requests.map(str::to_owned).into();
    for (publisher, event) in events {
        wanted.insert(format!("{publisher}: create {event}"));
        let queues = QUEUES.iter().filter(|queue| queue.event_type == event);
        wanted.extend(queues.map(|queue| format!("{}: process {event}", queue.owner)));
    }
    wanted
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_trace_and_one_correlation_id_show_a_whole_saga() -> Result<()> {
    let (collector, address) = Collector::listen().await?;
    let logs = tempfile::tempdir()?;
    let chain = told_chain(address, logs.path()).await?;
    let car = (STORIES[0].tell)(&chain.shop()?, 1).await?;
    let trace = car.order.parse::<Uuid>()?.simple().to_string();
    let spans = collector.once(&trace, &happy_path()).await?;
    every_span_hangs_together(&spans)?;
    chain.wait_until_drained().await?;
    chain.stop().await?;
    every_line_carries_its_ids(logs.path(), &car.order)
}

fn every_span_hangs_together(spans: &[Seen]) -> Result<()> {
    let ids: BTreeSet<&str> = spans.iter().map(|span| span.id.as_str()).collect();
    ensure!(ids.len() == spans.len(), "two spans have the same id");
    for span in spans {
        let is_root = span.parent.is_empty();
        ensure!(is_root == (span.kind == SpanKind::Server), "{}: only a request begins", span.full_name());
        ensure!(is_root || ids.contains(span.parent.as_str()), "{} has a parent elsewhere", span.full_name());
        let attribute = |name: &str| span.attributes.get(name).map(String::as_str);
        if span.kind != SpanKind::Server {
            ensure!(attribute("messaging.system") == Some("rabbitmq"), "{}", span.full_name());
            ensure!(attribute("messaging.message.id").is_some(), "{}", span.full_name());
        }
    }
    Ok(())
}

/// Every line of the log that names the order names it as its correlation id, and the events form one chain.
fn every_line_carries_its_ids(logs: &Path, order: &str) -> Result<()> {
    let (mut told, mut heard) = (BTreeMap::new(), Vec::new());
    for name in ["garage-os-service", "garage-billing-service", "garage-execution-service"] {
        let log = std::fs::read_to_string(logs.join(name))?;
        for line in log.lines() {
            let line: Value = serde_json::from_str(line).with_context(|| format!("no JSON: {line}"))?;
            if !line.to_string().contains(order) {
                continue;
            }
            ensure!(line["correlation_id"] == order, "a line without its correlation id: {line}");
            ensure!(line["trace_id"] == order.replace('-', ""), "a line without its trace: {line}");
            if line["message"] == "told" {
                told.insert(line["event_id"].to_string(), line["causation_id"].clone());
            }
            if line["message"] == "heard" {
                heard.push((line["event_id"].to_string(), line["causation_id"].clone()));
            }
        }
    }
    ensure!(told.len() > 15 && heard.len() > 20, "{} told, {} heard", told.len(), heard.len());
    for (id, cause) in heard {
        ensure!(told.get(&id) == Some(&cause), "{id} was told by nobody, or for another cause");
    }
    for cause in told.values().filter(|cause| !cause.is_null()) {
        ensure!(told.contains_key(&cause.to_string()), "{cause} was told by nobody");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_callers_own_trace_goes_on_through_every_service() -> Result<()> {
    let (collector, address) = Collector::listen().await?;
    let logs = tempfile::tempdir()?;
    let chain = told_chain(address, logs.path()).await?;
    let shop = chain.shop()?;
    let car = shop.take_in("Ana Souza", 2).await?;
    let quote = shop.quote(&car, "send").await?;
    let client = Client::builder().no_proxy().build()?;
    let url = format!("{}/quotes/{}/approve", chain.urls()[1], text(&quote, "id")?);
    let approving = client.patch(url).bearer_auth(Chain::token()?).json(&json!({}));
    let answer = approving.header("traceparent", format!("00-{CALLER}-00f067aa0ba902b7-01")).send().await?;
    ensure!(answer.status().is_success(), "{}", answer.text().await?);
    let wanted = [
        "billing-service: PATCH /quotes/{id}/approve",
        "billing-service: create quote.approved",
        "os-service: process quote.approved",
        "execution-service: process quote.approved",
        "os-service: create work-order.status-changed",
        "billing-service: process work-order.status-changed",
        "execution-service: process work-order.status-changed",
    ];
    let spans = collector.once(CALLER, &wanted.map(str::to_owned).into()).await?;
    let request = spans.iter().find(|span| span.kind == SpanKind::Server).context("the request")?;
    ensure!(request.parent == "00f067aa0ba902b7", "the request is not its caller's: {request:?}");
    let approved = spans.iter().find(|span| span.name == "create quote.approved").context("the event")?;
    ensure!(approved.parent == request.id, "the event is not the request's: {approved:?}");
    chain.stop().await
}
