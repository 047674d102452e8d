//! PostgreSQL: the promises, and what only a server can do.

use std::{str::FromStr, time::Duration};

use futures::future::join_all;
use garage_kit::{
    Failure,
    clock::Clock,
    store::{Change, Position, Query, Store, sql::SqlStore},
    store_conformance,
    testing::{
        bus::until,
        store::{AUTHORS, BOOKS, Backend, KINDS},
    },
};
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, Row,
    postgres::{PgConnectOptions, PgRow},
};

use super::backend::{Postgres, migrations, old_and_new, postgres};

store_conformance!(postgres);

async fn refused(url: &str) -> Failure {
    SqlStore::connect(url, migrations(), &KINDS).await.err().unwrap()
}

#[tokio::test]
async fn a_server_that_is_away_is_named_without_the_password() {
    let failure = refused("postgres://somebody:hunter2@127.0.0.1:1/books").await;
    assert!(failure.is_passing());
    let text = failure.to_string();
    assert!(text.contains("127.0.0.1:1/books") && !text.contains("hunter2"), "{text}");
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("postgres://{}/books", listener.local_addr().unwrap());
    let failure = tokio::time::timeout(Duration::from_secs(8), refused(&url)).await.unwrap();
    assert!(failure.is_passing() && failure.to_string().contains("did not answer"), "{failure}");
}

#[tokio::test]
async fn a_database_that_is_missing_is_named_and_not_created() {
    let backend = postgres().await;
    let missing = backend.0.url().replace("/kit_", "/missing_kit_");
    for _ in 0..2 {
        let failure = refused(&missing).await;
        assert!(!failure.is_passing());
        assert!(failure.to_string().contains("there is no such database"), "{failure}");
    }
}

#[tokio::test]
async fn a_malformed_url_does_not_show_its_password() {
    let text = refused("postgres://somebody:hunter2@[half/books").await.to_string();
    assert!(!text.contains("hunter2"), "{text}");
}

#[tokio::test]
async fn replicas_that_start_together_make_one_schema() {
    let backend = postgres().await;
    join_all((0..4).map(|_| backend.open())).await;
}

#[tokio::test]
async fn an_older_program_starts_on_a_newer_one_s_schema() {
    old_and_new(&postgres().await.0.url()).await;
}

/// Runs statements beside the store.
async fn aside(backend: &Postgres, sql: String) -> Vec<PgRow> {
    let options = PgConnectOptions::from_str(&backend.0.url()).unwrap();
    let mut connection = options.connect().await.unwrap();
    let rows = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    rows
}

