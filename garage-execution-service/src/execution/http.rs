//! The executions' routes but for the steps: lists, one execution by its own or its order's id, who does it
//! and how urgent it is. An execution is found by its own id, but what is decided on is the job of its work
//! order.

use axum::{extract::State, response::IntoResponse};
use chrono::{DateTime, Utc};
use garage_events::{ExecutionId, ExecutionStatus, Priority, Refusal, Transition, WorkOrderId};
use garage_kit::{
    Aggregate, Loaded,
    auth::{By, ByOrLink, Group},
    http::{
        Answer, Created, Fields, FromFields, IfMatch, Json, Listing, Page, PageParams, Path, Problem, Query,
        Versioned, in_full, read,
    },
    store::Order,
};
use garage_saga::{
    Shell,
    roles::{Manager, Staff, Workshop, link_to},
    waiting::{Nudged, WAITING, overdue, retell},
};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::Job;

mod step;
mod view;

pub(crate) use view::View;
use view::{Progress, Seen};

/// A technician is known by the subject of their token, in so many characters.
const TECHNICIAN: std::ops::RangeInclusive<usize> = 1..=200;

/// All routes of this file and of the steps.
pub(crate) fn routes() -> OpenApiRouter<Shell> {
    OpenApiRouter::new()
        .routes(routes!(list, enqueue))
        .routes(routes!(one, change))
        .routes(routes!(of_work_order))
        .routes(routes!(nudge))
        .merge(step::routes())
}

/// What a list is narrowed to.
struct Wanted {
    status: Option<ExecutionStatus>,
    technician_id: Option<String>,
    stuck: Option<bool>,
}

impl FromFields for Wanted {
    fn from_fields(fields: &mut Fields<'_>) -> Answer<Self> {
        let status = fields.optional("status", read::parse);
        let technician_id = fields.optional("technicianId", read::text(TECHNICIAN));
        let stuck = fields.optional("stuck", read::parse);
        Ok(Self { status: status?, technician_id: technician_id?, stuck: stuck? })
    }
}

impl Wanted {
    /// Jobs with a status or a technician are listed ones. What is stuck may have no execution and is looked for all
    /// the same.
    fn filters(self) -> Vec<(&'static str, String)> {
        let status = self.status.map(|status| ("status", status.to_string()));
        let technician = self.technician_id.map(|technician| ("technician_id", technician));
        let narrowed: Vec<_> = status.into_iter().chain(technician).collect();
        let listed = narrowed.is_empty() && self.stuck != Some(true);
        if listed { vec![("listed", "true".to_owned())] } else { narrowed }
    }
}

/// Puts a paid order into the queue by hand.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct NewExecution {
    work_order_id: WorkOrderId,
    /// `NORMAL` unless told otherwise.
    priority: Option<Priority>,
    /// Who should do it.
    #[schema(min_length = 1, max_length = 200)]
    technician_id: Option<String>,
}

impl FromFields for NewExecution {
    fn from_fields(fields: &mut Fields<'_>) -> Answer<Self> {
        let work_order_id = fields.required("workOrderId", read::value);
        let priority = fields.optional("priority", read::value);
        let technician_id = fields.optional("technicianId", read::text(TECHNICIAN));
        Ok(Self { work_order_id: work_order_id?, priority: priority?, technician_id: technician_id? })
    }
}

/// Who does it and how urgent it is; what is left out stays.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct ExecutionPatch {
    /// For managers.
    priority: Option<Priority>,
    /// `null` for nobody yet.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200)]
    technician_id: Option<Option<String>>,
}

impl FromFields for ExecutionPatch {
    fn from_fields(fields: &mut Fields<'_>) -> Answer<Self> {
        let priority = fields.optional("priority", read::value);
        let technician_id = fields.patch("technicianId", read::text(TECHNICIAN));
        if fields.has("status") {
            return Err(fields.refuse(
                "status",
                "is changed by the steps alone, such as POST /executions/{id}/start-diagnosis",
            ));
        }
        Ok(Self { priority: priority?, technician_id: technician_id? })
    }
}

