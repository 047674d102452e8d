//! Load, decide, save, and again when somebody else was faster.

use std::{collections::HashMap, sync::Arc, time::Duration};

use uuid::Uuid;

use crate::{
    Aggregate, Decision, Failure, Loaded, Unchanged,
    aggregate::{change, loaded},
    bus::backoff::Backoff,
    loads::Loads,
    memory::Memory,
    outbox::Outbox,
    store::{Outcome, Position, Query},
};

/// Records read at once where all are wanted.
const PAGE: u32 = 200;
/// Tries before a contended record is given up, which takes half a second or so.
const TRIES: usize = 16;
/// Of these so many follow at once: mostly one other writer was in the way.
const AT_ONCE: usize = 2;
const FIRST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// The aggregates of a service: reading goes to the store, writing through the outbox. Copies share both.
#[derive(Clone)]
pub struct Repository {
    outbox: Outbox,
    loads: Loads,
    memory: Arc<Memory>,
}

/// What a decision rests on.
#[derive(Clone, Debug)]
pub struct Basis<A> {
    /// The aggregate, if it exists.
    pub current: Option<Arc<Loaded<A>>>,
    /// Whether it comes from memory, so that the store may know better.
    pub guessed: bool,
}

impl<A> Basis<A> {
    /// The version to which a change of it must name itself the next.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.current.as_ref().map_or(0, |read| read.version)
    }
}

impl Repository {
    /// Aggregates whose messages leave through `outbox`.
    #[must_use]
    pub fn new(outbox: Outbox) -> Self {
        Self { loads: Loads::of(Arc::clone(outbox.store())), outbox, memory: Arc::new(Memory::new()) }
    }

