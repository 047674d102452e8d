//! Who is calling: bearer tokens (JWT), believed by one secret shared with their issuer (HS256), by an
//! issuer's published keys (RS256, ES256), or both. A token's roles are words here; what they allow is the
//! service's affair.

mod admitted;
mod cache;
mod caller;
mod jwks;
mod sign;
mod verifier;

pub use admitted::{By, ByOrLink, Group};
pub use caller::Caller;
pub use jwks::{Jwks, NotBelieved};
pub use sign::{Grant, sign};
pub use verifier::Verifier;
