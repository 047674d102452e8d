//! Sign-in by a provider, as a browser goes through it: away from the screens, to a provider that this test is, and back
//! with whatever that one says. The services are not needed; the pages that are looked at do without.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on must stop, and say why"
)]

mod flow;
mod forged;
mod provider;
mod troubles;
mod world;
