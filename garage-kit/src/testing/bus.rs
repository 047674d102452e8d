//! What every bus promises, as tests that run on each of them. One function per promise, named after it;
//! [`crate::bus_suite`] makes the tests. What only a broker can do is tested beside the broker's bus.

#![expect(clippy::expect_used, clippy::panic, reason = "a suite fails by panicking")]

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use futures::future::join_all;
use uuid::Uuid;

use crate::{
    Failure,
    bus::{Bus, Delivery, Verdict, backoff::Backoff},
    clock::Clock,
    store::Message,
};

mod letters;
mod listener;
mod world;

pub use self::{
    letters::*,
    listener::{Listener, done},
    world::{ATTEMPTS, Place, World, topology, until, within},
};

/// Makes a test of every promise. Give it an expression that makes a fresh [`Place`].
#[macro_export]
macro_rules! bus_suite {
    ($place:expr) => {
        $crate::bus_suite! { $place;
            what_is_published_reaches_every_queue_that_is_bound_to_it
            two_services_with_queues_for_one_topic_both_hear_it
            what_nobody_hears_is_confirmed_unless_somebody_must
            exactly_the_unroutable_ones_of_two_hundred_are_named
            batches_that_are_published_at_once_are_not_mixed_up
            a_consumer_whose_database_is_away_gets_its_batch_again
            a_message_that_was_set_aside_rests_with_its_reason_and_later_ones_flow
            a_message_set_aside_twice_in_one_batch_does_not_hold_up_the_others
            a_slow_consumer_sees_bounded_batches_and_misses_nothing
            a_thousand_messages_keep_their_order_in_each_queue
            a_bus_that_is_closed_finishes_what_is_at_hand
            a_consumer_that_panics_once_loses_nothing
            a_message_over_which_the_consumer_always_panics_is_set_aside
            a_message_over_which_the_consumer_lastingly_fails_is_set_aside
            a_consumer_that_miscounts_its_verdicts_gets_the_batch_again
            a_failing_handler_is_given_a_message_exactly_so_often
            what_fails_and_then_succeeds_is_done_and_has_kept_its_topic
            what_fails_does_not_hold_up_what_comes_behind
            an_outage_of_our_database_uses_up_no_attempt
            a_service_that_takes_no_more_still_publishes
        }
    };
    ($place:expr; $($promise:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $promise() {
                $crate::testing::bus::$promise($crate::testing::bus::World::new($place)).await;
            }
        )*
    };
}

/// A message with a body.
#[must_use]
pub fn message(topic: &str, body: impl Into<String>) -> Message {
    let clock = Clock::system();
    Message {
        id: clock.event_id(),
        kind: "tests".to_owned(),
        aggregate: clock.id(),
        topic: topic.to_owned(),
        correlation: clock.id(),
        causation: Some(clock.event_id()),
        trace: None,
        source: "a-test".to_owned(),
        version: 1,
        at: clock.now(),
        mandatory: true,
        body: body.into(),
    }
}

/// Messages whose bodies are their numbers.
#[must_use]
pub fn numbered(topic: &str, count: usize) -> Vec<Message> {
    (0..count).map(|number| message(topic, number.to_string())).collect()
}

/// Publishes as an outbox does: what is not confirmed is published again, until all is.
pub async fn publish(bus: &dyn Bus, messages: &[Message]) {
    let (mut waiting, mut backoff) = (messages.to_vec(), Backoff::default());
    let publishing = async {
        while !waiting.is_empty() {
            let confirmed: HashSet<Uuid> = bus.publish(&waiting).await.confirmed.into_iter().collect();
            waiting.retain(|message| !confirmed.contains(&message.id));
            if !waiting.is_empty() {
                backoff.pause().await;
            }
        }
    };
    within("everything is confirmed", publishing).await;
}

fn set_aside_poison(batch: &[Delivery]) -> Vec<Verdict> {
    let verdict = |delivery: &Delivery| match delivery.body.as_slice() {
        b"poison" => Verdict::SetAside("it is poison".to_owned()),
        _ => Verdict::Done,
    };
    batch.iter().map(verdict).collect()
}

