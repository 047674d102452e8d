//! The three services and the gateway, with everything that they have been seen to do. A step is one production
//! transition, performed as the shell performs it: state and events together, gateway calls after their
//! intent. The functions are pure, so each is computed once for a state and an input, whatever else is going on
//! in the world; the tables here remember it.

use std::{collections::HashMap, rc::Rc};

use chrono::{DateTime, Utc};
use garage_billing_service::{
    bill::{Answer, Bill},
    payment::{Due, PartStanding},
    quote::Quote,
};
use garage_events::{Event, PaymentId, Service, WorkOrderStatus, topology};
use garage_execution_service::execution::Job;
use garage_os_service::work_order::{What, WorkOrder};

use crate::{
    code::{Code, ORDER, opened, start, totals},
    gateway::{Ledger, Vices},
    numbered::{Computed, Numbered, number_among},
    promises::{self, Sight},
    world::{Hand, Step, World},
};

/// How much is explored.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope {
    /// Attempts to pay.
    pub attempts: usize,
    /// Gateway calls under way at once.
    pub hands: usize,
    /// Whether the quote may be edited while it is pending.
    pub edits: bool,
    /// Whether it may be written anew once the customer has it.
    pub revises: bool,
    /// Whether people ask the gateway about a payment for which no call is due.
    pub looks: bool,
    /// Parts of a payment that a manager gives back once the work is finished.
    pub parts: usize,
    /// Whether the desk withdraws payments that wait.
    pub withdraws: bool,
    pub vices: Vices,
}

/// What a step does to one aggregate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change {
    pub name: &'static str,
    /// The aggregate's next state.
    pub state: u32,
    /// The deliveries that follow.
    pub told: u64,
    /// The call that whoever took the step makes next.
    pub asks: Option<u16>,
    /// Nothing changed and nothing was told.
    pub is_quiet: bool,
    pub broken: Option<&'static str>,
}

/// The calls that a bill asks for.
#[derive(Clone, Debug)]
pub(crate) struct Calls {
    pub changes: Rc<[Change]>,
    pub is_empty: bool,
}

/// A gateway call, with its ledger and answer as numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    pub name: &'static str,
    pub ledger: u32,
    pub answer: Option<u16>,
}

/// An answer, to which attempt, and when the gateway gave it.
type Given = (PaymentId, Answer, DateTime<Utc>);

