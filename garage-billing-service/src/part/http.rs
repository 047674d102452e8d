//! The routes of the parts. Everybody who works here reads them, the manager writes them; what a part cost
//! the shop is not for the workshop.

use axum::{extract::State, http::StatusCode};
use chrono::{DateTime, Utc};
use garage_events::{Cents, PartId, event::milliseconds};
use garage_kit::{
    Loaded,
    auth::Caller,
    http::{
        Answer, Created, Fields, FromFields, IfMatch, Json, Listing, Page, PageParams, Path, Problem, Query,
        Versioned, read,
    },
    store::Order,
};
use garage_saga::problem;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Card, MIN_STOCK_LEVEL, MOST_IN_STOCK, Part, UNIT};
use crate::http::{App, DESK, IfMatchParam, MANAGER, STAFF};

const NAME: std::ops::RangeInclusive<usize> = 1..=200;
const WORD: std::ops::RangeInclusive<usize> = 1..=60;
const COUNT: std::ops::RangeInclusive<u32> = 0..=MOST_IN_STOCK;

/// All routes of this file.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, add))
        .routes(routes!(low_stock))
        .routes(routes!(one, replace, change, remove))
        .routes(routes!(count, adjust))
}

/// A part of the catalogue.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Part)]
#[serde(rename_all = "camelCase")]
struct View {
    id: PartId,
    name: String,
    part_number: String,
    price: Cents,
    /// What the shop paid; not shown to technicians.
    #[serde(skip_serializing_if = "Option::is_none")]
    cost_price: Option<Cents>,
    stock_quantity: u32,
    /// At or below this many it is to be ordered again.
    min_stock_level: u32,
    unit: String,
    category: Option<String>,
    supplier: Option<String>,
    #[serde(serialize_with = "milliseconds")]
    created_at: DateTime<Utc>,
    #[serde(serialize_with = "milliseconds")]
    updated_at: DateTime<Utc>,
}

impl View {
    fn of(part: Part, caller: &Caller) -> Self {
        Self {
            id: part.id,
            name: part.card.name,
            part_number: part.card.part_number,
            price: part.card.price,
            cost_price: part.card.cost_price.filter(|_| caller.is(&DESK)),
            stock_quantity: part.stock_quantity,
            min_stock_level: part.card.min_stock_level,
            unit: part.card.unit,
            category: part.card.category,
            supplier: part.card.supplier,
            created_at: part.created_at,
            updated_at: part.updated_at,
        }
    }
}

/// What the shop says of a part.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct NewPart {
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// The maker's; no two parts share one, however it is written.
    #[schema(min_length = 1, max_length = 60)]
    part_number: String,
    price: Cents,
    cost_price: Option<Cents>,
    /// How many are there. A new part has none unless told otherwise; a replaced one keeps what it has.
    #[schema(maximum = 1_000_000_000)]
    stock_quantity: Option<u32>,
    #[schema(maximum = 1_000_000_000, default = 5)]
    min_stock_level: Option<u32>,
    #[schema(min_length = 1, max_length = 60, default = "UN")]
    unit: Option<String>,
    #[schema(min_length = 1, max_length = 60)]
    category: Option<String>,
    #[schema(min_length = 1, max_length = 200)]
    supplier: Option<String>,
}

impl FromFields for NewPart {
    fn from_fields(fields: &mut Fields<'_>) -> Answer<Self> {
        let name = fields.required("name", read::text(NAME));
        let part_number = fields.required("partNumber", read::text(WORD));
        let price = fields.required("price", read::value);
        let cost_price = fields.optional("costPrice", read::value);
        let stock_quantity = fields.optional("stockQuantity", read::whole(COUNT));
        let min_stock_level = fields.optional("minStockLevel", read::whole(COUNT));
        let unit = fields.optional("unit", read::text(WORD));
        let category = fields.optional("category", read::text(WORD));
        let supplier = fields.optional("supplier", read::text(NAME));
        Ok(Self {
            name: name?,
            part_number: part_number?,
            price: price?,
            cost_price: cost_price?,
            stock_quantity: stock_quantity?,
            min_stock_level: min_stock_level?,
            unit: unit?,
            category: category?,
            supplier: supplier?,
        })
    }
}

impl NewPart {
    fn card(&self) -> Card {
        Card {
            name: self.name.clone(),
            part_number: self.part_number.clone(),
            price: self.price,
            cost_price: self.cost_price,
            min_stock_level: self.min_stock_level.unwrap_or(MIN_STOCK_LEVEL),
            unit: self.unit.clone().unwrap_or_else(|| UNIT.to_owned()),
            category: self.category.clone(),
            supplier: self.supplier.clone(),
        }
    }
}

