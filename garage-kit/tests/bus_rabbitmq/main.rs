//! The RabbitMQ bus on a real broker: the promises of every bus, and those that only hold if it outlives what
//! operators, networks and brokers do to it.

use std::{collections::HashSet, sync::Arc, time::Instant};

use garage_kit::{
    Failure,
    bus::{Bus, Topology, Verdict},
    testing::bus::{Listener, World, done, message, numbered, publish, until, within},
};
use reqwest::Method;
use serde_json::json;
use tokio::{net::TcpListener, time::Duration};

use self::{
    broker::{Broker, broker, member},
    proxy::Proxy,
};

mod broker;
mod letters;
mod proxy;
mod retries;
mod stopping;

mod promises {
    garage_kit::bus_suite!(super::broker());
    garage_kit::letters_suite!(super::broker());
}

/// A service with one queue, `orders`, bound to `order.made`.
struct Shop {
    broker: Broker,
    world: World,
    name: String,
    queue: String,
}

impl Shop {
    fn new() -> Self {
        let world = World::new(broker());
        let (name, queue) = (format!("{}-shop", world.prefix), format!("{}-orders", world.prefix));
        Self { broker: broker(), world, name, queue }
    }

    async fn listen(&self, listener: &Arc<Listener>) -> Arc<dyn Bus> {
        self.world.listen("shop", &[("orders", "order.made")], listener).await
    }

    /// Listens to the broker at another address, and does not wait for it.
    fn listen_at(&self, url: &str, listener: &Arc<Listener>) -> Arc<dyn Bus> {
        let bus = member(url, self.world.topology("shop", &[("orders", "order.made")]));
        bus.subscribe(Arc::<Listener>::clone(listener));
        bus
    }

    async fn lost(&self, bus: &dyn Bus) -> Failure {
        until("the loss is noticed", async || bus.ready().err()).await
    }
}

#[tokio::test]
async fn a_connection_that_an_operator_closes_comes_back_with_its_prefetch_and_its_name() {
    let (shop, listener) = (Shop::new(), Listener::willing());
    let bus = shop.listen(&listener).await;
    let closed = shop.broker.close_connection(&shop.name).await;
    publish(&*bus, &numbered("order.made", 5)).await;
    assert_eq!(listener.took(5).await.len(), 5);

    assert_eq!(shop.broker.prefetch(&shop.queue).await, [64]);
    let now = until("the broker lists the new connection", async || {
        let now = shop.broker.connections(&shop.name).await;
        (!now.is_empty() && !now.contains(&closed)).then_some(now)
    })
    .await;
    assert_eq!(now.len(), 1, "an operator sees one connection per service");
    shop.world.tidy(&[bus]).await;
}

#[tokio::test]
async fn a_queue_deleted_under_its_consumer_is_declared_and_consumed_again() {
    let (shop, listener) = (Shop::new(), Listener::willing());
    let bus = shop.listen(&listener).await;
    shop.broker.delete_queue(&shop.queue).await;
    publish(&*bus, &numbered("order.made", 5)).await;
    assert_eq!(listener.took(5).await.len(), 5);
    shop.world.tidy(&[bus]).await;
}

#[tokio::test]
async fn a_channel_that_the_broker_closes_for_itself_comes_back() {
    let (shop, listener) = (Shop::new(), Listener::willing());
    let bus = shop.listen(&listener).await;
    let exchange = format!("/api/exchanges/%2F/{}-events", shop.world.prefix);
    shop.broker.ask(Method::DELETE, &exchange, None).await;
    publish(&*bus, &numbered("order.made", 5)).await;
    assert_eq!(listener.took(5).await.len(), 5);
    shop.world.tidy(&[bus]).await;
}

#[tokio::test]
async fn a_service_that_starts_before_its_broker_runs_once_that_comes() {
    let (shop, listener) = (Shop::new(), Listener::willing());
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = nobody.local_addr().unwrap().to_string();
    drop(nobody);

    let bus = shop.listen_at(&shop.broker.url_by_way_of(&address), &listener);
    let said = until("the first attempt fails", async || {
        bus.ready().err().map(|failure| failure.to_string()).filter(|said| said.contains("refused"))
    })
    .await;
    assert!(said.contains(&address) && !said.contains("guest"), "{said}");
    let published = bus.publish(&numbered("order.made", 1)).await;
    assert!(published.confirmed.is_empty() && published.failure.unwrap().is_passing());

    let _proxy = Proxy::start_at(&address, shop.broker.address()).await;
    within("the broker is found", bus.wait_until_ready()).await;
    publish(&*bus, &numbered("order.made", 5)).await;
    assert_eq!(listener.took(5).await.len(), 5);
    shop.world.tidy(&[bus]).await;
}

