//! What a client of any service may rely on, said over a little service of notes.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends where its world does not come up")]

mod commands;
mod demo;
mod hostile;
mod lists;
mod operation;
mod problems;
mod reading;
mod serving;
mod versions;
