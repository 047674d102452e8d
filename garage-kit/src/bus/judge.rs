//! How either bus asks its consumer. A consumer that panics or miscounts has decided nothing, so its batch
//! comes again; a delivery that panics again and again even when it comes alone is set aside, or it would
//! hold up everything behind it for ever. What becomes of a verdict is the bus's business.

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
/// How often a delivery may panic alone before it is set aside.
const PATIENCE: u32 = 3;

/// A consumer, and what it has panicked over.
pub(super) struct Judge {
    consumer: Arc<dyn Consumer>,
    panics: Mutex<HashMap<(String, Vec<u8>), u32>>,
}

enum Undecided {
    Failed(Failure),
    Panicked(String),
}

impl Judge {
    pub(super) fn new(consumer: Arc<dyn Consumer>) -> Self {
        Self { consumer, panics: Mutex::default() }
    }

    /// One verdict per delivery, in their order.
    ///
    /// # Errors
    /// When nothing was decided: the batch must come again.
    pub(super) async fn judge(&self, batch: &[Delivery]) -> Result<Vec<Verdict>, Failure> {
        match self.ask(batch).await {
            Ok(verdicts) => Ok(verdicts),
            Err(Undecided::Failed(failure)) => Err(failure),
            Err(Undecided::Panicked(_)) => self.judge_each(batch).await,
        }
    }

    /// Finds out which delivery it is that panics; the others must not suffer for it.
    async fn judge_each(&self, batch: &[Delivery]) -> Result<Vec<Verdict>, Failure> {
        let mut verdicts = Vec::with_capacity(batch.len());
        for delivery in batch {
            match self.ask(std::slice::from_ref(delivery)).await {
                Ok(alone) => verdicts.extend(alone),
                Err(Undecided::Failed(failure)) => return Err(failure),
                Err(Undecided::Panicked(panic)) => verdicts.push(self.panicked(delivery, panic)?),
            }
        }
        self.panics().clear();
        Ok(verdicts)
    }

    fn panicked(&self, delivery: &Delivery, panic: String) -> Result<Verdict, Failure> {
        let mut panics = self.panics();
        let times = panics.entry((delivery.queue.clone(), delivery.body.clone())).or_default();
        *times += 1;
        if *times < PATIENCE {
            return Err(Failure::passing("consuming", panic));
        }
        Ok(Verdict::SetAside(panic))
    }

    async fn ask(&self, batch: &[Delivery]) -> Result<Vec<Verdict>, Undecided> {
        let answer = AssertUnwindSafe(self.consumer.consume(batch)).catch_unwind().await;
        let verdicts =
            answer.map_err(|panic| Undecided::Panicked(text(&*panic)))?.map_err(Undecided::Failed)?;
        if verdicts.len() == batch.len() {
            return Ok(verdicts);
        }
        let cause = format!("{} verdicts were given for {} deliveries", verdicts.len(), batch.len());
        Err(Undecided::Failed(Failure::lasting("consuming", cause)))
    }

    fn panics(&self) -> MutexGuard<'_, HashMap<(String, Vec<u8>), u32>> {
        self.panics.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn text(panic: &(dyn Any + Send)) -> String {
    let said =
        panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("the consumer panicked: {}", said.unwrap_or("it did not say why"))
}
