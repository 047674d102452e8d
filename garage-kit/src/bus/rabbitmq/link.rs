//! One connection to the broker with its three channels, from its handshake to its end. A link is never mended:
//! at the first sign of trouble it is given up, socket and all, and another is opened.

use std::{collections::HashSet, future::pending, pin::pin, sync::Arc, time::Duration};

use futures::{Stream, StreamExt as _};
use lapin::{
    Channel, Connection, Event,
    options::{BasicQosOptions, ConfirmSelectOptions},
};
use tokio::{
    sync::{Mutex, watch},
    time::{interval, sleep, timeout},
};

use super::{address::Address, aside::RetryQueue, declare::declare, line::Line};
use crate::{Failure, bus::Topology};

/// For the channels and all declarations.
const FURNISHING: Duration = Duration::from_secs(30);
/// How often the link is looked at even if nothing is heard of it.
const LOOK: Duration = Duration::from_secs(1);
/// How often is looked whether an alarm is over.
const ALARM: Duration = Duration::from_millis(100);

/// A connection that publishes and consumes.
pub(super) struct Link {
    line: Line,
    pub(super) publishing: Channel,
    /// One batch at a time: lapin pairs returned messages with confirms by position.
    pub(super) turn: Arc<Mutex<()>>,
    pub(super) consuming: Channel,
    /// Consumes as well, what may be acknowledged late: a channel's acknowledgements stand for all deliveries before.
    pub(super) gathering: Channel,
    /// Those that are known to be there.
    pub(super) retry_queues: Mutex<HashSet<RetryQueue>>,
    /// One person at a time looks after the dead letters.
    pub(super) desk: Arc<Mutex<()>>,
    broken: watch::Sender<Option<String>>,
}

impl Link {
    /// Connects, declares, and opens the channels.
    ///
    /// # Errors
    /// With what the broker or the network said; lasting when only an operator can help.
    pub(super) async fn open(address: &Address, topology: &Topology) -> Result<Self, Failure> {
        let line = Line::connect(address, &topology.service).await?;
        let furnished = timeout(FURNISHING, furnish(&line.connection, topology)).await;
        let late = |_| Err(Failure::passing("opening channels", "the broker did not answer in time"));
        match furnished.unwrap_or_else(late) {
            Ok([publishing, consuming, gathering]) => Ok(Self {
                line,
                publishing,
                turn: Arc::default(),
                consuming,
                gathering,
                retry_queues: Mutex::default(),
                desk: Arc::default(),
                broken: watch::Sender::new(None),
            }),
            Err(failure) => {
                line.close().await;
                Err(failure)
            }
        }
    }

    /// One more channel, for something short. Losing it does not lose the link.
    ///
    /// # Errors
    /// When the broker is away.
    pub(super) async fn channel(&self) -> Result<Channel, Failure> {
        let opened = self.line.connection.create_channel().await;
        opened.map_err(|cause| Failure::passing("opening a channel", cause.to_string()))
    }

    /// Gives the link up; the first cause is kept.
    pub(super) fn give_up(&self, cause: impl Into<String>) {
        self.broken.send_if_modified(|broken| {
            let first = broken.is_none();
            broken.get_or_insert_with(|| cause.into());
            first
        });
    }

    pub(super) fn is_given_up(&self) -> bool {
        self.broken.borrow().is_some()
    }

    /// Whether the broker has asked us to send nothing for now: it is short of memory or disk.
    pub(super) fn is_blocked(&self) -> bool {
        self.line.connection.status().blocked()
    }

    /// Waits while the broker wants nothing.
    pub(super) async fn unblocked(&self) {
        while self.is_blocked() && !self.is_given_up() {
            sleep(ALARM).await;
        }
    }

    pub(super) const fn connection(&self) -> &Connection {
        &self.line.connection
    }

    /// Waits until the link is given up, by us, by the broker or by the network.
    pub(super) async fn lost(&self) -> Failure {
        let cause = tokio::select! {
            cause = self.given_up() => cause,
            cause = self.listen(self.line.connection.events_listener()) => cause,
            () = self.found_dead() => "the connection or a channel is closed".to_owned(),
        };
        self.give_up(cause.as_str());
        Failure::passing("talking to the broker", cause)
    }

    /// Waits until somebody gives the link up.
    pub(super) async fn given_up(&self) -> String {
        let mut broken = self.broken.subscribe();
        let given_up = broken.wait_for(Option::is_some).await;
        given_up.ok().and_then(|cause| cause.clone()).unwrap_or_default()
    }

    /// Waits for an error of ours; alarms come and go meanwhile, and so do channels that were opened for something
    /// short.
    async fn listen(&self, events: impl Stream<Item = Event>) -> String {
        let mut events = pin!(events);
        while let Some(event) = events.next().await {
            match event {
                Event::Error(_) if self.is_alive() => {}
                Event::Error(cause) => return cause.to_string(),
                Event::ConnectionBlocked(why) => {
                    tracing::warn!(why, "RabbitMQ takes nothing for now; events wait")
                }
                Event::ConnectionUnblocked => tracing::info!("RabbitMQ takes events again"),
                Event::Connected | Event::SendFlow(_) | _ => {}
            }
        }
        pending().await
    }

    /// Waits until the broker has heard all that was said on the consuming channel: it answers in order. What is asked
    /// would hold for further consumers, and there are none.
    ///
    /// # Errors
    /// When the link is gone.
    pub(super) async fn heard_by_the_broker(&self) -> Result<(), Failure> {
        let asked = self.consuming.basic_qos(1, BasicQosOptions { global: false });
        asked.await.map_err(|cause| Failure::passing("asking the broker", cause.to_string()))
    }

    fn is_alive(&self) -> bool {
        let channels = [&self.publishing, &self.consuming, &self.gathering];
        channels.iter().all(|channel| channel.status().connected())
            && self.line.connection.status().connected()
    }

    /// What lapin did not tell.
    async fn found_dead(&self) {
        let mut look = interval(LOOK);
        loop {
            look.tick().await;
            if !self.is_alive() {
                return;
            }
        }
    }

    /// Says good-bye; a broker that does not answer is left.
    pub(super) async fn close(&self) {
        self.give_up("closed");
        self.line.close().await;
    }
}

async fn furnish(connection: &Connection, topology: &Topology) -> Result<[Channel; 3], Failure> {
    let failed = |cause: lapin::Error| Failure::passing("opening channels", cause.to_string());
    let publishing = connection.create_channel().await.map_err(failed)?;
    declare(&publishing, &topology.definitions).await?;
    publishing.confirm_select(ConfirmSelectOptions::default()).await.map_err(failed)?;
    let consuming = connection.create_channel().await.map_err(failed)?;
    let gathering = connection.create_channel().await.map_err(failed)?;
    Ok([publishing, consuming, gathering])
}
