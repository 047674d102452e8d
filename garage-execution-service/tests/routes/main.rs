//! What the workshop answers and tells, as its callers and the other services see it: over HTTP and over the
//! bus, on a real database.

mod callers;
mod document;
mod execution;
mod executions;
mod heard;
mod queue;
mod steps;
mod work_order;
mod world;
