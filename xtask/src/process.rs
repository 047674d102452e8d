//! A process of ours, in a process group of its own, ended with its whole group when its guard is dropped.
//!
//! Groups are how the grandchildren (rustc, test programs) are reached. Only a group whose leader we started and have
//! not yet waited for is ever signalled, so its number cannot have passed to somebody else.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::leash::{Leash, nap};

/// A server that is not ready by then will not be.
const READY_WITHIN: Duration = Duration::from_secs(240);

/// How long a process may take to follow the signal that asks it to end.
const GONE_WITHIN: Duration = Duration::from_secs(5);

/// A command that ended badly, with the exit code to hand on.
#[derive(Debug)]
pub struct Failed {
    what: String,
    pub(crate) code: u8,
}

impl Failed {
    /// 130 is what a shell gives for a program ended by Ctrl-C.
    pub(crate) fn interrupted() -> Self {
        Self { what: "interrupted; what was started is ended".to_owned(), code: 130 }
    }

    /// The exit code to hand on for a program that ended so; one that a signal ended counts as 1.
    pub(crate) fn code_of(status: ExitStatus) -> u8 {
        status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
    }
}

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Failed {}

/// How a process is asked to end. All that our servers keep is thrown away, so none needs time to say goodbye.
#[derive(Clone, Copy)]
pub(crate) enum Ending {
    /// At once.
    Kill,
    /// PostgreSQL's immediate shutdown: at once too, but it ends its children (which lead groups of their own) and
    /// gives its shared memory back.
    Quit,
}

/// A running process and its group; dropping it ends both.
pub(crate) struct Process {
    child: Child,
    ending: Ending,
}

impl Process {
    /// Starts `command` as the leader of a new group, with no standard input.
    pub(crate) fn start(command: &mut Command, ending: Ending) -> Result<Self> {
        let child = command
            .stdin(Stdio::null())
            .process_group(0)
            .spawn()
            .with_context(|| format!("could not start {}", command.get_program().display()))?;
        Ok(Self { child, ending })
    }

    fn wait(&mut self, leash: &Leash) -> Result<ExitStatus> {
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            leash.rest()?;
        }
    }

    /// `sh` has `kill` built in; the program of that name is missing from a bare Debian.
    fn signal(&self, name: &str) {
        let group = self.child.id().to_string();
        let _ = Command::new("sh").args(["-c", r#"kill -s "$0" -- "-$1""#, name, &group]).status();
    }

    fn gone_in_time(&mut self) -> bool {
        let asked = Instant::now();
        while asked.elapsed() < GONE_WITHIN {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return true;
            }
            nap();
        }
        false
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(Some(_))) {
            return;
        }
        match self.ending {
            Ending::Kill => self.signal("KILL"),
            Ending::Quit => self.signal("QUIT"),
        }
        if !self.gone_in_time() {
            self.signal("KILL");
            let _ = self.child.wait();
        }
    }
}

/// Runs `command` to its end, with its output shown.
///
/// # Errors
/// [`Failed`] with the command's exit code when it is not 0, or when the leash was let go.
pub(crate) fn run(leash: &Leash, command: &mut Command) -> Result<()> {
    let status = Process::start(command, Ending::Kill)?.wait(leash)?;
    if status.success() {
        return Ok(());
    }
    let code = Failed::code_of(status);
    Err(Failed { what: format!("{} ended with {status}", sentence(command)), code }.into())
}

/// Runs `command` to its end, held by a leash of its own: it has servers of its own to end, so when ours is let go, it
/// is given the time for that.
///
/// # Errors
/// As [`run`].
pub(crate) fn run_held(leash: &Leash, command: &mut Command) -> Result<()> {
    let child = command.stdin(Stdio::piped()).process_group(0).spawn();
    let child = child.with_context(|| format!("could not start {}", command.get_program().display()))?;
    let mut process = Process { child, ending: Ending::Kill };
    let held = process.child.stdin.take();
    let ended = process.wait(leash);
    drop(held);
    let Ok(status) = ended else {
        process.gone_in_time();
        return Err(Failed::interrupted().into());
    };
    if status.success() {
        return Ok(());
    }
    let code = Failed::code_of(status);
    Err(Failed { what: format!("{} ended with {status}", sentence(command)), code }.into())
}

