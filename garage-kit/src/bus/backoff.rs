//! Pauses between tries: doubling, capped, with full jitter so that replicas do not knock together.

use std::time::Duration;

use rand::Rng;

/// A pause that grows. Starts at 50 ms, and is capped at 1 s unless another cap is named: whoever was kept away, however
/// long, tries again within a second of the mend.
#[derive(Debug)]
pub struct Backoff {
    ceiling: Duration,
    cap: Duration,
}

impl Backoff {
    /// Pauses that start below `first` and stay below `cap`.
    #[must_use]
    pub const fn new(first: Duration, cap: Duration) -> Self {
        Self { ceiling: first, cap }
    }

    /// The next pause.
    #[must_use]
    pub fn next_pause(&mut self) -> Duration {
        let pause = self.ceiling.mul_f64(rand::rng().random_range(0.5..=1.0));
        self.ceiling = (self.ceiling * 2).min(self.cap);
        pause
    }

    /// Waits for the next pause.
    pub async fn pause(&mut self) {
        tokio::time::sleep(self.next_pause()).await;
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new(Duration::from_millis(50), Duration::from_secs(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_however_many_there_were_the_next_one_is_within_a_second() {
        let mut backoff = Backoff::default();
        let pauses: Vec<Duration> = (0..200).map(|_| backoff.next_pause()).collect();
        assert!(pauses[0] <= Duration::from_millis(50) && pauses[100] >= Duration::from_millis(500));
        assert!(pauses.iter().all(|pause| *pause <= Duration::from_secs(1)), "{pauses:?}");
    }
}