    /// The way in which changes are written and messages leave.
    #[must_use]
    pub const fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// One aggregate, if it exists.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn load<A: Aggregate>(&self, id: Uuid) -> Result<Option<Loaded<A>>, Failure> {
        Ok(self.load_many(&[id]).await?.pop())
    }

    /// Those that exist among `ids`, in no order.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn load_many<A: Aggregate>(&self, ids: &[Uuid]) -> Result<Vec<Loaded<A>>, Failure> {
        self.loads.load(A::KIND, ids).await?.iter().map(loaded).collect()
    }

    /// Those that `query` asks for, in its order.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn find<A: Aggregate>(&self, query: &Query) -> Result<Vec<Loaded<A>>, Failure> {
        self.outbox.store().find(A::KIND, query).await?.iter().map(loaded).collect()
    }

    /// All with this value of a field, which few of them have at any time, newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn all_with<A: Aggregate>(
        &self,
        field: &'static str,
        value: &str,
    ) -> Result<Vec<Loaded<A>>, Failure> {
        let mut query = Query { filters: vec![(field, value.to_owned())], limit: PAGE, ..Query::default() };
        let mut found: Vec<Loaded<A>> = Vec::new();
        loop {
            let page = self.find::<A>(&query).await?;
            let last = page.last().filter(|_| page.len() == PAGE as usize).map(|last| last.state.id());
            found.extend(page);
            match last {
                Some(id) => query.after = Some(Position { value: String::new(), id }),
                None => return Ok(found),
            }
        }
    }

    /// How many `query` asks for, counted up to its limit.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn count<A: Aggregate>(&self, query: &Query) -> Result<u64, Failure> {
        self.outbox.store().count(A::KIND, query).await
    }

    /// The one with this value of a unique field.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn by<A: Aggregate>(
        &self,
        field: &'static str,
        value: impl Into<String>,
    ) -> Result<Option<Loaded<A>>, Failure> {
        let query = Query { filters: vec![(field, value.into())], limit: 1, ..Query::default() };
        Ok(self.find(&query).await?.pop())
    }

    /// The id of the one with this value of a unique field that, once given, stays its own for ever.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn owner<A: Aggregate>(
        &self,
        field: &'static str,
        value: &str,
    ) -> Result<Option<Uuid>, Failure> {
        if let Some(id) = self.memory.owner::<A>(field, value) {
            return Ok(Some(id));
        }
        let Some(found) = self.by::<A>(field, value).await? else { return Ok(None) };
        let id = found.state.id();
        self.memory.owns::<A>(field, value, id);
        self.memory.keep(id, &Arc::new(found));
        Ok(Some(id))
    }

    /// What decisions on these can rest on: what is remembered, and the store for the rest. Of what is `passed` only a
    /// newer version may be remembered.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn bases<A: Aggregate>(
        &self,
        ids: &[Uuid],
        passed: impl Fn(Uuid) -> Option<u64> + Send,
    ) -> Result<HashMap<Uuid, Basis<A>>, Failure> {
        let mut bases = HashMap::with_capacity(ids.len());
        let mut unknown = Vec::new();
        for &id in ids {
            match self.memory.guess::<A>(id, passed(id)) {
                Some(guess) => drop(bases.insert(id, Basis { current: Some(guess), guessed: true })),
                None => unknown.push(id),
            }
        }
        if !unknown.is_empty() {
            let absent = unknown.iter().map(|id| (*id, Basis { current: None, guessed: false }));
            bases.extend(absent);
            for read in self.load_many::<A>(&unknown).await? {
                let (id, read) = (read.state.id(), Arc::new(read));
                self.memory.keep(id, &read);
                bases.insert(id, Basis { current: Some(read), guessed: false });
            }
        }
        Ok(bases)
    }

    /// Writes decisions that rest on these bases, as one batch, and remembers what they led to. One outcome for each.
    ///
    /// # Errors
    /// When it is not known whether they were written.
    pub async fn commit<A: Aggregate>(
        &self,
        decided: Vec<(Uuid, Basis<A>, Decision<A>)>,
    ) -> Result<Vec<Outcome>, Failure> {
        let (mut changes, mut resting) =
            (Vec::with_capacity(decided.len()), Vec::with_capacity(decided.len()));
        for (id, basis, decision) in decided {
            let next = decision.next.clone().filter(|_| A::REMEMBERED);
            changes.push(change(id, basis.version(), decision)?);
            resting.push((id, basis, next));
        }
        let committed = self.outbox.commit(changes).await;
        let Ok(outcomes) = &committed else {
            resting.iter().for_each(|(id, ..)| self.memory.forget::<A>(*id));
            return committed;
        };
        for ((id, basis, next), outcome) in resting.into_iter().zip(outcomes) {
            self.learn(id, &basis, next, outcome);
        }
        committed
    }

    fn learn<A: Aggregate>(&self, id: Uuid, basis: &Basis<A>, next: Option<A>, outcome: &Outcome) {
        match (outcome, next) {
            (Outcome::Committed, Some(state)) => {
                if basis.current.is_none() {
                    self.memory.owns_all(id, &state);
                }
                self.memory.keep(id, &Arc::new(Loaded { version: basis.version() + 1, state }));
                if basis.guessed {
                    self.memory.less_doubt();
                }
            }
            (Outcome::Committed, None) => self.memory.forget::<A>(id),
            (Outcome::Conflict, _) => {
                let overtaken_here = self.memory.guess::<A>(id, Some(basis.version())).is_some();
                if basis.guessed && !overtaken_here {
                    self.memory.was_wrong();
                }
            }
            (Outcome::Taken { .. } | Outcome::Dangling, _) => {}
        }
    }

    /// Reads, decides, writes; reads and decides again when another writer was faster. A decision that changes and tells
    /// nothing writes nothing. What is remembered may be decided on only if that leads to a write, which then says
    /// whether it had passed: a refusal or no change is for the store's own word.
    ///
    /// # Errors
    /// See [`Unchanged`].
    pub async fn change<A: Aggregate, R>(
        &self,
        id: Uuid,
        mut decide: impl FnMut(Option<&Loaded<A>>) -> Result<Decision<A>, R> + Send,
    ) -> Result<Option<Loaded<A>>, Unchanged<R>>
    where
        R: Send,
    {
        let (mut passed, mut conflicts) = (None, 0);
        let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
        for _ in 0..TRIES {
            if conflicts > AT_ONCE {
                backoff.pause().await;
            }
            let mut bases = self.bases::<A>(&[id], |_| passed).await?;
            let Some(basis) = bases.remove(&id) else { continue };
            let current = basis.current.as_deref();
            let decision = match decide(current) {
                Err(_) if basis.guessed => {
                    passed = Some(u64::MAX);
                    continue;
                }
                decided => decided.map_err(Unchanged::Refused)?,
            };
            if decision.changes_nothing(current) {
                if basis.guessed {
                    passed = Some(u64::MAX);
                    continue;
                }
                return Ok(basis.current.map(Arc::unwrap_or_clone));
            }
            let (version, next) = (basis.version(), decision.next.clone());
            let outcomes = self.commit(vec![(id, basis, decision)]).await?;
            match outcomes.into_iter().next() {
                Some(Outcome::Committed) => {
                    return Ok(next.map(|state| Loaded { version: version + 1, state }));
                }
                Some(Outcome::Conflict) => {
                    passed = Some(version);
                    conflicts += 1;
                }
                Some(Outcome::Taken { field }) => return Err(Unchanged::Taken(field)),
                Some(Outcome::Dangling) => return Err(Unchanged::Dangling),
                None => return Err(Failure::lasting("committing", "the store gave no outcome").into()),
            }
        }
        Err(Failure::passing(
            "changing a contended record",
            format!("{} {id} was changed {TRIES} times meanwhile", A::KIND.name),
        )
        .into())
    }
}
