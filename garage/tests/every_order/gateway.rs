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
use chrono::{DateTime, Utc};
use futures::FutureExt;
use garage_billing_service::{
    bill::Answer,
    cashier,
    gateway::{Charge, Charged, Gateway, GatewayError, Refunded, Standing},
    payment::Due,
};
use garage_events::{Cents, PaymentId};

/// A payment at the gateway, and the keys under which its whole amount was given back. The provider refuses a second
/// refund; this ledger does not, so that one which is asked for under another key shows.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Entry {
    pub amount: Cents,
    pub state: State,
    pub refunds: BTreeSet<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum State {
    Pending,
    Captured,
    Declined,
    Cancelled,
    Refunded,
}

/// When a call is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment(pub DateTime<Utc>);

/// Payments by our reference, which is the idempotency key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Ledger(pub BTreeMap<PaymentId, Entry>);

impl Ledger {
    /// Every way in which a call may go: its name, the ledger after it, and the answer.
    pub(crate) fn perform(&self, due: &Due, moments: Vec<Moment>) -> Vec<(String, Self, Option<Answer>)> {
        let outcomes: &[Option<State>] = match due {
            Due::Create(charge) if !self.0.contains_key(&charge.reference) => {
                &[Some(State::Captured), Some(State::Declined), Some(State::Pending), None]
            }
            Due::Create(_)
            | Due::Search { .. }
            | Due::Read { .. }
            | Due::Cancel { .. }
            | Due::Refund { .. } => &[Some(State::Captured)],
        };
        let ways = outcomes.iter().flat_map(|outcome| moments.iter().map(move |moment| (*outcome, *moment)));
        ways.map(|(outcome, moment)| self.way(due, outcome, moment)).collect()
    }

    fn way(&self, due: &Due, outcome: Option<State>, moment: Moment) -> (String, Self, Option<Answer>) {
        let gateway = Open { ledger: Mutex::new(self.clone()), outcome };
        let answer =
            cashier::perform(&gateway, due, moment.0).now_or_never().expect("the ledger answers at once");
        let name = match (due, outcome) {
            (Due::Create(_), Some(state)) => format!("the gateway is asked for a payment: {state:?}"),
            (Due::Create(_), None) => "the gateway refuses a payment".to_owned(),
            (Due::Search { .. }, _) => "the gateway is searched".to_owned(),
            (Due::Read { .. }, _) => "the payment is read".to_owned(),
            (Due::Cancel { .. }, _) => "the gateway is asked to cancel".to_owned(),
            (Due::Refund { .. }, _) => "the gateway is asked to refund".to_owned(),
        };
        (name, gateway.ledger.into_inner().unwrap(), answer)
    }

    /// A payer pays, or lets the time pass, whatever we know of it.
    pub(crate) fn payers_moves(&self) -> Vec<(String, Self)> {
        let pending = self.0.iter().filter(|(_, entry)| entry.state == State::Pending);
        pending
            .flat_map(|(reference, _)| {
                [("the payer pays", State::Captured), ("the code expires", State::Cancelled)]
                    .map(|(name, state)| (name.to_owned(), self.with(*reference, state)))
            })
            .collect()
    }

    fn with(&self, reference: PaymentId, state: State) -> Self {
        let mut ledger = self.clone();
        ledger.0.get_mut(&reference).unwrap().state = state;
        ledger
    }
}

/// The ledger during one call, with the outcome that a new payment would have.
struct Open {
    ledger: Mutex<Ledger>,
    outcome: Option<State>,
}

impl Open {
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
        State::Captured => Standing::Approved,
        State::Declined => Standing::Declined("cc_rejected_other_reason".to_owned()),
        State::Cancelled => Standing::Cancelled("expired".to_owned()),
        State::Refunded => Standing::Refunded,
    };
    Charged { gateway_id: reference.to_string(), standing, amount: entry.amount, instructions: None }
}

#[async_trait]
impl Gateway for Open {
    async fn create(&self, charge: &Charge) -> Result<Charged, GatewayError> {
        let mut ledger = self.ledger.lock().unwrap();
        if let Some(entry) = ledger.0.get(&charge.reference) {
            return Ok(charged(charge.reference, entry));
        }
        let state = self.outcome.ok_or_else(|| GatewayError::Refused("not today".to_owned()))?;
        let entry = Entry { amount: charge.amount, state, refunds: BTreeSet::new() };
        let made = charged(charge.reference, &entry);
        ledger.0.insert(charge.reference, entry);
        Ok(made)
    }

    async fn read(&self, gateway_id: &str) -> Result<Option<Charged>, GatewayError> {
        Ok(self.find(gateway_id).map(|(reference, entry)| charged(reference, &entry)))
    }

    async fn search(&self, reference: PaymentId) -> Result<Option<Charged>, GatewayError> {
        Ok(self.ledger.lock().unwrap().0.get(&reference).map(|entry| charged(reference, entry)))
    }

    async fn cancel(&self, gateway_id: &str, _key: &str) -> Result<Charged, GatewayError> {
        match self.find(gateway_id) {
            Some((reference, Entry { state: State::Pending, .. })) => {
                Ok(self.set(reference, State::Cancelled))
            }
            _ => Err(GatewayError::Refused("not pending".to_owned())),
        }
    }

    async fn refund(&self, gateway_id: &str, _amount: Cents, key: &str) -> Result<Refunded, GatewayError> {
        match self.find(gateway_id) {
            Some((reference, Entry { state: State::Captured | State::Refunded, .. })) => {
                self.set(reference, State::Refunded);
                self.ledger.lock().unwrap().0.get_mut(&reference).unwrap().refunds.insert(key.to_owned());
                Ok(Refunded::Done("refund".to_owned()))
            }
            _ => Err(GatewayError::Refused("not captured".to_owned())),
        }
    }

    async fn check(&self) -> Result<(), GatewayError> {
        Ok(())
    }
}
