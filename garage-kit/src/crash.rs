//! Places where a process can be told to die, for the fault suite: a killed process is only proof if it died where it
//! hurts. Without the feature `crash-points`, and in every release build, all of this is nothing: no variable is read
//! and no place is one. The same suite must be seen to fail, so a few mistakes can be switched on here too.

use std::future::Future;

use chrono::TimeDelta;

#[cfg(all(feature = "crash-points", debug_assertions))]
mod armed;

/// A place: `GARAGE_CRASH_AT=name:3` ends the process here the third time that it comes by, by SIGKILL, so that
/// nothing is dropped, flushed or said good-bye to. `GARAGE_CRASH_NOTE` names the file that is left as proof.
#[inline]
pub fn point(name: &'static str) {
    #[cfg(all(feature = "crash-points", debug_assertions))]
    armed::point(name);
    #[cfg(not(all(feature = "crash-points", debug_assertions)))]
    let _ = name;
}

/// A place inside of something that waits for somebody else: it is begun, and then the process dies, whether or not
/// the other side has answered.
pub async fn during<F: Future + Send>(name: &'static str, work: F) -> F::Output {
    #[cfg(all(feature = "crash-points", debug_assertions))]
    return armed::during(name, work).await;
    #[cfg(not(all(feature = "crash-points", debug_assertions)))]
    {
        let _ = name;
        work.await
    }
}

/// Whether the mistake of this name was planted by `GARAGE_PLANT`.
#[inline]
#[must_use]
pub fn planted(mistake: &'static str) -> bool {
    #[cfg(all(feature = "crash-points", debug_assertions))]
    return armed::planted(mistake);
    #[cfg(not(all(feature = "crash-points", debug_assertions)))]
    {
        let _ = mistake;
        false
    }
}

/// By how much the machine's clock is wrong: `GARAGE_CLOCK_SHIFT`, in seconds.
#[inline]
#[must_use]
pub fn clock_shift() -> TimeDelta {
    #[cfg(all(feature = "crash-points", debug_assertions))]
    return armed::clock_shift();
    #[cfg(not(all(feature = "crash-points", debug_assertions)))]
    TimeDelta::zero()
}
