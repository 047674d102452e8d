//! The gateway as the explorer's environment: its ledger, and every answer that it may give to a call. The
//! calls are performed by the cashier's production code, so what an answer means is decided there.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test that cannot go on must stop, and say why"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use futures::FutureExt;
use garage_billing_service::{
    bill::Answer,
    cashier,
    gateway::{Charge, Charged, Gateway, GatewayError, Lack, Refunded, Standing},
    payment::{Due, NEVER_RECEIVED},
};
use garage_events::{Cents, PaymentId};

/// A payment at the gateway, and the keys under which its whole amount was given back. The provider refuses a second
/// refund; this ledger does not, so that one which is asked for under another key shows.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Entry {
    pub amount: Cents,
    pub state: State,
    pub refunds: BTreeSet<String>,
    /// Keys under which it was accepted to go back, and was rejected later.
    pub rejected: BTreeSet<String>,
    /// Parts that went back, by their keys.
    pub parts: BTreeSet<String>,
    /// A part that was accepted and has not gone yet.
    pub part_going_back: Option<String>,
}

/// What every part comes to.
pub(crate) fn part() -> Cents {
    Cents::new(1_000).unwrap()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum State {
    Pending,
    Captured,
    Declined,
    Cancelled,
    /// A refund was accepted and is not done yet.
    GoingBack,
    Refunded,
    /// The payer's bank is about to take the money back.
    BeingTaken,
    /// It has.
    Taken,
    /// It has left it with us after all.
    Reimbursed,
}

impl State {
    /// The payer's money is with us.
    pub(crate) const fn is_held(self) -> bool {
        matches!(self, Self::Captured | Self::GoingBack | Self::BeingTaken | Self::Reimbursed)
    }

    /// It is, or would be if the payer's bank had not taken it.
    pub(crate) const fn is_kept(self) -> bool {
        matches!(self, Self::Captured | Self::BeingTaken | Self::Reimbursed | Self::Taken)
    }
}

/// What a gateway may do beyond what it promises.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Vices {
    /// A charge that is sent again may be refused (a card's token serves once), though its key is the same.
    pub forgets_keys: bool,
    /// It may charge another amount than it was asked for.
    pub miscounts: bool,
    /// The payer's bank may take money back.
    pub takes_back: bool,
    /// A refund that was accepted may be rejected later, and is so for ever under its key.
    pub rejects: bool,
}

/// What the gateway does with a call.
#[derive(Clone, Copy, Debug)]
enum Whim {
    /// What is right for the payment as it stands.
    Right,
    /// A new payment, so standing.
    Makes(State),
    /// A new payment of another amount.
    Miscounts,
    /// No.
    Refuses,
    /// No, and its search does not show yet what it has.
    RefusesAndLags,
    /// Yes, in a while.
    Delays,
}

/// A call that was made.
pub(crate) struct Called {
    pub name: &'static str,
    pub ledger: Ledger,
    /// What the caller knows then, if its answer is not lost.
    pub answer: Option<Answer>,
    pub at: DateTime<Utc>,
}

/// Payments by our reference, which is the idempotency key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Ledger(pub BTreeMap<PaymentId, Entry>);