pub(crate) struct Garage<'c> {
    pub(crate) code: &'c dyn Code,
    pub(crate) scope: Scope,
    pub(crate) orders: Numbered<Vec<What>, WorkOrder>,
    pub(crate) bills: Numbered<Bill, Bill>,
    pub(crate) jobs: Numbered<Job, Job>,
    pub(crate) ledgers: Numbered<Ledger, Ledger>,
    deliveries: Vec<(Event, Service)>,
    pub(crate) dues: Vec<Due>,
    pub(crate) answers: Vec<Given>,
    pub(crate) at_the_desk: Computed<Rc<[Change]>>,
    pub(crate) at_the_till: Computed<Rc<[Change]>>,
    pub(crate) in_the_shop: Computed<Rc<[Change]>>,
    pub(crate) of_their_own: Computed<Rc<[(&'static str, u32)]>>,
    pub(crate) calls: Computed<Calls>,
    pub(crate) inert: Computed<()>,
    /// By the delivery's bit, then by the state of whoever hears it.
    pub(crate) heard: Vec<Computed<Change>>,
    pub(crate) called: HashMap<(u32, u16, bool), Rc<[Call]>>,
    pub(crate) stored: HashMap<(u32, u16), Change>,
    /// The first promise that a step broke.
    pub(crate) broken: Option<(&'static str, Step)>,
}

impl<'c> Garage<'c> {
    pub(crate) fn new(code: &'c dyn Code, scope: Scope) -> Self {
        Self {
            code,
            scope,
            orders: Numbered::default(),
            bills: Numbered::default(),
            jobs: Numbered::default(),
            ledgers: Numbered::default(),
            deliveries: Vec::new(),
            dues: Vec::new(),
            answers: Vec::new(),
            at_the_desk: Computed::default(),
            at_the_till: Computed::default(),
            in_the_shop: Computed::default(),
            of_their_own: Computed::default(),
            calls: Computed::default(),
            inert: Computed::default(),
            heard: vec![Computed::default(); u64::BITS as usize],
            called: HashMap::new(),
            stored: HashMap::new(),
            broken: None,
        }
    }

    /// The world in which a car has just been taken in.
    pub(crate) fn opened(&mut self) -> World {
        let opened = opened();
        World {
            order: self.order_number(opened.state),
            bill: self.bill_number(Bill::unknown(ORDER)),
            job: self.job_number(Job::unknown(ORDER)),
            ledger: self.ledger_number(Ledger::default()),
            hands: [Hand::Free; 2],
            due: self.told(&opened.events),
            done: 0,
        }
    }

    /// What the numbers of a world stand for.
    pub(crate) fn sight(&self, world: &World) -> Sight<'_> {
        Sight {
            order: self.orders.get(world.order),
            bill: self.bills.get(world.bill),
            job: self.jobs.get(world.job),
            ledger: self.ledgers.get(world.ledger),
            hands: world.hands.map(|hand| match hand {
                Hand::Free => promises::Hand::Free,
                Hand::Asking(due) => promises::Hand::Asking(&self.dues[usize::from(due)]),
                Hand::Holding(answer) => {
                    let (_, answer, _) = &self.answers[usize::from(answer)];
                    promises::Hand::Holding(answer)
                }
            }),
        }
    }

    pub(crate) fn describe(&self, step: Step) -> String {
        match step {
            Step::Did(name) => name.to_owned(),
            Step::Lost(name) => format!("{name}, and the answer is lost"),
            Step::Heard(bit) => {
                let (event, service) = &self.deliveries[bit as usize];
                format!("{service} hears {}", event.event_type())
            }
        }
    }

    pub(crate) fn sizes(&self) -> String {
        format!(
            "{} orders, {} bills, {} jobs, {} ledgers, {} deliveries, {} calls, {} answers",
            self.orders.len(),
            self.bills.len(),
            self.jobs.len(),
            self.ledgers.len(),
            self.deliveries.len(),
            self.dues.len(),
            self.answers.len()
        )
    }

    /// Orders with the same facts behave alike: none is known twice, and no decision reads in which order they
    /// came, how often the status has changed or what the details are (so editing them changes nothing here).
    pub(crate) fn order_number(&mut self, mut order: WorkOrder) -> u32 {
        order.facts.sort_unstable_by(|one, two| one.what.cmp(&two.what));
        let facts = order.facts.iter().map(|fact| fact.what.clone()).collect();
        self.orders.number(facts, order)
    }

    /// Bills behave alike whatever else they have heard of the order's status, whenever money moved and for whatever
    /// reason an attempt ended: that is for people to read. When a charge was sent last counts until the gateway
    /// has shown it.
    pub(crate) fn bill_number(&mut self, mut bill: Bill) -> u32 {
        // That the work is finished is all that a decision reads of it.
        bill.order_status = bill.order_status.filter(|known| known.status == WorkOrderStatus::Completed);
        bill.followed_at = None;
        if let Some(quote) = &mut bill.quote {
            textless(quote);
        }
        for attempt in &mut bill.attempts {
            attempt.captured_at = None;
            attempt.refunded_at = None;
            if !attempt.is_open() || attempt.gateway_id.is_some() {
                attempt.updated_at = attempt.created_at;
            }
            if !attempt.is_live() {
                attempt.reason = None;
            }
            for part in &mut attempt.parts {
                timeless(&mut part.standing);
            }
            if let Some(charge_back) = &mut attempt.charge_back {
                (charge_back.at, charge_back.changed_at) = (start(), start());
            }
        }
        self.bills.number(bill.clone(), bill)
    }

    pub(crate) fn job_number(&mut self, job: Job) -> u32 {
        self.jobs.number(job.clone(), job)
    }

    pub(crate) fn ledger_number(&mut self, ledger: Ledger) -> u32 {
        self.ledgers.number(ledger.clone(), ledger)
    }

    pub(crate) fn due_number(&mut self, due: Due) -> u16 {
        u16::try_from(number_among(&mut self.dues, due)).unwrap_or(u16::MAX)
    }

    /// The bits of the deliveries that follow from these events: to everybody who follows them. Those that cannot
    /// change what any service decides are left to [`promises::history_is_inert`].
    pub(crate) fn told(&mut self, events: &[Event]) -> u64 {
        let mut told = 0;
        for event in events {
            for queue in topology::QUEUES.iter().filter(|queue| queue.event_type == event.event_type()) {
                let delivery = (unnumbered(event.clone()), queue.owner);
                if matters(&delivery, self.scope.parts > 0) {
                    let bit = number_among(&mut self.deliveries, delivery);
                    assert!(bit < u64::BITS as usize, "more deliveries than a world has bits");
                    told |= 1 << bit;
                }
            }
        }
        told
    }

    pub(crate) fn delivery(&self, bit: u32) -> &(Event, Service) {
        &self.deliveries[bit as usize]
    }
}

/// Revisions count how often the status changed, so they depend on the way here. Here a delivery is never stale,
/// which allows all that a stale one would not: the one who hears may act on it, and need not.
fn unnumbered(mut event: Event) -> Event {
    if let Event::WorkOrderStatusChanged(changed) = &mut event {
        changed.revision = 1 + changed.new_status as u32;
        changed.previous_status = changed.new_status;
    }
    event
}

/// How often a quote was written, and what it said before, is for people to read: there are two texts here, and which of
/// them it has is known by what it comes to.
fn textless(quote: &mut Quote) {
    let text = if quote.total() == totals()[0] { 1 } else { 2 };
    let written = std::mem::replace(&mut quote.revision, text);
    quote.earlier.clear();
    for decision in quote.approved.iter_mut().chain(&mut quote.rejected) {
        if decision.revision == written {
            decision.revision = text;
        }
        decision.text.clear();
    }
}

/// When something ended is for people to read.
fn timeless(standing: &mut PartStanding) {
    if let PartStanding::Done { at } | PartStanding::Refused { at, .. } = standing {
        *at = start();
    }
}

/// Whether some decision depends on this service's having heard this event.
fn matters((event, service): &(Event, Service), parts: bool) -> bool {
    match event {
        Event::WorkOrderStatusChanged(changed) => match service {
            Service::Execution => changed.new_status == WorkOrderStatus::InProgress,
            Service::Billing => parts && changed.new_status == WorkOrderStatus::Completed,
            Service::Os => false,
        },
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
