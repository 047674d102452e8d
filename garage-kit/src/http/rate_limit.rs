//! A limit for routes that anybody may call. It counts per peer address, in memory of bounded size: who
//! comes when the table is full shares one allowance with all others who do. `X-Forwarded-For` is never
//! believed, as any caller can write it.

use std::{
    collections::HashMap,
    convert::Infallible,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::request::Parts,
};
use chrono::{DateTime, TimeDelta, Utc};

use super::Problem;
use crate::clock::Clock;

/// Peers that are told apart at a time.
const PEERS: usize = 10_000;
const LONGEST_PERIOD: TimeDelta = TimeDelta::days(1);

/// Whoever holds the other end of the connection; a whole /64 for IPv6, as one customer gets that many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Peer(IpAddr);

impl Peer {
    /// All whose address is not known, or who found the table full.
    const OTHERS: Self = Self(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
}

impl From<IpAddr> for Peer {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(address) => Self(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into()),
            address @ IpAddr::V4(_) => Self(address),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Peer {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let connection = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        Ok(connection.map_or(Self::OTHERS, |ConnectInfo(address)| address.ip().into()))
    }
}

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
