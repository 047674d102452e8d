//! How a service takes its leave of a real broker: everything it was sent is finished, nothing of it comes to anybody
//! twice, and what its last deliveries told can still leave.

#![expect(clippy::unwrap_used, reason = "a test that cannot ask its broker must stop, and say why")]

use std::collections::HashSet;

use futures::StreamExt as _;
use garage_kit::testing::bus::{Listener, message, numbered, publish, within};
use lapin::{Connection, ConnectionProperties, options::BasicConsumeOptions, types::FieldTable};

use crate::{Shop, broker::Broker};

/// The next messages of a queue: their bodies, and how many of them the broker has delivered before.
async fn take(broker: &Broker, queue: &str, count: usize) -> (HashSet<String>, usize) {
    let connection = Connection::connect(&broker.url, ConnectionProperties::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    let options = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
    let consumer = channel.basic_consume(queue.into(), "rest".into(), options, FieldTable::default());
    let mut rest = consumer.await.unwrap().take(count);
    let (mut bodies, mut again) = (HashSet::new(), 0);
    while let Some(delivery) = within("the rest comes", rest.next()).await {
        let delivery = delivery.unwrap();
        again += usize::from(delivery.redelivered);
        bodies.insert(String::from_utf8(delivery.data).unwrap());
    }
    connection.close(200, "OK".into()).await.unwrap();
    (bodies, again)
}

#[tokio::test]
async fn a_stopped_consumer_leaves_nothing_redelivered() {
    let (shop, listener) = (Shop::new(), Listener::willing());
    let publisher = shop.world.publisher().await;
    let idle = shop.listen(&Listener::willing()).await;
    within("the shop closes", idle.close()).await;
    publish(&*publisher, &numbered("order.made", 3000)).await;

    let bus = shop.listen(&listener).await;
    listener.took(500).await;
    within("the shop closes", bus.close()).await;
    let taken = listener.took(0).await.into_iter();
    let taken: Vec<_> = taken.map(|delivery| String::from_utf8(delivery.body).unwrap()).collect();
    assert!(taken.len() < 3000, "it was closed in the middle");
    let (rest, again) = take(&shop.broker, &shop.queue, 3000 - taken.len()).await;
    assert_eq!((rest.len(), again), (3000 - taken.len(), 0));
    assert!(taken.iter().all(|body| !rest.contains(body)));
    shop.world.tidy(&[publisher]).await;
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
    let (rest, again) = take(&shop.broker, &shop.queue, 11 - taken).await;
    assert_eq!((taken + rest.len(), again), (11, 0));
    assert!(rest.contains("last words"));
    shop.world.tidy(&[publisher]).await;
}
