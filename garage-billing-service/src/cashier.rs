//! Sees to it that every gateway call is made that a bill asks for, and that its answer is stored. That a call
//! was due was stored before it is made, so a crash between the two only means asking again.

use std::{
    collections::{BTreeSet, HashSet},
    future::Future,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use garage_events::{Refusal, WorkOrderId};
use garage_kit::{
    Failure, Loaded, crash,
    http::Problem,
    store::{Position, Query},
    trace,
};
use garage_saga::Shell;
use tokio::{
    sync::{Notify, Semaphore},
    time::{MissedTickBehavior, interval, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument;

use self::pace::Paces;
use crate::{bill::Bill, gateway::Gateway, payment::Due};

mod call;
mod pace;

pub use call::perform;

/// How often open bills are looked through. When each call of theirs is made is [`pace`]'s affair.
const LOOK: Duration = Duration::from_secs(1);
/// Orders that are seen to at once.
const AT_ONCE: usize = 8;
/// Bills read at once.
const PAGE: u32 = 200;

/// Sees to it that every call is made that a bill asks for. Copies are the same cashier.
#[derive(Clone)]
pub struct Cashier(Arc<Desk>);

struct Desk {
    shell: Shell,
    gateway: Arc<dyn Gateway>,
    /// Orders that ask for a call now.
    waiting: Mutex<BTreeSet<WorkOrderId>>,
    wake: Notify,
    paces: Mutex<Paces>,
    free: Arc<Semaphore>,
    calls: TaskTracker,
}

impl Cashier {
    /// Calls `gateway`, and stores with `shell` what came of it.
    #[must_use]
    pub fn new(shell: Shell, gateway: Arc<dyn Gateway>) -> Self {
        Self(Arc::new(Desk {
            shell,
            gateway,
            waiting: Mutex::default(),
            wake: Notify::new(),
            paces: Mutex::default(),
            free: Arc::new(Semaphore::new(AT_ONCE)),
            calls: TaskTracker::new(),
        }))
    }

    /// The hand that stores the answers.
    #[must_use]
    pub fn shell(&self) -> &Shell {
        &self.0.shell
    }

    /// Is shown a bill that has just been stored; if it asks for a call, that is made soon. Forgetting to
    /// show one only means that it is found later.
    pub fn show(&self, bill: &Bill) {
        if !bill.due().is_empty() {
            self.0.waiting().insert(bill.work_order_id);
            self.0.wake.notify_one();
        }
    }

    /// Makes a call that has just been stored for the first time; what the bill is after the answer, or
    /// `None` when there is none within `patience`. The call itself goes on, also when the caller hangs up.
    ///
    /// # Errors
    /// When the answer cannot be stored; it will be asked for again.
    pub async fn call(
        &self,
        order: WorkOrderId,
        due: Due,
        patience: Duration,
    ) -> Result<Option<Loaded<Bill>>, Problem> {
        let cashier = self.clone();
        self.within(patience, async move { cashier.make(order, due).await }).await
    }

    /// The same for a call that may have been made before.
    ///
    /// # Errors
    /// As [`Self::call`].
    pub async fn call_again(
        &self,
        order: WorkOrderId,
        due: Due,
        patience: Duration,
    ) -> Result<Option<Loaded<Bill>>, Problem> {
        let cashier = self.clone();
        self.within(patience, async move { cashier.make_again(order, due).await }).await
    }

    async fn within(
        &self,
        patience: Duration,
        call: impl Future<Output = Result<Option<Loaded<Bill>>, Problem>> + Send + 'static,
    ) -> Result<Option<Loaded<Bill>>, Problem> {
        match timeout(patience, self.0.calls.spawn(trace::carried(call.in_current_span()))).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(ended)) => Err(Failure::lasting("calling the gateway", ended).into()),
            Err(_) => Ok(None),
        }
    }

    /// Makes every call that any bill asks for, whatever its pace, until nothing more is learned. For
    /// operators and tests; [`Self::run`] does the same in its own time.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn settle_all(&self) -> Result<(), Problem> {
        loop {
            let mut learned = false;
            for bill in self.open_bills().await? {
                for due in bill.state.due() {
                    let (order, payment) = (bill.state.work_order_id, due.reference());
                    let status = |bill: &Bill| bill.attempt(payment).map(|attempt| attempt.status);
                    let heard = self.make_again(order, due).await?;
                    learned |= heard.is_some_and(|heard| status(&heard.state) != status(&bill.state));
                }
            }
            if !learned {
                return Ok(());
            }
        }
    }

    /// Works until `stopping`: sees at once to the bills that it is shown, and looks through the open ones
    /// for what was left over, by a crash or by a gateway that was away.
    pub async fn run(self, stopping: CancellationToken) {
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while let Some(orders) = stopping.run_until_cancelled(self.next(&mut look)).await {
            for order in orders {
                let Some(Ok(seat)) = stopping.run_until_cancelled(self.0.free.clone().acquire_owned()).await
                else {
                    break;
                };
                let cashier = self.clone();
                self.0.calls.spawn(async move {
                    cashier.see_to(order).await;
                    drop(seat);
                });
            }
        }
        self.0.calls.close();
        self.0.calls.wait().await;
    }

    /// The next orders to see to.
    async fn next(&self, look: &mut tokio::time::Interval) -> Vec<WorkOrderId> {
        tokio::select! {
            () = self.0.wake.notified() => mem::take(&mut *self.0.waiting()).into_iter().collect(),
            _ = look.tick() => self.left_over().await,
        }
    }

    /// Open bills with a call whose time has come.
    async fn left_over(&self) -> Vec<WorkOrderId> {
        let bills = match self.open_bills().await {
            Ok(bills) => bills,
            Err(failure) => {
                tracing::warn!(%failure, "the cashier cannot look through the open bills");
                return Vec::new();
            }
        };
        let now = self.0.shell.clock.now();
        let open = bills.iter().flat_map(|bill| bill.state.attempts.iter().map(|attempt| attempt.id));
        let mut paces = self.0.paces();
        paces.keep(&open.collect::<HashSet<_>>());
        let ready =
            |bill: &&Loaded<Bill>| bill.state.due().iter().any(|due| paces.is_time(&bill.state, due, now));
        bills.iter().filter(ready).map(|bill| bill.state.work_order_id).collect()
    }

    async fn open_bills(&self) -> Result<Vec<Loaded<Bill>>, Failure> {
        let mut query = Query { filters: vec![("open", "true".to_owned())], limit: PAGE, ..Query::default() };
        let mut bills: Vec<Loaded<Bill>> = Vec::new();
        loop {
            let page = self.0.shell.repository.find::<Bill>(&query).await?;
            let last = page.last().map(|last| last.state.work_order_id.0);
            bills.extend(page);
            match last {
                Some(id) => query.after = Some(Position { value: String::new(), id }),
                None => return Ok(bills),
            }
        }
    }

    /// Makes the calls of one order whose time has come.
    async fn see_to(&self, order: WorkOrderId) {
        if let Err(problem) = self.try_to_see_to(order).await {
            tracing::warn!(%order, %problem, "the cashier will try again");
        }
    }

    async fn try_to_see_to(&self, order: WorkOrderId) -> Result<(), Problem> {
        let Some(bill) = self.0.shell.repository.load::<Bill>(order.0).await? else {
            return Ok(());
        };
        for due in bill.state.due() {
            let now = self.0.shell.clock.now();
            if self.0.paces().take(&bill.state, &due, now) {
                self.make_again(order, due).await?;
            }
        }
        Ok(())
    }

    /// A charge is stored as about to be sent before it is sent once more: if the order is called off
    /// meanwhile, the search for it knows from when to count.
    async fn make_again(&self, order: WorkOrderId, due: Due) -> Result<Option<Loaded<Bill>>, Problem> {
        if !matches!(due, Due::Create(_)) {
            return self.make(order, due).await;
        }
        let reference = due.reference();
        let announced = self.0.shell.decide::<Bill>(order.0, None, |bill, at| {
            Ok(bill.ok_or(Refusal::Unknown("work order"))?.resend(reference, at))
        });
        let still_due = announced.await?.state.due().into_iter().find(|due| due.reference() == reference);
        match still_due.filter(|due| matches!(due, Due::Create(_))) {
            Some(due) => self.make(order, due).await,
            None => Ok(None),
        }
    }

    /// The call, and what the bill is after its answer; an answer may ask for another call.
    async fn make(&self, order: WorkOrderId, due: Due) -> Result<Option<Loaded<Bill>>, Problem> {
        let now = self.0.shell.clock.now();
        let (before, after) = places(&due);
        crash::point(before);
        let Some(answer) = perform(&*self.0.gateway, &due, now).await else {
            return Ok(None);
        };
        crash::point(after);
        let heard = self.0.shell.decide::<Bill>(order.0, None, |bill, at| {
            Ok(bill.ok_or(Refusal::Unknown("work order"))?.hear(due.reference(), answer.clone(), at))
        });
        let heard = heard.await?;
        crash::point("cashier-stored");
        self.show(&heard.state);
        Ok(Some(heard))
    }
}

/// The places before and after a call.
const fn places(due: &Due) -> (&'static str, &'static str) {
    match due {
        Due::Create(_) => ("cashier-charge-due", "cashier-charged"),
        Due::Refund { .. } => ("cashier-refund-due", "cashier-refunded"),
        Due::Cancel { .. } => ("cashier-cancel-due", "cashier-cancelled"),
        Due::Search { .. } | Due::Read { .. } => ("cashier-question-due", "cashier-asked"),
    }
}

impl Desk {
    fn waiting(&self) -> MutexGuard<'_, BTreeSet<WorkOrderId>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn paces(&self) -> MutexGuard<'_, Paces> {
        self.paces.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
