//! TLS to the servers that hold money and events: verified or not at all. Each real server shows certificates that an
//! authority of this run has made, and nothing that is not right is ever talked to, least of all without TLS.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on stops, and says why")]

mod authority;
mod mongodb;
mod postgres;
mod rabbitmq;

/// A variable that `cargo xtask test` sets.
fn variable(name: &str) -> String {
    std::env::var(name)
        .unwrap_or_else(|_| panic!("{name} is not set: run `cargo xtask test`, it starts private servers"))
}
