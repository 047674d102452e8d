//! A service as a program of its own: settings from the environment, its store, the broker, its port; gentle
//! to start in any order and to stop.

use std::{
    future::Future,
    net::{Ipv4Addr, SocketAddr},
    process::ExitCode,
    sync::Arc,
};

use axum::Router;
use garage_events::Service;
use garage_kit::{
    Failure,
    auth::Verifier,
    bus::rabbitmq::RabbitMq,
    clock::Clock,
    http::{self, Tls},
    program::{self, Env, Misconfigured},
    store::Store,
    trace::export,
};
use secrecy::ExposeSecret;
use tokio::time::Instant;

use crate::service::{Door, Parts, Running, STOPPING, bind, patiently, topology_of};

/// Why a program could not start or go on; one sentence.
#[derive(Debug, thiserror::Error)]
pub enum Stopped {
    /// A setting is missing or wrong.
    #[error(transparent)]
    Misconfigured(#[from] Misconfigured),
    /// Something that it needs does not work, and waiting cannot help.
    #[error(transparent)]
    Failed(#[from] Failure),
    /// Signals cannot be listened for.
    #[error("cannot listen for signals: {0}")]
    Signals(#[from] std::io::Error),
}

/// Answers `--help` and `--version`, and refuses what it does not know: all settings come from the environment.
pub fn read_arguments(name: &'static str, about: &'static str, variables: &'static str) {
    command(name, about, variables).get_matches();
}

/// The `main` of a program that serves: `--help` and `--version`, `healthcheck` for whoever asks the one that serves on
/// this machine, else `serve` with the environment, its log begun.
pub fn main(
    name: &'static str,
    about: &'static str,
    variables: &'static str,
    port: u16,
    serve: impl AsyncFnOnce(Env) -> Result<(), Stopped>,
) -> ExitCode {
    let healthcheck = clap::Command::new("healthcheck")
        .about("Ask the service on this machine whether it is ready: exit code 0 when it is, else 1");
    let arguments = command(name, about, variables).subcommand(healthcheck).get_matches();
    program::run(async {
        let env = Env::process();
        if arguments.subcommand_name().is_some() {
            return ask_for_health(&env, port).await;
        }
        program::init_logging(&env)?;
        serve(env).await
    })
}

fn command(name: &'static str, about: &'static str, variables: &'static str) -> clap::Command {
    clap::Command::new(name).version(env!("CARGO_PKG_VERSION")).about(about).after_help(variables)
}

/// By the variables that the one that serves was started with.
async fn ask_for_health(env: &Env, default_port: u16) -> Result<(), Stopped> {
    let https = Tls::from_env(env)?.is_some();
    Ok(http::healthcheck(port(env, default_port)?, https).await?)
}

fn port(env: &Env, default: u16) -> Result<u16, Misconfigured> {
    Ok(env.parse("PORT", "a port number from 1 to 65535")?.unwrap_or(default))
}

/// What tells one service's program from another's.
pub struct Program<C, O> {
    /// Which.
    pub service: Service,
    /// Where it listens unless `PORT` says otherwise.
    pub port: u16,
    /// Opens its store; tried again while the database is away.
    pub connect: C,
    /// Opens the service.
    pub open: O,
}

impl<C, O, F> Program<C, O>
where
    C: Fn() -> F,
    F: Future<Output = Result<Arc<dyn Store>, Failure>>,
    O: FnOnce(Parts) -> (Router, Running),
{
    /// Runs until a signal asks to stop.
    ///
    /// # Errors
    /// At once when a setting is missing or wrong, the port is taken or the database has another schema; never
    /// because a server is away.
    pub async fn run(self, env: &Env) -> Result<(), Stopped> {
        let clock = Clock::system();
        let verifier = Verifier::from_env(env, clock.clone())?;
        let (port, tls) = (port(env, self.port)?, Tls::from_env(env)?);
        let broker = env.url("RABBITMQ_URL", &["amqp", "amqps"])?.ok_or_else(|| {
            Misconfigured::new("RABBITMQ_URL is not set: give the broker's address, such as amqp://guest:guest@127.0.0.1:5672")
        })?;
        export::start(env, &[self.service.word()])?;
        let stopping = program::shutdown_signal()?;
        let door = Door::default();
        let listener = bind(self.service.word(), SocketAddr::from((Ipv4Addr::UNSPECIFIED, port))).await?;
        let mut served = door.serve_with(listener, stopping.clone(), tls);
        let bus = RabbitMq::connect(broker.expose_secret(), topology_of(self.service)?, clock.clone())?;
        let Some(store) = patiently(&stopping, &self.connect).await? else { return Ok(()) };
        let (router, running) = (self.open)(Parts { store, bus, clock, verifier });
        door.lead_to(router);
        let (ended, deadline) = tokio::select! {
            ended = &mut served => (ended, Instant::now() + STOPPING),
            () = stopping.cancelled() => {
                let deadline = Instant::now() + STOPPING;
                running.end_streams();
                (served.await, deadline)
            }
        };
        let ended = ended.unwrap_or_else(|cause| Err(Failure::lasting("serving HTTP", cause)));
        running.stop_by(deadline).await;
        export::finish().await;
        Ok(ended?)
    }
}