impl Ledger {
    /// Every way in which a call may go. `is_sent` says that this charge may still be on its way from another
    /// hand: calls end within a minute, so then nobody has waited for ample time.
    pub(crate) fn perform(&self, due: &Due, vices: Vices, is_sent: bool) -> Vec<Called> {
        let ways = match due {
            Due::Create(charge) if self.0.contains_key(&charge.reference) => asked_again(vices),
            Due::Create(_) => asked_first(vices),
            Due::Search { sent_at, .. } => {
                let times = [*sent_at, *sent_at + ample()];
                let times = times.into_iter().take(if is_sent { 1 } else { 2 });
                times.map(|at| ("the gateway is searched", Whim::Right, at)).collect()
            }
            Due::Read { .. } => vec![("the payment is read", Whim::Right, soon())],
            Due::Cancel { .. } => vec![("the gateway is asked to cancel", Whim::Right, soon())],
            Due::Refund { .. } => vec![
                ("the gateway refunds", Whim::Right, soon()),
                ("the gateway will refund", Whim::Delays, soon()),
                ("the gateway refuses to refund", Whim::Refuses, soon()),
            ],
            Due::GiveBack { .. } => vec![
                ("the gateway gives a part back", Whim::Right, soon()),
                ("the gateway will give a part back", Whim::Delays, soon()),
                ("the gateway refuses to give a part back", Whim::Refuses, soon()),
            ],
            Due::LookForRefund { refused_at, .. } => {
                let times = [*refused_at, *refused_at + ample()];
                let times = times.into_iter().take(if is_sent { 1 } else { 2 });
                times.map(|at| ("a refused part is looked for", Whim::Right, at)).collect()
            }
        };
        ways.into_iter().map(|(name, whim, at)| self.called(name, due, whim, at)).collect()
    }

    fn called(&self, name: &'static str, due: &Due, whim: Whim, at: DateTime<Utc>) -> Called {
        let gateway = Open { ledger: Mutex::new(self.clone()), whim };
        let answer = cashier::perform(&gateway, due, at).now_or_never().expect("the ledger answers at once");
        Called { name, ledger: gateway.ledger.into_inner().unwrap(), answer: answer.answer, at }
    }

    /// A payer pays, or lets the time pass, whatever we know of it; a refund goes through.
    pub(crate) fn own_moves(&self, vices: Vices) -> Vec<(&'static str, Self)> {
        let moves = |entry: &Entry| match entry.state {
            State::Captured if vices.takes_back => vec![("the bank takes it back", State::BeingTaken)],
            State::BeingTaken => {
                vec![("the bank has taken it", State::Taken), ("the bank leaves it", State::Reimbursed)]
            }
            State::Pending => vec![
                ("the payer pays", State::Captured),
                ("the code expires", State::Cancelled),
                ("the review ends badly", State::Declined),
            ],
            State::GoingBack => vec![("the refund goes through", State::Refunded)],
            State::Captured
            | State::Declined
            | State::Cancelled
            | State::Refunded
            | State::Taken
            | State::Reimbursed => Vec::new(),
        };
        let each = self.0.iter().flat_map(|(reference, entry)| {
            moves(entry).into_iter().map(|(name, state)| (name, self.with(*reference, state)))
        });
        let rejected = self.refunds_that_do_not_go().filter(|_| vices.rejects);
        each.chain(self.parts_that_go()).chain(rejected).collect()
    }

    fn refunds_that_do_not_go(&self) -> impl Iterator<Item = (&'static str, Self)> {
        let is_first = |entry: &Entry| entry.state == State::GoingBack && entry.rejected.is_empty();
        self.0.iter().filter(move |(_, entry)| is_first(entry)).map(|(reference, _)| {
            let mut ledger = self.with(*reference, State::Captured);
            let entry = ledger.0.get_mut(reference).unwrap();
            entry.rejected.append(&mut entry.refunds);
            ("the refund is rejected", ledger)
        })
    }

    fn parts_that_go(&self) -> impl Iterator<Item = (&'static str, Self)> {
        self.0.iter().filter_map(|(reference, entry)| {
            let mut ledger = self.clone();
            let gone = ledger.0.get_mut(reference).unwrap();
            gone.parts.insert(gone.part_going_back.take()?);
            (entry.state == State::Captured).then_some(("a part goes through", ledger))
        })
    }

    fn with(&self, reference: PaymentId, state: State) -> Self {
        let mut ledger = self.clone();
        ledger.0.get_mut(&reference).unwrap().state = state;
        ledger
    }

    pub(crate) fn count(&self, is: fn(State) -> bool) -> usize {
        self.0.values().filter(|entry| is(entry.state)).count()
    }
}