fn panic_over_poison(batch: &[Delivery]) -> Result<Vec<Verdict>, Failure> {
    assert!(batch.iter().all(|delivery| delivery.body != b"poison"), "poison");
    Ok(done(batch))
}

fn bodies(deliveries: &[Delivery]) -> Vec<String> {
    deliveries.iter().map(|delivery| String::from_utf8_lossy(&delivery.body).into_owned()).collect()
}

fn distinct(deliveries: &[Delivery]) -> HashSet<String> {
    bodies(deliveries).into_iter().collect()
}

fn numbers(count: usize) -> HashSet<String> {
    (0..count).map(|number| number.to_string()).collect()
}

fn ids<'a>(messages: impl IntoIterator<Item = &'a Message>) -> HashSet<Uuid> {
    messages.into_iter().map(|message| message.id).collect()
}

/// Each copy says which queue it came from, and carries id, topic and body.
pub async fn what_is_published_reaches_every_queue_that_is_bound_to_it(world: World) {
    let listener = Listener::willing();
    let bus = world
        .listen("shop", &[("exact", "order.made"), ("wide", "order.*"), ("other", "order.lost")], &listener)
        .await;
    let message = message("order.made", "an order");
    let published = bus.publish(std::slice::from_ref(&message)).await;
    assert_eq!(published.confirmed, [message.id], "{published:?}");

    let mut deliveries = listener.took(2).await;
    deliveries.sort_by(|one, other| one.queue.cmp(&other.queue));
    for (delivery, queue) in deliveries.iter().zip(["exact", "wide"]) {
        assert_eq!(delivery.queue, format!("{}-{queue}", world.prefix));
        assert_eq!(delivery.topic, "order.made");
        assert_eq!(delivery.message_id, Some(message.id.to_string()));
        assert_eq!(delivery.body, b"an order");
    }
    world.tidy(&[bus]).await;
}

/// One copy for each.
pub async fn two_services_with_queues_for_one_topic_both_hear_it(world: World) {
    let (kitchen, till) = (Listener::willing(), Listener::willing());
    let first = world.listen("kitchen", &[("kitchen-orders", "order.made")], &kitchen).await;
    let second = world.listen("till", &[("till-orders", "order.made")], &till).await;
    publish(&*first, &numbered("order.made", 3)).await;
    assert_eq!(bodies(&kitchen.took(3).await), ["0", "1", "2"]);
    assert_eq!(bodies(&till.took(3).await), ["0", "1", "2"]);
    world.tidy(&[first, second]).await;
}

/// A mandatory one stays with its publisher.
pub async fn what_nobody_hears_is_confirmed_unless_somebody_must(world: World) {
    let bus = world.publisher().await;
    let audit = Message { mandatory: false, ..message("nobody.listens", "audit") };
    let order = message("nobody.listens", "order");
    let published = bus.publish(&[audit.clone(), order.clone()]).await;
    assert_eq!((published.confirmed, published.unroutable), (vec![audit.id], vec![order.id]));
    assert!(published.failure.is_none(), "{:?}", published.failure);
    world.tidy(&[bus]).await;
}

/// One in five leads nowhere; the others are safe.
pub async fn exactly_the_unroutable_ones_of_two_hundred_are_named(world: World) {
    let listener = Listener::willing();
    let bus = world.listen("shop", &[("orders", "order.made")], &listener).await;
    let messages = one_in_five_lost(200);
    let published = bus.publish(&messages).await;
    assert_named(&messages, published.confirmed, published.unroutable);
    assert!(published.failure.is_none(), "{:?}", published.failure);
    assert_eq!(listener.took(160).await.len(), 160);
    world.tidy(&[bus]).await;
}

/// Five publishers share one member.
pub async fn batches_that_are_published_at_once_are_not_mixed_up(world: World) {
    let listener = Listener::willing();
    let bus = world.listen("shop", &[("orders", "order.made")], &listener).await;
    let batches: Vec<_> = (0..5).map(|_| one_in_five_lost(100)).collect();
    let published = join_all(batches.iter().map(|batch| bus.publish(batch))).await;
    for (batch, published) in batches.iter().zip(published) {
        assert_named(batch, published.confirmed, published.unroutable);
    }
    world.tidy(&[bus]).await;
}

