//! The routes of the quotes. A quote is found by its own id, yet the bill of its work order is what is decided
//! on. The desk writes and sends it; the customer's answer comes through the desk or by the customer's link.

use axum::{extract::State, response::IntoResponse};
use chrono::{DateTime, SubsecRound, Utc};
use garage_events::{CustomerId, PaymentId, QuoteId, QuoteStatus, Refusal, Transition, WorkOrderId};
use garage_kit::{
    Loaded,
    auth::{By, ByOrLink, Caller},
    http::{
        Answer, Command, Created, Field, Fields, FromFields, IfMatch, Json, Listing, Optional, Page,
        PageParams, Path, Peer, Problem, Query, Versioned, in_full, read,
    },
    store::Order,
};
use garage_saga::{
    roles::{Desk, Manager, Staff, link_to},
    waiting::{Nudged, WAITING, overdue, retell},
};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use self::{item::Item, view::View};
use crate::{
    bill::Bill,
    http::{App, IfMatchParam, PATIENCE},
    quote::{Evidence, Rewrite},
};

mod item;
mod revisions;
mod view;

/// All routes of this file.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, write))
        .routes(routes!(one, edit))
        .routes(routes!(of_work_order))
        .routes(routes!(send))
        .routes(routes!(approve))
        .routes(routes!(reject))
        .routes(routes!(nudge))
        .merge(revisions::routes())
}

/// What a list is narrowed to.
struct Wanted {
    status: Option<QuoteStatus>,
    customer_id: Option<CustomerId>,
    stuck: Option<bool>,
}

impl FromFields for Wanted {
    fn from_fields(fields: &mut Fields<'_>) -> Answer<Self> {
        let status = fields.optional("status", read::parse);
        let customer_id = fields.optional("customerId", read::value);
        let stuck = fields.optional("stuck", read::parse);
        Ok(Self { status: status?, customer_id: customer_id?, stuck: stuck? })
    }
}

impl Wanted {
    fn filters(self) -> Vec<(&'static str, String)> {
        let status = self.status.map(|status| ("quote_status", status.to_string()));
        let customer = self.customer_id.map(|customer| ("customer_id", customer.to_string()));
        // A quote has both, so either finds quotes alone.
        let quoted = (status.is_none() && customer.is_none()).then(|| ("quoted", "true".to_owned()));
        status.into_iter().chain(customer).chain(quoted).collect()
    }
}

/// What a quote is to be made of.
#[derive(ToSchema)]
#[schema(as = QuoteLines, rename_all = "camelCase")]
struct Lines {
    #[schema(min_items = 1, max_items = 200)]
    items: Vec<Item>,
    /// Until when it may be answered; as it was, unless told otherwise. What is told stays when the quote is sent.
    valid_until: Option<DateTime<Utc>>,
}

impl FromFields for Lines {
    fn from_fields(fields: &mut Fields<'_>) -> Answer<Self> {
        let items = fields.required("items", read::list(1..=200, read::object));
        let valid_until = fields.optional("validUntil", instant);
        Ok(Self { items: items?, valid_until: valid_until? })
    }
}

/// A time in whole milliseconds, as all of ours are.
fn instant(field: Field<'_>) -> Answer<DateTime<Utc>> {
    read::time(field).map(|time| time.trunc_subsecs(3))
}

/// The quote of an order, written by hand.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct NewQuote {
    work_order_id: WorkOrderId,
    /// Must be the order's customer, if it is given.
    customer_id: Option<CustomerId>,
    #[schema(min_items = 1, max_items = 200)]
    items: Vec<Item>,
    /// Until when it may be answered; as it was, unless told otherwise. What is told stays when the quote is sent.
    valid_until: Option<DateTime<Utc>>,
}

impl FromFields for NewQuote {
    fn from_fields(fields: &mut Fields<'_>) -> Answer<Self> {
        let work_order_id = fields.required("workOrderId", read::value);
        let customer_id = fields.optional("customerId", read::value);
        let lines = Lines::from_fields(fields);
        let (work_order_id, customer_id, Lines { items, valid_until }) =
            (work_order_id?, customer_id?, lines?);
        Ok(Self { work_order_id, customer_id, items, valid_until })
    }
}

/// What the customer says to a yes.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct Approval {
    /// The revision that was read: when the quote has been written anew since, the answer is 409.
    #[schema(minimum = 1)]
    read_revision: Option<u32>,
}

