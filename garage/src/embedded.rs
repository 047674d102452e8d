//! The three services in one process: a SQLite file each, the in-process bus, the sandbox gateway. The same
//! code as the service programs; only the parts that it is started with differ.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::Write,
    net::{IpAddr, SocketAddr},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use garage_billing_service::Settings;
use garage_events::Service;
use garage_kit::{
    Failure,
    auth::Verifier,
    bus::local::LocalBus,
    clock::Clock,
    program::{Env, Misconfigured},
    store::Store,
};
use garage_saga::{
    Parts, Running,
    service::{Door, STOPPING, bind},
    topology_of,
};
use secrecy::SecretString;
use tokio::{net::TcpListener, task::JoinHandle, time::Instant};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

mod sandboxed;

const JWT_SECRET: &str = "jwt-secret";
const SANDBOX_TOKEN: &str = "sandbox-token";
/// The files of a data directory that its owner alone may read, beside the databases.
pub(crate) const SECRETS: [&str; 2] = [JWT_SECRET, SANDBOX_TOKEN];

/// Where the three services listen. Port 0 takes any free one.
#[derive(Clone, Copy, Debug)]
pub struct Addresses {
    /// The interface.
    pub host: IpAddr,
    /// OS, Billing and Execution, in this order.
    pub ports: [u16; 3],
}

/// A data directory, held by one process at a time.
pub struct DataDir {
    path: PathBuf,
    _lock: File,
}

/// The system at work.
pub struct Embedded {
    /// Base URLs of OS, Billing and Execution, in this order.
    pub urls: [String; 3],
    stopping: CancellationToken,
    served: Vec<JoinHandle<Result<(), Failure>>>,
    running: Vec<Running>,
}

impl DataDir {
    /// Makes the directory if need be, for its owner alone as it holds what customers have told, and takes hold of it.
    ///
    /// # Errors
    /// One sentence when it cannot be written, or another process holds it.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let failed = |cause: std::io::Error| {
            Failure::lasting(
                "opening the data directory",
                format!("{} cannot be written: {cause}", path.display()),
            )
        };
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed)?;
        let options =
            OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path.join("lock"));
        let lock = options.map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => {
                let text = format!(
                    "another `garage up` works in {}; stop it or choose another --data-dir",
                    path.display()
                );
                Err(Failure::lasting("opening the data directory", text))
            }
            Err(TryLockError::Error(cause)) => Err(failed(cause)),
        }
    }

    /// The secret that signs tokens: made on the first start, readable by its owner alone.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn secret(&self, clock: &Clock) -> Result<SecretString, Failure> {
        self.made_once(&secret_file(&self.path), clock)
    }

    /// The token of the sandbox gateway's routes, made the same way.
    fn sandbox_token(&self, clock: &Clock) -> Result<SecretString, Failure> {
        self.made_once(&self.path.join(SANDBOX_TOKEN), clock)
    }

    fn made_once(&self, path: &Path, clock: &Clock) -> Result<SecretString, Failure> {
        if let Some(secret) = read_secret(path)? {
            return Ok(secret);
        }
        let fresh = || clock.event_id().simple().to_string();
        let secret = format!("{}{}", fresh(), fresh());
        let unwritten = |cause: std::io::Error| {
            Failure::lasting("making a secret", format!("{}: {cause}", path.display()))
        };
        let mut file =
            OpenOptions::new().create_new(true).write(true).mode(0o600).open(path).map_err(unwritten)?;
        file.write_all(secret.as_bytes()).and_then(|()| file.sync_all()).map_err(unwritten)?;
        Ok(secret.into())
    }

    /// Where the screens keep the shop's people.
    #[must_use]
    pub fn people(&self) -> PathBuf {
        people_file(&self.path)
    }
}

/// The files of a data directory's services: OS, Billing and Execution, whether or not they are there.
#[must_use]
pub fn service_files(dir: &Path) -> [PathBuf; 3] {
    ["os", "billing", "execution"].map(|service| dir.join(format!("{service}.sqlite")))
}

/// The file of a data directory's people, whether or not it is there.
#[must_use]
pub fn people_file(dir: &Path) -> PathBuf {
    dir.join("web.sqlite")
}

fn secret_file(dir: &Path) -> PathBuf {
    dir.join(JWT_SECRET)
}

/// The secret of a data directory, if it has one.
///
/// # Errors
/// When it is there and cannot be read.
pub fn secret_in(dir: &Path) -> Result<Option<SecretString>, Failure> {
    read_secret(&secret_file(dir))
}