/// What [`IfMatch`] reads, for a route's document.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
struct SeenVersion {
    /// The ETag that the caller has seen; another version is a 412.
    #[param(rename = "If-Match", example = "\"3\"")]
    #[expect(dead_code, reason = "only documents what IfMatch reads")]
    version: Option<String>,
}

/// The executions, those of the newest orders first.
#[utoipa::path(get, path = "/executions", tag = "executions",
    params(
        PageParams,
        ("status" = Option<ExecutionStatus>, Query, description = "Only those that stand here"),
        ("technicianId" = Option<String>, Query, description = "Only this technician's"),
        ("stuck" = Option<bool>, Query, description = "`true` for those that wait beyond their deadline: by what they wait for, the longest overdue first. Without `status` and `technicianId` also orders that have no execution but should have one, as `withoutExecution` says"),
    ),
    responses((status = 200, description = "A page of them", body = [View]), Problem))]
async fn list(
    State(shell): State<Shell>,
    _: By<Staff>,
    page: Page,
    Query(wanted): Query<Wanted>,
) -> Result<Listing<Option<View>>, Problem> {
    if wanted.stuck == Some(true) {
        let query = page.query(Order::By(WAITING.name), wanted.filters());
        let jobs = overdue::<Job>(&shell, &query).await?;
        return Ok(page.answer(&query, jobs, |job| View::of(job.state, &shell)));
    }
    let query = page.query(Order::Newest, wanted.filters());
    let jobs = shell.repository.find::<Job>(&query).await?;
    Ok(page.answer(&query, jobs, |job| View::of(job.state, &shell)))
}

/// Queues a paid order by hand.
///
/// For a manager, when the order's owner says that it is paid but the payment's own event has not come: such orders are
/// among `GET /executions?stuck=true`. An order that is not known to be paid, or whose work is queued
/// already, has begun or has ended, is a 409.
#[utoipa::path(post, path = "/executions", tag = "executions", request_body = NewExecution,
    responses((status = 201, description = "Queued", body = View), Problem))]
async fn enqueue(
    State(shell): State<Shell>,
    _: By<Manager>,
    Json(new): Json<NewExecution>,
) -> Result<Created<Versioned<View>>, Problem> {
    let (order, id) = (new.work_order_id, ExecutionId(shell.clock.id()));
    let queued = shell.decide::<Job>(order.0, None, |job, at| {
        let job = job.unwrap_or(Job::unknown(order));
        job.wishing(id, new.priority, new.technician_id.clone(), at).enqueue_by_hand(id, at)
    });
    let queued = view(&shell, queued.await?)?;
    Ok(Created(format!("/executions/{}", queued.1.id), queued))
}

/// One execution.
///
/// An order that waits without one is found by its own id, as it is listed. What is stuck is sent in full also to who has
/// its version already, as it becomes so without a new one.
#[utoipa::path(get, path = "/executions/{id}", tag = "executions",
    params(("id" = Uuid, Path, description = "The execution's id")),
    responses((status = 200, description = "It; its version is the ETag", body = View), Problem))]
async fn one(
    State(shell): State<Shell>,
    _: By<Staff>,
    Path(id): Path<ExecutionId>,
) -> Result<impl IntoResponse, Problem> {
    let Versioned(version, whole) = view(&shell, job(&shell, id).await?)?;
    Ok((in_full(whole.is_stuck()), Versioned(version, whole)))
}

/// Changes who does it and how urgent it is.
///
/// Until the work has ended. The priority is a manager's to change. The deadline of the present step stays.
#[utoipa::path(patch, path = "/executions/{id}", tag = "executions", request_body = ExecutionPatch,
    params(
        ("id" = Uuid, Path, description = "The execution's id"),
        SeenVersion,
    ),
    responses((status = 200, description = "As it is now", body = View), Problem))]
