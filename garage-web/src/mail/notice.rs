//! Notices where orders have come to: each change that is told makes us look at its order, and every few minutes, at the
//! start and whenever a stream of events was broken we look for those that nobody told us of (a service's other copies, a
//! night that we slept through). What is there to be said is written into the book; saying it is somebody else's.

use std::{collections::HashSet, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use garage_events::{Service, WorkOrderId};
use tokio::{
    sync::broadcast::{
        Receiver,
        error::{RecvError, TryRecvError},
    },
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::{FRESH, book::Key};
use crate::{
    app::App,
    live::Change,
    messages::Stage,
    services::{
        Asker, No,
        view::{Moment, Order, Quote},
    },
    trouble::Trouble,
};

/// Between two looks at everything.
const SWEEP: Duration = Duration::from_secs(300);
/// After a look that failed.
const SOON: Duration = Duration::from_secs(5);
/// Orders that were taken in earlier are not looked for; what is told of them is seen all the same.
const SOUGHT: TimeDelta = TimeDelta::days(60);

type Switches = Vec<(Stage, DateTime<Utc>)>;

/// What is to be looked at.
#[derive(Default)]
struct Unseen {
    everything: bool,
    orders: HashSet<WorkOrderId>,
}

impl Unseen {
    fn add(&mut self, change: Change) {
        match change {
            Change::Order(id) => {
                self.orders.insert(WorkOrderId(id));
            }
            Change::Everything => self.everything = true,
        }
    }
}

pub(super) async fn watch(app: App, stopping: CancellationToken) {
    let mut changes = app.live.changes();
    let mut unseen = Unseen { everything: true, ..Unseen::default() };
    loop {
        let looked = stopping.run_until_cancelled(look(&app, &mut unseen)).await;
        let pause = match looked {
            None => return,
            Some(Ok(())) => SWEEP,
            Some(Err(_)) => SOON,
        };
        let Some(heard) = stopping.run_until_cancelled(timeout(pause, next(&mut changes, &mut unseen))).await
        else {
            return;
        };
        match heard {
            Ok(true) => {}
            Ok(false) => return,
            Err(_) => unseen.everything = true,
        }
    }
}

/// Waits for a change and takes all that came with it; whether there will be more.
async fn next(changes: &mut Receiver<Change>, unseen: &mut Unseen) -> bool {
    match changes.recv().await {
        Ok(change) => unseen.add(change),
        Err(RecvError::Lagged(_)) => unseen.everything = true,
        Err(RecvError::Closed) => return false,
    }
    loop {
        match changes.try_recv() {
            Ok(change) => unseen.add(change),
            Err(TryRecvError::Lagged(_)) => unseen.everything = true,
            Err(TryRecvError::Empty | TryRecvError::Closed) => return true,
        }
    }
}

/// Looks at all that is unseen; what could not be looked at stays so.
async fn look(app: &App, unseen: &mut Unseen) -> Result<(), Trouble> {
    let switches = app.book.switches().await?;
    if switches.is_empty() {
        *unseen = Unseen::default();
        return Ok(());
    }
    let asker = app.as_the_house()?;
    if unseen.everything {
        unseen.orders.extend(recent(app, &asker, &switches).await?);
        unseen.everything = false;
    }
    let mut looked = Ok(());
    for order in unseen.orders.clone() {
        // One that cannot be looked at holds up nobody else.
        match look_at(app, &asker, order, &switches).await {
            Ok(()) => drop(unseen.orders.remove(&order)),
            Err(trouble) => looked = Err(trouble),
        }
    }
    looked
}

/// Orders that may have come to one of these stages of late.
async fn recent(app: &App, asker: &Asker, switches: &Switches) -> Result<HashSet<WorkOrderId>, No> {
    let (now, mut found) = (app.clock.now(), HashSet::new());
    let stages = switches.iter().map(|(stage, _)| *stage);
    let statuses: Vec<(Stage, &str)> =
        stages.flat_map(|stage| stage.statuses().iter().map(move |status| (stage, *status))).collect();
    for (stage, status) in statuses {
        let mut next = Some(format!("/work-orders?status={status}&limit=200"));
        while let Some(path) = next {
            let (orders, further) = asker.page::<Order>(Service::Os, &path).await?;
            let is_far = orders.last().is_some_and(|order| order.created_at < now - SOUGHT);
            next = further.filter(|_| !is_far);
            for order in orders {
                // To services of before 2026-11-28 another text of a quote does not touch the order.
                if stage == Stage::ToApprove || order.updated_at >= now - FRESH {
                    found.insert(order.id);
                }
            }
        }
    }
    Ok(found)
}

/// Writes down what is to be said of an order, if anything is.
async fn look_at(app: &App, asker: &Asker, id: WorkOrderId, switches: &Switches) -> Result<(), Trouble> {
    let Some(order) = asker.find::<Order>(Service::Os, &format!("/work-orders/{id}")).await? else {
        return Ok(());
    };
    let stage = Stage::of(&order.status);
    let Some((stage, on_since)) = switches.iter().copied().find(|(on, _)| Some(*on) == stage) else {
        return Ok(());
    };
    let came =
        if stage == Stage::ToApprove { sent(asker, id).await? } else { came(app, asker, id, stage).await? };
    let Some((revision, began)) = came else { return Ok(()) };
    let now = app.clock.now();
    if began >= on_since && now - began <= FRESH {
        let is_news = app.book.note(Key { order: id, stage, revision }, began, now).await?;
        if is_news {
            app.to_send.notify_one();
        }
    }
    Ok(())
}

/// The quote's text that the customer has, and since when.
async fn sent(asker: &Asker, id: WorkOrderId) -> Result<Option<(u32, DateTime<Utc>)>, No> {
    let quote = asker.find::<Quote>(Service::Billing, &format!("/quotes/work-order/{id}")).await?;
    let quote = quote.filter(|quote| quote.status == "SENT");
    Ok(quote.and_then(|quote| Some((quote.revision, quote.sent_at?))))
}

/// Since when the order stands at a stage, unless that is in the book already.
async fn came(
    app: &App,
    asker: &Asker,
    id: WorkOrderId,
    stage: Stage,
) -> Result<Option<(u32, DateTime<Utc>)>, Trouble> {
    if app.book.of(id).await?.iter().any(|entry| entry.key.stage == stage) {
        return Ok(None);
    }
    let history: Vec<Moment> = asker.get(Service::Os, &format!("/work-orders/{id}/history")).await?;
    Ok(began(&history, stage).map(|at| (0, at)))
}

/// When the order came to the stage where it stands.
fn began(history: &[Moment], stage: Stage) -> Option<DateTime<Utc>> {
    let is_here = |moment: &&Moment| {
        let status = moment.rest.get("status").and_then(serde_json::Value::as_str);
        status.and_then(Stage::of) == Some(stage)
    };
    history.iter().rev().take_while(is_here).last().map(|moment| moment.at)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_stage_began_with_the_first_fact_that_led_there() {
        let history: Vec<Moment> = serde_json::from_value(json!([
            { "type": "OPENED", "at": "2026-02-08T10:00:00Z", "status": "PENDING" },
            { "type": "QUOTED", "at": "2026-02-08T10:01:00Z", "status": "QUOTED" },
            { "type": "QUOTE_APPROVED", "at": "2026-02-08T10:02:00Z", "status": "APPROVED" },
            { "type": "PAYMENT_APPROVED", "at": "2026-02-08T10:03:00Z", "status": "IN_PROGRESS" },
            { "type": "EXECUTION_MOVED", "at": "2026-02-08T10:04:00Z", "status": "IN_PROGRESS" },
        ]))
        .unwrap();
        let minute = |stage| began(&history, stage).map(|at| at.format("%M").to_string());
        assert_eq!(minute(Stage::InWorkshop).as_deref(), Some("03"));
        assert_eq!(minute(Stage::ToPay), None);
        assert_eq!(began(&history[..2], Stage::Received), Some(history[0].at));
    }
}