fn read_secret(path: &Path) -> Result<Option<SecretString>, Failure> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text.trim().to_owned().into())),
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(Failure::lasting("reading the secret", format!("{}: {cause}", path.display()))),
    }
}

impl Embedded {
    /// Starts the three services on the data directory.
    ///
    /// # Errors
    /// One sentence when a port is taken or the data cannot be opened.
    pub async fn start(
        data: &DataDir,
        addresses: Addresses,
        settings: Settings,
        secret: &SecretString,
        clock: &Clock,
    ) -> Result<Self, Failure> {
        let listeners = listen(addresses).await?;
        let urls = urls(&listeners)?;
        let [os, billing, execution] =
            service_files(&data.path).map(|file| format!("sqlite:{}", file.display()));
        let (os, billing, execution) = tokio::try_join!(
            garage_os_service::connect(&os),
            garage_billing_service::connect(&billing),
            garage_execution_service::connect(&execution),
        )?;
        let bus = LocalBus::with_clock(clock.clone());
        let verifier = verifier(secret, clock)?;
        let parts = |service, store: Arc<dyn Store>| {
            let bus = bus.member(topology_of(service)?, store.clone());
            Ok::<_, Failure>(Parts { store, bus, clock: clock.clone(), verifier: verifier.clone() })
        };
        // All have their place on the bus before the first opens: what waits in its outbox must not leave without them.
        let (os, billing, execution) = (
            parts(Service::Os, os)?,
            parts(Service::Billing, billing)?,
            parts(Service::Execution, execution)?,
        );
        let deadlines = settings.deadlines.clone();
        let services = [
            garage_os_service::open_with(os, deadlines.clone()),
            sandboxed::open(billing, settings, &urls[1], data.sandbox_token(clock)?)?,
            garage_execution_service::open_with(execution, deadlines),
        ];
        let stopping = CancellationToken::new();
        let (mut served, mut running) = (Vec::new(), Vec::new());
        for (listener, (router, service)) in listeners.into_iter().zip(services) {
            let door = Door::default();
            door.lead_to(router);
            served.push(door.serve(listener, stopping.clone()));
            running.push(service);
        }
        Ok(Self { urls, stopping, served, running })
    }

    /// Stops gently: requests at hand, side work, deliveries, the last commits.
    pub async fn stop(self) {
        let deadline = Instant::now() + STOPPING;
        self.stopping.cancel();
        self.running.iter().for_each(Running::end_streams);
        for served in self.served {
            if let Ok(Err(failure)) = served.await {
                tracing::error!(%failure, "a service ended badly");
            }
        }
        futures::future::join_all(self.running.into_iter().map(|running| running.stop_by(deadline))).await;
    }
}

async fn listen(addresses: Addresses) -> Result<Vec<TcpListener>, Failure> {
    let names = Service::ALL.iter().map(|service| service.word());
    let binds =
        names.zip(addresses.ports).map(|(name, port)| bind(name, SocketAddr::new(addresses.host, port)));
    futures::future::try_join_all(binds).await
}

fn urls(listeners: &[TcpListener]) -> Result<[String; 3], Failure> {
    let url = |listener: &TcpListener| listener.local_addr().map(|address| format!("http://{address}"));
    let urls: Result<Vec<_>, _> = listeners.iter().map(url).collect();
    let urls = urls.map_err(|cause| Failure::lasting("opening a port", cause))?;
    urls.try_into().map_err(|_| Failure::lasting("opening a port", "three services need three ports"))
}

/// Who believes tokens that were signed with `secret`.
///
/// # Errors
/// When the secret is too short to be one.
pub fn verifier(secret: &SecretString, clock: &Clock) -> Result<Verifier, Failure> {
    Verifier::new(clock.clone()).secret(secret).map_err(|cause| Failure::lasting("reading the secret", cause))
}

/// Billing's settings for a system with nothing to install: the sandbox gateway unless told otherwise.
///
/// # Errors
/// When a variable is there and wrong.
pub fn settings(env: &Env) -> Result<Settings, Misconfigured> {
    Settings::from_env(env, true)
}

/// A folder of its own for a system that shall leave nothing behind; the caller removes it.
#[must_use]
pub fn temporary_folder(clock: &Clock) -> PathBuf {
    let id: Uuid = clock.event_id();
    std::env::temp_dir().join(format!("garage-{}", id.simple()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_data_directory_that_is_made_is_its_owner_s_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shops/ours");
        let data = DataDir::open(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        drop(data);
    }
}
