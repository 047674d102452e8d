//! The distributed way of running, for tests: the three real service programs on real servers, in databases and a
//! virtual host of their own.

#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot go on must stop, and say why")]
#![allow(dead_code, reason = "each test program uses its part of this")]
#![allow(clippy::allow_attributes, reason = "what is dead differs from program to program")]

pub(crate) mod wire;

use std::{
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use chrono::TimeDelta;
use garage::{broker::definitions, shop::Shop};
use garage_events::{Service, broker::AUDIT};
use garage_kit::{
    auth::{Grant, sign},
    clock::Clock,
    testing::{MongoDatabase, PostgresDatabase, mongo_database, postgres_database},
};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

pub(crate) const SECRET: &str = "a secret that only these tests know";
const PATIENCE: Duration = Duration::from_secs(60);

/// A virtual host of its own on the tests' broker.
pub(crate) struct VirtualHost {
    name: String,
    client: Client,
}

/// Of the broker's user with this name.
pub(crate) fn broker_password(service: &str) -> String {
    format!("only tests know {service}")
}

/// The address of a broker for the user that a program is.
pub(crate) fn signed_in(url: &str, program: &str) -> String {
    let service = program.trim_start_matches("garage-");
    url.replacen("guest:guest", &format!("{service}:{}", broker_password(service).replace(' ', "%20")), 1)
}

pub(crate) fn variable(name: &str) -> String {
    std::env::var(name)
        .unwrap_or_else(|_| panic!("{name} is not set: run `cargo xtask test`, it starts private servers"))
}

impl VirtualHost {
    pub(crate) async fn make() -> Result<Self> {
        let name = format!("garage-{}", Clock::system().event_id().simple());
        let host = Self { name, client: Client::builder().no_proxy().build()? };
        host.set_up().await?;
        Ok(host)
    }

    async fn set_up(&self) -> Result<()> {
        self.api(Method::PUT, &format!("/api/vhosts/{}", self.name), Some(json!({}))).await?;
        let all = json!({ "configure": ".*", "write": ".*", "read": ".*" });
        self.api(Method::PUT, &format!("/api/permissions/{}/guest", self.name), Some(all)).await?;
        self.import().await
    }

    /// Loses every message and every queue, as a broker does whose disks are gone, and sets it up anew.
    pub(crate) async fn lose_everything(&self) -> Result<()> {
        self.api(Method::DELETE, &format!("/api/vhosts/{}", self.name), None).await?;
        self.set_up().await
    }

    /// Sets it up as an operator does: with the definitions that are shipped, for this virtual host instead of `/`.
    async fn import(&self) -> Result<()> {
        let password = |service: Service| Some(broker_password(service.word()).into());
        let mut definitions = definitions(password, &Clock::system());
        for (_, of_a_kind) in definitions.as_object_mut().context("definitions")? {
            for one in of_a_kind.as_array_mut().context("a list")? {
                if one.get("vhost").is_some() {
                    one["vhost"] = json!(self.name);
                }
            }
        }
        definitions.as_object_mut().context("definitions")?.remove("vhosts");
        // Users are the whole broker's, and another test may import them at this moment.
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.api(Method::POST, "/api/definitions", Some(definitions.clone())).await {
                Err(_) if Instant::now() < deadline => sleep(Duration::from_millis(100)).await,
                imported => return imported.map(|_| ()),
            }
        }
    }

    /// Its address for AMQP, through whatever listens at `place`.
    pub(crate) fn url_at(&self, place: &str) -> String {
        format!("amqp://guest:guest@{place}/{}", self.name)
    }

    /// Its address for AMQP with TLS, for those who trust this authority.
    pub(crate) fn tls_url(&self, authority: &std::path::Path) -> String {
        let broker = variable("GARAGE_TEST_RABBITMQ_TLS_URL");
        format!("{}/{}?cacertfile={}", broker.trim_end_matches('/'), self.name, authority.display())
    }

    /// Its address for AMQP.
    pub(crate) fn url(&self) -> String {
        format!("{}/{}", variable("GARAGE_TEST_RABBITMQ_URL").trim_end_matches('/'), self.name)
    }

    pub(crate) async fn api(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value> {
        let url = format!("{}{path}", variable("GARAGE_TEST_RABBITMQ_MANAGEMENT_URL").trim_end_matches('/'));
        let mut request = self.client.request(method, &url);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await?.error_for_status()?;
        Ok(serde_json::from_str(&answer.text().await?).unwrap_or_default())
    }

    /// Every queue's name with the number of messages in it, handed out or not; but for the record's.
    pub(crate) async fn queues(&self) -> Result<Vec<(String, u64)>> {
        let queues = self.api(Method::GET, &format!("/api/queues/{}", self.name), None).await?;
        let depth = |queue: &Value| {
            (
                queue["name"].as_str().unwrap_or_default().to_owned(),
                queue["messages"].as_u64().unwrap_or_default(),
            )
        };
        let queues = queues.as_array().context("a list of queues")?.iter().map(depth);
        Ok(queues.filter(|(name, _)| name != AUDIT).collect())
    }

    /// The names of the connections.
    pub(crate) async fn connections(&self) -> Result<Vec<String>> {
        let connections =
            self.api(Method::GET, &format!("/api/vhosts/{}/connections", self.name), None).await?;
        let name = |one: &Value| one["user_provided_name"].as_str().unwrap_or_default().to_owned();
        let mut names: Vec<String> =
            connections.as_array().context("a list of connections")?.iter().map(name).collect();
        names.sort();
        Ok(names)
    }

    /// Publishes raw bytes through the management API, as somebody who is no service would.
    pub(crate) async fn publish(&self, topic: &str, body: &str) -> Result<()> {
        let message =
            json!({ "properties": {}, "routing_key": topic, "payload": body, "payload_encoding": "string" });
        let told = self
            .api(Method::POST, &format!("/api/exchanges/{}/garage-events/publish", self.name), Some(message))
            .await?;
        ensure!(told["routed"] == true, "nobody is bound to {topic}");
        Ok(())
    }

    /// Puts a message into a queue, and nowhere else.
    pub(crate) async fn put(&self, queue: &str, properties: Value, body: &str) -> Result<()> {
        let message = json!({ "properties": properties, "routing_key": queue, "payload": body, "payload_encoding": "string" });
        let path = format!("/api/exchanges/{}/amq.default/publish", self.name);
        let told = self.api(Method::POST, &path, Some(message)).await?;
        ensure!(told["routed"] == true, "there is no queue {queue}");
        Ok(())
    }

    pub(crate) async fn remove(self) -> Result<()> {
        self.api(Method::DELETE, &format!("/api/vhosts/{}", self.name), None).await.map(|_| ())
    }
}

/// A service program.
pub(crate) struct Program {
    name: &'static str,
    port: u16,
    environment: Vec<(String, String)>,
    /// Where its log goes, if not to this test's.
    log: Option<PathBuf>,
    child: Option<Child>,
}

/// The built program: it lies beside the folder of the test itself.
pub(crate) fn built(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test has a path");
    let folder = test.parent().and_then(|deps| deps.parent()).expect("target/debug");
    let program = folder.join(name);
    assert!(program.exists(), "{} is not built: run the whole workspace's tests", program.display());
    program
}

pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address").port()
}

