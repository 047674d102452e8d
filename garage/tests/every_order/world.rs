//! The whole garage as one value: the three services' own aggregates, the gateway's ledger, and every event
//! with the places it has still to reach or has reached. A step is one production transition, performed as
//! the shell performs it: state and events together, gateway calls after their intent.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on must stop, and say why")]

use std::{
    collections::{BTreeMap, BTreeSet, hash_map::DefaultHasher},
    hash::{Hash, Hasher},
};

use chrono::{DateTime, TimeDelta, Utc};
use garage_billing_service::{
    bill::{Answer, Bill, Tender},
    payment::{Due, NEVER_RECEIVED},
    quote::{Catalogue, Terms},
};
use garage_events::{
    Cents, CustomerId, Event, EventId, ExecutionId, PaymentId, PaymentMethod, QuoteId, Service, Transition,
    VehicleId, WorkOrderId, WorkOrderStatus, event::Payer, topology,
};
use garage_execution_service::execution::{Job, Step};
use garage_os_service::work_order::{Details, Opening, WorkOrder};
use uuid::Uuid;

use crate::gateway::{Entry, Ledger, Moment};

pub(crate) const ORDER: WorkOrderId = WorkOrderId(Uuid::from_u128(1));
const CUSTOMER: CustomerId = CustomerId(Uuid::from_u128(2));
const QUOTE: QuoteId = QuoteId(Uuid::from_u128(3));
const EXECUTION: ExecutionId = ExecutionId(Uuid::from_u128(4));

pub(crate) const fn start() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH
}

fn terms() -> Terms {
    Terms { validity: TimeDelta::days(10), diagnosis_fee: Cents::new(15_000).unwrap() }
}

/// The services' code, so that a planted mistake can stand in for one piece of it.
pub(crate) trait Code {
    fn order(&self, order: WorkOrder, event: &Event) -> Transition<WorkOrder> {
        order.react(event, EventId(Uuid::nil()), start())
    }

    fn bill(&self, bill: Bill, event: &Event) -> Transition<Bill> {
        bill.react(event, QUOTE, &Catalogue::default(), terms(), start())
    }

    fn job(&self, job: Job, event: &Event) -> Transition<Job> {
        job.react(event, EXECUTION, start())
    }

    fn pay(&self, bill: Bill, tender: Tender) -> Option<Transition<Bill>> {
        bill.pay(tender, start()).ok()
    }

    fn hear(&self, bill: Bill, reference: PaymentId, answer: Answer) -> Transition<Bill> {
        bill.hear(reference, answer, start())
    }

    fn cancel(&self, order: WorkOrder) -> Option<Transition<WorkOrder>> {
        order.cancel("CUSTOMER_REQUEST".to_owned(), start()).ok()
    }

    fn step(&self, job: Job, step: Step) -> Option<Transition<Job>> {
        job.step(step, start()).ok()
    }

    /// What is performed of what is due.
    fn due(&self, bill: &Bill) -> Vec<Due> {
        bill.due()
    }

    fn ledger(&self, ledger: &Ledger) -> Ledger {
        ledger.clone()
    }
}

/// The code as it ships.
pub(crate) struct Production;

impl Code for Production {}

#[derive(Clone, Debug)]
pub(crate) struct World {
    pub order: WorkOrder,
    pub bill: Bill,
    pub job: Job,
    pub ledger: Ledger,
    /// Deliveries that have never happened.
    pub due: BTreeSet<(Event, Service)>,
    /// Deliveries that have happened at least once, and may again for ever.
    pub done: BTreeSet<(Event, Service)>,
}

/// A step's name and the world after it.
pub(crate) type Next = (String, World);

impl World {
    pub(crate) fn opened() -> Self {
        let opening = Opening {
            id: ORDER,
            customer_id: CUSTOMER,
            vehicle_id: VehicleId(Uuid::from_u128(5)),
            plate: "ABC1D23".to_owned(),
            payer: Payer { name: "Ana".to_owned(), email: None, document: None },
            details: Details::default(),
        };
        let opened = WorkOrder::open(opening, start());
        let world = Self {
            order: opened.state,
            bill: Bill::unknown(ORDER),
            job: Job::unknown(ORDER),
            ledger: Ledger::default(),
            due: BTreeSet::new(),
            done: BTreeSet::new(),
        };
        world.told(opened.events)
    }

