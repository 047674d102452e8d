//! What waits too long shows, and what was really lost is mended: by the service that sees it, or by the comparison
//! of all three. Events are lost by starting the shop without one of its services, which then never hears of them.

#![expect(clippy::unwrap_used, reason = "a test ends where its world does not come up")]

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr},
    path::Path,
    sync::Arc,
};

use chrono::TimeDelta;
use garage::{
    embedded::{Addresses, DataDir, Embedded, settings, verifier},
    reconcile::{
        Mend,
        walk::{self, Scope},
    },
    shop::{At, Shop},
};
use garage_events::Service;
use garage_kit::{
    auth::{Grant, sign},
    bus::local::LocalBus,
    clock::Clock,
    program::{Env, install_crypto},
    store::Store,
};
use garage_saga::{Parts, Running, service::Door, topology_of};
use secrecy::SecretString;
use tempfile::TempDir;
use tokio::{
    net::TcpListener,
    time::{Duration, Instant, sleep},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const ANYWHERE: Addresses = Addresses { host: IpAddr::V4(Ipv4Addr::LOCALHOST), ports: [0; 3] };
const EVERYTHING: Scope = Scope { since: None, unfinished: false, ask_gateway: true };

fn secret() -> SecretString {
    "a secret that only these tests know".to_owned().into()
}

fn shop(urls: [String; 3], clock: &Clock) -> Shop {
    let grant = Grant::new("tests", &["attendant", "technician", "manager"], TimeDelta::days(365));
    Shop::new(urls, sign(&secret(), &grant, clock).unwrap()).unwrap()
}

/// Some of the services, as `garage up` would start them all.
struct Crew {
    shop: Shop,
    stopping: CancellationToken,
    running: Vec<Running>,
}

impl Crew {
    async fn start(folder: &Path, clock: &Clock, services: &[Service]) -> Self {
        let (bus, stopping) = (LocalBus::with_clock(clock.clone()), CancellationToken::new());
        let (mut urls, mut running) = (vec!["http://127.0.0.1:9".to_owned(); 3], Vec::new());
        for service in services {
            let file = service.word().trim_end_matches("-service");
            let url = format!("sqlite:{}", folder.join(format!("{file}.sqlite")).display());
            let store: Arc<dyn Store> = match service {
                Service::Os => garage_os_service::connect(&url).await.unwrap(),
                Service::Billing => garage_billing_service::connect(&url).await.unwrap(),
                Service::Execution => garage_execution_service::connect(&url).await.unwrap(),
            };
            let parts = Parts {
                bus: bus.member(topology_of(*service).unwrap(), store.clone()),
                store,
                clock: clock.clone(),
                verifier: verifier(&secret(), clock).unwrap(),
            };
            let (at, (router, service)) = match service {
                Service::Os => (At::Os, garage_os_service::open(parts)),
                Service::Billing => {
                    (At::Billing, garage_billing_service::open(parts, settings(&Env::fixed(&[])).unwrap()))
                }
                Service::Execution => (At::Execution, garage_execution_service::open(parts)),
            };
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            urls[at as usize] = format!("http://{}", listener.local_addr().unwrap());
            let door = Door::default();
            door.lead_to(router);
            drop(door.serve(listener, stopping.clone()));
            running.push(service);
        }
        Self { shop: shop(urls.try_into().unwrap(), clock), stopping, running }
    }

    async fn stop(self) {
        self.stopping.cancel();
        for service in self.running {
            service.stop().await;
        }
    }
}

async fn everything(folder: &Path, clock: &Clock) -> (Embedded, Shop) {
    let data = DataDir::open(folder).unwrap();
    let settings = settings(&Env::fixed(&[])).unwrap();
    let embedded = Embedded::start(&data, ANYWHERE, settings, &secret(), clock).await.unwrap();
    let shop = shop(embedded.urls.clone(), clock);
    (embedded, shop)
}

fn world() -> (TempDir, Clock) {
    install_crypto();
    (tempfile::tempdir().unwrap(), Clock::manual(Clock::system().now()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payment_that_the_workshop_never_heard_of_is_found_and_mended() {
    let (folder, clock) = world();
    let desk = Crew::start(folder.path(), &clock, &[Service::Os, Service::Billing]).await;
    let car = desk.shop.take_in("Ana Souza", 1).await.unwrap();
    desk.shop.quote(&car, "approve").await.unwrap();
    desk.shop.order_is(&car, "APPROVED").await.unwrap();
    assert_eq!(desk.shop.pay(&car).await.unwrap().status, 200);
    desk.shop.order_is(&car, "IN_PROGRESS").await.unwrap();
    desk.stop().await;

    let (embedded, shop) = everything(folder.path(), &clock).await;
    clock.advance(TimeDelta::minutes(1));
    let mut found = Vec::new();
    let told = |finding: &_| found.push(Clone::clone(finding));
    assert_eq!(walk::all(&shop, EVERYTHING, clock.now(), told).await.unwrap(), 1);
    let mends: Vec<Mend> = found.iter().map(|finding: &garage::reconcile::Finding| finding.mend).collect();
    assert!(matches!(mends[..], [Mend::NudgeQuote(_)]), "{found:?}");
    let told = walk::nudge(&shop, &found).await.unwrap();
    assert_eq!(told, ["quote.created", "quote.approved", "payment.approved"]);

    shop.job_is(&car, "QUEUED").await.unwrap();
    let steps = ["start-diagnosis", "complete-diagnosis", "start-repair", "complete-repair", "complete"];
    shop.work(&car, &steps).await.unwrap();
    shop.order_is(&car, "COMPLETED").await.unwrap();
    clock.advance(TimeDelta::minutes(1));
    let id: Uuid = car.order.parse().unwrap();
    shop.wait_for(At::Execution, &format!("/executions/work-order/{id}"), "seen as completed", |job| {
        job["orderStatus"] == "COMPLETED"
    })
    .await
    .unwrap();
    shop.wait_for(At::Billing, &format!("/quotes/work-order/{id}"), "seen as completed", |quote| {
        quote["orderStatus"] == "COMPLETED"
    })
    .await
    .unwrap();
    assert_eq!(walk::one(&shop, id, EVERYTHING, clock.now()).await.unwrap(), []);
    embedded.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_that_billing_never_heard_of_is_told_again_by_itself() {
    let (folder, clock) = world();
    // The workshop takes no interest in new orders, so this one's event has nowhere to go: it waits, and is lost.
    let desk = Crew::start(folder.path(), &clock, &[Service::Os]).await;
    let car = desk.shop.take_in("Ana Souza", 1).await.unwrap();
    desk.stop().await;
    let url = format!("sqlite:{}", folder.path().join("os.sqlite").display());
    let store = garage_os_service::connect(&url).await.unwrap();
    let waiting = store.unsent(clock.now() + TimeDelta::minutes(1), 9).await.unwrap();
    let topics: BTreeSet<&str> = waiting.iter().map(|message| message.topic.as_str()).collect();
    assert_eq!(topics, BTreeSet::from(["work-order.created"]));
    store.sent(&waiting).await.unwrap();
    drop(store);

    clock.advance(TimeDelta::minutes(2));
    let (embedded, shop) = everything(folder.path(), &clock).await;
    shop.order_is(&car, "QUOTED").await.unwrap();
    embedded.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_that_nobody_pays_shows_up_as_stuck() {
    let (folder, clock) = world();
    let (embedded, shop) = everything(folder.path(), &clock).await;
    let car = shop.take_in("Ana Souza", 1).await.unwrap();
    shop.quote(&car, "approve").await.unwrap();
    shop.order_is(&car, "APPROVED").await.unwrap();
    assert_eq!(shop.get(At::Os, "/work-orders?stuck=true").await.unwrap(), serde_json::json!([]));

    clock.advance(TimeDelta::days(7));
    let stuck = shop.get(At::Os, "/work-orders?stuck=true").await.unwrap();
    assert_eq!((&stuck[0]["id"], &stuck[0]["stuck"]), (&car.order.clone().into(), &true.into()));
    assert_eq!(stuck[0]["waitingFor"]["who"], "customer");
    let line = "garage_stuck_sagas{state=\"payment\",who=\"customer\"} 1";
    wait_for_metric(&embedded.urls[0], line).await;
    assert_eq!(walk::all(&shop, EVERYTHING, clock.now(), |found| panic!("{found}")).await.unwrap(), 1);
    embedded.stop().await;
}

/// The service counts every few seconds.
async fn wait_for_metric(url: &str, line: &str) {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let text = reqwest::get(format!("{url}/metrics")).await.unwrap().text().await.unwrap();
        if text.lines().any(|known| known == line) {
            return;
        }
        assert!(Instant::now() < deadline, "{line} is not among\n{text}");
        sleep(Duration::from_millis(200)).await;
    }
}
