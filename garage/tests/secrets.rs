//! What the real programs say while they are asked to say everything and much goes wrong: nothing that is secret, and
//! nothing of a customer. The same holds for what `ps` shows of them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod chain;

use std::{
    fs::File,
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::Result;
use chain::{VirtualHost, built, free_port, variable};
use chrono::TimeDelta;
use garage::shop::Shop;
use garage_kit::{
    auth::{Grant, sign},
    clock::Clock,
    program::install_crypto,
    testing::{mongo_database, postgres_database},
};
use reqwest::{Client, Method};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    time::{Instant, sleep},
};

const PATIENCE: Duration = Duration::from_secs(90);
/// Everything secret has this in it; the rest tells which it was.
const MARK: &str = "hush";
const JWT: &str = "hush-jwt-secret-0123456789";
const BROKER: &str = "hush-broker-password";
const DATABASE: &str = "hush-database-password";
const ACCESS: &str = "APP_USR-hush-access-token";
const WEBHOOKS: &str = "hush-webhook-secret";
const CARD: &str = "hush-card-token";
/// Of the customer that `Shop::take_in` makes first.
const PERSONAL: [&str; 3] = ["Ana Souza", "customer@example.com", "00000000191"];

/// A program with all that it says.
struct Watched {
    child: Child,
    said: tempfile::NamedTempFile,
    name: String,
}

impl Watched {
    fn start(program: &str, environment: &[(&str, &str)]) -> Self {
        let said = tempfile::NamedTempFile::new().unwrap();
        let pipe = || Stdio::from(File::options().append(true).open(said.path()).unwrap());
        let mut command = Command::new(built(program));
        command.env_clear().env("RUST_LOG", "trace").env("RUST_BACKTRACE", "full");
        command.envs(environment.iter().copied()).stdin(Stdio::null()).stdout(pipe()).stderr(pipe());
        Self { child: command.spawn().unwrap(), said, name: program.to_owned() }
    }

    fn said(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.said.path()).unwrap()).into_owned()
    }

    async fn until_it_says(&self, words: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.said().contains(words) {
            assert!(Instant::now() < deadline, "{} never says {words:?}: {}", self.name, last(&self.said()));
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Ends it; what it said and what the system tells of it must hold none of these.
    fn must_have_kept(mut self, more: &[&str]) {
        let process = std::fs::read(format!("/proc/{}/cmdline", self.child.id())).unwrap();
        let _ = self.child.kill();
        self.child.wait().unwrap();
        let (said, process) = (self.said(), String::from_utf8_lossy(&process).into_owned());
        // Of one that has ended there is nothing to see any more.
        assert!(
            process.is_empty() || process.contains(&self.name),
            "{} is seen by ps: {process:?}",
            self.name
        );
        assert!(!said.is_empty(), "{} says something", self.name);
        for secret in [MARK].iter().chain(more) {
            // As text, or byte by byte as `Debug` has it: so the AMQP library would tell the broker's password.
            let bytes = secret.bytes().map(|byte| byte.to_string()).collect::<Vec<_>>().join(", ");
            let told = said.lines().find(|line| line.contains(secret) || line.contains(&bytes));
            assert_eq!(told, None, "{} tells {secret}", self.name);
            assert!(!process.contains(secret), "ps tells {secret} of {}", self.name);
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn last(said: &str) -> &str {
    let from = said.char_indices().rev().nth(3000).map_or(0, |(at, _)| at);
    &said[from..]
}

/// Adds a password that the server does not ask for.
fn with_password(url: &str, user: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap();
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    format!("{scheme}://{user}:{DATABASE}@{rest}")
}

/// A payment provider that repeats what it was sent and understands nothing.
async fn provider() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let mut request = vec![0; 16 * 1024];
            let length = connection.read(&mut request).await.unwrap_or_default();
            let echo = json!({ "message": String::from_utf8_lossy(&request[..length]) }).to_string();
            let head =
                format!("HTTP/1.1 500 Oops\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", echo.len());
            let _ = connection.write_all(format!("{head}{echo}").as_bytes()).await;
        }
    });
    format!("http://{address}")
}

