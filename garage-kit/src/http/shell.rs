//! What stands around every service's routes: one layer that gives each request an id, a time limit and a
//! line in the log, and makes every error a problem; and the routes for operators. One layer instead of ten,
//! because each costs every request.

use std::{
    fmt,
    future::Future,
    ops::Range,
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    Router,
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::get,
};
use chrono::{DateTime, Utc};
use futures::FutureExt;
use prometheus_client::registry::Registry;
use tokio::time::timeout;
use tracing::{Instrument, field};
use utoipa_axum::router::OpenApiRouter;

use super::{
    Problem, conditional,
    documents::document_routes,
    health::{self, Checks},
    json::BODY_LIMIT,
    metrics::{self, Durations},
};
use crate::{
    Failure,
    auth::Verifier,
    clock::Clock,
    crash,
    trace::{self, Kind, Learned, Span, TRACEPARENT, TraceContext},
};

/// A request that takes longer is given up.
const TIME_LIMIT: Duration = Duration::from_secs(30);
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A service's surroundings, before they are put around its routes.
pub struct Shell {
    checks: Checks,
    verifier: Verifier,
    registry: Registry,
}

impl fmt::Debug for Shell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shell")
            .field("service", &self.checks.service)
            .field("checks", &self.checks)
            .finish_non_exhaustive()
    }
}

impl Shell {
    /// For the service of this name; `verifier` is who believes its callers' tokens.
    #[must_use]
    pub fn new(service: &'static str, clock: Clock, verifier: Verifier) -> Self {
        Self {
            checks: Checks { service, clock, by_name: Vec::new() },
            verifier,
            registry: Registry::default(),
        }
    }

    /// Something the service needs, asked at `/health` and `/health/ready`.
    #[must_use]
    pub fn check<F>(mut self, name: &'static str, check: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        self.checks.by_name.push((name, Box::new(move || check().boxed())));
        self
    }

    /// The service's own metrics, shown at `/metrics` beside the shell's.
    #[must_use]
    pub fn metrics(mut self, registry: Registry) -> Self {
        self.registry = registry;
        self
    }

    /// The routes in their shell, ready to [`serve`](super::serve()).
    pub fn wrap(mut self, api: OpenApiRouter) -> Router {
        let (routes, document) = api.split_for_parts();
        let durations = Durations::register(&mut self.registry);
        let ids = RequestIds::new(&self.checks.clock);
        let (service, clock) = (self.checks.service, self.checks.clock.clone());
        let surroundings = Arc::new(Surroundings { verifier: self.verifier, durations, ids, service, clock });
        routes
            .merge(health_routes(self.checks))
            .merge(Router::new().route("/metrics", get(metrics::metrics)).with_state(Arc::new(self.registry)))
            .merge(document_routes(document))
            .layer(from_fn_with_state(surroundings, around))
    }
}

fn health_routes(checks: Checks) -> Router {
    Router::new()
        .route("/health", get(health::health))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .with_state(Arc::new(checks))
}

struct Surroundings {
    verifier: Verifier,
    durations: Durations,
    ids: RequestIds,
    service: &'static str,
    clock: Clock,
}

/// Ids for requests that come without: a random start, then counted, as a random one each would cost a call
/// to the kernel.
struct RequestIds {
    process: u64,
    count: AtomicU64,
}

impl RequestIds {
    fn new(clock: &Clock) -> Self {
        Self { process: clock.event_id().as_u64_pair().1, count: AtomicU64::new(0) }
    }

    /// The client's own id if it is a sane one.
    fn of(&self, headers: &HeaderMap) -> HeaderValue {
        let sane = |id: &&HeaderValue| {
            (1..=128).contains(&id.len()) && id.as_bytes().iter().all(u8::is_ascii_graphic)
        };
        headers.get(REQUEST_ID).filter(sane).cloned().unwrap_or_else(|| self.fresh())
    }

    fn fresh(&self) -> HeaderValue {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let id = format!("{:016x}{count:016x}", self.process);
        HeaderValue::try_from(id).unwrap_or(HeaderValue::from_static("unknown"))
    }
}

/// What must be known of a request once it has been handled.
struct Exchange {
    started: Instant,
    method: Method,
    uri: Uri,
    route: Option<MatchedPath>,
    id: HeaderValue,
    incoming: Option<TraceContext>,
    authenticated: bool,
    accept: Option<HeaderValue>,
    if_none_match: Option<HeaderValue>,
}

async fn around(State(surroundings): State<Arc<Surroundings>>, mut request: Request, next: Next) -> Response {
    let exchange = Exchange::of(&request, &surroundings.ids);
    request.extensions_mut().insert(surroundings.verifier.clone());
    let span = tracing::info_span!("request", request_id = exchange.id());
    let commands = !request.method().is_safe();
    if commands {
        crash::point("http-before-handling");
    }
    let handling = guarded(request, next).instrument(span);
    let (response, learned) = trace::handle(exchange.incoming, handling).await;
    if commands && response.status().is_success() {
        crash::point("http-before-answer");
    }
    let response = exchange.finish(response);
    exchange.record(response.status(), learned, &surroundings);
    response
}

/// Whatever happens inside, there is an answer, and in time.
async fn guarded(request: Request, next: Next) -> Response {
    if is_too_large(request.headers()) {
        return Problem::too_large(BODY_LIMIT).into_response();
    }
    let handled = AssertUnwindSafe(next.run(request)).catch_unwind();
    match timeout(TIME_LIMIT, handled).await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => {
            tracing::error!("a handler panicked");
            Problem::internal().into_response()
        }
        Err(_) => {
            tracing::error!("a handler took longer than {TIME_LIMIT:?}");
            Problem::unavailable(Duration::from_secs(1)).coded("timed_out").into_response()
        }
    }
}

