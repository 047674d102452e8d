//! The workshop: what is repaired, in which order, by whom, and how it ends. The only door to this crate.

use std::sync::Arc;

use axum::Router;
use garage_events::{Deadlines, Service};
use garage_kit::{
    Failure,
    bus::local::{DEAD_LETTERS, PARKED},
    store::{
        Kind, Store,
        sql::{Migrations, SqlStore},
    },
};
use garage_saga::{DEAD_LETTER_AUDITS, Foundation, Parts, Running};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

pub mod execution;
pub mod queue;
mod saga;

/// The port that the service listens on unless told otherwise.
pub const DEFAULT_PORT: u16 = 3003;

/// What the service's store keeps.
pub static KINDS: [&Kind; 4] = [&execution::JOBS, &DEAD_LETTERS, &DEAD_LETTER_AUDITS, &PARKED];

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Garage: Execution Service",
        description = "The workshop: the queue of paid jobs and the technician's steps from diagnosis to the finished car.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    tags(
        (name = "executions", description = "The work on each car"),
        (name = "steps", description = "What a technician does next; a step out of order is a 409 that names the state"),
        (name = "queue", description = "Which car is next, and how the workshop stands"),
        (name = "events", description = "What this service tells the others"),
        (name = "dead letters", description = "Events that could not be taken, and how to get them back"),
        (name = "operation", description = "For those who run it"),
    ),
)]
struct Document;

/// Opens the service's database, `postgres://…` or `sqlite:path`, and brings its schema up to date.
///
/// # Errors
/// See [`SqlStore::connect`].
pub async fn connect(url: &str) -> Result<Arc<dyn Store>, Failure> {
    let (postgres, sqlite) = (sqlx::migrate!("migrations/postgres"), sqlx::migrate!("migrations/sqlite"));
    Ok(Arc::new(SqlStore::connect(url, Migrations { postgres, sqlite }, &KINDS).await?))
}

/// Opens the service: hears the other services' events, and answers on the routes.
pub fn open(parts: Parts) -> (Router, Running) {
    open_with(parts, Deadlines::default())
}

/// The same with the shop's own deadlines.
pub fn open_with(parts: Parts, deadlines: Deadlines) -> (Router, Running) {
    let mut foundation = Foundation::lay(Service::Execution, parts, deadlines);
    foundation.hear(Arc::new(saga::Workshop));
    foundation.watch::<execution::Job>();
    let api = OpenApiRouter::with_openapi(Document::openapi())
        .merge(execution::http::routes())
        .merge(queue::http::routes());
    let api = api.with_state(foundation.shell().clone());
    foundation.open(api)
}
