//! The driver: clients that put whole sagas, or one route, on running services. A closed loop (a client begins its
//! next saga when the last one ended), or an open one at a given rate, whose latency counts from the moment at which a
//! saga was due. One thread and three kept connections per client and a hand-written client of HTTP/1.1, so that it
//! stays cheap beside what it measures.

mod connection;
mod saga;

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{Builder, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, ensure};
use clap::{Args, ValueEnum};
use garage_kit::clock::Clock;

use self::saga::{Client, Subject, Tally};
use crate::{
    outcome::{Distribution, Outcome, count},
    processes::Named,
    report,
    window::{Window, nap},
};

/// What every client does, again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    /// The whole happy path, from `POST /work-orders` until `COMPLETED` is seen
    Saga,
    /// `POST /work-orders` alone
    Create,
    /// `GET /work-orders/{id}` over orders made at start
    Get,
    /// `GET /work-orders?limit=50`
    List,
    /// The same for one status: `GET /work-orders?status=COMPLETED&limit=50`
    ListByStatus,
}

/// How the load is put on.
#[derive(Args)]
pub(crate) struct Drive {
    /// Base URLs of the OS Service, one per replica, separated by commas
    #[arg(long, value_delimiter = ',', default_value = "http://127.0.0.1:3001")]
    os: Vec<String>,
    /// Those of the Billing Service
    #[arg(long, value_delimiter = ',', default_value = "http://127.0.0.1:3002")]
    billing: Vec<String>,
    /// Those of the Execution Service
    #[arg(long, value_delimiter = ',', default_value = "http://127.0.0.1:3003")]
    execution: Vec<String>,
    /// A bearer token, or @FILE that holds one
    #[arg(long)]
    token: String,
    /// What to do
    #[arg(long, value_enum, default_value = "saga")]
    mode: Mode,
    /// Whose API; there is one here, the flag is that of other drivers
    #[arg(long, default_value = "ours", value_parser = ["ours"])]
    flavour: String,
    /// Clients
    #[arg(long, default_value_t = 1)]
    concurrency: usize,
    /// Seconds that count
    #[arg(long, default_value_t = 25.0)]
    duration: f64,
    /// Seconds before them
    #[arg(long, default_value_t = 5.0)]
    warmup: f64,
    /// Stop after so many instead
    #[arg(long)]
    sagas: Option<u64>,
    /// Open loop: so many per second, whatever becomes of them
    #[arg(long)]
    rate: Option<f64>,
    /// Give a saga up after so many seconds
    #[arg(long, default_value_t = 60.0)]
    saga_timeout: f64,
    /// Orders that `get` reads
    #[arg(long, default_value_t = 200)]
    ids: u64,
    /// A process whose CPU and memory are shown with its descendants'
    #[arg(long = "proc", value_parser = named)]
    processes: Vec<Named>,
}

/// `NAME=PID`.
pub(crate) fn named(text: &str) -> Result<Named, String> {
    let wrong = || "must be NAME=PID".to_owned();
    let (name, process) = text.split_once('=').ok_or_else(wrong)?;
    Ok((name.to_owned(), process.trim().parse().map_err(|_| wrong())?))
}

/// What all clients share.
struct Round {
    mode: Mode,
    subject: Subject,
    ids: Vec<String>,
    begun: Instant,
    rate: Option<f64>,
    patience: Duration,
    next: AtomicU64,
    limit: u64,
    stop: AtomicBool,
}

impl Drive {
    /// Drives, and prints an [`Outcome`].
    pub(crate) fn run(mut self) -> Result<()> {
        ensure!(self.concurrency > 0, "--concurrency must be 1 or more");
        if let Some(path) = self.token.strip_prefix('@') {
            let read = std::fs::read_to_string(Path::new(path)).with_context(|| format!("reading {path}"))?;
            self.token = read.trim().to_owned();
        }
        let nonce = u64::try_from(Clock::system().now().timestamp_millis()).unwrap_or_default();
        let mut desk = self.client(0);
        let subject = desk.take_in(nonce).map_err(|why| anyhow!(why)).context("the first customer")?;
        let ids = self.orders_to_read(&mut desk, &subject)?;
        let round = Arc::new(Round {
            mode: self.mode,
            subject,
            ids,
            begun: Instant::now(),
            rate: self.rate,
            patience: Duration::from_secs_f64(self.saga_timeout),
            next: AtomicU64::new(0),
            limit: self.sagas.unwrap_or(u64::MAX),
            stop: AtomicBool::new(false),
        });
        let clients: Vec<JoinHandle<Tally>> =
            (0..self.concurrency).map(|number| self.start(number, &round)).collect::<Result<_>>()?;
        let window = self.watch(&clients);
        round.stop.store(true, Ordering::Relaxed);
        let tallies =
            clients.into_iter().map(|client| client.join().map_err(|_| anyhow!("a client panicked")));
        let outcome = summed(&window, tallies.collect::<Result<_>>()?);
        report::answer(&serde_json::to_string(&outcome)?);
        Ok(())
    }

