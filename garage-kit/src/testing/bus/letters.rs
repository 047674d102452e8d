//! What every letter box promises, as tests that run on each bus: [`crate::letters_suite`] makes them.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use uuid::Uuid;

use super::{Listener, World, bodies, done, message, numbered, publish, until};
use crate::bus::{
    Bus, Verdict,
    letters::{Ended, Fate, Filter, Letter},
};

/// Makes a test of every promise. Give it an expression that makes a fresh [`super::Place`].
#[macro_export]
macro_rules! letters_suite {
    ($place:expr) => {
        $crate::bus_suite! { $place;
            a_letter_is_found_again_by_its_id_and_shows_what_was_sent
            letters_are_found_by_queue_reason_and_conversation
            letters_come_page_by_page_the_oldest_first
            looking_at_letters_again_and_again_loses_none
            a_replayed_letter_goes_to_its_own_consumer_and_to_nobody_else
            a_letter_that_still_cannot_be_taken_rests_again
            a_discarded_letter_is_gone_and_the_others_stay
            every_other_one_of_two_hundred_letters_is_discarded_and_stays_gone
            a_letter_that_somebody_else_has_settled_is_said_to_be_gone
            two_people_who_replay_the_same_letters_at_once_lose_none
        }
    };
}

/// A consumer that sets everything aside until it is mended.
struct Patient {
    listener: Arc<Listener>,
    ill: Arc<AtomicBool>,
}

impl Patient {
    fn new() -> Self {
        let ill = Arc::new(AtomicBool::new(true));
        let state = Arc::clone(&ill);
        let reason = |body: &[u8]| format!("no order {}", String::from_utf8_lossy(body));
        let listener = Listener::answering(move |_, batch| match state.load(Ordering::SeqCst) {
            true => Ok(batch.iter().map(|delivery| Verdict::SetAside(reason(&delivery.body))).collect()),
            false => Ok(done(batch)),
        });
        Self { listener, ill }
    }

    fn mend(&self) {
        self.ill.store(false, Ordering::SeqCst);
    }
}

async fn all(bus: &dyn Bus) -> Vec<Letter> {
    found(bus, &Filter::default()).await
}

async fn found(bus: &dyn Bus, filter: &Filter) -> Vec<Letter> {
    bus.letters(filter, None, 200).await.expect("letters can be looked at").letters
}

/// Waits until so many rest.
async fn resting(bus: &dyn Bus, count: usize) -> Vec<Letter> {
    until("letters rest", async || Some(all(bus).await).filter(|letters| letters.len() == count)).await
}

async fn settled(bus: &dyn Bus, letters: &[Letter], fate: Fate) -> Vec<Ended> {
    bus.settle(letters, fate).await.expect("letters can be settled")
}

