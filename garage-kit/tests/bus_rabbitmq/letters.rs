//! Dead letters on a real broker: what others, the broker itself and replicas do with them.

#![expect(clippy::unwrap_used, reason = "a test whose broker fails must stop")]

use garage_kit::{
    bus::{
        Bus, Verdict,
        letters::{Ended, Fate, Filter, Letter},
    },
    testing::bus::{Listener, numbered, publish, until},
};
use serde_json::json;

use super::Shop;

async fn letters(bus: &dyn Bus) -> Vec<Letter> {
    bus.letters(&Filter::default(), None, 200).await.unwrap().letters
}

#[tokio::test]
async fn what_was_put_there_by_hand_is_a_letter_too_and_can_be_replayed() {
    let (shop, listener) = (Shop::new(), Listener::willing());
    let bus = shop.listen(&listener).await;
    let dead_letters = format!("{}.dlq", shop.queue);
    shop.broker.put(&dead_letters, json!({}), "/wAB", "base64").await;
    let properties = json!({ "type": "order.made", "message_id": "seven",
        "headers": { "x-garage-reason": "no such order", "x-garage-attempt": 5, "CC": [dead_letters] } });
    shop.broker.put(&shop.queue, json!({}), "first", "string").await;
    listener.took(1).await;
    shop.broker.put(&dead_letters, properties, "again", "string").await;
    let resting =
        until("all rest", async || Some(letters(&*bus).await).filter(|resting| resting.len() == 2)).await;

    let reasons: Vec<_> = resting.iter().map(|letter| (letter.reason.as_str(), letter.attempts)).collect();
    assert!(reasons.contains(&("no such order", Some(5))), "{reasons:?}");
    assert!(reasons.contains(&("it does not say why: it was put here by hand", None)), "{reasons:?}");
    let ended = bus.settle(&resting, Fate::Replay).await.unwrap();
    assert_eq!(ended, [Ended::Done, Ended::Done]);
    let taken = listener.took(3).await;
    let again = taken.iter().filter(|delivery| delivery.body == b"again");
    assert_eq!(again.map(|delivery| delivery.topic.as_str()).collect::<Vec<_>>(), ["order.made"]);
    assert!(taken.iter().any(|delivery| delivery.body == [0xFF, 0, 1]));
    // Had its `CC` gone along, a copy would rest again.
    until("nothing rests", async || letters(&*bus).await.is_empty().then_some(())).await;
    shop.world.tidy(&[bus]).await;
}

#[tokio::test]
async fn a_queue_of_letters_that_was_deleted_costs_no_connection() {
    let (shop, listener) = (Shop::new(), Listener::willing());
    let bus = shop.listen(&listener).await;
    let before =
        until("the broker lists the connection", async || shop.broker.connections(&shop.name).await.pop())
            .await;
    shop.broker.delete_queue(&format!("{}.dlq", shop.queue)).await;
    assert_eq!(letters(&*bus).await, []);
    assert!(bus.resting().await.unwrap().is_empty());
    publish(&*bus, &numbered("order.made", 5)).await;
    assert_eq!(listener.took(5).await.len(), 5);
    assert!(bus.ready().is_ok());
    assert_eq!(shop.broker.connections(&shop.name).await, [before]);
    shop.world.tidy(&[bus]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_take_turns_and_neither_misses_a_letter_that_the_other_holds() {
    let shop = Shop::new();
    let set_aside = || {
        Listener::answering(|_, batch| {
            Ok(batch.iter().map(|_| Verdict::SetAside("no such order".to_owned())).collect())
        })
    };
    let (one, two) = (shop.listen(&set_aside()).await, shop.listen(&set_aside()).await);
    publish(&*one, &numbered("order.made", 20)).await;
    until("all rest", async || (letters(&*two).await.len() == 20).then_some(())).await;
    let look = async |bus: &dyn Bus| {
        for _ in 0..3 {
            assert_eq!(letters(bus).await.len(), 20);
        }
    };
    tokio::join!(look(&*one), look(&*two));
    shop.world.tidy(&[one, two]).await;
}
