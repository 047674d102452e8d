//! A shop with its screens, in this process, and its manager signed in.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use chrono::TimeDelta;
use garage::{
    embedded::{Addresses, DataDir, Embedded, settings},
    front::Front,
    shop::{Car, Shop},
};
use garage_kit::{
    Decision,
    auth::{Grant, sign},
    bus::local::DeadLetter,
    change,
    clock::Clock,
    program::{Env, install_crypto},
    store::Outcome,
};
use garage_web::Settings;
use serde_json::json;
use tokio::time::{Duration, Instant, sleep};

use crate::browser::Browser;

const SECRET: &str = "a secret that only these tests know";
/// How long something that must come may take to come.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct World {
    pub(crate) front: Front,
    pub(crate) shop: Shop,
    embedded: Embedded,
    folder: tempfile::TempDir,
}

impl World {
    pub(crate) async fn open() -> Self {
        Self::open_with(Settings::default()).await
    }

    pub(crate) async fn open_with(wishes: Settings) -> Self {
        install_crypto();
        let memory = PathBuf::from("/dev/shm");
        let memory = if memory.is_dir() { memory } else { std::env::temp_dir() };
        let folder = tempfile::tempdir_in(memory).unwrap();
        let (clock, secret) = (Clock::system(), SECRET.to_owned().into());
        let data = DataDir::open(folder.path()).unwrap();
        let local = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let addresses = Addresses { host: local, ports: [0; 3] };
        let embedded =
            Embedded::start(&data, addresses, settings(&Env::fixed(&[])).unwrap(), &secret, &clock)
                .await
                .unwrap();
        let (urls, anywhere) = (embedded.urls.clone(), SocketAddr::new(local, 0));
        let front = Front::start(&data, anywhere, urls, &secret, wishes, &clock).await.unwrap();
        let grant = Grant::new("tests", &["attendant", "technician", "manager"], TimeDelta::hours(1));
        let shop = Shop::new(embedded.urls.clone(), sign(&secret, &grant, &clock).unwrap()).unwrap();
        Self { front, shop, embedded, folder }
    }

    /// Another copy of the screens on the same file.
    pub(crate) async fn another_front(&self, wishes: Settings) -> Front {
        let (data, secret) = (DataDir::open(self.folder.path()).unwrap(), SECRET.to_owned().into());
        let anywhere = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
        Front::start(&data, anywhere, self.embedded.urls.clone(), &secret, wishes, &Clock::system())
            .await
            .unwrap()
    }

    /// Every row of the services' databases that holds this, however it is written, with its table. What the sandbox writes
    /// down is the provider's.
    pub(crate) async fn rows_with(&self, words: &str) -> Vec<String> {
        let mut found = Vec::new();
        for service in ["os", "billing", "execution"] {
            let file = self.folder.path().join(format!("{service}.sqlite"));
            let pool = sqlx::SqlitePool::connect(&format!("sqlite:{}", file.display())).await.unwrap();
            let tables =
                "SELECT 'SELECT ' || group_concat('quote(' || c.name || ')', ' || ') || ' FROM ' || t.name
                FROM sqlite_schema t, pragma_table_xinfo(t.name) c WHERE t.type = 'table' AND t.name NOT GLOB 'sandbox_*' GROUP BY t.name";
            for table in sqlx::query_scalar::<_, String>(tables).fetch_all(&pool).await.unwrap() {
                let rows = sqlx::query_scalar::<_, String>(sqlx::AssertSqlSafe(table.clone()));
                let rows = rows.fetch_all(&pool).await.unwrap();
                found.extend(
                    rows.iter()
                        .filter(|row| row.to_lowercase().contains(&words.to_lowercase()))
                        .map(|row| format!("{table}: {row}")),
                );
            }
            pool.close().await;
        }
        found
    }

    /// Waits until the services' databases hold this nowhere.
    pub(crate) async fn until_nowhere(&self, words: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let found = self.rows_with(words).await;
            if found.is_empty() {
                return;
            }
            assert!(Instant::now() < deadline, "{words:?} stays: {found:#?}");
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// An order's opening, as if Billing had not been able to take it.
    pub(crate) async fn set_its_opening_aside(&self, car: &Car) {
        let (clock, order) = (Clock::system(), &car.order);
        let event = json!({ "eventId": clock.event_id(), "eventType": "work-order.created", "timestamp": clock.now(),
            "source": "os-service", "version": 1, "correlationId": order, "causationId": null, "data": {
                "workOrderId": order, "customerId": car.customer, "vehicleId": clock.id(), "status": "PENDING",
                "description": "Brakes squeal", "customer": { "name": "Ana Souza", "email": "customer@example.com" } } });
        let id = clock.id();
        let letter = json!({ "id": id, "queue": "billing-work-order-created", "topic": event["eventType"],
            "messageId": event["eventId"], "correlation": order, "reason": "the disk was full", "body": event.to_string(),
            "at": clock.now() });
        let next: DeadLetter = serde_json::from_value(letter).unwrap();
        let file = self.folder.path().join("billing.sqlite");
        let store = garage_billing_service::connect(&format!("sqlite:{}", file.display())).await.unwrap();
        let change = change(id, 0, Decision { next: Some(next), messages: Vec::new() }).unwrap();
        assert_eq!(store.commit(&[change]).await.unwrap(), [Outcome::Committed]);
    }

    /// A browser in which nobody has signed in.
    pub(crate) fn browser(&self) -> Browser {
        Browser::new(&self.front.url)
    }

    /// The manager, signed in as the first start said.
    pub(crate) async fn manager(&self) -> Browser {
        let first = self.front.first.as_ref().unwrap();
        let mut browser = self.browser();
        browser.open("/").await;
        assert_eq!(browser.path, "/sign-in");
        browser.press("Entrar", &[("login", &first.login), ("password", &first.password)]).await;
        assert_eq!(browser.path, "/", "{}", browser.text());
        browser
    }

    pub(crate) async fn close(self) {
        self.front.stop().await;
        self.embedded.stop().await;
    }
}

/// Reloads the page until it shows this, as a person does who waits.
pub(crate) async fn until_it_shows(browser: &mut Browser, words: &str) {
    let deadline = Instant::now() + PATIENCE;
    let path = browser.path.split('?').next().unwrap_or_default().to_owned();
    while !browser.open(&path).await.shows(words) {
        assert!(Instant::now() < deadline, "{path} never shows {words:?}:\n{}", browser.text());
        sleep(Duration::from_millis(20)).await;
    }
}
