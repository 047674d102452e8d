//! How either bus asks its consumer. A consumer that panics, fails or miscounts has decided nothing, so its batch
//! comes again; a delivery that even alone makes it panic, or fail in a way that does not pass, is set aside after
//! a few tries, or it would hold up everything behind it for ever. What becomes of a verdict is the bus's business.

use std::{
    any::Any,
    collections::HashMap,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures::FutureExt as _;

use super::{Consumer, Delivery, Verdict};
use crate::Failure;

/// At most so many deliveries are given to a consumer at once.
pub(super) const BATCH: usize = 256;
/// How often a delivery may panic or lastingly fail alone before it is set aside.
const PATIENCE: u32 = 3;

/// A consumer, and what it has given up over.
pub(super) struct Judge {
    consumer: Arc<dyn Consumer>,
    tries: Mutex<HashMap<(String, Vec<u8>), u32>>,
}

enum Undecided {
    /// It will pass: the whole batch waits, and no try counts.
    Passing(Failure),
    /// It will not: some delivery is the cause.
    Lasting(String),
}

impl Judge {
    pub(super) fn new(consumer: Arc<dyn Consumer>) -> Self {
        Self { consumer, tries: Mutex::default() }
    }

    /// One verdict per delivery, in their order.
    ///
    /// # Errors
    /// When nothing was decided: the batch must come again.
    pub(super) async fn judge(&self, batch: &[Delivery]) -> Result<Vec<Verdict>, Failure> {
        match self.ask(batch).await {
            Ok(verdicts) => Ok(verdicts),
            Err(Undecided::Passing(failure)) => Err(failure),
            Err(Undecided::Lasting(_)) => self.judge_each(batch).await,
        }
    }

    /// Finds out which delivery it is; the others must not suffer for it.
    async fn judge_each(&self, batch: &[Delivery]) -> Result<Vec<Verdict>, Failure> {
        let mut verdicts = Vec::with_capacity(batch.len());
        for delivery in batch {
            match self.ask(std::slice::from_ref(delivery)).await {
                Ok(alone) => verdicts.extend(alone),
                Err(Undecided::Passing(failure)) => return Err(failure),
                Err(Undecided::Lasting(cause)) => verdicts.push(self.hopeless(delivery, cause)?),
            }
        }
        self.tries().clear();
        Ok(verdicts)
    }

    fn hopeless(&self, delivery: &Delivery, cause: String) -> Result<Verdict, Failure> {
        let mut tries = self.tries();
        let times = tries.entry((delivery.queue.clone(), delivery.body.clone())).or_default();
        *times += 1;
        if *times < PATIENCE {
            return Err(Failure::passing("consuming", cause));
        }
        Ok(Verdict::SetAside(cause))
    }

    async fn ask(&self, batch: &[Delivery]) -> Result<Vec<Verdict>, Undecided> {
        let answer = AssertUnwindSafe(self.consumer.consume(batch)).catch_unwind().await;
        let answer = answer.map_err(|panic| Undecided::Lasting(text(&*panic)))?;
        let verdicts = answer.map_err(|failure| match failure.is_passing() {
            true => Undecided::Passing(failure),
            false => Undecided::Lasting(failure.to_string()),
        })?;
        if verdicts.len() == batch.len() {
            return Ok(verdicts);
        }
        let cause = format!("{} verdicts were given for {} deliveries", verdicts.len(), batch.len());
        Err(Undecided::Passing(Failure::passing("consuming", cause)))
    }

    fn tries(&self) -> MutexGuard<'_, HashMap<(String, Vec<u8>), u32>> {
        self.tries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn text(panic: &(dyn Any + Send)) -> String {
    let said =
        panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("the consumer panicked: {}", said.unwrap_or("it did not say why"))
}
