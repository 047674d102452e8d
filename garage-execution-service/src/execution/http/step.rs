//! The technician's steps. Which step may follow which is the aggregate's affair; here they are read and
//! handed on. A step without words may be posted without a body.

use axum::extract::State;
use garage_events::{ExecutionId, PartId, Quantity, event::PartUsed};
use garage_kit::{
    auth::By,
    http::{Answer, Field, Fields, FromFields, IfMatch, Json, Optional, Path, Problem, Versioned, read},
};
use garage_saga::{Shell, roles::Workshop};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{SeenVersion, TECHNICIAN, View, decide};
use crate::execution::{MOST_ITEMS, Step};

/// Notes and reasons have so many characters.
const WORDS: std::ops::RangeInclusive<usize> = 1..=4000;
/// The name of a part or of a service has so many. [`MOST_ITEMS`] of both, however they are written, fit into
/// one event.
const NAME: std::ops::RangeInclusive<usize> = 1..=100;

/// All routes of this file.
pub(super) fn routes() -> OpenApiRouter<Shell> {
    OpenApiRouter::new()
        .routes(routes!(start_diagnosis))
        .routes(routes!(complete_diagnosis))
        .routes(routes!(start_repair))
        .routes(routes!(complete_repair))
        .routes(routes!(start_testing))
        .routes(routes!(complete))
        .routes(routes!(fail))
}

/// Who begins.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct StartDiagnosis {
    /// Unless told otherwise the caller, if the caller is a technician; else whoever was assigned.
    #[schema(min_length = 1, max_length = 200)]
    technician_id: Option<String>,
}

impl FromFields for StartDiagnosis {
    fn from_fields(fields: &mut Fields<'_>) -> Answer<Self> {
        Ok(Self { technician_id: fields.optional("technicianId", read::text(TECHNICIAN))? })
    }
}

/// What was found.
#[derive(ToSchema)]
struct CompleteDiagnosis {
    #[schema(min_length = 1, max_length = 4000)]
    notes: String,
}

impl FromFields for CompleteDiagnosis {
    fn from_fields(fields: &mut Fields<'_>) -> Answer<Self> {
        Ok(Self { notes: fields.required("notes", read::text(WORDS))? })
    }
}

/// What was done, and with what. After a rework, its notes are added to those of before as a new line, and its lists to
/// theirs.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct CompleteRepair {
    /// With those of before at most 20,000 characters.
    #[schema(min_length = 1, max_length = 4000)]
    notes: String,
    /// Parts of the catalogue or from elsewhere. A plain text is taken as well: a part's id, or a name. This list changes
    /// no stock, as the quote says what is taken from the shelf.
    #[schema(value_type = Option<Vec<PartUsed>>, max_items = 200)]
    parts_used: Option<Vec<Part>>,
    /// In words. An object with a `name` or a `serviceId` is taken as well.
    #[schema(value_type = Option<Vec<String>>, max_items = 200)]
    services_performed: Option<Vec<String>>,
}

impl FromFields for CompleteRepair {
    fn from_fields(fields: &mut Fields<'_>) -> Answer<Self> {
        let notes = fields.required("notes", read::text(WORDS));
        let parts_used = fields.optional("partsUsed", read::list(0..=MOST_ITEMS, part));
        let services_performed = fields.optional("servicesPerformed", read::list(0..=MOST_ITEMS, service));
        Ok(Self { notes: notes?, parts_used: parts_used?, services_performed: services_performed? })
    }
}

/// A part as it is read.
struct Part(PartUsed);

impl FromFields for Part {
    fn from_fields(fields: &mut Fields<'_>) -> Answer<Self> {
        let part_id = fields.optional("partId", read::value);
        let name = fields.optional("name", read::text(NAME));
        let quantity = fields.optional("quantity", read::value);
        let used = PartUsed { part_id: part_id?, name: name?, quantity: quantity?.unwrap_or_default() };
        if used.part_id.is_none() && used.name.is_none() {
            return Err(fields.refuse("partId", "or name is required"));
        }
        Ok(Self(used))
    }
}

fn part(field: Field<'_>) -> Answer<Part> {
    if !field.value().is_string() {
        return read::object(field);
    }
    let text = read::text(NAME)(field)?;
    let part_id = Uuid::try_parse(&text).ok().map(PartId);
    let name = if part_id.is_none() { Some(text) } else { None };
    Ok(Part(PartUsed { part_id, name, quantity: Quantity::ONE }))
}

/// A service as it is read from an object.
struct Named(String);

impl FromFields for Named {
    fn from_fields(fields: &mut Fields<'_>) -> Answer<Self> {
        let name = fields.optional("name", read::text(NAME));
        let id = fields.optional("serviceId", read::value::<Uuid>);
        let named = name?.or(id?.map(|id| id.to_string()));
        named.map(Self).ok_or_else(|| fields.refuse("name", "or serviceId is required"))
    }
}

fn service(field: Field<'_>) -> Answer<String> {
    match field.value() {
        Value::Object(_) => read::object(field).map(|Named(name)| name),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            read::text(NAME)(field)
        }
    }
}

/// Why it cannot be done.
#[derive(ToSchema)]
struct Fail {
    /// In the technician's own words.
    #[schema(min_length = 1, max_length = 4000)]
    reason: String,
}