/// Runs `command` to its end and gives its standard output.
///
/// # Errors
/// With the last lines it wrote, when it does not end well.
pub(crate) fn output_of(command: &mut Command) -> Result<String> {
    Ok(both_outputs_of(command)?.0)
}

/// The same with what it wrote to standard error behind it.
pub(crate) fn output_and_complaints_of(command: &mut Command) -> Result<String> {
    let (output, complaints) = both_outputs_of(command)?;
    Ok(output + &complaints)
}

fn both_outputs_of(command: &mut Command) -> Result<(String, String)> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("could not start {}", command.get_program().display()))?;
    let written = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaints = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() {
        return Ok((written, complaints));
    }
    let complaint = written + &complaints;
    bail!("{} ended with {}:\n{}", sentence(command), output.status, last_lines(&complaint, 30))
}

/// A server: a process that writes to a log and is of use only once it is ready.
pub(crate) struct Daemon {
    process: Process,
    log: PathBuf,
}

impl Daemon {
    /// Starts `command` with both its outputs going to `log`.
    pub(crate) fn start(command: &mut Command, log: &Path, ending: Ending) -> Result<Self> {
        let file = File::create(log).with_context(|| format!("could not write {}", log.display()))?;
        let process = Process::start(command.stdout(file.try_clone()?).stderr(file), ending)?;
        Ok(Self { process, log: log.to_owned() })
    }

    /// Waits until `ready` says so.
    ///
    /// # Errors
    /// With the end of the log, when the process ends first or takes longer than four minutes.
    pub(crate) fn until(&mut self, leash: &Leash, ready: impl Fn(&Self) -> bool) -> Result<()> {
        let started = Instant::now();
        while !ready(self) {
            if let Some(status) = self.process.child.try_wait()? {
                bail!("ended with {status} before it was ready:\n{}", last_lines(&self.log(), 30));
            }
            if started.elapsed() > READY_WITHIN {
                bail!("not ready after {READY_WITHIN:?}:\n{}", last_lines(&self.log(), 30));
            }
            leash.rest()?;
        }
        Ok(())
    }

    /// Its process.
    pub(crate) fn number(&self) -> u32 {
        self.process.child.id()
    }

    /// Sends its group a signal by name.
    pub(crate) fn signal(&self, name: &str) {
        self.process.signal(name);
    }

    /// Whether it has not ended.
    pub(crate) fn is_running(&mut self) -> bool {
        matches!(self.process.child.try_wait(), Ok(None))
    }

    /// Waits for its own end, and says whether it came in time.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.process.gone_in_time()
    }

    /// All it has written so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }
}

fn sentence(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_long_log_is_shown() {
        assert_eq!(last_lines("one\ntwo\nthree\n", 2), "two\nthree");
    }

    #[test]
    fn a_short_log_is_shown_whole() {
        assert_eq!(last_lines("one\n", 30), "one");
    }

    #[test]
    fn a_dropped_process_is_ended_with_the_children_it_made() {
        let mut shell = Command::new("sh");
        shell.args(["-c", "sleep 600 & echo $!; wait"]).stdout(Stdio::piped());
        let mut process = Process::start(&mut shell, Ending::Kill).unwrap();
        let mut words = std::io::BufReader::new(process.child.stdout.take().unwrap());
        let mut grandchild = String::new();
        std::io::BufRead::read_line(&mut words, &mut grandchild).unwrap();

        drop(process);

        // Its end of the pipe is closed when it is gone; a child that lived on would keep this waiting.
        assert_eq!(std::io::Read::read_to_string(&mut words, &mut String::new()).unwrap(), 0, "{grandchild}");
    }

    #[test]
    fn a_failed_command_keeps_its_exit_code() {
        let (pipe, _held) = std::io::pipe().unwrap();
        let failure = run(&Leash::on(pipe), Command::new("sh").args(["-c", "exit 7"])).unwrap_err();
        assert_eq!(failure.downcast_ref::<Failed>().map(|failed| failed.code), Some(7));
    }

    #[test]
    fn letting_go_of_the_leash_ends_a_running_command() {
        let (pipe, held) = std::io::pipe().unwrap();
        drop(held);
        let failure = run(&Leash::on(pipe), Command::new("sleep").arg("600")).unwrap_err();
        assert_eq!(failure.downcast_ref::<Failed>().map(|failed| failed.code), Some(130));
    }
}