impl FromFields for Approval {
    fn from_fields(fields: &mut Fields<'_>) -> Answer<Self> {
        Ok(Self { read_revision: fields.optional("readRevision", read::whole(1..=1000))? })
    }
}

/// What the customer says to a no.
#[derive(ToSchema)]
struct Rejection {
    #[schema(min_length = 1, max_length = 1000)]
    reason: Option<String>,
}

impl FromFields for Rejection {
    fn from_fields(fields: &mut Fields<'_>) -> Answer<Self> {
        Ok(Self { reason: fields.optional("reason", read::text(1..=1000))? })
    }
}

/// The quotes, those of the newest orders first.
#[utoipa::path(get, path = "/quotes", tag = "quotes", operation_id = "list_quotes",
    params(
        PageParams,
        ("status" = Option<QuoteStatus>, Query, description = "Only those that stand here"),
        ("customerId" = Option<Uuid>, Query, description = "Only this customer's"),
        ("stuck" = Option<bool>, Query, description = "`true` for those whose bill waits beyond its deadline: by what it waits for, the longest overdue first"),
    ),
    responses((status = 200, description = "A page of them", body = [View]), Problem))]
async fn list(
    State(app): State<App>,
    _: By<Staff>,
    page: Page,
    Query(wanted): Query<Wanted>,
) -> Result<Listing<Option<View>>, Problem> {
    if wanted.stuck == Some(true) {
        let query = page.query(Order::By(WAITING.name), wanted.filters());
        let found = overdue::<Bill>(app.shell(), &query).await?;
        return Ok(page.answer(&query, found, |bill| View::of(bill.state, app.shell())));
    }
    let query = page.query(Order::Newest, wanted.filters());
    let found = app.repository().find::<Bill>(&query).await?;
    Ok(page.answer(&query, found, |bill| View::of(bill.state, app.shell())))
}

/// Writes the quote of an order by hand.
///
/// The order has a quote as soon as Billing has heard of it; while that is `PENDING` its lines are replaced.
/// For an order that is not known yet 404, later 409.
#[utoipa::path(post, path = "/quotes", tag = "quotes", operation_id = "write_quote", request_body = NewQuote,
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key and body have one effect and the same answer")),
    responses((status = 201, description = "Written", body = View), Problem))]
async fn write(
    State(app): State<App>,
    caller: By<Desk>,
    command: Command<NewQuote>,
) -> Result<Created<Versioned<View>>, Problem> {
    let bill = match repeated(&app, &caller, &command).await? {
        Some(bill) => bill,
        None => write_once(&app, &caller, command).await?,
    };
    let written = view(&app, bill, &caller)?;
    Ok(Created(format!("/quotes/{}", written.1.id), written))
}

/// What this command has written before. It needs no catalogue any more, which may have lost an item since.
async fn repeated(
    app: &App,
    caller: &Caller,
    command: &Command<NewQuote>,
) -> Result<Option<Loaded<Bill>>, Problem> {
    let Some(id) = command.earlier(app.repository(), caller.subject()).await? else { return Ok(None) };
    let known = app.repository().load::<Bill>(command.body.work_order_id.0).await?;
    Ok(known.filter(|bill| bill.state.was_written_by(id)))
}

async fn write_once(app: &App, caller: &Caller, command: Command<NewQuote>) -> Result<Loaded<Bill>, Problem> {
    let lines = item::priced(app.repository(), &command.body.items).await?;
    let id = command.claim(app.repository(), &app.shell().clock, caller.subject()).await?;
    let by = caller.subject().to_owned();
    let text = Rewrite { lines, valid_until: command.body.valid_until, by, reason: None };
    let NewQuote { work_order_id, customer_id, .. } = command.body;
    let written = app.shell().decide::<Bill>(work_order_id.0, None, |bill, at| {
        let bill = bill.ok_or(Refusal::Unknown("work order"))?;
        check_customer(&bill, customer_id)?;
        bill.write(id, text.clone(), at)
    });
    written.await
}

fn check_customer(bill: &Bill, named: Option<CustomerId>) -> Result<(), Refusal> {
    let is_theirs = |named| bill.order.as_ref().is_none_or(|order| order.customer_id == named);
    if named.is_none_or(is_theirs) {
        return Ok(());
    }
    Err(Refusal::field("customerId", "must be the customer of this work order"))
}

