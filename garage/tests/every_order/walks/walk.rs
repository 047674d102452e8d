//! One walk: an order's life with a step at a time drawn by chance, in memory and on the stores, until all is quiet.

#![expect(clippy::panic, reason = "a broken promise must stop the test")]

use std::sync::Arc;

use garage_billing_service::{bill::Bill, payment::Due};
use garage_events::{Service, WorkOrderStatus};
use garage_execution_service::execution::Job;
use garage_kit::store::Query;
use garage_os_service::work_order::WorkOrder;
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};

use super::{
    Stores,
    model::{Input, Known, Side},
    post::{Mail, Sent},
    shop::{Act, Pair},
};
use crate::{
    PARTS, PEOPLE, REPLICAS, REVISED, TAKEN_BACK,
    code::{Code, ORDER, Production, opened},
    garage::Scope,
    gateway::{Called, Ledger},
    promises::{self, Hand, Sight},
};

/// Steps before what is left is brought to its end.
const STEPS: usize = 80;
/// What ends an order before its time happens rarely, or few would come far.
const ENDS: [&str; 5] = [
    "the order is called off",
    "the quote is approved too late",
    "the quote is rejected",
    "the quote expires",
    "the work cannot be done",
];
/// Steps within which everything comes to its end.
const END: usize = 3000;

pub(super) struct Walk {
    chance: StdRng,
    scope: Scope,
    mail: Arc<Mail>,
    order: (Pair<WorkOrder>, Known<WorkOrder>),
    bill: (Pair<Bill>, Known<Bill>),
    job: (Pair<Job>, Known<Job>),
    ledger: Ledger,
    /// Answers of the gateway that are not stored yet.
    held: Vec<Input>,
    /// The places of letters that were delivered, by service.
    delivered: [Vec<usize>; 3],
    /// The steps so far.
    pub(super) way: Vec<String>,
}

impl Walk {
    pub(super) async fn begin([os, billing, execution]: &Stores, seed: u64) -> Self {
        let (mut chance, mail) = (StdRng::seed_from_u64(seed), Arc::default());
        let scope = *[REPLICAS, PEOPLE, PARTS, REVISED, TAKEN_BACK].choose(&mut chance).unwrap();
        let begun = opened();
        let mut walk = Self {
            chance,
            scope,
            order: (Pair::open(os, &mail, scope), Known::nothing()),
            bill: (Pair::open(billing, &mail, scope), Known::nothing()),
            job: (Pair::open(execution, &mail, scope), Known::nothing()),
            mail,
            ledger: Ledger::default(),
            held: Vec::new(),
            delivered: Default::default(),
            way: Vec::new(),
        };
        walk.order.1 = Known { state: Some(begun.state.clone()), told: begun.events.clone() };
        walk.order.0.begin(begun).await;
        walk.mail.until(walk.told()).await;
        walk
    }

    pub(super) async fn go(&mut self) {
        for _ in 0..STEPS {
            match self.chance.random_range(0..100) {
                0..=24 => self.deliver(true).await,
                25..=39 => self.deliver(false).await,
                40..=69 => self.somebody_moves().await,
                70..=84 => self.call(false).await,
                85..=92 => self.store_an_answer().await,
                _ => self.the_gateway_moves(),
            }
        }
        for _ in 0..END {
            if self.is_quiet() {
                return self.look();
            }
            match self.chance.random_range(0..100) {
                0..=49 => self.deliver(true).await,
                50..=79 => self.call(true).await,
                80..=94 => self.store_an_answer().await,
                _ => self.the_gateway_moves(),
            }
        }
        panic!("no rest after {END} steps");
    }

    /// Lets go of everything; how the order has ended, and the steps that were taken.
    pub(super) async fn end(self) -> (WorkOrderStatus, usize) {
        let ended = self.order.1.state.as_ref().unwrap().status();
        self.order.0.end().await;
        self.bill.0.end().await;
        self.job.0.end().await;
        (ended, self.way.len())
    }

    /// Nothing was never delivered, no call is due, and no answer is held.
    fn is_quiet(&self) -> bool {
        let all_delivered = Service::ALL.iter().all(|service| self.fresh(*service).is_empty());
        let due = self.bill.1.state.as_ref().is_some_and(|bill| !bill.due().is_empty());
        all_delivered && !due && self.held.is_empty()
    }

