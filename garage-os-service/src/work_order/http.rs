//! `/work-orders`.

use axum::{
    extract::{FromRequest, FromRequestParts, Request, State},
    http::StatusCode,
    response::IntoResponse,
};
use garage_events::{Refusal, Transition, WorkOrderId, event::reason};
use garage_kit::{
    Loaded,
    auth::{By, ByOrLink, Group},
    http::{
        Answer, Command, Created, FieldError, Fields, FromFields, IfMatch, Json, Path, Problem, Query,
        RawBody, Versioned, in_full, read,
    },
};
use garage_saga::{
    Shell,
    roles::{Desk, Manager, Staff, link_to},
    waiting::{Nudged, retell},
};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use self::{
    intake::{Edit, Intake, NewWorkOrder, WorkOrderChanges},
    view::{Moment, WorkOrderView},
};
use super::{Opening, WorkOrder};
use crate::{
    customer::{Customer, Profile},
    http::ERASED,
    vehicle::Vehicle,
};

mod intake;
mod list;
mod public;
mod view;

pub(crate) fn routes(shell: Shell) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(take_in, list::list))
        .routes(routes!(one, edit, cancel))
        .routes(routes!(deliver))
        .routes(routes!(nudge))
        .routes(routes!(history))
        .with_state(shell.clone())
        .merge(public::routes(shell))
}

fn unknown() -> Refusal {
    Refusal::Unknown("work order")
}

fn view(shell: &Shell, order: Loaded<WorkOrder>) -> Versioned<WorkOrderView> {
    Versioned(order.version, WorkOrderView::of(order.state, shell))
}

fn created(shell: &Shell, order: Loaded<WorkOrder>) -> Created<Versioned<WorkOrderView>> {
    Created(format!("/work-orders/{}", order.state.id), view(shell, order))
}

/// Takes a car in.
///
/// Sent again with the same Idempotency-Key and body, it answers with the same order.
#[utoipa::path(post, path = "/work-orders", tag = "work orders", request_body = NewWorkOrder,
    params(("Idempotency-Key" = Option<String>, Header, description = "The client's own word for this command")),
    responses((status = 201, description = "Taken in", body = WorkOrderView), Problem))]
async fn take_in(
    State(shell): State<Shell>,
    caller: By<Desk>,
    command: Command<Intake>,
) -> Result<Created<Versioned<WorkOrderView>>, Problem> {
    let id = WorkOrderId(command.claim(&shell.repository, &shell.clock, caller.subject()).await?);
    let (customer, vehicle) = tokio::try_join!(
        shell.repository.load(command.body.customer_id.0),
        shell.repository.load(command.body.vehicle_id.0),
    )?;
    let (customer, vehicle) = (customer.map(|read| read.state), vehicle.map(|read| read.state));
    let opening = match opening(id, command.body, customer, vehicle) {
        Ok(opening) => opening,
        // A command that comes again was right at its time.
        Err(objections) => {
            let known = shell.repository.load(id.0).await?;
            return known.map(|order| created(&shell, order)).ok_or(Problem::invalid(objections));
        }
    };
    let opened = shell.decide(id.0, None, |known: Option<WorkOrder>, at| {
        Ok(known.map_or_else(|| WorkOrder::open(opening.clone(), at), Transition::quiet))
    });
    match opened.await {
        Ok(order) => Ok(created(&shell, order)),
        Err(problem) if problem.status() == StatusCode::CONFLICT => Err(Problem::conflict(
            "the customer or the vehicle has been removed, or the customer's data erased, at this very moment",
        )),
        Err(problem) => Err(problem),
    }
}

/// What is needed to open the order, or all that does not fit together.
fn opening(
    id: WorkOrderId,
    intake: Intake,
    customer: Option<Customer>,
    vehicle: Option<Vehicle>,
) -> Result<Opening, Vec<FieldError>> {
    let Intake { customer_id, vehicle_id, details } = intake;
    let mut objections = Vec::new();
    let payer = customer.as_ref().and_then(Customer::profile).map(Profile::payer);
    match &customer {
        Some(_) if payer.is_some() => {}
        Some(_) => objections.push(FieldError::new("customerId", ERASED)),
        None => {
            objections.push(FieldError::new("customerId", "must be a customer's; there is no such customer"))
        }
    }
    match &vehicle {
        Some(vehicle) if vehicle.description.customer_id == customer_id => {}
        Some(_) => objections.push(FieldError::new("vehicleId", "must be a vehicle of this customer")),
        None => {
            objections.push(FieldError::new("vehicleId", "must be a vehicle's; there is no such vehicle"))
        }
    }
    match (payer, vehicle) {
        (Some(payer), Some(vehicle)) if objections.is_empty() => {
            let plate = vehicle.description.plate.as_str().to_owned();
            Ok(Opening { id, customer_id, vehicle_id, plate, payer, details })
        }
        _ => Err(objections),
    }
}

/// A work order.
///
/// The token of a customer's link reads its own order, without what is the shop's. An order that is stuck is sent in full
/// also to who has its version already, as it becomes so without a new one.
#[utoipa::path(get, path = "/work-orders/{id}", tag = "work orders",
    responses((status = 200, description = "The order", body = WorkOrderView), Problem))]
async fn one(
    State(shell): State<Shell>,
    caller: ByOrLink<Staff>,
    Path(id): Path<WorkOrderId>,
) -> Result<impl IntoResponse, Problem> {
    caller.require_or_scope(Staff::ROLES, &link_to(id))?;
    let order = shell.repository.load::<WorkOrder>(id.0).await?;
    let Versioned(version, order) =
        order.map(|order| view(&shell, order)).ok_or_else(|| Problem::not_found("work order"))?;
    let order = if caller.scope().is_some() { order.for_the_customer() } else { order };
    Ok((in_full(order.is_stuck()), Versioned(version, order)))
}

