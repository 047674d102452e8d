//! `/customers/{id}/erasure`: a customer's right to be forgotten (LGPD art. 18, VI), as far as the law lets the shop forget
//! (decision 19). The customer's own record is emptied first, in one write that the store refuses while an order is open, and
//! that no order can be opened after. From then on there is only forward: the orders follow one by one, each with its word
//! to the other services, and whatever dies in between, asking again goes on where it stood.

use axum::extract::State;
use chrono::{DateTime, Utc};
use garage_events::{CustomerId, Refusal, Transition, milliseconds, milliseconds_if_any};
use garage_kit::{
    Loaded, Unchanged,
    auth::By,
    http::{Answer, FieldError, Fields, FromFields, IfMatch, Json, Path, Problem, Versioned, read},
};
use garage_saga::{Shell, problem, roles::Manager};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Customer, unknown, unwritten};
use crate::{http::keep, vehicle::Vehicle, work_order::WorkOrder};

/// What is asked.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents what Reason reads")]
pub(super) struct NewErasure {
    /// Why; it stays, so it must not name the customer.
    #[schema(min_length = 1, max_length = 500, example = "Asked for in writing, LGPD art. 18")]
    reason: String,
}

pub(super) struct Reason(String);

impl FromFields for Reason {
    fn from_fields(fields: &mut Fields<'_>) -> Answer<Self> {
        fields.required("reason", read::text(1..=500)).map(Self)
    }
}

/// The end of what the shop knew of a customer: who erased it, when and why.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Erasure)]
#[serde(rename_all = "camelCase")]
pub(super) struct ErasureView {
    customer_id: CustomerId,
    #[serde(serialize_with = "milliseconds")]
    erased_at: DateTime<Utc>,
    /// The subject of the token that asked for it.
    erased_by: String,
    reason: String,
    /// When the orders were done with, too; without it, POST again.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "milliseconds_if_any")]
    completed_at: Option<DateTime<Utc>>,
}

fn view(read: &Loaded<Customer>) -> Option<Versioned<ErasureView>> {
    let erasure = read.state.erasure()?.clone();
    Some(Versioned(
        read.version,
        ErasureView {
            customer_id: read.state.id,
            erased_at: erasure.at,
            erased_by: erasure.by,
            reason: erasure.reason,
            completed_at: erasure.completed_at,
        },
    ))
}

/// Erases a customer's data, for good. The manager's.
///
/// Name, document, e-mail and phone go, and with them what the desk and the customer wrote into the orders; so do vehicles
/// that were never worked on. What the law and the cars' records need stays: orders, quotes and payments with their
/// amounts and times, plates, and the workshop's notes. Refused with 409 and the code `open_orders` while an order is not
/// delivered, cancelled or failed, or money is to go back; `errors` names these orders. Erasing twice is erasing once: it
/// goes on where the first time was cut off, and tells the other services once more.
#[utoipa::path(post, path = "/customers/{id}/erasure", tag = "customers", request_body = NewErasure,
    params(("If-Match" = Option<String>, Header, description = "The ETag of the customer that was seen")),
    responses((status = 200, description = "Erased", body = ErasureView), Problem))]
pub(super) async fn erase(
    State(shell): State<Shell>,
    caller: By<Manager>,
    Path(id): Path<CustomerId>,
    seen: IfMatch,
    Json(Reason(reason)): Json<Reason>,
) -> Result<Versioned<ErasureView>, Problem> {
    let known = shell.repository.load::<Customer>(id.0).await?.ok_or_else(unknown)?;
    if known.state.erasure().is_none() {
        check_settled(&shell, id).await?;
        empty(&shell, id, caller.subject(), &reason, seen).await?;
    }
    for order in orders(&shell, id).await? {
        shell.decide(order.id.0, None, |order, _| forget(order)).await?;
    }
    drop_idle_cars(&shell, id).await?;
    let whole = |known: Option<Customer>, at| Ok(Some(known.ok_or_else(unknown)?.erased_wholly(at)));
    let erased = keep(&shell, id.0, IfMatch(None), whole).await.map_err(unwritten)?;
    erased.as_ref().and_then(view).ok_or_else(Problem::internal)
}

/// Who erased a customer, when and why. The manager's.
#[utoipa::path(get, path = "/customers/{id}/erasure", tag = "customers",
    responses((status = 200, description = "The erasure", body = ErasureView), Problem))]
pub(super) async fn erased(
    State(shell): State<Shell>,
    _: By<Manager>,
    Path(id): Path<CustomerId>,
) -> Result<Versioned<ErasureView>, Problem> {
    let read = shell.repository.load::<Customer>(id.0).await?;
    read.as_ref().and_then(view).ok_or_else(|| Problem::not_found("erasure of a customer"))
}

fn forget(order: Option<WorkOrder>) -> Result<Transition<WorkOrder>, Refusal> {
    order.map(WorkOrder::forget).ok_or(Refusal::Unknown("work order"))
}

/// Empties the customer's record. The store refuses it if an order was opened since they were looked at.
async fn empty(shell: &Shell, id: CustomerId, by: &str, reason: &str, seen: IfMatch) -> Result<(), Problem> {
    let emptied = |known: Option<Customer>, at| {
        known.ok_or_else(unknown)?.erase(by, reason, at).map(Some).map_err(problem)
    };
    match keep(shell, id.0, seen, emptied).await {
        Err(Unchanged::Dangling) => {
            check_settled(shell, id).await?;
            Err(open(&[]))
        }
        written => written.map(drop).map_err(unwritten),
    }
}

async fn orders(shell: &Shell, id: CustomerId) -> Result<Vec<WorkOrder>, Problem> {
    let found = shell.repository.all_with::<WorkOrder>("customer_id", &id.to_string()).await?;
    Ok(found.into_iter().map(|read| read.state).collect())
}

async fn check_settled(shell: &Shell, id: CustomerId) -> Result<(), Problem> {
    let unsettled: Vec<_> =
        orders(shell, id).await?.into_iter().filter(|order| !order.is_settled()).collect();
    if unsettled.is_empty() { Ok(()) } else { Err(open(&unsettled)) }
}

fn open(orders: &[WorkOrder]) -> Problem {
    let named = orders.iter().map(|order| FieldError::new(order.id.to_string(), standing(order)));
    Problem::conflict("the customer has work orders that are open or hold money to go back")
        .coded("open_orders")
        .about(named.collect())
}

/// Where an order stands that is in the way.
fn standing(order: &WorkOrder) -> String {
    format!("is {}", order.status())
}

/// Cars that were never worked on are of no use to anybody; the store keeps those that orders refer to.
async fn drop_idle_cars(shell: &Shell, id: CustomerId) -> Result<(), Problem> {
    for car in shell.repository.all_with::<Vehicle>("customer_id", &id.to_string()).await? {
        let dropped = |_: Option<Vehicle>, _| Ok(None);
        match keep(shell, car.state.id.0, IfMatch(Some(car.version)), dropped).await {
            Ok(_) | Err(Unchanged::Dangling | Unchanged::Refused(_)) => {}
            Err(unchanged) => return Err(unwritten(unchanged)),
        }
    }
    Ok(())
}
