//! A shop for one test.

use std::sync::Arc;

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Method, Request, StatusCode, header, request::Builder},
};
use chrono::TimeDelta;
use garage_events::{Envelope, Event, EventId, Service};
use garage_kit::{
    auth::{Grant, Verifier, sign},
    bus::{
        Bus,
        local::{DEAD_LETTERS, LocalBus},
    },
    clock::Clock,
    store::{Message, Query, Record, Store},
    testing::{PostgresDatabase, bus::Listener, postgres_database},
};
use garage_saga::{Parts, Running, topology_of};
use secrecy::SecretString;
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;
use uuid::Uuid;

/// A service with its database, its neighbours on the bus and its callers.
pub(crate) struct Shop {
    pub(crate) router: Router,
    pub(crate) clock: Clock,
    /// What Billing has heard.
    pub(crate) billing: Arc<Listener>,
    neighbour: Arc<dyn Bus>,
    pub(crate) store: Arc<dyn Store>,
    _running: Running,
    database: Database,
}

/// Where the data live; gone with the test.
enum Database {
    Sqlite(TempDir),
    Postgres(Box<PostgresDatabase>),
}

impl Database {
    fn url(&self) -> String {
        match self {
            Self::Sqlite(folder) => format!("sqlite:{}", folder.path().join("os.sqlite").display()),
            Self::Postgres(database) => database.url(),
        }
    }
}

fn secret() -> SecretString {
    "a secret that only these tests know".to_owned().into()
}

impl Shop {
    pub(crate) async fn new() -> Self {
        Self::over(Database::Sqlite(TempDir::new().unwrap())).await
    }

    pub(crate) async fn on_postgres() -> Self {
        Self::over(Database::Postgres(Box::new(postgres_database("garage_os").await))).await
    }

    async fn over(database: Database) -> Self {
        let clock = Clock::manual("2026-02-08T10:00:00Z".parse().unwrap());
        let store = garage_os_service::connect(&database.url()).await.unwrap();
        let hub = LocalBus::with_clock(clock.clone());
        let member = |service| hub.member(topology_of(service).unwrap(), store.clone());
        let (billing, workshop) = (Listener::willing(), Listener::willing());
        let neighbour = member(Service::Billing);
        neighbour.subscribe(billing.clone());
        member(Service::Execution).subscribe(workshop);
        let verifier = Verifier::new(clock.clone()).secret(&secret()).unwrap();
        let parts = Parts { store: store.clone(), bus: member(Service::Os), clock: clock.clone(), verifier };
        let (router, running) = garage_os_service::open(parts);
        Self { router, clock, billing, neighbour, store, _running: running, database }
    }

    /// Turns the clock, so that what is made next is newer.
    pub(crate) fn later(&self) {
        self.clock.advance(TimeDelta::seconds(1));
    }
}

/// What is in the database.
impl Shop {
    /// Every row of every table, as text.
    pub(crate) async fn rows(&self) -> Vec<String> {
        match &self.database {
            Database::Sqlite(_) => self.rows_of_sqlite().await,
            Database::Postgres(_) => self.rows_of_postgres().await,
        }
    }

    async fn rows_of_sqlite(&self) -> Vec<String> {
        let pool = sqlx::SqlitePool::connect(&self.database.url()).await.unwrap();
        let tables =
            "SELECT 'SELECT ' || group_concat('quote(' || c.name || ')', ' || ') || ' FROM ' || t.name
            FROM sqlite_schema t, pragma_table_xinfo(t.name) c WHERE t.type = 'table' GROUP BY t.name";
        let mut rows = Vec::new();
        for table in sqlx::query_scalar::<_, String>(tables).fetch_all(&pool).await.unwrap() {
            let table = sqlx::query_scalar::<_, String>(sqlx::AssertSqlSafe(table));
            rows.extend(table.fetch_all(&pool).await.unwrap());
        }
        rows
    }

