//! A Billing Service over a store of its own, with a clock that stands still, the sandbox for a gateway, and
//! two neighbours who write down what they hear. One sentence, one world.

use std::{any::Any, collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Method, Request, StatusCode, header},
};
use chrono::TimeDelta;
use garage_billing_service::{
    Settings, Till,
    cashier::Cashier,
    connect,
    gateway::{
        Gateway,
        sandbox::{
            Sandbox,
            faults::Faults,
            ledger::{Movement, Verdict},
        },
    },
    open_till,
    quote::Terms,
    webhook::sign as sign_webhook,
};
use garage_events::{
    CustomerId, Envelope, Event, EventId, ExecutionId, Service, VehicleId, WorkOrderId, WorkOrderStatus,
    event::{ExecutionFailed, Payer, WorkOrderCancelled, WorkOrderCreated, WorkOrderStatusChanged, reason},
};
use garage_kit::{
    Failure,
    auth::{Grant, Verifier, sign},
    bus::{Bus, Consumer, Delivery, Verdict as Taken, local::LocalBus},
    clock::Clock,
    program::{Env, install_crypto},
    store::{Message, Store},
    testing::{mongo_database, postgres_database},
};
use garage_saga::{Parts, Running, Shell, topology_of};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::{sync::watch, time::timeout};
use tower::ServiceExt;
use uuid::Uuid;

/// Waiting for longer than this is waiting for ever.
const PATIENCE: Duration = Duration::from_secs(20);

/// With which the provider signs what it tells.
pub(crate) const WEBHOOK_SECRET: &str = "the secret of the provider's dashboard";

/// Says each sentence over every store that the service may stand on.
macro_rules! on_every_store {
    ($($sentence:ident)+) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $sentence() {
                super::$sentence(crate::world::World::sqlite().await).await;
            })+
        }
        mod mongodb {
            $(#[tokio::test]
            async fn $sentence() {
                super::$sentence(crate::world::World::mongodb().await).await;
            })+
        }
        mod postgres {
            $(#[tokio::test]
            async fn $sentence() {
                super::$sentence(crate::world::World::postgres().await).await;
            })+
        }
    };
}

/// The place where the store is, until the world ends.
type Place = Box<dyn Any + Send>;

/// The service, its callers and its neighbours.
pub(crate) struct World {
    pub(crate) clock: Clock,
    pub(crate) cashier: Cashier,
    pub(crate) sandbox: Sandbox,
    pub(crate) store: Arc<dyn Store>,
    hub: Arc<LocalBus>,
    router: Router,
    running: Running,
    os: Arc<dyn Bus>,
    told: watch::Receiver<Heard>,
    _place: Place,
}