type Way = (&'static str, Whim, DateTime<Utc>);

/// Soon after the last try.
fn soon() -> DateTime<Utc> {
    crate::code::again()
}

fn ample() -> TimeDelta {
    NEVER_RECEIVED + TimeDelta::seconds(1)
}

fn asked_first(vices: Vices) -> Vec<Way> {
    let mut ways = vec![
        ("the gateway takes a payment", Whim::Makes(State::Captured), soon()),
        ("the gateway declines a payment", Whim::Makes(State::Declined), soon()),
        ("the gateway waits for the payer", Whim::Makes(State::Pending), soon()),
        ("the gateway refuses a payment", Whim::Refuses, soon()),
    ];
    ways.extend(vices.miscounts.then_some(("the gateway miscounts", Whim::Miscounts, soon())));
    ways
}

/// The provider promises the payment already made. One that has forgotten the key refuses, and its search may
/// lag behind for minutes.
fn asked_again(vices: Vices) -> Vec<Way> {
    let mut ways = vec![("the gateway answers as before", Whim::Right, soon())];
    if vices.forgets_keys {
        ways.push(("the gateway has forgotten the key", Whim::Refuses, soon()));
        ways.push(("the gateway has forgotten the key, and its search lags", Whim::RefusesAndLags, soon()));
    }
    ways
}

/// The ledger during one call.
struct Open {
    ledger: Mutex<Ledger>,
    whim: Whim,
}

impl Open {
    /// A part, once per key; a provider that has forgotten the key refuses, though the part has gone.
    fn give_back(&self, reference: PaymentId, entry: &Entry, key: &str) -> Result<Refunded, GatewayError> {
        let mut after = entry.clone();
        let has_gone = entry.parts.contains(key);
        match self.whim {
            Whim::Refuses => return Err(refused("no balance")),
            _ if has_gone => {}
            _ if entry.part_going_back.as_deref() == Some(key) => return Ok(Refunded::Pending),
            _ if entry.state != State::Captured => return Err(refused("not captured")),
            Whim::Delays => after.part_going_back = Some(key.to_owned()),
            Whim::Right | Whim::Makes(_) | Whim::Miscounts | Whim::RefusesAndLags => {
                after.parts.insert(key.to_owned());
            }
        }
        let is_done = after.parts.contains(key);
        self.ledger.lock().unwrap().0.insert(reference, after);
        Ok(if is_done { Refunded::Done("part".to_owned()) } else { Refunded::Pending })
    }

    fn find(&self, gateway_id: &str) -> Option<(PaymentId, Entry)> {
        let ledger = self.ledger.lock().unwrap();
        ledger
            .0
            .iter()
            .find(|(reference, _)| reference.to_string() == gateway_id)
            .map(|(reference, entry)| (*reference, entry.clone()))
    }

    fn set(&self, reference: PaymentId, state: State) -> Charged {
        let mut ledger = self.ledger.lock().unwrap();
        *ledger = ledger.with(reference, state);
        charged(reference, &ledger.0[&reference])
    }
}

fn charged(reference: PaymentId, entry: &Entry) -> Charged {
    let standing = match entry.state {
        State::Pending => Standing::Pending,
        State::Captured | State::GoingBack | State::Reimbursed => Standing::Approved,
        State::BeingTaken => Standing::Pending,
        State::Declined => Standing::Declined("cc_rejected_other_reason".to_owned()),
        State::Cancelled => Standing::Cancelled("expired".to_owned()),
        State::Refunded | State::Taken => Standing::Refunded,
    };
    let charge_back = match entry.state {
        State::BeingTaken => Some("in_process"),
        State::Taken => Some("settled"),
        State::Reimbursed => Some("reimbursed"),
        State::Pending
        | State::Captured
        | State::Declined
        | State::Cancelled
        | State::GoingBack
        | State::Refunded => None,
    };
    let gone = part().centavos() * i64::try_from(entry.parts.len()).unwrap();
    Charged {
        refunded: Cents::new(gone).unwrap(),
        going_back: going_back(entry),
        charge_back: charge_back.map(ToOwned::to_owned),
        ..Charged::new(reference.to_string(), standing, entry.amount)
    }
}

fn going_back(entry: &Entry) -> Cents {
    if entry.state == State::GoingBack {
        return entry.amount;
    }
    entry.part_going_back.as_ref().map_or(Cents::ZERO, |_| part())
}

#[async_trait]
impl Gateway for Open {
    fn lacks(&self, _: &Charge) -> Vec<Lack> {
        Vec::new()
    }

    async fn create(&self, charge: &Charge) -> Result<Charged, GatewayError> {
        let mut ledger = self.ledger.lock().unwrap();
        let (state, amount) = match (self.whim, ledger.0.get(&charge.reference)) {
            (Whim::Refuses | Whim::RefusesAndLags | Whim::Delays, _) => {
                return Err(GatewayError::Refused("not today".to_owned()));
            }
            (_, Some(made)) => return Ok(charged(charge.reference, made)),
            (Whim::Makes(state), None) => (state, charge.amount),
            (Whim::Right, None) => (State::Captured, charge.amount),
            (Whim::Miscounts, None) => (State::Captured, Cents::new(1).unwrap()),
        };
        let (refunds, parts) = (BTreeSet::new(), BTreeSet::new());
        let entry = Entry { amount, state, refunds, rejected: BTreeSet::new(), parts, part_going_back: None };
        let made = charged(charge.reference, &entry);
        ledger.0.insert(charge.reference, entry);
        Ok(made)
    }

    async fn read(&self, gateway_id: &str) -> Result<Option<Charged>, GatewayError> {
        Ok(self.find(gateway_id).map(|(reference, entry)| charged(reference, &entry)))
    }

    async fn search(&self, reference: PaymentId) -> Result<Option<Charged>, GatewayError> {
        let ledger = self.ledger.lock().unwrap();
        let shown = ledger.0.get(&reference).filter(|_| !matches!(self.whim, Whim::RefusesAndLags));
        Ok(shown.map(|entry| charged(reference, entry)))
    }

    async fn cancel(&self, gateway_id: &str, _key: &str) -> Result<Charged, GatewayError> {
        match self.find(gateway_id) {
            Some((reference, Entry { state: State::Pending, .. })) => {
                Ok(self.set(reference, State::Cancelled))
            }
            _ => Err(GatewayError::Refused("not pending".to_owned())),
        }
    }

    async fn refund(&self, gateway_id: &str, amount: Cents, key: &str) -> Result<Refunded, GatewayError> {
        let (reference, entry) = self.find(gateway_id).ok_or_else(|| refused("there is none"))?;
        if amount < entry.amount {
            return self.give_back(reference, &entry, key);
        }
        if entry.rejected.contains(key) {
            return Ok(Refunded::Rejected("rejected".to_owned()));
        }
        let state = match (entry.state, self.whim) {
            (State::Captured | State::Reimbursed, Whim::Refuses) => return Err(refused("no balance")),
            (State::Captured | State::Reimbursed, Whim::Delays) => State::GoingBack,
            (State::GoingBack, _) if entry.refunds.contains(key) => return Ok(Refunded::Pending),
            (State::Captured | State::Reimbursed | State::GoingBack | State::Refunded, _) => State::Refunded,
            (State::Pending | State::Declined | State::Cancelled | State::BeingTaken | State::Taken, _) => {
                return Err(refused("not captured"));
            }
        };
        self.set(reference, state);
        self.ledger.lock().unwrap().0.get_mut(&reference).unwrap().refunds.insert(key.to_owned());
        Ok(if state == State::Refunded { Refunded::Done("refund".to_owned()) } else { Refunded::Pending })
    }

    async fn check(&self) -> Result<(), GatewayError> {
        Ok(())
    }
}

fn refused(why: &str) -> GatewayError {
    GatewayError::Refused(why.to_owned())
}