#[tokio::test]
async fn what_was_being_consumed_when_the_wire_was_cut_comes_again() {
    let (shop, listener) = (Shop::new(), Listener::waiting());
    let proxy = Proxy::start(shop.broker.address()).await;
    let bus = shop.listen_at(&shop.broker.url_by_way_of(&proxy.address), &listener);
    within("the listener is ready", bus.wait_until_ready()).await;
    publish(&*bus, &numbered("order.made", 20)).await;
    listener.asked(1).await;
    proxy.cut();
    listener.asked(2).await;
    listener.open();
    listener.took(20).await;
    until("the queue is empty", async || {
        let queue = shop.broker.queue(&shop.queue).await?;
        (queue["messages"] == 0).then_some(())
    })
    .await;
    shop.world.tidy(&[bus]).await;
}

#[tokio::test]
async fn a_publish_under_way_when_the_wire_is_cut_is_not_taken_for_sent() {
    let (shop, listener) = (Shop::new(), Listener::willing());
    let proxy = Proxy::start(shop.broker.address()).await;
    let bus = shop.listen_at(&shop.broker.url_by_way_of(&proxy.address), &listener);
    within("the listener is ready", bus.wait_until_ready()).await;
    proxy.freeze();
    let messages = numbered("order.made", 10);
    let cut = async {
        tokio::task::yield_now().await;
        proxy.cut();
        proxy.thaw();
    };
    let (published, ()) = tokio::join!(bus.publish(&messages), cut);
    assert!(published.confirmed.is_empty() && published.failure.is_some(), "{published:?}");
    publish(&*bus, &messages).await;
    assert!(listener.took(10).await.len() >= 10);
    shop.world.tidy(&[bus]).await;
}

#[tokio::test]
async fn a_broker_that_falls_silent_costs_a_publish_five_seconds_and_the_connection() {
    let (shop, listener) = (Shop::new(), Listener::willing());
    let proxy = Proxy::start(shop.broker.address()).await;
    let bus = shop.listen_at(&shop.broker.url_by_way_of(&proxy.address), &listener);
    within("the listener is ready", bus.wait_until_ready()).await;
    proxy.freeze();
    let (began, messages) = (Instant::now(), numbered("order.made", 10));
    let published = bus.publish(&messages).await;
    assert!(published.confirmed.is_empty() && published.failure.is_some(), "{published:?}");
    assert!(began.elapsed() < Duration::from_secs(7), "{:?}", began.elapsed());
    shop.lost(&*bus).await;
    until("the old connection is let go of", async || {
        shop.broker.connections(&shop.name).await.is_empty().then_some(())
    })
    .await;
    proxy.thaw();
    publish(&*bus, &messages).await;
    listener.took(10).await;
    shop.world.tidy(&[bus]).await;
}

#[tokio::test]
async fn an_alarm_makes_publishing_wait_and_keeps_the_connection() {
    let (shop, listener) = (Shop::new(), Listener::willing());
    let proxy = Proxy::start(shop.broker.address()).await;
    let bus = shop.listen_at(&shop.broker.url_by_way_of(&proxy.address), &listener);
    within("the listener is ready", bus.wait_until_ready()).await;
    let before =
        until("the broker lists the connection", async || shop.broker.connections(&shop.name).await.pop())
            .await;

    let messages = numbered("order.made", 10);
    proxy.freeze();
    let (published, ()) = tokio::join!(bus.publish(&messages), async {
        tokio::task::yield_now().await;
        proxy.say_blocked();
    });
    assert!(published.confirmed.is_empty() && published.failure.is_some(), "{published:?}");
    let refused = bus.publish(&messages).await.failure.unwrap().to_string();
    assert!(refused.contains("short of memory or disk"), "{refused}");
    assert!(bus.ready().unwrap_err().to_string().contains("alarm"));

    proxy.say_unblocked();
    proxy.thaw();
    publish(&*bus, &messages).await;
    listener.took(10).await;
    assert_eq!(shop.broker.connections(&shop.name).await, [before]);
    shop.world.tidy(&[bus]).await;
}

