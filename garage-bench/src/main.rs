//! What the system costs on this machine. `cargo xtask bench` builds this and starts the servers for it; here is the
//! measuring. What drives load runs as a child of the same program, so that its own CPU is a process's own and can be
//! shown beside what it measured.

mod counters;
mod drive;
mod floor;
mod loader;
mod measure;
mod outcome;
mod processes;
mod report;
mod servers;
mod shop;
mod window;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "garage-bench", version, about = "Measures the garage; `cargo xtask bench` starts it")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Measure everything and write the table
    Run(Box<measure::Options>),
    /// Put whole sagas, or one route, on running services, and print the figures as JSON
    Drive(Box<drive::Drive>),
    /// Do with bare drivers what a saga must do at least, and print the figures as JSON
    Floor(floor::Floor),
}

fn main() -> ExitCode {
    let done: Result<()> = match Arguments::parse().task {
        Task::Run(options) => measure::run(*options),
        Task::Drive(drive) => drive.run(),
        Task::Floor(floor) => floor.run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            report::say(&format!("garage-bench: {failure:#}"));
            ExitCode::FAILURE
        }
    }
}
