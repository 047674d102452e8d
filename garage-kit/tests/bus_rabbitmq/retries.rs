//! What fails on a real broker: counted over all replicas, held back in queues of its own, and at rest in the end,
//! whatever stands in its headers and whatever the broker can take at the moment.

#![expect(clippy::unwrap_used, reason = "a count that does not fit is a mistake of the test")]

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use garage_kit::{
    Failure,
    bus::Verdict,
    testing::bus::{ATTEMPTS, Listener, done, message, numbered, publish, until, within},
};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::Duration;

use crate::{Shop, broker::member, proxy::Proxy};

/// Fails over everything, and counts.
fn failing(times: &Arc<AtomicU32>) -> Arc<Listener> {
    let times = Arc::clone(times);
    Listener::answering(move |_, batch| {
        times.fetch_add(u32::try_from(batch.len()).unwrap(), Ordering::Relaxed);
        Err(Failure::lasting("reading a record", "it makes no sense"))
    })
}

fn set_aside() -> Arc<Listener> {
    Listener::answering(|_, batch| {
        Ok(batch.iter().map(|_| Verdict::SetAside("no such order".to_owned())).collect())
    })
}

impl Shop {
    async fn letters(&self, count: usize) -> Vec<Value> {
        self.world.resting("orders", count).await;
        self.broker.peek(&format!("{}.dlq", self.queue)).await
    }
}

#[tokio::test]
async fn a_failing_handler_is_tried_exactly_n_times_over_two_replicas_and_then_rests() {
    let (shop, [here, there]) = (Shop::new(), [Arc::default(), Arc::default()]);
    let first = shop.listen(&failing(&here)).await;
    let second = shop.listen(&failing(&there)).await;
    let order = message("order.made", "an order");
    publish(&*first, std::slice::from_ref(&order)).await;

    let letter = shop.letters(1).await.remove(0);
    assert_eq!(here.load(Ordering::Relaxed) + there.load(Ordering::Relaxed), ATTEMPTS);
    let properties = &letter["properties"];
    assert_eq!(
        (&properties["message_id"], &properties["type"], &properties["correlation_id"]),
        (&json!(order.id), &json!("order.made"), &json!(order.correlation))
    );
    let headers = &properties["headers"];
    assert_eq!(
        (&headers["x-garage-attempts"], &headers["x-garage-reason"]),
        (&json!(ATTEMPTS), &json!("reading a record: it makes no sense"))
    );
    assert!(headers["x-garage-attempt"].is_null(), "a replayed one starts afresh: {headers}");
    shop.world.tidy(&[first, second]).await;
}

