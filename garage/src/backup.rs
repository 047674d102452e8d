//! A copy of a data directory, of one moment, while a `garage up` works in it. For as long as the copying takes nobody
//! writes: it holds the writer's place in every database, as SQLite has one such place per file, so that no file knows
//! of something that another has not heard of yet. To restore is to put the copy in the directory's place.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use sqlx::{
    Connection, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode},
};

use crate::embedded::{self, SECRETS};

/// How long a writer may take to make room.
const PATIENCE: Duration = Duration::from_secs(30);

/// Copies the databases and secrets of the directory `data` to `to`, a folder that must not be there yet; the bytes that
/// were written. The folder appears when everything is in it and on the disk.
///
/// # Errors
/// One sentence when `data` is no data directory, `to` is there already, or something cannot be read or written.
pub async fn back_up(data: &Path, to: &Path) -> Result<u64> {
    let databases = databases(data)?;
    ensure!(!to.exists(), "{} is there already: name a folder that is not", to.display());
    let unfinished = unfinished(to)?;
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished).with_context(|| cannot("remove", &unfinished))?;
    }
    DirBuilder::new().mode(0o700).create(&unfinished).with_context(|| cannot("make", &unfinished))?;
    let copied = copy(data, &databases, &unfinished).await;
    let written = match copied.and_then(|()| synced(&unfinished)) {
        Ok(written) => written,
        Err(cause) => {
            fs::remove_dir_all(&unfinished).with_context(|| cannot("remove", &unfinished))?;
            return Err(cause);
        }
    };
    fs::rename(&unfinished, to).with_context(|| cannot("make", to))?;
    sync(&parent(to))?;
    Ok(written)
}

fn databases(data: &Path) -> Result<Vec<PathBuf>> {
    let mut databases = embedded::service_files(data).to_vec();
    for file in &databases {
        let is_there = file.try_exists().with_context(|| cannot("read", file))?;
        ensure!(is_there, "{} is not there: name the --data-dir of a `garage up`", file.display());
    }
    databases.extend(Some(embedded::people_file(data)).filter(|file| file.is_file()));
    Ok(databases)
}

/// Beside the place where it will be, so that it can be moved there at once.
fn unfinished(to: &Path) -> Result<PathBuf> {
    let name = to.file_name().with_context(|| format!("{} names no folder", to.display()))?;
    Ok(parent(to).join(format!(".{}.unfinished", name.to_string_lossy())))
}

fn parent(path: &Path) -> PathBuf {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new(".")).to_owned()
}

async fn copy(data: &Path, databases: &[PathBuf], to: &Path) -> Result<()> {
    let mut held = Vec::new();
    for file in databases {
        held.push(hold(file).await.with_context(|| cannot("read", file))?);
    }
    for file in databases {
        let copy = to.join(file.file_name().unwrap_or_default());
        write(file, &copy).await.with_context(|| cannot("copy", file))?;
    }
    for secret in SECRETS {
        copy_secret(&data.join(secret), &to.join(secret))?;
    }
    for connection in held {
        connection.close().await.context("letting the writers go on")?;
    }
    Ok(())
}

fn options(file: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new().filename(file).busy_timeout(PATIENCE).journal_mode(SqliteJournalMode::Wal)
}

/// Nobody writes until this connection is closed.
async fn hold(file: &Path) -> Result<SqliteConnection, sqlx::Error> {
    let mut connection = SqliteConnection::connect_with(&options(file)).await?;
    sqlx::query("BEGIN IMMEDIATE").execute(&mut connection).await?;
    Ok(connection)
}

async fn write(file: &Path, copy: &Path) -> Result<()> {
    let copy = copy.to_str().context("the folder's name must be UTF-8")?;
    // Made beforehand, as SQLite would let others read it.
    secret_file(Path::new(copy)).context("making the copy")?;
    let mut connection = SqliteConnection::connect_with(&options(file)).await?;
    sqlx::query("VACUUM INTO ?").bind(copy).execute(&mut connection).await?;
    Ok(connection.close().await?)
}

fn copy_secret(from: &Path, to: &Path) -> Result<()> {
    let mut reading = match File::open(from) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => opened.with_context(|| cannot("read", from))?,
    };
    let mut writing = secret_file(to).with_context(|| cannot("make", to))?;
    io::copy(&mut reading, &mut writing).with_context(|| cannot("copy", from))?;
    Ok(())
}

fn secret_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().create_new(true).write(true).mode(0o600).open(path)
}

/// Has everything in the folder on the disk; how many bytes that is.
fn synced(folder: &Path) -> Result<u64> {
    let mut written = 0;
    for entry in fs::read_dir(folder).with_context(|| cannot("read", folder))? {
        let path = entry.with_context(|| cannot("read", folder))?.path();
        sync(&path)?;
        written += path.metadata().with_context(|| cannot("read", &path))?.len();
    }
    sync(folder)?;
    Ok(written)
}

fn sync(path: &Path) -> Result<()> {
    File::open(path).and_then(|file| file.sync_all()).with_context(|| cannot("write", path))
}

fn cannot(what: &str, path: &Path) -> String {
    format!("cannot {what} {}", path.display())
}
