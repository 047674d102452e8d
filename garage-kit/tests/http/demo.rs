//! A little service of notes, written as the real ones are, over a real SQLite file: what the sentences of
//! this folder are said about.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::State,
    http::{HeaderMap, Method, Request, StatusCode, header},
    response::IntoResponse,
};
use chrono::{DateTime, TimeDelta, Utc};
use garage_kit::{
    Aggregate, Decision, Failure, Loaded, Repository,
    auth::{Caller, Grant, Verifier, sign},
    bus::{
        Bus, Consumer, Published,
        letters::{Ended, Fate, Filter, Found, Letter, LetterBox, Opened, Place},
    },
    clock::Clock,
    http::{
        Answer, Command, Created, Fields, FromFields, IDEMPOTENCY_KEYS, IfMatch, Json, Listing, Page,
        PageParams, Path, Peer, Problem, Query, RateLimit, RawBody, Shell, Versioned, events, read,
    },
    outbox::Outbox,
    store::{
        Field, Kind, Message, Order,
        sql::{Migrations, SqlStore},
    },
};
use prometheus_client::registry::Registry;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

static NOTES: Kind = Kind { name: "notes", fields: &[Field::plain("text")] };
static KINDS: [&Kind; 2] = [&NOTES, &IDEMPOTENCY_KEYS];

#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(transparent)]
struct NoteId(Uuid);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Note {
    id: Uuid,
    text: String,
    priority: Option<u8>,
}

impl Aggregate for Note {
    const KIND: &'static Kind = &NOTES;

    fn id(&self) -> Uuid {
        self.id
    }

    fn index(&self) -> Map<String, Value> {
        Map::from_iter([("text".to_owned(), json!(self.text))])
    }
}

/// What a client sends for a note.
#[derive(Debug, ToSchema)]
struct NewNote {
    #[schema(min_length = 1, max_length = 20)]
    text: String,
    #[schema(minimum = 1, maximum = 9)]
    priority: Option<u8>,
    #[expect(dead_code, reason = "is only read")]
    lines: Vec<Line>,
    #[expect(dead_code, reason = "is only read")]
    owner: Option<Uuid>,
    #[expect(dead_code, reason = "is only read")]
    due: Option<DateTime<Utc>>,
    #[expect(dead_code, reason = "is only read")]
    extra: Option<Map<String, Value>>,
}

#[derive(Debug, ToSchema)]
struct Line {
    #[expect(dead_code, reason = "is only read")]
    words: String,
    #[expect(dead_code, reason = "is only read")]
    count: u32,
}

impl FromFields for NewNote {
    fn from_fields(fields: &mut Fields<'_>) -> Answer<Self> {
        let text = fields.required("text", read::text(1..=20));
        let priority = fields.optional("priority", read::whole(1..=9));
        let lines = fields.optional("lines", read::list(1..=3, read::object));
        let owner = fields.optional("owner", read::value);
        let due = fields.optional("due", read::time);
        let extra = fields.optional("extra", read::free(100));
        Ok(Self {
            text: text?,
            priority: priority?,
            lines: lines?.unwrap_or_default(),
            owner: owner?,
            due: due?,
            extra: extra?,
        })
    }
}

impl FromFields for Line {
    fn from_fields(fields: &mut Fields<'_>) -> Answer<Self> {
        let words = fields.required("words", read::text(1..=10));
        let count = fields.required("count", read::whole(1..=99));
        Ok(Self { words: words?, count: count? })
    }
}

/// Two parameters of a query, one of which depends on the other.
#[derive(Debug, IntoParams)]
struct Span {
    from: Option<u32>,
    to: Option<u32>,
}

impl FromFields for Span {
    fn from_fields(fields: &mut Fields<'_>) -> Answer<Self> {
        let number = |text: &str| text.parse().map_err(|_| "must be a number");
        let (from, to) =
            (fields.optional("from", read::parsed(number)), fields.optional("to", read::parsed(number)));
        let span = Self { from: from?, to: to? };
        if span.from > span.to {
            return Err(fields.refuse("to", "must not be less than from"));
        }
        Ok(span)
    }
}

#[derive(Clone)]
struct App {
    repository: Repository,
    clock: Clock,
    limit: RateLimit,
    told: broadcast::Sender<Arc<Message>>,
    shutdown: CancellationToken,
}

/// Writes a note.
#[utoipa::path(post, path = "/notes", params(Command<NewNote>), request_body = NewNote,
    responses((status = 201, description = "Written", body = Note), Problem))]
