//! The routes of the payments. An attempt is stored before the gateway is asked, and the answer to the client
//! says where it stands then: a client that hangs up changes nothing about it.

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use garage_events::{
    Cents, CustomerId, PaymentId, PaymentMethod, PaymentStatus, QuoteId, Refusal, WorkOrderId,
};
use garage_kit::{
    Loaded,
    auth::{By, ByOrLink},
    http::{
        Answer, Command, FieldError, Fields, FromFields, Listing, Page, PageParams, Path, Problem, Query,
        Versioned, in_full, read,
    },
};
use garage_saga::roles::{Desk, Staff, link_to};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use self::view::View;
use crate::{
    Till,
    bill::{Bill, Extras, Tender},
    http::{App, PATIENCE},
    payment::{Attempt, GoesBack, WITHDRAWN},
};

mod list;
mod payer;
mod refund;
mod trail;
mod view;
mod withdraw;

/// A client's own notes may have so many bytes as JSON.
const NOTES: usize = 8 * 1024;

/// All routes of this file.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, pay))
        .routes(routes!(one, withdraw::withdraw))
        .routes(routes!(of_work_order))
        .routes(routes!(verify))
        .merge(refund::routes())
        .merge(trail::routes())
}

/// An attempt to pay an approved quote.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct NewPayment {
    quote_id: QuoteId,
    work_order_id: WorkOrderId,
    customer_id: CustomerId,
    /// The quote's total.
    amount: Cents,
    payment_method: PaymentMethod,
    /// Cards: the provider's single-use token. `cardToken` will do as well. Never a card's number.
    #[schema(min_length = 1, max_length = 200)]
    token: Option<String>,
    /// Cards: the brand as the provider's form tells it with the token (its `payment_method_id`), such as
    /// `visa`.
    #[schema(min_length = 1, max_length = 40)]
    card_brand: Option<String>,
    /// Credit cards: in how many parts.
    #[schema(minimum = 1, maximum = 24, default = 1)]
    installments: Option<u8>,
    /// What the gateway must know of the payer beyond what the customer's record says.
    payer: Option<payer::Told>,
    /// The client's own notes, given back as they are.
    metadata: Option<Map<String, Value>>,
}

impl FromFields for NewPayment {
    fn from_fields(fields: &mut Fields<'_>) -> Answer<Self> {
        let quote_id = fields.required("quoteId", read::value);
        let work_order_id = fields.required("workOrderId", read::value);
        let customer_id = fields.required("customerId", read::value);
        let amount = fields.required("amount", read::value);
        let payment_method = fields.required("paymentMethod", read::parse);
        let token = fields.optional("token", read::text(1..=200));
        let card_token = fields.optional("cardToken", read::text(1..=200));
        let card_brand = fields.optional("cardBrand", read::text(1..=40));
        let installments = fields.optional("installments", read::whole(1..=24));
        let payer = fields.optional("payer", read::object);
        let metadata = fields.optional("metadata", read::free(NOTES));
        Ok(Self {
            quote_id: quote_id?,
            work_order_id: work_order_id?,
            customer_id: customer_id?,
            amount: amount?,
            payment_method: payment_method?,
            token: token?.or(card_token?),
            card_brand: card_brand?,
            installments: installments?,
            payer: payer?,
            metadata: metadata?,
        })
    }
}

impl NewPayment {
    fn tender(&self, id: PaymentId) -> Tender {
        Tender {
            id,
            quote_id: self.quote_id,
            customer_id: self.customer_id,
            amount: self.amount,
            method: self.payment_method,
            card_token: self.token.clone(),
            installments: self.installments.unwrap_or(1),
        }
    }

    fn extras(&self, expires_at: Option<DateTime<Utc>>) -> Extras {
        let payer = self.payer.clone().unwrap_or_default();
        Extras {
            card_brand: self.card_brand.clone(),
            metadata: self.metadata.clone(),
            email: payer.email,
            document: payer.document,
            address: payer.address,
            expires_at,
        }
    }

    /// Only what the shop takes.
    fn check_method(&self, till: &Till) -> Result<(), Problem> {
        if till.methods.contains(&self.payment_method) {
            return Ok(());
        }
        let taken: Vec<String> = till.methods.iter().map(ToString::to_string).collect();
        let detail = format!("is not taken here; the shop takes {}", taken.join(", "));
        Err(Problem::invalid(vec![FieldError::new("paymentMethod", detail)]))
    }
}

/// What a list is narrowed to.
struct Wanted {
    stuck: Option<bool>,
}

impl FromFields for Wanted {
    fn from_fields(fields: &mut Fields<'_>) -> Answer<Self> {
        Ok(Self { stuck: fields.optional("stuck", read::parse)? })
    }
}

