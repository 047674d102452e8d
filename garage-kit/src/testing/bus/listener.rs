//! A consumer that does as a test tells it, and remembers what it has taken.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::{Mutex, Semaphore, watch};

use super::within;
use crate::{
    Failure,
    bus::{Consumer, Delivery, Verdict},
};

type Answer = Box<dyn Fn(usize, &[Delivery]) -> Result<Vec<Verdict>, Failure> + Send + Sync>;

/// A consumer that remembers what it has taken.
pub struct Listener {
    answer: Answer,
    gate: Semaphore,
    asked: watch::Sender<usize>,
    taken: watch::Sender<Vec<Vec<Delivery>>>,
    turn: Mutex<()>,
}

impl Listener {
    /// Takes everything.
    #[must_use]
    pub fn willing() -> Arc<Self> {
        Self::answering(|_, batch| Ok(done(batch)))
    }

    /// Answers the first, second, … batch as told.
    pub fn answering(
        answer: impl Fn(usize, &[Delivery]) -> Result<Vec<Verdict>, Failure> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self::with_gate(Box::new(answer), Semaphore::MAX_PERMITS))
    }

    /// Takes nothing before [`Self::open`].
    #[must_use]
    pub fn waiting() -> Arc<Self> {
        Arc::new(Self::with_gate(Box::new(|_, batch| Ok(done(batch))), 0))
    }

    fn with_gate(answer: Answer, permits: usize) -> Self {
        let (asked, taken) = (watch::Sender::new(0), watch::Sender::new(Vec::new()));
        Self { answer, gate: Semaphore::new(permits), asked, taken, turn: Mutex::default() }
    }

    /// Lets everything through.
    pub fn open(&self) {
        self.gate.add_permits(Semaphore::MAX_PERMITS / 2);
    }

    /// Waits until it has been asked so often.
    pub async fn asked(&self, times: usize) {
        let mut asked = self.asked.subscribe();
        let _ = within("the consumer is asked", asked.wait_for(|asked| *asked >= times)).await;
    }

    /// What it took, once that is at least so much.
    pub async fn took(&self, count: usize) -> Vec<Delivery> {
        let mut taken = self.taken.subscribe();
        let enough = |batches: &Vec<Vec<Delivery>>| batches.iter().map(Vec::len).sum::<usize>() >= count;
        let taken =
            within("the consumer takes it", taken.wait_for(enough)).await.expect("the listener is there");
        taken.concat()
    }

    /// How large its batches were.
    #[must_use]
    pub fn batches(&self) -> Vec<usize> {
        self.taken.borrow().iter().map(Vec::len).collect()
    }
}

#[async_trait]
impl Consumer for Listener {
    async fn consume(&self, batch: &[Delivery]) -> Result<Vec<Verdict>, Failure> {
        let mut call = 0;
        self.asked.send_modify(|asked| {
            *asked += 1;
            call = *asked;
        });
        let _turn = self.turn.try_lock().expect("a consumer has one batch at a time");
        drop(self.gate.acquire().await);
        let verdicts = (self.answer)(call, batch)?;
        if verdicts.len() == batch.len() {
            self.taken.send_modify(|taken| taken.push(batch.to_vec()));
        }
        Ok(verdicts)
    }
}

/// Takes a whole batch.
#[must_use]
pub fn done(batch: &[Delivery]) -> Vec<Verdict> {
    batch.iter().map(|_| Verdict::Done).collect()
}
