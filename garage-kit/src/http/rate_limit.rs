//! A limit for what anybody may do: call an open route, be wrong about a token. It counts per peer address, in
//! memory of bounded size: who comes when the table is full shares one allowance with all others who do.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};

use super::{Peer, Problem};
use crate::clock::Clock;

/// Peers that are told apart at a time.
const PEERS: usize = 10_000;
const LONGEST_PERIOD: TimeDelta = TimeDelta::days(1);

/// So many requests at once, refilled evenly over a period (GCRA). Copies share the count.
#[derive(Clone, Debug)]
pub struct RateLimit {
    clock: Clock,
    gap: TimeDelta,
    burst: TimeDelta,
    /// When each peer's allowance will be full again.
    full: Arc<Mutex<HashMap<Peer, DateTime<Utc>>>>,
}

impl RateLimit {
    /// At most `requests` (at least one) in a row, and as many again per `period` (at most a day).
    #[must_use]
    pub fn new(requests: u32, period: Duration, clock: Clock) -> Self {
        let burst = TimeDelta::from_std(period).unwrap_or(LONGEST_PERIOD).min(LONGEST_PERIOD);
        let gap = burst / i32::try_from(requests.max(1)).unwrap_or(i32::MAX);
        Self { clock, gap, burst, full: Arc::default() }
    }

    /// Counts a request.
    ///
    /// # Errors
    /// 429 with `Retry-After` when it is one too many.
    pub fn check(&self, peer: Peer) -> Result<(), Problem> {
        let now = self.clock.now();
        let mut full = self.full.lock().unwrap_or_else(PoisonError::into_inner);
        if full.len() >= PEERS {
            full.retain(|_, at| *at > now);
        }
        let peer = if full.len() < PEERS || full.contains_key(&peer) { peer } else { Peer::OTHERS };
        let refilled = full.get(&peer).map_or(now, |at| now.max(*at)) + self.gap;
        let over = refilled - now - self.burst;
        if over > TimeDelta::zero() {
            return Err(Problem::too_many(over.to_std().unwrap_or_default()));
        }
        full.insert(peer, refilled);
        Ok(())
    }
}
