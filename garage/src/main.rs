//! `garage`: the whole shop in one program, and the operator's commands.

mod commands;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use garage_kit::program::{self, Env};

/// A car-repair workshop's system: work orders, quotes and payments, the workshop's queue.
#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run everything in this process, with nothing to install
    Up(commands::up::Up),
    /// Drive the happy path and every compensation over HTTP, and print each saga's timeline
    Demo(commands::demo::Demo),
    /// Print a token for the services, and nothing else
    Token(commands::token::Token),
    /// Give somebody a new password for the screens, and print it
    Password(commands::password::Password),
    /// Print what happened to a work order, in all three services
    Saga(commands::saga::Saga),
    /// Look at dead letters, replay or discard them
    Dlq(commands::dlq::Dlq),
    /// Copy a data directory, also while `up` works in it
    Backup(commands::backup::Backup),
    /// Compare what the three services know of every work order, and mend what only needs a nudge
    Reconcile(commands::reconcile::Reconcile),
    /// Check databases, broker, topology, gateway and services, and say what to do
    Doctor(commands::doctor::Doctor),
    /// Measure the whole shop in one program on this machine
    Bench(commands::bench::Bench),
    /// Print a service's OpenAPI document
    Openapi(commands::openapi::Openapi),
    /// Print the AsyncAPI document of the events that the services exchange
    Asyncapi(commands::asyncapi::Asyncapi),
    /// Print what to import into RabbitMQ: users with least rights, exchanges, queues, policies
    Definitions(commands::definitions::Definitions),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    program::run(async {
        let env = Env::process();
        match arguments.command {
            Command::Up(up) => up.run(&env).await,
            Command::Demo(demo) => demo.run(&env).await,
            Command::Token(token) => token.run(&env),
            Command::Password(password) => password.run().await,
            Command::Saga(saga) => saga.run(&env).await,
            Command::Dlq(dlq) => dlq.run(&env).await,
            Command::Backup(backup) => backup.run().await,
            Command::Reconcile(reconcile) => reconcile.run(&env).await,
            Command::Doctor(doctor) => doctor.run(&env).await,
            Command::Bench(bench) => bench.run().await,
            Command::Openapi(openapi) => openapi.run().await,
            Command::Asyncapi(asyncapi) => asyncapi.run(),
            Command::Definitions(definitions) => definitions.run(&env),
        }
    })
}