/// Edits what people may edit of a work order, or delivers it (`status: DELIVERED`).
///
/// Cost, services and parts are what the quote is made from: another value than the order's own is a 409. A delivery that
/// is sent again with the same details is answered as before.
#[utoipa::path(patch, path = "/work-orders/{id}", tag = "work orders", request_body = WorkOrderChanges,
    params(("If-Match" = Option<String>, Header, description = "The ETag of the version that was edited")),
    responses((status = 200, description = "Edited", body = WorkOrderView), Problem))]
async fn edit(
    State(shell): State<Shell>,
    caller: By<Desk>,
    Path(id): Path<WorkOrderId>,
    seen: IfMatch,
    Json(edit): Json<Edit>,
) -> Result<Versioned<WorkOrderView>, Problem> {
    let edited = shell.decide(id.0, seen.0, |known: Option<WorkOrder>, at| {
        let order = known.ok_or_else(unknown)?;
        let edited = match edit.details(&order.details) {
            Some(details) => order.edit(details, at)?,
            None => Transition::quiet(order),
        };
        let Some(status) = edit.status else { return Ok(edited) };
        let delivered = edited.state.set_status(status, caller.subject().to_owned(), at)?;
        Ok(Transition::telling(delivered.state, edited.events.into_iter().chain(delivered.events)))
    });
    edited.await.map(|order| view(&shell, order))
}

/// Why an order is called off, if anybody says.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents what Cancelling reads")]
struct Cancellation {
    #[schema(min_length = 1, max_length = 500, example = "CUSTOMER_REQUEST")]
    reason: Option<String>,
}

/// The reason, from the body or the query; many clients cannot send a body with DELETE.
struct Cancelling(Option<String>);

impl FromFields for Cancelling {
    fn from_fields(fields: &mut Fields<'_>) -> Answer<Self> {
        fields.optional("reason", read::text(1..=500)).map(Self)
    }
}

impl<S: Send + Sync> FromRequest<S> for Cancelling {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let Query(asked) = Query::<Self>::from_request_parts(&mut parts, state).await?;
        let RawBody(body) = RawBody::from_request(Request::from_parts(parts.clone(), body), state).await?;
        if body.is_empty() {
            return Ok(asked);
        }
        let Json(Self(told)) = Json::from_request(Request::from_parts(parts, body.into()), state).await?;
        Ok(Self(told.or(asked.0)))
    }
}

/// Calls a work order off, until it is completed.
///
/// Nothing is deleted: the order ends as CANCELLED, with its history, and Billing and the workshop undo what
/// they have done for it. One that is cancelled already stays so.
#[utoipa::path(delete, path = "/work-orders/{id}", tag = "work orders", request_body = Option<Cancellation>,
    params(
        ("reason" = Option<String>, Query, description = "Why, for clients that send no body"),
        ("If-Match" = Option<String>, Header, description = "The ETag of the version that was seen"),
    ),
    responses((status = 200, description = "Cancelled", body = WorkOrderView), Problem))]
async fn cancel(
    State(shell): State<Shell>,
    _: By<Desk>,
    Path(id): Path<WorkOrderId>,
    seen: IfMatch,
    Cancelling(reason): Cancelling,
) -> Result<Versioned<WorkOrderView>, Problem> {
    let reason = reason.unwrap_or_else(|| reason::CUSTOMER_REQUEST.to_owned());
    let cancelled = shell.decide(id.0, seen.0, |known: Option<WorkOrder>, at| {
        known.ok_or_else(unknown)?.cancel(reason.clone(), at)
    });
    cancelled.await.map(|order| view(&shell, order))
}

/// Gives the car back, once the work is completed.
#[utoipa::path(post, path = "/work-orders/{id}/deliver", tag = "work orders",
    params(("If-Match" = Option<String>, Header, description = "The ETag of the version that was seen")),
    responses((status = 200, description = "Delivered", body = WorkOrderView), Problem))]
async fn deliver(
    State(shell): State<Shell>,
    caller: By<Desk>,
    Path(id): Path<WorkOrderId>,
    seen: IfMatch,
) -> Result<Versioned<WorkOrderView>, Problem> {
    let delivered = shell.decide(id.0, seen.0, |known: Option<WorkOrder>, at| {
        known.ok_or_else(unknown)?.deliver(caller.subject().to_owned(), at)
    });
    delivered.await.map(|order| view(&shell, order))
}

/// Tells the others again what this order's facts imply.
///
/// For a manager, when somebody seems not to have heard. It changes nothing here, and nothing where it was heard.
#[utoipa::path(post, path = "/work-orders/{id}/nudge", tag = "work orders",
    responses((status = 200, description = "What was told again", body = Nudged), Problem))]
async fn nudge(
    State(shell): State<Shell>,
    _: By<Manager>,
    Path(id): Path<WorkOrderId>,
) -> Result<Json<Nudged>, Problem> {
    retell::<WorkOrder>(&shell, id.0, "work order", |_| true).await.map(Json)
}

/// What has become known of a work order, in the order in which it did.
#[utoipa::path(get, path = "/work-orders/{id}/history", tag = "work orders",
    responses((status = 200, description = "Every fact, with the status that followed from it", body = [Moment]), Problem))]
async fn history(
    State(shell): State<Shell>,
    _: By<Staff>,
    Path(id): Path<WorkOrderId>,
) -> Result<Versioned<Vec<Moment>>, Problem> {
    let order =
        shell.repository.load::<WorkOrder>(id.0).await?.ok_or_else(|| Problem::not_found("work order"))?;
    Ok(Versioned(order.version, order.state.history().map(Moment::from).collect()))
}
