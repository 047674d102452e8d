//! Back-ups of the servers' databases, by the commands that docs/operations.md names. Nobody packages `mongodump` for this
//! system, so here a few lines write what it writes, a file of BSON documents for each collection, without its indexes:
//! those the service makes at its start.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use bson::{RawDocumentBuf, doc};
use futures::TryStreamExt;
use mongodb::{Client, Database};
use tokio::process::Command;

/// What stands before a BSON document: its own length, little-endian.
const LENGTH: usize = 4;

async fn run(program: &str, arguments: &[&str]) -> Result<()> {
    let output = Command::new(program).args(arguments).output().await;
    let output = output.with_context(|| format!("{program}: install PostgreSQL's client programs"))?;
    ensure!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// Without what only our own driver understands.
fn plain(url: &str) -> &str {
    url.split('?').next().unwrap_or(url)
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("a path in UTF-8")
}

/// Writes all of a PostgreSQL database to a file.
pub(crate) async fn pg_dump(url: &str, file: &Path) -> Result<()> {
    run("pg_dump", &["--format=custom", "--file", text(file)?, "--dbname", plain(url)]).await
}

/// Throws a PostgreSQL database away.
pub(crate) async fn pg_lose(url: &str) -> Result<()> {
    let (server, name) = plain(url).rsplit_once('/').context("a database")?;
    run("dropdb", &["--force", "--maintenance-db", &format!("{server}/postgres"), name]).await
}

/// Makes it anew, from the file.
pub(crate) async fn pg_restore(url: &str, file: &Path) -> Result<()> {
    let (server, name) = plain(url).rsplit_once('/').context("a database")?;
    run("createdb", &["--maintenance-db", &format!("{server}/postgres"), name]).await?;
    run("pg_restore", &["--exit-on-error", "--dbname", plain(url), text(file)?]).await
}

async fn mongo(uri: &str) -> Result<Database> {
    Client::with_uri_str(uri).await?.default_database().context("the URI names a database")
}

/// Writes all of a MongoDB database to a folder.
pub(crate) async fn mongo_dump(uri: &str, folder: &Path) -> Result<()> {
    let database = mongo(uri).await?;
    std::fs::create_dir(folder)?;
    for name in database.list_collection_names().await? {
        let mut documents = database.collection::<RawDocumentBuf>(&name).find(doc! {}).await?;
        let mut file = Vec::new();
        while let Some(document) = documents.try_next().await? {
            file.extend_from_slice(document.as_bytes());
        }
        std::fs::write(folder.join(format!("{name}.bson")), file)?;
    }
    Ok(())
}

/// Throws a MongoDB database away.
pub(crate) async fn mongo_lose(uri: &str) -> Result<()> {
    Ok(mongo(uri).await?.drop().await?)
}

/// Puts what is in the folder into a database that is empty.
pub(crate) async fn mongo_restore(uri: &str, folder: &Path) -> Result<()> {
    let database = mongo(uri).await?;
    ensure!(database.list_collection_names().await?.is_empty(), "the database is not empty");
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_stem().and_then(|name| name.to_str()).context("a collection's name")?;
        let documents = documents(&std::fs::read(&path)?)?;
        if !documents.is_empty() {
            database.collection::<RawDocumentBuf>(name).insert_many(documents).await?;
        }
    }
    Ok(())
}

fn documents(mut bytes: &[u8]) -> Result<Vec<RawDocumentBuf>> {
    let mut documents = Vec::new();
    while let Some(length) = bytes.first_chunk::<LENGTH>() {
        let length = usize::try_from(i32::from_le_bytes(*length))?;
        let (document, rest) = bytes.split_at_checked(length).context("a file that ends in a document")?;
        documents.push(RawDocumentBuf::from_bytes(document.to_vec())?);
        bytes = rest;
    }
    Ok(documents)
}
