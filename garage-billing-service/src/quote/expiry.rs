//! Quotes that nobody answered in time. Time passes without an event, so somebody must look.

use std::time::Duration;

use garage_events::Refusal;
use garage_kit::{
    Aggregate, Failure, crash,
    store::{Order, Position, Query},
};
use garage_saga::Shell;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::bill::Bill;

/// How often somebody looks: a quote that is over is refused at once, its order hears of it within this time.
const LOOK: Duration = Duration::from_secs(5);
/// Bills read at once.
const PAGE: u32 = 200;

/// Looks for lapsed quotes until `stopping`.
pub(crate) async fn sweep(shell: Shell, stopping: CancellationToken) {
    let mut look = interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stopping.run_until_cancelled(look.tick()).await.is_some() {
        if let Err(failure) = expire_lapsed(&shell).await {
            tracing::warn!(%failure, "lapsed quotes cannot be looked for");
        }
    }
}

/// Expires every quote whose time is over by the shell's clock.
///
/// # Errors
/// When the store cannot be asked. A quote that cannot be written is left to the next look.
pub async fn expire_lapsed(shell: &Shell) -> Result<(), Failure> {
    let mut query = Query { order: Order::By("expires"), limit: PAGE, ..Query::default() };
    loop {
        let now = shell.clock.now();
        let found = shell.repository.find::<Bill>(&query).await?;
        let is_lapsed = |bill: &Bill| bill.quote.as_ref().is_some_and(|quote| quote.has_lapsed(now));
        let lapsed: Vec<Bill> = found.into_iter().map(|bill| bill.state).take_while(is_lapsed).collect();
        let Some(last) = lapsed.last() else { return Ok(()) };
        query.after = place(last);
        for bill in lapsed {
            expire(shell, bill).await;
        }
    }
}

async fn expire(shell: &Shell, bill: Bill) {
    crash::point("expiry-claimed");
    let expired = shell.decide::<Bill>(bill.work_order_id.0, None, |bill, at| {
        Ok(bill.ok_or(Refusal::Unknown("work order"))?.expire(at))
    });
    if let Err(problem) = expired.await {
        tracing::warn!(order = %bill.work_order_id, %problem, "a lapsed quote will be expired later");
    }
}

fn place(bill: &Bill) -> Option<Position> {
    let value = bill.index().get("expires")?.as_str()?.to_owned();
    Some(Position { value, id: bill.work_order_id.0 })
}