    /// Two worlds with one fingerprint behave alike for ever: it leaves out only the order in which facts
    /// came and how often the status changed, which no decision reads.
    pub(crate) fn fingerprint(&self) -> u128 {
        let mut facts: Vec<_> = self.order.facts.iter().map(|fact| &fact.what).collect();
        facts.sort_unstable();
        let mut job = self.job.clone();
        let mut bill = self.bill.clone();
        job.order_status.iter_mut().for_each(|followed| followed.revision = 0);
        bill.order_status = None;
        let half = |salt: u8| {
            let mut hasher = DefaultHasher::new();
            (salt, &facts, &bill, &job, &self.ledger, &self.due, &self.done).hash(&mut hasher);
            u128::from(hasher.finish())
        };
        half(0) << 64 | half(1)
    }

    /// The same world with these events on their way to everybody who follows them. Those that cannot
    /// change what any service decides are left to [`crate::promises::history_is_inert`].
    fn told(mut self, events: Vec<Event>) -> Self {
        for event in events {
            for queue in topology::QUEUES.iter().filter(|queue| queue.event_type == event.event_type()) {
                let delivery = (unnumbered(event.clone()), queue.owner);
                if matters(&delivery) && !self.done.contains(&delivery) {
                    self.due.insert(delivery);
                }
            }
        }
        self
    }

    /// Every world that can follow.
    pub(crate) fn next(&self, code: &dyn Code, attempts: usize) -> Vec<Next> {
        let mut next = Vec::new();
        self.people(code, attempts, &mut next);
        self.technician(code, &mut next);
        self.gateway(code, &mut next);
        self.deliveries(code, &mut next);
        next
    }

    fn people(&self, code: &dyn Code, attempts: usize, next: &mut Vec<Next>) {
        let order = |name: &str, transition: Option<Transition<WorkOrder>>, next: &mut Vec<Next>| {
            let moved = transition.filter(|transition| transition.state != self.order);
            next.extend(moved.map(|moved| (name.to_owned(), self.with_order(moved))));
        };
        order("the order is called off", code.cancel(self.order.clone()), next);
        order("the car is delivered", self.order.clone().deliver("desk".to_owned(), start()).ok(), next);

        let by = || "customer".to_owned();
        let lapsed = start() + TimeDelta::days(11);
        let decisions = [
            ("the quote is sent", self.bill.clone().send(start()).ok()),
            ("the quote is approved", self.bill.clone().approve(by(), start()).ok()),
            ("the quote is rejected", self.bill.clone().reject(by(), start()).ok()),
            ("the quote expires", Some(self.bill.clone().expire(lapsed))),
            (
                "a payment is made",
                self.tender(attempts).and_then(|tender| code.pay(self.bill.clone(), tender)),
            ),
        ];
        for (name, transition) in decisions {
            let moved = transition.filter(|transition| transition.state != self.bill);
            next.extend(moved.map(|moved| (name.to_owned(), self.with_bill(moved))));
        }
    }

    fn tender(&self, attempts: usize) -> Option<Tender> {
        let number = self.bill.attempts.len();
        let amount = self.bill.quote.as_ref()?.total();
        (number < attempts).then(|| Tender {
            id: PaymentId(Uuid::from_u128(100 + number as u128)),
            quote_id: QUOTE,
            customer_id: CUSTOMER,
            amount,
            method: PaymentMethod::Pix,
            card_token: None,
            installments: 1,
        })
    }

    fn technician(&self, code: &dyn Code, next: &mut Vec<Next>) {
        let steps = [
            Step::StartDiagnosis { technician_id: None },
            Step::CompleteDiagnosis { notes: None },
            Step::StartRepair,
            Step::CompleteRepair { notes: None, parts_used: Vec::new(), services_performed: Vec::new() },
            Step::StartTesting,
            Step::Complete,
            Step::Fail { reason: "the frame is bent".to_owned() },
        ];
        for step in steps {
            let name = format!("{step:?}");
            next.extend(code.step(self.job.clone(), step).map(|moved| (name, self.with_job(moved))));
        }
        let by_hand = self.job.clone().enqueue_by_hand(EXECUTION, start()).ok();
        next.extend(by_hand.map(|moved| ("the job is queued by hand".to_owned(), self.with_job(moved))));
    }

