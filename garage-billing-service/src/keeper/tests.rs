//! Every order of the stock keeper's steps. Two orders want one part; two keepers, as of two replicas, each read the part,
//! read the bills, write the part and note it in each bill, and may die before any of these steps; the customers, the desk
//! and the workshop act in between. The planning, the bills and the part are the code that ships. A part's version is not
//! counted but remembered as "another has written since I read", which is all that a version says.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    hash::{BuildHasher, RandomState},
    rc::Rc,
};

use chrono::{DateTime, TimeDelta, Utc};
use garage_events::{
    Cents, CustomerId, Event, ExecutionId, PartId, PaymentId, PaymentMethod, QuoteId, VehicleId, WorkOrderId,
    WorkOrderStatus,
    event::{
        ExecutionFailed, RequestedPart, WorkOrderCancelled, WorkOrderCreated, WorkOrderStatusChanged, reason,
    },
};
use uuid::Uuid;

use super::plan::{Carried, Pair, plan};
use crate::{
    bill::{Answer, Bill, Tender},
    gateway::{Charged, Standing as Money},
    part::{Card, Part, UNIT, Units},
    quote::{Catalogue, Evidence, Priced, Terms},
};

const AT: DateTime<Utc> = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
const PAD: PartId = PartId(Uuid::from_u128(7));
const ORDERS: [WorkOrderId; 2] = [WorkOrderId(Uuid::from_u128(1)), WorkOrderId(Uuid::from_u128(2))];
/// How many each order needs, so that what has left the shelf tells who took it and how often.
const NEEDS: [u32; 2] = [1, 100];
const SHELF: u32 = 1000;

/// What a keeper could do wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mistake {
    None,
    /// It reads the bills before the part.
    BillsFirst,
    /// It writes nothing where it finds nothing to do.
    SilentWhereDone,
    /// It forgets what was taken before the bill has noted it.
    NoTrace,
    /// It writes whatever another has written since.
    NoVersion,
}

