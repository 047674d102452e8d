//! A payment that waits is withdrawn at the desk, so that another may be made. What the gateway says decides: money that
//! came meanwhile counts as paid.

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use garage_events::{PaymentId, PaymentStatus, Refusal};
use garage_kit::{
    auth::By,
    http::{Path, Problem},
};
use garage_saga::{problem, roles::Desk};

use super::{bill, missing, view, view::View};
use crate::{
    bill::Bill,
    http::{App, PATIENCE},
};

/// Withdraws a payment that waits for its payer, for a review or for the gateway's answer.
///
/// It is cancelled at the gateway, and another payment may be made once that is certain: 200; 202 until then, the gateway
/// is asked until it says. 409 for a payment that does not wait, also when the money came before it could be cancelled:
/// then it counts as paid. A customer's link may not.
#[utoipa::path(delete, path = "/payments/{id}", tag = "payments", operation_id = "withdraw_payment",
    params(("id" = Uuid, Path, description = "The payment's id")),
    responses(
        (status = 200, description = "It has ended, `REJECTED` with the reason `WITHDRAWN` unless the gateway had one of its own", body = View),
        (status = 202, description = "It will be cancelled; whether it can be is not known yet", body = View),
        Problem,
    ))]
pub(super) async fn withdraw(
    State(app): State<App>,
    caller: By<Desk>,
    Path(id): Path<PaymentId>,
) -> Result<Response, Problem> {
    let order = bill(&app, id).await?.state.work_order_id;
    let stored = app.shell().decide::<Bill>(order.0, None, |bill, at| {
        bill.ok_or(Refusal::Unknown("payment"))?.withdraw(id, caller.subject(), at)
    });
    let stored = stored.await?;
    let due = stored.state.attempt(id).and_then(|attempt| attempt.due(stored.state.is_wanted()));
    let heard = match due {
        Some(due) => app.cashier.call_again(order, due, PATIENCE).await?,
        None => None,
    };
    let bill = heard.unwrap_or(stored);
    let status = match bill.state.attempt(id).ok_or_else(missing)?.status {
        PaymentStatus::Processing | PaymentStatus::Pending => StatusCode::ACCEPTED,
        PaymentStatus::Rejected | PaymentStatus::Cancelled => StatusCode::OK,
        paid @ (PaymentStatus::Approved | PaymentStatus::Refunding | PaymentStatus::Refunded) => {
            return Err(problem(Refusal::state("withdrawing", "payment", paid)));
        }
    };
    Ok((status, view(&app, bill, id)?).into_response())
}
