//! Plumbing that has never heard of a car: aggregates and their stores, the outbox, the buses, HTTP, tokens,
//! the clock. Each exists once; the services bring the meaning.

mod aggregate;
pub mod auth;
pub mod bus;
pub mod clock;
pub mod crash;
mod failure;
pub mod http;
mod loads;
mod memory;
pub mod outbox;
pub mod program;
mod repository;
pub mod store;
pub mod testing;
pub mod text;
pub mod trace;

pub use aggregate::{Aggregate, Decision, Loaded, Unchanged, change};
pub use failure::Failure;
pub use repository::{Basis, Repository};
