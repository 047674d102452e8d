//! The real side: a service's two replicas over one store, each with an outbox, a shell and an ear of its own.

use std::{marker::PhantomData, sync::Arc, time::Duration};

use async_trait::async_trait;
use garage_events::{Deadlines, Event, Refusal, Transition};
use garage_kit::{
    Aggregate, Failure, Loaded,
    auth::Verifier,
    clock::Clock,
    http::Problem,
    store::{Change, Outcome, Store},
};
use garage_os_service::{customer::Customer, vehicle::Vehicle};
use garage_saga::{Foundation, Heard, Impossible, Listener, Parts, Running, Shell};
use serde_json::json;
use tokio::time::{Instant, sleep, timeout};

use super::{
    model::{Input, Side, moved},
    post::{Mail, Mood, Post, Sent},
};
use crate::{
    code::{CUSTOMER, ORDER, VEHICLE, start},
    garage::Scope,
};

/// By then an outbox is empty, or never will be.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is done to a replica in one go.
#[derive(Clone)]
pub(super) enum Act {
    /// One input that is no delivery.
    One(Box<Input>),
    /// Deliveries that come together.
    Batch(Vec<Sent>),
}

impl Act {
    pub(super) fn inputs(&self) -> Vec<Input> {
        match self {
            Self::One(input) => vec![(**input).clone()],
            Self::Batch(letters) => letters.iter().map(|sent| Input::Heard(sent.event.clone())).collect(),
        }
    }

    pub(super) fn describe(&self) -> String {
        match self {
            Self::One(input) => match input.as_ref() {
                Input::Did(name) => (*name).to_owned(),
                input @ (Input::Heard(_) | Input::Resends(_) | Input::Answered(..)) => format!("{input:?}"),
            },
            Self::Batch(letters) => {
                let types: Vec<_> = letters.iter().map(|sent| sent.event.event_type()).collect();
                format!("hears {}", types.join(", "))
            }
        }
    }
}

/// Reacts as the service does, with the ids and times of the exploration.
struct Hears<A>(PhantomData<A>, Scope);

#[async_trait]
impl<A: Side> Listener for Hears<A> {
    type Aggregate = A;
    type Knowledge = ();

    async fn look_up(&self, _: &[&Heard]) -> Result<(), Failure> {
        Ok(())
    }

    fn react(&self, (): &(), current: Option<A>, heard: &Heard) -> Result<Transition<A>, Impossible> {
        let event: Event = heard.envelope.event.clone();
        moved(current, &Input::Heard(event), self.1).ok_or_else(|| Impossible("of nothing".to_owned()))
    }

    fn committed(&self, _: &A) {}
}

struct Replica {
    post: Arc<Post>,
    shell: Shell,
    running: Running,
}

/// A service.
pub(super) struct Pair<A> {
    store: Arc<dyn Store>,
    mail: Arc<Mail>,
    pub(super) scope: Scope,
    replicas: Vec<Replica>,
    side: PhantomData<A>,
}

impl<A: Side> Pair<A> {
    pub(super) fn open(store: &Arc<dyn Store>, mail: &Arc<Mail>, scope: Scope) -> Self {
        let (store, mail) = (Arc::clone(store), Arc::clone(mail));
        let mut pair = Self { store, mail, scope, replicas: Vec::new(), side: PhantomData };
        pair.replicas = vec![pair.replica(), pair.replica()];
        pair
    }

    fn replica(&self) -> Replica {
        let (post, clock) = (Post::to(&self.mail), Clock::manual(start()));
        let verifier =
            Verifier::new(clock.clone()).secret(&"nobody calls over HTTP, so none is told".to_owned().into());
        let (store, bus) = (Arc::clone(&self.store), post.clone());
        let parts = Parts { store, bus, clock, verifier: verifier.unwrap() };
        let foundation = Foundation::lay(A::SERVICE, parts, Deadlines::default());
        foundation.hear(Arc::new(Hears::<A>(PhantomData, self.scope)));
        let shell = foundation.shell().clone();
        let (_, running) = foundation.open(Default::default());
        Replica { post, shell, running }
    }