/// One quote.
///
/// A customer's link sees its own order's, and of it the last text that it was sent: while the shop writes another one
/// (`PENDING` with a `sentAt`) that is for the shop alone.
#[utoipa::path(get, path = "/quotes/{id}", tag = "quotes", operation_id = "quote",
    params(("id" = Uuid, Path, description = "The quote's id")),
    responses((status = 200, description = "It; its version is the ETag", body = View), Problem))]
async fn one(
    State(app): State<App>,
    caller: ByOrLink<Staff>,
    Path(id): Path<QuoteId>,
) -> Result<impl IntoResponse, Problem> {
    shown(view(&app, bill(&app, &caller, id).await?, &caller)?)
}

fn shown(quote: Versioned<View>) -> Result<impl IntoResponse, Problem> {
    Ok((in_full(quote.1.is_stuck()), quote))
}

/// A work order's quote; 404 until there is one.
///
/// A customer's link sees its own order's, and of it the last text that it was sent.
#[utoipa::path(get, path = "/quotes/work-order/{workOrderId}", tag = "quotes", operation_id = "quote_of_work_order",
    params(("workOrderId" = Uuid, Path, description = "The order's id")),
    responses((status = 200, description = "It; its version is the ETag", body = View), Problem))]
async fn of_work_order(
    State(app): State<App>,
    caller: ByOrLink<Staff>,
    Path(order): Path<WorkOrderId>,
) -> Result<impl IntoResponse, Problem> {
    if !caller.concerns(&link_to(order)) {
        return Err(missing());
    }
    shown(view(&app, app.repository().load::<Bill>(order.0).await?.ok_or_else(missing)?, &caller)?)
}

/// Replaces the lines of a quote, while it is `PENDING`.
#[utoipa::path(put, path = "/quotes/{id}", tag = "quotes", operation_id = "edit_quote", request_body = Lines,
    params(("id" = Uuid, Path, description = "The quote's id"), IfMatchParam),
    responses((status = 200, description = "As it is now", body = View), Problem))]
async fn edit(
    State(app): State<App>,
    caller: By<Desk>,
    Path(id): Path<QuoteId>,
    seen: IfMatch,
    Json(body): Json<Lines>,
) -> Result<Versioned<View>, Problem> {
    let lines = item::priced(app.repository(), &body.items).await?;
    let by = caller.subject().to_owned();
    let text = Rewrite { lines, valid_until: body.valid_until, by, reason: None };
    decide(&app, &caller, id, seen, |bill, at| bill.edit(text.clone(), at)).await
}

/// Hands a quote to the customer: `PENDING` → `SENT`.
///
/// Unless somebody has said until when it may be answered, the days of its validity count from its first sending.
#[utoipa::path(method(put, patch), path = "/quotes/{id}/send", tag = "quotes", operation_id = "send_quote",
    params(("id" = Uuid, Path, description = "The quote's id"), IfMatchParam),
    responses((status = 200, description = "As it is now", body = View), Problem))]
async fn send(
    State(app): State<App>,
    caller: By<Desk>,
    Path(id): Path<QuoteId>,
    seen: IfMatch,
) -> Result<Versioned<View>, Problem> {
    decide(&app, &caller, id, seen, Bill::send).await
}

/// The customer says yes: `PENDING` or `SENT` → `APPROVED`.
///
/// Said by the desk, or by the customer's link. With `If-Match` it is a yes to exactly the version that was
/// read, with `readRevision` to exactly that text. Who said it, when, from which address and to which text is kept.
/// While a text is being written anew and has not been sent, a link that has an earlier one gets a 409.
#[utoipa::path(method(put, patch), path = "/quotes/{id}/approve", tag = "quotes", operation_id = "approve_quote",
    request_body = Option<Approval>, params(("id" = Uuid, Path, description = "The quote's id"), IfMatchParam),
    responses((status = 200, description = "As it is now", body = View), Problem))]
async fn approve(
    State(app): State<App>,
    caller: ByOrLink<Desk>,
    peer: Peer,
    Path(id): Path<QuoteId>,
    seen: IfMatch,
    Optional(body): Optional<Approval>,
) -> Result<Versioned<View>, Problem> {
    let evidence = evidence(&caller, peer, body.read_revision);
    decide(&app, &caller, id, seen, |bill, at| bill.approve(evidence.clone(), at)).await
}

fn evidence(caller: &Caller, peer: Peer, revision: Option<u32>) -> Evidence {
    let (by, by_link) = (caller.subject().to_owned(), is_link(caller));
    Evidence { by, from: Some(peer.to_string()), revision, by_link }
}