    /// Every call that is due, with every answer, each also lost on its way back; and the payer's own moves.
    fn gateway(&self, code: &dyn Code, next: &mut Vec<Next>) {
        for due in code.due(&self.bill) {
            let reference = reference(&due);
            for (name, ledger, answer) in code.ledger(&self.ledger).perform(&due, moment(&due)) {
                let lost = Self { ledger: ledger.clone(), ..self.clone() };
                if ledger != self.ledger {
                    next.push((format!("{name}, and the answer is lost"), lost.clone()));
                }
                if let Some(answer) = answer {
                    next.push((name, lost.with_bill(code.hear(self.bill.clone(), reference, answer))));
                }
            }
        }
        for (name, ledger) in self.ledger.payers_moves() {
            next.push((name, Self { ledger, ..self.clone() }));
        }
    }

    fn deliveries(&self, code: &dyn Code, next: &mut Vec<Next>) {
        for delivery in &self.due {
            let mut world = self.deliver(code, delivery);
            world.due.remove(delivery);
            world.done.insert(delivery.clone());
            next.push((format!("{} hears {}", delivery.1, delivery.0.event_type()), world));
        }
    }

    /// Whether a delivery changes or tells anything.
    pub(crate) fn is_changed_by(&self, code: &dyn Code, (event, service): &(Event, Service)) -> bool {
        match service {
            Service::Os => code.order(self.order.clone(), event) != Transition::quiet(self.order.clone()),
            Service::Billing => code.bill(self.bill.clone(), event) != Transition::quiet(self.bill.clone()),
            Service::Execution => code.job(self.job.clone(), event) != Transition::quiet(self.job.clone()),
        }
    }

    fn deliver(&self, code: &dyn Code, (event, service): &(Event, Service)) -> Self {
        match service {
            Service::Os => self.with_order(code.order(self.order.clone(), event)),
            Service::Billing => self.with_bill(code.bill(self.bill.clone(), event)),
            Service::Execution => self.with_job(code.job(self.job.clone(), event)),
        }
    }

    fn with_order(&self, moved: Transition<WorkOrder>) -> Self {
        Self { order: moved.state, ..self.clone() }.told(moved.events)
    }

    fn with_bill(&self, moved: Transition<Bill>) -> Self {
        Self { bill: moved.state, ..self.clone() }.told(moved.events)
    }

    fn with_job(&self, moved: Transition<Job>) -> Self {
        Self { job: moved.state, ..self.clone() }.told(moved.events)
    }

    /// Nothing is on its way and no gateway call is open.
    pub(crate) fn is_quiet(&self) -> bool {
        self.due.is_empty() && self.bill.due().is_empty()
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = (&PaymentId, &Entry)> {
        let entries: &BTreeMap<PaymentId, Entry> = &self.ledger.0;
        entries.iter()
    }
}

/// Revisions count how often the status changed, so they depend on the way here; one that is not stale is
/// always higher. Here each status is its own revision, which keeps the newest-wins rule and merges ways.
fn unnumbered(mut event: Event) -> Event {
    if let Event::WorkOrderStatusChanged(changed) = &mut event {
        changed.revision = 1 + changed.new_status as u32;
        changed.previous_status = changed.new_status;
    }
    event
}

/// Whether some decision depends on this service's having heard this event.
fn matters((event, service): &(Event, Service)) -> bool {
    match event {
        Event::WorkOrderStatusChanged(changed) => {
            *service == Service::Execution && changed.new_status == WorkOrderStatus::InProgress
        }
        Event::PaymentFailed(_)
        | Event::PaymentRejected(_)
        | Event::PaymentRefunded(_)
        | Event::ExecutionStatusChanged(_) => false,
        Event::WorkOrderCreated(_)
        | Event::WorkOrderCancelled(_)
        | Event::QuoteCreated(_)
        | Event::QuoteApproved(_)
        | Event::QuoteRejected(_)
        | Event::QuoteSent(_)
        | Event::PaymentCreated(_)
        | Event::PaymentApproved(_)
        | Event::ExecutionCreated(_)
        | Event::ExecutionCompleted(_)
        | Event::ExecutionFailed(_) => true,
    }
}

fn reference(due: &Due) -> PaymentId {
    match due {
        Due::Create(charge) => charge.reference,
        Due::Search { reference, .. }
        | Due::Read { reference, .. }
        | Due::Cancel { reference, .. }
        | Due::Refund { reference, .. } => *reference,
    }
}

/// Time is free: a search may come soon after the doubt or long after it.
fn moment(due: &Due) -> Vec<Moment> {
    match due {
        Due::Search { sent_at, .. } => {
            vec![Moment(*sent_at), Moment(*sent_at + NEVER_RECEIVED + TimeDelta::seconds(1))]
        }
        Due::Create(_) | Due::Read { .. } | Due::Cancel { .. } | Due::Refund { .. } => vec![Moment(start())],
    }
}