async fn write(
    State(app): State<App>,
    caller: Caller,
    command: Command<NewNote>,
) -> Result<Created<Versioned<Note>>, Problem> {
    caller.require(&["attendant", "manager"])?;
    let id = command.claim(&app.repository, &app.clock, caller.subject()).await?;
    let NewNote { text, priority, .. } = command.body;
    let note = Note { id, text, priority };
    let written = app.repository.change(id, |known: Option<&Loaded<Note>>| {
        let note = known.map_or_else(|| note.clone(), |known| known.state.clone());
        Ok::<_, Problem>(Decision { next: Some(note), messages: vec![] })
    });
    let written = written.await?.ok_or_else(Problem::internal)?;
    Ok(Created(format!("/notes/{id}"), Versioned(written.version, written.state)))
}

/// The notes, by their text.
#[utoipa::path(get, path = "/notes", params(PageParams),
    responses((status = 200, description = "A page of them", body = [Note]), Problem))]
async fn list(State(app): State<App>, _: Caller, page: Page) -> Result<Listing<Note>, Problem> {
    let query = page.query(Order::By("text"), vec![]);
    let found = app.repository.find::<Note>(&query).await?;
    Ok(page.answer(&query, found, |note| note.state))
}

/// One note.
#[utoipa::path(get, path = "/notes/{id}", responses((status = 200, description = "It", body = Note), Problem))]
async fn one(
    State(app): State<App>,
    _: Caller,
    Path(NoteId(id)): Path<NoteId>,
) -> Result<Versioned<Note>, Problem> {
    let note = app.repository.load::<Note>(id).await?.ok_or_else(|| Problem::not_found("note"))?;
    Ok(Versioned(note.version, note.state))
}

/// One note with something in it that its version does not tell.
async fn moving(state: State<App>, caller: Caller, path: Path<NoteId>) -> Result<impl IntoResponse, Problem> {
    Ok(([(header::CACHE_CONTROL, "no-store")], one(state, caller, path).await?))
}

/// Changes a note.
#[utoipa::path(put, path = "/notes/{id}", params(IfMatch), request_body = NewNote,
    responses((status = 200, description = "Changed", body = Note), Problem))]
async fn change(
    State(app): State<App>,
    _: Caller,
    Path(id): Path<Uuid>,
    seen: IfMatch,
    Json(body): Json<NewNote>,
) -> Result<Versioned<Note>, Problem> {
    let written = app.repository.change(id, |known: Option<&Loaded<Note>>| {
        let known = known.ok_or_else(|| Problem::not_found("note"))?;
        seen.check(known.version)?;
        let next = Note { id, text: body.text.clone(), priority: body.priority };
        Ok::<_, Problem>(Decision { next: Some(next), messages: vec![] })
    });
    let written = written.await?.ok_or_else(Problem::internal)?;
    Ok(Versioned(written.version, written.state))
}

async fn fail(Path(how): Path<String>) -> Result<StatusCode, Problem> {
    match how.as_str() {
        "passing" => Err(Failure::passing("asking", "postgres://hunter2@db is away").into()),
        "lasting" => Err(Failure::lasting("reading", "a secret column").into()),
        "panic" => panic!("a mistake"),
        "never" => std::future::pending().await,
        _ => Err(Problem::conflict("not in this state").coded("wrong_state")),
    }
}

/// A span.
#[utoipa::path(get, path = "/span", params(Span), responses((status = 200, description = "It", body = Value), Problem))]
async fn span(Query(span): Query<Span>) -> Json<Value> {
    Json(json!([span.from, span.to]))
}

