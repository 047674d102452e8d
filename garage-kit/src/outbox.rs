//! The one way into a store and the one way out. Writers that arrive together are committed together (group
//! commit). What a commit tells is published right after it, without reading it back; what could not leave,
//! because the broker was away too long or did not take it, or the process died, is swept up from the store and leaves
//! later. A message may leave twice, never not at all: consumers do not mind.

use std::{
    collections::HashSet,
    future::Future,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use chrono::TimeDelta;
use tokio::{
    sync::{broadcast, mpsc, oneshot},
    task::JoinHandle,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::held::Held;
use crate::{
    Failure,
    bus::{Bus, backoff::Backoff},
    clock::Clock,
    crash,
    store::{Change, Message, Outcome, Store},
};

mod held;
#[cfg(test)]
mod tests;

/// Changes that share one commit.
const GROUP: usize = 256;
/// Messages that share one publish.
const BATCH: usize = 256;
/// Messages that wait in memory; any more wait in the store alone, where they are anyway.
const WAITING: usize = 8192;
/// How old an unsent message must be before the sweep takes it for left behind.
const LEFT_BEHIND: TimeDelta = TimeDelta::seconds(3);
/// By how much the clock of whoever stored a message may have been ahead of ours.
const AHEAD: TimeDelta = TimeDelta::days(1);
/// After so many looks of the sweep one looks for messages that such a clock has dated.
const LOOKS: u32 = 10;
/// How often the sweep looks.
const SWEEP: Duration = Duration::from_secs(1);
/// How long confirmed messages gather before they are marked, unless there are [`MANY`]: one that is marked late costs a
/// repeat after a crash, and nothing else.
const GATHERING: Duration = Duration::from_secs(1);
/// So many confirmed messages are marked without waiting for more, and so many are swept up at once.
const MANY: usize = 4 * BATCH;
/// The sweep looks past so many messages that are held back; what is behind more waits until they leave.
const LOOKED_PAST: usize = 65_536;
/// So often a message is tried, within some tenths of a second, before it is held back: a queue that chooses another leader
/// is soon back.
const TRIES: u32 = 4;
/// How often a flush looks whether all is out.
const LOOK: Duration = Duration::from_millis(5);

type Answer = oneshot::Sender<Result<Vec<Outcome>, Failure>>;

struct Write {
    changes: Vec<Change>,
    answer: Answer,
}

/// A store with its writer and its relay. Copies share them.
#[derive(Clone)]
pub struct Outbox {
    shared: Arc<Shared>,
    tasks: Arc<Mutex<Vec<Task>>>,
}

struct Task {
    closing: CancellationToken,
    handle: JoinHandle<()>,
}

impl Task {
    fn start<F: Future<Output = ()> + Send + 'static>(work: impl FnOnce(CancellationToken) -> F) -> Self {
        let closing = CancellationToken::new();
        Self { handle: tokio::spawn(work(closing.clone())), closing }
    }
}

struct Shared {
    store: Arc<dyn Store>,
    bus: Arc<dyn Bus>,
    clock: Clock,
    writes: mpsc::Sender<Write>,
    leaving: mpsc::Sender<Message>,
    confirmed: mpsc::Sender<Message>,
    told: broadcast::Sender<Arc<Message>>,
    underway: Mutex<Underway>,
    held: Mutex<Held>,
    /// As the sweep last found.
    unheard: AtomicUsize,
    /// Marks gather no more.
    hurry: CancellationToken,
}

/// Messages that this process sees to: the sweep must not take these too.
#[derive(Default)]
struct Underway {
    /// In memory or being published.
    leaving: HashSet<Uuid>,
    /// Gone, and not yet marked.
    confirmed: HashSet<Uuid>,
}

impl Underway {
    fn is_empty(&self) -> bool {
        self.leaving.is_empty() && self.confirmed.is_empty()
    }

    /// Whether it was not yet seen to.
    fn take(&mut self, id: Uuid) -> bool {
        !self.confirmed.contains(&id) && self.leaving.insert(id)
    }

    fn confirm(&mut self, ids: &HashSet<Uuid>) {
        for id in ids {
            self.leaving.remove(id);
            self.confirmed.insert(*id);
        }
    }
}

impl Outbox {
    /// Starts the writer, the relay and the sweep over `store`; messages leave through `bus`.
    #[must_use]
    pub fn start(store: Arc<dyn Store>, bus: Arc<dyn Bus>, clock: Clock) -> Self {
        let (writes, written) = mpsc::channel(1024);
        let (leaving, left) = mpsc::channel(WAITING);
        let (confirmed, marked) = mpsc::channel(WAITING);
        let shared = Arc::new(Shared {
            store,
            bus,
            clock,
            writes,
            leaving,
            confirmed,
            told: broadcast::channel(1024).0,
            underway: Mutex::default(),
            held: Mutex::default(),
            unheard: AtomicUsize::new(0),
            hurry: CancellationToken::new(),
        });
        let tasks = vec![
            Task::start(|closing| sweep(shared.clone(), closing)),
            Task::start(|closing| write(shared.clone(), written, closing)),
            Task::start(|closing| relay(shared.clone(), left, closing)),
            Task::start(|closing| mark(shared.clone(), marked, closing)),
        ];
        Self { shared, tasks: Arc::new(Mutex::new(tasks)) }
    }

    /// The store, for reading.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.shared.store
    }

    /// Whatever this process commits from now on, for those who watch live.
    #[must_use]
    pub fn watch(&self) -> broadcast::Receiver<Arc<Message>> {
        self.shared.told.subscribe()
    }

    /// How many messages stay in the outbox because nobody listens for them, as far as the sweep has looked: a fresh one
    /// counts after some seconds.
    #[must_use]
    pub fn unroutable(&self) -> usize {
        self.shared.unheard.load(Ordering::Relaxed)
    }

    /// Before a stop: waits until what was committed has left and is marked, but not longer than `patience`; what has not
    /// is in the store.
    pub async fn flush(&self, patience: Duration) {
        self.shared.hurry.cancel();
        let leaving = async {
            while !self.shared.underway().is_empty() {
                sleep(LOOK).await;
            }
        };
        let _ = timeout(patience, leaving).await;
    }

    /// Writes changes, durably, together with whatever others write at this moment. One outcome per change.
    ///
    /// # Errors
    /// When it is not known that they were written; see [`Store::commit`].
    pub async fn commit(&self, changes: Vec<Change>) -> Result<Vec<Outcome>, Failure> {
        if changes.is_empty() {
            return Ok(Vec::new());
        }
        let (answer, outcomes) = oneshot::channel();
        let stopped = || Failure::passing("committing", "the program is stopping");
        self.shared.writes.send(Write { changes, answer }).await.map_err(|_| stopped())?;
        outcomes.await.map_err(|_| stopped())?
    }

    /// Finishes what waits, in the order in which it flows: changes, then their messages, then their marks.
    /// What the bus does not take now stays in the store. Call it when no more changes come.
    pub async fn close(&self) {
        let tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        self.shared.hurry.cancel();
        for task in tasks {
            task.closing.cancel();
            if let Err(cause) = task.handle.await {
                tracing::error!(%cause, "a task of the outbox ended badly");
            }
        }
    }
}

