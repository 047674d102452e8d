//! A gateway of the shop's own, for everything that must not move money: trying the system, stories, tests.
//! It keeps what it was told as durably as the service's store does, so that a payment is still there after
//! a crash. In process it is a [`Gateway`](crate::gateway::Gateway); [`server`] shows the same book as the provider's HTTP interface.

use std::sync::Arc;

use garage_events::Cents;
use garage_kit::{
    Aggregate, Decision, Failure, Loaded, Repository, Unchanged,
    clock::Clock,
    store::{Field, Kind, Position, Query},
};
use serde_json::{Map, Value, json};
use tokio::time::sleep;
use uuid::Uuid;

use self::{
    bell::Bell,
    faults::{Fault, Faults, SLOW},
    ledger::{Entry, Movement, RefundStatus, Refusal, Request, Verdict},
};
use crate::gateway::Instructions;

pub mod bell;
mod boleto;
mod br_code;
pub mod faults;
mod instructions;
pub mod ledger;
mod picture;
mod port;
pub mod program;
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
    pages: Option<Arc<str>>,
    bell: Option<Bell>,
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
        Self { entries, clock, faults: Faults::default(), pages: None, bell: None }
    }

    /// A sandbox whose payers have their pages at this address ([`server`]).
    #[must_use]
    pub fn with_pages(self, address: &str) -> Self {
        Self { pages: Some(address.trim_end_matches('/').into()), ..self }
    }

    /// A sandbox that tells what becomes of payments.
    #[must_use]
    pub fn with_bell(self, bell: Bell) -> Self {
        Self { bell: Some(bell), ..self }
    }

    /// What the payer of this payment has to do, if anything.
    fn instructions(&self, entry: &Entry) -> Option<Instructions> {
        instructions::of(entry, self.pages.as_deref())
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
        self.on_the_line(async { Ok(self.told(written(self.entries.change(key, made_once).await)?)) }).await
    }

    /// A payment by its number.
    ///
    /// # Errors
    /// When there is none, and see [`Unanswered`].
    pub async fn payment(&self, number: &str) -> Result<Entry, Unanswered> {
        self.on_the_line(self.stored(number)).await
    }

    /// The same for a payer's page, which no fault meets.
    async fn shown(&self, number: &str) -> Result<Entry, Unanswered> {
        self.stored(number).await
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
        self.on_the_line(async { Ok(self.told(self.change(number, |entry| entry.cancel(at)).await?)) }).await
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
        let (at, status) = (self.clock.now(), self.faults.next_refund());
        let refunded = self.change(number, |entry| entry.refund(amount, key, status, at));
        self.on_the_line(async { Ok(self.told(refunded.await?)) }).await
    }

    /// What becomes of a refund that has not gone. No call of the seller either.
    ///
    /// # Errors
    /// When there is none such, and see [`Unanswered`].
    pub async fn decide_refund(
        &self,
        number: &str,
        refund: u64,
        status: RefundStatus,
    ) -> Result<Entry, Unanswered> {
        let at = self.clock.now();
        let entry = self.change(number, |entry| entry.decide_refund(refund, status, at)).await?;
        self.bell.iter().for_each(|bell| bell.ring(&entry));
        Ok(entry)
    }

    /// What the payer or the reviewer does with a payment that waits. No call of the seller: no fault meets it.
    ///
    /// # Errors
    /// When it does not wait, and see [`Unanswered`].
    pub async fn decide(&self, number: &str, verdict: Verdict) -> Result<Entry, Unanswered> {
        let at = self.clock.now();
        let entry = self.change(number, |entry| entry.decide(verdict, at)).await?;
        self.bell.iter().for_each(|bell| bell.ring(&entry));
        Ok(entry)
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
        let now = self.clock.now();
        let found = self.entries.find::<Entry>(query).await?;
        Ok(found.into_iter().map(|loaded| loaded.state.as_of(now)).collect())
    }

    async fn stored(&self, number: &str) -> Result<Entry, Unanswered> {
        let found = self.entries.by::<Entry>("number", number).await?;
        let found = found.map(|loaded| loaded.state.as_of(self.clock.now()));
        found.ok_or_else(|| Refusal::NotFound.into())
    }

    async fn change(
        &self,
        number: &str,
        next: impl Fn(&Entry) -> Result<Entry, Refusal> + Send,
    ) -> Result<Entry, Unanswered> {
        let (key, now) = (self.stored(number).await?.key, self.clock.now());
        let decide = move |current: Option<&Loaded<Entry>>| {
            next(&current.ok_or(Refusal::NotFound)?.state.clone().as_of(now)).map(keep)
        };
        written(self.entries.change(key, decide).await)
    }

    /// What the seller has asked for, once whoever listens was told of it.
    fn told(&self, entry: Entry) -> Entry {
        self.bell.iter().for_each(|bell| bell.ring_for_the_seller(&entry));
        entry
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
            Some(Fault::Slow) => {
                let answer = call.await;
                sleep(SLOW).await;
                answer
            }
            Some(fault @ (Fault::RequestLost | Fault::Unavailable | Fault::Busy)) => {
                Err(Unanswered::Fault(fault))
            }
        }
    }
}

/// The book tells no events.
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
