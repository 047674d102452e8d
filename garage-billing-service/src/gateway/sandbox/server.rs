//! The sandbox as a server with the provider's routes and bodies, for a billing service that is to believe it
//! speaks to Mercado Pago. It is written against the provider's documentation and not against our client, so
//! that the two can disagree. Beyond the provider's own there are `/sandbox/*`: the payer's acts, and the
//! ledger of all money that moved.

use std::collections::HashMap;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, Query, State},
    http::{HeaderMap, Request, StatusCode, header::AUTHORIZATION},
    middleware::{Next, from_fn_with_state},
    response::Response,
    routing::{get, post},
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::{
    Sandbox, Unanswered,
    ledger::{Refusal, Verdict},
};
use error::Error;

mod error;
mod read;
mod show;

/// Results of a search, unless asked for less.
const LIMIT: u32 = 30;

/// The provider's routes over this sandbox, for callers with this access token.
pub fn router(sandbox: Sandbox, access_token: SecretString) -> Router {
    Router::new()
        .route("/v1/payments", post(create))
        .route("/v1/payments/search", get(search))
        .route("/v1/payments/{number}", get(payment).put(update))
        .route("/v1/payments/{number}/refunds", get(refunds).post(refund))
        .route("/v1/payments/{number}/refunds/{refund}", get(refund_by_number))
        .route("/sandbox/payments/{number}/{verdict}", post(decide))
        .route("/sandbox/ledger", get(ledger))
        .layer(from_fn_with_state(access_token, authorize))
        .with_state(sandbox)
}

async fn authorize(
    State(access_token): State<SecretString>,
    request: Request<axum::body::Body>,
    next: Next,
) -> Result<Response, Error> {
    let told = request.headers().get(AUTHORIZATION).ok_or_else(Error::without_token)?;
    if told.as_bytes() != format!("Bearer {}", access_token.expose_secret()).as_bytes() {
        return Err(Error::wrong_token());
    }
    Ok(next.run(request).await)
}

async fn create(
    State(sandbox): State<Sandbox>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(StatusCode, Json<Value>), Error> {
    let key = read::uuid(read::key(&headers)?)?;
    let entry = sandbox.charge(key, read::payment(&body)?).await?;
    Ok((StatusCode::CREATED, Json(show::payment(&entry))))
}

async fn payment(State(sandbox): State<Sandbox>, Path(number): Path<String>) -> Result<Json<Value>, Error> {
    Ok(Json(show::payment(&sandbox.payment(&number).await?)))
}

async fn search(
    State(sandbox): State<Sandbox>,
    Query(asked): Query<HashMap<String, String>>,
) -> Result<Json<Value>, Error> {
    let limit = asked.get("limit").and_then(|limit| limit.parse().ok()).unwrap_or(LIMIT);
    let entries = sandbox.payments(asked.get("external_reference").cloned(), limit).await?;
    let results: Vec<Value> = entries.iter().map(show::payment).collect();
    Ok(Json(json!({"paging": {"total": results.len(), "limit": limit, "offset": 0}, "results": results})))
}

async fn update(
    State(sandbox): State<Sandbox>,
    Path(number): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, Error> {
    read::cancellation(&body)?;
    Ok(Json(show::payment(&sandbox.call_off(&number).await?)))
}

async fn refund(
    State(sandbox): State<Sandbox>,
    Path(number): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(StatusCode, Json<Value>), Error> {
    let key = read::key(&headers)?;
    let entry = sandbox.give_back(&number, read::refund(&body)?, key).await?;
    let made = entry.refunds.iter().find(|refund| refund.key == key).ok_or(Refusal::NotFound)?;
    Ok((StatusCode::CREATED, Json(show::refund(&entry, made))))
}

async fn refunds(State(sandbox): State<Sandbox>, Path(number): Path<String>) -> Result<Json<Value>, Error> {
    let entry = sandbox.payment(&number).await?;
    Ok(Json(entry.refunds.iter().map(|refund| show::refund(&entry, refund)).collect()))
}

async fn refund_by_number(
    State(sandbox): State<Sandbox>,
    Path((number, refund)): Path<(String, u64)>,
) -> Result<Json<Value>, Error> {
    let entry = sandbox.payment(&number).await?;
    let found = entry.refunds.iter().find(|made| made.number == refund).ok_or(Refusal::NotFound)?;
    Ok(Json(show::refund(&entry, found)))
}

async fn decide(
    State(sandbox): State<Sandbox>,
    Path((number, verdict)): Path<(String, Verdict)>,
) -> Result<Json<Value>, Error> {
    Ok(Json(show::payment(&sandbox.decide(&number, verdict).await?)))
}

async fn ledger(State(sandbox): State<Sandbox>) -> Result<Json<Value>, Error> {
    let movements = sandbox.movements().await.map_err(Unanswered::Failed)?;
    Ok(Json(movements.iter().map(show::movement).collect()))
}
