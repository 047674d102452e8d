//! What one queue's consumer has on the way, for a gentle stop. What a broker has sent to a consumer when that is
//! cancelled, and the consumer has not seen, goes back and comes to somebody else marked as delivered before. So a
//! consumer is cancelled when nothing can be on its way: its prefetch is used up, or nothing has moved for a while.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

/// Unacknowledged deliveries of one queue.
const PREFETCH: u16 = 64;
/// Of one whose deliveries gather: more than a batch of them, so that the next can gather meanwhile.
const GATHERING: u16 = 512;
/// Nothing is on its way if nothing has come, and nothing was acknowledged, for so long.
pub(super) const QUIET: Duration = Duration::from_millis(150);

/// One queue's consumer.
pub(super) struct Station {
    pub(super) queue: Arc<str>,
    /// Whether its deliveries may gather.
    pub(super) gathers: bool,
    /// Deliveries that are not acknowledged.
    open: usize,
    /// When it last took or acknowledged something.
    stirred: Instant,
    pub(super) cancelled: bool,
}

impl Station {
    pub(super) fn new(queue: Arc<str>, gathers: bool) -> Self {
        Self { queue, gathers, open: 0, stirred: Instant::now(), cancelled: false }
    }

    pub(super) const fn took(&mut self, now: Instant) {
        self.open += 1;
        self.stirred = now;
    }

    pub(super) const fn acknowledged(&mut self, now: Instant) {
        self.open = self.open.saturating_sub(1);
        self.stirred = now;
    }

    /// How many deliveries the broker may have underway to it.
    pub(super) const fn prefetch(&self) -> u16 {
        if self.gathers { GATHERING } else { PREFETCH }
    }

    /// Whether it can be cancelled without sending anything back.
    pub(super) fn is_still(&self) -> bool {
        self.open >= usize::from(self.prefetch()) || self.stirred.elapsed() >= QUIET
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_consumer_is_still_when_its_prefetch_is_used_up_or_nothing_moves() {
        let mut station = Station::new("till-orders".into(), false);
        station.took(Instant::now());
        assert!(!station.is_still(), "more may be on its way");
        tokio::time::advance(QUIET).await;
        assert!(station.is_still());
        station.acknowledged(Instant::now());
        assert!(!station.is_still(), "an acknowledgement asks for more");
        (0..PREFETCH).for_each(|_| station.took(Instant::now()));
        assert!(station.is_still());
    }
}
