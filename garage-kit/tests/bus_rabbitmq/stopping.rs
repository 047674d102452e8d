//! How a service takes its leave of a real broker: everything it was sent is finished, nothing of it comes to anybody
//! twice, and what its last deliveries told can still leave.

use std::collections::HashSet;

use garage_kit::testing::bus::{Listener, message, numbered, publish, within};

use crate::{Shop, broker::Broker};

/// What is left in a queue: bodies, and how many of them the broker has delivered before.
async fn left(broker: &Broker, queue: &str) -> (HashSet<String>, usize) {
    let messages = broker.empty(queue).await;
    let again = messages.iter().filter(|message| message["redelivered"] != false).count();
    (messages.iter().map(|message| message["payload"].as_str().unwrap().to_owned()).collect(), again)
}

#[tokio::test]
async fn a_stopped_consumer_leaves_nothing_redelivered() {
    for _ in 0..3 {
        let (shop, listener) = (Shop::new(), Listener::willing());
        let publisher = shop.world.publisher().await;
        let idle = shop.listen(&Listener::willing()).await;
        within("the shop closes", idle.close()).await;
        publish(&*publisher, &numbered("order.made", 3000)).await;

        let bus = shop.listen(&listener).await;
        listener.took(500).await;
        within("the shop closes", bus.close()).await;
        let taken: Vec<String> = listener
            .took(0)
            .await
            .into_iter()
            .map(|delivery| String::from_utf8(delivery.body).unwrap())
            .collect();
        let (left, again) = left(&shop.broker, &shop.queue).await;
        assert!(taken.len() < 3000, "it was closed in the middle");
        assert_eq!((taken.len() + left.len(), again), (3000, 0));
        assert!(taken.iter().all(|body| !left.contains(body)));
        shop.world.tidy(&[publisher]).await;
    }
}

#[tokio::test]
async fn what_a_service_was_told_last_can_still_leave() {
    let (shop, listener) = (Shop::new(), Listener::waiting());
    let publisher = shop.world.publisher().await;
    let bus = shop.listen(&listener).await;
    publish(&*publisher, &numbered("order.made", 10)).await;
    listener.asked(1).await;
    tokio::join!(within("the shop drains", bus.drain()), async { listener.open() });
    assert!(bus.ready().unwrap_err().to_string().contains("consumers"));
    let taken = listener.took(10).await.len();
    let answer = message("order.made", "last words");
    assert_eq!(bus.publish(std::slice::from_ref(&answer)).await.confirmed, [answer.id]);
    within("the shop closes", bus.close()).await;
    let (left, again) = left(&shop.broker, &shop.queue).await;
    assert_eq!((taken + left.len(), again), (11, 0));
    assert!(left.contains("last words"));
    shop.world.tidy(&[publisher]).await;
}
