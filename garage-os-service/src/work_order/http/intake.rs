//! What is read of a work order: the request that takes a car in, and the one that edits. Services and parts
//! are asked for by id, or by an object with a quantity.

use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, Utc};
use garage_events::{
    Cents, CustomerId, PartId, Quantity, ServiceId, VehicleId, WorkOrderStatus,
    event::{RequestedPart, RequestedService},
};
use garage_kit::http::{Answer, Field, Fields, FromFields, read};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::{http::changed, work_order::Details};

/// Lines of each sort.
const MOST_LINES: usize = 100;
/// Of the client's own data, in bytes of JSON.
const MOST_METADATA: usize = 8192;
/// Brazil's legal time, in seconds; the same all year, as there has been no daylight saving since 2019 (Decreto 9.772/2019).
const BEHIND_UTC: i32 = 3 * 60 * 60;
/// Of those with four digits (RFC 3339).
const LAST_YEAR: i32 = 9999;

/// What is needed to take a car in.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "documents what Intake reads")]
pub(super) struct NewWorkOrder {
    customer_id: CustomerId,
    /// Must be that customer's.
    vehicle_id: VehicleId,
    #[schema(min_length = 1, max_length = 2000, example = "Oil change and tire rotation")]
    description: String,
    estimated_cost: Option<Cents>,
    #[schema(max_items = 100)]
    services: Option<Vec<AskedService>>,
    #[schema(max_items = 100)]
    parts: Option<Vec<AskedPart>>,
    #[schema(min_length = 1, max_length = 100)]
    assigned_technician_id: Option<String>,
    /// A time with its zone; or a day, which lasts until 23:59:59 in Brasília (UTC−3).
    #[schema(example = "2026-02-10T17:00:00Z")]
    estimated_completion_date: Option<String>,
    /// Whatever the shop wants to keep with the order; at most 8 KiB as JSON.
    metadata: Option<Map<String, Value>>,
}

/// What is to be changed of an order; what is missing stays, and null takes away.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "documents what Edit reads")]
pub(super) struct WorkOrderChanges {
    #[schema(min_length = 1, max_length = 2000)]
    description: Option<String>,
    /// As it is: the quote is made from it. Edit the quote.
    estimated_cost: Option<Cents>,
    /// As they are, like the estimated cost.
    #[schema(max_items = 100)]
    services: Option<Vec<AskedService>>,
    /// As they are, like the estimated cost.
    #[schema(max_items = 100)]
    parts: Option<Vec<AskedPart>>,
    #[schema(min_length = 1, max_length = 100)]
    assigned_technician_id: Option<String>,
    /// A time with its zone; or a day, which lasts until 23:59:59 in Brasília (UTC−3).
    estimated_completion_date: Option<String>,
    metadata: Option<Map<String, Value>>,
    /// Only DELIVERED may be set by hand, once the order is COMPLETED.
    status: Option<WorkOrderStatus>,
}

/// A service of the catalogue: its id, or an object with how many times.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "documents what Asked reads")]
enum AskedService {
    Id(ServiceId),
    Counted(RequestedService),
}

/// A part of the catalogue: its id, or an object with how many.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "documents what Asked reads")]
enum AskedPart {
    Id(PartId),
    Counted(RequestedPart),
}

/// A car to take in.
#[derive(Debug)]
pub(super) struct Intake {
    pub(super) customer_id: CustomerId,
    pub(super) vehicle_id: VehicleId,
    pub(super) details: Details,
}

impl FromFields for Intake {
    fn from_fields(fields: &mut Fields<'_>) -> Answer<Self> {
        let customer_id = fields.required("customerId", read::value);
        let vehicle_id = fields.required("vehicleId", read::value);
        let description = fields.required("description", description);
        let estimated_cost = fields.optional("estimatedCost", read::value);
        let services = fields.optional("services", services);
        let parts = fields.optional("parts", parts);
        let assigned_technician_id = fields.optional("assignedTechnicianId", technician);
        let estimated_completion_date = fields.optional("estimatedCompletionDate", date);
        let metadata = fields.optional("metadata", metadata);
        let details = Details {
            description: description?,
            estimated_cost: estimated_cost?,
            services: services?.unwrap_or_default(),
            parts: parts?.unwrap_or_default(),
            assigned_technician_id: assigned_technician_id?,
            estimated_completion_date: estimated_completion_date?,
            metadata: metadata?,
        };
        Ok(Self { customer_id: customer_id?, vehicle_id: vehicle_id?, details })
    }
}

/// An edit: `None` leaves as it is.
#[derive(Debug)]
pub(super) struct Edit {
    description: Option<String>,
    estimated_cost: Option<Option<Cents>>,
    services: Option<Option<Vec<RequestedService>>>,
    parts: Option<Option<Vec<RequestedPart>>>,
    assigned_technician_id: Option<Option<String>>,
    estimated_completion_date: Option<Option<DateTime<Utc>>>,
    metadata: Option<Option<Value>>,
    pub(super) status: Option<WorkOrderStatus>,
}