impl FromFields for Fail {
    fn from_fields(fields: &mut Fields<'_>) -> Answer<Self> {
        Ok(Self { reason: fields.required("reason", read::text(WORDS))? })
    }
}

async fn take(shell: &Shell, id: ExecutionId, seen: IfMatch, step: Step) -> Result<Versioned<View>, Problem> {
    decide(shell, id, seen, |job, at| job.step(step.clone(), at)).await
}

/// Takes a job from the queue and looks at the car: `QUEUED` → `DIAGNOSING`.
#[utoipa::path(post, path = "/executions/{id}/start-diagnosis", tag = "steps", request_body = Option<StartDiagnosis>,
    params(("id" = Uuid, Path, description = "The execution's id"), SeenVersion),
    responses((status = 200, description = "As it is now", body = View), Problem))]
async fn start_diagnosis(
    State(shell): State<Shell>,
    caller: By<Workshop>,
    Path(id): Path<ExecutionId>,
    seen: IfMatch,
    Optional(body): Optional<StartDiagnosis>,
) -> Result<Versioned<View>, Problem> {
    let caller_works = caller.is(&["technician"]);
    let technician_id = body.technician_id.or_else(|| caller_works.then(|| caller.subject().to_owned()));
    take(&shell, id, seen, Step::StartDiagnosis { technician_id }).await
}

/// Says what was found: `DIAGNOSING` → `DIAGNOSIS_COMPLETE`.
#[utoipa::path(post, path = "/executions/{id}/complete-diagnosis", tag = "steps", request_body = CompleteDiagnosis,
    params(("id" = Uuid, Path, description = "The execution's id"), SeenVersion),
    responses((status = 200, description = "As it is now", body = View), Problem))]
async fn complete_diagnosis(
    State(shell): State<Shell>,
    _: By<Workshop>,
    Path(id): Path<ExecutionId>,
    seen: IfMatch,
    Json(body): Json<CompleteDiagnosis>,
) -> Result<Versioned<View>, Problem> {
    take(&shell, id, seen, Step::CompleteDiagnosis { notes: Some(body.notes) }).await
}

/// Begins to repair, or after a test again: `DIAGNOSIS_COMPLETE` or `TESTING` → `REPAIRING`.
#[utoipa::path(post, path = "/executions/{id}/start-repair", tag = "steps",
    params(("id" = Uuid, Path, description = "The execution's id"), SeenVersion),
    responses((status = 200, description = "As it is now", body = View), Problem))]
async fn start_repair(
    State(shell): State<Shell>,
    _: By<Workshop>,
    Path(id): Path<ExecutionId>,
    seen: IfMatch,
) -> Result<Versioned<View>, Problem> {
    take(&shell, id, seen, Step::StartRepair).await
}

/// Says what was done: `REPAIRING` → `REPAIR_COMPLETE`.
#[utoipa::path(post, path = "/executions/{id}/complete-repair", tag = "steps", request_body = CompleteRepair,
    params(("id" = Uuid, Path, description = "The execution's id"), SeenVersion),
    responses((status = 200, description = "As it is now", body = View), Problem))]
async fn complete_repair(
    State(shell): State<Shell>,
    _: By<Workshop>,
    Path(id): Path<ExecutionId>,
    seen: IfMatch,
    Json(body): Json<CompleteRepair>,
) -> Result<Versioned<View>, Problem> {
    let step = Step::CompleteRepair {
        notes: Some(body.notes),
        parts_used: body.parts_used.unwrap_or_default().into_iter().map(|Part(used)| used).collect(),
        services_performed: body.services_performed.unwrap_or_default(),
    };
    take(&shell, id, seen, step).await
}

/// Tries the car: `REPAIR_COMPLETE` → `TESTING`.
#[utoipa::path(post, path = "/executions/{id}/start-testing", tag = "steps",
    params(("id" = Uuid, Path, description = "The execution's id"), SeenVersion),
    responses((status = 200, description = "As it is now", body = View), Problem))]
async fn start_testing(
    State(shell): State<Shell>,
    _: By<Workshop>,
    Path(id): Path<ExecutionId>,
    seen: IfMatch,
) -> Result<Versioned<View>, Problem> {
    take(&shell, id, seen, Step::StartTesting).await
}

/// Finishes the work: `REPAIR_COMPLETE` or `TESTING` → `COMPLETED`.
#[utoipa::path(post, path = "/executions/{id}/complete", tag = "steps",
    params(("id" = Uuid, Path, description = "The execution's id"), SeenVersion),
    responses((status = 200, description = "As it is now", body = View), Problem))]
async fn complete(
    State(shell): State<Shell>,
    _: By<Workshop>,
    Path(id): Path<ExecutionId>,
    seen: IfMatch,
) -> Result<Versioned<View>, Problem> {
    take(&shell, id, seen, Step::Complete).await
}

/// Gives the work up: any active status → `FAILED`. The customer gets the money back.
#[utoipa::path(post, path = "/executions/{id}/fail", tag = "steps", request_body = Fail,
    params(("id" = Uuid, Path, description = "The execution's id"), SeenVersion),
    responses((status = 200, description = "As it is now", body = View), Problem))]
async fn fail(
    State(shell): State<Shell>,
    _: By<Workshop>,
    Path(id): Path<ExecutionId>,
    seen: IfMatch,
    Json(body): Json<Fail>,
) -> Result<Versioned<View>, Problem> {
    take(&shell, id, seen, Step::Fail { reason: body.reason }).await
}