/// A user of the broker with a password of its own.
async fn broker_user(host: &VirtualHost) -> Result<String> {
    let name = format!("user-{}", Clock::system().event_id().simple());
    host.api(Method::PUT, &format!("/api/users/{name}"), Some(json!({ "password": BROKER, "tags": "" })))
        .await?;
    let url = host.url();
    let (_, place) = url.rsplit_once('@').unwrap();
    let vhost = place.rsplit_once('/').unwrap().1;
    let all = json!({ "configure": ".*", "write": ".*", "read": ".*" });
    host.api(Method::PUT, &format!("/api/permissions/{vhost}/{name}"), Some(all)).await?;
    Ok(format!("amqp://{name}:{BROKER}@{place}"))
}

async fn until_ready(urls: &[String; 3]) {
    let client = Client::builder().no_proxy().build().unwrap();
    let deadline = Instant::now() + PATIENCE;
    for url in urls {
        let ready = format!("{url}/health/ready");
        while !client.get(&ready).send().await.is_ok_and(|answer| answer.status().is_success()) {
            assert!(Instant::now() < deadline, "{url} does not become ready");
            sleep(Duration::from_millis(100)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn programs_at_work_tell_no_secret_and_nothing_of_a_customer() {
    install_crypto();
    let host = VirtualHost::make().await.unwrap();
    let (broker, gateway) = (broker_user(&host).await.unwrap(), provider().await);
    let (os, billing, execution) =
        (postgres_database("os").await, mongo_database("billing"), postgres_database("execution").await);
    let (os_url, execution_url) =
        (with_password(&os.url(), "postgres"), with_password(&execution.url(), "postgres"));
    let billing_url = billing.uri();
    let ports = [free_port(), free_port(), free_port()].map(|port| port.to_string());
    let common = [("RABBITMQ_URL", broker.as_str()), ("JWT_SECRET", JWT)];
    let start = |program, port: &str, own: &[(&str, &str)]| {
        Watched::start(program, &[&common, &[("PORT", port)][..], own].concat())
    };
    let programs = [
        start("garage-os-service", &ports[0], &[("DATABASE_URL", &os_url)]),
        start(
            "garage-billing-service",
            &ports[1],
            &[
                ("MONGODB_URI", &billing_url),
                ("PAYMENT_GATEWAY", "mercado-pago"),
                ("MERCADOPAGO_ACCESS_TOKEN", ACCESS),
                ("MERCADOPAGO_WEBHOOK_SECRET", WEBHOOKS),
                ("MERCADOPAGO_BASE_URL", &gateway),
            ],
        ),
        start("garage-execution-service", &ports[2], &[("DATABASE_URL", &execution_url)]),
    ];
    let urls = ports.map(|port| format!("http://127.0.0.1:{port}"));
    until_ready(&urls).await;
    let all = Grant::new("tests", &["attendant", "technician", "manager"], TimeDelta::hours(1));
    let token = sign(&JWT.to_owned().into(), &all, &Clock::system()).unwrap();
    let shop = Shop::new(urls.clone(), token.clone()).unwrap();
    let car = shop.take_in("Ana Souza", 1).await.unwrap();
    shop.quote(&car, "approve").await.unwrap();
    let paid = shop.pay_by_card(&car, CARD).await.unwrap();
    assert_eq!(paid.status, 202, "a gateway that answers nonsense leaves it open: {}", paid.body);
    assert!(!paid.body.to_string().contains(MARK), "{}", paid.body);
    for wrong in ["hush.not.a-token", &format!("{token}hush")] {
        let client = Client::builder().no_proxy().build().unwrap();
        let path = format!("{}/customers/document/00000000191?q=hush", urls[0]);
        let answer = client.get(path).bearer_auth(wrong).send().await.unwrap();
        assert_eq!(answer.status(), 401);
        assert!(!answer.text().await.unwrap().contains(MARK));
    }
    let signature = token.rsplit('.').next().unwrap();
    for program in programs {
        program.must_have_kept(&[&[signature][..], &PERSONAL].concat());
    }
    host.remove().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn programs_that_are_refused_everywhere_tell_no_secret() {
    install_crypto();
    let broker = variable("GARAGE_TEST_RABBITMQ_URL");
    let broker = format!("amqp://guest:{BROKER}@{}", broker.rsplit_once('@').unwrap().1);
    let stranger = with_password(&variable("GARAGE_TEST_POSTGRES_URL"), "nobody_of_that_name");
    let documents = with_password(&variable("GARAGE_TEST_MONGODB_URI"), "nobody");
    let database = postgres_database("os").await;
    let right = database.url();
    let port = || free_port().to_string();
    for (program, place, url, words) in [
        ("garage-os-service", "DATABASE_URL", &stranger, "PostgreSQL"),
        ("garage-execution-service", "DATABASE_URL", &stranger, "PostgreSQL"),
        ("garage-billing-service", "MONGODB_URI", &documents, "MongoDB"),
        ("garage-os-service", "DATABASE_URL", &right, "RabbitMQ refuses us"),
    ] {
        let watched = Watched::start(
            program,
            &[
                (place, url),
                ("RABBITMQ_URL", &broker),
                ("JWT_SECRET", JWT),
                ("PORT", &port()),
                ("PAYMENT_GATEWAY", "mercado-pago"),
                ("MERCADOPAGO_ACCESS_TOKEN", ACCESS),
            ],
        );
        watched.until_it_says(words).await;
        watched.must_have_kept(&[]);
    }
}

#[test]
fn a_setting_that_is_wrong_is_named_and_not_repeated() {
    let right = [
        ("DATABASE_URL", "postgres://postgres@127.0.0.1:1/nowhere"),
        ("RABBITMQ_URL", "amqp://127.0.0.1:1"),
        ("JWT_SECRET", "long enough for a secret"),
        ("MONGODB_URI", "mongodb://127.0.0.1:1/billing_service"),
        ("PAYMENT_GATEWAY", "sandbox"),
        ("OS_SERVICE_URL", "http://127.0.0.1:1"),
        ("BILLING_SERVICE_URL", "http://127.0.0.1:1"),
        ("EXECUTION_SERVICE_URL", "http://127.0.0.1:1"),
        ("SMTP_FROM", "oficina@example.com"),
    ];
    for (program, name, wrong) in [
        ("garage-os-service", "JWT_SECRET", "hush"),
        ("garage-os-service", "JWKS_URL", "ftp://user:hush@issuer"),
        ("garage-os-service", "JWKS_URL", "https://user:hush@[issuer"),
        ("garage-os-service", "DATABASE_URL", "mysql://user:hush@host/os"),
        ("garage-os-service", "DATABASE_URL", "postgres://user:hush/2@host:port/os"),
        ("garage-os-service", "RABBITMQ_URL", "http://user:hush@host"),
        ("garage-os-service", "RABBITMQ_URL", "amqp://user:hush@host:port"),
        ("garage-os-service", "RABBITMQ_URL", "amqps://user:hush@host/?cacertfile=/nowhere"),
        ("garage-billing-service", "MONGODB_URI", "mongodb://user:hush/3@host/billing"),
        ("garage-billing-service", "MERCADOPAGO_BASE_URL", "https://user:hush@:x"),
        ("garage-billing-service", "MERCADOPAGO_ACCESS_TOKEN", "hush\nhush"),
        ("garage-web", "SMTP_URL", "http://user:hush@host"),
        ("garage-web", "SMTP_URL", "smtps://user:hush@host:port"),
        ("garage-web", "SMTP_URL", "smtp://user:hush@host:25"),
    ] {
        let mut environment: Vec<_> = right.into_iter().filter(|(known, _)| *known != name).collect();
        environment.extend([(name, wrong), ("RUST_LOG", "trace")]);
        if name.starts_with("MERCADOPAGO") {
            environment.retain(|(known, _)| *known != "PAYMENT_GATEWAY");
            environment.push(("PAYMENT_GATEWAY", "mercado-pago"));
        }
        if name == "MERCADOPAGO_BASE_URL" {
            environment.push(("MERCADOPAGO_ACCESS_TOKEN", ACCESS));
        }
        let output = Command::new(built(program)).env_clear().envs(environment).output().unwrap();
        let said =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(!output.status.success(), "{name}={wrong} was taken");
        assert!(!said.contains(MARK), "{name}: {said}");
    }
}

#[test]
fn no_command_takes_a_secret_as_an_argument() {
    let help = |arguments: &[&str]| {
        let output = Command::new(built("garage")).args(arguments).arg("--help").output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let all = help(&[]);
    let commands = all.split_once("Commands:").unwrap().1.split("Options:").next().unwrap();
    let names: Vec<_> = commands.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(names.contains(&"token") && names.contains(&"doctor"), "{names:?}");
    for name in names.into_iter().filter(|name| *name != "help") {
        let told = help(&[name]).to_lowercase();
        for option in told.split_whitespace().filter(|word| word.starts_with("--")) {
            let tells =
                ["secret", "password", "token", "url", "key"].iter().any(|word| option.contains(word));
            assert!(!tells, "garage {name} takes {option}");
        }
    }
}
