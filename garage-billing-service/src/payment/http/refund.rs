//! A part of the money back, once the work is finished: the manager's word, with a reason. What goes back because the work
//! does not get finished needs nobody's word and is not here.

use std::time::Duration;

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use garage_events::{Cents, PaymentId, Refusal};
use garage_kit::{
    auth::By,
    http::{Answer, Command, Fields, FromFields, Path, Problem, read},
};
use garage_saga::roles::Manager;
use tokio::time::sleep;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{bill, missing, view, view::View};
use crate::{
    bill::{Bill, PartWish},
    cashier::Looked,
    http::{App, PATIENCE},
    payment::PartStanding,
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(give_back))
}

/// How long it waits before it looks again for news, and how often it looks.
const LOOK: Duration = Duration::from_millis(75);
const LOOKS: u32 = 16;
/// When to try again where the gateway did not say how much has gone.
const LATER: Duration = Duration::from_secs(10);

/// A part of a payment that shall go back.
#[derive(ToSchema)]
struct NewRefund {
    /// Less than what is left of the payment, also after refunds at the gateway itself.
    amount: Cents,
    /// Why, for the books and for the customer.
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

impl FromFields for NewRefund {
    fn from_fields(fields: &mut Fields<'_>) -> Answer<Self> {
        let amount = fields.required("amount", read::value);
        let reason = fields.required("reason", read::text(1..=500));
        Ok(Self { amount: amount?, reason: reason? })
    }
}

/// Waits a moment for the news that the work is finished: the OS Service may have said so to whoever asks, and here it is
/// heard up to half a second later, or more when there is much to hear.
async fn hear_of_the_end(app: &App, mut known: Bill) -> Result<Bill, Problem> {
    for _ in 0..LOOKS {
        if !known.may_be_finished_unheard() {
            break;
        }
        sleep(LOOK).await;
        let Some(now) = app.repository().load::<Bill>(known.work_order_id.0).await? else { break };
        known = now.state;
    }
    Ok(known)
}

/// Learns how much of the payment has gone, by whomever, as the gateway shows it now: what is left depends on it, and
/// afterwards whether a part has gone. A part that was asked for before has been through this.
async fn learn_what_has_gone(app: &App, known: &Bill, id: PaymentId, refund: Uuid) -> Result<(), Problem> {
    let attempt = known.attempt(id).ok_or_else(missing)?;
    if attempt.parts.iter().any(|part| part.id == refund) {
        return Ok(());
    }
    if known.check_a_part_may_go(id).is_err() {
        return Ok(());
    }
    let Some(gateway_id) = &attempt.gateway_id else { return Ok(()) };
    match app.cashier.look_first(gateway_id, PATIENCE).await? {
        Looked::Learned | Looked::Nobodys => Ok(()),
        Looked::Unanswered => Err(Problem::unavailable(LATER)),
    }
}

/// Gives a part of a payment back after the work is finished.
///
/// The status says where the refund stands: 200 gone; 202 while the gateway's answer is awaited, it is asked until it
/// says; 409 `refund_refused` when the gateway would not. All of the money never goes back by this way: what is left is
/// counted with what somebody has refunded at the gateway itself, so that is asked first. 503 while it does not say, and
/// then nothing has happened.
#[utoipa::path(post, path = "/payments/{id}/refunds", tag = "payments", operation_id = "refund_part", request_body = NewRefund,
    params(
        ("id" = Uuid, Path, description = "The payment's id"),
        ("Idempotency-Key" = Option<String>, Header, description = "The same key and body are one refund; its present status is the answer"),
    ),
    responses(
        (status = 200, description = "The payment; the part went back", body = View),
        (status = 202, description = "The payment; whether the part went is not known yet", body = View),
        Problem,
    ))]
async fn give_back(
    State(app): State<App>,
    caller: By<Manager>,
    Path(id): Path<PaymentId>,
    command: Command<NewRefund>,
) -> Result<Response, Problem> {
    let known = bill(&app, id).await?.state;
    let order = known.work_order_id;
    let refund = command.claim(app.repository(), &app.shell().clock, caller.subject()).await?;
    let NewRefund { amount, reason } = &command.body;
    let known = hear_of_the_end(&app, known).await?;
    learn_what_has_gone(&app, &known, id, refund).await?;
    let stored = app.shell().decide::<Bill>(order.0, None, |bill, at| {
        let by = caller.subject().to_owned();
        let wish = PartWish { id: refund, amount: *amount, reason: reason.clone(), by };
        bill.ok_or(Refusal::Unknown("payment"))?.give_back_part(id, wish, at)
    });
    let stored = stored.await?;
    let attempt = stored.state.attempt(id).ok_or_else(missing)?;
    let heard = match attempt.due(stored.state.is_wanted()) {
        Some(due) => app.cashier.call(order, due, PATIENCE).await?,
        None => None,
    };
    let bill = heard.unwrap_or(stored);
    let part = bill.state.attempt(id).and_then(|attempt| attempt.parts.iter().find(|part| part.id == refund));
    let status = match &part.ok_or_else(missing)?.standing {
        PartStanding::Done { .. } => StatusCode::OK,
        PartStanding::Due | PartStanding::Doubted { .. } => StatusCode::ACCEPTED,
        PartStanding::Refused { why, .. } => {
            let detail = format!("the gateway would not give it back: {why}");
            return Err(Problem::conflict(detail).coded("refund_refused"));
        }
    };
    Ok((status, [(header::LOCATION, format!("/payments/{id}"))], view(&app, bill, id)?).into_response())
}
