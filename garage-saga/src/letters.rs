//! Dead letters over HTTP, for managers: what rests of a service's queues and why, replayed or discarded with an audit
//! line that says who wished it and why. The same routes on every service, each for its own queues. How letters are
//! found and moved is the bus's affair.

use std::sync::Arc;

use axum::extract::State;
use garage_events::topology;
use garage_kit::{
    Failure,
    auth::By,
    bus::{
        Bus,
        letters::{Fate, Filter, Letter, Place},
    },
    http::{FieldError, Json, Listing, Page, PageParams, Path, Problem, Query},
    store::{Order, Position},
};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

pub use self::audit::DEAD_LETTER_AUDITS;
use self::{
    audit::Audit,
    perform::perform,
    view::{AuditView, LetterView, OpenedView, Report},
    wish::{AuditSought, NewWish, Sought, Wish},
};
use crate::{Shell, roles::Manager};

mod audit;
mod perform;
mod view;
mod wish;

/// What the routes stand on.
#[derive(Clone)]
pub(crate) struct Letters {
    pub(crate) bus: Arc<dyn Bus>,
    pub(crate) shell: Shell,
}

/// The routes.
pub(crate) fn routes(letters: Letters) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(audits))
        .routes(routes!(show))
        .routes(routes!(replay))
        .routes(routes!(discard))
        .with_state(letters)
}

impl Letters {
    /// Queues of other services are asked about at those.
    fn check(&self, filter: &Filter) -> Result<(), Problem> {
        let own: Vec<&str> = topology::queues_of(self.shell.service).map(|queue| queue.name).collect();
        match &filter.queue {
            Some(queue) if !own.contains(&queue.as_str()) => {
                let detail = format!("must be a queue of this service: {}", own.join(", "));
                Err(Problem::invalid(vec![FieldError::new("queue", detail)]))
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// The dead letters, oldest first.
///
/// At most ten thousand of each queue are looked at: what lies behind them is seen once some of them are gone.
#[utoipa::path(get, path = "/dead-letters", tag = "dead letters", params(Sought, PageParams),
    responses((status = 200, description = "A page of them; the Link header leads to the next", body = [LetterView]), Problem))]
async fn list(
    State(letters): State<Letters>,
    _: By<Manager>,
    Query(sought): Query<Sought>,
    page: Page,
) -> Result<Listing<LetterView>, Problem> {
    let filter = sought.filter();
    letters.check(&filter)?;
    let after = page.after().map(place).transpose()?;
    let mut found = letters.bus.letters(&filter, after.as_ref(), page.limit() + 1).await?.letters;
    let more = found.len() > page.limit();
    found.truncate(page.limit());
    let next = found.last().filter(|_| more).map(position);
    Ok(page.listing(found.into_iter().map(LetterView::from).collect(), next.as_ref()))
}

fn position(letter: &Letter) -> Position {
    Position { value: letter.at.map(|at| at.to_rfc3339()).unwrap_or_default(), id: letter.id }
}

fn place(position: &Position) -> Result<Place, Problem> {
    let at = match position.value.as_str() {
        "" => None,
        text => Some(text.parse().map_err(|_| {
            Problem::invalid(vec![FieldError::new("cursor", "must be a cursor from a Link header")])
        })?),
    };
    Ok(Place { at, id: position.id })
}

/// What was done to dead letters, by whom and why; newest first.
#[utoipa::path(get, path = "/dead-letters/audit", tag = "dead letters", params(AuditSought, PageParams),
    responses((status = 200, description = "A page of them; the Link header leads to the next", body = [AuditView]), Problem))]
async fn audits(
    State(letters): State<Letters>,
    _: By<Manager>,
    Query(sought): Query<AuditSought>,
    page: Page,
) -> Result<Listing<AuditView>, Problem> {
    let query = page.query(Order::Newest, sought.filters());
    let found = letters.shell.repository.find::<Audit>(&query).await?;
    Ok(page.answer(&query, found, |read| read.state.into()))
}

/// One dead letter, with everything that was sent.
#[utoipa::path(get, path = "/dead-letters/{id}", tag = "dead letters",
    responses((status = 200, description = "The letter", body = OpenedView), Problem))]
async fn show(
    State(letters): State<Letters>,
    _: By<Manager>,
    Path(id): Path<Uuid>,
) -> Result<Json<OpenedView>, Problem> {
    let opened = letters.bus.letter(id).await?.ok_or_else(|| Problem::not_found("dead letter"))?;
    Ok(Json(opened.into()))
}

/// Gives dead letters to the consumer that could not take them, once more.
///
/// Always safe: an event that was heard already has no effect. A letter that still cannot be taken rests again. One
/// request does what it can within ten seconds; `left` names what it did not come to.
#[utoipa::path(post, path = "/dead-letters/replay", tag = "dead letters", request_body = NewWish,
    responses((status = 200, description = "What was done", body = Report), Problem))]
async fn replay(
    letters: State<Letters>,
    manager: By<Manager>,
    wish: Json<Wish>,
) -> Result<Json<Report>, Problem> {
    settle(letters, manager, wish, Fate::Replay).await
}

/// Throws dead letters away.
///
/// Their events will have no effect here, ever. The audit keeps which they were. One request does what it can within
/// ten seconds; `left` names what it did not come to.
#[utoipa::path(post, path = "/dead-letters/discard", tag = "dead letters", request_body = NewWish,
    responses((status = 200, description = "What was done", body = Report), Problem))]
async fn discard(
    letters: State<Letters>,
    manager: By<Manager>,
    wish: Json<Wish>,
) -> Result<Json<Report>, Problem> {
    settle(letters, manager, wish, Fate::Discard).await
}

/// In a task of its own: a caller who goes away must not leave an act without its outcome.
async fn settle(
    State(letters): State<Letters>,
    caller: By<Manager>,
    Json(wish): Json<Wish>,
    fate: Fate,
) -> Result<Json<Report>, Problem> {
    letters.check(&wish.filter)?;
    let who = caller.subject().to_owned();
    let performing = tokio::spawn(async move { perform(&letters, &who, fate, wish).await });
    let stopped = |_| Failure::passing("settling dead letters", "the program is stopping");
    Ok(Json(performing.await.map_err(stopped)??))
}
