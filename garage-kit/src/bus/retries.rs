//! When a delivery comes again over which its consumer failed: later each time, and not for ever. The pauses are a few
//! fixed ones because a broker can only hold messages back well that all wait equally long; so the jitter, which keeps
//! what failed together from failing together again, is in which of two pauses is taken.

use std::time::Duration;

use rand::Rng as _;

/// How a failing delivery is tried again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retries {
    /// So often it is tried in all, by whichever replicas; then it is set aside.
    pub attempts: u32,
    /// The pauses between tries, rising. The last one serves all later tries.
    pub delays: Vec<Duration>,
}

impl Default for Retries {
    fn default() -> Self {
        Self { attempts: 5, delays: [1, 5, 30, 120].map(Duration::from_secs).to_vec() }
    }
}

impl Retries {
    /// The pause after so many tries in vain; `None` when there have been enough.
    pub(super) fn pause_after(&self, attempts: u32) -> Option<Duration> {
        if attempts >= self.attempts {
            return None;
        }
        let later = usize::from(rand::rng().random::<bool>());
        let rung = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX).saturating_add(later);
        self.delays.get(rung).or(self.delays.last()).copied()
    }

    /// The queues in which a broker holds back messages of `queue`: `{queue}.retry.{pause}`.
    pub fn queues_of(&self, queue: &str) -> impl Iterator<Item = String> {
        self.delays.iter().map(move |delay| retry_queue(queue, *delay))
    }
}

/// The queue in which messages of `queue` wait so long.
pub(super) fn retry_queue(queue: &str, delay: Duration) -> String {
    format!("{queue}.retry.{}", spelled(delay))
}

fn spelled(delay: Duration) -> String {
    let (seconds, millis) = (delay.as_secs(), delay.as_millis());
    match (seconds, millis % 1000) {
        (_, 1..) => format!("{millis}ms"),
        (60.., 0) if seconds % 60 == 0 => format!("{}m", seconds / 60),
        (_, 0) => format!("{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pauses_never_shrink_and_end() {
        let retries = Retries::default();
        for attempts in 1..5 {
            let earliest = retries.delays[attempts as usize - 1];
            let latest = retries.delays.get(attempts as usize).copied().unwrap_or(earliest);
            for _ in 0..50 {
                let pause = retries.pause_after(attempts).unwrap();
                assert!(pause == earliest || pause == latest, "{attempts}: {pause:?}");
            }
        }
        assert_eq!(retries.pause_after(5), None);
        assert_eq!(retries.pause_after(u32::MAX), None);
    }

    #[test]
    fn both_pauses_are_taken_so_that_what_failed_together_parts() {
        let retries = Retries::default();
        let taken: std::collections::HashSet<_> = (0..200).map(|_| retries.pause_after(1)).collect();
        assert_eq!(taken.len(), 2);
    }

    #[test]
    fn a_retry_queue_says_how_long_it_holds_a_message() {
        let names: Vec<_> = Retries::default().queues_of("os-quote-sent").collect();
        let expected = ["1s", "5s", "30s", "2m"].map(|delay| format!("os-quote-sent.retry.{delay}"));
        assert_eq!(names, expected);
        assert_eq!(retry_queue("till", Duration::from_millis(1500)), "till.retry.1500ms");
        assert_eq!(retry_queue("till", Duration::from_secs(90)), "till.retry.90s");
    }
}
