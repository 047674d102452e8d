//! The OS Service, the front desk: customers, their vehicles, and the work orders that begin every saga. What a
//! repair costs is Billing's to say, and how far it is the workshop's; here both are facts of an order.
//!
//! This file is the only door: a program connects a store and opens the service with it.

use std::sync::Arc;

use axum::Router;
use garage_events::{Deadlines, Service};
use garage_saga::{Foundation, Parts, Running};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

pub mod contact;
pub mod customer;
pub mod document;
mod http;
mod outcome;
pub mod plate;
mod saga;
pub mod search;
mod store;
pub mod vehicle;
pub mod work_order;

pub use store::{KINDS, connect};

/// Where the service listens unless told otherwise.
pub const DEFAULT_PORT: u16 = 3001;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Garage: OS Service",
        description = "The front desk: customers, vehicles and work orders.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    tags(
        (name = "customers", description = "Whose the cars are, and who pays"),
        (name = "vehicles", description = "The cars"),
        (name = "work orders", description = "What is to be done to a car, and how far it is"),
        (name = "public", description = "For customers, without a token"),
        (name = "events", description = "What this service tells the others"),
        (name = "dead letters", description = "Events that could not be taken, and how to get them back"),
        (name = "operation", description = "For operators and their tools"),
    )
)]
struct Document;

/// Opens the service: it listens to its queues and answers on its routes.
pub fn open(parts: Parts) -> (Router, Running) {
    open_with(parts, Deadlines::default())
}

/// The same with the shop's own deadlines.
pub fn open_with(parts: Parts, deadlines: Deadlines) -> (Router, Running) {
    let mut foundation =
        Foundation::lay_before(Service::Os, parts, deadlines, |metrics| Some(outcome::count(metrics)));
    foundation.hear(Arc::new(saga::Desk));
    foundation.watch::<work_order::WorkOrder>();
    let shell = foundation.shell().clone();
    let api = OpenApiRouter::with_openapi(Document::openapi())
        .merge(customer::http::routes(shell.clone()))
        .merge(vehicle::http::routes(shell.clone()))
        .merge(work_order::http::routes(shell));
    foundation.open(api)
}