/// The row notes how the connection that wrote it was set.
#[tokio::test]
async fn a_commit_is_on_disk_even_if_the_server_is_set_to_be_lax() {
    let backend = postgres().await;
    backend.open().await;
    let name = aside(&backend, "SELECT current_database()::text".to_owned()).await[0].get::<String, _>(0);
    aside(&backend, format!("ALTER DATABASE {name} SET synchronous_commit = off")).await;
    let note = "ALTER TABLE authors ADD COLUMN note TEXT DEFAULT current_setting('synchronous_commit')";
    aside(&backend, note.to_owned()).await;
    let body = Some(r#"{"state":{},"index":{"name":"Ana"}}"#.to_owned());
    let id = Clock::system().id();
    let change = Change { kind: &AUTHORS, id, expected: 0, body, messages: Vec::new() };
    backend.open().await.commit(&[change]).await.unwrap();
    let noted = aside(&backend, "SELECT note FROM authors".to_owned()).await;
    assert_eq!(noted[0].get::<String, _>(0), "on");
}

#[tokio::test]
async fn a_store_heals_when_the_server_drops_its_connections() {
    let backend = postgres().await;
    let store = backend.open().await;
    store.ping().await.unwrap();
    let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
               WHERE datname = current_database() AND pid <> pg_backend_pid()";
    aside(&backend, cut.to_owned()).await;
    let mut failures = 0;
    while let Err(failure) = store.ping().await {
        assert!(failure.is_passing(), "{failure}");
        failures += 1;
        assert!(failures < 10, "a pool of eight is used up");
    }
}

/// While programs are exchanged one by one, one from before writes the body alone.
#[tokio::test]
async fn what_a_program_from_before_writes_is_found_by_its_fields_all_the_same() {
    let backend = postgres().await;
    let store = backend.open().await;
    let id = Clock::system().id();
    let titled = |title: &str| format!(r#"{{"state":{{}},"index":{{"title":"{title}"}}}}"#);
    let change = |expected, title: &str| Change {
        kind: &BOOKS,
        id,
        expected,
        body: Some(titled(title)),
        messages: Vec::new(),
    };
    let found = async |title: &str| {
        let query = Query { filters: vec![("title", title.to_owned())], limit: 1, ..Query::default() };
        store.find(&BOOKS, &query).await.unwrap().first().map(|book| book.version)
    };
    store.commit(&[change(0, "new")]).await.unwrap();
    assert_eq!(found("new").await, Some(1));
    let before = format!("UPDATE books SET version = version + 1, body = '{}'", titled("old"));
    aside(&backend, before).await;
    assert_eq!((found("new").await, found("old").await), (None, Some(2)));
    store.commit(&[change(2, "newer")]).await.unwrap();
    assert_eq!((found("old").await, found("newer").await), (None, Some(3)));
}

/// As an order's status has it: the few of long ago lie below thousands of newer ones, which the server's statistics do
/// not tell.
#[tokio::test]
async fn a_value_that_only_the_oldest_have_is_found_without_walking_past_the_rest() {
    let backend = postgres().await;
    backend.open().await;
    let fill = "INSERT INTO books (id, version, body) \
                SELECT CAST(lpad(to_hex(n), 32, '0') AS uuid), 1, json_build_object('state', '{}'::json, 'index', \
                json_build_object('title', CASE WHEN n <= 2000 THEN 'of old' ELSE 'new' END)) \
                FROM generate_series(1, 12000) AS n; ANALYZE books";
    aside(&backend, fill.to_owned()).await;
    let store = SqlStore::connect(&backend.0.url(), migrations(), &KINDS).await.unwrap();
    let mut query = Query { filters: vec![("title", "of old".to_owned())], limit: 50, ..Query::default() };
    for newest in [2000, 1950, 1900] {
        let found = store.find(&BOOKS, &query).await.unwrap();
        let ids: Vec<u128> = found.iter().map(|book| book.id.as_u128()).collect();
        assert_eq!(ids, (newest - 49..=newest).rev().collect::<Vec<u128>>());
        query.after = found.last().map(|book| Position { value: String::new(), id: book.id });
    }
    store.close().await;
    // What a connection has read is told when it ends, a little later.
    let read = "SELECT coalesce(sum(idx_tup_read) FILTER (WHERE indexrelname = 'books_title'), 0)::text, \
                (coalesce(sum(idx_tup_read) FILTER (WHERE indexrelname <> 'books_title'), 0) + (SELECT seq_tup_read \
                FROM pg_stat_user_tables WHERE relname = 'books'))::text \
                FROM pg_stat_user_indexes WHERE relname = 'books'";
    let read = async || {
        let rows = aside(&backend, read.to_owned()).await;
        [0, 1].map(|column| rows[0].get::<String, _>(column).parse::<u64>().unwrap())
    };
    let told = until("what was read is told", async || {
        let [by_title, otherwise] = read().await;
        (by_title + otherwise >= 150).then_some([by_title, otherwise])
    });
    let [by_title, otherwise] = told.await;
    assert!(by_title <= 200 && otherwise == 0, "{by_title} entries read by title, {otherwise} otherwise");
}

/// What was in use goes on; whoever would connect anew is refused, as after a change of the password. That is nobody's
/// message's fault, so work waits; but a program that starts stops and says so.
#[tokio::test]
async fn whoever_may_no_longer_sign_in_waits_at_work_and_stops_at_the_start() {
    let backend = postgres().await;
    backend.open().await;
    let name = aside(&backend, "SELECT current_database()::text".to_owned()).await[0].get::<String, _>(0);
    let grants = format!(
        "CREATE ROLE {name}_guest LOGIN; GRANT ALL ON SCHEMA public TO {name}_guest; \
         GRANT ALL ON ALL TABLES IN SCHEMA public TO {name}_guest"
    );
    aside(&backend, grants).await;
    let options = PgConnectOptions::from_str(&backend.0.url()).unwrap().username(&format!("{name}_guest"));
    let url = options.to_url_lossy().to_string();
    let store = SqlStore::connect(&url, migrations(), &KINDS).await.unwrap();

    let lock_out = format!(
        "ALTER ROLE {name}_guest NOLOGIN; SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE usename = '{name}_guest'"
    );
    aside(&backend, lock_out).await;
    let told = until("it is refused", async || {
        let failure = store.ping().await.unwrap_err();
        assert!(failure.is_passing(), "{failure}");
        Some(failure.to_string()).filter(|told| told.contains("not permitted to log in"))
    })
    .await;
    assert!(!refused(&url).await.is_passing(), "{told}");

    aside(&backend, format!("ALTER ROLE {name}_guest LOGIN")).await;
    store.ping().await.unwrap();
    store.close().await;
    aside(&backend, format!("DROP OWNED BY {name}_guest; DROP ROLE {name}_guest")).await;
}