/// What changes of a part; what is left out stays.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct PartPatch {
    #[schema(min_length = 1, max_length = 200)]
    name: Option<String>,
    #[schema(min_length = 1, max_length = 60)]
    part_number: Option<String>,
    price: Option<Cents>,
    /// `null` for not known.
    #[schema(value_type = Option<Cents>)]
    cost_price: Option<Option<Cents>>,
    #[schema(maximum = 1_000_000_000)]
    stock_quantity: Option<u32>,
    #[schema(maximum = 1_000_000_000)]
    min_stock_level: Option<u32>,
    #[schema(min_length = 1, max_length = 60)]
    unit: Option<String>,
    /// `null` for none.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 60)]
    category: Option<Option<String>>,
    /// `null` for nobody.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200)]
    supplier: Option<Option<String>>,
}

impl FromFields for PartPatch {
    fn from_fields(fields: &mut Fields<'_>) -> Answer<Self> {
        let name = fields.optional("name", read::text(NAME));
        let part_number = fields.optional("partNumber", read::text(WORD));
        let price = fields.optional("price", read::value);
        let cost_price = fields.patch("costPrice", read::value);
        let stock_quantity = fields.optional("stockQuantity", read::whole(COUNT));
        let min_stock_level = fields.optional("minStockLevel", read::whole(COUNT));
        let unit = fields.optional("unit", read::text(WORD));
        let category = fields.patch("category", read::text(WORD));
        let supplier = fields.patch("supplier", read::text(NAME));
        Ok(Self {
            name: name?,
            part_number: part_number?,
            price: price?,
            cost_price: cost_price?,
            stock_quantity: stock_quantity?,
            min_stock_level: min_stock_level?,
            unit: unit?,
            category: category?,
            supplier: supplier?,
        })
    }
}

impl PartPatch {
    fn card(&self, known: &Card) -> Card {
        Card {
            name: self.name.as_ref().unwrap_or(&known.name).clone(),
            part_number: self.part_number.as_ref().unwrap_or(&known.part_number).clone(),
            price: self.price.unwrap_or(known.price),
            cost_price: self.cost_price.unwrap_or(known.cost_price),
            min_stock_level: self.min_stock_level.unwrap_or(known.min_stock_level),
            unit: self.unit.as_ref().unwrap_or(&known.unit).clone(),
            category: self.category.as_ref().unwrap_or(&known.category).clone(),
            supplier: self.supplier.as_ref().unwrap_or(&known.supplier).clone(),
        }
    }
}

/// How many are on the shelf, counted.
#[derive(ToSchema)]
struct Stock {
    #[schema(maximum = 1_000_000_000)]
    quantity: u32,
}

impl FromFields for Stock {
    fn from_fields(fields: &mut Fields<'_>) -> Answer<Self> {
        Ok(Self { quantity: fields.required("quantity", read::whole(COUNT))? })
    }
}

/// How many came, or went if negative; or how many are there, counted. One of the two.
#[derive(ToSchema)]
struct StockPatch {
    #[schema(example = -2)]
    adjustment: Option<i64>,
    #[schema(maximum = 1_000_000_000)]
    quantity: Option<u32>,
}

impl FromFields for StockPatch {
    fn from_fields(fields: &mut Fields<'_>) -> Answer<Self> {
        let most = i64::from(MOST_IN_STOCK);
        let adjustment = fields.optional("adjustment", read::whole(-most..=most));
        let quantity = fields.optional("quantity", read::whole(COUNT));
        let patch = Self { adjustment: adjustment?, quantity: quantity? };
        match (patch.adjustment, patch.quantity) {
            (None, None) => Err(fields.refuse("adjustment", "or quantity is required")),
            (Some(_), Some(_)) => Err(fields.refuse("quantity", "must not stand beside adjustment")),
            (Some(_), None) | (None, Some(_)) => Ok(patch),
        }
    }
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
        ("q" = Option<String>, Query, description = "Only those with this in their name, number or supplier"),
        ("category" = Option<String>, Query, description = "Only those of this category"),
    ),
    responses((status = 200, description = "A page of them", body = [View]), Problem))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    page: Page,
    Query(wanted): Query<Wanted>,
) -> Result<Listing<View>, Problem> {
    caller.require(&STAFF)?;
    let category = wanted.category.map(|category| ("category", category.to_lowercase()));
    let mut query = page.query(Order::By("name"), category.into_iter().collect());
    query.search = wanted.q;
    let found = app.repository().find::<Part>(&query).await?;
    Ok(page.answer(&query, found, |part| View::of(part.state, &caller)))
}

