//! What tests of this and of other crates need: conformance suites, which hold every implementation of a
//! trait to the same promises, and databases of their own on the servers that `cargo xtask test` starts.

pub mod bus;
mod database;
pub mod store;

pub use database::{MongoDatabase, PostgresDatabase, mongo_database, postgres_database};