fn one_in_five_lost(count: usize) -> Vec<Message> {
    let topic = |number: usize| if number.is_multiple_of(5) { "nobody.listens" } else { "order.made" };
    (0..count).map(|number| message(topic(number), number.to_string())).collect()
}

fn assert_named(messages: &[Message], confirmed: Vec<Uuid>, unroutable: Vec<Uuid>) {
    let (lost, heard): (Vec<_>, Vec<_>) =
        messages.iter().partition(|message| message.topic == "nobody.listens");
    assert_eq!(confirmed.into_iter().collect::<HashSet<_>>(), ids(heard));
    assert_eq!(unroutable.into_iter().collect::<HashSet<_>>(), ids(lost));
}

/// Nothing is lost, and nothing is taken for done.
pub async fn a_consumer_whose_database_is_away_gets_its_batch_again(world: World) {
    let listener = Listener::answering(|call, batch| match call {
        1..=3 => Err(Failure::passing("committing", "the database is away")),
        _ => Ok(done(batch)),
    });
    let bus = world.listen("shop", &[("orders", "order.made")], &listener).await;
    publish(&*bus, &numbered("order.made", 10)).await;
    listener.asked(4).await;
    assert_eq!(distinct(&listener.took(10).await), numbers(10));
    world.tidy(&[bus]).await;
}

/// It is not lost, and it is not in the way.
pub async fn a_message_that_was_set_aside_rests_with_its_reason_and_later_ones_flow(world: World) {
    let listener = Listener::answering(|_, batch| Ok(set_aside_poison(batch)));
    let bus = world.listen("shop", &[("orders", "order.made")], &listener).await;
    let messages =
        [message("order.made", "before"), message("order.made", "poison"), message("order.made", "after")];
    publish(&*bus, &messages).await;
    publish(&*bus, &[message("order.made", "later")]).await;
    assert_eq!(bodies(&listener.took(4).await), ["before", "poison", "after", "later"]);
    assert_eq!(world.resting("orders", 1).await, [("poison".to_owned(), "it is poison".to_owned())]);
    world.tidy(&[bus]).await;
}

/// As when a publish was repeated before its first confirm was seen.
pub async fn a_message_set_aside_twice_in_one_batch_does_not_hold_up_the_others(world: World) {
    let listener = Listener::answering(|_, batch| Ok(set_aside_poison(batch)));
    let bus = world.listen("shop", &[("orders", "order.made")], &listener).await;
    let poison = message("order.made", "poison");
    publish(&*bus, &[poison.clone(), poison.clone(), message("order.made", "after")]).await;
    assert_eq!(listener.took(3).await.len(), 3);
    let resting = world.resting("orders", 1).await;
    assert!(resting.iter().all(|(body, _)| body == "poison"), "{resting:?}");
    world.tidy(&[bus]).await;
}

/// At most 256 at a time.
pub async fn a_slow_consumer_sees_bounded_batches_and_misses_nothing(world: World) {
    let listener = Listener::waiting();
    let queues: Vec<_> =
        (0..6).map(|number| (format!("orders-{number}"), format!("order.{number}"))).collect();
    let queues: Vec<_> = queues.iter().map(|(queue, key)| (queue.as_str(), key.as_str())).collect();
    let bus = world.listen("shop", &queues, &listener).await;
    let messages: Vec<_> =
        (0..1200).map(|number| message(&format!("order.{}", number % 6), number.to_string())).collect();
    let open = async {
        listener.asked(1).await;
        listener.open();
    };
    tokio::join!(publish(&*bus, &messages), open);
    assert_eq!(distinct(&listener.took(1200).await), numbers(1200));
    assert!(listener.batches().into_iter().all(|size| size <= 256), "{:?}", listener.batches());
    world.tidy(&[bus]).await;
}