    /// Each client has one replica of every service.
    fn client(&self, number: usize) -> Client {
        let pick = |urls: &[String]| urls[number % urls.len().max(1)].clone();
        Client::new([pick(&self.os), pick(&self.billing), pick(&self.execution)], &self.token)
    }

    fn orders_to_read(&self, desk: &mut Client, subject: &Subject) -> Result<Vec<String>> {
        let wanted = if self.mode == Mode::Get { self.ids.max(1) } else { 0 };
        (0..wanted)
            .map(|number| desk.create(subject, number).map(|order| order.id).map_err(|why| anyhow!(why)))
            .collect()
    }

    fn start(&self, number: usize, round: &Arc<Round>) -> Result<JoinHandle<Tally>> {
        let (mut client, round) = (self.client(number), Arc::clone(round));
        let thread = Builder::new().stack_size(256 * 1024);
        Ok(thread.spawn(move || {
            round.work(&mut client, number);
            client.tally
        })?)
    }

    fn watch(&self, clients: &[JoinHandle<Tally>]) -> Window {
        let mut processes = self.processes.clone();
        processes.push(("driver".to_owned(), std::process::id()));
        let (warmup, duration) = match self.sagas {
            Some(_) => (Duration::ZERO, Duration::from_secs(24 * 3600)),
            None => (Duration::from_secs_f64(self.warmup), Duration::from_secs_f64(self.duration)),
        };
        Window::watch(&processes, warmup, duration, || clients.iter().all(JoinHandle::is_finished))
    }
}

impl Round {
    /// One client, until it is over.
    fn work(&self, client: &mut Client, client_number: usize) {
        while !self.stop.load(Ordering::Relaxed) {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            if number >= self.limit {
                return;
            }
            let Some(begun) = self.due(number) else { return };
            client.deadline = begun + self.patience;
            let done = match self.mode {
                Mode::Saga => client.saga(&self.subject, number),
                Mode::Create => client.create(&self.subject, number).map(drop),
                Mode::Get => client.read(&self.ids[scattered(number, client_number) % self.ids.len()]),
                Mode::List => client.list("/work-orders?limit=50"),
                Mode::ListByStatus => client.list("/work-orders?status=COMPLETED&limit=50"),
            };
            client.tally.count(begun, done);
        }
    }

    /// The moment from which operation `number` counts: now, or in an open loop the one at which it is due.
    fn due(&self, number: u64) -> Option<Instant> {
        let Some(rate) = self.rate else { return Some(Instant::now()) };
        #[expect(clippy::cast_precision_loss, reason = "counts of this program are far below 2^52")]
        let due = self.begun + Duration::from_secs_f64(number as f64 / rate);
        while let Some(left) = due.checked_duration_since(Instant::now()) {
            if self.stop.load(Ordering::Relaxed) {
                return None;
            }
            nap(left.min(Duration::from_millis(100)));
        }
        Some(due)
    }
}

/// An index that wanders over all orders (Fibonacci hashing).
fn scattered(number: u64, client: usize) -> usize {
    let mixed = (number ^ (client as u64) << 32).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    usize::try_from(mixed >> 33).unwrap_or_default()
}

fn summed(window: &Window, tallies: Vec<Tally>) -> Outcome {
    let (mut ended, mut calls, mut polls) = (Vec::new(), 0, 0);
    let (mut steps, mut lags) =
        (BTreeMap::<&str, Vec<Duration>>::new(), BTreeMap::<&str, Vec<Duration>>::new());
    let (mut fails, mut failed_in_window) = (BTreeMap::new(), 0);
    for tally in tallies {
        ended.extend(tally.ended);
        calls += tally.calls;
        polls += tally.polls;
        for (name, times) in tally.steps {
            steps.entry(name).or_default().extend(times);
        }
        for (name, times) in tally.lags {
            lags.entry(name).or_default().extend(times);
        }
        for (at, why) in tally.failed {
            failed_in_window += u64::from(window.holds(at));
            *fails.entry(why).or_default() += 1;
        }
    }
    let all = count(ended.len()).max(1.0);
    let spread = |times: BTreeMap<&str, Vec<Duration>>| {
        times.into_iter().map(|(name, times)| (name.to_owned(), Distribution::of(times))).collect()
    };
    Outcome {
        failed_in_window,
        steps_ms: spread(steps),
        lag_ms: spread(lags),
        calls_per_op: count(calls) / all,
        polls_per_op: count(polls) / all,
        fails,
        ..Outcome::of(window, &ended)
    }
}
