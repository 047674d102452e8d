//! One person at a time: while somebody holds letters, nobody else can see them, and a look that misses some would be
//! wrong. The turn is kept inside this process by a mutex and between replicas by an exclusive queue, which the
//! broker removes by itself when its holder's connection ends; the letters in hand go back at that same moment.

use std::{sync::Arc, time::Duration};

use lapin::{
    Channel, ErrorKind,
    message::BasicGetMessage,
    options::{BasicGetOptions, BasicNackOptions, QueueDeclareOptions, QueueDeleteOptions},
    types::{AMQPValue, FieldTable},
};
use tokio::{
    sync::OwnedMutexGuard,
    time::{Instant, timeout, timeout_at},
};

use super::{super::link::Link, late};
use crate::{Failure, bus::backoff::Backoff};

/// How long we wait for another replica to finish.
const TURN: Duration = Duration::from_secs(10);
/// How soon we ask again at first.
const KNOCK: Duration = Duration::from_millis(20);
/// For giving back and saying good-bye.
const FAREWELL: Duration = Duration::from_secs(2);
const NOT_FOUND: u16 = 404;
const RESOURCE_LOCKED: u16 = 405;

/// The right to handle a service's letters.
pub(super) struct Desk {
    pub(super) link: Arc<Link>,
    lock: Channel,
    name: String,
    _turn: OwnedMutexGuard<()>,
}

/// The letters of one queue, being looked through.
pub(super) struct Pile {
    channel: Channel,
    queue: String,
}

impl Desk {
    /// Waits for its turn, at most until `deadline`.
    ///
    /// # Errors
    /// When another replica keeps the desk, or the broker is away.
    pub(super) async fn take(link: Arc<Link>, service: &str, deadline: Instant) -> Result<Self, Failure> {
        let until = Instant::now() + TURN;
        let turn = timeout_at(deadline, Arc::clone(&link.desk).lock_owned()).await.map_err(|_| late())?;
        let (name, mut backoff) = (format!("{service}.dead-letters"), Backoff::new(KNOCK, 4 * KNOCK));
        loop {
            let lock = timeout_at(deadline, link.channel()).await.unwrap_or_else(|_| Err(late()))?;
            let declare = lock.queue_declare(name.as_str().into(), exclusive(), classic());
            match timeout_at(deadline, declare).await {
                Ok(Ok(_)) => return Ok(Self { link, lock, name, _turn: turn }),
                Ok(Err(cause)) if is(&cause, RESOURCE_LOCKED) && Instant::now() < until => {}
                Ok(Err(cause)) => return Err(failed(&cause)),
                Err(_) => {
                    // The broker may yet make it ours.
                    leave(&lock, &name).await;
                    return Err(late());
                }
            }
            backoff.pause().await;
        }
    }

    /// Opens the pile of a queue.
    ///
    /// # Errors
    /// When the broker does not let us.
    pub(super) async fn pile(&self, dead_letters: &str) -> Result<Pile, Failure> {
        Ok(Pile { channel: self.link.channel().await?, queue: dead_letters.to_owned() })
    }

    /// Lets the next one come.
    pub(super) async fn leave(&self) {
        leave(&self.lock, &self.name).await;
    }
}

/// The queue would else stay as long as the connection. What is said in vain now is heard when the broker answers again.
async fn leave(lock: &Channel, name: &str) {
    let leaving = async {
        let _ = lock.queue_delete(name.into(), QueueDeleteOptions::default()).await;
        let _ = lock.close(200, "OK".into()).await;
    };
    let _ = timeout(FAREWELL, leaving).await;
}

impl Pile {
    /// The next letter, into our hands. In a queue that is not there rests none.
    ///
    /// # Errors
    /// When the broker is away.
    pub(super) async fn next(&self) -> Result<Option<BasicGetMessage>, Failure> {
        match self.channel.basic_get(self.queue.as_str().into(), BasicGetOptions::default()).await {
            Err(cause) if is(&cause, NOT_FOUND) => Ok(None),
            got => got.map_err(|cause| failed(&cause)),
        }
    }

    /// Waits until the queue has noted what was acknowledged: it answers in order.
    ///
    /// # Errors
    /// When the broker is away, and it is not known what it has noted.
    pub(super) async fn noted(&self) -> Result<(), Failure> {
        self.next().await.map(drop)
    }

    /// Gives everything back that was not acknowledged. Should this fail, the end of the channel does it.
    pub(super) async fn put_back(&self) {
        let giving = async {
            let all = BasicNackOptions { multiple: true, requeue: true };
            let _ = self.channel.basic_nack(0, all).await;
            let _ = self.channel.close(200, "OK".into()).await;
        };
        let _ = timeout(FAREWELL, giving).await;
    }
}

/// How many letters rest in a queue that nobody holds in hand; none in one that is not there.
pub(super) async fn depth(link: &Link, queue: &str) -> Result<u64, Failure> {
    let channel = link.channel().await?;
    let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    match channel.queue_declare(queue.into(), passive, FieldTable::default()).await {
        Ok(declared) => {
            let _ = timeout(FAREWELL, channel.close(200, "OK".into())).await;
            Ok(declared.message_count().into())
        }
        Err(cause) if is(&cause, NOT_FOUND) => Ok(0),
        Err(cause) => Err(failed(&cause)),
    }
}

fn exclusive() -> QueueDeclareOptions {
    QueueDeclareOptions { exclusive: true, ..QueueDeclareOptions::default() }
}

/// A virtual host may make quorum queues of all that say nothing, and those cannot be exclusive.
fn classic() -> FieldTable {
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), AMQPValue::LongString("classic".into()));
    arguments
}

fn is(cause: &lapin::Error, code: u16) -> bool {
    matches!(cause.kind(), ErrorKind::ProtocolError(error) if error.get_id() == code)
}

fn failed(cause: &lapin::Error) -> Failure {
    Failure::passing("looking after dead letters", cause.to_string())
}
