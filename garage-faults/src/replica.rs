//! One running copy of a service program: started, killed, frozen, asked to end, told where to die and whether it did.

use std::{
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    process::{Child, Command},
    time::{Instant, sleep, timeout},
};

/// The three services, in the order in which lists name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum At {
    /// The OS Service.
    Os,
    /// Billing.
    Billing,
    /// Execution.
    Execution,
}

impl At {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Os, Self::Billing, Self::Execution];

    /// The program.
    #[must_use]
    pub const fn program(self) -> &'static str {
        match self {
            Self::Os => "garage-os-service",
            Self::Billing => "garage-billing-service",
            Self::Execution => "garage-execution-service",
        }
    }
}

/// How long a service may take to be ready; the machine may be busy.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// One copy of a service program.
pub struct Replica {
    /// Which service.
    pub at: At,
    /// Where it listens.
    pub port: u16,
    name: String,
    folder: PathBuf,
    environment: Vec<(String, String)>,
    release: Release,
    child: Option<Child>,
}

/// Which of a service's programs runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Release {
    /// The one beside this program.
    #[default]
    Todays,
    /// An earlier one, in this folder.
    Earlier(PathBuf),
}

impl Replica {
    /// A copy that does not run yet and will write into `folder`.
    #[must_use]
    pub fn new(at: At, number: usize, port: u16, folder: &Path, environment: Vec<(String, String)>) -> Self {
        let name = format!("{}-{number}", at.program());
        Self { at, port, name, folder: folder.to_owned(), environment, release: Release::Todays, child: None }
    }

    /// The base of its routes.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Its name in what is said of it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it was started, and nobody has seen it end.
    #[must_use]
    pub fn runs(&self) -> bool {
        self.child.is_some()
    }

    /// From its next start on it runs this program.
    pub fn change_to(&mut self, release: Release) {
        self.release = release;
    }

    fn program(&self) -> Result<PathBuf> {
        Ok(match &self.release {
            Release::Todays => std::env::current_exe()?.with_file_name(self.at.program()),
            Release::Earlier(folder) => folder.join(self.at.program()),
        })
    }

    fn note(&self) -> PathBuf {
        self.folder.join(format!("{}.died", self.name))
    }

    /// Starts it, with these variables on top.
    ///
    /// # Errors
    /// When the program is not built.
    pub fn start(&mut self, more: &[(&str, &str)]) -> Result<()> {
        let program = self.program()?;
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.folder.join(format!("{}.log", self.name)))?;
        let _ = std::fs::remove_file(self.note());
        let child = Command::new(&program)
            .env_clear()
            .envs(self.environment.iter().cloned())
            .envs(more.iter().copied())
            .env("PORT", self.port.to_string())
            .env("GARAGE_CRASH_NOTE", self.note())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("{} is not built: run `cargo xtask faults`", program.display()))?;
        self.child = Some(child);
        Ok(())
    }

    /// The end that nobody can prepare for.
    ///
    /// # Errors
    /// When the system refuses.
    pub async fn kill(&mut self) -> Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill().await?;
        }
        Ok(())
    }

    /// Sends it a signal.
    ///
    /// # Errors
    /// When it does not run.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let id = self.child.as_ref().and_then(Child::id).with_context(|| format!("{} runs", self.name))?;
        let id = Pid::from_raw(id.cast_signed()).context("a process id")?;
        Ok(kill_process(id, signal)?)
    }

    /// The most memory that it has had since its start, in bytes.
    ///
    /// # Errors
    /// When it does not run, or the kernel does not tell.
    pub fn most_memory(&self) -> Result<u64> {
        let id = self.child.as_ref().and_then(Child::id).with_context(|| format!("{} runs", self.name))?;
        let told = std::fs::read_to_string(format!("/proc/{id}/status"))?;
        let most = told.lines().find_map(|line| line.strip_prefix("VmHWM:")?.strip_suffix("kB"));
        Ok(most.context("the kernel tells the memory of a process")?.trim().parse::<u64>()? * 1024)
    }

    /// Asks it to end, and says how long that took.
    ///
    /// # Errors
    /// When it does not end within `patience`, or not well.
    pub async fn terminate(&mut self, patience: Duration) -> Result<Duration> {
        let asked = Instant::now();
        self.signal(Signal::TERM)?;
        let mut child = self.child.take().context("it runs")?;
        let Ok(status) = timeout(patience, child.wait()).await else {
            child.kill().await?;
            bail!("{} did not end within {patience:?} of SIGTERM", self.name);
        };
        let status = status?;
        ensure!(status.success(), "{} ended with {status} after SIGTERM", self.name);
        Ok(asked.elapsed())
    }

    /// The place where it died, if it is dead. A death that is not the one that was ordered is an error.
    ///
    /// # Errors
    /// When it ended in any other way than by SIGKILL at a place.
    pub fn died(&mut self) -> Result<Option<String>> {
        let Some(child) = &mut self.child else { return Ok(None) };
        let Some(status) = child.try_wait()? else { return Ok(None) };
        self.child = None;
        let place = std::fs::read_to_string(self.note());
        ensure!(is_kill(status), "{} ended with {status}; see {}", self.name, self.folder.display());
        place.map(Some).with_context(|| format!("{} was killed by somebody else", self.name))
    }

    /// Waits until it says that it is ready.
    ///
    /// # Errors
    /// When it does not within a minute.
    pub async fn until_ready(&mut self, http: &reqwest::Client) -> Result<()> {
        let (url, deadline) = (format!("{}/health/ready", self.url()), Instant::now() + READY_WITHIN);
        while !http.get(&url).send().await.is_ok_and(|answer| answer.status().is_success()) {
            if let Some(place) = self.died()? {
                bail!("{} died at {place} before it was ready", self.name);
            }
            ensure!(Instant::now() < deadline, "{} did not become ready", self.name);
            sleep(Duration::from_millis(30)).await;
        }
        Ok(())
    }
}

fn is_kill(status: ExitStatus) -> bool {
    status.signal() == Some(Signal::KILL.as_raw())
}
