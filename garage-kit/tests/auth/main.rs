//! Which tokens are believed, and what is said of the others.

mod issuer;
mod keys;
mod secret;
