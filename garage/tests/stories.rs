//! Every story over HTTP, both ways of running: all in one on SQLite, and the real service programs on PostgreSQL,
//! MongoDB and RabbitMQ.

mod chain;

use std::{
    net::{IpAddr, Ipv4Addr},
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    path::{Path, PathBuf},
};

use anyhow::Result;
use chain::{Chain, SECRET, VirtualHost};
use chrono::TimeDelta;
use futures::future::join_all;
use garage::{
    embedded::{Addresses, DataDir, Embedded, settings, verifier},
    shop::Shop,
    stories::STORIES,
};
use garage_events::{Service, broker::UNROUTED, topology};
use garage_kit::{
    auth::{Grant, sign},
    bus::rabbitmq::RabbitMq,
    clock::Clock,
    program::{Env, install_crypto},
    testing::{mongo_database, postgres_database},
};
use garage_saga::{Parts, service::Door, topology_of};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

const LOCAL: Addresses = Addresses { host: IpAddr::V4(Ipv4Addr::LOCALHOST), ports: [0; 3] };

async fn tell_all(shop: &Shop) {
    let told = join_all(
        (1..)
            .zip(STORIES)
            .map(|(number, story)| async move { (story.name, (story.tell)(shop, number).await) }),
    )
    .await;
    let broken: Vec<String> = told
        .iter()
        .filter_map(|(name, told)| told.as_ref().err().map(|cause| format!("{name}: {cause:#}")))
        .collect();
    assert!(broken.is_empty(), "{broken:#?}");
}

struct Small {
    embedded: Embedded,
    shop: Shop,
    _folder: tempfile::TempDir,
}

