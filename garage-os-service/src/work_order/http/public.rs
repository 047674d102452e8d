//! How far an order is, for whoever knows its id and its customer's document. The id cannot be guessed (74
//! random bits), yet all that a miss tells is that it is one: an order that does not exist and a wrong document
//! have the same answer after the same work. No name, car or price is shown (LGPD art. 6).

use std::time::Duration;

use axum::{
    extract::State,
    http::{HeaderName, HeaderValue, header},
    response::IntoResponse,
};
use chrono::{DateTime, Utc};
use garage_events::{WorkOrderId, WorkOrderStatus, milliseconds};
use garage_kit::http::{Answer, Fields, FromFields, Json, Path, Peer, Problem, Query, RateLimit, read};
use garage_saga::Shell;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{customer::Customer, work_order::WorkOrder};

/// What one peer may ask in a row, and again per minute.
const REQUESTS: u32 = 30;
const MINUTE: Duration = Duration::from_secs(60);

/// Neither caches nor search engines shall keep it, and no link on a page shall tell where it came from.
const UNSEEN: [(HeaderName, HeaderValue); 3] = [
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (HeaderName::from_static("x-robots-tag"), HeaderValue::from_static("noindex")),
];

#[derive(Clone)]
struct Counter {
    shell: Shell,
    limit: RateLimit,
}

pub(super) fn routes(shell: Shell) -> OpenApiRouter {
    let limit = RateLimit::new(REQUESTS, MINUTE, shell.clock.clone());
    OpenApiRouter::new().routes(routes!(status)).with_state(Counter { shell, limit })
}

/// How far an order is.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Progress {
    id: WorkOrderId,
    status: WorkOrderStatus,
    /// When it began.
    #[serde(serialize_with = "milliseconds")]
    status_since: DateTime<Utc>,
    /// When anything was last learned of the order.
    #[serde(serialize_with = "milliseconds")]
    updated_at: DateTime<Utc>,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
struct Proof {
    /// The customer's CPF or CNPJ, with or without punctuation.
    document: String,
}

impl FromFields for Proof {
    fn from_fields(fields: &mut Fields<'_>) -> Answer<Self> {
        Ok(Self { document: fields.required("document", read::text(1..=40))? })
    }
}

/// How far an order is, for its customer.
#[utoipa::path(get, path = "/public/work-orders/{id}/status", tag = "public", security(()), params(Proof),
    responses((status = 200, description = "How far it is", body = Progress), Problem))]
async fn status(
    State(Counter { shell, limit }): State<Counter>,
    peer: Peer,
    Path(id): Path<WorkOrderId>,
    Query(Proof { document }): Query<Proof>,
) -> Result<impl IntoResponse, Problem> {
    limit.check(peer)?;
    let order = shell.repository.load::<WorkOrder>(id.0).await?.map(|read| read.state);
    let customer = order.as_ref().map_or(Uuid::nil(), |order| order.customer_id.0);
    let customer = shell.repository.load::<Customer>(customer).await?;
    let is_theirs = customer
        .is_some_and(|read| read.state.profile().is_some_and(|profile| profile.document.is(&document)));
    let order =
        order.filter(|_| is_theirs).ok_or_else(|| Problem::not_found("work order with this document"))?;
    let (status, status_since) = (order.status(), order.status_since());
    Ok((UNSEEN, Json(Progress { id, status, status_since, updated_at: order.updated_at })))
}