#[tokio::test]
async fn a_queue_of_another_form_is_named_until_the_operator_removes_it() {
    let (shop, listener) = (Shop::new(), Listener::willing());
    let path = format!("/api/queues/%2F/{}", shop.queue);
    let other = json!({ "durable": true, "arguments": { "x-queue-type": "quorum", "x-delivery-limit": 3 } });
    shop.broker.ask(Method::PUT, &path, Some(other)).await;

    let bus = shop.listen_at(&shop.broker.url, &listener);
    let said = until("the broker refuses", async || {
        bus.ready()
            .err()
            .map(|failure| failure.to_string())
            .filter(|said| said.contains("PRECONDITION_FAILED"))
    })
    .await;
    for part in [&*shop.queue, "PRECONDITION_FAILED", "current is"] {
        assert!(said.contains(part), "{part} is not in: {said}");
    }
    shop.broker.delete_queue(&shop.queue).await;
    within("the service runs", bus.wait_until_ready()).await;
    shop.world.tidy(&[bus]).await;
}

#[tokio::test]
async fn wrong_credentials_are_said_to_be_wrong_and_not_shown() {
    let shop = Shop::new();
    let bus = shop.listen_at(&shop.broker.url_with_password("wrong-secret"), &Listener::willing());
    let said = until("the broker refuses", async || {
        bus.ready().err().map(|failure| failure.to_string()).filter(|said| said.contains("ACCESS_REFUSED"))
    })
    .await;
    assert!(!said.contains("wrong-secret"), "{said}");
    within("the bus closes without a broker", bus.close()).await;
    shop.world.tidy(&[]).await;
}

#[tokio::test]
async fn bytes_that_are_no_text_reach_the_consumer_as_they_are() {
    let (shop, listener) = (Shop::new(), Listener::willing());
    let bus = shop.listen(&listener).await;
    shop.broker.put(&shop.queue, json!({}), "/wAB", "base64").await;
    let replayed = json!({ "type": "order.made", "message_id": "7" });
    listener.took(1).await;
    shop.broker.put(&shop.queue, replayed, "again", "string").await;
    let taken = listener.took(2).await;
    assert_eq!((taken[0].body.as_slice(), taken[0].message_id.as_deref()), ([0xFF, 0, 1].as_slice(), None));
    assert_eq!(taken[1].topic, "order.made", "a replayed message has its topic as its type");
    shop.world.tidy(&[bus]).await;
}