impl Program {
    fn new(name: &'static str, environment: &[(&str, String)]) -> Self {
        let port = free_port();
        let mut environment: Vec<_> =
            environment.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        environment.push(("PORT".to_owned(), port.to_string()));
        environment.push(("JWT_SECRET".to_owned(), SECRET.to_owned()));
        environment.push(("RUST_LOG".to_owned(), "error,lapin=off".to_owned()));
        Self { name, port, environment, log: None, child: None }
    }

    pub(crate) fn start(&mut self) -> Result<()> {
        let mut command = Command::new(built(self.name));
        command.env_clear().envs(self.environment.iter().cloned()).stdin(Stdio::null()).stdout(Stdio::null());
        if let Some(log) = &self.log {
            command.stderr(std::fs::File::create(log)?);
        }
        self.child = Some(command.spawn().with_context(|| format!("starting {}", self.name))?);
        Ok(())
    }

    /// The end that nobody can prepare for.
    pub(crate) fn kill(&mut self) -> Result<()> {
        let mut child = self.child.take().context("it runs")?;
        child.kill()?;
        child.wait()?;
        Ok(())
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.is_some().then(|| self.kill());
    }
}

/// The three services on their servers.
pub(crate) struct Chain {
    pub host: VirtualHost,
    pub programs: [Program; 3],
    /// OS's, Billing's and Execution's.
    pub databases: (PostgresDatabase, MongoDatabase, PostgresDatabase),
}

