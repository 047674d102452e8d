//! The HTTP edge, once for all services: what comes in is read field by field, what goes wrong is one shape
//! of problem, and every service stands in the same shell (health, metrics, documents, request ids, limits).
//! What a request means is the service's affair.
//!
//! ```
//! use axum::extract::State;
//! use garage_kit::{Aggregate, Decision, Loaded, Repository, auth::Caller, clock::Clock, http::*, store::Order};
//! # use garage_kit::store::Kind;
//! # use serde::{Deserialize, Serialize};
//! # use serde_json::{Map, Value};
//! # use uuid::Uuid;
//! # static NOTES: Kind = Kind { name: "notes", fields: &[] };
//! # #[derive(Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
//! # struct Note { id: Uuid, text: String }
//! # impl Aggregate for Note {
//! #     const KIND: &'static Kind = &NOTES;
//! #     fn id(&self) -> Uuid { self.id }
//! #     fn index(&self) -> Map<String, Value> { Map::new() }
//! # }
//! # #[derive(Clone)]
//! # struct App { repository: Repository, clock: Clock }
//!
//! #[derive(utoipa::ToSchema)]
//! struct NewNote {
//!     text: String,
//!     #[schema(minimum = 1, maximum = 9)]
//!     priority: Option<u8>,
//! }
//!
//! impl FromFields for NewNote {
//!     fn from_fields(fields: &mut Fields<'_>) -> Answer<Self> {
//!         let text = fields.required("text", read::text(1..=2000));
//!         let priority = fields.optional("priority", read::whole(1..=9));
//!         Ok(Self { text: text?, priority: priority? })
//!     }
//! }
//!
//! #[utoipa::path(post, path = "/notes", params(Command<NewNote>), request_body = NewNote, responses((status = 201, description = "Written", body = Note), Problem))]
//! async fn write(State(app): State<App>, caller: Caller, command: Command<NewNote>) -> Result<Created<Versioned<Note>>, Problem> {
//!     caller.require(&["attendant", "manager"])?;
//!     let id = command.claim(&app.repository, &app.clock, caller.subject()).await?;
//!     let note = Note { id, text: command.body.text.clone() };
//!     let written = app.repository.change(id, |known: Option<&Loaded<Note>>| {
//!         let note = known.map_or_else(|| note.clone(), |known| known.state.clone());
//!         Ok::<_, Problem>(Decision { next: Some(note), messages: vec![] })
//!     });
//!     let written = written.await?.ok_or_else(Problem::internal)?;
//!     Ok(Created(format!("/notes/{id}"), Versioned(written.version, written.state)))
//! }
//!
//! #[utoipa::path(get, path = "/notes", params(PageParams), responses((status = 200, description = "A page", body = [Note]), Problem))]
//! async fn list(State(app): State<App>, caller: Caller, page: Page) -> Result<Listing<Note>, Problem> {
//!     let query = page.query(Order::Newest, vec![]);
//!     let found = app.repository.find::<Note>(&query).await?;
//!     Ok(page.answer(&query, found, |note| note.state))
//! }
//! ```

mod conditional;
mod documents;
mod events;
mod health;
mod healthcheck;
mod idempotency;
mod json;
mod metrics;
mod page;
mod params;
mod peer;
mod problem;
mod rate_limit;
pub mod read;
mod serve;
mod shell;
mod tls;
mod unread;

pub use conditional::{IfMatch, Versioned, in_full};
pub use documents::documented;
pub use events::events;
pub use healthcheck::healthcheck;
pub use idempotency::{Claim, Command, IDEMPOTENCY_KEYS};
pub use json::{Created, Json, Optional, RawBody};
pub use page::{Listing, Page, PageParams};
pub use params::{Path, Query};
pub use peer::{Peer, Proxies};
pub use problem::{FieldError, Problem, ProblemBody};
pub use rate_limit::RateLimit;
pub use read::{Answer, Field, Fields, FromFields, Reported};
pub use serve::{serve, serve_with};
pub use shell::Shell;
pub use tls::Tls;
