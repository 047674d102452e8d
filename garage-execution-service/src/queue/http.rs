//! The queue's routes. Nobody takes a job here: that is the step `start-diagnosis`.

use axum::extract::State;
use garage_kit::{
    Aggregate,
    auth::By,
    http::{Json, Listing, Page, PageParams, Problem},
    store::{Order, Position, Query},
};
use garage_saga::{Shell, roles::Staff};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Count, Statistics};
use crate::execution::{Job, http::View};

/// Jobs that are read at once to be counted.
const BATCH: u32 = 500;
/// Batches that are read at most: no workshop has 20,000 cars in it, and a mistake must not fill the memory.
const BATCHES: usize = 40;

/// All routes of this file.
pub(crate) fn routes() -> OpenApiRouter<Shell> {
    OpenApiRouter::new().routes(routes!(queue)).routes(routes!(executions_queue)).routes(routes!(statistics))
}

/// The jobs that wait.
///
/// Paid and not begun: the most urgent first, among equals the one that has waited longest.
#[utoipa::path(get, path = "/queue", tag = "queue", params(PageParams),
    responses((status = 200, description = "A page of them, in the order in which they are to be taken", body = [View]), Problem))]
async fn queue(
    State(shell): State<Shell>,
    _: By<Staff>,
    page: Page,
) -> Result<Listing<Option<View>>, Problem> {
    let query = page.query(Order::By("queue"), Vec::new());
    let waiting = shell.repository.find::<Job>(&query).await?;
    Ok(page.answer(&query, waiting, |job| View::of(job.state, &shell)))
}

/// The jobs that wait, under their other address.
#[utoipa::path(get, path = "/executions/queue", tag = "queue", params(PageParams),
    responses((status = 200, description = "As `GET /queue`", body = [View]), Problem))]
async fn executions_queue(
    shell: State<Shell>,
    caller: By<Staff>,
    page: Page,
) -> Result<Listing<Option<View>>, Problem> {
    queue(shell, caller, page).await
}

/// How the workshop stands.
///
/// Counts the jobs that are paid and have not ended, and how long they waited for a technician.
#[utoipa::path(get, path = "/queue/statistics", tag = "queue",
    responses((status = 200, description = "The counts", body = Statistics), Problem))]
async fn statistics(State(shell): State<Shell>, _: By<Staff>) -> Result<Json<Statistics>, Problem> {
    let (now, mut count) = (shell.clock.now(), Count::default());
    let mut query = Query { filters: vec![("active", "true".to_owned())], limit: BATCH, ..Query::default() };
    for _ in 0..BATCHES {
        let jobs = shell.repository.find::<Job>(&query).await?;
        jobs.iter()
            .filter_map(|job| job.state.execution.as_ref())
            .for_each(|execution| count.add(execution, now));
        let Some(last) = jobs.last() else { break };
        query.after = Some(Position { value: String::new(), id: last.state.id() });
    }
    Ok(Json(count.statistics()))
}