    async fn rows_of_postgres(&self) -> Vec<String> {
        let pool = sqlx::PgPool::connect(&self.database.url()).await.unwrap();
        let tables = "SELECT format('SELECT t::text FROM %I t', tablename) FROM pg_tables WHERE schemaname = current_schema()";
        let mut rows = Vec::new();
        for table in sqlx::query_scalar::<_, String>(tables).fetch_all(&pool).await.unwrap() {
            let table = sqlx::query_scalar::<_, String>(sqlx::AssertSqlSafe(table));
            rows.extend(table.fetch_all(&pool).await.unwrap());
        }
        rows
    }

    /// Waits until everything that was told has left.
    pub(crate) async fn all_has_left(&self) {
        let ever = self.clock.now() + TimeDelta::days(1);
        while !self.store.unsent(ever, 1).await.unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
    }
}

/// Tokens and requests.
impl Shop {
    pub(crate) fn token(&self, role: &str) -> String {
        self.signed(&Grant::new("ana", &[role], TimeDelta::hours(8)))
    }

    /// A customer's link to one order.
    pub(crate) fn link(&self, order: &str) -> String {
        self.signed(&Grant::link(&format!("work-order:{order}"), TimeDelta::days(10)))
    }

    fn signed(&self, grant: &Grant) -> String {
        sign(&secret(), grant, &self.clock).unwrap()
    }