/// How far a keeper is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Hand {
    Idle,
    /// It knows for whom it works, and has read one of the two, if any.
    Begun {
        pairs: BTreeSet<Pair>,
        part: Option<Box<Part>>,
        bills: Option<Box<[Bill; 2]>>,
        passed: bool,
    },
    /// The part is written.
    Written {
        carried: Vec<Carried>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct World {
    bills: [Bill; 2],
    part: Part,
    hands: [Hand; 2],
}

/// Broken, in words, with the way that led there.
type Broken = (String, Vec<String>);

fn hear(bill: Bill, event: impl Into<Event>) -> Bill {
    let terms = Terms { validity: TimeDelta::days(10), diagnosis_fee: Cents::ZERO };
    let pad = Priced { name: "Brake pad".to_owned(), price: Cents::new(1000).unwrap() };
    let catalogue = Catalogue { parts: [(PAD, pad)].into(), services: BTreeMap::new() };
    let quote = QuoteId(bill.work_order_id.0);
    bill.react(&event.into(), quote, &catalogue, terms, AT).state
}

fn quoted(order: usize) -> Bill {
    let quantity = garage_events::Quantity::whole(NEEDS[order]).unwrap();
    let created = WorkOrderCreated {
        work_order_id: ORDERS[order],
        customer_id: CustomerId(Uuid::nil()),
        vehicle_id: VehicleId(Uuid::nil()),
        status: WorkOrderStatus::Pending,
        description: String::new(),
        estimated_cost: None,
        services: Vec::new(),
        parts: vec![RequestedPart { part_id: PAD, quantity }],
        customer: None,
    };
    hear(Bill::unknown(ORDERS[order]), created)
}

fn approved(bill: Bill, minute: i64) -> Bill {
    bill.approve(Evidence::by("ana"), AT + TimeDelta::minutes(minute)).unwrap().state
}

fn paid(bill: Bill) -> Bill {
    let id = PaymentId(bill.work_order_id.0);
    let amount = bill.quote.as_ref().unwrap().total();
    let tender = Tender {
        id,
        quote_id: bill.quote.as_ref().unwrap().id,
        customer_id: CustomerId(Uuid::nil()),
        amount,
        method: PaymentMethod::Pix,
        card_token: None,
        installments: 1,
    };
    let charged = Answer::Charged(Charged::new("77".to_owned(), Money::Approved, amount));
    bill.pay(tender, AT).unwrap().state.hear(id, charged, AT).state
}

fn shelf() -> Part {
    let card = Card {
        name: "Brake pad".to_owned(),
        part_number: "BP-1".to_owned(),
        price: Cents::ZERO,
        cost_price: None,
        min_stock_level: 0,
        unit: UNIT.to_owned(),
        category: None,
        supplier: None,
    };
    let (stock_quantity, holds) = (Units::whole(SHELF), BTreeMap::new());
    Part { id: PAD, card, stock_quantity, holds, created_at: AT, updated_at: AT }
}

fn is_completed(bill: &Bill) -> bool {
    bill.order_status.is_some_and(|known| known.status == WorkOrderStatus::Completed)
}

fn is_approved(bill: &Bill) -> bool {
    bill.quote.as_ref().is_some_and(|quote| quote.approved.is_some())
}

/// What people and the saga may do to an order. It ends in one way.
fn of_the_order(bill: &Bill, minute: i64) -> Vec<(&'static str, Bill)> {
    let order = bill.work_order_id;
    let mut moves = Vec::new();
    if !is_approved(bill) && bill.called_off.is_none() {
        moves.push(("approves", approved(bill.clone(), minute)));
    }
    let pays = is_approved(bill) && bill.is_wanted() && bill.attempts.is_empty();
    if pays {
        moves.push(("pays", paid(bill.clone())));
    }
    if bill.called_off.is_none() && !is_completed(bill) {
        let off = WorkOrderCancelled { work_order_id: order, reason: reason::CUSTOMER_REQUEST.to_owned() };
        moves.push(("is called off", hear(bill.clone(), off)));
    }
    let works = !bill.attempts.is_empty() && bill.work_failed.is_none() && !is_completed(bill);
    if works {
        let execution_id = ExecutionId(Uuid::nil());
        let failed = ExecutionFailed { work_order_id: order, execution_id, reason: "bent".to_owned() };
        moves.push(("cannot be finished", hear(bill.clone(), failed)));
        let (previous_status, new_status) = (WorkOrderStatus::InProgress, WorkOrderStatus::Completed);
        let done = WorkOrderStatusChanged {
            work_order_id: order,
            previous_status,
            new_status,
            revision: 5,
            customer_erased: false,
        };
        moves.push(("is finished", hear(bill.clone(), done)));
    }
    moves
}

impl World {
    fn bill(&self, order: WorkOrderId) -> &Bill {
        if order == ORDERS[0] { &self.bills[0] } else { &self.bills[1] }
    }

    /// What a keeper that looks around now would work for.
    fn left_over(&self) -> BTreeSet<Pair> {
        let due =
            self.bills.iter().filter(|bill| !bill.stock_due().is_empty()).map(|bill| bill.work_order_id);
        due.chain(self.part.takers()).map(|order| (order, PAD)).collect()
    }

    fn with_hand(&self, which: usize, hand: Hand) -> Self {
        let mut next = self.clone();
        next.hands[which] = hand;
        next
    }

    fn steps(&self, mistake: Mistake, cast: Cast) -> Vec<(String, Self)> {
        let mut steps = Vec::new();
        for (place, bill) in self.bills.iter().enumerate().take(cast.orders) {
            for (what, bill) in of_the_order(bill, i64::try_from(place).unwrap()) {
                let mut next = self.clone();
                next.bills[place] = bill;
                steps.push((format!("order {place} {what}"), next));
            }
        }
        for which in 0..cast.keepers {
            if self.hands[which] != Hand::Idle {
                steps.push((format!("keeper {which} dies"), self.with_hand(which, Hand::Idle)));
            }
            steps.extend(self.step_of(which, mistake));
        }
        steps
    }

    fn step_of(&self, which: usize, mistake: Mistake) -> Option<(String, Self)> {
        match &self.hands[which] {
            Hand::Idle => {
                let pairs = self.left_over();
                let begun = Hand::Begun { pairs: pairs.clone(), part: None, bills: None, passed: false };
                (!pairs.is_empty()).then(|| (format!("keeper {which} looks"), self.with_hand(which, begun)))
            }
            Hand::Begun { pairs, part: Some(part), bills: Some(bills), passed } => {
                Some(self.written(which, mistake, pairs, part, bills, *passed))
            }
            Hand::Begun { pairs, part, bills, passed } => {
                let bills_now = bills.is_none() && (part.is_some() || mistake == Mistake::BillsFirst);
                let (part, bills, what) = match bills_now {
                    true => (part.clone(), Some(Box::new(self.bills.clone())), "the bills"),
                    false => (Some(Box::new(self.part.clone())), bills.clone(), "the part"),
                };
                let begun = Hand::Begun { pairs: pairs.clone(), part, bills, passed: *passed };
                Some((format!("keeper {which} reads {what}"), self.with_hand(which, begun)))
            }
            Hand::Written { carried } => Some(self.noted(which, carried)),
        }
    }

    fn written(
        &self,
        which: usize,
        mistake: Mistake,
        pairs: &BTreeSet<Pair>,
        part: &Part,
        bills: &[Bill; 2],
        passed: bool,
    ) -> (String, Self) {
        let read = |order: WorkOrderId| bills.iter().find(|bill| bill.work_order_id == order);
        let planned = plan(pairs, |_| Some(part), read, AT).pop().unwrap();
        let mut written = planned.next.unwrap();
        if mistake == Mistake::NoTrace {
            written.holds.retain(|_, hold| !hold.taken);
        }
        let silent = mistake == Mistake::SilentWhereDone && written == *part;
        if passed && !silent && mistake != Mistake::NoVersion {
            return (format!("keeper {which} was overtaken"), self.with_hand(which, Hand::Idle));
        }
        let mut next = self.with_hand(which, Hand::Written { carried: planned.stands });
        if !silent {
            next.part = written;
            for other in next.hands.iter_mut() {
                if let Hand::Begun { part: Some(_), passed, .. } = other {
                    *passed = true;
                }
            }
        }
        (format!("keeper {which} writes"), next)
    }

    fn noted(&self, which: usize, carried: &[Carried]) -> (String, Self) {
        let Some((((order, part), standing), rest)) = carried.split_first() else {
            return (format!("keeper {which} is done"), self.with_hand(which, Hand::Idle));
        };
        let mut next = self.with_hand(which, Hand::Written { carried: rest.to_vec() });
        let place = ORDERS.iter().position(|known| known == order).unwrap();
        next.bills[place] = next.bills[place].clone().stocked(*part, *standing);
        (format!("keeper {which} notes order {place}"), next)
    }

    /// What each order took: nothing, or all that it needs and once.
    fn taken(&self) -> Option<[bool; 2]> {
        let left: u32 = (Units::whole(SHELF) - self.part.stock_quantity).to_string().parse().ok()?;
        match (left % NEEDS[1] / NEEDS[0], left / NEEDS[1]) {
            (first @ 0..=1, second @ 0..=1) => Some([first == 1, second == 1]),
            _ => None,
        }
    }

    fn broken(&self) -> Option<String> {
        let Some(taken) = self.taken() else {
            return Some(format!("taken twice: {} are left", self.part.stock_quantity));
        };
        for (place, bill) in self.bills.iter().enumerate() {
            if taken[place] && !is_completed(bill) {
                return Some(format!("order {place} took parts and is not finished"));
            }
        }
        let rests = self.hands.iter().all(|hand| *hand == Hand::Idle) && self.left_over().is_empty();
        if !rests {
            return None;
        }
        (0..ORDERS.len()).find_map(|place| self.rests_wrong(place, taken[place]))
    }

    /// When nobody has anything left to do, each order has what is its own.
    fn rests_wrong(&self, place: usize, taken: bool) -> Option<String> {
        let bill = self.bill(ORDERS[place]);
        let holds = self.part.holds.get(&ORDERS[place]).map(|hold| (hold.quantity, hold.taken));
        let whole = Some((Units::whole(NEEDS[place]), false));
        let keeps = is_approved(bill)
            && bill.work_failed.is_none()
            && (bill.called_off.is_none() || !bill.attempts.is_empty());
        match (is_completed(bill), keeps) {
            (true, _) if !taken => Some(format!("order {place} is finished and took nothing")),
            (true, _) if holds.is_some() => Some(format!("order {place} is finished and holds {holds:?}")),
            (false, true) if holds != whole => Some(format!("order {place} goes on and holds {holds:?}")),
            (false, false) if holds.is_some() => Some(format!("order {place} is off and holds {holds:?}")),
            _ => None,
        }
    }
}

/// Who may do something: the first so many of each.
#[derive(Clone, Copy)]
struct Cast {
    keepers: usize,
    orders: usize,
}

/// All states that can be reached from one, nearest first.
fn explore(start: World, mistake: Mistake, cast: Cast) -> Result<usize, Broken> {
    let hasher = RandomState::new();
    let mut seen = HashSet::from([hasher.hash_one(&start)]);
    let mut frontier = vec![(start, None)];
    while !frontier.is_empty() {
        let mut next = Vec::new();
        for (world, way) in frontier {
            for (what, world) in world.steps(mistake, cast) {
                if !seen.insert(hasher.hash_one(&world)) {
                    continue;
                }
                let way = Some(Rc::new(Way { what, before: way.clone() }));
                match world.broken() {
                    Some(broken) => return Err((broken, Way::told(way.as_ref()))),
                    None => next.push((world, way)),
                }
            }
        }
        frontier = next;
    }
    Ok(seen.len())
}

/// The last step, and the way to it.
struct Way {
    what: String,
    before: Option<Rc<Self>>,
}

impl Way {
    fn told(mut way: Option<&Rc<Self>>) -> Vec<String> {
        let mut told = Vec::new();
        while let Some(step) = way {
            told.push(step.what.clone());
            way = step.before.as_ref();
        }
        told.reverse();
        told
    }
}

const RACING: Cast = Cast { keepers: 2, orders: 1 };

fn quoted_alone() -> World {
    World { bills: [quoted(0), quoted(1)], part: shelf(), hands: [Hand::Idle, Hand::Idle] }
}

#[test]
fn a_part_adds_up_whatever_two_keepers_and_an_order_do() {
    let states =
        explore(quoted_alone(), Mistake::None, RACING).unwrap_or_else(|broken| panic!("{broken:#?}"));
    assert!(states > 1000, "only {states} states");
}

/// From the payment on, as the orders' beginnings have nothing to do with each other. One keeper, which may die: two that
/// race are looked at above, and both with two orders are more states than a test has time for.
#[test]
fn a_part_adds_up_whatever_a_keeper_and_two_paid_orders_do() {
    let bills = [paid(approved(quoted(0), 0)), paid(approved(quoted(1), 1))];
    let start = World { bills, ..quoted_alone() };
    let states = explore(start, Mistake::None, Cast { keepers: 1, orders: 2 })
        .unwrap_or_else(|broken| panic!("{broken:#?}"));
    assert!(states > 1000, "only {states} states");
}

#[test]
fn a_keeper_s_mistakes_are_found() {
    for (mistake, told) in [
        (Mistake::BillsFirst, "order 0 is off and holds"),
        (Mistake::SilentWhereDone, "order 0 is off and holds"),
        (Mistake::NoTrace, "taken twice"),
        (Mistake::NoVersion, "order 0 is off and holds"),
    ] {
        let (broken, way) = explore(quoted_alone(), mistake, RACING).expect_err("nobody noticed");
        assert!(broken.starts_with(told), "{mistake:?}: {broken} by {way:#?}");
    }
}
