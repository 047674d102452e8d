//! The places as they are in a build for the fault suite. What the environment says is read once.

use std::{
    env,
    future::Future,
    pin::pin,
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use chrono::TimeDelta;
use futures::future::{Either, select};
use rustix::process::{Signal, getpid, kill_process};

/// How long something that was begun may take before the process dies in it.
const BEGUN: Duration = Duration::from_millis(20);

struct Orders {
    place: String,
    countdown: AtomicU64,
    note: Option<String>,
    mistake: String,
    shift: TimeDelta,
}

impl Orders {
    fn of_the_environment() -> Self {
        let text = |name| env::var(name).unwrap_or_default();
        let at = text("GARAGE_CRASH_AT");
        let (place, nth) = at.split_once(':').unwrap_or((&at, "1"));
        Self {
            place: place.to_owned(),
            countdown: AtomicU64::new(nth.parse().unwrap_or(1)),
            note: env::var("GARAGE_CRASH_NOTE").ok(),
            mistake: text("GARAGE_PLANT"),
            shift: TimeDelta::seconds(text("GARAGE_CLOCK_SHIFT").parse().unwrap_or_default()),
        }
    }

    /// Whether this is the place and the time.
    fn is_due(&self, name: &str) -> bool {
        self.place == name && self.countdown.fetch_sub(1, Ordering::Relaxed) == 1
    }
}

fn orders() -> &'static Orders {
    static ORDERS: OnceLock<Orders> = OnceLock::new();
    ORDERS.get_or_init(Orders::of_the_environment)
}

pub(super) fn point(name: &str) {
    if orders().is_due(name) {
        die(name);
    }
}

pub(super) async fn during<F: Future + Send>(name: &str, work: F) -> F::Output {
    if !orders().is_due(name) {
        return work.await;
    }
    let begun = tokio::time::sleep(BEGUN);
    match select(pin!(work), pin!(begun)).await {
        Either::Left(_) | Either::Right(_) => die(name),
    }
}

pub(super) fn planted(mistake: &str) -> bool {
    orders().mistake == mistake
}

pub(super) fn clock_shift() -> TimeDelta {
    orders().shift
}

/// The note comes first: whoever finds the process dead by this signal and the note knows where it died.
fn die(name: &str) -> ! {
    if let Some(note) = &orders().note {
        let _ = std::fs::write(note, name);
    }
    let _ = kill_process(getpid(), Signal::KILL);
    // Never reached: the kernel does not come back from it. Should it refuse, this end is as sudden.
    std::process::abort()
}