    /// A request of the manager's, to be added to.
    pub(crate) fn request(&self, method: Method, path: &str) -> Builder {
        by(&self.token("manager"), method, path)
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

    /// A command without a body.
    pub(crate) async fn send_empty(&self, path: &str) -> Reply {
        self.send(self.request(Method::POST, path).body(Body::empty()).unwrap()).await
    }

    /// Deletes, or calls off.
    pub(crate) async fn delete(&self, path: &str) -> Reply {
        self.send(self.request(Method::DELETE, path).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Reply {
        self.write(self.request(Method::POST, path), body).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Reply {
        self.write(self.request(Method::PUT, path), body).await
    }

    pub(crate) async fn patch(&self, path: &str, body: &Value) -> Reply {
        self.write(self.request(Method::PATCH, path), body).await
    }

    /// Sends JSON.
    pub(crate) async fn write(&self, request: Builder, body: &Value) -> Reply {
        let request = request.header(header::CONTENT_TYPE, "application/json");
        self.send(request.body(body.to_string().into()).unwrap()).await
    }
}

/// A request with a token.
pub(crate) fn by(token: &str, method: Method, path: &str) -> Builder {
    Request::builder().method(method).uri(path).header(header::AUTHORIZATION, format!("Bearer {token}"))
}

/// What is in the shop.
impl Shop {
    /// A person with the n-th document.
    pub(crate) async fn customer(&self, n: u32) -> Value {
        let body = json!({"name": format!("Ana {n}"), "personType": "INDIVIDUAL", "document": cpf(n),
            "email": "ana@example.com", "phone": "11987654321"});
        self.post("/customers", &body).await.made()
    }

    /// The customer's car with the n-th plate.
    pub(crate) async fn vehicle(&self, customer: &Value, n: u32) -> Value {
        self.post("/vehicles", &vehicle(customer, n)).await.made()
    }

    /// An order for a car.
    pub(crate) async fn order_for(&self, customer: &Value, vehicle: &Value) -> Value {
        let body = json!({"customerId": customer["id"], "vehicleId": vehicle["id"], "description": "Oil change and tire rotation"});
        self.post("/work-orders", &body).await.made()
    }

    /// An order, with a customer and a car of its own.
    pub(crate) async fn order(&self) -> Value {
        let customer = self.customer(1).await;
        let vehicle = self.vehicle(&customer, 1).await;
        self.order_for(&customer, &vehicle).await
    }

    /// The order as it is now.
    pub(crate) async fn read(&self, order: &Value) -> Value {
        self.get(&path(order)).await.ok()
    }

    pub(crate) async fn history(&self, order: &Value) -> Vec<Value> {
        self.get(&format!("{}/history", path(order))).await.list()
    }
}

/// A request for the customer's car with the n-th plate.
pub(crate) fn vehicle(customer: &Value, n: u32) -> Value {
    json!({"plate": format!("ABC1K{n:02}"), "brand": "Toyota", "model": "Corolla", "year": 2024, "customerId": customer["id"]})
}

/// Where an order is.
pub(crate) fn path(order: &Value) -> String {
    format!("/work-orders/{}", order["id"].as_str().unwrap())
}

/// The n-th CPF.
pub(crate) fn cpf(n: u32) -> String {
    let mut digits: Vec<u32> = format!("{n:09}").chars().map(|c| c.to_digit(10).unwrap()).collect();
    for first_weight in [10, 11] {
        let sum: u32 =
            digits.iter().zip((2..=first_weight).rev()).map(|(digit, weight)| digit * weight).sum();
        digits.push(if sum % 11 < 2 { 0 } else { 11 - sum % 11 });
    }
    digits.iter().map(u32::to_string).collect()
}

/// What the neighbours say and hear.
impl Shop {
    /// Says an event, once the service has committed what follows from it.
    pub(crate) async fn tell(&self, event: impl Into<Event>) -> EventId {
        let envelope = self.envelope(event.into());
        self.publish(&message(&envelope)).await;
        envelope.event_id
    }

    pub(crate) fn envelope(&self, event: Event) -> Envelope {
        let (event_id, timestamp) = (EventId(self.clock.event_id()), self.clock.now());
        Envelope { event_id, timestamp, source: event.publisher(), version: 1, causation_id: None, event }
    }

    pub(crate) async fn publish(&self, message: &Message) {
        let published = self.neighbour.publish(std::slice::from_ref(message)).await;
        assert_eq!(published.confirmed, [message.id], "{published:?}");
    }

    /// The first events that this service has told, once there are so many.
    pub(crate) async fn told(&self, count: usize) -> Vec<Value> {
        let told = self.billing.took(count).await;
        told.iter().map(|delivery| serde_json::from_slice(&delivery.body).unwrap()).collect()
    }

    /// What the service has set aside.
    pub(crate) async fn dead_letters(&self) -> Vec<Value> {
        let all = Query { limit: 100, ..Query::default() };
        let found = self.store.find(&DEAD_LETTERS, &all).await.unwrap();
        let read = |record: &Record| serde_json::from_str::<Value>(&record.body).unwrap()["state"].take();
        found.iter().map(read).collect()
    }
}

/// An event on its way.
pub(crate) fn message(envelope: &Envelope) -> Message {
    Message {
        id: envelope.event_id.0,
        kind: "bills".to_owned(),
        aggregate: Uuid::nil(),
        topic: envelope.event.event_type().to_owned(),
        correlation: envelope.event.work_order_id().0,
        causation: None,
        trace: None,
        source: envelope.source.to_string(),
        version: 1,
        at: envelope.timestamp,
        mandatory: true,
        body: envelope.to_json().unwrap(),
    }
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|cause| panic!("{cause}: {self:?}"))
    }

    /// The body of a 200.
    pub(crate) fn ok(&self) -> Value {
        assert_eq!(self.status, StatusCode::OK, "{self:?}");
        self.json()
    }

    /// The body of a 201.
    pub(crate) fn made(&self) -> Value {
        assert_eq!(self.status, StatusCode::CREATED, "{self:?}");
        self.json()
    }

    /// The items of a 200.
    pub(crate) fn list(&self) -> Vec<Value> {
        self.ok().as_array().cloned().unwrap()
    }

    /// The status and the problem's stable word.
    pub(crate) fn problem(&self) -> (u16, String) {
        (self.status.as_u16(), self.json()["code"].as_str().unwrap_or_default().to_owned())
    }

    /// The failing fields of a 400.
    pub(crate) fn fields(&self) -> Vec<String> {
        assert_eq!(self.status, StatusCode::BAD_REQUEST, "{self:?}");
        let errors = self.json()["errors"].as_array().cloned().unwrap_or_default();
        errors.iter().map(|error| error["field"].as_str().unwrap().to_owned()).collect()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The address of the next page.
    pub(crate) fn next(&self) -> Option<String> {
        let (target, _) = self.header("link").strip_prefix('<')?.split_once('>')?;
        Some(target.to_owned())
    }
}
