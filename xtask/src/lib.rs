//! One command for every chore: `cargo xtask test`, `cargo xtask servers`, `cargo xtask faults`, `cargo xtask bench`,
//! `cargo xtask ci`.
//! A library, because the fault suite starts, kills and restarts the same private servers.
//!
//! A chore runs in two halves. The front half is what the shell started: it installs what is missing, then holds the
//! leash (see `leash`). The leashed half does the chore, and ends all it started when the leash is let go.

mod apt;
mod bench;
mod browser;
mod console;
mod fuzz;
mod gate;
mod instructions;
pub mod leash;
pub mod old;
pub mod ports;
pub mod process;
mod programs;
mod release;
mod schemathesis;
pub mod servers;
mod validate;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::leash::Leash;
use crate::process::Failed;
use crate::programs::{
    Programs,
    validators::{self, Validators},
};

/// The chores of this repository.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    /// This is the half that does the chore; standard input is the leash.
    #[arg(long, hide = true)]
    leashed: bool,

    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Runs the tests against private PostgreSQL, RabbitMQ and MongoDB servers
    Test {
        /// Given to `cargo test`; with `-p` only that package's tests are built
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Keeps the same servers until Ctrl-C and prints the environment that points the tests at them
    Servers,
    /// Looks for bytes that break a decoder, target after target; needs a C++ compiler
    Fuzz {
        /// How long, for each
        #[arg(long, default_value_t = 60)]
        seconds: u32,
        /// This target alone
        #[arg(long)]
        target: Option<String>,
    },
    /// Breaks everything that can break under load, and looks for what was lost, doubled or paid wrong
    Faults {
        /// `--all`, `--only NAME`, `--seed N`, `--list`, `--planted`, `--cluster`, `--old COMMIT`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Measures sagas, routes and floors on private servers and writes `docs/performance.md`; `--help` after `--`
    Bench {
        /// Given to the measuring program, such as `--quick`, `--clients 1,8,64` or `--only sagas`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Goes through the screens in headless Chromium; pictures of all pages stay in `target/browser`
    Browser,
    /// Counts the instructions of one saga and compares them with `docs/instructions.txt`
    Instructions {
        /// Writes the figure instead
        #[arg(long)]
        update: bool,
    },
    /// Makes up requests from the OpenAPI documents and looks for answers that they do not describe
    Schemathesis {
        /// Given to `schemathesis run`, such as `--include-path /quotes` or `--max-examples 500`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Builds `garage` for others: static, with licences and a bill of materials, into `target/releases`
    Release {
        /// Another platform that this toolchain has, such as `x86_64-unknown-linux-musl`
        #[arg(long)]
        target: Option<String>,
        /// Builds it a second time from nothing, and compares
        #[arg(long)]
        twice: bool,
    },
    /// Has the field's own validators read the contracts and what is in `deploy/`
    Validate,
    /// Runs what the gate runs: format, lints, validators, tests, instructions, faults, documentation
    Ci,
}

/// The command line.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = if arguments.leashed { chore(&arguments.chore) } else { front(&arguments.chore) };
    outcome.unwrap_or_else(|failure| {
        console::say(&format!("xtask: {failure:#}"));
        exit_code(&failure)
    })
}

fn front(chore: &Chore) -> Result<ExitCode> {
    match chore {
        Chore::Instructions { .. } => instructions::install_missing()?,
        Chore::Browser => browser::install_missing()?,
        Chore::Validate => Validators::install_missing()?,
        Chore::Schemathesis { .. } => {
            validators::install_pip()?;
            validators::schemathesis()?;
        }
        Chore::Release { .. } => {}
        Chore::Ci => {
            Programs::install_missing()?;
            Validators::install_missing()?;
            instructions::install_missing()?;
        }
        Chore::Test { .. }
        | Chore::Servers
        | Chore::Fuzz { .. }
        | Chore::Faults { .. }
        | Chore::Bench { .. } => Programs::install_missing()?,
    }
    leash::hold()
}

fn chore(chore: &Chore) -> Result<ExitCode> {
    let leash = Leash::on_standard_input();
    match chore {
        Chore::Test { arguments } => gate::test(&leash, arguments)?,
        Chore::Servers => servers::keep(&leash)?,
        Chore::Fuzz { seconds, target } => fuzz::run(&leash, *seconds, target.as_deref())?,
        Chore::Browser => browser::run(&leash)?,
        Chore::Bench { arguments } => bench::run(&leash, arguments)?,
        Chore::Instructions { update } => instructions::run(&leash, *update)?,
        Chore::Faults { arguments } => gate::faults(&leash, arguments)?,
        Chore::Schemathesis { arguments } => schemathesis::run(&leash, arguments)?,
        Chore::Release { target, twice } => release::run(&leash, target.as_deref(), *twice)?,
        Chore::Validate => validate::run(&leash)?,
        Chore::Ci => gate::run(&leash)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// A step's own exit code, so that whoever called us learns what `cargo test` said.
fn exit_code(failure: &anyhow::Error) -> ExitCode {
    failure.downcast_ref::<Failed>().map_or(ExitCode::FAILURE, |failed| ExitCode::from(failed.code))
}
