//! SQLite: the promises, and what only a file can do.

use super::backend::{migrations, old_and_new, sqlite};
use garage_kit::{
    Failure,
    store::{Field, Kind, Store, sql::SqlStore},
    store_conformance,
    testing::store::KINDS,
};

store_conformance!(sqlite);

async fn refused(url: &str) -> Failure {
    SqlStore::connect(url, migrations(), &KINDS).await.err().unwrap()
}

#[tokio::test]
async fn a_folder_that_is_missing_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nowhere");
    let failure = refused(&format!("sqlite:{}/books.db", path.display())).await;
    assert!(failure.is_passing(), "an operator can heal it");
    assert!(failure.to_string().contains(&format!("there is no folder {}", path.display())), "{failure}");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("books.db");
    std::fs::write(&path, "a text, and no database, of more than a hundred bytes".repeat(3)).unwrap();
    let failure = refused(&format!("sqlite:{}", path.display())).await;
    assert!(failure.to_string().contains(&path.display().to_string()), "{failure}");
}

#[tokio::test]
async fn an_url_of_another_sort_is_refused() {
    assert!(refused("mysql://localhost/books").await.to_string().contains("must begin with postgres://"));
}

static UNKNOWN: [&Kind; 1] = [&Kind { name: "planets", fields: &[] }];
static HEAVIER: [&Kind; 1] = [&Kind { name: "authors", fields: &[Field::plain("weight")] }];

#[tokio::test]
async fn a_kind_without_its_table_is_refused() {
    let backend = sqlite().await;
    for (kinds, text) in
        [(&UNKNOWN, "table planets has no column id"), (&HEAVIER, "table authors has no column weight")]
    {
        let failure = SqlStore::connect(&backend.url(), migrations(), kinds).await.err().unwrap();
        assert!(failure.to_string().contains(text), "{failure}");
    }
}

#[tokio::test]
async fn the_journal_is_written_ahead_and_emptied_on_close() {
    let backend = sqlite().await;
    let store = SqlStore::connect(&backend.url(), migrations(), &KINDS).await.unwrap();
    store.ping().await.unwrap();
    let files = || std::fs::read_dir(backend.0.path()).unwrap().count();
    assert_eq!(files(), 3, "the database, its journal and the journal's index");
    store.close().await;
    assert_eq!(files(), 1, "one file to copy");
    assert!(store.ping().await.unwrap_err().is_passing());
}

#[tokio::test]
async fn an_older_program_starts_on_a_newer_one_s_schema() {
    old_and_new(&sqlite().await.url()).await;
}
