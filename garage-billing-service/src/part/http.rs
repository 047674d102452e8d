//! The routes of the parts. Everybody who works here reads them, the manager writes them; what a part cost
//! the shop is not for the workshop.

use std::collections::BTreeMap;

use axum::{extract::State, http::StatusCode};
use chrono::{DateTime, Utc};
use garage_events::{PartId, WorkOrderId};
use garage_kit::{
    Loaded,
    auth::{By, Caller},
    http::{
        Answer, Created, FieldError, Fields, FromFields, IfMatch, Json, Listing, Page, PageParams, Path,
        Problem, Query, Versioned, read,
    },
    store::Order,
};
use garage_saga::{
    problem,
    roles::{Manager, Staff},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use self::{
    body::{NewPart, PartPatch, Stock, StockPatch, WORD},
    order::OrderedPart,
    view::{Reservation, View},
};
use super::Part;
use crate::http::{App, IfMatchParam};

mod body;
mod order;
mod view;

/// The code of a value that another one has.
const TAKEN: &str = "taken";

/// All routes of this file.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, add))
        .routes(routes!(low_stock))
        .routes(routes!(missing_parts))
        .routes(routes!(of_work_order))
        .routes(routes!(one, replace, change, remove))
        .routes(routes!(count, adjust))
        .routes(routes!(reservations))
}

/// What a list is narrowed to.
struct Wanted {
    q: Option<String>,
    category: Option<String>,
}

impl FromFields for Wanted {
    fn from_fields(fields: &mut Fields<'_>) -> Answer<Self> {
        let q = fields.optional("q", read::text(1..=200));
        let category = fields.optional("category", read::text(WORD));
        Ok(Self { q: q?, category: category? })
    }
}

/// The parts, by name.
#[utoipa::path(get, path = "/parts", tag = "parts", operation_id = "list_parts",
    params(
        PageParams,
        ("q" = Option<String>, Query, description = "Words, each of which the name, number or supplier contains; their order and capitals do not matter. The first eight count"),
        ("category" = Option<String>, Query, description = "Only those of this category"),
    ),
    responses((status = 200, description = "A page of them", body = [View]), Problem))]
async fn list(
    State(app): State<App>,
    caller: By<Staff>,
    page: Page,
    Query(wanted): Query<Wanted>,
) -> Result<Listing<View>, Problem> {
    let category = wanted.category.map(|category| ("category", category.to_lowercase()));
    let mut query = page.query(Order::By("name"), category.into_iter().collect());
    query.search = wanted.q;
    let found = app.repository().find::<Part>(&query).await?;
    Ok(page.answer(&query, found, |part| View::of(part.state, &caller)))
}

/// The parts that are to be ordered again, by name.
///
/// What counts is what is free: on hand and not put aside for an order.
#[utoipa::path(get, path = "/parts/low-stock", tag = "parts", operation_id = "low_stock_parts",
    params(PageParams), responses((status = 200, description = "A page of them", body = [View]), Problem))]
async fn low_stock(State(app): State<App>, caller: By<Staff>, page: Page) -> Result<Listing<View>, Problem> {
    let query = page.query(Order::By("name"), vec![("low_stock", "true".to_owned())]);
    let found = app.repository().find::<Part>(&query).await?;
    Ok(page.answer(&query, found, |part| View::of(part.state, &caller)))
}

/// The parts of which more are wanted than are there, those first for which an order has waited longest.
#[utoipa::path(get, path = "/parts/missing", tag = "parts", operation_id = "missing_parts",
    params(PageParams), responses((status = 200, description = "A page of them", body = [View]), Problem))]
async fn missing_parts(
    State(app): State<App>,
    caller: By<Staff>,
    page: Page,
) -> Result<Listing<View>, Problem> {
    let query = page.query(Order::By("awaited"), Vec::new());
    let found = app.repository().find::<Part>(&query).await?;
    Ok(page.answer(&query, found, |part| View::of(part.state, &caller)))
}

