//! Tries again what was parked, once its time has come: a task per member, which sleeps for as long as nothing waits.
//! It takes its turn like any publisher, so that a consumer still has one batch at a time.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use chrono::{DateTime, Utc};
use tokio::{sync::Notify, time::sleep};

use super::{Desk, delivery, parked};
use crate::{Failure, bus::backoff::Backoff, clock::Clock};

/// How often the clock is looked at: it may be one that somebody turns.
const LOOK: Duration = Duration::from_millis(250);

/// Goes on until the member is gone.
pub(super) async fn keep_trying(desk: Weak<Desk>, stirred: Arc<Notify>, clock: Clock) {
    let mut backoff = Backoff::default();
    while let Some(desk) = desk.upgrade().filter(|desk| !desk.is_gone()) {
        let next = desk.try_again(&clock).await;
        drop(desk);
        match next {
            Ok(next) => {
                backoff = Backoff::default();
                tokio::select! {
                    () = stirred.notified() => {}
                    () = until(next, &clock) => {}
                }
            }
            Err(failure) => {
                tracing::debug!(%failure, "parked messages wait");
                backoff.pause().await;
            }
        }
    }
}

async fn until(due: Option<DateTime<Utc>>, clock: &Clock) {
    let Some(due) = due else { return std::future::pending().await };
    while let Ok(left) = (due - clock.now()).to_std()
        && !left.is_zero()
    {
        sleep(left.min(LOOK)).await;
    }
}

impl Desk {
    /// Tries what is due, and says when to come again.
    async fn try_again(&self, clock: &Clock) -> Result<Option<DateTime<Utc>>, Failure> {
        let _turn = self.turn.lock().await;
        let judge = self.judge()?;
        let mut waiting = parked::waiting(&*self.store, &self.topology.consumes).await?;
        let now = clock.now();
        let later = waiting.split_off(waiting.partition_point(|one| one.state.due <= now));
        if waiting.is_empty() {
            return Ok(later.first().map(|one| one.state.due));
        }
        let deliveries: Vec<_> = waiting
            .iter()
            .map(|one| delivery(&one.state.queue, &one.state.message, one.state.attempts))
            .collect();
        let rulings = judge.judge(&deliveries).await?;
        parked::settle(&*self.store, waiting.into_iter().zip(rulings).collect(), clock.now()).await?;
        Ok(Some(now))
    }
}