impl Shared {
    fn underway(&self) -> MutexGuard<'_, Underway> {
        self.underway.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the relay has time for what was left behind. What has left, and only waits for its mark, is no work.
    fn few_wait(&self) -> bool {
        self.underway().leaving.len() < BATCH
    }

    fn have_left<'a>(&self, messages: impl Iterator<Item = &'a Message>) {
        let mut held = self.held();
        messages.for_each(|message| held.has_left(&message.topic));
    }

    /// Leaves a message to the sweep.
    fn leave_behind(&self, message: &Message) {
        self.underway().leaving.remove(&message.id);
    }

    /// Hands a stored message to the relay, unless memory is full: then the sweep will find it.
    fn let_go(&self, message: Message) {
        let _ = self.told.send(Arc::new(message.clone()));
        self.underway().take(message.id);
        if let Err(message) = self.leaving.try_send(message) {
            self.leave_behind(&message.into_inner());
        }
    }
}

/// The writer: one commit at a time, each with everything that waited for it.
async fn write(shared: Arc<Shared>, mut writes: mpsc::Receiver<Write>, closing: CancellationToken) {
    let mut held: Vec<Write> = Vec::new();
    loop {
        if held.is_empty() && !receive(&closing, &mut writes, &mut held, 1).await {
            return;
        }
        while held.len() < GROUP
            && let Ok(write) = writes.try_recv()
        {
            held.push(write);
        }
        let (group, later) = without_repeats(std::mem::take(&mut held));
        held = later;
        commit(&shared, group).await;
    }
}

/// A batch names a record once. Whoever names it again read a version that is about to pass, and is told so
/// by the next commit.
fn without_repeats(writes: Vec<Write>) -> (Vec<Write>, Vec<Write>) {
    let mut named = HashSet::new();
    writes.into_iter().partition(|write| {
        let fresh = write.changes.iter().all(|change| !named.contains(&(change.kind.name, change.id)));
        if fresh {
            named.extend(write.changes.iter().map(|change| (change.kind.name, change.id)));
        }
        fresh
    })
}

