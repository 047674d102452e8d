//! What a manager may ask: which letters, and what shall become of them. A wish that names nothing must say that it
//! means all, so that a slip of the pen does not.

use garage_events::WorkOrderId;
use garage_kit::{
    bus::letters::Filter,
    http::{Answer, Fields, FromFields, read},
};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Letters that one request may settle.
const MOST: usize = 1000;
const USUAL: usize = 200;

/// Which letters a list is of.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(super) struct Sought {
    /// A queue of this service.
    queue: Option<String>,
    /// A part of the reason; case does not matter.
    reason: Option<String>,
    #[param(value_type = Option<Uuid>)]
    work_order_id: Option<WorkOrderId>,
}

impl FromFields for Sought {
    fn from_fields(fields: &mut Fields<'_>) -> Answer<Self> {
        let queue = fields.optional("queue", read::text(1..=200));
        let reason = fields.optional("reason", read::text(1..=200));
        let work_order_id = fields.optional("workOrderId", read::value);
        Ok(Self { queue: queue?, reason: reason?, work_order_id: work_order_id? })
    }
}

impl Sought {
    pub(super) fn filter(self) -> Filter {
        let Self { queue, reason, work_order_id } = self;
        Filter { ids: None, queue: queue.map(work_queue), reason, correlation: work_order_id.map(|id| id.0) }
    }
}

/// Whoever reads a broker's list of queues may name the one where the letters lie.
fn work_queue(queue: String) -> String {
    queue.strip_suffix(".dlq").map(str::to_owned).unwrap_or(queue)
}

/// Which lines of the audit a list is of.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(super) struct AuditSought {
    /// The queue of the letters.
    queue: Option<String>,
    #[param(value_type = Option<Uuid>)]
    work_order_id: Option<WorkOrderId>,
}

impl FromFields for AuditSought {
    fn from_fields(fields: &mut Fields<'_>) -> Answer<Self> {
        let queue = fields.optional("queue", read::text(1..=200));
        let work_order_id = fields.optional("workOrderId", read::value);
        Ok(Self { queue: queue?, work_order_id: work_order_id? })
    }
}

impl AuditSought {
    pub(super) fn filters(self) -> Vec<(&'static str, String)> {
        let queue = self.queue.map(|queue| ("queue", work_queue(queue)));
        let correlation = self.work_order_id.map(|id| ("correlation", id.to_string()));
        queue.into_iter().chain(correlation).collect()
    }
}

/// What shall become of which dead letters. Name some (`ids`, `queue`, `reasonContains`, `workOrderId`: what is given
/// must all hold) or say `"all": true`.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "documents what Wish reads")]
pub(super) struct NewWish {
    #[schema(min_items = 1, max_items = 1000)]
    ids: Option<Vec<Uuid>>,
    queue: Option<String>,
    #[schema(min_length = 1, max_length = 200)]
    reason_contains: Option<String>,
    #[schema(value_type = Option<Uuid>)]
    work_order_id: Option<WorkOrderId>,
    all: Option<bool>,
    /// Only say how many would be meant.
    dry_run: Option<bool>,
    /// Letters per second; as fast as it goes unless given.
    #[schema(minimum = 1, maximum = 1000)]
    rate: Option<u32>,
    /// For the audit. Required, but for a dry run.
    #[schema(min_length = 3, max_length = 500)]
    why: Option<String>,
    /// At most so many, the oldest first; 200 unless given, 1000 with ids.
    #[schema(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
}

/// A wish that says what it means.
#[derive(Debug)]
pub(super) struct Wish {
    pub(super) filter: Filter,
    pub(super) limit: usize,
    pub(super) rate: Option<u32>,
    /// None for a dry run.
    pub(super) why: Option<String>,
}

impl FromFields for Wish {
    fn from_fields(fields: &mut Fields<'_>) -> Answer<Self> {
        let (filter, dry_run, why) = (filter(fields), fields.optional("dryRun", read::boolean), why(fields));
        let rate = fields.optional("rate", read::whole(1..=1000_u32));
        let limit = fields.optional("limit", read::whole(1..=MOST));
        let (filter, dry_run, why) = (filter?, dry_run?.unwrap_or_default(), why?);
        if !dry_run && why.is_none() {
            return Err(fields.refuse("why", "is required: the audit keeps it"));
        }
        // Copies of a letter have its id, so there may be more letters than ids.
        let usual = if filter.ids.is_some() { MOST } else { USUAL };
        Ok(Self { filter, limit: limit?.unwrap_or(usual), rate: rate?, why: why.filter(|_| !dry_run) })
    }
}

fn why(fields: &mut Fields<'_>) -> Answer<Option<String>> {
    fields.optional("why", read::text(3..=500))
}

fn filter(fields: &mut Fields<'_>) -> Answer<Filter> {
    let ids = fields.optional("ids", read::list(1..=MOST, read::value));
    let queue = fields.optional("queue", read::text(1..=200));
    let reason = fields.optional("reasonContains", read::text(1..=200));
    let correlation = fields.optional("workOrderId", read::value::<WorkOrderId>);
    let all = fields.optional("all", read::boolean);
    let (ids, queue, reason, correlation, all) = (ids?, queue?, reason?, correlation?, all?);
    let names_some = ids.is_some() || queue.is_some() || reason.is_some() || correlation.is_some();
    match (names_some, all.unwrap_or_default()) {
        (false, false) => Err(fields.refuse(
            "all",
            "must be true to mean every dead letter; otherwise give ids, queue, reasonContains or workOrderId",
        )),
        (true, true) => Err(fields.refuse("all", "must be left out where letters are named")),
        (true, false) | (false, true) => Ok(Filter {
            ids,
            queue: queue.map(work_queue),
            reason,
            correlation: correlation.map(|id| id.0),
        }),
    }
}