async fn limited(State(app): State<App>, peer: Peer) -> Result<StatusCode, Problem> {
    app.limit.check(peer)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn echo(RawBody(body): RawBody) -> Vec<u8> {
    body
}

async fn watch(State(app): State<App>) -> impl IntoResponse {
    let shown = |message: &Message| (message.topic != "note.hidden").then(|| message.body.clone());
    events(app.told.subscribe(), shown, app.shutdown)
}

/// A bus that nobody else is on: the notes tell nothing.
struct Nowhere;

#[async_trait]
impl Bus for Nowhere {
    async fn publish(&self, _: &[Message]) -> Published {
        Published::default()
    }

    fn subscribe(&self, _: Arc<dyn Consumer>) {}

    fn ready(&self) -> Result<(), Failure> {
        Ok(())
    }

    async fn wait_until_ready(&self) {
        std::future::pending().await
    }

    async fn drain(&self) {}

    async fn close(&self) {}
}

#[async_trait]
impl LetterBox for Nowhere {
    async fn resting(&self) -> Result<BTreeMap<String, u64>, Failure> {
        Ok(BTreeMap::new())
    }

    async fn letters(&self, _: &Filter, _: Option<&Place>, _: usize) -> Result<Found, Failure> {
        Ok(Found::default())
    }

    async fn letter(&self, _: Uuid) -> Result<Option<Opened>, Failure> {
        Ok(None)
    }

    async fn settle(&self, _: &[Letter], _: Fate) -> Result<Vec<Ended>, Failure> {
        Ok(Vec::new())
    }
}

/// The service with its file, its clock and its callers.
pub(crate) struct World {
    pub(crate) router: Router,
    pub(crate) clock: Clock,
    pub(crate) told: broadcast::Sender<Arc<Message>>,
    pub(crate) shutdown: CancellationToken,
    pub(crate) database: Arc<std::sync::atomic::AtomicBool>,
    _folder: TempDir,
}

pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The failing fields with what would be right.
    pub(crate) fn fields(&self) -> Vec<(String, String)> {
        let text = |error: &Value, name: &str| error[name].as_str().unwrap().to_owned();
        let errors = self.json()["errors"].as_array().cloned().unwrap_or_default();
        errors.iter().map(|error| (text(error, "field"), text(error, "detail"))).collect()
    }
}

fn api() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(write, list))
        .routes(routes!(one, change))
        .route("/notes/{id}/moving", axum::routing::get(moving))
        .route("/fail/{how}", axum::routing::get(fail))
        .routes(routes!(span))
        .route("/limited", axum::routing::get(limited))
        .route("/echo", axum::routing::post(echo))
        .route("/watch", axum::routing::get(watch))
}

async fn repository(folder: &TempDir, clock: &Clock) -> Repository {
    let url = format!("sqlite:{}", folder.path().join("notes.db").display());
    let migrations = Migrations {
        postgres: sqlx::migrate!("tests/http/migrations"),
        sqlite: sqlx::migrate!("tests/http/migrations"),
    };
    let store = SqlStore::connect(&url, migrations, &KINDS).await.unwrap();
    Repository::new(Outbox::start(Arc::new(store), Arc::new(Nowhere), clock.clone()))
}

pub(crate) fn secret() -> SecretString {
    "a secret that only this test knows".to_owned().into()
}

impl World {
    pub(crate) async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let clock = Clock::manual("2026-02-08T10:00:00Z".parse().unwrap());
        let (told, shutdown) = (broadcast::channel(2).0, CancellationToken::new());
        let app = App {
            repository: repository(&folder, &clock).await,
            clock: clock.clone(),
            limit: RateLimit::new(3, Duration::from_secs(60), clock.clone()),
            told: told.clone(),
            shutdown: shutdown.clone(),
        };
        let verifier = Verifier::new(clock.clone()).secret(&secret()).unwrap();
        let database = Arc::new(std::sync::atomic::AtomicBool::new(true));
        let answers = database.clone();
        let router =
            Shell::new("notes-service", clock.clone(), verifier)
                .check("database", move || {
                    let answers = answers.load(std::sync::atomic::Ordering::SeqCst);
                    async move {
                        answers.then_some(()).ok_or_else(|| Failure::passing("asking", "hunter2 is away"))
                    }
                })
                .metrics(Registry::default())
                .wrap(api().with_state(app));
        Self { router, clock, told, shutdown, database, _folder: folder }
    }

    pub(crate) fn token(&self, subject: &str, role: &str) -> String {
        sign(&secret(), &Grant::new(subject, &[role], TimeDelta::hours(8)), &self.clock).unwrap()
    }

    /// A request by the manager, to be added to.
    pub(crate) fn request(&self, method: Method, path: &str) -> axum::http::request::Builder {
        let bearer = format!("Bearer {}", self.token("ana", "manager"));
        Request::builder().method(method).uri(path).header(header::AUTHORIZATION, bearer)
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Reply {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let text = String::from_utf8(to_bytes(body, usize::MAX).await.unwrap().to_vec()).unwrap();
        Reply { status: parts.status, headers: parts.headers, text }
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send(self.request(Method::GET, path).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn post(&self, path: &str, body: impl Into<Body>) -> Reply {
        self.send(self.json(Method::POST, path).body(body.into()).unwrap()).await
    }

    pub(crate) fn json(&self, method: Method, path: &str) -> axum::http::request::Builder {
        self.request(method, path).header(header::CONTENT_TYPE, "application/json")
    }
}