/// The parts of an order's quote: whether they are there, put aside, built in.
#[utoipa::path(get, path = "/parts/work-order/{workOrderId}", tag = "parts", operation_id = "parts_of_work_order",
    params(("workOrderId" = Uuid, Path, description = "The order's id")),
    responses((status = 200, description = "All of them", body = [OrderedPart]), Problem))]
async fn of_work_order(
    State(app): State<App>,
    _: By<Staff>,
    Path(order): Path<WorkOrderId>,
) -> Result<Json<Vec<OrderedPart>>, Problem> {
    order::parts(app.repository(), order).await.map(Json)
}

/// The orders that hold a part or wait for it, first come first served.
#[utoipa::path(get, path = "/parts/{id}/reservations", tag = "parts", operation_id = "reservations_of_part",
    params(("id" = Uuid, Path, description = "The part's id")),
    responses((status = 200, description = "All of them", body = [Reservation]), Problem))]
async fn reservations(
    State(app): State<App>,
    _: By<Staff>,
    Path(id): Path<PartId>,
) -> Result<Json<Vec<Reservation>>, Problem> {
    let part = app.repository().load::<Part>(id.0).await?.ok_or_else(missing)?;
    Ok(Json(part.state.holders().into_iter().map(Reservation::of).collect()))
}

/// Adds a part.
///
/// A number that another part has is a 409 (`taken`).
#[utoipa::path(post, path = "/parts", tag = "parts", operation_id = "add_part", request_body = NewPart,
    responses((status = 201, description = "Added", body = View), Problem))]
async fn add(
    State(app): State<App>,
    caller: By<Manager>,
    Json(new): Json<NewPart>,
) -> Result<Created<Versioned<View>>, Problem> {
    let id = PartId(app.shell().clock.id());
    let added = app.shell().keep::<Part>(id.0, None, |_, at| {
        let stock_quantity = new.stock_quantity.unwrap_or_default();
        let holds = BTreeMap::new();
        Ok(Some(Part { id, card: new.card(), stock_quantity, holds, created_at: at, updated_at: at }))
    });
    let added = added.await.map_err(in_words)?;
    Ok(Created(format!("/parts/{id}"), view(added, &caller)?))
}

/// One part.
#[utoipa::path(get, path = "/parts/{id}", tag = "parts", operation_id = "part",
    params(("id" = Uuid, Path, description = "The part's id")),
    responses((status = 200, description = "It; its version is the ETag", body = View), Problem))]
async fn one(
    State(app): State<App>,
    caller: By<Staff>,
    Path(id): Path<PartId>,
) -> Result<Versioned<View>, Problem> {
    view(app.repository().load(id.0).await?, &caller)
}

/// Writes a part anew.
///
/// A number that another part has is a 409 (`taken`).
#[utoipa::path(put, path = "/parts/{id}", tag = "parts", operation_id = "replace_part", request_body = NewPart,
    params(("id" = Uuid, Path, description = "The part's id"), IfMatchParam),
    responses((status = 200, description = "As it is now", body = View), Problem))]
async fn replace(
    State(app): State<App>,
    caller: By<Manager>,
    Path(id): Path<PartId>,
    seen: IfMatch,
    Json(new): Json<NewPart>,
) -> Result<Versioned<View>, Problem> {
    decide(&app, &caller, id, seen, |part, at| {
        let stock = new.stock_quantity.unwrap_or(part.stock_quantity);
        Ok(part.described(new.card(), at).counted(stock, at))
    })
    .await
}

/// Changes what is said of a part.
///
/// A number that another part has is a 409 (`taken`).
#[utoipa::path(patch, path = "/parts/{id}", tag = "parts", operation_id = "change_part", request_body = PartPatch,
    params(("id" = Uuid, Path, description = "The part's id"), IfMatchParam),
    responses((status = 200, description = "As it is now", body = View), Problem))]
