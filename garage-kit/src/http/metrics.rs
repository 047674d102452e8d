//! What Prometheus reads at `/metrics`: the duration of every request, beside whatever the service registers.
//! Labels come from routes and known methods, never from what a client made up.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{MatchedPath, State},
    http::{HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{family::Family, histogram::Histogram},
    registry::Registry,
};

use super::Problem;

/// In seconds: from an answer out of memory to the time-out.
const BUCKETS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    method: &'static str,
    route: String,
    status: u16,
}

/// How long requests took.
#[derive(Clone, Debug)]
pub(super) struct Durations(Family<Labels, Histogram, fn() -> Histogram>);

impl Durations {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let durations = Family::new_with_constructor((|| Histogram::new(BUCKETS)) as fn() -> Histogram);
        registry.register(
            "http_server_request_duration_seconds",
            "How long requests took",
            durations.clone(),
        );
        Self(durations)
    }

    pub(super) fn observe(
        &self,
        method: &Method,
        route: Option<&MatchedPath>,
        status: StatusCode,
        took: Duration,
    ) {
        let route = route.map_or("unknown", MatchedPath::as_str).to_owned();
        let labels = Labels { method: known(method), route, status: status.as_u16() };
        self.0.get_or_create(&labels).observe(took.as_secs_f64());
    }
}

fn known(method: &Method) -> &'static str {
    let methods = [
        Method::GET,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::HEAD,
        Method::OPTIONS,
    ];
    let names = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
    methods.iter().zip(names).find(|(known, _)| *known == method).map_or("OTHER", |(_, name)| name)
}

/// Metrics in the OpenMetrics text format.
#[utoipa::path(get, path = "/metrics", tag = "operation", security(()),
    responses((status = 200, description = "Metrics for Prometheus", body = String, content_type = "application/openmetrics-text")))]
pub(super) async fn metrics(State(registry): State<Arc<Registry>>) -> Response {
    let mut text = String::new();
    if let Err(cause) = encode(&mut text, &registry) {
        tracing::error!(%cause, "the metrics could not be written");
        return Problem::internal().into_response();
    }
    let media = HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
    ([(header::CONTENT_TYPE, media)], text).into_response()
}
