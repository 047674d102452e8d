//! Dead letters without a broker: they are records in the consumer's own store. A replay hands them to the consumer in
//! its turn, as a delivery like any other; a record goes once the consumer has taken its message, and stays with the
//! new reason when it is set aside again.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use serde_json::json;
use uuid::Uuid;

use super::{DEAD_LETTERS, DeadLetter, Member};
use crate::{
    Decision, Failure, Loaded,
    aggregate::loaded,
    bus::{
        Delivery,
        judge::Ruling,
        letters::{Ended, Fate, Filter, First, Found, Letter, LetterBox, MOST_LOOKED_AT, Opened, Place},
    },
    change,
    store::{Order, Outcome, Position, Query},
};

/// Records that are read at once.
const PAGE: u32 = 200;

#[async_trait]
impl LetterBox for Member {
    async fn resting(&self) -> Result<BTreeMap<String, u64>, Failure> {
        let mut resting = BTreeMap::new();
        self.each(&Filter::default(), None, |letter| *resting.entry(letter.queue).or_default() += 1).await?;
        Ok(resting)
    }

    async fn letters(&self, filter: &Filter, after: Option<&Place>, limit: usize) -> Result<Found, Failure> {
        let mut first = First::new(filter, after, limit);
        self.each(filter, after, |letter| first.see(heading(&letter))).await?;
        Ok(first.found())
    }

    async fn letter(&self, id: Uuid) -> Result<Option<Opened>, Failure> {
        let found = self.read(&[id]).await?.into_values().next();
        Ok(found.map(|Loaded { state, .. }| Opened {
            letter: heading(&state),
            headers: BTreeMap::from([("correlation".to_owned(), json!(state.correlation))]),
            body: state.body.into_bytes(),
        }))
    }

    async fn settle(&self, letters: &[Letter], fate: Fate) -> Result<Vec<Ended>, Failure> {
        let ids: Vec<Uuid> = letters.iter().map(|letter| letter.id).collect();
        let mut found = self.read(&ids).await?;
        let found: Vec<_> = ids.iter().filter_map(|id| found.remove(id)).collect();
        let rulings = match fate {
            Fate::Discard => found.iter().map(|_| Ruling::Done).collect(),
            Fate::Replay => self.consume(&found).await?,
        };
        let mut ended = self.write(found, rulings).await?;
        Ok(ids.iter().map(|id| ended.remove(id).unwrap_or(Ended::Gone)).collect())
    }
}

impl Member {
    /// Looks at the records that a filter's queue and conversation name, oldest first.
    async fn each(
        &self,
        filter: &Filter,
        after: Option<&Place>,
        mut look: impl FnMut(DeadLetter) + Send,
    ) -> Result<(), Failure> {
        let filters = [
            filter.queue.clone().map(|queue| ("queue", queue)),
            filter.correlation.map(|correlation| ("correlation", correlation.to_string())),
        ];
        let mut after = after.map(|place| Position {
            value: place.at.map(|at| at.to_rfc3339()).unwrap_or_default(),
            id: place.id,
        });
        for _ in 0..MOST_LOOKED_AT / PAGE as usize {
            let filters = filters.iter().flatten().cloned().collect();
            let query = Query { filters, order: Order::By("at"), after, limit: PAGE, ..Query::default() };
            let page = self.desk.store.find(&DEAD_LETTERS, &query).await?;
            let letters = page.iter().map(loaded::<DeadLetter>).collect::<Result<Vec<_>, _>>()?;
            after =
                letters.last().map(|last| Position { value: last.state.at.to_rfc3339(), id: last.state.id });
            letters.into_iter().for_each(|letter| look(letter.state));
            if page.len() < PAGE as usize {
                break;
            }
        }
        Ok(())
    }

    async fn read(&self, ids: &[Uuid]) -> Result<HashMap<Uuid, Loaded<DeadLetter>>, Failure> {
        let records = self.desk.store.load(&DEAD_LETTERS, ids).await?;
        records.iter().map(|record| Ok((record.id, loaded(record)?))).collect()
    }

    async fn consume(&self, letters: &[Loaded<DeadLetter>]) -> Result<Vec<Ruling>, Failure> {
        if letters.is_empty() {
            return Ok(Vec::new());
        }
        let deliveries: Vec<Delivery> = letters.iter().map(|letter| delivery(&letter.state)).collect();
        let _turn = self.desk.turn.lock().await;
        self.desk.judge()?.judge(&deliveries).await
    }

    async fn write(
        &self,
        letters: Vec<Loaded<DeadLetter>>,
        rulings: Vec<Ruling>,
    ) -> Result<HashMap<Uuid, Ended>, Failure> {
        let now = self.hub.clock.now();
        let (mut changes, mut ended) = (Vec::new(), HashMap::new());
        for (Loaded { version, state }, ruling) in letters.into_iter().zip(rulings) {
            let id = state.id;
            let (next, end) = match ruling {
                Ruling::Done => (None, Ended::Done),
                // A person watches: it is not tried again behind their back.
                Ruling::Rest { reason, attempts } | Ruling::Again { cause: reason, attempts, .. } => {
                    let end = Ended::Failed(format!("it was set aside again: {reason}"));
                    (Some(DeadLetter { reason, attempts, at: now, ..state }), end)
                }
            };
            changes.push(change(id, version, Decision { next, messages: Vec::new() })?);
            ended.insert(id, end);
        }
        let outcomes = if changes.is_empty() { vec![] } else { self.desk.store.commit(&changes).await? };
        for (change, outcome) in changes.iter().zip(outcomes) {
            match outcome {
                // Somebody else settled it meanwhile; it has been heard all the same.
                Outcome::Committed | Outcome::Conflict => {}
                Outcome::Taken { .. } | Outcome::Dangling => {
                    let refused = "the table of dead letters refuses it".to_owned();
                    ended.insert(change.id, Ended::Failed(refused));
                }
            }
        }
        Ok(ended)
    }
}

fn heading(letter: &DeadLetter) -> Letter {
    Letter {
        id: letter.id,
        queue: letter.queue.clone(),
        topic: Some(letter.topic.clone()),
        message_id: Some(letter.message_id.to_string()),
        correlation: Some(letter.correlation),
        reason: letter.reason.clone(),
        attempts: Some(letter.attempts),
        at: Some(letter.at),
        bytes: letter.body.len(),
    }
}

fn delivery(letter: &DeadLetter) -> Delivery {
    Delivery {
        queue: letter.queue.clone(),
        topic: letter.topic.clone(),
        message_id: Some(letter.message_id.to_string()),
        trace: None,
        body: letter.body.clone().into_bytes(),
        attempts: 0,
    }
}
