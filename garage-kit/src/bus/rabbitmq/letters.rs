//! Dead letters on the broker. The service itself looks after them, on its own connection: an operator sees no other.
//! Looking takes letters one by one without acknowledging them, and gives back what was not settled; a replay goes
//! to the work queue itself, so no other service hears it again, and the letter is acknowledged only once its copy is
//! confirmed.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures::future::BoxFuture;
use lapin::{message::BasicGetMessage, options::BasicAckOptions};
use tokio::time::{Instant, timeout, timeout_at};
use uuid::Uuid;

use self::{
    desk::{Desk, depth},
    read::{letter, opened, replayed},
};
use super::{RabbitMq, link::Link, publish::publish_all};
use crate::{
    Failure,
    bus::{
        Topology,
        letters::{Ended, Fate, Filter, First, Found, Letter, LetterBox, MOST_LOOKED_AT, Opened, Place},
    },
};

mod desk;
mod read;

/// For one question, with the wait for its turn.
const PATIENCE: Duration = Duration::from_secs(25);

/// Letters that are acknowledged in a row. A broker's channel stashes what comes after 32 (its
/// `quorum_commands_soft_limit`) until those are through, and forgets the stash when it is closed: the letters would
/// rest again though they were acknowledged.
const ACKNOWLEDGED: usize = 16;

/// Where the letters of one work queue rest.
#[derive(Clone, Debug)]
struct Rest {
    /// The work queue.
    queue: String,
    /// The queue of its letters.
    dead_letters: String,
}

impl Topology {
    /// As the bindings of the dead-letter exchange say.
    fn rests(&self) -> Vec<Rest> {
        let bindings = self.definitions.bindings.iter();
        let ours = bindings.filter(|binding| binding.source == self.dead_letter_exchange);
        let rest =
            ours.map(|one| Rest { queue: one.routing_key.clone(), dead_letters: one.destination.clone() });
        rest.collect()
    }
}

#[async_trait]
impl LetterBox for RabbitMq {
    async fn resting(&self) -> Result<BTreeMap<String, u64>, Failure> {
        let link = self.shared.link()?;
        let counting = async {
            let mut resting = BTreeMap::new();
            for rest in self.shared.topology.rests() {
                let depth = depth(&link, &rest.dead_letters).await?;
                resting.extend((depth > 0).then_some((rest.queue, depth)));
            }
            Ok(resting)
        };
        timeout(PATIENCE, counting).await.unwrap_or_else(|_| Err(late()))
    }

    async fn letters(&self, filter: &Filter, after: Option<&Place>, limit: usize) -> Result<Found, Failure> {
        let (filter, after) = (filter.clone(), after.cloned());
        self.at_the_desk(move |desk, rests| {
            Box::pin(async move {
                let mut first = First::new(&filter, after.as_ref(), limit);
                for rest in meant(&rests, filter.queue.as_ref()) {
                    let pile = desk.pile(&rest.dead_letters).await?;
                    for _ in 0..MOST_LOOKED_AT {
                        let Some(message) = pile.next().await? else { break };
                        first.see(letter(&rest.queue, &message));
                    }
                    pile.put_back().await;
                }
                Ok(first.found())
            })
        })
        .await
    }

    async fn letter(&self, id: Uuid) -> Result<Option<Opened>, Failure> {
        self.at_the_desk(move |desk, rests| {
            Box::pin(async move {
                for rest in rests {
                    let pile = desk.pile(&rest.dead_letters).await?;
                    let found = take(&pile, &rest.queue, vec![id]).await?;
                    let opened = found.first().map(|(_, message)| opened(&rest.queue, message));
                    pile.put_back().await;
                    if opened.is_some() {
                        return Ok(opened);
                    }
                }
                Ok(None)
            })
        })
        .await
    }

    async fn settle(&self, letters: &[Letter], fate: Fate) -> Result<Vec<Ended>, Failure> {
        let wanted: Vec<(String, Uuid)> =
            letters.iter().map(|letter| (letter.queue.clone(), letter.id)).collect();
        let asked = wanted.clone();
        let mut ended = self
            .at_the_desk(move |desk, rests| {
                Box::pin(async move {
                    let mut ended = Vec::new();
                    for rest in rests {
                        let ids: Vec<Uuid> = wanted
                            .iter()
                            .filter(|(queue, _)| *queue == rest.queue)
                            .map(|(_, id)| *id)
                            .collect();
                        if !ids.is_empty() {
                            ended.extend(settle(&desk, &rest, ids, fate).await?);
                        }
                    }
                    Ok(ended)
                })
            })
            .await?;
        let mut take = |id: Uuid| {
            let position = ended.iter().position(|(one, _)| *one == id);
            position.map_or(Ended::Gone, |position| ended.swap_remove(position).1)
        };
        Ok(asked.into_iter().map(|(_, id)| take(id)).collect())
    }
}

