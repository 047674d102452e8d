//! The one shell that performs transitions. The vocabulary (`garage-events`) is pure and the plumbing
//! (`garage-kit`) has never heard of a car; what must know both stands here, once for all three services.

mod counted;
mod ear;
mod letters;
mod measures;
mod pools;
pub mod program;
mod refusal;
pub mod roles;
pub mod service;
mod shell;
mod shown;
mod told;
pub mod waiting;

pub use counted::Witness;
pub use ear::{Ear, Heard, Impossible, Listener};
pub use letters::DEAD_LETTER_AUDITS;
pub use refusal::problem;
pub use service::{Foundation, Parts, Running, topology_of};
pub use shell::Shell;
