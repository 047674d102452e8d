//! Where the server programs are, and how they come to this machine when they are not.

pub(crate) mod mongod;
pub(crate) mod validators;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::apt;

/// The programs that the servers are started from.
pub(crate) struct Programs {
    /// The folder with `initdb`, `postgres` and `pg_isready`.
    pub(crate) postgres: PathBuf,
    pub(crate) rabbitmq: PathBuf,
    pub(crate) mongod: PathBuf,
}

impl Programs {
    /// Installs or downloads each program that is missing; says nothing when none is.
    pub(crate) fn install_missing() -> Result<()> {
        let mut packages = Vec::new();
        if postgres().is_none() {
            packages.push("postgresql");
        }
        if rabbitmq().is_none() {
            packages.push("rabbitmq-server");
        }
        if mongod::find().is_none() {
            packages.extend(mongod::packages_to_fetch_it());
        }
        apt::install(&packages)?;
        mongod::fetch_unless_found()
    }

    /// The programs, all of them there.
    pub(crate) fn find() -> Result<Self> {
        Ok(Self {
            postgres: postgres()
                .context("no PostgreSQL under /usr/lib/postgresql: install Debian's postgresql")?,
            rabbitmq: rabbitmq()
                .context("no RabbitMQ under /usr/lib/rabbitmq: install Debian's rabbitmq-server")?,
            mongod: mongod::find().context("no mongod 6.0 or later on PATH or in target/servers")?,
        })
    }
}

/// The newest release's folder. Debian keeps these programs off PATH.
fn postgres() -> Option<PathBuf> {
    let releases = std::fs::read_dir("/usr/lib/postgresql").ok()?.flatten();
    let newest = releases
        .filter(|release| release.path().join("bin/postgres").is_file())
        .max_by_key(|release| release.file_name().to_str().and_then(|name| name.parse::<u32>().ok()))?;
    Some(newest.path().join("bin"))
}

/// Not the one in /usr/sbin: that is a wrapper which changes to the user `rabbitmq` and its folders.
fn rabbitmq() -> Option<PathBuf> {
    let program = PathBuf::from("/usr/lib/rabbitmq/bin/rabbitmq-server");
    program.is_file().then_some(program)
}

/// The first file of that name in the folders of PATH.
pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|program| program.is_file())
}

/// The one file of a download.
fn file_ending_in(folder: &Path, ending: &str) -> Result<PathBuf> {
    let found = std::fs::read_dir(folder)?.flatten().map(|entry| entry.path());
    let mut fitting = found.filter(|path| path.as_os_str().to_string_lossy().ends_with(ending));
    fitting.next().with_context(|| format!("no *{ending} in what was downloaded"))
}

/// The repository's root.
pub(crate) fn workspace() -> &'static Path {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask)
}