#[tokio::test]
async fn a_dead_letter_keeps_its_properties_and_says_why_where_and_when() {
    let (shop, listener) = (
        Shop::new(),
        Listener::answering(|_, batch| {
            Ok(batch.iter().map(|_| Verdict::SetAside("no such order".to_owned())).collect())
        }),
    );
    let bus = shop.listen(&listener).await;
    let order = message("order.made", r#"{"order":1}"#);
    publish(&*bus, std::slice::from_ref(&order)).await;
    shop.world.resting("orders", 1).await;

    let letter = shop.broker.peek(&format!("{}.dlq", shop.queue)).await.remove(0);
    let properties = &letter["properties"];
    for (name, value) in [
        ("message_id", json!(order.id)),
        ("type", json!("order.made")),
        ("app_id", json!("a-test")),
        ("correlation_id", json!(order.correlation)),
        ("timestamp", json!(order.at.timestamp())),
        ("content_type", json!("application/json")),
        ("delivery_mode", json!(2)),
    ] {
        assert_eq!(properties[name], value, "{name}");
    }
    let headers = &properties["headers"];
    assert_eq!((&headers["version"], &headers["causation-id"]), (&json!(1), &json!(order.causation)));
    assert_eq!(
        (&headers["x-garage-reason"], &headers["x-garage-queue"]),
        (&json!("no such order"), &json!(shop.queue))
    );
    assert!(
        headers["x-garage-set-aside-at"].as_str().unwrap().parse::<chrono::DateTime<chrono::Utc>>().is_ok()
    );
    shop.world.tidy(&[bus]).await;
}

#[tokio::test]
async fn what_may_gather_is_prefetched_in_greater_numbers_and_comes_all_the_same() {
    let (shop, listener) = (Shop::new(), Listener::willing());
    let topology = shop.world.topology("shop", &[("orders", "order.made"), ("news", "order.moved")]);
    let news = format!("{}-news", shop.world.prefix);
    let bus = member(&broker().url, Topology { gathers: vec![news.clone()], ..topology });
    bus.subscribe(Arc::<Listener>::clone(&listener));
    within("the listener is ready", bus.wait_until_ready()).await;
    assert_eq!(
        (shop.broker.prefetch(&shop.queue).await, shop.broker.prefetch(&news).await),
        (vec![64], vec![512])
    );
    publish(&*bus, &numbered("order.moved", 100)).await;
    publish(&*bus, &numbered("order.made", 1)).await;
    assert_eq!(listener.took(101).await.len(), 101);
    within("what gathers is finished", bus.close()).await;
    assert_eq!(listener.took(101).await.len(), 101, "nothing came twice");
    shop.world.tidy(&[bus]).await;
}

#[tokio::test]
async fn nothing_is_taken_off_its_queue_before_it_rests_elsewhere() {
    let shop = Shop::new();
    let listener = Listener::answering(|_, batch| {
        Ok(batch.iter().map(|_| Verdict::SetAside("no such order".to_owned())).collect())
    });
    let bus = shop.listen(&listener).await;
    shop.broker.delete_queue(&format!("{}.dlq", shop.queue)).await;
    publish(&*bus, &numbered("order.made", 1)).await;
    assert_eq!(shop.world.resting("orders", 1).await, [("0".to_owned(), "no such order".to_owned())]);
    shop.world.tidy(&[bus]).await;
}

#[tokio::test]
async fn a_service_that_stops_finishes_everything_it_was_sent() {
    let (shop, first, next) = (Shop::new(), Listener::waiting(), Listener::willing());
    let publisher = shop.world.publisher().await;
    let bus = shop.listen(&first).await;
    publish(&*publisher, &numbered("order.made", 100)).await;
    until("the prefetch is used up", async || {
        (shop.broker.queue(&shop.queue).await?["messages_unacknowledged"] == 64).then_some(())
    })
    .await;
    tokio::join!(within("the bus closes", bus.close()), async { first.open() });
    assert_eq!(first.took(64).await.len(), 64);

    let again = shop.listen(&next).await;
    let taken = next.took(36).await;
    let expected: Vec<_> = (64..100).map(|number| number.to_string().into_bytes()).collect();
    assert_eq!(taken.into_iter().map(|delivery| delivery.body).collect::<Vec<_>>(), expected);
    shop.world.tidy(&[publisher, again]).await;
}

#[tokio::test]
async fn a_rolling_restart_under_load_loses_nothing() {
    let shop = Shop::new();
    let publisher = shop.world.publisher().await;
    let messages = numbered("order.made", 2000);
    let mut taken = HashSet::new();
    let restart = async {
        while taken.len() < messages.len() {
            let listener = Listener::willing();
            let bus = shop.listen(&listener).await;
            listener.took(messages.len().saturating_sub(taken.len()).min(100)).await;
            within("the bus closes", bus.close()).await;
            taken.extend(listener.took(0).await.into_iter().map(|delivery| delivery.body));
        }
    };
    let load = async {
        for part in messages.chunks(50) {
            publish(&*publisher, part).await;
        }
    };
    tokio::join!(load, restart);
    assert_eq!(taken.len(), 2000);
    shop.world.tidy(&[publisher]).await;
}

#[tokio::test]
async fn a_service_that_has_not_subscribed_publishes_but_is_not_ready() {
    let (shop, listener) = (Shop::new(), Listener::answering(|_, batch| Ok(done(batch))));
    let bus = member(&shop.broker.url, shop.world.topology("shop", &[("orders", "order.made")]));
    publish(&*bus, &numbered("order.made", 3)).await;
    assert!(bus.ready().unwrap_err().to_string().contains("consumers"));
    bus.subscribe(Arc::<Listener>::clone(&listener));
    within("the listener is ready", bus.wait_until_ready()).await;
    assert_eq!(listener.took(3).await.len(), 3);
    shop.world.tidy(&[bus]).await;
}
