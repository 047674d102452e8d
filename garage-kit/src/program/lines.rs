//! The log's way out. A call to the kernel for each line is a good part of what a line costs, so what merely tells how
//! things go waits a moment for more of its kind. A warning never waits, and takes along all that was said before it: a
//! process that is killed takes at most that moment of its small talk with it.

use std::{
    io::Write,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

/// How long a line waits.
const MOMENT: Duration = Duration::from_millis(50);
/// So many bytes do not wait.
const FULL: usize = 64 * 1024;

/// Lines on their way to `out`. Copies share them.
pub(super) struct Lines<W> {
    shared: Arc<Shared<W>>,
    /// Whether somebody sees to it that what waits goes.
    may_wait: bool,
}

struct Shared<W> {
    waiting: Mutex<Waiting<W>>,
    some: Condvar,
}

struct Waiting<W> {
    bytes: Vec<u8>,
    out: W,
}

impl<W> Clone for Lines<W> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), may_wait: self.may_wait }
    }
}

impl<W: Write + Send + 'static> Lines<W> {
    /// For now nothing waits: see [`Self::see_off`].
    pub(super) fn to(out: W) -> Self {
        let waiting = Mutex::new(Waiting { bytes: Vec::with_capacity(FULL), out });
        Self { shared: Arc::new(Shared { waiting, some: Condvar::new() }), may_wait: false }
    }

    /// From now on lines may wait for a moment, unless there is no thread to be had that lets them go then.
    pub(super) fn see_off(self) -> Self {
        let lines = self.clone();
        let seeing_off = std::thread::Builder::new().name("log".to_owned()).spawn(move || {
            loop {
                let some = lines.shared.some.wait_while(lines.waiting(), |waiting| waiting.bytes.is_empty());
                let some = some.unwrap_or_else(PoisonError::into_inner);
                let waited = lines.shared.some.wait_timeout_while(some, MOMENT, |_| true);
                waited.unwrap_or_else(PoisonError::into_inner).0.flush();
            }
        });
        Self { may_wait: seeing_off.is_ok(), ..self }
    }

    /// Lets all go that waits.
    pub(super) fn flush(&self) {
        self.waiting().flush();
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting<W>> {
        self.shared.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<W: Write> Waiting<W> {
    /// Whoever reads the log may be gone; there is nobody to tell.
    fn flush(&mut self) {
        let _ = self.out.write_all(&self.bytes);
        self.bytes.clear();
    }
}

impl<'a, W: Write + Send + 'static> MakeWriter<'a> for Lines<W> {
    type Writer = Line<'a, W>;

    fn make_writer(&'a self) -> Self::Writer {
        Line { lines: self, may_wait: false }
    }

    fn make_writer_for(&'a self, of: &Metadata<'_>) -> Self::Writer {
        Line { lines: self, may_wait: self.may_wait && *of.level() > Level::WARN }
    }
}

/// A line, which is written in one piece.
pub(super) struct Line<'a, W> {
    lines: &'a Lines<W>,
    may_wait: bool,
}

impl<W: Write + Send + 'static> Write for Line<'_, W> {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        let mut waiting = self.lines.waiting();
        let is_first = waiting.bytes.is_empty();
        waiting.bytes.extend_from_slice(line);
        if !self.may_wait || waiting.bytes.len() >= FULL {
            waiting.flush();
        } else if is_first {
            self.lines.shared.some.notify_one();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.lines.flush();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::{fmt::layer, layer::SubscriberExt};

    use super::*;

    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<Vec<u8>>>);

    impl Paper {
        fn words(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn told(lines: &Lines<Paper>, telling: impl FnOnce()) {
        let plain = layer().with_writer(lines.clone()).without_time().with_target(false).with_ansi(false);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(plain), telling);
    }

    #[test]
    fn a_warning_does_not_wait_and_takes_along_what_waits() {
        let paper = Paper::default();
        let lines = Lines { may_wait: true, ..Lines::to(paper.clone()) };
        told(&lines, || tracing::info!("one"));
        assert_eq!(paper.words(), "");
        told(&lines, || tracing::warn!("two"));
        assert_eq!(paper.words(), " INFO one\n WARN two\n");
    }

    #[test]
    fn what_is_much_does_not_wait_and_nothing_does_at_the_end() {
        let paper = Paper::default();
        let lines = Lines { may_wait: true, ..Lines::to(paper.clone()) };
        told(&lines, || tracing::info!("{}", "x".repeat(FULL)));
        assert_eq!(paper.words().len(), " INFO \n".len() + FULL);
        told(&lines, || tracing::info!("bye"));
        lines.flush();
        assert!(paper.words().ends_with("bye\n"));
    }

    #[test]
    fn whoever_says_nothing_more_is_still_heard() {
        let paper = Paper::default();
        let lines = Lines::to(paper.clone()).see_off();
        for word in ["first", "later"] {
            told(&lines, || tracing::info!("{word}"));
            while !paper.words().ends_with(&format!("{word}\n")) {
                std::thread::yield_now();
            }
        }
    }

    #[test]
    fn nothing_waits_where_nobody_sees_it_off() {
        let paper = Paper::default();
        told(&Lines::to(paper.clone()), || tracing::info!("alone"));
        assert_eq!(paper.words(), " INFO alone\n");
    }
}
