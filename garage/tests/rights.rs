//! The broker's users may do what their services do, and nothing else. That they may do all of it is seen by every other
//! test here that runs the real programs: those sign in as these users.

mod chain;

use std::{sync::Arc, time::Duration};

use anyhow::{Result, bail, ensure};
use chain::{VirtualHost, signed_in};
use garage_events::{Event, Service, broker::UNROUTED};
use garage_kit::{
    bus::{Bus, rabbitmq::RabbitMq},
    clock::Clock,
    program::install_crypto,
    store::Message,
};
use garage_saga::topology_of;
use tokio::time::{Instant, sleep};

const PATIENCE: Duration = Duration::from_secs(30);

/// Somebody who signs in as one service and declares what another one declares.
fn connect(host: &VirtualHost, user: Service, place: Service) -> Result<Arc<RabbitMq>> {
    install_crypto();
    let url = signed_in(&host.url(), user.word());
    Ok(RabbitMq::connect(&url, topology_of(place)?, Clock::system())?)
}

fn message(event: &str) -> Message {
    let clock = Clock::system();
    Message {
        id: clock.event_id(),
        kind: "orders".to_owned(),
        aggregate: clock.id(),
        topic: event.to_owned(),
        correlation: clock.id(),
        causation: None,
        trace: None,
        source: "somebody".to_owned(),
        version: 1,
        at: clock.now(),
        mandatory: false,
        body: "{}".to_owned(),
    }
}

/// Whether the broker takes it; the cause if it does not. It is asked again while there is no connection.
async fn publish(bus: &RabbitMq, event: &str) -> Result<(), String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let published = bus.publish(&[message(event)]).await;
        let cause = published.failure.map(|failure| failure.to_string()).unwrap_or_default();
        if !published.confirmed.is_empty() {
            return Ok(());
        }
        if cause.contains("ACCESS-REFUSED") || cause.contains("ACCESS_REFUSED") || Instant::now() > deadline {
            return Err(cause);
        }
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_tells_its_own_events_and_no_other_ones() -> Result<()> {
    let host = VirtualHost::make().await?;
    for service in Service::ALL {
        for event in Event::TYPES {
            // A refusal costs the connection, so each is made on one of its own.
            let bus = connect(&host, *service, *service)?;
            let is_its_own = Event::publisher_of(event) == Some(*service);
            let told = publish(&bus, event).await;
            ensure!(told.is_ok() == is_its_own, "{service} tells {event}: {told:?}");
            if let Err(cause) = told {
                ensure!(
                    cause.contains(&format!("access to topic '{event}'")),
                    "{service} tells {event}: {cause}"
                );
            }
            bus.close().await;
        }
    }
    host.remove().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_opens_nobody_elses_queues() -> Result<()> {
    let host = VirtualHost::make().await?;
    for (user, place) in [
        (Service::Os, Service::Billing),
        (Service::Billing, Service::Execution),
        (Service::Execution, Service::Os),
    ] {
        let bus = connect(&host, user, place)?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            let why = bus.ready().expect_err("nobody consumes here").to_string();
            if why.contains("access to queue") && why.contains("refused") {
                break;
            }
            if Instant::now() > deadline {
                bail!("{user} may declare what is {place}'s: {why}");
            }
            sleep(Duration::from_millis(20)).await;
        }
    }
    host.remove().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_is_bound_for_rests_in_the_net() -> Result<()> {
    let host = VirtualHost::make().await?;
    host.publish("work-order.forgotten", "{}").await?;
    let deadline = Instant::now() + PATIENCE;
    while !host.queues().await?.contains(&(UNROUTED.to_owned(), 1)) {
        ensure!(Instant::now() < deadline, "the net is empty");
        sleep(Duration::from_millis(100)).await;
    }
    host.remove().await
}
