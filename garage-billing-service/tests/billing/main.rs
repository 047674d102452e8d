//! The Billing Service as its callers and the other services see it: over its routes and the bus, inside one
//! process. A file per group of routes, and the stories in which money moves on every store.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends where its world does not come up")]

#[macro_use]
mod world;

mod document;
mod erasure;
mod late;
mod link;
mod parts;
mod payments;
mod provider;
mod quotes;
mod refunds;
mod roles;
mod saga;
mod services;
mod stock;
mod stories;
mod stuck;
mod thousand;
mod till;
mod waiting;
mod webhooks;
mod withdrawals;
