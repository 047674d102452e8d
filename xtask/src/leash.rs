//! Whatever ends this program must end what it started: a failed step, Ctrl-C, SIGTERM, even SIGKILL.
//!
//! A signal handler would cover some of these and needs unsafe code or a library. A pipe covers all of them: the front
//! half starts the program again, in a process group that the terminal's Ctrl-C does not reach, and keeps the writing
//! end of its standard input. When the front half is gone, for whatever reason, the kernel closes the pipe; the leashed
//! half reads the end of file, unwinds, and its guards (`Process`, `Folder`) clean up.
//!
//! What is left uncovered is a SIGKILL aimed at the leashed half itself.

use std::io::Read;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::process::Failed;

/// How often what is waited for is looked at.
const REST: Duration = Duration::from_millis(50);

/// Starts the leashed half, waits for it and gives its exit code.
pub(crate) fn hold() -> Result<ExitCode> {
    let mut leashed = Command::new(std::env::current_exe()?)
        .arg("--leashed")
        .args(std::env::args_os().skip(1))
        .stdin(Stdio::piped())
        .process_group(0)
        .spawn()
        .context("could not start the half that does the chore")?;
    // Taken out, as `wait` closes what it finds in `stdin`: the end of this function is what lets go.
    let _leash = leashed.stdin.take();
    let status = leashed.wait()?;
    if let Some(signal) = status.signal() {
        bail!(
            "the half that does the chore was killed by signal {signal}: its servers and folder may be left"
        );
    }
    Ok(ExitCode::from(Failed::code_of(status)))
}

/// The leashed half's view of the front half. Copies see the same.
#[derive(Clone)]
pub struct Leash {
    let_go: Arc<AtomicBool>,
}

impl Leash {
    /// Standard input is the leash: nothing is ever written to it, and its end is the front half's end.
    #[must_use]
    pub fn on_standard_input() -> Self {
        Self::on(std::io::stdin())
    }

    /// Whether the front half is gone.
    #[must_use]
    pub fn is_let_go(&self) -> bool {
        self.let_go.load(Ordering::Acquire)
    }

    pub(crate) fn on(mut pipe: impl Read + Send + 'static) -> Self {
        let let_go = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&let_go);
        std::thread::spawn(move || {
            let _ = pipe.read_to_end(&mut Vec::new());
            seen.store(true, Ordering::Release);
        });
        Self { let_go }
    }

    /// Lets a moment pass.
    ///
    /// # Errors
    /// When the front half is gone: every wait ends here, and the guards above it clean up.
    pub fn rest(&self) -> Result<()> {
        nap();
        if self.is_let_go() {
            return Err(Failed::interrupted().into());
        }
        Ok(())
    }
}

/// A moment, for those who wait while cleaning up and can no longer be interrupted.
#[expect(
    clippy::disallowed_methods,
    reason = "no runtime here to block, and std can only poll for a child's end"
)]
pub(crate) fn nap() {
    std::thread::sleep(REST);
}
