//! The bus as a RabbitMQ broker, over one connection per service. A supervisor opens the connection with
//! everything on it, and opens all of it again after any error or end, without limit: lapin's own recovery
//! hides losses, hangs consumers and gives up. What is promised is in [`super`]; how each part keeps it is
//! said where it is.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use lapin::ErrorKind;
use tokio::{
    sync::watch,
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;

use self::{address::Address, link::Link, pump::Pump};
use super::{Bus, Consumer, Published, Topology, backoff::Backoff, journal::Journal, judge::Judge};
use crate::{Failure, clock::Clock, store::Message};

mod acks;
mod address;
mod aside;
mod declare;
mod gathering;
mod letters;
mod line;
mod link;
mod publish;
mod pump;
mod station;

/// Pauses between attempts start below this and double,
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// up to this, so that consumers are back soon after the broker is.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// What only an operator can mend is tried this slowly at once.
const OPERATOR: Duration = Duration::from_secs(5);
/// A connection that lasted longer was a good one: the next attempt comes soon.
const GOOD: Duration = Duration::from_secs(5);
/// For the deliveries at hand when the program stops.
const PATIENCE: Duration = Duration::from_secs(6);

/// A service's member of the bus. Dropping it closes it in the background.
pub struct RabbitMq {
    shared: Arc<Shared>,
}

struct Shared {
    address: Address,
    topology: Topology,
    clock: Clock,
    consumer: watch::Sender<Option<Arc<Judge>>>,
    state: watch::Sender<State>,
    /// No more deliveries.
    draining: CancellationToken,
    /// Those at hand are finished.
    drained: CancellationToken,
    closing: CancellationToken,
}

/// How far we are with the broker.
enum State {
    /// No connection, and why.
    Away(String),
    /// Events can leave.
    Publishing(Arc<Link>),
    /// Events can leave and come.
    Running(Arc<Link>),
    Closed,
}

/// The end of a connection that we did not want.
struct Lost {
    failure: Failure,
    /// How long it was there.
    lasted: Duration,
}

impl RabbitMq {
    /// Starts to connect to `url` (`amqp://` or `amqps://`, which needs the process's default crypto
    /// provider) and returns at once, whether the broker is there or not. Must be called inside a Tokio
    /// runtime.
    ///
    /// # Errors
    /// When `url` is not a broker's address.
    pub fn connect(url: &str, topology: Topology, clock: Clock) -> Result<Arc<Self>, Failure> {
        let shared = Arc::new(Shared {
            address: Address::parse(url)?,
            topology,
            clock,
            consumer: watch::Sender::new(None),
            state: watch::Sender::new(State::Away("not connected yet".to_owned())),
            draining: CancellationToken::new(),
            drained: CancellationToken::new(),
            closing: CancellationToken::new(),
        });
        tokio::spawn(Arc::clone(&shared).supervise());
        Ok(Arc::new(Self { shared }))
    }
}

impl Drop for RabbitMq {
    fn drop(&mut self) {
        self.shared.draining.cancel();
        self.shared.closing.cancel();
    }
}

#[async_trait]
impl Bus for RabbitMq {
    async fn publish(&self, batch: &[Message]) -> Published {
        match self.shared.link() {
            Ok(link) => publish::publish(&link, &self.shared.topology.exchange, batch).await,
            Err(failure) => Published { failure: Some(failure), ..Published::default() },
        }
    }

    fn subscribe(&self, consumer: Arc<dyn Consumer>) {
        let judge = Judge::new(consumer, self.shared.topology.retries.clone());
        self.shared.consumer.send_replace(Some(Arc::new(judge)));
    }

    fn ready(&self) -> Result<(), Failure> {
        match &*self.shared.state.borrow() {
            State::Running(link) if link.is_blocked() => {
                Err(self.shared.away("it takes nothing now: memory or disk alarm"))
            }
            State::Running(_) => Ok(()),
            State::Publishing(_) => Err(self.shared.away("the consumers are not there yet")),
            State::Away(cause) => Err(self.shared.away(cause)),
            State::Closed => Err(self.shared.away("closed")),
        }
    }

    async fn wait_until_ready(&self) {
        let mut state = self.shared.state.subscribe();
        let _ = state.wait_for(|state| matches!(state, State::Running(_))).await;
    }

    async fn drain(&self) {
        self.shared.draining.cancel();
        let mut state = self.shared.state.subscribe();
        tokio::select! {
            () = self.shared.drained.cancelled() => {}
            // What was at hand there comes again, to somebody else.
            _ = state.wait_for(|state| matches!(state, State::Away(_) | State::Closed)) => {}
        }
    }

    async fn close(&self) {
        self.drain().await;
        self.shared.closing.cancel();
        let mut state = self.shared.state.subscribe();
        let _ = state.wait_for(|state| matches!(state, State::Closed)).await;
    }
}

impl Shared {
    fn link(&self) -> Result<Arc<Link>, Failure> {
        match &*self.state.borrow() {
            State::Publishing(link) | State::Running(link) => Ok(Arc::clone(link)),
            State::Away(cause) => Err(self.away(cause)),
            State::Closed => Err(self.away("closed")),
        }
    }

    fn away(&self, cause: &str) -> Failure {
        Failure::passing("reaching RabbitMQ", format!("{}: {cause}", self.address))
    }

    async fn supervise(self: Arc<Self>) {
        let (mut backoff, mut journal) = (fresh(), Journal::default());
        while let Err(Lost { failure, lasted }) = self.serve(&mut journal).await {
            if lasted > GOOD {
                backoff = fresh();
                journal.forget();
            } else if !failure.is_passing() {
                backoff = Backoff::new(OPERATOR, OPERATOR);
            }
            self.tell(&failure, &mut journal);
            let _ = self.closing.run_until_cancelled(backoff.pause()).await;
        }
        // The consumer holds what holds this bus: let go of it, or neither is ever freed.
        self.consumer.send_replace(None);
        self.state.send_replace(State::Closed);
    }

    /// One connection, from its beginning to its end; `Ok` when the program stops.
    async fn serve(&self, journal: &mut Journal) -> Result<(), Lost> {
        let open = Link::open(&self.address, &self.topology);
        let link = match self.closing.run_until_cancelled(open).await {
            None => return Ok(()),
            Some(Err(failure)) => return Err(self.lost(failure, Duration::ZERO)),
            Some(Ok(link)) => Arc::new(link),
        };
        let began = Instant::now();
        self.state.send_replace(State::Publishing(Arc::clone(&link)));
        let ended = tokio::select! {
            failure = link.lost() => Err(failure),
            ended = self.work(&link, journal) => ended,
        };
        let ended = ended.map_err(|failure| self.lost(failure, began.elapsed()));
        link.close().await;
        ended
    }

    fn lost(&self, failure: Failure, lasted: Duration) -> Lost {
        self.state.send_replace(State::Away(failure.to_string()));
        Lost { failure, lasted }
    }

    /// Consumes until it is drained, and leaves the link to those who publish until the end.
    async fn work(&self, link: &Arc<Link>, journal: &mut Journal) -> Result<(), Failure> {
        tokio::select! {
            consumed = self.consume(link, journal) => consumed?,
            () = self.patience() => {}
        }
        self.state.send_replace(State::Publishing(Arc::clone(link)));
        self.drained.cancel();
        self.closing.cancelled().await;
        Ok(())
    }

    async fn consume(&self, link: &Arc<Link>, journal: &mut Journal) -> Result<(), Failure> {
        let mut running = || {
            self.state.send_replace(State::Running(Arc::clone(link)));
            if journal.may_relieve() {
                let (service, broker) = (&self.topology.service, &self.address);
                tracing::info!(service, %broker, "connected to RabbitMQ");
            }
        };
        if self.topology.consumes.is_empty() {
            running();
            self.draining.cancelled().await;
            return Ok(());
        }
        let Some(judge) = self.draining.run_until_cancelled(self.subscriber()).await else { return Ok(()) };
        let (topology, clock, draining) = (&self.topology, &self.clock, &self.draining);
        Pump { link, topology, judge: &judge, clock, draining }.run(running).await
    }

    async fn subscriber(&self) -> Arc<Judge> {
        let mut consumer = self.consumer.subscribe();
        loop {
            if let Some(judge) = consumer.borrow_and_update().clone() {
                return judge;
            }
            let _ = consumer.changed().await;
        }
    }

    async fn patience(&self) {
        self.draining.cancelled().await;
        if timeout(PATIENCE, self.drained.cancelled()).await.is_err() {
            let service = &self.topology.service;
            tracing::warn!(service, "deliveries could not be finished in time; they will come again");
        }
    }

    fn tell(&self, failure: &Failure, journal: &mut Journal) {
        let (service, broker) = (&self.topology.service, &self.address);
        if !journal.may_complain() {
            tracing::debug!(service, %broker, %failure, "RabbitMQ is still away");
        } else if failure.is_passing() {
            tracing::warn!(service, %broker, %failure, "RabbitMQ is away; trying again");
        } else {
            tracing::error!(service, %broker, %failure, "RabbitMQ refuses us; an operator must help");
        }
    }
}

fn fresh() -> Backoff {
    Backoff::new(FIRST_PAUSE, LONGEST_PAUSE)
}

/// What the broker refused. Wrong credentials, a vhost that is not there, a queue of another form: these last
/// until an operator helps.
fn refused(doing: &'static str, cause: &lapin::Error, text: String) -> Failure {
    const ACCESS_REFUSED: u16 = 403;
    const PRECONDITION_FAILED: u16 = 406;
    const NOT_ALLOWED: u16 = 530;
    let lasting = matches!(cause.kind(), ErrorKind::ProtocolError(error)
        if [ACCESS_REFUSED, PRECONDITION_FAILED, NOT_ALLOWED].contains(&error.get_id()));
    if lasting { Failure::lasting(doing, text) } else { Failure::passing(doing, text) }
}
