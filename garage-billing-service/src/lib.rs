//! Billing: what a repair costs, what the customer says to it, and the money. The only door to this crate.

use std::sync::Arc;

use axum::Router;
use garage_events::{Deadlines, Service};
use garage_kit::{
    Aggregate, Failure,
    bus::local::{DEAD_LETTERS, PARKED},
    http::IDEMPOTENCY_KEYS,
    store::{
        Kind, Store,
        mongo::MongoStore,
        sql::{Migrations, SqlStore},
    },
};
use garage_saga::{DEAD_LETTER_AUDITS, Foundation, Parts, Running, Shell};
use utoipa::{OpenApi, openapi::Paths};
use utoipa_axum::router::OpenApiRouter;

use crate::{
    cashier::Cashier,
    gateway::{
        Gateway,
        sandbox::{Sandbox, ledger::Entry},
        timed::Timed,
    },
    http::App,
    keeper::Keeper,
    quote::Terms,
    saga::Bookkeeper,
    webhook::http::Doorbell,
};

pub mod bill;
pub mod cashier;
mod catalogue;
pub mod gateway;
mod http;
pub mod keeper;
pub mod part;
pub mod payment;
pub mod quote;
mod saga;
pub mod service;
mod settings;
pub mod webhook;

pub use settings::{GatewayChoice, Settings, Till};

/// The port that the service listens on unless told otherwise.
pub const DEFAULT_PORT: u16 = 3002;

/// What the service's store keeps.
pub static KINDS: [&Kind; 8] = [
    &bill::BILLS,
    &part::PARTS,
    &service::SERVICES,
    Entry::KIND,
    &IDEMPOTENCY_KEYS,
    &DEAD_LETTERS,
    &DEAD_LETTER_AUDITS,
    &PARKED,
];

/// The database when a MongoDB URI names none.
const DATABASE: &str = "billing_service";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Garage: Billing Service",
        description = "What a repair costs, what the customer says to it, and the money.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    tags(
        (name = "quotes", description = "What a repair will cost, and the customer's word on it"),
        (name = "payments", description = "Attempts to pay, and what became of the money"),
        (name = "parts", description = "What is built in: prices and stock"),
        (name = "services", description = "What is done: prices and durations"),
        (name = "events", description = "What this service tells the others"),
        (name = "dead letters", description = "Events that could not be taken, and how to get them back"),
        (name = "operation", description = "For those who run it"),
    ),
)]
struct Document;

/// Opens the service's database: `mongodb://…`, `mongodb+srv://…`, `postgres://…` or `sqlite:path`.
///
/// # Errors
/// See [`MongoStore::connect`] and [`SqlStore::connect`].
pub async fn connect(url: &str) -> Result<Arc<dyn Store>, Failure> {
    if url.starts_with("mongodb://") || url.starts_with("mongodb+srv://") {
        return Ok(Arc::new(MongoStore::connect(url, DATABASE, &KINDS).await?));
    }
    let (postgres, sqlite) = (sqlx::migrate!("migrations/postgres"), sqlx::migrate!("migrations/sqlite"));
    Ok(Arc::new(SqlStore::connect(url, Migrations { postgres, sqlite }, &KINDS).await?))
}

/// Opens the service: hears the other services' events, sees to the money, and answers on the routes.
pub fn open(parts: Parts, settings: Settings) -> (Router, Running) {
    open_through(parts, settings, |shell| {
        Arc::new(Sandbox::new(shell.repository.clone(), shell.clock.clone()))
    })
}

/// The same with a sandbox that the caller sets up, should the settings ask for one.
pub fn open_through(
    parts: Parts,
    settings: Settings,
    sandbox: impl FnOnce(&Shell) -> Arc<Sandbox>,
) -> (Router, Running) {
    let Settings { terms, gateway, till, deadlines } = settings;
    let (router, running, _) = assemble(parts, terms, till, deadlines, |shell| match gateway {
        GatewayChoice::Sandbox => sandbox(shell),
        GatewayChoice::MercadoPago(provider) => Arc::new(provider),
    });
    (router, running)
}

/// The same with a gateway of one's own, which may keep its book in the service's store; and with the cashier
/// in hand, for stories that cannot wait for it.
pub fn open_with(
    parts: Parts,
    terms: Terms,
    gateway: impl FnOnce(&Shell) -> Arc<dyn Gateway>,
) -> (Router, Running, Cashier) {
    open_till(parts, terms, Till::default(), gateway)
}

/// The same with a till that is set up otherwise.
pub fn open_till(
    parts: Parts,
    terms: Terms,
    till: Till,
    gateway: impl FnOnce(&Shell) -> Arc<dyn Gateway>,
) -> (Router, Running, Cashier) {
    assemble(parts, terms, till, Deadlines::default(), gateway)
}

fn assemble(
    parts: Parts,
    terms: Terms,
    till: Till,
    deadlines: Deadlines,
    gateway: impl FnOnce(&Shell) -> Arc<dyn Gateway>,
) -> (Router, Running, Cashier) {
    let mut foundation = Foundation::lay(Service::Billing, parts, deadlines);
    let shell = foundation.shell().clone();
    let gateway = Arc::new(Timed::around(gateway(&shell), foundation.metrics()));
    let cashier = Cashier::new(shell.clone(), gateway);
    let keeper = Keeper::new(shell.clone());
    foundation.hear(Arc::new(Bookkeeper::new(cashier.clone(), keeper.clone(), terms)));
    foundation.beside(|stopping| cashier.clone().run(stopping));
    foundation.beside(|stopping| keeper.clone().run(stopping));
    foundation.watch::<bill::Bill>();
    foundation.beside(|stopping| quote::expiry::sweep(shell, stopping));
    let doorbell = Doorbell::new(cashier.clone(), till.webhook_secret.clone());
    let api = api(App { cashier: cashier.clone(), keeper, till: Arc::new(till) }, doorbell);
    let (router, running) = foundation.open(api);
    (router, running, cashier)
}

fn api(app: App, doorbell: Doorbell) -> OpenApiRouter {
    let routes = OpenApiRouter::new()
        .merge(quote::http::routes())
        .merge(payment::http::routes())
        .merge(part::http::routes())
        .merge(service::http::routes())
        .with_state(app);
    let mut api =
        OpenApiRouter::with_openapi(Document::openapi()).merge(routes).merge(webhook::http::routes(doorbell));
    name_apart(&mut api.get_openapi_mut().paths);
    api
}

/// An operation that two methods share has its id twice, which OpenAPI forbids: PATCH gets one of its own.
fn name_apart(paths: &mut Paths) {
    for path in paths.paths.values_mut() {
        if let (Some(put), Some(patch)) = (&path.put, &mut path.patch)
            && put.operation_id == patch.operation_id
        {
            patch.operation_id = patch.operation_id.take().map(|id| format!("{id}_by_patch"));
        }
    }
}
