//! The window of a measurement: what is worked off at its two edges is not counted, and CPU is read exactly there.

use std::time::{Duration, Instant};

use crate::{
    outcome::Used,
    processes::{Machine, Named, Usage, usage},
};

/// How often memory is looked at for its peak.
const LOOK: Duration = Duration::from_millis(500);

/// A stretch of time with what every process used in it.
pub(crate) struct Window {
    pub(crate) begin: Instant,
    pub(crate) end: Instant,
    pub(crate) used: Vec<(String, Used)>,
    pub(crate) machine: Machine,
}

impl Window {
    /// Lets `warmup` pass, then watches for `duration`, or until `ended` says that nothing more will come.
    pub(crate) fn watch(
        processes: &[Named],
        warmup: Duration,
        duration: Duration,
        ended: impl Fn() -> bool,
    ) -> Self {
        nap(warmup);
        let (begin, before, machine) = (Instant::now(), usage(processes), Machine::now());
        let mut peak = before.clone();
        loop {
            let left = duration.saturating_sub(begin.elapsed());
            if left.is_zero() || ended() {
                break;
            }
            nap(left.min(LOOK));
            for (peak, now) in peak.iter_mut().zip(usage(processes)) {
                peak.resident = peak.resident.max(now.resident);
            }
        }
        let (end, after, machine) = (Instant::now(), usage(processes), Machine::now().shares_since(machine));
        let seconds = (end - begin).as_secs_f64();
        let used = processes.iter().zip(before.iter().zip(after)).zip(peak);
        let used = used.map(|(((name, _), (before, after)), peak)| {
            (name.clone(), Used::between(*before, after, peak, seconds))
        });
        Self { begin, end, used: used.collect(), machine }
    }

    /// How long it was.
    pub(crate) fn seconds(&self) -> f64 {
        (self.end - self.begin).as_secs_f64()
    }

    /// Whether something ended inside.
    pub(crate) fn holds(&self, at: Instant) -> bool {
        (self.begin..=self.end).contains(&at)
    }
}

impl Used {
    fn between(before: Usage, after: Usage, peak: Usage, seconds: f64) -> Self {
        let s = after.cpu - before.cpu;
        Self {
            s,
            ms_per_op: 0.0,
            cores: s / seconds.max(0.001),
            rss_start_mib: before.resident,
            rss_peak_mib: peak.resident.max(after.resident),
        }
    }
}

/// A pause of a thread that has nothing else to do.
#[expect(
    clippy::disallowed_methods,
    reason = "the driver's threads are its clients, and no runtime waits for them"
)]
pub(crate) fn nap(duration: Duration) {
    std::thread::sleep(duration);
}
