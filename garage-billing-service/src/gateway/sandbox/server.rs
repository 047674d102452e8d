//! The sandbox as a server with the provider's routes and bodies, for a billing service that is to believe it
//! speaks to Mercado Pago. It is written against the provider's documentation and not against our client, so
//! that the two can disagree. Beyond the provider's own there are `/sandbox/*`: what people and banks do with a
//! payment, trouble on the line, and the ledger of all money that moved; and `/pay/*`, the payer's pages.

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
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Sandbox, Unanswered,
    faults::{Fault, Odds},
    ledger::{RefundStatus, Refusal, Verdict},
};
use error::Error;

mod error;
mod page;
mod read;
mod show;

/// Results of a search, unless asked for less.
const LIMIT: u32 = 30;

/// The provider's routes over this sandbox, for callers with this access token.
pub fn router(sandbox: Sandbox, access_token: SecretString) -> Router {
    Router::new()
        .route("/v1/payments", post(create))
        .route("/v1/payment_methods", get(methods))
        .route("/v1/payments/search", get(search))
        .route("/v1/payments/{number}", get(payment).put(update))
        .route("/v1/payments/{number}/refunds", get(refunds).post(refund))
        .route("/v1/payments/{number}/refunds/{refund}", get(refund_by_number))
        .route("/sandbox/payments/{number}/{verdict}", post(decide))
        .route("/sandbox/payments/{number}/refunds/{refund}/{status}", post(decide_refund))
        .route("/sandbox/faults", post(misbehave).delete(behave))
        .route("/sandbox/ledger", get(ledger))
        .layer(from_fn_with_state(access_token, authorize))
        .merge(page::routes())
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
    let entry = sandbox.charge(key, read::payment(&body, sandbox.clock.now())?).await?;
    Ok((StatusCode::CREATED, Json(show::payment(&sandbox, &entry))))
}

async fn payment(State(sandbox): State<Sandbox>, Path(number): Path<String>) -> Result<Json<Value>, Error> {
    Ok(Json(show::payment(&sandbox, &sandbox.payment(&number).await?)))
}

async fn search(
    State(sandbox): State<Sandbox>,
    Query(asked): Query<HashMap<String, String>>,
) -> Result<Json<Value>, Error> {
    let limit = asked.get("limit").and_then(|limit| limit.parse().ok()).unwrap_or(LIMIT);
    let entries = sandbox.payments(asked.get("external_reference").cloned(), limit).await?;
    let results: Vec<Value> = entries.iter().map(|entry| show::payment(&sandbox, entry)).collect();
    Ok(Json(json!({"paging": {"total": results.len(), "limit": limit, "offset": 0}, "results": results})))
}

async fn update(
    State(sandbox): State<Sandbox>,
    Path(number): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, Error> {
    read::cancellation(&body)?;
    Ok(Json(show::payment(&sandbox, &sandbox.call_off(&number).await?)))
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
    Ok(Json(show::payment(&sandbox, &sandbox.decide(&number, verdict).await?)))
}

async fn decide_refund(
    State(sandbox): State<Sandbox>,
    Path((number, refund, status)): Path<(String, u64, RefundStatus)>,
) -> Result<Json<Value>, Error> {
    Ok(Json(show::payment(&sandbox, &sandbox.decide_refund(&number, refund, status).await?)))
}

/// Trouble for the next calls, or by chance.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Misbehaviour {
    #[serde(default)]
    next: Vec<Fault>,
    #[serde(default)]
    refunds: Vec<RefundStatus>,
    percent: Option<Odds>,
    #[serde(default)]
    seed: u64,
}

async fn misbehave(State(sandbox): State<Sandbox>, body: Bytes) -> Result<StatusCode, Error> {
    let told: Misbehaviour = serde_json::from_slice(&body)
        .map_err(|cause| Error::malformed(1, &format!("not a way to misbehave: {cause}")))?;
    told.next.into_iter().for_each(|fault| sandbox.faults.expect(1, fault));
    told.refunds.into_iter().for_each(|status| sandbox.faults.expect_refunds(1, status));
    told.percent.into_iter().for_each(|odds| sandbox.faults.by_chance(told.seed, odds));
    Ok(StatusCode::NO_CONTENT)
}

async fn behave(State(sandbox): State<Sandbox>) -> StatusCode {
    sandbox.faults.clear();
    StatusCode::NO_CONTENT
}

/// What this account takes.
async fn methods() -> Json<Value> {
    let method = |(id, kind): &(&str, &str)| {
        json!({"id": id, "name": id, "payment_type_id": kind, "status": "active",
            "min_allowed_amount": 0.01, "max_allowed_amount": 9_999_999_999.99_f64})
    };
    Json(show::METHODS.iter().map(method).collect())
}

async fn ledger(State(sandbox): State<Sandbox>) -> Result<Json<Value>, Error> {
    let movements = sandbox.movements().await.map_err(Unanswered::Failed)?;
    Ok(Json(movements.iter().map(show::movement).collect()))
}
