//! Pages that change by themselves: one watch on each service's stream of events, and a stream to every open tab that
//! says only which order has changed. The page then asks for itself again, so that what somebody may see is decided
//! anew. What was told while a stream was broken nobody knows: then everything may have changed.

use std::{convert::Infallible, time::Duration};

use axum::response::{
    IntoResponse, Response,
    sse::{Event, KeepAlive, Sse},
};
use futures::stream;
use garage_events::{Service, WorkOrderId};
use garage_kit::bus::backoff::Backoff;
use serde::Deserialize;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{app::App, services::No};

/// So many changes may wait for a slow tab; then it is told that everything has changed.
const WAITING: usize = 256;
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// After how long a browser comes back.
const RETRY: Duration = Duration::from_secs(1);
/// A line of a stream that is longer is none of ours.
const LONGEST: usize = 1 << 20;

/// What has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Order(Uuid),
    Everything,
}

/// Tells tabs what has changed.
pub(crate) struct Live {
    changes: broadcast::Sender<Change>,
    stopping: CancellationToken,
}

impl Live {
    pub(crate) fn new(stopping: CancellationToken) -> Self {
        Self { changes: broadcast::channel(WAITING).0, stopping }
    }

    /// What changes from now on.
    pub(crate) fn changes(&self) -> broadcast::Receiver<Change> {
        self.changes.subscribe()
    }

    /// Tells tabs of a change that no service knows of.
    pub(crate) fn tell(&self, order: WorkOrderId) {
        // An error says that nobody watches.
        let _ = self.changes.send(Change::Order(order.0));
    }

    /// A stream for one tab: of every order, or of one.
    pub(crate) fn stream(&self, only: Option<WorkOrderId>) -> Response {
        let watching = (self.changes.subscribe(), self.stopping.clone());
        let opened = Event::default().retry(RETRY).comment("open");
        let first = stream::iter([Ok::<_, Infallible>(opened)]);
        let rest = stream::unfold(watching, move |(mut changes, stopping)| async move {
            let change = stopping.run_until_cancelled(next(&mut changes, only)).await??;
            let said = match change {
                Change::Order(id) => id.to_string(),
                Change::Everything => "*".to_owned(),
            };
            Some((Ok(Event::default().data(said)), (changes, stopping)))
        });
        let stream = futures::StreamExt::chain(first, rest);
        Sse::new(stream).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response()
    }
}

async fn next(changes: &mut broadcast::Receiver<Change>, only: Option<WorkOrderId>) -> Option<Change> {
    loop {
        match changes.recv().await {
            Ok(Change::Order(id)) if only.is_some_and(|only| only.0 != id) => {}
            Ok(change) => return Some(change),
            Err(broadcast::error::RecvError::Lagged(_)) => return Some(Change::Everything),
            Err(broadcast::error::RecvError::Closed) => return None,
        }
    }
}

/// Watches what a service tells, until `stopping`; comes back to one that went away.
pub(crate) async fn watch(app: App, service: Service, stopping: CancellationToken) {
    let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(2));
    let mut was_away = false;
    loop {
        let Some(watched) = stopping.run_until_cancelled(follow(&app, service, was_away)).await else {
            return;
        };
        if let Err(No::Away(_, cause)) = &watched
            && !was_away
        {
            tracing::warn!(service = service.word(), cause, "its events cannot be watched; trying again");
        }
        if watched.is_ok() {
            backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(2));
        }
        was_away = true;
        if stopping.run_until_cancelled(backoff.pause()).await.is_none() {
            return;
        }
    }
}

/// Follows a service's stream until it ends.
async fn follow(app: &App, service: Service, was_away: bool) -> Result<(), No> {
    let asker = app.as_the_house().map_err(|failure| No::Away(service, failure.to_string()))?;
    let mut answer = asker.events(service).await?;
    if was_away {
        let _ = app.live.changes.send(Change::Everything);
    }
    let mut rest = Vec::new();
    while let Ok(Some(chunk)) = answer.chunk().await {
        rest.extend_from_slice(&chunk);
        for id in orders_in(&mut rest) {
            // An error says that no tab is open.
            let _ = app.live.changes.send(Change::Order(id));
        }
        if rest.len() > LONGEST {
            break;
        }
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    correlation_id: Uuid,
}

/// The orders of all events that are whole in `bytes`, which are taken away.
fn orders_in(bytes: &mut Vec<u8>) -> Vec<Uuid> {
    let mut orders = Vec::new();
    while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
        let line: Vec<u8> = bytes.drain(..=end).collect();
        let data = line.strip_prefix(b"data:").and_then(|data| serde_json::from_slice::<Told>(data).ok());
        orders.extend(data.map(|told| told.correlation_id));
    }
    orders
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_however_the_stream_is_cut() {
        let id = Uuid::from_u128(7);
        let text =
            format!("id: 1\nevent: quote.sent\ndata: {{\"correlationId\":\"{id}\",\"data\":{{}}}}\n\n:\n\n");
        for cut in 0..text.len() {
            let (mut bytes, mut found) = (text.as_bytes()[..cut].to_vec(), Vec::new());
            found.extend(orders_in(&mut bytes));
            bytes.extend_from_slice(&text.as_bytes()[cut..]);
            found.extend(orders_in(&mut bytes));
            assert_eq!((found, bytes), (vec![id], vec![]), "cut at {cut}");
        }
    }

    #[tokio::test]
    async fn a_tab_that_watches_one_order_hears_of_no_other() {
        let (sender, mut receiver) = broadcast::channel(8);
        let (one, other) = (WorkOrderId(Uuid::from_u128(1)), Uuid::from_u128(2));
        for change in [Change::Order(other), Change::Order(one.0), Change::Order(other), Change::Everything] {
            sender.send(change).unwrap();
        }
        assert_eq!(next(&mut receiver, Some(one)).await, Some(Change::Order(one.0)));
        assert_eq!(next(&mut receiver, Some(one)).await, Some(Change::Everything));
    }
}