/// The queue is the unit of order.
pub async fn a_thousand_messages_keep_their_order_in_each_queue(world: World) {
    let listener = Listener::willing();
    let bus = world.listen("shop", &[("even", "order.even"), ("odd", "order.odd")], &listener).await;
    let topic = |number: usize| if number.is_multiple_of(2) { "order.even" } else { "order.odd" };
    let messages: Vec<_> = (0..1000).map(|number| message(topic(number), number.to_string())).collect();
    let published = bus.publish(&messages).await;
    assert_eq!(published.confirmed.len(), 1000, "{:?}", published.failure);

    let taken = listener.took(1000).await;
    for (queue, first) in [("even", 0), ("odd", 1)] {
        let name = format!("{}-{queue}", world.prefix);
        let of_queue: Vec<_> = taken.iter().filter(|delivery| delivery.queue == name).cloned().collect();
        let expected: Vec<_> = (first..1000).step_by(2).map(|number| number.to_string()).collect();
        assert_eq!(bodies(&of_queue), expected);
    }
    world.tidy(&[bus]).await;
}

/// What was being consumed is done, and does not come again.
pub async fn a_bus_that_is_closed_finishes_what_is_at_hand(world: World) {
    let (first, next) = (Listener::waiting(), Listener::willing());
    let publisher = world.publisher().await;
    let bus = world.listen("shop", &[("orders", "order.made")], &first).await;
    let messages = numbered("order.made", 20);
    let open = async {
        first.asked(1).await;
        let mut closing = bus.close();
        assert!(futures::poll!(&mut closing).is_pending(), "a batch is at hand");
        first.open();
        within("the bus closes", closing).await;
    };
    tokio::join!(publish(&*publisher, &messages[..1]), open);
    assert!(bus.ready().is_err());
    let done = first.took(1).await.len();

    let again = world.listen("shop", &[("orders", "order.made")], &next).await;
    publish(&*publisher, &messages[1..]).await;
    let expected: Vec<_> = (done..20).map(|number| number.to_string()).collect();
    assert_eq!(bodies(&next.took(expected.len()).await), expected);
    world.tidy(&[publisher, again]).await;
}

/// The batch comes again.
pub async fn a_consumer_that_panics_once_loses_nothing(world: World) {
    let listener = Listener::answering(|call, batch| {
        assert!(call > 1, "the first call fails");
        Ok(done(batch))
    });
    let bus = world.listen("shop", &[("orders", "order.made")], &listener).await;
    publish(&*bus, &numbered("order.made", 10)).await;
    assert_eq!(distinct(&listener.took(10).await), numbers(10));
    assert!(bus.ready().is_ok());
    world.tidy(&[bus]).await;
}

/// The others must not wait for it for ever.
pub async fn a_message_over_which_the_consumer_always_panics_is_set_aside(world: World) {
    let listener = Listener::answering(|_, batch| panic_over_poison(batch));
    let bus = world.listen("shop", &[("orders", "order.made")], &listener).await;
    let messages = [message("order.made", "0"), message("order.made", "poison"), message("order.made", "1")];
    publish(&*bus, &messages).await;
    let resting = world.resting("orders", 1).await;
    assert_eq!(resting, [("poison".to_owned(), "the consumer panicked: poison".to_owned())]);
    assert_eq!(distinct(&listener.took(2).await), numbers(2));
    world.tidy(&[bus]).await;
}

/// A record that no longer reads, say: the others of its batch, and all that come after, must not wait for it.
pub async fn a_message_over_which_the_consumer_lastingly_fails_is_set_aside(world: World) {
    let listener =
        Listener::answering(|_, batch| match batch.iter().any(|delivery| delivery.body == b"poison") {
            true => Err(Failure::lasting("reading a record", "it makes no sense")),
            false => Ok(done(batch)),
        });
    let bus = world.listen("shop", &[("orders", "order.made")], &listener).await;
    let messages = [message("order.made", "0"), message("order.made", "poison"), message("order.made", "1")];
    publish(&*bus, &messages).await;
    let resting = world.resting("orders", 1).await;
    assert_eq!(resting, [("poison".to_owned(), "reading a record: it makes no sense".to_owned())]);
    assert_eq!(distinct(&listener.took(2).await), numbers(2));
    world.tidy(&[bus]).await;
}

/// Whose verdict is whose is not known then.
pub async fn a_consumer_that_miscounts_its_verdicts_gets_the_batch_again(world: World) {
    let listener = Listener::answering(|call, batch| Ok(if call == 1 { Vec::new() } else { done(batch) }));
    let bus = world.listen("shop", &[("orders", "order.made")], &listener).await;
    publish(&*bus, &numbered("order.made", 10)).await;
    assert_eq!(distinct(&listener.took(10).await), numbers(10));
    world.tidy(&[bus]).await;
}

