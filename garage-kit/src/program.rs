//! How a program starts and ends: its settings are read from the environment and found fault with in one
//! sentence, its log and its crypto are set up once, and a signal ends it gently.

use std::{
    ffi::OsString,
    fmt,
    fmt::{Display, Write as _},
    future::Future,
    io::{IsTerminal, Stderr, stderr},
    process::ExitCode,
    str::FromStr,
    sync::OnceLock,
};

use secrecy::{ExposeSecret, SecretString};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::{Level, Metadata};
use tracing_subscriber::{
    EnvFilter, filter::filter_fn, fmt::layer, layer::SubscriberExt, util::SubscriberInitExt,
};

use self::lines::Lines;

mod lines;

/// A setting that is missing or wrong: one sentence that names the variable and says what would be right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Misconfigured(String);

impl Misconfigured {
    /// The sentence. It must not contain a secret.
    pub fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }
}

type Lookup = Box<dyn Fn(&str) -> Option<OsString> + Send + Sync>;

/// The settings of a program. Where a variable `NAME` is looked for, the file that `NAME_FILE` names will do
/// as well, as container platforms mount secrets.
pub struct Env(Lookup);

impl fmt::Debug for Env {
    /// Says nothing: half of it is secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Env")
    }
}

impl Env {
    /// The process's own environment.
    #[must_use]
    pub fn process() -> Self {
        Self(Box::new(|name| std::env::var_os(name)))
    }

    /// An environment of one's own: defaults under the process's, a test's.
    pub fn of(lookup: impl Fn(&str) -> Option<OsString> + Send + Sync + 'static) -> Self {
        Self(Box::new(lookup))
    }

    /// An environment of fixed variables.
    #[must_use]
    pub fn fixed(variables: &[(&str, &str)]) -> Self {
        let variables: Vec<_> =
            variables.iter().map(|(name, value)| ((*name).to_owned(), OsString::from(value))).collect();
        Self::of(move |name| {
            variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
        })
    }

    /// A setting, if it is there.
    ///
    /// # Errors
    /// When it is empty or no text.
    pub fn text(&self, name: &str) -> Result<Option<String>, Misconfigured> {
        let Some(value) = (self.0)(name) else {
            return Ok(None);
        };
        let value = value.into_string().map_err(|_| Misconfigured(format!("{name} is not valid UTF-8")))?;
        if value.trim().is_empty() {
            return Err(Misconfigured(format!("{name} is set but empty: give it a value or take it away")));
        }
        Ok(Some(value))
    }

    /// A setting that must be there; `wanted` ends the sentence "NAME is not set: give …".
    ///
    /// # Errors
    /// When it is missing, empty or no text.
    pub fn required(&self, name: &str, wanted: &str) -> Result<String, Misconfigured> {
        self.text(name)?.ok_or_else(|| missing(name, wanted))
    }

    /// A setting that is read by [`FromStr`]: a port, a number, a word. `wanted` ends the sentence "NAME must be …".
    ///
    /// # Errors
    /// When it is there and does not read.
    pub fn parse<T: FromStr>(&self, name: &str, wanted: &str) -> Result<Option<T>, Misconfigured> {
        let wrong = |text: &str| Misconfigured(format!("{name} must be {wanted}; it is {text:?}"));
        self.text(name)?.map(|text| text.trim().parse().map_err(|_| wrong(&text))).transpose()
    }

    /// A secret from `NAME` or from the file that `NAME_FILE` names, without the newline at its end.
    ///
    /// # Errors
    /// When both are there, when it is empty, or when the file cannot be read.
    pub fn secret(&self, name: &str) -> Result<Option<SecretString>, Misconfigured> {
        let file = format!("{name}_FILE");
        match (self.text(name)?, self.text(&file)?) {
            (Some(_), Some(_)) => {
                Err(Misconfigured(format!("{name} and {file} are both set: take one away")))
            }
            (Some(secret), None) => Ok(Some(secret.into())),
            (None, Some(path)) => secret_file(&file, &path).map(Some),
            (None, None) => Ok(None),
        }
    }