/// Every attempt to pay, those of the newest orders first, the newest of an order first.
#[utoipa::path(get, path = "/payments", tag = "payments", operation_id = "list_payments",
    params(PageParams, ("stuck" = Option<bool>, Query, description = "`true` for those whose bill waits beyond its deadline, the attempt that each waits about: by what it waits for, the longest overdue first")),
    responses((status = 200, description = "A page of them", body = [View]), Problem))]
async fn list(
    State(app): State<App>,
    _: By<Staff>,
    page: Page,
    Query(wanted): Query<Wanted>,
) -> Result<Listing<Option<View>>, Problem> {
    if wanted.stuck == Some(true) {
        list::stuck(app.shell(), &page).await
    } else {
        list::page(app.repository(), &page).await
    }
}

/// Pays an approved quote.
///
/// The status says where the payment stands: 200 captured; 202 `PENDING` until the payer acts (with what the
/// payer needs), or `PROCESSING` while the gateway's answer is awaited; 400 with the code `payment_failed` when it was
/// declined, and another attempt may follow; 409 when the order or the quote does not allow it, or when a customer's link
/// has tried too often.
#[utoipa::path(post, path = "/payments", tag = "payments", operation_id = "pay", request_body = NewPayment,
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key and body are one attempt; its present status is the answer")),
    responses(
        (status = 200, description = "Captured", body = View),
        (status = 202, description = "Accepted; the end is not known yet", body = View),
        Problem,
    ))]
async fn pay(
    State(app): State<App>,
    caller: ByOrLink<Desk>,
    command: Command<NewPayment>,
) -> Result<Response, Problem> {
    let order = command.body.work_order_id;
    if !caller.concerns(&link_to(order)) {
        return Err(Problem::not_found("work order"));
    }
    command.body.check_method(&app.till)?;
    let id = command.claim(app.repository(), &app.shell().clock, caller.subject()).await?;
    let id = PaymentId(id);
    let by_link = caller.scope().is_some();
    let (stored, is_new) = store(&app, &command.body, id, by_link).await?;
    let due = stored.state.attempt(id).filter(|_| is_new);
    let Some(due) = due.and_then(|attempt| attempt.due(stored.state.is_wanted())) else {
        return answer(&app, stored, id);
    };
    let heard = app.cashier.call(order, due, PATIENCE).await?;
    answer(&app, heard.unwrap_or(stored), id)
}

/// Stores the attempt, unless the gateway would turn it down for want of something; and whether it is new.
async fn store(
    app: &App,
    wish: &NewPayment,
    id: PaymentId,
    by_link: bool,
) -> Result<(Loaded<Bill>, bool), Problem> {
    let (mut is_new, mut lacking) = (false, Vec::new());
    let stored = app.shell().decide::<Bill>(wish.work_order_id.0, None, |bill, at| {
        let bill = bill.ok_or(Refusal::Unknown("work order"))?;
        is_new = bill.attempt(id).is_none();
        if is_new && by_link {
            bill.check_room_for_the_link()?;
        }
        let last_moment = app.till.last_moment(wish.payment_method, at);
        let taken = bill.pay_with(wish.tender(id), wish.extras(last_moment), at)?;
        let charge = taken.state.attempt(id).filter(|_| is_new).map(Attempt::charge);
        lacking = charge.map(|charge| app.cashier.lacks(&charge)).unwrap_or_default();
        match lacking.first() {
            Some(lack) => Err(Refusal::field(lack.field, lack.wanted)),
            None => Ok(taken),
        }
    });
    match stored.await {
        Ok(stored) => Ok((stored, is_new)),
        Err(_) if !lacking.is_empty() => {
            let errors = lacking.iter().map(|lack| FieldError::new(lack.field, lack.wanted));
            Err(Problem::invalid(errors.collect()))
        }
        Err(problem) => Err(problem),
    }
}

/// Where a payment stands, as the answer to the wish to pay.
fn answer(app: &App, bill: Loaded<Bill>, id: PaymentId) -> Result<Response, Problem> {
    let attempt = bill.state.attempt(id).ok_or_else(missing)?;
    let place = format!("/payments/{id}");
    let reason = attempt.reason.clone().unwrap_or_else(|| "no reason given".to_owned());
    let refused = match attempt.status {
        PaymentStatus::Approved | PaymentStatus::Pending | PaymentStatus::Processing => None,
        PaymentStatus::Rejected => {
            let detail = match reason.as_str() {
                WITHDRAWN => "the payment was withdrawn at the desk".to_owned(),
                _ => format!("the payment was declined: {reason}"),
            };
            Some(Problem::new(StatusCode::BAD_REQUEST, "payment_failed", detail).titled("Payment failed"))
        }
        PaymentStatus::Cancelled | PaymentStatus::Refunding | PaymentStatus::Refunded => {
            let why = why_not_paid(&bill.state, attempt);
            Some(Problem::conflict(format!("the payment is {}: {why}", attempt.status)))
        }
    };
    if let Some(problem) = refused {
        return Err(problem.header(header::LOCATION, place));
    }
    let status =
        if attempt.status == PaymentStatus::Approved { StatusCode::OK } else { StatusCode::ACCEPTED };
    Ok((status, [(header::LOCATION, place)], view(app, bill, id)?).into_response())
}