/// A work order that Billing has heard of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Order {
    pub(crate) id: Uuid,
    pub(crate) customer: Uuid,
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The body of an answer with this status.
    #[track_caller]
    pub(crate) fn expect(&self, status: StatusCode) -> &Value {
        assert_eq!(self.status, status, "{}", self.body);
        &self.body
    }

    /// The failing fields of a 400.
    #[track_caller]
    pub(crate) fn fields(&self) -> Vec<&str> {
        self.expect(StatusCode::BAD_REQUEST);
        let errors = self.body["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
        errors.iter().map(|error| error["field"].as_str().unwrap()).collect()
    }
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

fn secret() -> SecretString {
    "a secret that only this test knows".to_owned().into()
}

impl World {
    pub(crate) async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("billing.db").display());
        Self::over(connect(&url).await.unwrap(), Box::new(folder)).await
    }

    pub(crate) async fn mongodb() -> Self {
        install_crypto();
        let database = mongo_database("billing");
        Self::over(connect(&database.uri()).await.unwrap(), Box::new(database)).await
    }

    pub(crate) async fn postgres() -> Self {
        install_crypto();
        let database = postgres_database("billing").await;
        Self::over(connect(&database.url()).await.unwrap(), Box::new(database)).await
    }

    /// A shop that takes these methods alone, in the words of `PAYMENT_METHODS`.
    pub(crate) async fn taking(methods: &str) -> Self {
        let env = Env::fixed(&[("PAYMENT_GATEWAY", "sandbox"), ("PAYMENT_METHODS", methods)]);
        let till = Settings::from_env(&env, false).unwrap().till;
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("billing.db").display());
        let store = connect(&url).await.unwrap();
        Self::with_till(store, Box::new(folder), till, |sandbox| Arc::new(sandbox)).await
    }

    async fn over(store: Arc<dyn Store>, place: Place) -> Self {
        Self::with_gateway(store, place, |sandbox| Arc::new(sandbox)).await
    }

    /// A world in which something stands between the service and the sandbox.
    pub(crate) async fn between(wrap: impl FnOnce(Sandbox) -> Arc<dyn Gateway>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("billing.db").display());
        Self::with_gateway(connect(&url).await.unwrap(), Box::new(folder), wrap).await
    }

    async fn with_gateway(
        store: Arc<dyn Store>,
        place: Place,
        wrap: impl FnOnce(Sandbox) -> Arc<dyn Gateway>,
    ) -> Self {
        Self::with_till(store, place, Till::default(), wrap).await
    }

    async fn with_till(
        store: Arc<dyn Store>,
        place: Place,
        till: Till,
        wrap: impl FnOnce(Sandbox) -> Arc<dyn Gateway>,
    ) -> Self {
        let clock = Clock::manual("2026-02-08T10:00:00Z".parse().unwrap());
        let (neighbours, told) = watch::channel(Heard::default());
        let hub = LocalBus::with_clock(clock.clone());
        let neighbours = Arc::new(Neighbours(neighbours));
        let os = hub.member(topology_of(Service::Os).unwrap(), store.clone());
        os.subscribe(neighbours.clone());
        hub.member(topology_of(Service::Execution).unwrap(), store.clone()).subscribe(neighbours);
        let (router, running, cashier, sandbox) = service(&clock, &hub, &store, till, wrap);
        Self { clock, cashier, sandbox, store, hub, router, running, os, told, _place: place }
    }

    /// The same world after the service has stopped and started again.
    pub(crate) async fn restarted(self) -> Self {
        self.running.stop().await;
        let (router, running, cashier, sandbox) =
            service(&self.clock, &self.hub, &self.store, Till::default(), |sandbox| Arc::new(sandbox));
        Self { router, running, cashier, sandbox, ..self }
    }

    pub(crate) fn faults(&self) -> &Faults {
        self.sandbox.faults()
    }

    /// A token for this role; a role of the form `work-order:<id>` is a customer's link.
    pub(crate) fn token(&self, role: &str) -> String {
        let hours = TimeDelta::hours(24 * 365);
        let grant = match role.starts_with("work-order:") {
            true => Grant::link(role, hours),
            false => Grant::new(&format!("an {role}"), &[role], hours),
        };
        sign(&secret(), &grant, &self.clock).unwrap()
    }

    pub(crate) fn request(
        &self,
        role: &str,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Request<Body> {
        let bearer = format!("Bearer {}", self.token(role));
        let request = Request::builder().method(method).uri(path).header(header::AUTHORIZATION, bearer);
        match body {
            Some(body) => request
                .header(header::CONTENT_TYPE, "application/json")
                .body(body.to_string().into())
                .unwrap(),
            None => request.header(header::CONTENT_LENGTH, 0).body(Body::empty()).unwrap(),
        }
    }

    /// What the provider tells of a payment, signed with this secret.
    pub(crate) fn webhook(&self, secret: &str, payment: &str) -> Request<Body> {
        let request_id = self.clock.event_id().to_string();
        let signature = sign_webhook(secret.as_bytes(), payment, &request_id, self.clock.now());
        Request::builder()
            .method(Method::POST)
            .uri(format!("/webhooks/mercado-pago?data.id={payment}&type=payment"))
            .header("x-signature", signature)
            .header("x-request-id", request_id)
            .header(header::CONTENT_TYPE, "application/json")
            .body(
                json!({ "type": "payment", "action": "payment.updated", "data": { "id": payment } })
                    .to_string()
                    .into(),
            )
            .unwrap()
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Reply {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Reply { status: parts.status, headers: parts.headers, body }
    }

    pub(crate) async fn ask(&self, role: &str, method: Method, path: &str, body: Option<Value>) -> Reply {
        self.send(self.request(role, method, path, body)).await
    }

    /// Reads, as an attendant.
    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.ask("attendant", Method::GET, path, None).await
    }

    /// Commands, as a manager.
    pub(crate) async fn put(&self, path: &str, body: Value) -> Reply {
        self.ask("manager", Method::PUT, path, Some(body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Reply {
        self.ask("manager", Method::PATCH, path, Some(body)).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Reply {
        self.ask("manager", Method::POST, path, Some(body)).await
    }

    /// Lets Billing hear an event; returns once its reaction is stored.
    pub(crate) async fn hear(&self, event: impl Into<Event>) {
        let event = event.into();
        let message = self.message(event);
        let published = self.os.publish(&[message]).await;
        assert_eq!(published.confirmed.len(), 1, "{published:?}");
    }

    fn message(&self, event: Event) -> Message {
        let (topic, order, source) = (event.event_type(), event.work_order_id().0, event.publisher());
        let at = self.clock.now();
        let id = EventId(self.clock.event_id());
        let envelope =
            Envelope { event_id: id, timestamp: at, source, version: 1, causation_id: None, event };
        Message {
            id: id.0,
            kind: "work_orders".to_owned(),
            aggregate: order,
            topic: topic.to_owned(),
            correlation: order,
            causation: None,
            trace: None,
            source: source.to_string(),
            version: 1,
            at,
            mandatory: true,
            body: envelope.to_json().unwrap(),
        }
    }

    /// An order of a payer with this name, which asks for nothing in particular.
    pub(crate) async fn order(&self, payer: &str) -> Order {
        self.order_with(payer, |_| {}).await
    }

    pub(crate) async fn order_with(&self, payer: &str, wish: impl FnOnce(&mut WorkOrderCreated)) -> Order {
        let order = Order { id: self.clock.id(), customer: self.clock.id() };
        let mut created = self.created(order, payer);
        wish(&mut created);
        self.hear(created).await;
        order
    }

    pub(crate) fn created(&self, order: Order, payer: &str) -> WorkOrderCreated {
        WorkOrderCreated {
            work_order_id: WorkOrderId(order.id),
            customer_id: CustomerId(order.customer),
            vehicle_id: VehicleId(self.clock.id()),
            status: WorkOrderStatus::Pending,
            description: "it rattles".to_owned(),
            estimated_cost: None,
            services: Vec::new(),
            parts: Vec::new(),
            customer: Some(Payer { name: payer.to_owned(), email: None, document: None }),
        }
    }

    /// An order's quote.
    pub(crate) async fn quote(&self, order: Order) -> Value {
        self.get(&format!("/quotes/work-order/{}", order.id)).await.expect(StatusCode::OK).clone()
    }

    /// The desk's or the customer's word on an order's quote.
    pub(crate) async fn say(&self, order: Order, word: &str) -> Reply {
        let quote = self.quote(order).await;
        self.ask("attendant", Method::PUT, &format!("/quotes/{}/{word}", text(&quote["id"])), None).await
    }

    /// An order with an approved quote.
    pub(crate) async fn approved(&self, payer: &str) -> Order {
        let order = self.order(payer).await;
        self.say(order, "approve").await.expect(StatusCode::OK);
        order
    }

    /// The wish to pay an order's quote by PIX.
    pub(crate) async fn tender(&self, order: Order) -> Value {
        let quote = self.quote(order).await;
        json!({ "quoteId": quote["id"], "workOrderId": order.id, "customerId": order.customer,
            "amount": quote["totalAmount"], "paymentMethod": "PIX" })
    }

    pub(crate) async fn pay(&self, order: Order) -> Reply {
        let tender = self.tender(order).await;
        self.ask("attendant", Method::POST, "/payments", Some(tender)).await
    }

    /// An order that has been paid.
    pub(crate) async fn paid(&self) -> Order {
        let order = self.approved("Ana Souza").await;
        self.pay(order).await.expect(StatusCode::OK);
        order
    }

    /// Every attempt to pay for an order.
    pub(crate) async fn payments(&self, order: Order) -> Vec<Value> {
        let reply = self.get(&format!("/payments/work-order/{}", order.id)).await;
        reply.expect(StatusCode::OK).as_array().unwrap().clone()
    }

    /// Where each attempt to pay for an order stands.
    pub(crate) async fn standing(&self, order: Order) -> Vec<String> {
        self.payments(order).await.iter().map(|payment| text(&payment["status"]).to_owned()).collect()
    }

    /// What the payer or the reviewer does at the gateway with an order's last attempt.
    pub(crate) async fn payer_does(&self, order: Order, verdict: Verdict) {
        let number = self.payments(order).await.pop().unwrap()["mercadoPagoPaymentId"].clone();
        self.sandbox.decide(text(&number), verdict).await.unwrap();
    }

    /// Money that moved at the gateway: `+` what came, `-` what went back.
    pub(crate) async fn money(&self) -> Vec<String> {
        let sign = |moved: &Movement| if moved.is_refund { "-" } else { "+" };
        let moved = self.sandbox.movements().await.unwrap();
        moved.iter().map(|moved| format!("{}{}", sign(moved), moved.amount)).collect()
    }

    /// Waits until the neighbours have heard an event of this type; its data.
    pub(crate) async fn told(&self, event_type: &str) -> Value {
        self.told_times(event_type, 1).await.remove(0)
    }

    /// Waits until the neighbours have heard so many events of this type; their data.
    pub(crate) async fn told_times(&self, event_type: &str, times: usize) -> Vec<Value> {
        let mut told = self.told.clone();
        let of_type = |heard: &Heard| {
            let events = heard.all().filter(|event| event["eventType"] == event_type);
            events.map(|event| event["data"].clone()).collect::<Vec<_>>()
        };
        let heard = timeout(PATIENCE, told.wait_for(|heard| of_type(heard).len() >= times)).await;
        let Ok(Ok(heard)) = heard else { panic!("nobody told of {event_type} {times} times") };
        of_type(&heard)
    }

    /// The service's routes, to be served on a port.
    pub(crate) fn router(&self) -> Router {
        self.router.clone()
    }

    /// Stops the service; the types of all that it ever told, in order.
    pub(crate) async fn end(self) -> Vec<String> {
        self.running.stop().await;
        let heard = self.told.borrow();
        heard.all().map(|event| text(&event["eventType"]).to_owned()).collect()
    }

    /// The shop calls an order off.
    pub(crate) async fn call_off(&self, order: Order) {
        let reason = reason::CUSTOMER_REQUEST.to_owned();
        self.hear(WorkOrderCancelled { work_order_id: WorkOrderId(order.id), reason }).await;
    }

    /// The order is finished, and its owner says so.
    pub(crate) async fn complete(&self, order: Order) {
        self.hear(WorkOrderStatusChanged {
            work_order_id: WorkOrderId(order.id),
            previous_status: WorkOrderStatus::InProgress,
            new_status: WorkOrderStatus::Completed,
            revision: 5,
            customer_erased: false,
        })
        .await;
    }

    /// The workshop gives an order up.
    pub(crate) async fn give_up(&self, order: Order) {
        self.hear(self.given_up(order)).await;
    }

    pub(crate) fn given_up(&self, order: Order) -> ExecutionFailed {
        ExecutionFailed {
            work_order_id: WorkOrderId(order.id),
            execution_id: ExecutionId(self.clock.id()),
            reason: "the frame is bent".to_owned(),
        }
    }

    /// The cashier does all that it can do.
    pub(crate) async fn settle(&self) {
        self.cashier.settle_all().await.unwrap();
    }
}

/// The service over this store.
fn service(
    clock: &Clock,
    hub: &LocalBus,
    store: &Arc<dyn Store>,
    till: Till,
    wrap: impl FnOnce(Sandbox) -> Arc<dyn Gateway>,
) -> (Router, Running, Cashier, Sandbox) {
    let parts = Parts {
        store: store.clone(),
        bus: hub.member(topology_of(Service::Billing).unwrap(), store.clone()),
        clock: clock.clone(),
        verifier: Verifier::new(clock.clone()).secret(&secret()).unwrap(),
    };
    let terms = Terms { validity: TimeDelta::days(10), diagnosis_fee: "150".parse().unwrap() };
    let mut sandbox = None;
    let till = Till { webhook_secret: Some(WEBHOOK_SECRET.to_owned().into()), ..till };
    let (router, running, cashier) = open_till(parts, terms, till, |shell: &Shell| {
        let book = Sandbox::new(shell.repository.clone(), shell.clock.clone());
        sandbox = Some(book.clone());
        wrap(book)
    });
    (router, running, cashier, sandbox.unwrap())
}

/// What the neighbours heard of Billing, each event once, in order.
#[derive(Debug, Default)]
struct Heard {
    order: Vec<String>,
    events: BTreeMap<String, Value>,
}

impl Heard {
    fn all(&self) -> impl Iterator<Item = &Value> {
        self.order.iter().map(|id| &self.events[id])
    }

    fn note(&mut self, event: Value) {
        if event["source"] != "billing-service" {
            return;
        }
        let id = text(&event["eventId"]).to_owned();
        if self.events.insert(id.clone(), event).is_none() {
            self.order.push(id);
        }
    }
}

struct Neighbours(watch::Sender<Heard>);

#[async_trait]
impl Consumer for Neighbours {
    async fn consume(&self, batch: &[Delivery]) -> Result<Vec<Taken>, Failure> {
        self.0.send_modify(|heard| {
            for delivery in batch {
                heard.note(serde_json::from_slice(&delivery.body).unwrap());
            }
        });
        Ok(vec![Taken::Done; batch.len()])
    }
}