    /// The promises, and that exactly what happened was told.
    fn look(&self) {
        let (order, bill) = (self.order.1.state.as_ref().unwrap(), self.bill.1.state.as_ref().unwrap());
        let (job, hands) = (self.job.1.state.as_ref().unwrap(), [Hand::Free; 2]);
        let sight = Sight { order, bill, job, ledger: &self.ledger, hands };
        promises::hold(&sight).unwrap();
        promises::rest_is_right(&sight).unwrap();
        let exactly =
            |service, told| assert!(self.mail.are_from(service, told), "{service} has told {told:#?}");
        exactly(Service::Os, &self.order.1.told);
        exactly(Service::Billing, &self.bill.1.told);
        exactly(Service::Execution, &self.job.1.told);
    }

    fn told(&self) -> usize {
        self.order.1.told.len() + self.bill.1.told.len() + self.job.1.told.len()
    }

    /// Letters for this service that it has never had.
    fn fresh(&self, service: Service) -> Vec<(usize, Sent)> {
        let mut letters = self.mail.to(service);
        letters.retain(|(place, _)| !self.delivered[service as usize].contains(place));
        letters
    }

    /// A few letters come to a service, in any order, and perhaps again.
    async fn deliver(&mut self, only_fresh: bool) {
        let service = *Service::ALL.choose(&mut self.chance).unwrap();
        let letters = if only_fresh { self.fresh(service) } else { self.mail.to(service) };
        if letters.is_empty() {
            return;
        }
        let batch = |chance: &mut StdRng| -> Vec<(usize, Sent)> {
            let count = chance.random_range(1..=4);
            (0..count).map(|_| letters.choose(chance).unwrap().clone()).collect()
        };
        let batches = [batch(&mut self.chance), batch(&mut self.chance)];
        let count = if self.chance.random_bool(0.3) { 2 } else { 1 };
        let mut acts = Vec::new();
        for batch in batches.into_iter().take(count) {
            self.delivered[service as usize].extend(batch.iter().map(|(place, _)| *place));
            acts.push(Act::Batch(batch.into_iter().map(|(_, sent)| sent).collect()));
        }
        self.take(service, acts).await;
    }

    /// Somebody does something, and perhaps somebody else something at the same time.
    async fn somebody_moves(&mut self) {
        let service = *Service::ALL.choose(&mut self.chance).unwrap();
        let names: Vec<&'static str> = match service {
            Service::Os => names(&self.order.1, self.scope),
            Service::Billing => names(&self.bill.1, self.scope),
            Service::Execution => names(&self.job.1, self.scope),
        };
        let (count, rarely) =
            (if self.chance.random_bool(0.3) { 2 } else { 1 }, self.chance.random_bool(0.04));
        let names: Vec<_> = names.into_iter().filter(|name| rarely || !ENDS.contains(name)).collect();
        let acts = (0..count).filter_map(|_| names.choose(&mut self.chance));
        let acts: Vec<Act> = acts.map(|name| Act::One(Box::new(Input::Did(name)))).collect();
        self.take(service, acts).await;
    }

    /// The gateway is asked what is due; its answer may get lost, or be stored later.
    async fn call(&mut self, hurry: bool) {
        let due = self.bill.1.state.as_ref().map(|bill| Production.due(bill)).unwrap_or_default();
        let Some(due) = due.choose(&mut self.chance).cloned() else { return };
        let reference = due.reference();
        if matches!(due, Due::Create(_)) {
            self.take(Service::Billing, vec![Act::One(Box::new(Input::Resends(reference)))]).await;
        }
        let mut still_due = Production.due(self.bill.1.state.as_ref().unwrap()).into_iter();
        let Some(due) = still_due.find(|due| due.reference() == reference) else { return };
        let mut ways = self.ledger.perform(&due, self.scope.vices, !self.held.is_empty());
        let Called { name, ledger, answer, at } = ways.swap_remove(self.chance.random_range(0..ways.len()));
        self.way.push(name.to_owned());
        self.ledger = ledger;
        let Some(answer) = answer else { return };
        let answered = Input::Answered(reference, answer, at);
        match self.chance.random_range(0..10) {
            0 | 1 if !hurry => self.way.push("… and its answer gets lost".to_owned()),
            2..=4 if !hurry => self.held.push(answered),
            _ => self.take(Service::Billing, vec![Act::One(Box::new(answered))]).await,
        }
    }

    /// Whatever was stored meanwhile.
    async fn store_an_answer(&mut self) {
        if !self.held.is_empty() {
            let answer = self.held.swap_remove(self.chance.random_range(0..self.held.len()));
            self.take(Service::Billing, vec![Act::One(Box::new(answer))]).await;
        }
    }

    fn the_gateway_moves(&mut self) {
        let mut moves = self.ledger.own_moves(self.scope.vices);
        if !moves.is_empty() {
            let (name, ledger) = moves.swap_remove(self.chance.random_range(0..moves.len()));
            self.way.push(name.to_owned());
            self.ledger = ledger;
        }
    }

    async fn take(&mut self, service: Service, acts: Vec<Act>) {
        if acts.is_empty() {
            return;
        }
        let did: Vec<String> = acts.iter().map(Act::describe).collect();
        let how = How::draw(&mut self.chance, acts.len());
        self.way.push(format!("{service}: {}{}", did.join(" | "), how.describe()));
        match service {
            Service::Os => take(&mut self.order, &self.mail, &acts, how).await,
            Service::Billing => take(&mut self.bill, &self.mail, &acts, how).await,
            Service::Execution => take(&mut self.job, &self.mail, &acts, how).await,
        }
        self.mail.until(self.told()).await;
        if service == Service::Billing {
            self.is_found().await;
        }
    }

    /// What the bill is found by is what it says.
    async fn is_found(&self) {
        let Some(bill) = &self.bill.1.state else { return };
        let repository = &self.bill.0.shell().repository;
        let open = Query { filters: vec![("open", "true".to_owned())], limit: 9, ..Query::default() };
        let found = repository.find::<Bill>(&open).await.unwrap();
        assert_eq!(found.len(), usize::from(!bill.due().is_empty()), "found as open");
        for attempt in &bill.attempts {
            let owner = repository.owner::<Bill>("payment_id", &attempt.id.to_string()).await.unwrap();
            assert_eq!(owner, Some(ORDER.0), "found by its payment");
        }
    }
}

