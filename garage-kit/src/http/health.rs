//! Whether the service is well, for people (`/health`), for whoever restarts it (`/health/live`: the process
//! answers, whatever else is away) and for whoever sends it traffic (`/health/ready`: what it needs is there).
//! The names of the checks are public; why one failed is in the log.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use chrono::{DateTime, SecondsFormat, Utc};
use futures::future::{BoxFuture, join_all};
use serde::{Serialize, Serializer};
use tokio::time::timeout;
use utoipa::ToSchema;

use super::Json;
use crate::{Failure, clock::Clock};

/// A check that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(3);

pub(super) type Check = Box<dyn Fn() -> BoxFuture<'static, Result<(), Failure>> + Send + Sync>;

pub(super) struct Checks {
    pub(super) service: &'static str,
    pub(super) clock: Clock,
    pub(super) by_name: Vec<(&'static str, Check)>,
}

impl fmt::Debug for Checks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.by_name.iter().map(|(name, _)| name)).finish()
    }
}

/// How a service is.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Health {
    status: Status,
    /// Which service answers.
    #[schema(example = "os-service")]
    service: &'static str,
    #[serde(serialize_with = "milliseconds")]
    timestamp: DateTime<Utc>,
    /// What the service needs, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    checks: BTreeMap<&'static str, Status>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Status {
    Ok,
    Degraded,
}

fn milliseconds<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time.to_rfc3339_opts(SecondsFormat::Millis, true))
}

impl Checks {
    async fn ask(&self) -> Health {
        let asked =
            self.by_name.iter().map(|(name, check)| async move { (*name, passed(name, check).await) });
        let checks: BTreeMap<_, _> = join_all(asked).await.into_iter().collect();
        let all_well = checks.values().all(|status| *status == Status::Ok);
        self.health(if all_well { Status::Ok } else { Status::Degraded }, checks)
    }

    fn health(&self, status: Status, checks: BTreeMap<&'static str, Status>) -> Health {
        Health { status, service: self.service, timestamp: self.clock.now(), checks }
    }
}

async fn passed(name: &str, check: &Check) -> Status {
    let late = |_| Err(Failure::passing("asking", "no answer in time"));
    match timeout(PATIENCE, check()).await.unwrap_or_else(late) {
        Ok(()) => Status::Ok,
        Err(failure) => {
            tracing::warn!(check = name, %failure, "a health check failed");
            Status::Degraded
        }
    }
}

/// How the service is. Always 200: degraded is no reason to restart it.
#[utoipa::path(get, path = "/health", tag = "operation", security(()), responses((status = 200, description = "How it is", body = Health)))]
pub(super) async fn health(State(checks): State<Arc<Checks>>) -> Response {
    Json(checks.ask().await).into_response()
}

/// Whether the process answers.
#[utoipa::path(get, path = "/health/live", tag = "operation", security(()), responses((status = 200, description = "It does", body = Health)))]
pub(super) async fn live(State(checks): State<Arc<Checks>>) -> Response {
    Json(checks.health(Status::Ok, BTreeMap::new())).into_response()
}

/// Whether what the service needs is there.
#[utoipa::path(get, path = "/health/ready", tag = "operation", security(()), responses(
    (status = 200, description = "Everything is there", body = Health),
    (status = 503, description = "Something is away", body = Health)))]
pub(super) async fn ready(State(checks): State<Arc<Checks>>) -> Response {
    let health = checks.ask().await;
    let status = if health.status == Status::Ok { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(health)).into_response()
}
