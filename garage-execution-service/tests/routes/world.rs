//! The service at work in this process: a database of its own, a clock that stands still until it is turned,
//! and one stand-in for the other services, which tells what they would tell and writes down what it hears.

use std::{
    any::Any,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Method, Request, header},
};
use chrono::TimeDelta;
use garage_events::{
    Cents, CustomerId, Envelope, Event, EventId, PaymentId, PaymentMethod, QuoteId, Service, WorkOrderId,
    WorkOrderStatus,
    event::{PaymentApproved, QuoteApproved, WorkOrderCancelled, WorkOrderStatusChanged},
    topology,
};
use garage_execution_service::{connect, open};
use garage_kit::{
    Failure,
    auth::{Grant, Verifier, sign},
    bus::{
        Binding, Bus, Consumer, Definitions, Delivery, Retries, Topology, Verdict,
        local::{DEAD_LETTERS, LocalBus},
    },
    clock::Clock,
    store::{Message, Order, Query, Store},
    testing::postgres_database,
};
use garage_saga::{Parts, Running, topology_of};
use secrecy::SecretString;
use serde_json::Value;
use tempfile::TempDir;
use tower::ServiceExt;
use uuid::Uuid;

/// Makes two tests of every sentence: one on SQLite, one on PostgreSQL.
macro_rules! on_each_store {
    ($($sentence:ident)*) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $sentence() {
                super::$sentence($crate::world::World::on_sqlite().await).await;
            })*
        }

        mod postgres {
            $(#[tokio::test]
            async fn $sentence() {
                super::$sentence($crate::world::World::on_postgres().await).await;
            })*
        }
    };
}
pub(crate) use on_each_store;

pub(crate) struct World {
    pub(crate) clock: Clock,
    router: Router,
    running: Running,
    store: Arc<dyn Store>,
    others: Arc<dyn Bus>,
    told: Arc<Told>,
    /// The folder or the database, which lives as long as this value.
    _place: Box<dyn Any>,
}

/// Who calls.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Who {
    Attendant,
    Technician,
    Manager,
    /// A customer with the link to this order.
    Customer(Uuid),
    Nobody,
}

pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Reply {
    pub(crate) fn header(&self, name: header::HeaderName) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The names of the fields that are not valid.
    pub(crate) fn fields(&self) -> Vec<&str> {
        let errors = self.body["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
        errors.iter().map(|error| error["field"].as_str().unwrap()).collect()
    }

    /// What each item of a list has under this name.
    pub(crate) fn each(&self, name: &str) -> Vec<&str> {
        self.body.as_array().unwrap().iter().map(|item| item[name].as_str().unwrap()).collect()
    }
}

/// Everything that the service under test has told.
#[derive(Default)]
struct Told(Mutex<Vec<Value>>);

#[async_trait]
impl Consumer for Told {
    async fn consume(&self, batch: &[Delivery]) -> Result<Vec<Verdict>, Failure> {
        let mut told = self.0.lock().unwrap();
        let events = batch.iter().filter_map(|delivery| serde_json::from_slice::<Value>(&delivery.body).ok());
        for event in events.filter(|event| event["source"] == "execution-service") {
            if told.iter().all(|known| known["eventId"] != event["eventId"]) {
                told.push(event);
            }
        }
        Ok(vec![Verdict::Done; batch.len()])
    }
}

fn secret() -> SecretString {
    "a secret that only this test knows".to_owned().into()
}

/// A stand-in that hears every event there is.
fn others() -> Topology {
    let (source, destination) = (topology::EXCHANGE.to_owned(), "everything".to_owned());
    let binding = Binding { source, destination: destination.clone(), routing_key: "#".to_owned() };
    Topology {
        service: "the-others".to_owned(),
        exchange: topology::EXCHANGE.to_owned(),
        dead_letter_exchange: topology::DEAD_LETTER_EXCHANGE.to_owned(),
        consumes: vec![destination],
        gathers: Vec::new(),
        definitions: Definitions { exchanges: vec![], queues: vec![], bindings: vec![binding] },
        retries: Retries::default(),
    }
}

impl World {
    pub(crate) async fn on_sqlite() -> Self {
        let folder = TempDir::new().unwrap();
        let url = format!("sqlite:{}", folder.path().join("execution.db").display());
        Self::on(&url, Box::new(folder)).await
    }

    pub(crate) async fn on_postgres() -> Self {
        let database = postgres_database("execution").await;
        Self::on(&database.url(), Box::new(database)).await
    }

    async fn on(url: &str, place: Box<dyn Any>) -> Self {
        let clock = Clock::manual("2026-02-08T10:00:00Z".parse().unwrap());
        let store = connect(url).await.unwrap();
        let (hub, told) = (LocalBus::with_clock(clock.clone()), Arc::new(Told::default()));
        let others = hub.member(others(), store.clone());
        others.subscribe(told.clone());
        let bus = hub.member(topology_of(Service::Execution).unwrap(), store.clone());
        let verifier = Verifier::new(clock.clone()).secret(&secret()).unwrap();
        let (router, running) = open(Parts { store: store.clone(), bus, clock: clock.clone(), verifier });
        Self { clock, router, running, store, others, told, _place: place }
    }

    pub(crate) fn turn(&self, minutes: i64) {
        self.clock.advance(TimeDelta::minutes(minutes));
    }

    fn token(&self, who: Who) -> Option<String> {
        let hours = TimeDelta::hours(8);
        let grant = match who {
            Who::Attendant => Grant::new("ana", &["attendant"], hours),
            Who::Technician => Grant::new("tito", &["technician"], hours),
            Who::Manager => Grant::new("mara", &["manager"], hours),
            Who::Customer(order) => Grant::link(&format!("work-order:{order}"), hours),
            Who::Nobody => return None,
        };
        Some(sign(&secret(), &grant, &self.clock).unwrap())
    }

    /// A request without a body, to be added to.
    pub(crate) fn request(&self, who: Who, method: Method, path: &str) -> axum::http::request::Builder {
        let request = Request::builder().method(method).uri(path);
        match self.token(who) {
            Some(token) => request.header(header::AUTHORIZATION, format!("Bearer {token}")),
            None => request,
        }
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Reply {
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() };
        Reply { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    pub(crate) async fn json(&self, who: Who, method: Method, path: &str, body: impl ToString) -> Reply {
        let request = self.request(who, method, path).header(header::CONTENT_TYPE, "application/json");
        self.send(request.body(body.to_string().into()).unwrap()).await
    }

    /// As a manager.
    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send(self.request(Who::Manager, Method::GET, path).body(Body::empty()).unwrap()).await
    }

    /// As a technician, who sends no body for null.
    pub(crate) async fn step(&self, execution: &str, step: &str, body: Value) -> Reply {
        let path = format!("/executions/{execution}/{step}");
        if !body.is_null() {
            return self.json(Who::Technician, Method::POST, &path, body).await;
        }
        let request = self.request(Who::Technician, Method::POST, &path).header(header::CONTENT_LENGTH, 0);
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// A message as the stand-in sends it.
    pub(crate) fn message(&self, topic: &str, body: impl ToString) -> Message {
        Message {
            id: self.clock.event_id(),
            kind: "others".to_owned(),
            aggregate: Uuid::nil(),
            topic: topic.to_owned(),
            correlation: Uuid::nil(),
            causation: None,
            trace: None,
            source: "the-others".to_owned(),
            version: 1,
            at: self.clock.now(),
            mandatory: true,
            body: body.to_string(),
        }
    }

    /// Carries messages to the service and waits until it has dealt with them.
    pub(crate) async fn carry(&self, messages: &[Message]) {
        let published = self.others.publish(messages).await;
        assert_eq!(published.confirmed.len(), messages.len(), "{:?}", published.failure);
    }

    /// An event as its publisher would tell it, with its id.
    pub(crate) fn event(&self, event: impl Into<Event>) -> (Uuid, Message) {
        let (event, event_id) = (event.into(), EventId(self.clock.event_id()));
        let (topic, source) = (event.event_type(), event.publisher());
        let (timestamp, version, causation_id) = (self.clock.now(), 1, None);
        let envelope = Envelope { event_id, timestamp, source, version, causation_id, event };
        (event_id.0, self.message(topic, envelope.to_json().unwrap()))
    }

    /// Tells an event as its publisher would; its id.
    pub(crate) async fn tell(&self, event: impl Into<Event>) -> Uuid {
        let (id, message) = self.event(event);
        self.carry(&[message]).await;
        id
    }

    /// The id of a new order, newer than all before.
    pub(crate) fn order(&self) -> Uuid {
        self.clock.advance(TimeDelta::milliseconds(1));
        self.clock.id()
    }

    /// An execution of a new order that has been paid.
    pub(crate) async fn paid(&self) -> Value {
        let order = self.order();
        self.tell(quote_approved(order)).await;
        self.tell(payment_approved(order)).await;
        self.of(order).await
    }

    /// An order's execution.
    pub(crate) async fn of(&self, order: Uuid) -> Value {
        let reply = self.get(&format!("/executions/work-order/{order}")).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        reply.body
    }

    /// The messages that were set aside, the last one last: their queues and why.
    pub(crate) async fn dead_letters(&self) -> Vec<(String, String)> {
        let query = Query { order: Order::By("at"), limit: 99, ..Query::default() };
        let found = self.store.find(&DEAD_LETTERS, &query).await.unwrap();
        let letters = found.iter().map(|record| serde_json::from_str::<Value>(&record.body).unwrap());
        let text = |letter: &Value, name: &str| letter["state"][name].as_str().unwrap().to_owned();
        letters.map(|letter| (text(&letter, "queue"), text(&letter, "reason"))).collect()
    }

    /// Stops the service; everything that it ever told.
    pub(crate) async fn told(self) -> Vec<Value> {
        self.running.stop().await;
        std::mem::take(&mut *self.told.0.lock().unwrap())
    }
}

pub(crate) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap()
}

/// The types of events, in their order.
pub(crate) fn types(told: &[Value]) -> Vec<&str> {
    told.iter().map(|event| text(event, "eventType")).collect()
}

pub(crate) fn quote_approved(order: Uuid) -> QuoteApproved {
    QuoteApproved {
        work_order_id: WorkOrderId(order),
        quote_id: QuoteId(Uuid::from_u128(1)),
        customer_id: CustomerId(Uuid::from_u128(2)),
        total_amount: Cents::default(),
        valid_until: "2026-02-18T10:00:00Z".parse().unwrap(),
    }
}

pub(crate) fn payment_approved(order: Uuid) -> PaymentApproved {
    PaymentApproved {
        work_order_id: WorkOrderId(order),
        payment_id: PaymentId(Uuid::from_u128(3)),
        quote_id: QuoteId(Uuid::from_u128(1)),
        amount: Cents::default(),
        payment_method: PaymentMethod::Pix,
    }
}

pub(crate) fn cancelled(order: Uuid) -> WorkOrderCancelled {
    WorkOrderCancelled { work_order_id: WorkOrderId(order), reason: "CUSTOMER_REQUEST".to_owned() }
}

pub(crate) fn status_changed(
    order: Uuid,
    new_status: WorkOrderStatus,
    revision: u32,
) -> WorkOrderStatusChanged {
    let previous_status = WorkOrderStatus::Pending;
    WorkOrderStatusChanged {
        work_order_id: WorkOrderId(order),
        previous_status,
        new_status,
        revision,
        customer_erased: false,
    }
}