    /// A secret that must be there; `wanted` ends the sentence "NAME is not set: give …".
    ///
    /// # Errors
    /// As [`Self::secret`], and when it is missing.
    pub fn required_secret(&self, name: &str, wanted: &str) -> Result<SecretString, Misconfigured> {
        self.secret(name)?.ok_or_else(|| missing(name, wanted))
    }

    /// An address under one of these schemes. A secret too, as it may hold a password.
    ///
    /// # Errors
    /// As [`Self::secret`], and when it has another scheme or none.
    pub fn url(&self, name: &str, schemes: &[&str]) -> Result<Option<SecretString>, Misconfigured> {
        let Some(url) = self.secret(name)? else {
            return Ok(None);
        };
        let scheme = url.expose_secret().split_once(':').map(|(scheme, _)| scheme);
        if scheme.is_some_and(|scheme| schemes.contains(&scheme)) {
            return Ok(Some(url));
        }
        let wanted = schemes.iter().map(|scheme| format!("{scheme}:")).collect::<Vec<_>>().join(" or ");
        Err(Misconfigured(format!("{name} must begin with {wanted}")))
    }

    /// The SQL database: `DATABASE_URL` (PostgreSQL or SQLite), or a PostgreSQL address put together from
    /// `DATABASE_HOST`, `DATABASE_PORT` (5432), `DATABASE_USER`, `DATABASE_PASSWORD` and `DATABASE_NAME`
    /// (`default_name`).
    ///
    /// # Errors
    /// When there is neither, or a part of it is missing or wrong.
    pub fn database_url(&self, default_name: &str) -> Result<SecretString, Misconfigured> {
        if let Some(url) = self.url("DATABASE_URL", &["postgres", "postgresql", "sqlite"])? {
            return Ok(url);
        }
        let wanted = "the PostgreSQL server's name, or the whole address in DATABASE_URL";
        let host = self.required("DATABASE_HOST", wanted)?;
        let port: u16 = self.parse("DATABASE_PORT", "a port number such as 5432")?.unwrap_or(5432);
        let user = self.required("DATABASE_USER", "the PostgreSQL user's name")?;
        let name = self.text("DATABASE_NAME")?.unwrap_or_else(|| default_name.to_owned());
        let password = self.secret("DATABASE_PASSWORD")?;
        let password = password
            .map(|secret| format!(":{}", percent_encoded(secret.expose_secret())))
            .unwrap_or_default();
        let (user, name) = (percent_encoded(&user), percent_encoded(&name));
        Ok(format!("postgres://{user}{password}@{}:{port}/{name}", bracketed(&host)).into())
    }
}

fn missing(name: &str, wanted: &str) -> Misconfigured {
    Misconfigured(format!("{name} is not set: give {wanted}"))
}

fn secret_file(name: &str, path: &str) -> Result<SecretString, Misconfigured> {
    let text = std::fs::read_to_string(path)
        .map_err(|cause| Misconfigured(format!("{name} names {path}, which cannot be read: {cause}")))?;
    match text.trim_end_matches(['\n', '\r']) {
        "" => Err(Misconfigured(format!("{name} names {path}, which is empty"))),
        secret => Ok(secret.to_owned().into()),
    }
}

/// A bare IPv6 address needs brackets inside a URL.
fn bracketed(host: &str) -> String {
    if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.to_owned() }
}

/// RFC 3986: everything but the unreserved characters.
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        let plain = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        // Writing to a String does not fail.
        let _ = if plain { encoded.write_char(byte.into()) } else { write!(encoded, "%{byte:02X}") };
    }
    encoded
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For collectors: one JSON object a line.
    Json,
}

impl FromStr for LogFormat {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(()),
        }
    }
}

/// What is logged unless `RUST_LOG` says otherwise. The AMQP library shouts about every broken connection; the bus says
/// the same once, with the broker's name and what it does about it.
const QUIET_LIBRARIES: &str = "info,lapin=off";

/// Libraries that write down all that passes through them when they are asked to say everything, the password of the
/// handshake first. They are never asked to.
const TELLTALES: [&str; 3] = ["lapin", "amq_protocol", "async_rs"];