impl RabbitMq {
    /// Does something with the letters, in a task of its own: a caller who loses patience must not leave letters in
    /// hand.
    async fn at_the_desk<T: Send + 'static>(
        &self,
        work: impl FnOnce(Arc<Desk>, Vec<Rest>) -> BoxFuture<'static, Result<T, Failure>> + Send + 'static,
    ) -> Result<T, Failure> {
        let (link, topology) = (self.shared.link()?, &self.shared.topology);
        let (service, rests) = (topology.service.clone(), topology.rests());
        let working = tokio::spawn(async move {
            let deadline = Instant::now() + PATIENCE;
            let desk = Arc::new(Desk::take(link, &service, deadline).await?);
            in_time(deadline, work(Arc::clone(&desk), rests), desk.leave()).await
        });
        let stopping = |_| Err(Failure::passing("looking after dead letters", "the program is stopping"));
        working.await.unwrap_or_else(stopping)
    }
}

/// Works, and leaves in any case: nobody else could come while this connection lasts.
async fn in_time<T>(
    deadline: Instant,
    work: impl Future<Output = Result<T, Failure>>,
    leave: impl Future<Output = ()>,
) -> Result<T, Failure> {
    let done = timeout_at(deadline, work).await.unwrap_or_else(|_| Err(late()));
    leave.await;
    done
}

fn late() -> Failure {
    Failure::passing("looking after dead letters", "the broker did not answer in time")
}

fn meant<'a>(rests: &'a [Rest], queue: Option<&'a String>) -> impl Iterator<Item = &'a Rest> {
    rests.iter().filter(move |rest| queue.is_none_or(|queue| *queue == rest.queue))
}

/// Takes the letters of these ids into our hands, as many copies as were named, and looks no further than it must.
async fn take(
    pile: &desk::Pile,
    queue: &str,
    mut ids: Vec<Uuid>,
) -> Result<Vec<(Uuid, BasicGetMessage)>, Failure> {
    let mut taken = Vec::new();
    for _ in 0..MOST_LOOKED_AT {
        if ids.is_empty() {
            break;
        }
        let Some(message) = pile.next().await? else { break };
        let id = letter(queue, &message).id;
        if let Some(position) = ids.iter().position(|one| *one == id) {
            ids.swap_remove(position);
            taken.push((id, message));
        }
    }
    Ok(taken)
}

async fn settle(desk: &Desk, rest: &Rest, ids: Vec<Uuid>, fate: Fate) -> Result<Vec<(Uuid, Ended)>, Failure> {
    let pile = desk.pile(&rest.dead_letters).await?;
    let taken = take(&pile, &rest.queue, ids).await?;
    let sent = match fate {
        Fate::Discard => Ok(()),
        Fate::Replay => send(&desk.link, &rest.queue, &taken).await,
    };
    let mut ended = Vec::with_capacity(taken.len());
    for group in taken.chunks(ACKNOWLEDGED) {
        for (id, message) in group {
            let end = match &sent {
                Ok(()) => acknowledge(message).await,
                Err(failure) => Ended::Failed(failure.to_string()),
            };
            ended.push((*id, end));
        }
        pile.noted().await?;
    }
    pile.put_back().await;
    Ok(ended)
}

async fn send(link: &Arc<Link>, queue: &str, taken: &[(Uuid, BasicGetMessage)]) -> Result<(), Failure> {
    if taken.is_empty() {
        return Ok(());
    }
    Ok(publish_all(link, taken.iter().map(|(_, message)| replayed(queue, message)).collect()).await?)
}

/// A letter whose acknowledgement is lost rests beside its copy, and is replayed again without harm.
async fn acknowledge(message: &BasicGetMessage) -> Ended {
    match message.acker.ack(BasicAckOptions::default()).await {
        Ok(true) => Ended::Done,
        Ok(false) => Ended::Failed("the connection was lost, so it may still rest".to_owned()),
        Err(cause) => Ended::Failed(format!("it may still rest: {cause}")),
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, future::pending};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_desk_is_left_also_by_whoever_has_no_more_time() {
        let (left, began) = (Cell::new(false), Instant::now());
        let done =
            in_time(began + PATIENCE, pending::<Result<(), Failure>>(), async { left.set(true) }).await;
        assert!(done.unwrap_err().to_string().contains("did not answer in time"));
        assert!(left.get() && began.elapsed() == PATIENCE);
    }

    #[tokio::test]
    async fn the_desk_is_left_also_by_whoever_has_failed() {
        let left = Cell::new(false);
        let failing = async { Err::<(), _>(Failure::passing("looking", "nothing is there")) };
        let done = in_time(Instant::now() + PATIENCE, failing, async { left.set(true) }).await;
        assert!(done.unwrap_err().to_string().contains("nothing is there") && left.get());
    }
}
