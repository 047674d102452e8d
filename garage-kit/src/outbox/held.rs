//! Topics whose messages the bus does not take although it is there: a queue of theirs is full, or nobody listens. What
//! could not leave waits in the store, and now and then one of it asks whether that is over, ever less often: so nothing
//! else is held up, and another queue of the same topic is not given the same again and again. A fresh message has its one
//! try in any case, since another queue may have room for it.

use std::{collections::HashMap, time::Duration};

use tokio::time::Instant;

use crate::{
    Failure,
    bus::{backoff::Backoff, journal::Journal},
    store::Message,
};

/// Pauses between two questions start below this and double,
const FIRST: Duration = Duration::from_secs(1);
/// up to this. A topic that flowed for so long begins anew.
const LONGEST: Duration = Duration::from_secs(60);

/// What is known of each topic that was ever held back.
#[derive(Default)]
pub(super) struct Held(HashMap<String, Topic>);

struct Topic {
    standing: Standing,
    pauses: Backoff,
    /// Nobody listens, as was last heard.
    unheard: bool,
    /// It is told once in a while, not once per message.
    journal: Journal,
}

enum Standing {
    /// What could not leave rests until then.
    Rests(Instant),
    /// One of it is on its way.
    Asks,
    /// All of it may leave, since then.
    Flows(Instant),
}

impl Held {
    /// Whether what could not leave once may try again now. When its pause is over, the first who comes may, alone, and
    /// must.
    pub(super) fn may_try(&mut self, topic: &str) -> bool {
        let Some(topic) = self.0.get_mut(topic) else { return true };
        match topic.standing {
            Standing::Flows(_) => true,
            Standing::Rests(until) if until <= Instant::now() => {
                topic.standing = Standing::Asks;
                true
            }
            Standing::Rests(_) | Standing::Asks => false,
        }
    }

    /// Whether messages of this topic are known not to leave.
    pub(super) fn holds(&self, topic: &str) -> bool {
        self.0.get(topic).is_some_and(|topic| !matches!(topic.standing, Standing::Flows(_)))
    }

    /// Whether nobody listens for it.
    pub(super) fn is_unheard(&self, topic: &str) -> bool {
        self.0.get(topic).is_some_and(|topic| topic.unheard)
    }

    /// A message has left. While a pause lasts, that only means that there was room for one.
    pub(super) fn has_left(&mut self, topic: &str) {
        if let Some(topic) = self.0.get_mut(topic)
            && matches!(topic.standing, Standing::Asks)
        {
            topic.standing = Standing::Flows(Instant::now());
            topic.unheard = false;
        }
    }

    /// The broker did not take a message.
    pub(super) fn refused(&mut self, message: &Message, failure: Option<&Failure>) {
        let topic = self.hold(&message.topic);
        topic.unheard = false;
        if topic.journal.may_complain() {
            let why = failure.map(ToString::to_string).unwrap_or_default();
            tracing::warn!(topic = message.topic, id = %message.id, correlation = %message.correlation, why,
                "this event cannot leave now, and others of its kind with it; they stay in the outbox");
        }
    }

    /// Nobody listens for a message.
    pub(super) fn nobody_heard(&mut self, message: &Message) {
        let topic = self.hold(&message.topic);
        topic.unheard = true;
        if topic.journal.may_complain() {
            tracing::warn!(topic = message.topic, id = %message.id, correlation = %message.correlation,
                "nobody listens for this event yet; it stays in the outbox");
        }
    }

    fn hold(&mut self, topic: &str) -> &mut Topic {
        let topic = self.0.entry(topic.to_owned()).or_insert_with(|| Topic {
            standing: Standing::Flows(Instant::now()),
            pauses: Backoff::new(FIRST, LONGEST),
            unheard: false,
            journal: Journal::default(),
        });
        match topic.standing {
            Standing::Rests(_) => return topic,
            Standing::Flows(since) if since.elapsed() > LONGEST => {
                topic.pauses = Backoff::new(FIRST, LONGEST)
            }
            Standing::Flows(_) | Standing::Asks => {}
        }
        topic.standing = Standing::Rests(Instant::now() + topic.pauses.next_pause());
        topic
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const TOPIC: &str = "order.made";

    /// Refuses whoever may try, for so long; returns how many did.
    async fn tries_in(held: &mut Held, time: Duration) -> usize {
        let (began, mut tries) = (Instant::now(), 0);
        while began.elapsed() < time {
            if held.may_try(TOPIC) {
                assert!(!held.may_try(TOPIC), "one asks for all");
                held.hold(TOPIC);
                tries += 1;
            }
            advance(Duration::from_millis(100)).await;
        }
        tries
    }

    #[tokio::test(start_paused = true)]
    async fn a_topic_that_is_held_back_asks_ever_less_often_but_at_least_once_a_minute() {
        let mut held = Held::default();
        held.hold(TOPIC);
        let soon = tries_in(&mut held, Duration::from_secs(10)).await;
        assert!((2..=8).contains(&soon), "{soon}");
        tries_in(&mut held, Duration::from_secs(120)).await;
        let later = tries_in(&mut held, Duration::from_secs(600)).await;
        assert!((9..=21).contains(&later), "{later}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_refused_meanwhile_does_not_put_the_question_off() {
        let mut held = Held::default();
        held.hold(TOPIC);
        for _ in 0..20 {
            advance(Duration::from_millis(50)).await;
            held.hold(TOPIC);
        }
        assert!(held.may_try(TOPIC));
    }

    #[tokio::test(start_paused = true)]
    async fn once_the_one_that_asked_has_left_all_may() {
        let mut held = Held::default();
        held.hold(TOPIC);
        held.has_left(TOPIC);
        assert!(held.holds(TOPIC), "there was room for one that did not ask");
        advance(FIRST).await;
        assert!(held.may_try(TOPIC) && !held.may_try(TOPIC));
        held.has_left(TOPIC);
        assert!(held.may_try(TOPIC) && held.may_try(TOPIC) && !held.holds(TOPIC));
    }

    /// A full queue whose consumer takes little has room for one again and again.
    #[tokio::test(start_paused = true)]
    async fn a_topic_that_is_held_back_again_and_again_rests_ever_longer() {
        let (mut held, mut began) = (Held::default(), Instant::now());
        held.hold(TOPIC);
        for _ in 0..10 {
            began = Instant::now();
            while !held.may_try(TOPIC) {
                advance(Duration::from_millis(100)).await;
            }
            held.has_left(TOPIC);
            held.hold(TOPIC);
        }
        assert!(began.elapsed() >= LONGEST / 2, "{:?}", began.elapsed());
    }

    #[test]
    fn another_topic_is_not_concerned() {
        let mut held = Held::default();
        assert!(held.may_try("order.paid") && held.may_try("order.paid"));
        assert!(!held.holds("order.paid") && !held.is_unheard("order.paid"));
    }
}