/// The parts that are to be ordered again, by name.
#[utoipa::path(get, path = "/parts/low-stock", tag = "parts", operation_id = "low_stock_parts",
    params(PageParams), responses((status = 200, description = "A page of them", body = [View]), Problem))]
async fn low_stock(State(app): State<App>, caller: Caller, page: Page) -> Result<Listing<View>, Problem> {
    caller.require(&STAFF)?;
    let query = page.query(Order::By("name"), vec![("low_stock", "true".to_owned())]);
    let found = app.repository().find::<Part>(&query).await?;
    Ok(page.answer(&query, found, |part| View::of(part.state, &caller)))
}

/// Adds a part.
#[utoipa::path(post, path = "/parts", tag = "parts", operation_id = "add_part", request_body = NewPart,
    responses((status = 201, description = "Added", body = View), Problem))]
async fn add(
    State(app): State<App>,
    caller: Caller,
    Json(new): Json<NewPart>,
) -> Result<Created<Versioned<View>>, Problem> {
    caller.require(&MANAGER)?;
    let id = PartId(app.shell().clock.id());
    let added = app.shell().keep::<Part>(id.0, None, |_, at| {
        let stock_quantity = new.stock_quantity.unwrap_or_default();
        Ok(Some(Part { id, card: new.card(), stock_quantity, created_at: at, updated_at: at }))
    });
    Ok(Created(format!("/parts/{id}"), view(added.await?, &caller)?))
}

/// One part.
#[utoipa::path(get, path = "/parts/{id}", tag = "parts", operation_id = "part",
    params(("id" = Uuid, Path, description = "The part's id")),
    responses((status = 200, description = "It; its version is the ETag", body = View), Problem))]
async fn one(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<PartId>,
) -> Result<Versioned<View>, Problem> {
    caller.require(&STAFF)?;
    view(app.repository().load(id.0).await?, &caller)
}

/// Writes a part anew.
#[utoipa::path(put, path = "/parts/{id}", tag = "parts", operation_id = "replace_part", request_body = NewPart,
    params(("id" = Uuid, Path, description = "The part's id"), IfMatchParam),
    responses((status = 200, description = "As it is now", body = View), Problem))]
async fn replace(
    State(app): State<App>,
    caller: Caller,
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
#[utoipa::path(patch, path = "/parts/{id}", tag = "parts", operation_id = "change_part", request_body = PartPatch,
    params(("id" = Uuid, Path, description = "The part's id"), IfMatchParam),
    responses((status = 200, description = "As it is now", body = View), Problem))]
async fn change(
    State(app): State<App>,
    caller: Caller,
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
/// Quotes that name it keep its name and price.
#[utoipa::path(delete, path = "/parts/{id}", tag = "parts", operation_id = "remove_part",
    params(("id" = Uuid, Path, description = "The part's id"), IfMatchParam),
    responses((status = 204, description = "It is gone"), Problem))]
async fn remove(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<PartId>,
    IfMatch(seen): IfMatch,
) -> Result<StatusCode, Problem> {
    caller.require(&MANAGER)?;
    app.shell().keep::<Part>(id.0, seen, |part, _| part.map(|_| None).ok_or_else(missing)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Says how many are on the shelf.
#[utoipa::path(put, path = "/parts/{id}/stock", tag = "parts", operation_id = "count_part", request_body = Stock,
    params(("id" = Uuid, Path, description = "The part's id"), IfMatchParam),
    responses((status = 200, description = "As it is now", body = View), Problem))]
async fn count(
    State(app): State<App>,
    caller: Caller,
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
    caller: Caller,
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

/// Changes a part, for managers.
async fn decide(
    app: &App,
    caller: &Caller,
    id: PartId,
    IfMatch(seen): IfMatch,
    mut next: impl FnMut(Part, DateTime<Utc>) -> Result<Part, Problem> + Send,
) -> Result<Versioned<View>, Problem> {
    caller.require(&MANAGER)?;
    let kept = app.shell().keep::<Part>(id.0, seen, |part, at| next(part.ok_or_else(missing)?, at).map(Some));
    view(kept.await?, caller)
}

fn view(part: Option<Loaded<Part>>, caller: &Caller) -> Result<Versioned<View>, Problem> {
    part.map(|part| Versioned(part.version, View::of(part.state, caller))).ok_or_else(missing)
}

fn missing() -> Problem {
    Problem::not_found("part")
}
