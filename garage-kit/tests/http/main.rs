//! What a client of any service may rely on, said over a little service of notes.

mod commands;
mod demo;
mod lists;
mod operation;
mod problems;
mod reading;
mod serving;
mod versions;