/// A customer's link, which is for one order.
fn is_link(caller: &Caller) -> bool {
    caller.scope().is_some()
}

/// The customer says no: `PENDING` or `SENT` → `REJECTED`. The order is called off.
///
/// Said by the desk, or by the customer's link; as with a yes, not to a text that the link has not been sent.
#[utoipa::path(method(put, patch), path = "/quotes/{id}/reject", tag = "quotes", operation_id = "reject_quote",
    request_body = Option<Rejection>, params(("id" = Uuid, Path, description = "The quote's id"), IfMatchParam),
    responses((status = 200, description = "As it is now", body = View), Problem))]
async fn reject(
    State(app): State<App>,
    caller: ByOrLink<Desk>,
    peer: Peer,
    Path(id): Path<QuoteId>,
    seen: IfMatch,
    Optional(body): Optional<Rejection>,
) -> Result<Versioned<View>, Problem> {
    let evidence = evidence(&caller, peer, None);
    let no = |bill: Bill, at| bill.reject_because(body.reason.clone(), evidence.clone(), at);
    decide(&app, &caller, id, seen, no).await
}

/// What a nudge has done.
#[derive(Serialize, ToSchema)]
struct NudgedBill {
    /// The types of the events that were told again.
    told: Vec<&'static str>,
    /// The payments for which the gateway was asked.
    asked: Vec<PaymentId>,
}

/// Asks the gateway about this order's open payments, brings its parts in line, and tells the others again what its bill implies.
///
/// For a manager, when somebody seems not to have heard. Only calls are made that are due anyway; where something
/// was heard, hearing it again changes nothing.
#[utoipa::path(post, path = "/quotes/{id}/nudge", tag = "quotes", operation_id = "nudge_quote",
    params(("id" = Uuid, Path, description = "The quote's id")),
    responses((status = 200, description = "What was done", body = NudgedBill), Problem))]
async fn nudge(
    State(app): State<App>,
    caller: By<Manager>,
    Path(id): Path<QuoteId>,
) -> Result<Json<NudgedBill>, Problem> {
    let bill = bill(&app, &caller, id).await?.state;
    let mut asked = Vec::new();
    for due in bill.due() {
        asked.push(due.reference());
        app.cashier.call_again(bill.work_order_id, due, PATIENCE).await?;
    }
    app.keeper.mend(bill.work_order_id).await?;
    let Nudged { told } = retell::<Bill>(app.shell(), bill.work_order_id.0, "quote", |_| true).await?;
    Ok(Json(NudgedBill { told, asked }))
}

/// The bill whose quote has this id, if the caller is concerned with it.
async fn bill(app: &App, caller: &Caller, id: QuoteId) -> Result<Loaded<Bill>, Problem> {
    let found = app.repository().by::<Bill>("quote_id", id.to_string()).await?;
    found.filter(|bill| caller.concerns(&link_to(bill.state.work_order_id))).ok_or_else(missing)
}

/// Decides on the bill whose quote has this id. A quote never leaves its bill, so what was found by the id is
/// still it when the bill is read again to be written.
async fn decide(
    app: &App,
    caller: &Caller,
    id: QuoteId,
    IfMatch(seen): IfMatch,
    mut decision: impl FnMut(Bill, DateTime<Utc>) -> Result<Transition<Bill>, Refusal> + Send,
) -> Result<Versioned<View>, Problem> {
    let order = app.repository().owner::<Bill>("quote_id", &id.to_string()).await?.ok_or_else(missing)?;
    if !caller.concerns(&link_to(WorkOrderId(order))) {
        return Err(missing());
    }
    let decided = app
        .shell()
        .decide::<Bill>(order, seen, |bill, at| decision(bill.ok_or(Refusal::Unknown("quote"))?, at));
    let decided = decided.await?;
    app.keeper.show(&decided.state);
    view(app, decided, caller)
}

fn view(app: &App, bill: Loaded<Bill>, caller: &Caller) -> Result<Versioned<View>, Problem> {
    let state = if is_link(caller) { bill.state.seen_by_the_customer() } else { bill.state };
    let seen = View::of(state, app.shell()).map(|view| view.seen_by(caller));
    seen.map(|view| Versioned(bill.version, view)).ok_or_else(missing)
}

fn missing() -> Problem {
    Problem::not_found("quote")
}