/// Commits a group; when something in it can never be written, each of its writes alone, so that strangers who happened
/// to come along do not suffer.
async fn commit(shared: &Shared, group: Vec<Write>) {
    let (mut waiting, mut changes) = (Vec::new(), Vec::new());
    for write in group {
        waiting.push((write.answer, write.changes.len()));
        changes.extend(write.changes);
    }
    if crash::planted("publish-before-commit") {
        let told: Vec<Message> = changes.iter().flat_map(|change| change.messages.clone()).collect();
        let _ = shared.bus.publish(&told).await;
    }
    crash::point("outbox-before-commit");
    let committed = shared.store.commit(&changes).await;
    crash::point("outbox-after-commit");
    match committed {
        Ok(outcomes) => settle(shared, waiting, changes, outcomes),
        Err(failure) if waiting.len() > 1 && !failure.is_passing() => {
            let mut changes = changes.into_iter();
            for (answer, size) in waiting {
                let own: Vec<Change> = changes.by_ref().take(size).collect();
                match shared.store.commit(&own).await {
                    Ok(outcomes) => settle(shared, vec![(answer, size)], own, outcomes),
                    Err(failure) => refuse(vec![(answer, size)], &failure),
                }
            }
        }
        Err(failure) => refuse(waiting, &failure),
    }
}

fn refuse(waiting: Vec<(Answer, usize)>, failure: &Failure) {
    for (answer, _) in waiting {
        let _ = answer.send(Err(failure.again()));
    }
}

fn settle(shared: &Shared, waiting: Vec<(Answer, usize)>, changes: Vec<Change>, outcomes: Vec<Outcome>) {
    let mut rest = outcomes.clone().into_iter();
    for (answer, size) in waiting {
        let _ = answer.send(Ok(rest.by_ref().take(size).collect()));
    }
    let stored = changes.into_iter().zip(outcomes).filter(|(_, outcome)| *outcome == Outcome::Committed);
    for message in stored.flat_map(|(change, _)| change.messages) {
        shared.let_go(message);
    }
}

/// The relay: publishes batch by batch, and does not go on before a batch is out.
async fn relay(shared: Arc<Shared>, mut leaving: mpsc::Receiver<Message>, closing: CancellationToken) {
    let mut batch = Vec::new();
    while receive(&closing, &mut leaving, &mut batch, BATCH).await {
        crash::point("relay-claimed");
        publish(&shared, &mut batch, &closing).await;
    }
}

/// Publishes until every message is confirmed or left to the sweep, because nobody hears it or the bus does not take it
/// although it is there. A bus that is away is waited for. When the program stops, what is left stays in the store.
async fn publish(shared: &Shared, batch: &mut Vec<Message>, closing: &CancellationToken) {
    let (mut backoff, mut tries) = (Backoff::default(), 0);
    loop {
        let published = shared.bus.publish(batch).await;
        if !published.confirmed.is_empty() {
            crash::point("relay-confirmed");
        }
        let confirmed: HashSet<Uuid> = published.confirmed.into_iter().collect();
        let unheard: HashSet<Uuid> = published.unroutable.into_iter().collect();
        shared.underway().confirm(&confirmed);
        shared.have_left(batch.iter().filter(|message| confirmed.contains(&message.id)));
        for message in batch.extract_if(.., |message| confirmed.contains(&message.id)) {
            let _ = shared.confirmed.send(message).await;
        }
        for message in batch.extract_if(.., |message| unheard.contains(&message.id)) {
            shared.held().nobody_heard(&message);
            shared.leave_behind(&message);
        }
        if batch.is_empty() {
            return;
        }
        tries = if shared.bus.ready().is_ok() { tries + 1 } else { 0 };
        if tries > 0 {
            hold_back(shared, batch, tries, published.failure.as_ref());
        }
        if batch.is_empty() {
            return;
        }
        if let Some(failure) = published.failure {
            tracing::debug!(%failure, waiting = batch.len(), "events could not leave");
        }
        if closing.is_cancelled() {
            return batch.clear();
        }
        let _ = closing.run_until_cancelled(backoff.pause()).await;
    }
}

/// Leaves to the sweep what was tried enough, and what is of a topic that is known not to leave.
fn hold_back(shared: &Shared, batch: &mut Vec<Message>, tries: u32, failure: Option<&Failure>) {
    for message in batch.extract_if(.., |message| tries >= TRIES || shared.held().holds(&message.topic)) {
        shared.held().refused(&message, failure);
        shared.leave_behind(&message);
    }
}

/// The marker: takes confirmed messages off the store, many at a time, while the next batch is on its way.
async fn mark(shared: Arc<Shared>, mut confirmed: mpsc::Receiver<Message>, closing: CancellationToken) {
    let mut batch = Vec::new();
    while receive(&closing, &mut confirmed, &mut batch, MANY).await {
        let more = async { while batch.len() < MANY && confirmed.recv_many(&mut batch, MANY).await > 0 {} };
        let _ = shared.hurry.run_until_cancelled(timeout(GATHERING, more)).await;
        crash::point("relay-before-mark");
        if let Err(failure) = shared.store.sent(&batch).await {
            tracing::warn!(%failure, messages = batch.len(), "confirmed events could not be marked; they will leave again");
        }
        crash::point("relay-marked");
        let mut underway = shared.underway();
        for message in batch.drain(..) {
            underway.confirmed.remove(&message.id);
        }
    }
}