/// And at every look it is the same id.
pub async fn a_letter_is_found_again_by_its_id_and_shows_what_was_sent(world: World) {
    let bus = world.listen("shop", &[("orders", "order.made")], &Patient::new().listener).await;
    let order = message("order.made", r#"{"order":7}"#);
    publish(&*bus, std::slice::from_ref(&order)).await;

    let letter = resting(&*bus, 1).await.remove(0);
    assert_eq!(letter.queue, format!("{}-orders", world.prefix));
    assert_eq!(letter.topic.as_deref(), Some("order.made"));
    assert_eq!(letter.message_id, Some(order.id.to_string()));
    assert_eq!((letter.correlation, letter.bytes), (Some(order.correlation), order.body.len()));
    assert_eq!(letter.reason, r#"no order {"order":7}"#);
    assert!(letter.at.is_some());

    let opened = bus.letter(letter.id).await.expect("it can be looked at").expect("it rests");
    assert_eq!((opened.letter, opened.body), (letter.clone(), order.body.into_bytes()));
    assert_eq!(bus.letter(Uuid::nil()).await.expect("they can be looked at"), None);
    let counted = bus.resting().await.expect("they can be counted");
    assert_eq!(counted.into_iter().collect::<Vec<_>>(), [(letter.queue, 1)]);
    world.tidy(&[bus]).await;
}

/// Each alone, and together.
pub async fn letters_are_found_by_queue_reason_and_conversation(world: World) {
    let queues = [("orders", "order.made"), ("refunds", "order.paid-back")];
    let bus = world.listen("shop", &queues, &Patient::new().listener).await;
    let messages =
        [message("order.made", "one"), message("order.made", "two"), message("order.paid-back", "two")];
    publish(&*bus, &messages).await;
    resting(&*bus, 3).await;

    let orders = Some(format!("{}-orders", world.prefix));
    let reason = Some("ORDER two".to_owned());
    let correlation = Some(messages[0].correlation);
    let nobody = Some(Uuid::nil());
    for (filter, count) in [
        (Filter { queue: orders.clone(), ..Filter::default() }, 2),
        (Filter { reason: reason.clone(), ..Filter::default() }, 2),
        (Filter { correlation, ..Filter::default() }, 1),
        (Filter { correlation: nobody, ..Filter::default() }, 0),
        (Filter { queue: orders.clone(), reason, ..Filter::default() }, 1),
        (Filter { queue: Some("another".to_owned()), ..Filter::default() }, 0),
        (Filter { ids: Some(vec![Uuid::nil()]), queue: orders, ..Filter::default() }, 0),
    ] {
        assert_eq!(found(&*bus, &filter).await.len(), count, "{filter:?}");
    }
    world.tidy(&[bus]).await;
}

/// Without repeats and without gaps.
pub async fn letters_come_page_by_page_the_oldest_first(world: World) {
    let bus = world.listen("shop", &[("orders", "order.made")], &Patient::new().listener).await;
    publish(&*bus, &numbered("order.made", 25)).await;
    resting(&*bus, 25).await;
    let (mut letters, mut after) = (Vec::new(), None);
    loop {
        let page = bus.letters(&Filter::default(), after.as_ref(), 10).await.expect("they can be looked at");
        assert_eq!(page.matched, 25 - letters.len());
        after = page.letters.last().map(Letter::place);
        letters.extend(page.letters);
        if letters.len() >= 25 {
            break;
        }
    }
    let ids: HashSet<Uuid> = letters.iter().map(|letter| letter.id).collect();
    assert_eq!(ids.len(), 25);
    assert!(letters.is_sorted_by_key(Letter::place));
    world.tidy(&[bus]).await;
}

/// A broker may count a look as a failed delivery, and drops what fails too often.
pub async fn looking_at_letters_again_and_again_loses_none(world: World) {
    let bus = world.listen("shop", &[("orders", "order.made")], &Patient::new().listener).await;
    publish(&*bus, &numbered("order.made", 5)).await;
    let first = resting(&*bus, 5).await;
    for _ in 0..60 {
        assert_eq!(all(&*bus).await, first);
    }
    world.tidy(&[bus]).await;
}

/// The others have heard it already.
pub async fn a_replayed_letter_goes_to_its_own_consumer_and_to_nobody_else(world: World) {
    let (patient, other) = (Patient::new(), Listener::willing());
    let bus = world.listen("kitchen", &[("kitchen-orders", "order.made")], &patient.listener).await;
    let till = world.listen("till", &[("till-orders", "order.made")], &other).await;
    publish(&*bus, &numbered("order.made", 3)).await;
    let letters = resting(&*bus, 3).await;
    let before = patient.listener.took(3).await.len();

    patient.mend();
    assert_eq!(settled(&*bus, &letters, Fate::Replay).await, [Ended::Done, Ended::Done, Ended::Done]);
    let taken = patient.listener.took(before + 3).await;
    let mut again = bodies(&taken[before..]);
    again.sort();
    assert_eq!(again, ["0", "1", "2"]);
    assert!(taken.iter().all(|delivery| delivery.topic == "order.made"));
    assert_eq!(bodies(&other.took(3).await).len(), 3);
    resting(&*bus, 0).await;
    world.tidy(&[bus, till]).await;
}

/// With the new reason; nothing goes round in circles.
pub async fn a_letter_that_still_cannot_be_taken_rests_again(world: World) {
    let patient = Patient::new();
    let bus = world.listen("shop", &[("orders", "order.made")], &patient.listener).await;
    publish(&*bus, &numbered("order.made", 2)).await;
    let letters = resting(&*bus, 2).await;
    let ended = settled(&*bus, &letters[..1], Fate::Replay).await;
    assert!(matches!(ended[..], [Ended::Done | Ended::Failed(_)]), "{ended:?}");
    patient.listener.took(3).await;
    let again = resting(&*bus, 2).await;
    let ids = |letters: &[Letter]| letters.iter().map(|letter| letter.id).collect::<HashSet<_>>();
    assert_eq!(ids(&again), ids(&letters));
    world.tidy(&[bus]).await;
}

/// Only the one that was named.
pub async fn a_discarded_letter_is_gone_and_the_others_stay(world: World) {
    let patient = Patient::new();
    let bus = world.listen("shop", &[("orders", "order.made")], &patient.listener).await;
    publish(&*bus, &numbered("order.made", 5)).await;
    let mut letters = resting(&*bus, 5).await;
    let unwanted = letters.remove(2);
    assert_eq!(settled(&*bus, std::slice::from_ref(&unwanted), Fate::Discard).await, [Ended::Done]);
    assert_eq!(all(&*bus).await, letters);
    assert_eq!(patient.listener.took(5).await.len(), 5, "nobody heard it again");
    world.tidy(&[bus]).await;
}

/// A broker may note acknowledgements late, and forget those that it has not noted.
pub async fn every_other_one_of_two_hundred_letters_is_discarded_and_stays_gone(world: World) {
    let patient = Patient::new();
    let bus = world.listen("shop", &[("orders", "order.made")], &patient.listener).await;
    publish(&*bus, &numbered("order.made", 200)).await;
    let letters = resting(&*bus, 200).await;
    let (kept, unwanted): (Vec<_>, Vec<_>) =
        letters.into_iter().enumerate().partition(|(number, _)| number.is_multiple_of(2));
    let [kept, unwanted] =
        [kept, unwanted].map(|letters| letters.into_iter().map(|(_, letter)| letter).collect::<Vec<_>>());
    assert_eq!(settled(&*bus, &unwanted, Fate::Discard).await, vec![Ended::Done; 100]);
    assert_eq!(all(&*bus).await, kept);
    world.tidy(&[bus]).await;
}

/// Whether it was replayed or discarded.
pub async fn a_letter_that_somebody_else_has_settled_is_said_to_be_gone(world: World) {
    let patient = Patient::new();
    let bus = world.listen("shop", &[("orders", "order.made")], &patient.listener).await;
    publish(&*bus, &numbered("order.made", 2)).await;
    let letters = resting(&*bus, 2).await;
    patient.mend();
    assert_eq!(settled(&*bus, &letters[..1], Fate::Discard).await, [Ended::Done]);
    assert_eq!(settled(&*bus, &letters, Fate::Replay).await, [Ended::Gone, Ended::Done]);
    assert_eq!(settled(&*bus, &letters, Fate::Discard).await, [Ended::Gone, Ended::Gone]);
    world.tidy(&[bus]).await;
}

/// While others come in.
pub async fn two_people_who_replay_the_same_letters_at_once_lose_none(world: World) {
    let patient = Patient::new();
    let bus = world.listen("shop", &[("orders", "order.made")], &patient.listener).await;
    publish(&*bus, &numbered("order.made", 50)).await;
    let letters = resting(&*bus, 50).await;
    let before = patient.listener.took(50).await.len();
    patient.mend();
    let later: Vec<_> = (50..80).map(|number| message("order.made", number.to_string())).collect();
    let (one, two, ()) = tokio::join!(
        settled(&*bus, &letters, Fate::Replay),
        settled(&*bus, &letters, Fate::Replay),
        publish(&*bus, &later),
    );
    let done = one.iter().zip(&two).filter(|pair| *pair.0 == Ended::Done || *pair.1 == Ended::Done);
    assert_eq!(done.count(), 50, "{one:?} {two:?}");
    let taken = until("everything is heard", async || {
        let taken = patient.listener.took(before + 80).await;
        let distinct: HashSet<_> = bodies(&taken[before..]).into_iter().collect();
        (distinct.len() == 80).then_some(distinct)
    })
    .await;
    assert_eq!(taken.len(), 80);
    resting(&*bus, 0).await;
    world.tidy(&[bus]).await;
}