async fn change(
    State(app): State<App>,
    caller: By<Manager>,
    Path(id): Path<PartId>,
    seen: IfMatch,
    Json(patch): Json<PartPatch>,
) -> Result<Versioned<View>, Problem> {
    decide(&app, &caller, id, seen, |part, at| {
        let stock = patch.stock_quantity.unwrap_or(part.stock_quantity);
        Ok(part.described(patch.card(&part.card), at).counted(stock, at))
    })
    .await
}

/// Takes a part out of the catalogue.
///
/// Quotes that name it keep its name and price. While an order has a claim to it the answer is 409.
#[utoipa::path(delete, path = "/parts/{id}", tag = "parts", operation_id = "remove_part",
    params(("id" = Uuid, Path, description = "The part's id"), IfMatchParam),
    responses((status = 204, description = "It is gone"), Problem))]
async fn remove(
    State(app): State<App>,
    _: By<Manager>,
    Path(id): Path<PartId>,
    IfMatch(seen): IfMatch,
) -> Result<StatusCode, Problem> {
    let removed = app.shell().keep::<Part>(id.0, seen, |part, _| {
        part.ok_or_else(missing)?.check_unclaimed().map_err(problem)?;
        Ok(None)
    });
    removed.await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Says how many are on the shelf, those that are put aside among them.
#[utoipa::path(put, path = "/parts/{id}/stock", tag = "parts", operation_id = "count_part", request_body = Stock,
    params(("id" = Uuid, Path, description = "The part's id"), IfMatchParam),
    responses((status = 200, description = "As it is now", body = View), Problem))]
async fn count(
    State(app): State<App>,
    caller: By<Manager>,
    Path(id): Path<PartId>,
    seen: IfMatch,
    Json(stock): Json<Stock>,
) -> Result<Versioned<View>, Problem> {
    decide(&app, &caller, id, seen, |part, at| Ok(part.counted(stock.quantity, at))).await
}

/// Says how many came to the shelf or left it; fewer than none is a 409.
#[utoipa::path(patch, path = "/parts/{id}/stock", tag = "parts", operation_id = "adjust_part", request_body = StockPatch,
    params(("id" = Uuid, Path, description = "The part's id"), IfMatchParam),
    responses((status = 200, description = "As it is now", body = View), Problem))]
async fn adjust(
    State(app): State<App>,
    caller: By<Manager>,
    Path(id): Path<PartId>,
    seen: IfMatch,
    Json(patch): Json<StockPatch>,
) -> Result<Versioned<View>, Problem> {
    decide(&app, &caller, id, seen, |part, at| {
        let counted = patch.quantity.map_or_else(|| part.clone(), |quantity| part.counted(quantity, at));
        counted.adjusted(patch.adjustment.unwrap_or_default(), at).map_err(problem)
    })
    .await
}

/// Changes a part.
async fn decide(
    app: &App,
    caller: &By<Manager>,
    id: PartId,
    IfMatch(seen): IfMatch,
    mut next: impl FnMut(Part, DateTime<Utc>) -> Result<Part, Problem> + Send,
) -> Result<Versioned<View>, Problem> {
    let kept = app.shell().keep::<Part>(id.0, seen, |part, at| next(part.ok_or_else(missing)?, at).map(Some));
    view(kept.await.map_err(in_words)?, caller)
}

fn view(part: Option<Loaded<Part>>, caller: &Caller) -> Result<Versioned<View>, Problem> {
    part.map(|part| Versioned(part.version, View::of(part.state, caller))).ok_or_else(missing)
}

/// The store's rules in these routes' words.
fn in_words(problem: Problem) -> Problem {
    if problem.code() != TAKEN {
        return problem;
    }
    let number = FieldError::new("partNumber", "belongs to another part");
    Problem::conflict("another part has this number").coded(TAKEN).about(vec![number])
}

fn missing() -> Problem {
    Problem::not_found("part")
}