impl Small {
    async fn start(clock: &Clock) -> Result<Self> {
        install_crypto();
        let folder = tempfile::tempdir()?;
        let data = DataDir::open(folder.path())?;
        let secret = SECRET.to_owned().into();
        let embedded = Embedded::start(&data, LOCAL, settings(&Env::fixed(&[]))?, &secret, clock).await?;
        let grant = Grant::new("tests", &["attendant", "technician", "manager"], TimeDelta::days(30));
        let shop = Shop::new(embedded.urls.clone(), sign(&secret, &grant, clock)?)?;
        Ok(Self { embedded, shop, _folder: folder })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_story_ends_as_it_must_all_in_one() {
    let small = Small::start(&Clock::system()).await.unwrap();
    tell_all(&small.shop).await;
    small.embedded.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quote_that_nobody_answers_expires_and_calls_the_order_off() {
    let clock = Clock::manual(Clock::system().now());
    let small = Small::start(&clock).await.unwrap();
    let car = small.shop.take_in("Ana Souza", 1).await.unwrap();
    small.shop.quote(&car, "send").await.unwrap();
    clock.advance(TimeDelta::days(10) + TimeDelta::minutes(1));
    small.shop.quote_is(&car, "EXPIRED").await.unwrap();
    let order = small.shop.order_is(&car, "CANCELLED").await.unwrap();
    assert_eq!(order["cancellationReason"], "QUOTE_EXPIRED");
    small.embedded.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn data_stays_between_runs() {
    install_crypto();
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::system();
    let secret = SECRET.to_owned().into();
    let grant = Grant::new("tests", &["attendant", "technician", "manager"], TimeDelta::hours(1));
    let token = sign(&secret, &grant, &clock).unwrap();
    let mut order = None;
    for _ in 0..2 {
        let data = DataDir::open(folder.path()).unwrap();
        let embedded = Embedded::start(&data, LOCAL, settings(&Env::fixed(&[])).unwrap(), &secret, &clock)
            .await
            .unwrap();
        let shop = Shop::new(embedded.urls.clone(), token.clone()).unwrap();
        let car = match order.take() {
            None => shop.take_in("Ana Souza", 1).await.unwrap(),
            Some(car) => car,
        };
        shop.order_is(&car, "QUOTED").await.unwrap();
        order = Some(car);
        embedded.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_story_ends_as_it_must_on_real_servers() {
    install_crypto();
    let chain = Chain::start().await.unwrap();
    tell_all(&chain.shop().unwrap()).await;
    chain.wait_until_drained().await.unwrap();

    let mut queues: Vec<String> =
        chain.host.queues().await.unwrap().into_iter().map(|(name, _)| name).collect();
    let mut wanted: Vec<String> = topology::QUEUES
        .iter()
        .flat_map(|queue| [queue.name.to_owned(), topology::dead_letter_queue(queue.name)])
        .chain([UNROUTED.to_owned()])
        .collect();
    queues.sort();
    wanted.sort();
    assert_eq!(queues, wanted);
    chain.wait_until_connected_as(&["billing-service", "execution-service", "os-service"]).await.unwrap();
    chain.stop().await.unwrap();
}

/// Makes an authority for one test, whose file it names, and lets the broker show a certificate of it from now on.
fn broker_shows_a_certificate(authority: &Path) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    std::fs::write(authority, issuer.pem()).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &issuer).unwrap().pem();
    let folder = PathBuf::from(chain::variable("GARAGE_TEST_TLS_FOLDER"));
    let owner = folder.metadata().unwrap();
    for (name, text) in [("broker.crt", certificate), ("broker.key", key.serialize_pem())] {
        let file = folder.join(name);
        std::fs::write(&file, text).unwrap();
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
        chown(&file, Some(owner.uid()), Some(owner.gid())).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_story_ends_as_it_must_over_tls() {
    install_crypto();
    let folder = tempfile::tempdir().unwrap();
    let authority = folder.path().join("ca.pem");
    broker_shows_a_certificate(&authority);
    let chain = Chain::start_through(|host| host.tls_url(&authority), |database| database).await.unwrap();
    chain.wait_until_ready().await.unwrap();
    tell_all(&chain.shop().unwrap()).await;
    chain.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_can_never_succeed_is_set_aside_and_holds_nothing_up() {
    install_crypto();
    let chain = Chain::start().await.unwrap();
    let unknown = unknown_order();
    for (topic, body) in [
        ("quote.created", "not JSON".to_owned()),
        ("payment.approved", json!({ "eventType": "payment.approved" }).to_string()),
        ("quote.approved", unknown.to_string()),
        ("work-order.created", json!({ "from": "another world" }).to_string()),
        ("execution.failed", from_the_future(&unknown).to_string()),
    ] {
        chain.host.publish(topic, &body).await.unwrap();
    }
    tell_all(&chain.shop().unwrap()).await;
    // An order that only OS has never heard of is prepared by Execution; whoever cannot read a message sets it aside.
    let wanted = [
        "billing-execution-failed.dlq",
        "billing-work-order-created.dlq",
        "execution-payment-approved.dlq",
        "os-execution-failed.dlq",
        "os-payment-approved.dlq",
        "os-quote-approved.dlq",
        "os-quote-created.dlq",
    ];
    chain.wait_until_these_hold_messages(&wanted).await.unwrap();
    chain.stop().await.unwrap();
}

/// The same code in this process, so that its clock can be turned; stores and broker are the real ones.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quote_expires_on_real_servers_too() {
    install_crypto();
    let clock = Clock::manual(Clock::system().now());
    let host = VirtualHost::make().await.unwrap();
    let (os, execution) =
        (postgres_database("os_service").await, postgres_database("execution_service").await);
    let billing = mongo_database("billing_service");
    let secret = SECRET.to_owned().into();
    let parts = |service, store| Parts {
        store,
        bus: RabbitMq::connect(&host.url(), topology_of(service).unwrap(), clock.clone()).unwrap(),
        clock: clock.clone(),
        verifier: verifier(&secret, &clock).unwrap(),
    };
    let services = [
        garage_os_service::open(parts(Service::Os, garage_os_service::connect(&os.url()).await.unwrap())),
        garage_billing_service::open(
            parts(Service::Billing, garage_billing_service::connect(&billing.uri()).await.unwrap()),
            settings(&Env::fixed(&[])).unwrap(),
        ),
        garage_execution_service::open(parts(
            Service::Execution,
            garage_execution_service::connect(&execution.url()).await.unwrap(),
        )),
    ];
    let stopping = CancellationToken::new();
    let mut urls = Vec::new();
    let mut running = Vec::new();
    for (router, service) in services {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        urls.push(format!("http://{}", listener.local_addr().unwrap()));
        let door = Door::default();
        door.lead_to(router);
        running.push((door.serve(listener, stopping.clone()), service));
    }
    let grant = Grant::new("tests", &["attendant", "technician", "manager"], TimeDelta::days(30));
    let shop = Shop::new(urls.try_into().unwrap(), sign(&secret, &grant, &clock).unwrap()).unwrap();

    let car = shop.take_in("Ana Souza", 1).await.unwrap();
    shop.order_is(&car, "QUOTED").await.unwrap();
    clock.advance(TimeDelta::days(10) + TimeDelta::minutes(1));
    shop.quote_is(&car, "EXPIRED").await.unwrap();
    let order = shop.order_is(&car, "CANCELLED").await.unwrap();
    assert_eq!(order["cancellationReason"], "QUOTE_EXPIRED");

    stopping.cancel();
    for (served, service) in running {
        served.await.unwrap().unwrap();
        service.stop().await;
    }
    host.remove().await.unwrap();
}

/// A well-formed event about an order that nobody has opened.
fn unknown_order() -> Value {
    let id = Clock::system().id();
    json!({ "eventId": Clock::system().event_id(), "eventType": "quote.approved", "timestamp": "2026-02-08T10:00:00.000Z",
        "source": Service::Billing, "version": 1, "correlationId": id, "causationId": null, "data": { "workOrderId": id,
        "quoteId": Clock::system().id(), "customerId": Clock::system().id(), "totalAmount": 10, "validUntil": "2026-02-18T10:00:00.000Z" } })
}

fn from_the_future(event: &Value) -> Value {
    let mut future = event.clone();
    future["eventType"] = json!("execution.failed");
    future["version"] = json!(99);
    future
}