#[tokio::test]
async fn a_retry_queue_is_made_when_it_is_needed_and_brings_back_what_it_holds_safely() {
    let (shop, times) = (Shop::new(), Arc::default());
    let bus = shop.listen(&failing(&times)).await;
    let name = format!("{}.retry.50ms", shop.queue);
    assert!(shop.broker.queue(&name).await.is_none(), "most queues never need one");
    publish(&*bus, &[message("order.made", "an order")]).await;
    shop.letters(1).await;
    let queue = until("the broker lists the queue", async || shop.broker.queue(&name).await).await;
    let expected = json!({
        "x-queue-type": "quorum", "x-message-ttl": 50, "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": shop.queue, "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    });
    assert_eq!((&queue["arguments"], &queue["durable"]), (&expected, &json!(true)));
    shop.world.tidy(&[bus]).await;
}

#[tokio::test]
async fn a_retry_queue_that_an_operator_removes_is_made_again() {
    let (shop, times) = (Shop::new(), Arc::default());
    let bus = shop.listen(&failing(&times)).await;
    publish(&*bus, &[message("order.made", "0")]).await;
    shop.letters(1).await;
    for delay in ["20ms", "50ms"] {
        shop.broker.delete_queue(&format!("{}.retry.{delay}", shop.queue)).await;
    }
    publish(&*bus, &[message("order.made", "1")]).await;
    assert_eq!(shop.letters(2).await.len(), 2);
    shop.world.tidy(&[bus]).await;
}

#[tokio::test]
async fn a_message_that_nobody_described_is_tried_again_and_rests_under_its_topic() {
    let (shop, times) = (Shop::new(), Arc::default());
    let bus = shop.listen(&failing(&times)).await;
    let raw = json!({ "properties": { "headers": { "x-garage-attempt": "three" }, "expiration": "600000" },
        "routing_key": "order.made", "payload": "raw", "payload_encoding": "string" });
    let exchange = format!("/api/exchanges/%2F/{}-events/publish", shop.world.prefix);
    shop.broker.ask(Method::POST, &exchange, Some(raw)).await;

    let letter = shop.letters(1).await.remove(0);
    assert_eq!(times.load(Ordering::Relaxed), ATTEMPTS, "what is no count of attempts is none");
    let properties = &letter["properties"];
    assert_eq!(properties["type"], "order.made");
    assert!(properties["expiration"].is_null(), "a dead letter does not expire: {properties}");
    shop.world.tidy(&[bus]).await;
}

#[tokio::test]
async fn a_count_of_attempts_beyond_all_measure_is_enough() {
    let (shop, times) = (Shop::new(), Arc::default());
    let bus = shop.listen(&failing(&times)).await;
    let headers = json!({ "headers": { "x-garage-attempt": i64::MAX } });
    shop.broker.put(&shop.queue, headers, "again", "string").await;
    shop.letters(1).await;
    assert_eq!(times.load(Ordering::Relaxed), 1);
    shop.world.tidy(&[bus]).await;
}

#[tokio::test]
async fn a_poison_message_waits_out_an_alarm() {
    let (shop, listener) = (Shop::new(), set_aside());
    let proxy = Proxy::start(shop.broker.address()).await;
    let bus = shop.listen_at(&shop.broker.url_by_way_of(&proxy.address), &listener);
    within("the listener is ready", bus.wait_until_ready()).await;
    let before =
        until("the broker lists the connection", async || shop.broker.connections(&shop.name).await.pop())
            .await;
    proxy.say_blocked();
    until("the alarm is heard", async || bus.ready().err()).await;
    shop.broker.put(&shop.queue, json!({ "type": "order.made" }), "poison", "string").await;
    listener.took(1).await;
    shop.broker.put(&shop.queue, json!({ "type": "order.made" }), "more poison", "string").await;
    listener.took(2).await;
    assert!(shop.broker.peek(&format!("{}.dlq", shop.queue)).await.is_empty());

    proxy.say_unblocked();
    assert_eq!(shop.letters(2).await.len(), 2);
    assert_eq!(listener.took(2).await.len(), 2, "none came twice");
    assert_eq!(shop.broker.connections(&shop.name).await, [before]);
    shop.world.tidy(&[bus]).await;
}

#[tokio::test]
async fn a_consumer_that_dies_over_a_message_again_and_again_is_rid_of_it_by_the_broker() {
    let (shop, listener) = (Shop::new(), Listener::waiting());
    let mut topology = shop.world.topology("shop", &[("orders", "order.made")]);
    for queue in topology.definitions.queues.iter_mut().filter(|queue| queue.name == shop.queue) {
        queue.arguments.insert("x-delivery-limit".to_owned(), json!(2));
        queue.arguments.insert("x-dead-letter-routing-key".to_owned(), json!(shop.queue));
    }
    let proxy = Proxy::start(shop.broker.address()).await;
    let bus = member(&shop.broker.url_by_way_of(&proxy.address), topology);
    bus.subscribe(Arc::<Listener>::clone(&listener));
    within("the listener is ready", bus.wait_until_ready()).await;
    publish(&*bus, &numbered("order.made", 1)).await;
    for deaths in 1..=3 {
        listener.asked(deaths).await;
        proxy.cut();
    }
    let letter = shop.letters(1).await.remove(0);
    let death = &letter["properties"]["headers"]["x-death"][0];
    assert_eq!((&death["reason"], &death["queue"]), (&json!("delivery_limit"), &json!(shop.queue)));
    listener.open();
    shop.world.tidy(&[bus]).await;
}

#[tokio::test]
async fn the_neighbours_of_what_fails_are_taken_at_once() {
    let shop = Shop::new();
    let listener = Listener::answering(|_, batch| {
        assert!(batch.iter().all(|delivery| delivery.body != b"poison"), "poison");
        Ok(done(batch))
    });
    let mut topology = shop.world.topology("shop", &[("orders", "order.made")]);
    topology.retries.delays = vec![Duration::from_secs(86_400)];
    let bus = shop.world.listen_as(topology, &listener).await;
    let mut messages = numbered("order.made", 60);
    messages.extend((0..3).map(|_| message("order.made", "poison")));
    publish(&*bus, &messages).await;
    let taken: HashSet<_> = listener.took(60).await.into_iter().map(|delivery| delivery.body).collect();
    assert_eq!(taken.len(), 60);
    until("the queue is empty", async || {
        (shop.broker.queue(&shop.queue).await?["messages"] == 0).then_some(())
    })
    .await;
    shop.world.tidy(&[bus]).await;
}
