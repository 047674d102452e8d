//! `/vehicles`.

use axum::{extract::State, http::StatusCode};
use chrono::{DateTime, Utc};
use garage_events::{CustomerId, VehicleId, milliseconds};
use garage_kit::{
    Loaded, Unchanged,
    auth::By,
    http::{
        Answer, Created, FieldError, Fields, FromFields, IfMatch, Json, Listing, Page, PageParams, Path,
        Problem, Query, Versioned, read,
    },
    store::{self, Order},
};
use garage_saga::{
    Shell, problem,
    roles::{Desk, Manager, Staff},
};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Description, FIRST_YEAR, Vehicle};
use crate::{
    customer::Customer,
    http::{ERASED, keep, sought},
    plate::{NotAPlate, Plate},
};

pub(crate) fn routes(shell: Shell) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(register, list))
        .routes(routes!(one, describe, remove))
        .routes(routes!(of_customer))
        .routes(routes!(by_plate))
        .with_state(shell)
}

/// A vehicle.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Vehicle)]
#[serde(rename_all = "camelCase")]
struct VehicleView {
    id: VehicleId,
    customer_id: CustomerId,
    /// As it was given, in capitals and without hyphen.
    #[schema(example = "ABC1D23")]
    plate: String,
    #[schema(example = "Toyota")]
    brand: String,
    #[schema(example = "Corolla")]
    model: String,
    #[schema(example = 2024)]
    year: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    color: Option<String>,
    /// Chassis number.
    #[serde(skip_serializing_if = "Option::is_none")]
    vin: Option<String>,
    #[serde(serialize_with = "milliseconds")]
    created_at: DateTime<Utc>,
    #[serde(serialize_with = "milliseconds")]
    updated_at: DateTime<Utc>,
}

impl From<Vehicle> for VehicleView {
    fn from(vehicle: Vehicle) -> Self {
        let Description { customer_id, plate, brand, model, year, color, vin } = vehicle.description;
        Self {
            id: vehicle.id,
            customer_id,
            plate: plate.as_str().to_owned(),
            brand,
            model,
            year,
            color,
            vin: vin.map(|vin| vin.as_str().to_owned()),
            created_at: vehicle.created_at,
            updated_at: vehicle.updated_at,
        }
    }
}

fn view(read: Loaded<Vehicle>) -> Versioned<VehicleView> {
    Versioned(read.version, read.state.into())
}

/// What is written down of a vehicle.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "documents what Description reads")]
struct NewVehicle {
    customer_id: CustomerId,
    /// In the old form or the Mercosul one; a car that is known under its other form is the same car.
    #[schema(example = "ABC-1234")]
    plate: String,
    #[schema(min_length = 1, max_length = 60, example = "Toyota")]
    brand: String,
    #[schema(min_length = 1, max_length = 60, example = "Corolla")]
    model: String,
    /// At most next year.
    #[schema(minimum = 1900, example = 2024)]
    year: u16,
    #[schema(min_length = 1, max_length = 40, example = "silver")]
    color: Option<String>,
    /// Chassis number: 17 letters and digits without I, O and Q.
    #[schema(example = "9BWZZZ377VT004251")]
    vin: Option<String>,
}

impl FromFields for Description {
    fn from_fields(fields: &mut Fields<'_>) -> Answer<Self> {
        let customer_id = fields.required("customerId", read::value);
        let plate = fields.required("plate", read::parse);
        let brand = fields.required("brand", read::text(1..=60));
        let model = fields.required("model", read::text(1..=60));
        let year = fields.required("year", read::whole(FIRST_YEAR..=9999));
        let color = fields.optional("color", read::text(1..=40));
        let vin = fields.optional("vin", read::parse);
        Ok(Self {
            customer_id: customer_id?,
            plate: plate?,
            brand: brand?,
            model: model?,
            year: year?,
            color: color?,
            vin: vin?,
        })
    }
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// Words, each of which the plate in either form, the brand, the model or the chassis number contains; their order,
    /// accents, capitals and punctuation do not matter. The first eight count.
    q: Option<String>,
}

impl FromFields for Filter {
    fn from_fields(fields: &mut Fields<'_>) -> Answer<Self> {
        Ok(Self { q: sought(fields)? })
    }
}

/// The store's rules in the words of the routes that write.
fn unwritten(unchanged: Unchanged<Problem>) -> Problem {
    match unchanged {
        Unchanged::Taken(_) => Problem::conflict("another vehicle has this plate").coded("taken"),
        Unchanged::Dangling => Problem::invalid(vec![FieldError::new(
            "customerId",
            "must be a customer's; there is no such customer",
        )]),
        refused @ (Unchanged::Refused(_) | Unchanged::Failed(_)) => refused.into(),
    }
}

/// Nothing new belongs to who was erased; a car that is theirs already may be described.
async fn check_owner(
    shell: &Shell,
    description: &Description,
    known: Option<&Vehicle>,
) -> Result<(), Problem> {
    let owner = description.customer_id;
    let is_theirs = known.is_some_and(|known| known.description.customer_id == owner);
    let owner = shell.repository.load::<Customer>(owner.0).await?;
    if owner.is_some_and(|read| read.state.erasure().is_some()) && !is_theirs {
        return Err(Problem::invalid(vec![FieldError::new("customerId", ERASED)]));
    }
    Ok(())
}

fn unremoved(unchanged: Unchanged<Problem>) -> Problem {
    match unchanged {
        Unchanged::Dangling => {
            Problem::conflict("the vehicle has work orders and stays with them").coded("in_use")
        }
        other @ (Unchanged::Taken(_) | Unchanged::Refused(_) | Unchanged::Failed(_)) => other.into(),
    }
}

