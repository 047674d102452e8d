//! How either bus asks its consumer. A consumer that fails in passing has decided nothing, so its batch comes again,
//! and that counts as no try. One that panics, fails lastingly or miscounts is asked again about each delivery alone,
//! so that a batch does not suffer for one of its own. What becomes of a delivery over which it fails even then, and
//! how its tries are remembered, is the bus's business.

use std::{any::Any, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures::FutureExt as _;

use super::{Consumer, Delivery, Retries, Verdict};
use crate::Failure;

/// At most so many deliveries are given to a consumer at once.
pub(super) const BATCH: usize = 256;

/// Asks a consumer.
pub(super) struct Judge {
    consumer: Arc<dyn Consumer>,
    retries: Retries,
}

/// What is to become of a delivery.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ruling {
    /// Its effect is committed, or it has none.
    Done,
    /// It is set aside.
    Rest {
        /// Why.
        reason: String,
        /// How often it was tried in vain, over all its deliveries.
        attempts: u32,
    },
    /// It is tried again.
    Again {
        /// How the consumer failed.
        cause: String,
        /// How often it was tried in vain, over all its deliveries.
        attempts: u32,
        /// When.
        pause: Duration,
    },
}

enum Undecided {
    /// It will pass: the whole batch waits, and no try counts.
    Passing(Failure),
    /// It will not: some delivery is the cause.
    Lasting(String),
}

impl Judge {
    pub(super) fn new(consumer: Arc<dyn Consumer>, retries: Retries) -> Self {
        Self { consumer, retries }
    }

    /// One ruling per delivery, in their order. One that has failed before is asked about alone from the start.
    ///
    /// # Errors
    /// When nothing was decided: the batch must come again.
    pub(super) async fn judge(&self, batch: &[Delivery]) -> Result<Vec<Ruling>, Failure> {
        let mut rulings = Vec::with_capacity(batch.len());
        for company in batch.chunk_by(|one, next| one.attempts == 0 && next.attempts == 0) {
            match self.ask(company).await {
                Ok(verdicts) => rulings.extend(company.iter().zip(verdicts).map(ruled)),
                Err(Undecided::Passing(failure)) => return Err(failure),
                Err(Undecided::Lasting(cause)) => match company {
                    [alone] => rulings.push(self.failed(cause, alone.attempts.saturating_add(1))),
                    _ => self.judge_each(company, &mut rulings).await?,
                },
            }
        }
        Ok(rulings)
    }

    /// Finds out which delivery it is. The try in company was one as well.
    async fn judge_each(&self, company: &[Delivery], rulings: &mut Vec<Ruling>) -> Result<(), Failure> {
        for delivery in company {
            match self.ask(std::slice::from_ref(delivery)).await {
                Ok(verdicts) => {
                    rulings.extend(verdicts.into_iter().map(|verdict| ruled((delivery, verdict))))
                }
                Err(Undecided::Passing(failure)) => return Err(failure),
                Err(Undecided::Lasting(cause)) => {
                    rulings.push(self.failed(cause, delivery.attempts.saturating_add(2)));
                }
            }
        }
        Ok(())
    }

    fn failed(&self, cause: String, attempts: u32) -> Ruling {
        match self.retries.pause_after(attempts) {
            Some(pause) => Ruling::Again { cause, attempts, pause },
            None => Ruling::Rest { reason: cause, attempts },
        }
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
        Err(Undecided::Lasting(cause))
    }
}

fn ruled((delivery, verdict): (&Delivery, Verdict)) -> Ruling {
    match verdict {
        Verdict::Done => Ruling::Done,
        Verdict::SetAside(reason) => Ruling::Rest { reason, attempts: delivery.attempts },
    }
}

fn text(panic: &(dyn Any + Send)) -> String {
    let said =
        panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("the consumer panicked: {}", said.unwrap_or("it did not say why"))
}
