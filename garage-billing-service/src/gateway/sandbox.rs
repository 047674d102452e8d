//! A gateway of the shop's own, for everything that must not move money: trying the system, stories, tests.
//! It keeps what it was told as durably as the service's store does, so that a payment is still there after
//! a crash. In process it is a [`Gateway`]; [`server`] shows the same book as the provider's HTTP interface.

use async_trait::async_trait;
use garage_events::{Cents, PaymentId};
use garage_kit::{
    Aggregate, Decision, Failure, Loaded, Repository, Unchanged,
    clock::Clock,
    store::{Field, Kind, Position, Query},
};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use self::{
    faults::{Fault, Faults},
    ledger::{Entry, Movement, Refusal, Request, Status, Verdict},
};
use super::{Charge, Charged, Gateway, GatewayError, Refunded, Standing};

mod boleto;
mod br_code;
pub mod faults;
mod instructions;
pub mod ledger;
pub mod server;

/// How many entries are read at once.
const PAGE: u32 = 200;

/// The service's store must know it.
impl Aggregate for Entry {
    const KIND: &'static Kind = &Kind {
        name: "sandbox_payments",
        fields: &[Field::unique("number"), Field::plain("external_reference")],
    };

    fn id(&self) -> Uuid {
        self.key
    }

    fn index(&self) -> Map<String, Value> {
        let fields = [
            ("number", json!(self.number.to_string())),
            ("external_reference", json!(self.request.external_reference)),
        ];
        fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

/// The sandbox; copies share its book and its faults.
#[derive(Clone)]
pub struct Sandbox {
    entries: Repository,
    clock: Clock,
    faults: Faults,
}

/// Why a call to the sandbox brought nothing.
#[derive(Debug, thiserror::Error)]
pub enum Unanswered {
    /// It said no.
    #[error("{0} ({code})", code = .0.code())]
    Refused(#[from] Refusal),
    /// It was told to misbehave.
    #[error("the sandbox was told to misbehave: {0:?}")]
    Fault(Fault),
    /// Its store failed.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl Sandbox {
    /// A sandbox whose book is among `entries`.
    #[must_use]
    pub fn new(entries: Repository, clock: Clock) -> Self {
        Self { entries, clock, faults: Faults::default() }
    }

    /// What goes wrong with the next calls.
    #[must_use]
    pub const fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Makes a payment; with a key that was used before, finds the one that it made.
    ///
    /// # Errors
    /// When the key was used for another request, and see [`Unanswered`].
    pub async fn charge(&self, key: Uuid, request: Request) -> Result<Entry, Unanswered> {
        let at = self.clock.now();
        let made_once = |current: Option<&Loaded<Entry>>| match current {
            Some(made) => made.state.repeated(&request).map(|()| keep(made.state.clone())),
            None => Ok(keep(Entry::create(key, request.clone(), at))),
        };
        self.on_the_line(async { written(self.entries.change(key, made_once).await) }).await
    }

    /// A payment by its number.
    ///
    /// # Errors
    /// When there is none, and see [`Unanswered`].
    pub async fn payment(&self, number: &str) -> Result<Entry, Unanswered> {
        self.on_the_line(self.stored(number)).await
    }

    /// The payments with this external reference, or all; newest first, `limit` at most.
    ///
    /// # Errors
    /// See [`Unanswered`].
    pub async fn payments(
        &self,
        external_reference: Option<String>,
        limit: u32,
    ) -> Result<Vec<Entry>, Unanswered> {
        let filters =
            external_reference.into_iter().map(|reference| ("external_reference", reference)).collect();
        let query = Query { filters, limit: limit.min(PAGE), ..Query::default() };
        self.on_the_line(async { Ok(self.found(&query).await?) }).await
    }

    /// Cancels a payment that waits.
    ///
    /// # Errors
    /// When it does not wait, and see [`Unanswered`].
    pub async fn call_off(&self, number: &str) -> Result<Entry, Unanswered> {
        let at = self.clock.now();
        self.on_the_line(self.change(number, |entry| entry.cancel(at))).await
    }

    /// Gives back `amount` of a payment, or all that is left; once per key.
    ///
    /// # Errors
    /// When there is no such money, and see [`Unanswered`].
    pub async fn give_back(
        &self,
        number: &str,
        amount: Option<Cents>,
        key: &str,
    ) -> Result<Entry, Unanswered> {
        let at = self.clock.now();
        self.on_the_line(self.change(number, |entry| entry.refund(amount, key, at))).await
    }

    /// What the payer or the reviewer does with a payment that waits. No call of the seller: no fault meets it.
    ///
    /// # Errors
    /// When it does not wait, and see [`Unanswered`].
    pub async fn decide(&self, number: &str, verdict: Verdict) -> Result<Entry, Unanswered> {
        let at = self.clock.now();
        self.change(number, |entry| entry.decide(verdict, at)).await
    }

    /// All money that ever moved, in order.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn movements(&self) -> Result<Vec<Movement>, Failure> {
        let (mut movements, mut query) = (Vec::new(), Query { limit: PAGE, ..Query::default() });
        loop {
            let entries = self.found(&query).await?;
            movements.extend(entries.iter().flat_map(Entry::movements));
            let Some(last) = entries.last() else { break };
            query.after = Some(Position { value: String::new(), id: last.key });
        }
        movements.sort_by_key(|moved| moved.at);
        Ok(movements)
    }

    async fn found(&self, query: &Query) -> Result<Vec<Entry>, Failure> {
        Ok(self.entries.find::<Entry>(query).await?.into_iter().map(|loaded| loaded.state).collect())
    }

    async fn stored(&self, number: &str) -> Result<Entry, Unanswered> {
        let found = self.entries.by::<Entry>("number", number).await?;
        found.map(|loaded| loaded.state).ok_or_else(|| Refusal::NotFound.into())
    }

    async fn change(
        &self,
        number: &str,
        next: impl Fn(&Entry) -> Result<Entry, Refusal> + Send,
    ) -> Result<Entry, Unanswered> {
        let key = self.stored(number).await?.key;
        let decide =
            move |current: Option<&Loaded<Entry>>| next(&current.ok_or(Refusal::NotFound)?.state).map(keep);
        written(self.entries.change(key, decide).await)
    }

    /// A call, and what goes wrong with it.
    async fn on_the_line<T>(
        &self,
        call: impl Future<Output = Result<T, Unanswered>> + Send,
    ) -> Result<T, Unanswered> {
        match self.faults.next() {
            None => call.await,
            Some(fault @ Fault::AnswerLost) => {
                let _ = call.await;
                Err(Unanswered::Fault(fault))
            }
            Some(fault @ (Fault::RequestLost | Fault::Unavailable)) => Err(Unanswered::Fault(fault)),
        }
    }
}

/// The sandbox tells nobody: who wants to know, asks.
const fn keep(entry: Entry) -> Decision<Entry> {
    Decision { next: Some(entry), messages: Vec::new() }
}

fn written(change: Result<Option<Loaded<Entry>>, Unchanged<Refusal>>) -> Result<Entry, Unanswered> {
    let odd = |what: String| Unanswered::Failed(Failure::lasting("keeping the sandbox's book", what));
    match change {
        Ok(entry) => entry.map(|loaded| loaded.state).ok_or_else(|| odd("an entry was deleted".to_owned())),
        Err(Unchanged::Refused(refusal)) => Err(refusal.into()),
        Err(Unchanged::Failed(failure)) => Err(failure.into()),
        Err(other @ (Unchanged::Taken(_) | Unchanged::Dangling)) => Err(odd(other.to_string())),
    }
}

#[async_trait]
impl Gateway for Sandbox {
    /// A reference that was used for another charge is no refusal either: there is a payment, and it says how
    /// much it is.
    async fn create(&self, charge: &Charge) -> Result<Charged, GatewayError> {
        match self.charge(charge.reference.0, request(charge)).await {
            Ok(entry) => Ok(charged(&entry)),
            Err(Unanswered::Refused(Refusal::KeyReused)) => {
                let there = self.search(charge.reference).await?;
                there.ok_or_else(|| {
                    GatewayError::Unknown("it has this reference and shows no payment".to_owned())
                })
            }
            Err(other) => Err(other.into()),
        }
    }

    async fn read(&self, gateway_id: &str) -> Result<Option<Charged>, GatewayError> {
        match self.payment(gateway_id).await {
            Ok(entry) => Ok(Some(charged(&entry))),
            Err(Unanswered::Refused(Refusal::NotFound)) => Ok(None),
            Err(other) => Err(other.into()),
        }
    }

    async fn search(&self, reference: PaymentId) -> Result<Option<Charged>, GatewayError> {
        Ok(self.payments(Some(reference.to_string()), 1).await?.first().map(charged))
    }

    /// The key is not needed: cancelling twice is refused, and reading tells that it was done.
    async fn cancel(&self, gateway_id: &str, _key: &str) -> Result<Charged, GatewayError> {
        Ok(charged(&self.call_off(gateway_id).await?))
    }

    async fn refund(&self, gateway_id: &str, amount: Cents, key: &str) -> Result<Refunded, GatewayError> {
        let entry = self.give_back(gateway_id, Some(amount), key).await?;
        let done = entry.refunds.iter().find(|refund| refund.key == key);
        Ok(done.map_or(Refunded::Pending, |refund| Refunded::Done(refund.number.to_string())))
    }

    async fn check(&self) -> Result<(), GatewayError> {
        Ok(self.payments(None, 1).await.map(drop)?)
    }
}

impl From<Unanswered> for GatewayError {
    fn from(unanswered: Unanswered) -> Self {
        let told = unanswered.to_string();
        match unanswered {
            Unanswered::Refused(_) => Self::Refused(told),
            Unanswered::Fault(_) | Unanswered::Failed(_) => Self::Unknown(told),
        }
    }
}

/// In process nothing is asked for that the provider would want for its own sake: neither an e-mail address
/// nor a card's token.
fn request(charge: &Charge) -> Request {
    Request {
        amount: charge.amount,
        method: charge.method,
        brand: charge.card_brand.clone(),
        installments: charge.installments,
        payer: charge.payer.clone(),
        external_reference: Some(charge.reference.to_string()),
        description: charge.description.clone(),
    }
}

fn charged(entry: &Entry) -> Charged {
    Charged {
        gateway_id: entry.number.to_string(),
        standing: standing(entry),
        amount: entry.request.amount,
        instructions: instructions::of(entry),
    }
}

fn standing(entry: &Entry) -> Standing {
    match entry.status {
        Status::Pending | Status::InProcess => Standing::Pending,
        Status::Approved => Standing::Approved,
        Status::Rejected => Standing::Declined(entry.detail.clone()),
        Status::Cancelled => Standing::Cancelled(entry.detail.clone()),
        Status::Refunded => Standing::Refunded,
    }
}