fn keeps_secrets(event: &Metadata<'_>) -> bool {
    *event.level() <= Level::INFO || !TELLTALES.iter().any(|name| event.target().starts_with(name))
}

/// The log's, once it is set up.
static LINES: OnceLock<Lines<Stderr>> = OnceLock::new();

/// Sets up the log from `LOG_FORMAT` and `RUST_LOG` (default `info`). It goes to standard error, so that the
/// output of a command is its own. Does nothing when a log is there already.
///
/// # Errors
/// When one of the two does not read.
pub fn init_logging(env: &Env) -> Result<(), Misconfigured> {
    let format = env.parse("LOG_FORMAT", "text or json")?.unwrap_or_default();
    let filter = env.parse("RUST_LOG", "a filter such as info or garage_kit=debug,info")?;
    let filter = filter.unwrap_or_else(|| EnvFilter::new(QUIET_LIBRARIES));
    let log = tracing_subscriber::registry().with(filter).with(filter_fn(keeps_secrets));
    let lines = LINES.get_or_init(|| Lines::to(stderr()).see_off()).clone();
    // An error here says that somebody set up a log before us.
    let _ = match format {
        LogFormat::Text => log.with(layer().with_writer(lines).with_ansi(stderr().is_terminal())).try_init(),
        LogFormat::Json => {
            log.with(layer().json().flatten_event(true).with_span_list(false).with_writer(lines)).try_init()
        }
    };
    Ok(())
}

/// Makes one crypto library the process's own. Two in one program are a panic at the first TLS connection,
/// so every program and test that may open one calls this first. May be called again.
pub fn install_crypto() {
    // An error here says that it was installed before.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

/// Cancelled by SIGTERM or SIGINT. A second signal ends the process at once.
///
/// # Errors
/// When the signals cannot be listened for.
pub fn shutdown_signal() -> std::io::Result<CancellationToken> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let shutdown = CancellationToken::new();
    let told = shutdown.clone();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if told.is_cancelled() {
                drop(FinishedLog);
                std::process::exit(130);
            }
            tracing::info!("stopping");
            told.cancel();
        }
    });
    Ok(shutdown)
}

/// Half of the cores: what is done here is short, and handing it from one core to another costs more than it gains while
/// the database, the broker or the next service could have that core. `TOKIO_WORKER_THREADS` says otherwise.
fn workers() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get().div_ceil(2))
}

/// A program's `main`: a runtime, and one clear sentence on standard error with exit code 1 when it fails.
pub fn run<E: Display>(main: impl Future<Output = Result<(), E>>) -> ExitCode {
    install_crypto();
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if std::env::var_os("TOKIO_WORKER_THREADS").is_none() {
        runtime.worker_threads(workers());
    }
    let runtime = runtime.enable_all().build();
    let ended = runtime.map(|runtime| {
        let _also_in_a_panic = FinishedLog;
        runtime.block_on(main)
    });
    match ended {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => failed(&error),
        Err(error) => failed(&error),
    }
}

/// Lets go what waits in the log when it is dropped.
struct FinishedLog;

impl Drop for FinishedLog {
    fn drop(&mut self) {
        if let Some(lines) = LINES.get() {
            lines.flush();
        }
    }
}