fn unknown() -> Problem {
    Problem::not_found("vehicle")
}

/// Registers a vehicle.
#[utoipa::path(post, path = "/vehicles", tag = "vehicles", request_body = NewVehicle,
    responses((status = 201, description = "Registered", body = VehicleView), Problem))]
async fn register(
    State(shell): State<Shell>,
    _: By<Desk>,
    Json(description): Json<Description>,
) -> Result<Created<Versioned<VehicleView>>, Problem> {
    check_owner(&shell, &description, None).await?;
    let id = VehicleId(shell.clock.id());
    let vehicle = |_, at| Vehicle::new(id, description.clone(), at).map(Some).map_err(problem);
    let written = keep(&shell, id.0, IfMatch(None), vehicle).await.map_err(unwritten)?;
    Ok(Created(format!("/vehicles/{id}"), view(written.ok_or_else(Problem::internal)?)))
}

/// The vehicles, newest first.
#[utoipa::path(get, path = "/vehicles", tag = "vehicles", params(Filter, PageParams),
    responses((status = 200, description = "A page of them; the Link header leads to the next", body = [VehicleView]), Problem))]
async fn list(
    State(shell): State<Shell>,
    _: By<Staff>,
    Query(filter): Query<Filter>,
    page: Page,
) -> Result<Listing<VehicleView>, Problem> {
    let query = store::Query { search: filter.q, ..page.query(Order::Newest, Vec::new()) };
    let found = shell.repository.find::<Vehicle>(&query).await?;
    Ok(page.answer(&query, found, |read| read.state.into()))
}

/// A customer's vehicles, newest first.
#[utoipa::path(get, path = "/vehicles/customer/{customerId}", tag = "vehicles", params(("customerId" = CustomerId, Path), PageParams),
    responses((status = 200, description = "A page of them; the Link header leads to the next", body = [VehicleView]), Problem))]
async fn of_customer(
    State(shell): State<Shell>,
    _: By<Staff>,
    Path(customer): Path<CustomerId>,
    page: Page,
) -> Result<Listing<VehicleView>, Problem> {
    let query = page.query(Order::Newest, vec![("customer_id", customer.to_string())]);
    let (customer, found) = tokio::try_join!(
        shell.repository.load::<Customer>(customer.0),
        shell.repository.find::<Vehicle>(&query),
    )?;
    customer.ok_or_else(|| Problem::not_found("customer"))?;
    Ok(page.answer(&query, found, |read| read.state.into()))
}

/// The vehicle with a plate, in whichever of its two forms.
#[utoipa::path(get, path = "/vehicles/plate/{plate}", tag = "vehicles",
    params(("plate" = String, Path, description = "In the old form or the Mercosul one", example = "ABC1D23")),
    responses((status = 200, description = "The vehicle", body = VehicleView), Problem))]
async fn by_plate(
    State(shell): State<Shell>,
    _: By<Staff>,
    Path(plate): Path<String>,
) -> Result<Versioned<VehicleView>, Problem> {
    let wrong = |cause: NotAPlate| Problem::invalid(vec![FieldError::new("plate", cause.to_string())]);
    let plate: Plate = plate.parse().map_err(wrong)?;
    let read = shell.repository.by::<Vehicle>("plate_key", plate.key()).await?;
    read.map(view).ok_or_else(unknown)
}

/// A vehicle.
#[utoipa::path(get, path = "/vehicles/{id}", tag = "vehicles",
    responses((status = 200, description = "The vehicle", body = VehicleView), Problem))]
async fn one(
    State(shell): State<Shell>,
    _: By<Staff>,
    Path(id): Path<VehicleId>,
) -> Result<Versioned<VehicleView>, Problem> {
    let read = shell.repository.load::<Vehicle>(id.0).await?;
    read.map(view).ok_or_else(unknown)
}

/// Writes a vehicle down anew: what is missing is gone.
#[utoipa::path(put, path = "/vehicles/{id}", tag = "vehicles", request_body = NewVehicle,
    params(("If-Match" = Option<String>, Header, description = "The ETag of the version that was edited")),
    responses((status = 200, description = "Changed", body = VehicleView), Problem))]
async fn describe(
    State(shell): State<Shell>,
    _: By<Desk>,
    Path(id): Path<VehicleId>,
    seen: IfMatch,
    Json(description): Json<Description>,
) -> Result<Versioned<VehicleView>, Problem> {
    let known = shell.repository.load::<Vehicle>(id.0).await?;
    check_owner(&shell, &description, known.as_ref().map(|read| &read.state)).await?;
    let described = |known: Option<Vehicle>, at| {
        known.ok_or_else(unknown)?.describe(description.clone(), at).map(Some).map_err(problem)
    };
    let written = keep(&shell, id.0, seen, described).await.map_err(unwritten)?;
    written.map(view).ok_or_else(Problem::internal)
}

/// Deletes a vehicle that has no work orders. The manager's.
#[utoipa::path(delete, path = "/vehicles/{id}", tag = "vehicles",
    params(("If-Match" = Option<String>, Header, description = "The ETag of the version that was seen")),
    responses((status = 204, description = "Gone"), Problem))]
async fn remove(
    State(shell): State<Shell>,
    _: By<Manager>,
    Path(id): Path<VehicleId>,
    seen: IfMatch,
) -> Result<StatusCode, Problem> {
    let removed = |known: Option<Vehicle>, _| known.map(|_| None).ok_or_else(unknown);
    keep(&shell, id.0, seen, removed).await.map_err(unremoved)?;
    Ok(StatusCode::NO_CONTENT)
}
