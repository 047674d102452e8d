//! Sagas under way, many at once. Each belongs to the fault under which it began, and what becomes of it is written
//! down, also when its client gives up.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use futures::{StreamExt, stream};
use rand::rngs::StdRng;
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};

use crate::{
    client::Stubborn,
    replica::At,
    saga::{Mix, Moment, Story, Teller},
};

/// Orders under way at once, usually.
pub const AT_ONCE: usize = 12;

/// What is known of one saga from the outside.
#[derive(Clone, Debug)]
pub struct Saga {
    /// The fault under which it began.
    pub fault: String,
    /// How it goes.
    pub story: Story,
    /// The order's id, once there was an answer.
    pub order: Option<String>,
    /// How it went; none while it goes on.
    pub ended: Option<Result<(), String>>,
}

/// All sagas of a session.
#[derive(Clone, Default)]
pub struct Book(Arc<Mutex<Vec<Saga>>>);

impl Book {
    fn sagas(&self) -> MutexGuard<'_, Vec<Saga>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// As they are now.
    #[must_use]
    pub fn all(&self) -> Vec<Saga> {
        self.sagas().clone()
    }

    fn begin(&self, fault: &str, story: Story) -> usize {
        let mut sagas = self.sagas();
        sagas.push(Saga { fault: fault.to_owned(), story, order: None, ended: None });
        sagas.len() - 1
    }
}

/// The sagas of one fault, under way.
pub struct Load {
    fault: String,
    client: Arc<Stubborn>,
    book: Book,
    begun: Arc<AtomicUsize>,
    done: Arc<AtomicUsize>,
    wanted: usize,
    running: Vec<JoinHandle<()>>,
}

impl Load {
    /// Starts `count` sagas of this fault.
    #[must_use]
    pub fn start(
        client: &Arc<Stubborn>,
        book: &Book,
        fault: &str,
        count: usize,
        mix: Mix,
        rng: &mut StdRng,
    ) -> Self {
        let mut load = Self {
            fault: fault.to_owned(),
            client: Arc::clone(client),
            book: book.clone(),
            begun: Arc::default(),
            done: Arc::default(),
            wanted: 0,
            running: Vec::new(),
        };
        load.more(count, mix, rng);
        load
    }

    /// Starts more of them. Those whose quotes lapse wait for their time together, so they begin together.
    pub fn more(&mut self, count: usize, mix: Mix, rng: &mut StdRng) {
        let at_once = if mix == Mix::Lapses { count } else { AT_ONCE };
        self.crowd(count, at_once, mix, rng);
    }

    /// Starts more of them, so many at once.
    pub fn crowd(&mut self, count: usize, at_once: usize, mix: Mix, rng: &mut StdRng) {
        self.wanted += count;
        let stories: Vec<Story> = (0..count).map(|_| mix.draw(rng)).collect();
        let (client, book, fault) = (Arc::clone(&self.client), self.book.clone(), self.fault.clone());
        let (begun, done) = (Arc::clone(&self.begun), Arc::clone(&self.done));
        self.running.push(tokio::spawn(async move {
            let sagas = stream::iter(stories).map(|story| {
                let (client, book, fault) = (&client, &book, &fault);
                let (begun, done) = (&begun, &done);
                async move {
                    begun.fetch_add(1, Ordering::Relaxed);
                    one(client, book, fault, story).await;
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
            sagas.buffer_unordered(at_once).collect::<()>().await;
        }));
    }

    /// The fault that they meet.
    #[must_use]
    pub fn fault(&self) -> &str {
        &self.fault
    }

    /// How many have ended.
    #[must_use]
    pub fn done(&self) -> usize {
        self.done.load(Ordering::Relaxed)
    }

    /// How many of them have an order.
    #[must_use]
    pub fn opened(&self) -> usize {
        self.book.all().iter().filter(|saga| saga.fault == self.fault && saga.order.is_some()).count()
    }

    /// Whether all have ended.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.done() >= self.wanted
    }

    /// Waits until this share of them has ended, in percent.
    ///
    /// # Errors
    /// When none ends for a minute.
    pub async fn until(&self, percent: usize) -> Result<()> {
        let (mut seen, mut since) = (self.done(), Instant::now());
        while self.done() * 100 < self.wanted * percent {
            if self.done() > seen {
                (seen, since) = (self.done(), Instant::now());
            }
            let goes_on = since.elapsed() < Duration::from_secs(60);
            ensure!(goes_on, "{seen} of {} sagas are done, and no more for a minute", self.wanted);
            sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    /// Waits until some are under way.
    pub async fn until_begun(&self, count: usize) {
        while self.begun.load(Ordering::Relaxed) < count.min(self.wanted) {
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until each of its sagas has an order with a quote.
    ///
    /// # Errors
    /// When that takes longer than a client's patience.
    pub async fn until_quoted(&self) -> Result<()> {
        let deadline = Instant::now() + self.client.patience;
        loop {
            let sagas = self.book.all().into_iter().filter(|saga| saga.fault == self.fault);
            let orders: Vec<String> = sagas.filter_map(|saga| saga.order).collect();
            if orders.len() >= self.wanted {
                for order in orders {
                    self.client.see(At::Billing, &format!("/quotes/work-order/{order}"), |_| true).await?;
                }
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "orders are not opened");
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits for the rest, at most so long; those that take longer go on by themselves.
    pub async fn settle(self, patience: Duration) -> Vec<JoinHandle<()>> {
        let deadline = Instant::now() + patience;
        while !self.is_over() && Instant::now() < deadline {
            sleep(Duration::from_millis(20)).await;
        }
        self.running
    }
}

/// One saga that is only there to see whether every service hears again; how long that took.
///
/// # Errors
/// When it takes longer than a client's patience.
pub async fn probe(client: &Stubborn, book: &Book, fault: &str) -> Result<Duration> {
    let begun = Instant::now();
    let story = Story::Cancelled(Moment::Approved);
    let number = book.begin(fault, story);
    let key = format!("saga-{number}");
    let teller = Teller { client, key: &key, story };
    let told = async {
        let order = teller.open().await?;
        book.sagas()[number].order = Some(order.clone());
        teller.approved(&order).await?;
        client.see(At::Os, &format!("/work-orders/{order}"), |seen| seen["status"] == "APPROVED").await?;
        client.see(At::Execution, &format!("/executions/work-order/{order}"), |_| true).await?;
        let heard = begun.elapsed();
        teller.tell(&order).await?;
        Ok(heard)
    };
    let told: Result<Duration> = told.await;
    let ended = told.as_ref().map(drop).map_err(|cause| format!("{cause:#}"));
    book.sagas()[number].ended = Some(ended);
    told
}

async fn one(client: &Stubborn, book: &Book, fault: &str, story: Story) {
    let number = book.begin(fault, story);
    let key = format!("saga-{number}");
    let teller = Teller { client, key: &key, story };
    let told = async {
        let order = teller.open().await?;
        book.sagas()[number].order = Some(order.clone());
        let told = teller.tell(&order).await;
        told.with_context(|| format!("order {order}"))
    };
    let ended = timeout(client.patience * 2, told).await;
    let ended = ended.unwrap_or_else(|_| Err(anyhow::anyhow!("its client lost patience")));
    book.sagas()[number].ended = Some(ended.map_err(|cause| format!("{cause:#}")));
}
