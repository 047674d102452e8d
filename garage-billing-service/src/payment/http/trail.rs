//! What was asked of the gateway for a payment, and what it said: for whoever must explain to a customer, or to the
//! provider, what happened to their money.

use axum::extract::State;
use garage_events::PaymentId;
use garage_kit::{
    auth::By,
    http::{Listing, Path, Problem},
};
use garage_saga::roles::Desk;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{bill, missing};
use crate::{http::App, payment::Call};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(trail))
}

/// Every call that was made to the gateway for a payment, oldest first.
///
/// Calls that went alike in a row are one line. Of a very long trail the first lines and the last are kept. No card's
/// token is ever among it.
#[utoipa::path(get, path = "/payments/{id}/trail", tag = "payments", operation_id = "payment_trail",
    params(("id" = Uuid, Path, description = "The payment's id")),
    responses((status = 200, description = "All of them", body = [Call]), Problem))]
async fn trail(
    State(app): State<App>,
    _: By<Desk>,
    Path(id): Path<PaymentId>,
) -> Result<Listing<Call>, Problem> {
    let bill = bill(&app, id).await?.state;
    let attempt = bill.attempts.into_iter().find(|attempt| attempt.id == id).ok_or_else(missing)?;
    Ok(attempt.trail.into())
}
