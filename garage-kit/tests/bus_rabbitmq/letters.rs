//! Dead letters on a real broker: what others, the broker itself and replicas do with them.

#![expect(clippy::unwrap_used, reason = "a test whose broker fails must stop")]

use garage_kit::{
    bus::{
        Bus, Delivery, Verdict,
        letters::{Ended, Fate, Filter, Letter},
    },
    testing::bus::{Listener, message, numbered, publish, until},
};
use reqwest::Method;
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

/// No room for a second one, as an operator's policy says it of all dead-letter queues.
#[tokio::test]
async fn a_full_queue_of_letters_keeps_what_it_has_and_costs_no_connection() {
    let shop = Shop::new();
    let listener = Listener::answering(|_, batch| {
        let verdict = |delivery: &Delivery| match delivery.body.as_slice() {
            b"right" => Verdict::Done,
            _ => Verdict::SetAside("no such order".to_owned()),
        };
        Ok(batch.iter().map(verdict).collect())
    });
    let bus = shop.listen(&listener).await;
    let dead_letters = format!("{}.dlq", shop.queue);
    let policy = format!("/api/policies/%2F/{dead_letters}");
    let limited_to = |length: usize| {
        json!({
            "pattern": format!("^{dead_letters}$"), "apply-to": "queues",
            "definition": { "max-length": length, "overflow": "reject-publish" },
        })
    };
    shop.broker.ask(Method::PUT, &policy, Some(limited_to(1))).await;
    until("the policy holds", async || {
        (shop.broker.queue(&dead_letters).await?["policy"] == dead_letters.as_str()).then_some(())
    })
    .await;
    let before =
        until("the broker lists the connection", async || shop.broker.connections(&shop.name).await.pop())
            .await;

    // What comes along with the one that fills it is taken as well.
    publish(&*bus, &numbered("order.made", 4)).await;
    shop.world.resting("orders", 1).await;
    publish(&*bus, &numbered("order.made", 4)).await;
    until("the queue is full", async || {
        let waiting = shop.broker.queue(&shop.queue).await?["messages_unacknowledged"].as_u64()?;
        (waiting > 0).then_some(())
    })
    .await;
    publish(&*bus, &[message("order.made", "right")]).await;
    let taken = listener.took(9).await;
    assert_eq!(taken.len(), 9, "none came twice, and what is right is taken");
    assert_eq!(shop.broker.connections(&shop.name).await, [before]);

    shop.broker.ask(Method::PUT, &policy, Some(limited_to(100))).await;
    until("all rest", async || (letters(&*bus).await.len() == 8).then_some(())).await;
    shop.broker.ask(Method::DELETE, &policy, None).await;
    shop.world.tidy(&[bus]).await;
}