async fn change(
    State(shell): State<Shell>,
    caller: By<Workshop>,
    Path(id): Path<ExecutionId>,
    seen: IfMatch,
    Json(patch): Json<ExecutionPatch>,
) -> Result<Versioned<View>, Problem> {
    if patch.priority.is_some() {
        caller.require(Manager::ROLES)?;
    }
    decide(&shell, id, seen, |job, at| job.assign(patch.priority, patch.technician_id.clone(), at)).await
}

/// Tells the others again what this execution's facts imply.
///
/// For a manager, when somebody seems not to have heard how the work ended. It changes nothing here, and nothing
/// where it was heard.
#[utoipa::path(post, path = "/executions/{id}/nudge", tag = "executions",
    params(("id" = Uuid, Path, description = "The execution's id")),
    responses((status = 200, description = "What was told again", body = Nudged), Problem))]
async fn nudge(
    State(shell): State<Shell>,
    _: By<Manager>,
    Path(id): Path<ExecutionId>,
) -> Result<Json<Nudged>, Problem> {
    let order = job(&shell, id).await?.state.id();
    retell::<Job>(&shell, order, "execution", |_| true).await.map(Json)
}

/// A work order's execution.
///
/// A customer's link for this order sees how far it is, and no more. What is stuck is sent in full, as by its own id.
#[utoipa::path(get, path = "/executions/work-order/{workOrderId}", tag = "executions",
    params(("workOrderId" = Uuid, Path, description = "The order's id")),
    responses((status = 200, description = "It; its version is the ETag", body = Seen), Problem))]
async fn of_work_order(
    State(shell): State<Shell>,
    caller: ByOrLink<Staff>,
    Path(order): Path<WorkOrderId>,
) -> Result<impl IntoResponse, Problem> {
    caller.require_or_scope(Staff::ROLES, &link_to(order))?;
    let job = shell.repository.load::<Job>(order.0).await?;
    let job = job.filter(|job| job.state.execution.is_some()).ok_or_else(missing)?;
    let Versioned(version, whole) = view(&shell, job)?;
    let in_full = in_full(whole.is_stuck());
    let seen = match caller.scope() {
        Some(_) => Seen::ByCustomer(Progress::of(&whole)),
        None => Seen::ByStaff(Box::new(whole)),
    };
    Ok((in_full, Versioned(version, seen)))
}

/// The job whose execution has this id, or which waits without one and is seen under its order's id.
async fn job(shell: &Shell, id: ExecutionId) -> Result<Loaded<Job>, Problem> {
    if let Some(found) = shell.repository.by::<Job>("execution_id", id.to_string()).await? {
        return Ok(found);
    }
    let waits_without = |job: &Job| job.execution.is_none() && job.waiting().is_some();
    let found = shell.repository.load::<Job>(id.0).await?;
    found.filter(|job| waits_without(&job.state)).ok_or_else(missing)
}

/// Decides on the job whose execution has this id. An execution never leaves its job, so what was found by
/// the id is still it when the job is read to be written.
async fn decide(
    shell: &Shell,
    id: ExecutionId,
    IfMatch(seen): IfMatch,
    mut decision: impl FnMut(Job, DateTime<Utc>) -> Result<Transition<Job>, Refusal> + Send,
) -> Result<Versioned<View>, Problem> {
    let order = shell.repository.owner::<Job>("execution_id", &id.to_string()).await?.ok_or_else(missing)?;
    let decided =
        shell.decide(order, seen, |job, at| decision(job.ok_or(Refusal::Unknown("execution"))?, at));
    view(shell, decided.await?)
}

fn view(shell: &Shell, job: Loaded<Job>) -> Result<Versioned<View>, Problem> {
    View::of(job.state, shell).map(|view| Versioned(job.version, view)).ok_or_else(missing)
}

fn missing() -> Problem {
    Problem::not_found("execution")
}