/// Why money did not come, or does not stay, in words for whoever wanted to pay.
fn why_not_paid(bill: &Bill, attempt: &Attempt) -> &'static str {
    match (attempt.goes_back, attempt.status) {
        (Some(GoesBack::AtGateway), _) => "the money was given back at the payment provider",
        (Some(GoesBack::TooLate), _) => "the money came after the payment had ended, and goes back",
        (None, PaymentStatus::Cancelled) if bill.is_wanted() => {
            "it had ended before the payment provider showed it"
        }
        (None, PaymentStatus::Cancelled) => "the work order is off",
        (None, _) => "the work order is off, and the money goes back",
    }
}

/// One attempt to pay.
///
/// A customer's link sees its own order's.
#[utoipa::path(get, path = "/payments/{id}", tag = "payments", operation_id = "payment",
    params(("id" = Uuid, Path, description = "The payment's id")),
    responses((status = 200, description = "It; the version of its order's bill is the ETag", body = View), Problem))]
async fn one(
    State(app): State<App>,
    caller: ByOrLink<Staff>,
    Path(id): Path<PaymentId>,
) -> Result<impl IntoResponse, Problem> {
    let bill = bill(&app, id).await?;
    if !caller.concerns(&link_to(bill.state.work_order_id)) {
        return Err(missing());
    }
    let Versioned(version, payment) = view(&app, bill, id)?;
    let seen = payment.seen_by(&caller);
    Ok((in_full(seen.is_stuck()), Versioned(version, seen)))
}

/// Every attempt to pay for a work order, oldest first.
///
/// A customer's link sees its own order's.
#[utoipa::path(get, path = "/payments/work-order/{workOrderId}", tag = "payments", operation_id = "payments_of_work_order",
    params(("workOrderId" = Uuid, Path, description = "The order's id")),
    responses((status = 200, description = "All of them; none for an order that nobody has tried to pay", body = [View]), Problem))]
async fn of_work_order(
    State(app): State<App>,
    caller: ByOrLink<Staff>,
    Path(order): Path<WorkOrderId>,
) -> Result<Listing<View>, Problem> {
    if !caller.concerns(&link_to(order)) {
        return Err(Problem::not_found("work order"));
    }
    let bill = app.repository().load::<Bill>(order.0).await?;
    let seen = |bill| View::all(bill, app.shell()).map(|one| one.seen_by(&caller)).collect::<Vec<_>>();
    let payments = bill.map(|bill| seen(bill.state));
    Ok(payments.unwrap_or_default().into())
}

/// Asks the gateway now where a payment stands, and makes whatever call is due for it.
#[utoipa::path(patch, path = "/payments/{id}/verify", tag = "payments", operation_id = "verify_payment",
    params(("id" = Uuid, Path, description = "The payment's id")),
    responses((status = 200, description = "As it is now; unchanged if the gateway did not answer", body = View), Problem))]
async fn verify(
    State(app): State<App>,
    _: By<Desk>,
    Path(id): Path<PaymentId>,
) -> Result<Versioned<View>, Problem> {
    let known = bill(&app, id).await?;
    let attempt = known.state.attempt(id).ok_or_else(missing)?;
    let due = attempt.due(known.state.is_wanted()).unwrap_or_else(|| attempt.look());
    let heard = app.cashier.call_again(known.state.work_order_id, due, PATIENCE).await?;
    view(&app, heard.unwrap_or(known), id)
}

/// The bill with this attempt.
async fn bill(app: &App, id: PaymentId) -> Result<Loaded<Bill>, Problem> {
    app.repository().by::<Bill>("payment_id", id.to_string()).await?.ok_or_else(missing)
}

fn view(app: &App, bill: Loaded<Bill>, id: PaymentId) -> Result<Versioned<View>, Problem> {
    let found = View::all(bill.state, app.shell()).find(|payment| payment.id == id);
    found.map(|payment| Versioned(bill.version, payment)).ok_or_else(missing)
}

fn missing() -> Problem {
    Problem::not_found("payment")
}
