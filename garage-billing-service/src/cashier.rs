//! Sees to it that every gateway call is made that a bill asks for, and that its answer is stored. That a call
//! was due was stored before it is made, so a crash between the two only means asking again.

use std::{
    collections::{BTreeSet, HashSet},
    future::Future,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use garage_events::{PaymentId, PaymentStatus, Refusal, Transition, WorkOrderId};
use garage_kit::{Failure, Loaded, crash, http::Problem, trace};
use garage_saga::Shell;
use tokio::{
    sync::{Notify, Semaphore},
    time::{MissedTickBehavior, interval, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument;

use self::pace::Paces;
use crate::{
    bill::{Answer, Bill},
    gateway::{Charge, Gateway, Lack},
    payment::{Call, Due},
};

mod call;
mod pace;

pub use call::{Performed, perform};

/// How often open bills are looked through. When each call of theirs is made is [`pace`]'s affair.
const LOOK: Duration = Duration::from_secs(1);
/// Orders that are seen to at once.
const AT_ONCE: usize = 8;

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

/// What came of a look at a payment that the gateway has told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Looked {
    /// What became of it is stored.
    Learned,
    /// It is no payment of ours.
    Nobodys,
    /// The gateway did not say what became of it.
    Unanswered,
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

    /// What a charge lacks for this gateway.
    #[must_use]
    pub fn lacks(&self, charge: &Charge) -> Vec<Lack> {
        self.0.gateway.lacks(charge)
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

    /// Reads a payment of which the gateway has said that something became of it, and learns what. The gateway may say
    /// so before it has answered the call that made the payment: then this is the answer.
    ///
    /// # Errors
    /// As [`Self::call`].
    pub async fn look_at(&self, gateway_id: &str, patience: Duration) -> Result<Looked, Problem> {
        self.looked(gateway_id, "read after a webhook", patience).await
    }

    /// The same before something is decided that depends on how the payment stands at the gateway.
    ///
    /// # Errors
    /// As [`Self::call`].
    pub async fn look_first(&self, gateway_id: &str, patience: Duration) -> Result<Looked, Problem> {
        self.looked(gateway_id, "read before a part goes back", patience).await
    }

    async fn looked(
        &self,
        gateway_id: &str,
        asked: &'static str,
        patience: Duration,
    ) -> Result<Looked, Problem> {
        let (cashier, gateway_id) = (self.clone(), gateway_id.to_owned());
        let look = async move { cashier.look(&gateway_id, asked).await.map(Some) };
        self.within(patience, look).await.map(|looked| looked.unwrap_or(Looked::Unanswered))
    }

    async fn look(&self, gateway_id: &str, asked: &str) -> Result<Looked, Problem> {
        let charged = match self.0.gateway.read(gateway_id).await {
            Ok(Some(charged)) => charged,
            Ok(None) => return Ok(Looked::Nobodys),
            Err(doubt) => {
                tracing::warn!(%doubt, "the gateway did not answer about a payment");
                return Ok(Looked::Unanswered);
            }
        };
        let Some(reference) = charged.reference else { return Ok(Looked::Nobodys) };
        let bills = &self.0.shell.repository;
        let Some(bill) = bills.by::<Bill>("payment_id", reference.to_string()).await? else {
            return Ok(Looked::Nobodys);
        };
        let known = bill.state.attempt(reference).and_then(|attempt| attempt.gateway_id.as_deref());
        if known.is_some_and(|known| known != gateway_id) {
            tracing::error!(%reference, gateway_id, "the gateway has a second payment for this attempt");
            return Ok(Looked::Nobodys);
        }
        let said = format!("payment {gateway_id} of {}: {:?}", charged.amount, charged.standing);
        let call = Call::read(asked, &said, self.0.shell.clock.now());
        self.hear(bill.state.work_order_id, reference, Answer::Charged(charged), call).await?;
        Ok(Looked::Learned)
    }

    async fn within<T: Send + 'static>(
        &self,
        patience: Duration,
        call: impl Future<Output = Result<Option<T>, Problem>> + Send + 'static,
    ) -> Result<Option<T>, Problem> {
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
        let mut ready = Vec::new();
        for Loaded { state: bill, .. } in &bills {
            if bill.due().iter().any(|due| paces.is_time(bill, due, now)) {
                ready.push(bill.work_order_id);
            }
        }
        ready
    }

    async fn open_bills(&self) -> Result<Vec<Loaded<Bill>>, Failure> {
        self.0.shell.repository.all_with::<Bill>("open", "true").await
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
        let Performed { answer, said, is_doubt } = perform(&*self.0.gateway, &due, now).await;
        let call = Call::of(&due, &said, now);
        if is_doubt {
            let (asked, doubt) = (&call.asked, &call.answer);
            tracing::warn!(%order, asked, doubt, "the gateway gave no answer; it will be asked again");
        }
        if let Some(answer) = answer {
            crash::point(after);
            return self.hear(order, due.reference(), answer, call).await.map(Some);
        }
        Ok(self.note(order, due.reference(), call).await)
    }

    /// Stores an answer; what the bill is then.
    async fn hear(
        &self,
        order: WorkOrderId,
        reference: PaymentId,
        answer: Answer,
        call: Call,
    ) -> Result<Loaded<Bill>, Problem> {
        let mut was = None;
        let heard = self.0.shell.decide::<Bill>(order.0, None, |bill, at| {
            let bill = bill.ok_or(Refusal::Unknown("work order"))?.noted(reference, call.clone());
            was = bill.attempt(reference).map(|attempt| attempt.status);
            Ok(bill.hear(reference, answer.clone(), at))
        });
        let heard = heard.await?;
        report_what_came_late(reference, was, &heard.state);
        crash::point("cashier-stored");
        self.show(&heard.state);
        Ok(heard)
    }

    /// Notes that nothing was learned. A note that cannot be written is no reason to stop.
    async fn note(&self, order: WorkOrderId, reference: PaymentId, call: Call) -> Option<Loaded<Bill>> {
        let noted = self.0.shell.decide::<Bill>(order.0, None, |bill, _| {
            let bill = bill.ok_or(Refusal::Unknown("work order"))?;
            Ok(Transition::quiet(bill.noted(reference, call.clone())))
        });
        noted.await.inspect_err(|problem| tracing::warn!(%order, %problem, "a call is not in its trail")).ok()
    }
}

/// Money that shows for a payment whose end was told goes back by itself, and somebody should know that it came. Where
/// it has gone back already, nothing is left to watch.
fn report_what_came_late(reference: PaymentId, was: Option<PaymentStatus>, bill: &Bill) {
    let had_ended = matches!(was, Some(PaymentStatus::Rejected | PaymentStatus::Cancelled));
    let now = bill.attempt(reference).map(|attempt| attempt.status);
    let order = bill.work_order_id;
    match now.filter(|_| had_ended) {
        Some(now @ (PaymentStatus::Pending | PaymentStatus::Refunding)) => {
            tracing::error!(%order, %reference, %now, "a payment that had ended shows at the gateway: what comes of it goes back");
        }
        Some(PaymentStatus::Refunded) => {
            tracing::info!(%order, %reference, "a payment was given back at the gateway after its end");
        }
        Some(
            PaymentStatus::Processing
            | PaymentStatus::Approved
            | PaymentStatus::Rejected
            | PaymentStatus::Cancelled,
        )
        | None => {}
    }
}

/// The places before and after a call.
const fn places(due: &Due) -> (&'static str, &'static str) {
    match due {
        Due::Create(_) => ("cashier-charge-due", "cashier-charged"),
        Due::Refund { .. } | Due::GiveBack { .. } => ("cashier-refund-due", "cashier-refunded"),
        Due::Cancel { .. } => ("cashier-cancel-due", "cashier-cancelled"),
        Due::Search { .. } | Due::Read { .. } | Due::LookForRefund { .. } => {
            ("cashier-question-due", "cashier-asked")
        }
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
