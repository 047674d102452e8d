//! The routes of the services. Everybody who works here reads them, the manager writes them.

use axum::{extract::State, http::StatusCode};
use chrono::{DateTime, Utc};
use garage_events::{Cents, ServiceId, milliseconds};
use garage_kit::{
    Loaded,
    auth::By,
    http::{
        Answer, Created, Fields, FromFields, IfMatch, Json, Listing, Page, PageParams, Path, Problem, Query,
        Versioned, read,
    },
    store::Order,
};
use garage_saga::roles::{Manager, Staff};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Card, Service};
use crate::http::{App, IfMatchParam};

const NAME: std::ops::RangeInclusive<usize> = 1..=200;
const WORDS: std::ops::RangeInclusive<usize> = 1..=2000;
const MINUTES: std::ops::RangeInclusive<u32> = 1..=100_000;

/// All routes of this file.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, add)).routes(routes!(one, replace, change, remove))
}

/// A service of the catalogue.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Service)]
#[serde(rename_all = "camelCase")]
struct View {
    id: ServiceId,
    name: String,
    description: Option<String>,
    price: Cents,
    /// In minutes.
    duration: u32,
    /// Whether it is offered.
    active: bool,
    #[serde(serialize_with = "milliseconds")]
    created_at: DateTime<Utc>,
    #[serde(serialize_with = "milliseconds")]
    updated_at: DateTime<Utc>,
}

impl View {
    fn of(service: Service) -> Self {
        let Card { name, description, price, duration, active } = service.card;
        let (created_at, updated_at) = (service.created_at, service.updated_at);
        Self { id: service.id, name, description, price, duration, active, created_at, updated_at }
    }
}

/// What the shop says of a service.
#[derive(ToSchema)]
struct NewService {
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    #[schema(min_length = 1, max_length = 2000)]
    description: Option<String>,
    price: Cents,
    /// In minutes.
    #[schema(minimum = 1, maximum = 100_000)]
    duration: u32,
    #[schema(default = true)]
    active: Option<bool>,
}

impl FromFields for NewService {
    fn from_fields(fields: &mut Fields<'_>) -> Answer<Self> {
        let name = fields.required("name", read::text(NAME));
        let description = fields.optional("description", read::text(WORDS));
        let price = fields.required("price", read::value);
        let duration = fields.required("duration", read::whole(MINUTES));
        let active = fields.optional("active", read::boolean);
        Ok(Self {
            name: name?,
            description: description?,
            price: price?,
            duration: duration?,
            active: active?,
        })
    }
}

impl NewService {
    fn card(&self) -> Card {
        Card {
            name: self.name.clone(),
            description: self.description.clone(),
            price: self.price,
            duration: self.duration,
            active: self.active.unwrap_or(true),
        }
    }
}

/// What changes of a service; what is left out stays.
#[derive(ToSchema)]
struct ServicePatch {
    #[schema(min_length = 1, max_length = 200)]
    name: Option<String>,
    /// `null` for none.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 2000)]
    description: Option<Option<String>>,
    price: Option<Cents>,
    /// In minutes.
    #[schema(minimum = 1, maximum = 100_000)]
    duration: Option<u32>,
    active: Option<bool>,
}

impl FromFields for ServicePatch {
    fn from_fields(fields: &mut Fields<'_>) -> Answer<Self> {
        let name = fields.optional("name", read::text(NAME));
        let description = fields.patch("description", read::text(WORDS));
        let price = fields.optional("price", read::value);
        let duration = fields.optional("duration", read::whole(MINUTES));
        let active = fields.optional("active", read::boolean);
        Ok(Self {
            name: name?,
            description: description?,
            price: price?,
            duration: duration?,
            active: active?,
        })
    }
}

impl ServicePatch {
    fn card(&self, known: &Card) -> Card {
        Card {
            name: self.name.as_ref().unwrap_or(&known.name).clone(),
            description: self.description.as_ref().unwrap_or(&known.description).clone(),
            price: self.price.unwrap_or(known.price),
            duration: self.duration.unwrap_or(known.duration),
            active: self.active.unwrap_or(known.active),
        }
    }
}

/// What a list is narrowed to.
struct Wanted {
    q: Option<String>,
    active: Option<bool>,
}

impl FromFields for Wanted {
    fn from_fields(fields: &mut Fields<'_>) -> Answer<Self> {
        let q = fields.optional("q", read::text(1..=200));
        let active = fields
            .optional("active", read::parsed(|text: &str| text.parse().map_err(|_| "must be true or false")));
        Ok(Self { q: q?, active: active? })
    }
}

