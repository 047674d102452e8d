//! What a child that drives load tells the one that started it: JSON on standard output. Names are those that drivers
//! of other programs use too (`--driver`), so everything has a default.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{processes::Machine, window::Window};

/// The figures of one run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Outcome {
    pub(crate) window_s: f64,
    /// What ended inside the window.
    pub(crate) completed: u64,
    pub(crate) per_s: f64,
    /// What ended at all, warm-up included.
    pub(crate) completed_total: u64,
    pub(crate) failed_in_window: u64,
    pub(crate) latency_ms: Distribution,
    pub(crate) steps_ms: BTreeMap<String, Distribution>,
    pub(crate) calls_per_op: f64,
    pub(crate) polls_per_op: f64,
    /// How often each failure happened.
    pub(crate) fails: BTreeMap<String, u64>,
    pub(crate) cpu: BTreeMap<String, Used>,
    pub(crate) machine: Machine,
    /// From the moment at which one service decides to the one at which another reacts.
    pub(crate) lag_ms: BTreeMap<String, Distribution>,
}

/// What a process used during the window.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Used {
    pub(crate) s: f64,
    pub(crate) ms_per_op: f64,
    pub(crate) cores: f64,
    pub(crate) rss_start_mib: f64,
    pub(crate) rss_peak_mib: f64,
}

/// Milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Distribution {
    pub(crate) n: usize,
    pub(crate) mean: f64,
    pub(crate) p50: f64,
    pub(crate) p95: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
}

impl Distribution {
    pub(crate) fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let ms = |time: &Duration| time.as_secs_f64() * 1000.0;
        let at = |percent: usize| {
            let index = (times.len() * percent).div_ceil(100).saturating_sub(1);
            times.get(index).map_or(0.0, ms)
        };
        let sum: f64 = times.iter().map(ms).sum();
        Self {
            n: times.len(),
            mean: sum / count(times.len()).max(1.0),
            p50: at(50),
            p95: at(95),
            p99: at(99),
            max: times.last().map_or(0.0, ms),
        }
    }
}

impl Outcome {
    /// The figures of a window in which these operations ended, each at a moment and after a time.
    pub(crate) fn of(window: &Window, ended: &[(std::time::Instant, Duration)]) -> Self {
        let inside: Vec<Duration> =
            ended.iter().filter(|(at, _)| window.holds(*at)).map(|(_, took)| *took).collect();
        let done = count(inside.len());
        let each = |s: f64| if inside.is_empty() { 0.0 } else { s * 1000.0 / done };
        let per_op = |used: &Used| Used { ms_per_op: each(used.s), ..*used };
        let cpu = window.used.iter().map(|(name, used)| (name.clone(), per_op(used))).collect();
        Self {
            window_s: window.seconds(),
            completed: inside.len() as u64,
            per_s: done / window.seconds().max(0.001),
            completed_total: ended.len() as u64,
            latency_ms: Distribution::of(inside),
            cpu,
            machine: window.machine,
            ..Self::default()
        }
    }
}

/// A count as a number to reckon with.
#[expect(clippy::cast_precision_loss, reason = "counts of this program are far below 2^52")]
pub(crate) fn count(number: usize) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_the_first_value_that_so_many_do_not_exceed() {
        let times = (1..=200).rev().map(Duration::from_millis).collect();
        let Distribution { n, p50, p95, p99, max, .. } = Distribution::of(times);
        assert_eq!(
            (n, p50.round(), p95.round(), p99.round(), max.round()),
            (200, 100.0, 190.0, 198.0, 200.0)
        );
    }

    #[test]
    fn nothing_measured_is_zero_and_no_mistake() {
        assert_eq!(Distribution::of(Vec::new()), Distribution::default());
    }
}
