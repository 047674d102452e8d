//! Servers that are away: at the start, or in the middle. Nobody gives up, commands are answered as long as their own
//! database is there, and what was answered comes to pass.

mod chain;

use anyhow::Result;
use chain::{Chain, variable, wire::Wire};
use futures::future::join_all;
use garage::shop::At;
use garage_kit::program::install_crypto;
use reqwest::{Method, StatusCode};

/// `host:port` of a server's URL.
fn place(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.split_once('@').map_or(rest, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest).to_owned()
}

fn through(url: &str, wire: &Wire) -> String {
    url.replace(&place(url), &wire.near().to_string())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_are_answered_while_the_broker_is_away_and_come_to_pass_when_it_is_back() {
    install_crypto();
    let mut wire = Wire::to(place(&variable("GARAGE_TEST_RABBITMQ_URL"))).await;
    wire.mend().await;
    let near = wire.near().to_string();
    let chain = Chain::start_through(|host| host.url_at(&near), |database| database).await.unwrap();
    chain.wait_until_ready().await.unwrap();
    let shop = chain.shop().unwrap();

    wire.cut().await;
    let taken_in = join_all((1..=20).map(|number| shop.take_in("Ana Souza", number))).await;
    let cars: Vec<_> = taken_in.into_iter().collect::<Result<_>>().unwrap();
    let cancelled = shop.cancel(&cars[0]).await.unwrap();
    assert_eq!(cancelled.status, StatusCode::OK);

    wire.mend().await;
    for car in &cars[1..] {
        shop.order_is(car, "QUOTED").await.unwrap();
    }
    shop.quote_is(&cars[0], "CANCELLED").await.unwrap();
    chain.wait_until_drained().await.unwrap();
    chain.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_may_come_later_than_the_services() {
    install_crypto();
    let mut broker = Wire::to(place(&variable("GARAGE_TEST_RABBITMQ_URL"))).await;
    let mut database = Wire::to(place(&variable("GARAGE_TEST_POSTGRES_URL"))).await;
    let near = broker.near().to_string();
    let chain =
        Chain::start_through(|host| host.url_at(&near), |url| through(&url, &database)).await.unwrap();
    let shop = chain.shop().unwrap();
    let waiting = |path: &'static str| shop.wait_for_status(At::Os, path);
    assert_eq!(waiting("/health/live").await.unwrap(), StatusCode::OK);
    assert_eq!(waiting("/work-orders").await.unwrap(), StatusCode::SERVICE_UNAVAILABLE);

    database.mend().await;
    broker.mend().await;
    chain.wait_until_ready().await.unwrap();
    let car = shop.take_in("Ana Souza", 1).await.unwrap();
    shop.order_is(&car, "QUOTED").await.unwrap();
    chain.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_goes_away_costs_a_clear_answer_and_no_event() {
    install_crypto();
    let mut database = Wire::to(place(&variable("GARAGE_TEST_POSTGRES_URL"))).await;
    database.mend().await;
    let chain = Chain::start_through(|host| host.url(), |url| through(&url, &database)).await.unwrap();
    chain.wait_until_ready().await.unwrap();
    let shop = chain.shop().unwrap();
    let car = shop.take_in("Ana Souza", 1).await.unwrap();
    shop.order_is(&car, "QUOTED").await.unwrap();

    database.cut().await;
    let path = format!("/work-orders/{}", car.order);
    let reply = shop.ask(At::Os, Method::GET, &path, None).await.unwrap();
    assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE, "{}", reply.body);
    // OS cannot store what it hears now: the event waits in its queue.
    shop.quote(&car, "approve").await.unwrap();

    database.mend().await;
    shop.order_is(&car, "APPROVED").await.unwrap();
    chain.wait_until_drained().await.unwrap();
    chain.stop().await.unwrap();
}
