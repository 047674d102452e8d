//! The workshop.

pub mod execution;
