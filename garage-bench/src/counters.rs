//! What the servers themselves count: commits, syncs, commands, messages, bytes. Two looks make a difference, which is
//! then told per saga. A look waits until the servers have counted everything, as they do that in their own time.

use std::{collections::BTreeMap, time::Duration};

use anyhow::Result;
use bson::{Document, doc};
use serde_json::Value;
use sqlx::Row;
use tokio::time::sleep;

use crate::{processes::loopback, servers::Servers};

/// The broker counts every five seconds, PostgreSQL every second.
pub(crate) const COUNTED_AFTER: Duration = Duration::from_secs(6);

/// Counts by name, since the servers were started.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counters(BTreeMap<&'static str, f64>);

const COMMITS: &str = "SELECT CAST(sum(xact_commit) AS float8) FROM pg_stat_database \
    WHERE datname IN ('os_service', 'execution_service')";
const SYNCS: &str = "SELECT CAST(wal_sync AS float8), CAST(wal_bytes AS float8) FROM pg_stat_wal";

impl Counters {
    /// What passed over loopback, which is all that can be counted without servers.
    pub(crate) fn traffic() -> Result<Self> {
        let (bytes, packets) = loopback()?;
        Ok(Self(BTreeMap::from([("loopback KiB", bytes / 1024.0), ("loopback packets", packets)])))
    }

    /// Looks once everything is counted.
    pub(crate) async fn look(servers: &Servers) -> Result<Self> {
        let Self(mut counts) = Self::traffic()?;
        sleep(COUNTED_AFTER).await;
        postgres(servers, &mut counts).await?;
        mongodb(servers, &mut counts).await?;
        rabbitmq(servers, &mut counts).await?;
        Ok(Self(counts))
    }

    /// What has come to it since `before`, per operation.
    pub(crate) fn since(&self, before: &Self, operations: f64) -> BTreeMap<String, f64> {
        let per_one = |(name, now): (&&'static str, &f64)| {
            let before = before.0.get(name)?;
            Some(((*name).to_owned(), (now - before) / operations.max(1.0)))
        };
        self.0.iter().filter_map(per_one).collect()
    }
}

async fn postgres(servers: &Servers, counts: &mut BTreeMap<&'static str, f64>) -> Result<()> {
    // Asked in a database of its own, so that the questions are not counted.
    let mut connection = servers.postgres_at("postgres").await?;
    let commits: Option<f64> = sqlx::query(COMMITS).fetch_one(&mut connection).await?.get(0);
    counts.insert("PostgreSQL commits", commits.unwrap_or_default());
    // Version 18 counts these elsewhere.
    if let Ok(row) = sqlx::query(SYNCS).fetch_one(&mut connection).await {
        counts.insert("PostgreSQL syncs", row.get(0));
        counts.insert("PostgreSQL WAL KiB", row.get::<f64, _>(1) / 1024.0);
    }
    Ok(())
}

async fn mongodb(servers: &Servers, counts: &mut BTreeMap<&'static str, f64>) -> Result<()> {
    let status = servers.mongo().await?.database("admin").run_command(doc! { "serverStatus": 1 }).await?;
    for (name, path) in [
        ("MongoDB round trips", &["network", "numRequests"][..]),
        ("MongoDB writes", &["opcounters", "update"]),
        ("MongoDB reads", &["opcounters", "query"]),
        ("MongoDB syncs", &["wiredTiger", "log", "log sync operations"]),
    ] {
        counts.extend(number_at(&status, path).map(|number| (name, number)));
    }
    Ok(())
}

fn number_at(document: &Document, path: &[&str]) -> Option<f64> {
    let (last, way) = path.split_last()?;
    let inner = way.iter().try_fold(document, |inner, name| inner.get_document(name).ok())?;
    let number = inner.get(last)?;
    let whole = number.as_i64().or(number.as_i32().map(i64::from));
    #[expect(clippy::cast_precision_loss, reason = "counts of this program are far below 2^52")]
    number.as_f64().or(whole.map(|whole| whole as f64))
}

async fn rabbitmq(servers: &Servers, counts: &mut BTreeMap<&'static str, f64>) -> Result<()> {
    let overview = servers.management("/api/overview").await?;
    let messages = &overview["message_stats"];
    for (name, key) in [
        ("messages published", "publish"),
        ("messages delivered", "deliver"),
        ("messages acknowledged", "ack"),
    ] {
        counts.insert(name, messages[key].as_f64().unwrap_or_default());
    }
    let connections = servers.management("/api/connections").await?;
    let octets = |connection: &Value| {
        connection["recv_oct"].as_f64().unwrap_or_default()
            + connection["send_oct"].as_f64().unwrap_or_default()
    };
    let octets: f64 = connections.as_array().into_iter().flatten().map(octets).sum();
    counts.insert("AMQP KiB", octets / 1024.0);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_told_per_operation_and_only_for_what_both_looks_saw() {
        let before = Counters(BTreeMap::from([("commits", 10.0)]));
        let after = Counters(BTreeMap::from([("commits", 32.0), ("syncs", 5.0)]));
        assert_eq!(after.since(&before, 2.0), BTreeMap::from([("commits".to_owned(), 11.0)]));
    }
}
