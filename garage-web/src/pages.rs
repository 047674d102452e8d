//! The pages, one file each with its forms beside it, and the addresses under which they are.

use axum::{Router, extract::State, response::Response, routing::get};

use crate::{app::App, visitor::SignedIn};

mod account;
pub(crate) mod assets;
mod board;
mod catalogue;
mod correction;
mod customer;
mod customers;
mod dashboard;
mod export;
mod intake;
mod messages;
mod order;
mod people;
mod print;
mod quote;
mod search;
mod sign_in;
mod vehicle;
mod workshop;

/// Every address.
pub(crate) fn routes() -> Router<App> {
    Router::new()
        .merge(assets::routes())
        .merge(sign_in::routes())
        .merge(account::routes())
        .merge(board::routes())
        .merge(intake::routes())
        .merge(order::routes())
        .merge(quote::routes())
        .merge(search::routes())
        .merge(workshop::routes())
        .merge(customer::routes())
        .merge(catalogue::routes())
        .merge(customers::routes())
        .merge(dashboard::routes())
        .merge(export::routes())
        .merge(print::routes())
        .merge(messages::routes())
        .merge(people::routes())
        .merge(vehicle::routes())
        .route("/live", get(live))
        .route("/health/live", get(async || "ok"))
        .route("/health/ready", get(async || "ok"))
}

/// What changes, for the tabs of whoever has signed in.
async fn live(State(app): State<App>, _: SignedIn) -> Response {
    app.live.stream(None)
}