/// Known before the body is read, unless it comes in chunks.
fn is_too_large(headers: &HeaderMap) -> bool {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    length.and_then(|length| length.parse::<usize>().ok()).is_some_and(|length| length > BODY_LIMIT)
}

impl Exchange {
    fn of(request: &Request, ids: &RequestIds) -> Self {
        let headers = request.headers();
        Self {
            started: Instant::now(),
            method: request.method().clone(),
            uri: request.uri().clone(),
            route: request.extensions().get::<MatchedPath>().cloned(),
            id: ids.of(headers),
            incoming: incoming(headers),
            authenticated: headers.contains_key(header::AUTHORIZATION),
            accept: headers.get(header::ACCEPT).cloned(),
            if_none_match: headers.get(header::IF_NONE_MATCH).cloned(),
        }
    }

    fn id(&self) -> &str {
        self.id.to_str().unwrap_or_default()
    }

    fn finish(&self, response: Response) -> Response {
        let mut response = self.not_modified(self.as_problem(response));
        let headers = response.headers_mut();
        headers.insert(REQUEST_ID, self.id.clone());
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
        headers.entry(header::REFERRER_POLICY).or_insert(HeaderValue::from_static("no-referrer"));
        if self.authenticated {
            headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        }
        response
    }

    /// Errors that were not ours to word (axum's own) become problems too, and keep their headers.
    fn as_problem(&self, mut response: Response) -> Response {
        let status = response.status();
        if !(status.is_client_error() || status.is_server_error()) {
            return response;
        }
        let problem = match response.extensions_mut().remove::<Problem>() {
            Some(problem) => problem,
            None if is_json(response.headers()) => return response,
            None => Problem::of_status(status),
        };
        let mut rendered = problem.render(Some(self.uri.path()), Some(self.id()), self.wants_plain_json());
        let foreign = std::mem::take(response.headers_mut())
            .into_iter()
            .filter_map(|(name, value)| Some((name?, value)));
        for (name, value) in foreign.filter(|(name, _)| *name != header::CONTENT_LENGTH) {
            rendered.headers_mut().entry(name).or_insert(value);
        }
        rendered
    }

    fn wants_plain_json(&self) -> bool {
        let accept = self.accept.as_ref().and_then(|accept| accept.to_str().ok()).unwrap_or_default();
        accept.contains("application/json") && !accept.contains("application/problem+json")
    }

    /// What a handler itself says not to store is sent in full: it has something in it that its tag does not tell, such as
    /// a deadline that has passed meanwhile.
    fn not_modified(&self, response: Response) -> Response {
        let reading = self.method == Method::GET || self.method == Method::HEAD;
        if is_not_stored(response.headers()) {
            return response;
        }
        match (&self.if_none_match, response.headers().get(header::ETAG)) {
            (Some(known), Some(tag))
                if reading && response.status().is_success() && conditional::names(known, tag) =>
            {
                (StatusCode::NOT_MODIFIED, [(header::ETAG, tag.clone())]).into_response()
            }
            _ => response,
        }
    }

    /// The log's line, the histogram's count and the trace's span. They have the route, not the path: a path may hold a
    /// document or a plate, which are personal data. Probes and scrapes are not worth a line.
    fn record(
        &self,
        status: StatusCode,
        learned: Learned,
        Surroundings { durations, service, clock, .. }: &Surroundings,
    ) {
        let took = self.started.elapsed();
        durations.observe(&self.method, self.route.as_ref(), status, took);
        let (method, code) = (self.method.as_str(), status.as_u16());
        let route = self.route.as_ref().map_or("unknown", MatchedPath::as_str);
        let ms = took.as_secs_f64() * 1000.0;
        if route.starts_with("/health") || route == "/metrics" {
            tracing::debug!(method, route, status = code, ms, request_id = self.id(), "answered");
            return;
        }
        let trace_id = learned.context().map(|context| field::display(context.trace_id()));
        let correlation_id = learned.conversation.map(field::display);
        tracing::info!(
            method,
            route,
            status = code,
            ms,
            request_id = self.id(),
            correlation_id,
            trace_id,
            "answered"
        );
        if trace::is_on() {
            trace::record(service, self.span(route, status, learned, clock.now() - took..clock.now()));
        }
    }

    /// By the semantic conventions for HTTP.
    fn span(&self, route: &str, status: StatusCode, learned: Learned, time: Range<DateTime<Utc>>) -> Span {
        let method = self.method.as_str();
        Span {
            context: learned.context().unwrap_or_else(|| TraceContext {
                trace: rand::random(),
                span: learned.span,
                sampled: true,
            }),
            parent: learned.incoming.map(|caller| (caller.span, true)),
            kind: Kind::Server,
            name: format!("{method} {route}").into(),
            began: time.start.into(),
            ended: time.end.into(),
            attributes: vec![
                ("http.request.method", method.to_owned()),
                ("http.route", route.to_owned()),
                ("http.response.status_code", status.as_u16().to_string()),
                ("garage.request_id", self.id().to_owned()),
            ],
            failed: status.is_server_error().then(|| status.to_string()),
        }
    }
}

/// The caller's trace. One that does not read is as good as none (W3C Trace Context, 3.2.2.5).
fn incoming(headers: &HeaderMap) -> Option<TraceContext> {
    headers.get(TRACEPARENT)?.to_str().ok()?.parse().ok()
}

fn is_not_stored(headers: &HeaderMap) -> bool {
    headers.get(header::CACHE_CONTROL).is_some_and(|control| control.as_bytes() == b"no-store")
}

fn is_json(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|media| media.as_bytes().starts_with(b"application/json"))
}