impl FromFields for Edit {
    fn from_fields(fields: &mut Fields<'_>) -> Answer<Self> {
        let description = changed(fields, "description", description);
        let estimated_cost = fields.patch("estimatedCost", read::value);
        let services = fields.patch("services", services);
        let parts = fields.patch("parts", parts);
        let assigned_technician_id = fields.patch("assignedTechnicianId", technician);
        let estimated_completion_date = fields.patch("estimatedCompletionDate", date);
        let metadata = fields.patch("metadata", metadata);
        let status = changed(fields, "status", read::parse);
        Ok(Self {
            description: description?,
            estimated_cost: estimated_cost?,
            services: services?,
            parts: parts?,
            assigned_technician_id: assigned_technician_id?,
            estimated_completion_date: estimated_completion_date?,
            metadata: metadata?,
            status: status?,
        })
    }
}

impl Edit {
    /// The details after the edit, if it touches them.
    pub(super) fn details(&self, known: &Details) -> Option<Details> {
        let touches = self.description.is_some()
            || self.estimated_cost.is_some()
            || self.services.is_some()
            || self.parts.is_some()
            || self.assigned_technician_id.is_some()
            || self.estimated_completion_date.is_some()
            || self.metadata.is_some();
        touches.then(|| Details {
            description: edited(&self.description, &known.description),
            estimated_cost: edited(&self.estimated_cost, &known.estimated_cost),
            services: edited(&self.services.clone().map(Option::unwrap_or_default), &known.services),
            parts: edited(&self.parts.clone().map(Option::unwrap_or_default), &known.parts),
            assigned_technician_id: edited(&self.assigned_technician_id, &known.assigned_technician_id),
            estimated_completion_date: edited(
                &self.estimated_completion_date,
                &known.estimated_completion_date,
            ),
            metadata: edited(&self.metadata, &known.metadata),
        })
    }
}

fn edited<T: Clone>(edit: &Option<T>, known: &T) -> T {
    edit.as_ref().unwrap_or(known).clone()
}

fn description(field: Field<'_>) -> Answer<String> {
    read::text(1..=2000)(field)
}

fn technician(field: Field<'_>) -> Answer<String> {
    read::text(1..=100)(field)
}

fn metadata(field: Field<'_>) -> Answer<Value> {
    read::free(MOST_METADATA)(field).map(Value::Object)
}

/// A time with its zone, or a day, which is over when it is in Brazil.
fn date(field: Field<'_>) -> Answer<DateTime<Utc>> {
    match field.value().as_str().and_then(|text| end_of_day(text.trim())) {
        Some(end) => Ok(end),
        None => read::time(field),
    }
}

/// The last second of a day, whose year has four digits also in UTC.
fn end_of_day(text: &str) -> Option<DateTime<Utc>> {
    let has_year = text.bytes().take_while(u8::is_ascii_digit).count() == 4;
    let day = text.parse::<NaiveDate>().ok().filter(|_| has_year)?;
    let end = day.and_hms_opt(23, 59, 59)?.and_local_timezone(FixedOffset::west_opt(BEHIND_UTC)?).single()?;
    Some(end.to_utc()).filter(|end| end.year() <= LAST_YEAR)
}

fn services(field: Field<'_>) -> Answer<Vec<RequestedService>> {
    let service = |Asked { id, quantity }| RequestedService { service_id: id, quantity };
    read::list(0..=MOST_LINES, |item| asked(item).map(service))(field)
}

fn parts(field: Field<'_>) -> Answer<Vec<RequestedPart>> {
    let part = |Asked { id, quantity }| RequestedPart { part_id: id, quantity };
    read::list(0..=MOST_LINES, |item| asked(item).map(part))(field)
}

/// Something of the catalogue.
struct Asked<I> {
    id: I,
    quantity: Quantity,
}

/// What its id is called; `id` will do as well.
trait Listed: DeserializeOwned {
    const NAME: &'static str;
}

impl Listed for ServiceId {
    const NAME: &'static str = "serviceId";
}

impl Listed for PartId {
    const NAME: &'static str = "partId";
}

impl<I: Listed> FromFields for Asked<I> {
    fn from_fields(fields: &mut Fields<'_>) -> Answer<Self> {
        let is_short = fields.has("id") && !fields.has(I::NAME);
        let id = fields.required(if is_short { "id" } else { I::NAME }, read::value);
        let quantity = fields.optional("quantity", read::value);
        Ok(Self { id: id?, quantity: quantity?.unwrap_or_default() })
    }
}

fn asked<I: Listed>(item: Field<'_>) -> Answer<Asked<I>> {
    if item.value().is_object() {
        return read::object(item);
    }
    read::value(item).map(|id| Asked { id, quantity: Quantity::ONE })
}