fn failed(error: &dyn Display) -> ExitCode {
    eprintln!("error: {error:#}");
    ExitCode::FAILURE
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told<T>(result: Result<T, Misconfigured>) -> String {
        result.err().map(|error| error.to_string()).unwrap_or_default()
    }

    fn shown(secret: Result<SecretString, Misconfigured>) -> String {
        secret.unwrap().expose_secret().to_owned()
    }

    #[test]
    fn what_is_missing_empty_or_wrong_is_named() {
        let env = Env::fixed(&[("EMPTY", " "), ("PORT", "http"), ("RABBITMQ_URL", "http://broker")]);
        assert_eq!(told(env.required("NAME", "a name")), "NAME is not set: give a name");
        assert_eq!(told(env.text("EMPTY")), "EMPTY is set but empty: give it a value or take it away");
        let port = env.parse::<u16>("PORT", "a port number such as 3001");
        assert_eq!(told(port), "PORT must be a port number such as 3001; it is \"http\"");
        let url = env.url("RABBITMQ_URL", &["amqp", "amqps"]);
        assert_eq!(told(url), "RABBITMQ_URL must begin with amqp: or amqps:");
    }

    #[test]
    fn a_secret_comes_from_its_variable_or_its_file_but_not_both() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, "s3cret \n").unwrap();
        let file = path.to_str().unwrap();
        assert_eq!(shown(Env::fixed(&[("KEY", "plain")]).required_secret("KEY", "it")), "plain");
        assert_eq!(shown(Env::fixed(&[("KEY_FILE", file)]).required_secret("KEY", "it")), "s3cret ");
        assert!(Env::fixed(&[]).secret("KEY").unwrap().is_none());
        let both = Env::fixed(&[("KEY", "plain"), ("KEY_FILE", file)]).secret("KEY");
        assert_eq!(told(both), "KEY and KEY_FILE are both set: take one away");
    }

    #[test]
    fn a_secrets_file_that_is_missing_or_empty_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        let env = Env::fixed(&[("KEY_FILE", path.to_str().unwrap())]);
        assert!(told(env.secret("KEY")).contains("which cannot be read"));
        std::fs::write(&path, "\n").unwrap();
        assert!(told(env.secret("KEY")).ends_with("which is empty"));
    }

    #[test]
    fn a_database_is_put_together_from_its_parts() {
        let env = Env::fixed(&[
            ("DATABASE_HOST", "db"),
            ("DATABASE_USER", "os@shop"),
            ("DATABASE_PASSWORD", "p:/?#[]@%é"),
        ]);
        let url = shown(env.database_url("os_service"));
        assert_eq!(url, "postgres://os%40shop:p%3A%2F%3F%23%5B%5D%40%25%C3%A9@db:5432/os_service");
    }

    #[test]
    fn a_database_may_have_an_ipv6_address_another_port_and_no_password() {
        let env = Env::fixed(&[
            ("DATABASE_HOST", "::1"),
            ("DATABASE_PORT", "5433"),
            ("DATABASE_USER", "u"),
            ("DATABASE_NAME", "n"),
        ]);
        assert_eq!(shown(env.database_url("os_service")), "postgres://u@[::1]:5433/n");
    }

    #[test]
    fn a_whole_database_address_wins() {
        let env = Env::fixed(&[("DATABASE_URL", "sqlite:garage.db"), ("DATABASE_HOST", "db")]);
        assert_eq!(shown(env.database_url("os_service")), "sqlite:garage.db");
        let none = told(Env::fixed(&[]).database_url("os_service"));
        assert!(none.starts_with("DATABASE_HOST is not set") && none.contains("DATABASE_URL"), "{none}");
    }

    #[test]
    fn an_address_with_a_password_is_not_shown_when_it_is_wrong() {
        let told =
            told(Env::fixed(&[("RABBITMQ_URL", "amqp-s://u:hunter2@b")]).url("RABBITMQ_URL", &["amqp"]));
        assert!(!told.contains("hunter2"), "{told}");
    }

    #[test]
    fn a_log_format_that_is_none_is_named() {
        let env = Env::fixed(&[("LOG_FORMAT", "xml")]);
        assert_eq!(told(init_logging(&env)), "LOG_FORMAT must be text or json; it is \"xml\"");
    }

    #[test]
    fn a_program_that_fails_exits_with_one() {
        assert_eq!(run(async { Ok::<_, Misconfigured>(()) }), ExitCode::SUCCESS);
        assert_eq!(run(async { Err(Misconfigured::new("PORT is not set")) }), ExitCode::FAILURE);
    }

    #[tokio::test]
    async fn a_signal_stops_the_program_gently() {
        let shutdown = shutdown_signal().unwrap();
        let own = std::process::id().to_string();
        std::process::Command::new("sh").args(["-c", "kill -TERM $0", &own]).status().unwrap();
        shutdown.cancelled().await;
    }
}