/// The services, by name.
#[utoipa::path(get, path = "/services", tag = "services", operation_id = "list_services",
    params(
        PageParams,
        ("q" = Option<String>, Query, description = "Words, each of which the name or description contains; their order and capitals do not matter. The first eight count"),
        ("active" = Option<bool>, Query, description = "Only those that are offered, or are not"),
    ),
    responses((status = 200, description = "A page of them", body = [View]), Problem))]
async fn list(
    State(app): State<App>,
    _: By<Staff>,
    page: Page,
    Query(wanted): Query<Wanted>,
) -> Result<Listing<View>, Problem> {
    let active = wanted.active.map(|active| ("active", active.to_string()));
    let mut query = page.query(Order::By("name"), active.into_iter().collect());
    query.search = wanted.q;
    let found = app.repository().find::<Service>(&query).await?;
    Ok(page.answer(&query, found, |service| View::of(service.state)))
}

/// Adds a service.
#[utoipa::path(post, path = "/services", tag = "services", operation_id = "add_service", request_body = NewService,
    responses((status = 201, description = "Added", body = View), Problem))]
async fn add(
    State(app): State<App>,
    _: By<Manager>,
    Json(new): Json<NewService>,
) -> Result<Created<Versioned<View>>, Problem> {
    let id = ServiceId(app.shell().clock.id());
    let added = app.shell().keep::<Service>(id.0, None, |_, at| {
        Ok(Some(Service { id, card: new.card(), created_at: at, updated_at: at }))
    });
    Ok(Created(format!("/services/{id}"), view(added.await?)?))
}

/// One service.
#[utoipa::path(get, path = "/services/{id}", tag = "services", operation_id = "service",
    params(("id" = Uuid, Path, description = "The service's id")),
    responses((status = 200, description = "It; its version is the ETag", body = View), Problem))]
async fn one(
    State(app): State<App>,
    _: By<Staff>,
    Path(id): Path<ServiceId>,
) -> Result<Versioned<View>, Problem> {
    view(app.repository().load(id.0).await?)
}

/// Writes a service anew.
#[utoipa::path(put, path = "/services/{id}", tag = "services", operation_id = "replace_service", request_body = NewService,
    params(("id" = Uuid, Path, description = "The service's id"), IfMatchParam),
    responses((status = 200, description = "As it is now", body = View), Problem))]
async fn replace(
    State(app): State<App>,
    _: By<Manager>,
    Path(id): Path<ServiceId>,
    seen: IfMatch,
    Json(new): Json<NewService>,
) -> Result<Versioned<View>, Problem> {
    decide(&app, id, seen, |_| new.card()).await
}

/// Changes what is said of a service.
#[utoipa::path(patch, path = "/services/{id}", tag = "services", operation_id = "change_service", request_body = ServicePatch,
    params(("id" = Uuid, Path, description = "The service's id"), IfMatchParam),
    responses((status = 200, description = "As it is now", body = View), Problem))]
async fn change(
    State(app): State<App>,
    _: By<Manager>,
    Path(id): Path<ServiceId>,
    seen: IfMatch,
    Json(patch): Json<ServicePatch>,
) -> Result<Versioned<View>, Problem> {
    decide(&app, id, seen, |known| patch.card(known)).await
}

/// Takes a service out of the catalogue.
///
/// Quotes that name it keep its name and price; orders on their way that ask for it find no price.
/// To stop offering it, set `active` to false.
#[utoipa::path(delete, path = "/services/{id}", tag = "services", operation_id = "remove_service",
    params(("id" = Uuid, Path, description = "The service's id"), IfMatchParam),
    responses((status = 204, description = "It is gone"), Problem))]
async fn remove(
    State(app): State<App>,
    _: By<Manager>,
    Path(id): Path<ServiceId>,
    IfMatch(seen): IfMatch,
) -> Result<StatusCode, Problem> {
    app.shell().keep::<Service>(id.0, seen, |service, _| service.map(|_| None).ok_or_else(missing)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Changes a service.
async fn decide(
    app: &App,
    id: ServiceId,
    IfMatch(seen): IfMatch,
    card: impl Fn(&Card) -> Card + Send + Sync,
) -> Result<Versioned<View>, Problem> {
    let kept = app.shell().keep::<Service>(id.0, seen, |service, at| {
        let service = service.ok_or_else(missing)?;
        Ok(Some(service.described(card(&service.card), at)))
    });
    view(kept.await?)
}

fn view(service: Option<Loaded<Service>>) -> Result<Versioned<View>, Problem> {
    service.map(|service| Versioned(service.version, View::of(service.state))).ok_or_else(missing)
}

fn missing() -> Problem {
    Problem::not_found("service")
}