/// Not once more, not once less, whether it first came in company or alone.
pub async fn a_failing_handler_is_given_a_message_exactly_so_often(world: World) {
    let times = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&times);
    let listener = Listener::answering(move |_, batch| {
        let poison = batch.iter().any(|delivery| delivery.body == b"poison");
        count.fetch_add(u32::from(poison), Ordering::Relaxed);
        panic_over_poison(batch)
    });
    let bus = world.listen("shop", &[("orders", "order.made")], &listener).await;
    publish(&*bus, &[message("order.made", "poison")]).await;
    assert_eq!(world.resting("orders", 1).await.len(), 1);
    assert_eq!(times.swap(0, Ordering::Relaxed), ATTEMPTS);

    publish(
        &*bus,
        &[message("order.made", "0"), message("order.made", "poison"), message("order.made", "1")],
    )
    .await;
    assert_eq!(world.resting("orders", 2).await.len(), 2);
    assert_eq!(times.load(Ordering::Relaxed), ATTEMPTS);
    world.tidy(&[bus]).await;
}

/// It comes again as what it was.
pub async fn what_fails_and_then_succeeds_is_done_and_has_kept_its_topic(world: World) {
    let listener = Listener::answering(|_, batch| match batch.iter().any(|delivery| delivery.attempts < 2) {
        true => Err(Failure::lasting("reading a record", "it makes no sense yet")),
        false => Ok(done(batch)),
    });
    let bus = world.listen("shop", &[("orders", "order.*")], &listener).await;
    let order = message("order.made", "an order");
    publish(&*bus, std::slice::from_ref(&order)).await;
    let taken = listener.took(1).await.remove(0);
    assert_eq!((taken.topic.as_str(), taken.attempts), ("order.made", 2));
    assert_eq!(
        (taken.message_id, taken.body.as_slice()),
        (Some(order.id.to_string()), b"an order".as_slice())
    );
    world.tidy(&[bus]).await;
}

/// Its publisher is done with it, and the others flow, although it will not come again today.
pub async fn what_fails_does_not_hold_up_what_comes_behind(world: World) {
    let listener = Listener::answering(|_, batch| panic_over_poison(batch));
    let mut topology = world.topology("shop", &[("orders", "order.made")]);
    topology.retries.delays = vec![Duration::from_secs(86_400)];
    let bus = world.listen_as(topology, &listener).await;
    let mut messages = numbered("order.made", 20);
    messages.insert(5, message("order.made", "poison"));
    publish(&*bus, &messages).await;
    publish(&*bus, &[message("order.made", "20")]).await;
    assert_eq!(distinct(&listener.took(21).await), numbers(21));
    world.tidy(&[bus]).await;
}

/// However long it lasts.
pub async fn an_outage_of_our_database_uses_up_no_attempt(world: World) {
    let outage = usize::try_from(ATTEMPTS + 1).expect("a small number");
    let listener = Listener::answering(move |call, batch| match call <= outage {
        true => Err(Failure::passing("committing", "the database is away")),
        false => Ok(done(batch)),
    });
    let bus = world.listen("shop", &[("orders", "order.made")], &listener).await;
    publish(&*bus, &numbered("order.made", 10)).await;
    let taken = listener.took(10).await;
    assert_eq!(distinct(&taken), numbers(10));
    assert!(taken.iter().all(|delivery| delivery.attempts == 0), "{taken:?}");
    world.tidy(&[bus]).await;
}

/// What its last deliveries told must get out.
pub async fn a_service_that_takes_no_more_still_publishes(world: World) {
    let (kitchen, till) = (Listener::willing(), Listener::willing());
    let first = world.listen("kitchen", &[("kitchen-orders", "order.made")], &kitchen).await;
    let second = world.listen("till", &[("till-orders", "order.paid")], &till).await;
    within("the kitchen drains", first.drain()).await;
    assert!(first.ready().is_err());
    publish(&*first, &numbered("order.paid", 3)).await;
    assert_eq!(bodies(&till.took(3).await), ["0", "1", "2"]);
    world.tidy(&[first, second]).await;
}
