//! Reading by id. Who asks while a read of the same kind is under way waits for the next one, which then reads for all
//! that wait (group reading): under load a database answers few large questions instead of many small ones, and whoever
//! is alone never waits. Nobody is given what was read before he asked.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;
use uuid::Uuid;

use crate::{
    Failure,
    store::{Kind, Record, Store},
};

type Read = Result<Vec<Record>, Failure>;

/// Somebody who waits.
struct Wanted {
    ids: Vec<Uuid>,
    answer: oneshot::Sender<Read>,
}

/// Who waits, by kind. A kind is here while a read of it is under way.
type Waiting = HashMap<&'static str, Vec<Wanted>>;

/// Reads of one store. Copies share them.
#[derive(Clone)]
pub(crate) struct Loads {
    store: Arc<dyn Store>,
    waiting: Arc<Mutex<Waiting>>,
}

impl Loads {
    /// Reads of `store`.
    pub(crate) fn of(store: Arc<dyn Store>) -> Self {
        Self { store, waiting: Arc::default() }
    }

    /// The records that exist among `ids`, in no order.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub(crate) async fn load(&self, kind: &'static Kind, ids: &[Uuid]) -> Read {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let (answer, read) = oneshot::channel();
        if self.join(kind, Wanted { ids: ids.to_vec(), answer }) {
            // Apart from whoever asked first, who may lose patience before the others.
            tokio::spawn(self.clone().read_for_all(kind));
        }
        read.await.unwrap_or_else(|_| Err(Failure::passing("loading records", "the program is stopping")))
    }

    /// Whether nobody reads this kind now.
    fn join(&self, kind: &'static Kind, wanted: Wanted) -> bool {
        let mut waiting = self.waiting();
        let is_first = !waiting.contains_key(kind.name);
        waiting.entry(kind.name).or_default().push(wanted);
        is_first
    }

    async fn read_for_all(self, kind: &'static Kind) {
        while let Some(all) = self.next(kind) {
            let ids: HashSet<Uuid> = all.iter().flat_map(|wanted| wanted.ids.iter().copied()).collect();
            let ids: Vec<Uuid> = ids.into_iter().collect();
            match self.store.load(kind, &ids).await {
                Ok(records) => share(all, records),
                Err(failure) => all.into_iter().for_each(|one| drop(one.answer.send(Err(failure.again())))),
            }
        }
    }

    /// Everybody who waits; when that is nobody, the kind is free.
    fn next(&self, kind: &'static Kind) -> Option<Vec<Wanted>> {
        let mut waiting = self.waiting();
        let all = std::mem::take(waiting.get_mut(kind.name)?);
        if all.is_empty() {
            waiting.remove(kind.name);
            return None;
        }
        Some(all)
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// To each what he asked for.
fn share(all: Vec<Wanted>, records: Vec<Record>) {
    let records: HashMap<Uuid, Record> = records.into_iter().map(|record| (record.id, record)).collect();
    for Wanted { ids, answer } in all {
        let _ = answer.send(Ok(ids.iter().filter_map(|id| records.get(id).cloned()).collect()));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    };

    use async_trait::async_trait;
    use chrono::{DateTime, Utc};
    use futures::future::{join, join_all};
    use tokio::sync::Semaphore;
    use uuid::Uuid;

    use super::Loads;
    use crate::{
        Failure,
        store::{Change, Kind, Message, Outcome, Query, Record, Store},
    };

    static NOTES: Kind = Kind { name: "notes", fields: &[] };

    /// Reads when the test lets it; a record's version is the number of writes so far.
    #[derive(Default)]
    struct Slow {
        asked: Mutex<Vec<Vec<Uuid>>>,
        writes: AtomicU64,
        let_go: Option<Semaphore>,
        is_broken: bool,
    }

    #[async_trait]
    impl Store for Slow {
        async fn load(&self, _: &'static Kind, ids: &[Uuid]) -> Result<Vec<Record>, Failure> {
            let mut asked = ids.to_vec();
            asked.sort_unstable();
            self.asked.lock().unwrap().push(asked);
            let version = self.writes.load(Ordering::SeqCst);
            if let Some(let_go) = &self.let_go {
                let_go.acquire().await.unwrap().forget();
            }
            if self.is_broken {
                return Err(Failure::passing("loading", "the disk is wet"));
            }
            Ok(ids.iter().map(|id| Record { id: *id, version, body: String::new() }).collect())
        }

        async fn find(&self, _: &'static Kind, _: &Query) -> Result<Vec<Record>, Failure> {
            Ok(Vec::new())
        }

        async fn count(&self, _: &'static Kind, _: &Query) -> Result<u64, Failure> {
            Ok(0)
        }

        async fn commit(&self, _: &[Change]) -> Result<Vec<Outcome>, Failure> {
            Ok(Vec::new())
        }

        async fn unsent(&self, _: DateTime<Utc>, _: u32) -> Result<Vec<Message>, Failure> {
            Ok(Vec::new())
        }

        async fn sent(&self, _: &[Message]) -> Result<(), Failure> {
            Ok(())
        }

        async fn ping(&self) -> Result<(), Failure> {
            Ok(())
        }
    }

    fn slow() -> (Arc<Slow>, Loads) {
        let store = Arc::new(Slow { let_go: Some(Semaphore::new(0)), ..Slow::default() });
        (Arc::clone(&store), Loads::of(store))
    }

    async fn asked(store: &Slow, times: usize) {
        while store.asked.lock().unwrap().len() < times {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn whoever_asks_during_a_read_is_in_the_next_one_with_all_others() {
        let (store, loads) = slow();
        let [a, b, c] = [1, 2, 3].map(Uuid::from_u128);
        let all = join_all([vec![a], vec![c, a], vec![b, c]].map(|ids| {
            let (store, loads) = (Arc::clone(&store), loads.clone());
            async move {
                if ids != [a] {
                    asked(&store, 1).await;
                }
                loads.load(&NOTES, &ids).await.unwrap().iter().map(|record| record.id).collect::<Vec<_>>()
            }
        }));
        let gate = async {
            asked(&store, 1).await;
            tokio::task::yield_now().await;
            store.let_go.as_ref().unwrap().add_permits(2);
        };
        let (answers, ()) = join(all, gate).await;
        assert_eq!(answers, [vec![a], vec![c, a], vec![b, c]]);
        assert_eq!(*store.asked.lock().unwrap(), [vec![a], vec![a, b, c]]);
    }

    #[tokio::test]
    async fn nobody_is_given_what_was_read_before_he_asked() {
        let (store, loads) = slow();
        let id = Uuid::from_u128(1);
        let later = async {
            asked(&store, 1).await;
            store.writes.store(7, Ordering::SeqCst);
            store.let_go.as_ref().unwrap().add_permits(2);
            loads.load(&NOTES, &[id]).await.unwrap()[0].version
        };
        let (first, later) = join(loads.load(&NOTES, &[id]), later).await;
        assert_eq!((first.unwrap()[0].version, later), (0, 7));
    }

    #[tokio::test]
    async fn a_failure_is_told_to_everybody_and_the_next_read_is_another() {
        let store = Arc::new(Slow { is_broken: true, ..Slow::default() });
        let loads = Loads::of(store.clone());
        let ids = [Uuid::from_u128(1)];
        let mut reads = join_all([1, 2].map(|_| loads.load(&NOTES, &ids))).await;
        reads.push(loads.load(&NOTES, &ids).await);
        for read in reads {
            let failure = read.unwrap_err();
            assert!(failure.is_passing() && failure.to_string() == "loading: the disk is wet", "{failure}");
        }
        assert!(store.asked.lock().unwrap().len() >= 2);
    }

    #[tokio::test]
    async fn a_caller_who_loses_patience_takes_nobody_along() {
        let (store, loads) = slow();
        let id = Uuid::from_u128(1);
        let impatient = tokio::spawn({
            let loads = loads.clone();
            async move { loads.load(&NOTES, &[id]).await }
        });
        asked(&store, 1).await;
        impatient.abort();
        store.let_go.as_ref().unwrap().add_permits(2);
        assert_eq!(loads.load(&NOTES, &[id]).await.unwrap().len(), 1);
    }
}
