//! What the workshop answers and tells, as its callers and the other services see it: over HTTP and over the
//! bus, on a real database.

#![expect(clippy::unwrap_used, reason = "a test ends where its world does not come up")]

mod callers;
mod document;
mod execution;
mod executions;
mod heard;
mod queue;
mod steps;
mod stuck;
mod work_order;
mod world;