    /// What a car's being taken in begins with.
    pub(super) async fn begin(&self, begun: Transition<A>) {
        let begun = |_: Option<A>, _| Ok(begun.clone());
        self.replicas[0].shell.decide::<A>(ORDER.0, None, begun).await.unwrap();
    }

    /// Does it at one of the replicas.
    pub(super) async fn act(&self, number: usize, act: &Act) {
        let replica = &self.replicas[number];
        let input = match act {
            Act::Batch(letters) => return replica.post.deliver(A::SERVICE, letters).await,
            Act::One(input) => input.as_ref(),
        };
        let refused = || Refusal::Unknown("way");
        let decide = |current: Option<A>, _| moved(current, input, self.scope).ok_or_else(refused);
        let decided = replica.shell.decide::<A>(ORDER.0, None, decide).await;
        assert!(decided.as_ref().err().is_none_or(is_refusal), "{:?}", decided.err());
    }

    /// As it is stored; and as the other replica's next decision will see it.
    pub(super) async fn stored(&self) -> Option<A> {
        let read = async |replica: &Replica| replica.shell.repository.load::<A>(ORDER.0).await.unwrap();
        let (one, other) = (read(&self.replicas[0]).await, read(&self.replicas[1]).await);
        assert!(one == other, "the replicas read differently");
        one.map(|Loaded { state, .. }| state)
    }

    /// Waits until everything that was told has left.
    pub(super) async fn flush(&self) {
        for replica in &self.replicas {
            replica.shell.repository.outbox().flush(PATIENCE).await;
        }
    }

    /// A replica's shell, for questions.
    pub(super) fn shell(&self) -> &Shell {
        &self.replicas[0].shell
    }

    /// The next batch that a replica publishes arrives, and its confirm does not.
    pub(super) fn lose_a_confirm(&self, number: usize) {
        self.replicas[number].post.is(Mood::LosesItsWord);
    }

    /// A replica does something and dies before anybody has heard of it; another one is started in its place.
    pub(super) async fn act_and_die(&mut self, number: usize, act: &Act) {
        self.replicas[number].post.is(Mood::Away);
        self.act(number, act).await;
        let next = self.replica();
        self.replicas.push(next);
        let dead = self.replicas.swap_remove(number);
        dead.close().await;
    }

    /// Waits until every outbox is empty, lets go, and takes everything off the store.
    pub(super) async fn end(self) {
        let ahead = start() + chrono::TimeDelta::days(1);
        let emptied = async {
            while !self.store.unsent(ahead, 1).await.unwrap().is_empty() {
                sleep(Duration::from_millis(5)).await;
            }
        };
        assert!(timeout(PATIENCE, emptied).await.is_ok(), "what has left is never marked");
        for replica in self.replicas {
            replica.close().await;
        }
        for record in self.store.load(A::KIND, &[ORDER.0]).await.unwrap() {
            let change = Change {
                kind: A::KIND,
                id: ORDER.0,
                expected: record.version,
                body: None,
                messages: Vec::new(),
            };
            assert_eq!(self.store.commit(&[change]).await.unwrap(), [Outcome::Committed]);
        }
    }
}

impl Replica {
    /// Without waiting for what cannot leave.
    async fn close(self) {
        self.shell.repository.outbox().clone().close().await;
        self.running.stop_by(Instant::now()).await;
    }
}

fn is_refusal(problem: &Problem) -> bool {
    problem.status().is_client_error()
}

/// Orders refer to a customer and a vehicle.
pub(super) async fn take_in_the_customer(store: &dyn Store) {
    let record = |kind, id, index| Change {
        kind,
        id,
        expected: 0,
        body: Some(json!({ "state": null, "index": index }).to_string()),
        messages: Vec::new(),
    };
    let customer = record(Customer::KIND, CUSTOMER.0, json!({}));
    let vehicle = record(Vehicle::KIND, VEHICLE.0, json!({ "customer_id": CUSTOMER }));
    for change in [customer, vehicle] {
        assert_eq!(store.commit(&[change]).await.unwrap(), [Outcome::Committed]);
    }
}