fn names<A: Side>(known: &Known<A>, scope: Scope) -> Vec<&'static str> {
    let moves = known.state.clone().or_else(A::unknown).map(|state| state.moves(scope));
    moves.unwrap_or_default().into_iter().map(|(name, _)| name).collect()
}

/// How a step goes on the real side.
#[derive(Clone, Copy)]
enum How {
    /// At this replica.
    Well(usize),
    /// The same, and the broker's word on what was told gets lost.
    Unconfirmed(usize),
    /// The replica dies before anybody has heard of it.
    Dies(usize),
    /// Two acts at once, one at each replica.
    Race,
}

impl How {
    fn draw(chance: &mut StdRng, acts: usize) -> Self {
        let number = chance.random_range(0..2);
        match chance.random_range(0..100) {
            _ if acts == 2 => Self::Race,
            0..=7 => Self::Unconfirmed(number),
            8..=11 => Self::Dies(number),
            _ => Self::Well(number),
        }
    }

    const fn describe(self) -> &'static str {
        match self {
            Self::Well(_) => "",
            Self::Unconfirmed(_) => ", and a confirm gets lost",
            Self::Dies(_) => ", and a replica dies",
            Self::Race => ", at once",
        }
    }
}

/// Does it on both sides; what is stored then is what is known. Of a race the end is that of one order of the two.
async fn take<A: Side>((pair, known): &mut (Pair<A>, Known<A>), mail: &Mail, acts: &[Act], how: How) {
    let after = |order: &mut dyn Iterator<Item = &Act>| {
        let mut after = known.clone();
        order.flat_map(Act::inputs).for_each(|input| after.take(&input, pair.scope));
        after
    };
    let mut ends = vec![after(&mut acts.iter()), after(&mut acts.iter().rev())];
    match (how, acts) {
        (How::Race, [one, other]) => {
            tokio::join!(pair.act(0, one), pair.act(1, other));
        }
        (How::Well(number), [act]) => pair.act(number, act).await,
        (How::Unconfirmed(number), [act]) => {
            pair.lose_a_confirm(number);
            pair.act(number, act).await;
        }
        (How::Dies(number), [act]) => pair.act_and_die(number, act).await,
        (How::Well(_) | How::Unconfirmed(_) | How::Dies(_) | How::Race, _) => {}
    }
    let (stored, one) = (pair.stored().await, ends[0].clone());
    ends.retain(|end| end.state == stored);
    ends.dedup();
    if ends.len() > 1 {
        // Two ways to one state; what was told says which it was.
        pair.flush().await;
        ends.retain(|end| mail.are_from(A::SERVICE, &end.told));
    }
    let Some(end) = ends.pop() else {
        panic!("stored is {}\nand in memory {}", shown(&stored), shown(&one.state));
    };
    *known = end;
}

fn shown<A: Side>(state: &Option<A>) -> String {
    serde_json::to_string_pretty(state).unwrap()
}