/// The sweep: at start everything, later what was left behind. Other replicas' fresh messages are theirs.
async fn sweep(shared: Arc<Shared>, closing: CancellationToken) {
    let (mut age, mut looks, mut dated_ahead, mut look) = (-AHEAD, 0, HashSet::new(), Look::default());
    while closing.run_until_cancelled(shared.bus.wait_until_ready()).await.is_some() {
        if shared.few_wait()
            && let Some(done) = sweep_once(&shared, age, look, &closing).await
        {
            (age, look) = (LEFT_BEHIND, done);
            looks += 1;
            if looks % LOOKS == 0 {
                sweep_ahead(&shared, &mut dated_ahead, look, &closing).await;
            }
        }
        if closing.run_until_cancelled(sleep(look.rest())).await.is_none() {
            return;
        }
    }
}

/// What came of a look.
#[derive(Clone, Copy, Default)]
struct Look {
    /// So many were handed to the relay.
    taken: usize,
    /// So many had to be looked past, as they are held back.
    looked_past: usize,
}

impl Look {
    /// To look past many takes time, so that it is done less often, unless it was worth it.
    fn rest(self) -> Duration {
        let times = if self.taken < MANY { self.looked_past / MANY } else { 0 };
        SWEEP.saturating_mul(1 + u32::try_from(times).unwrap_or(u32::MAX))
    }
}

/// `None` when the store could not be read, or the program stops.
async fn sweep_once(
    shared: &Shared,
    age: TimeDelta,
    last: Look,
    closing: &CancellationToken,
) -> Option<Look> {
    let messages = unsent(shared, age, last).await?;
    if !messages.is_empty() {
        crash::point("sweep-claimed");
    }
    let unheard = {
        let held = shared.held();
        messages.iter().filter(|message| held.is_unheard(&message.topic)).count()
    };
    shared.unheard.store(unheard, Ordering::Relaxed);
    take(shared, messages, closing).await
}

/// What a clock ahead of ours has dated would wait until ours is there, should its writer have died: so it is left behind
/// once it was seen in two looks.
async fn sweep_ahead(shared: &Shared, seen: &mut HashSet<Uuid>, last: Look, closing: &CancellationToken) {
    let Some(messages) = unsent(shared, -AHEAD, last).await else { return };
    let (left_behind, fresh): (Vec<_>, Vec<_>) =
        messages.into_iter().partition(|message| seen.contains(&message.id));
    *seen = fresh.into_iter().map(|message| message.id).collect();
    take(shared, left_behind, closing).await;
}

/// The oldest messages that are older than this; none when the store cannot be read.
async fn unsent(shared: &Shared, age: TimeDelta, last: Look) -> Option<Vec<Message>> {
    // The oldest come first; those that are held back, more than were seen last perhaps, and those that only wait for
    // their marks must not hide what is behind them.
    let held_back = (2 * last.looked_past).min(LOOKED_PAST);
    let limit = MANY + held_back + shared.underway().confirmed.len();
    let limit = u32::try_from(limit).unwrap_or(u32::MAX);
    let read = shared.store.unsent(shared.clock.now() - age, limit).await;
    read.inspect_err(|failure| tracing::warn!(%failure, "the outbox cannot be swept")).ok()
}

/// Hands messages to the relay, as many as it has time for; `None` when the program stops.
async fn take(shared: &Shared, messages: Vec<Message>, closing: &CancellationToken) -> Option<Look> {
    let mut look = Look::default();
    for message in messages {
        if look.taken == MANY {
            break;
        }
        let id = message.id;
        if !shared.underway().take(id) {
            continue;
        }
        if !shared.held().may_try(&message.topic) {
            shared.leave_behind(&message);
            look.looked_past += 1;
        } else if closing.run_until_cancelled(shared.leaving.send(message)).await.is_some() {
            look.taken += 1;
        } else {
            shared.underway().leaving.remove(&id);
            return None;
        }
    }
    Some(look)
}

/// Waits for at least one item and takes up to `limit`. Once closing, takes what is there and then says no:
/// whoever feeds this source has ended before.
async fn receive<T>(
    closing: &CancellationToken,
    source: &mut mpsc::Receiver<T>,
    into: &mut Vec<T>,
    limit: usize,
) -> bool {
    if let Some(taken) = closing.run_until_cancelled(source.recv_many(into, limit)).await {
        return taken > 0;
    }
    source.close();
    source.recv_many(into, limit).await > 0
}