impl Chain {
    /// Starts everything and waits until all three are ready.
    pub(crate) async fn start() -> Result<Self> {
        let chain = Self::start_through(|host| host.url(), |database| database).await?;
        chain.wait_until_ready().await?;
        Ok(chain)
    }

    /// Starts everything, with the broker's and OS's database's addresses as a test wants them.
    pub(crate) async fn start_through(
        broker: impl Fn(&VirtualHost) -> String,
        os_database: impl Fn(String) -> String,
    ) -> Result<Self> {
        let mut chain = Self::prepare(broker, os_database).await?;
        for program in &mut chain.programs {
            program.start()?;
        }
        Ok(chain)
    }

    async fn prepare(
        broker: impl Fn(&VirtualHost) -> String,
        os_database: impl Fn(String) -> String,
    ) -> Result<Self> {
        let host = VirtualHost::make().await?;
        let databases = (
            postgres_database("os_service").await,
            mongo_database("billing_service"),
            postgres_database("execution_service").await,
        );
        let broker = |program| ("RABBITMQ_URL", signed_in(&broker(&host), program));
        let programs = [
            Program::new(
                "garage-os-service",
                &[broker("garage-os-service"), ("DATABASE_URL", os_database(databases.0.url()))],
            ),
            Program::new(
                "garage-billing-service",
                &[
                    broker("garage-billing-service"),
                    ("MONGODB_URI", databases.1.uri()),
                    ("PAYMENT_GATEWAY", "sandbox".to_owned()),
                ],
            ),
            Program::new(
                "garage-execution-service",
                &[broker("garage-execution-service"), ("DATABASE_URL", databases.2.url())],
            ),
        ];
        Ok(Self { host, programs, databases })
    }

    /// Starts everything with more variables, and each program's log in a file of its name.
    pub(crate) async fn start_told(more: &[(&str, String)], logs: &std::path::Path) -> Result<Self> {
        let mut chain = Self::prepare(|host| host.url(), |database| database).await?;
        for program in &mut chain.programs {
            program.environment.extend(more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
            program.log = Some(logs.join(program.name));
            program.start()?;
        }
        chain.wait_until_ready().await?;
        Ok(chain)
    }

    pub(crate) async fn wait_until_ready(&self) -> Result<()> {
        let client = Client::builder().no_proxy().build()?;
        let deadline = Instant::now() + PATIENCE;
        for program in &self.programs {
            let url = format!("{}/health/ready", program.url());
            while !client.get(&url).send().await.is_ok_and(|answer| answer.status().is_success()) {
                ensure!(Instant::now() < deadline, "{} did not become ready", program.name);
                sleep(Duration::from_millis(50)).await;
            }
        }
        Ok(())
    }

    pub(crate) fn urls(&self) -> [String; 3] {
        [0, 1, 2].map(|at: usize| self.programs[at].url())
    }

    pub(crate) fn shop(&self) -> Result<Shop> {
        Shop::new(self.urls(), Self::token()?)
    }

    /// A token of somebody who may do everything.
    pub(crate) fn token() -> Result<String> {
        let grant = Grant::new("tests", &["attendant", "technician", "manager"], TimeDelta::hours(1));
        Ok(sign(&SECRET.to_owned().into(), &grant, &Clock::system())?)
    }

    /// Waits until no queue holds a message. The broker counts twice a second, so one look is not enough.
    pub(crate) async fn wait_until_drained(&self) -> Result<()> {
        for _ in 0..2 {
            sleep(Duration::from_millis(1100)).await;
            self.wait_until_these_hold_messages(&[]).await?;
        }
        Ok(())
    }

    /// Waits until exactly these queues hold messages.
    pub(crate) async fn wait_until_these_hold_messages(&self, names: &[&str]) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let mut queues = self.host.queues().await?;
            queues.retain(|(_, depth)| *depth > 0);
            queues.sort();
            if queues.iter().map(|(name, _)| name.as_str()).eq(names.iter().copied()) {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "messages are in {queues:?}, must be in {names:?}");
            sleep(Duration::from_millis(200)).await;
        }
    }

    /// Waits until exactly these connections are seen.
    pub(crate) async fn wait_until_connected_as(&self, names: &[&str]) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let connections = self.host.connections().await?;
            if connections == names {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "connections are {connections:?}, must be {names:?}");
            sleep(Duration::from_millis(200)).await;
        }
    }

    pub(crate) async fn stop(mut self) -> Result<()> {
        for program in &mut self.programs {
            program.kill()?;
        }
        self.host.remove().await
    }
}
