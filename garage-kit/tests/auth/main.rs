//! Which tokens are believed, and what is said of the others.

#![expect(clippy::unwrap_used, reason = "a test ends where its world does not come up")]

mod issuer;
mod keys;
mod secret;
