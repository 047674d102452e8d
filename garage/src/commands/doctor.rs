//! `garage doctor`: checks whatever is configured and says what to do about what does not work. Exit code 1
//! when something does not. It asks nobody for money. Like a service at its start it brings schemas up to date and declares
//! what is missing at the broker: a difference shows as an error.

use std::{path::PathBuf, time::Duration};

use anyhow::{Result, bail};
use clap::Args;
use garage_billing_service::{
    GatewayChoice, Settings, Till,
    gateway::{Gateway, mercado_pago::MercadoPago},
};
use garage_events::Service;
use garage_kit::{
    Failure,
    bus::{Bus, letters::LetterBox, local::DEAD_LETTERS, rabbitmq::RabbitMq},
    clock::Clock,
    program::{self, Env},
    store::{Query, Store},
};
use garage_saga::topology_of;
use secrecy::{ExposeSecret, SecretString};
use tokio::time::timeout;

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(8);

/// Dead letters are counted so far.
const SOME_LETTERS: u32 = 1000;

/// Check everything that is configured.
///
/// The services' databases are found by OS_DATABASE_URL and EXECUTION_DATABASE_URL, or by DATABASE_HOST and the like with
/// the usual names. Addresses hold passwords, so they are no arguments: anybody on the machine can read those.
#[derive(Args)]
pub(crate) struct Doctor {
    /// The data directory to check when no server is configured
    #[arg(long, default_value = "./garage-data")]
    data_dir: PathBuf,
}

/// What a check found: nothing to complain of, or the complaint and what to do.
type Finding = std::result::Result<String, String>;

impl Doctor {
    #[expect(clippy::print_stdout, reason = "what a command says goes to standard output")]
    pub(crate) async fn run(self, env: &Env) -> Result<()> {
        program::init_logging(&Env::fixed(&[("RUST_LOG", "off")]))?;
        let findings = self.examine(env).await?;
        let mut ill = 0;
        for (name, finding) in findings {
            match finding {
                Ok(text) => println!("✓ {name}: {text}"),
                Err(text) => {
                    println!("✗ {name}: {text}");
                    ill += 1;
                }
            }
        }
        if ill > 0 {
            bail!("{ill} of these need attention");
        }
        Ok(())
    }

    async fn examine(&self, env: &Env) -> Result<Vec<(String, Finding)>> {
        let mut findings = Vec::new();
        for service in ["os", "execution"] {
            if let Some(database) = database(env, service)? {
                findings.push((format!("{service} database"), database.finding(service).await));
            }
        }
        if let Some(uri) = env.url("MONGODB_URI", &["mongodb", "mongodb+srv"])? {
            findings.push((
                "billing database".to_owned(),
                opened(garage_billing_service::connect(uri.expose_secret())).await,
            ));
        }
        if let Some(url) = env.url("RABBITMQ_URL", &["amqp", "amqps"])? {
            for service in Service::ALL {
                findings.push((format!("broker, as {service}"), broker(url.expose_secret(), *service).await));
            }
        }
        if findings.is_empty() {
            findings.extend(self.embedded().await);
        }
        findings.push(("payment gateway".to_owned(), gateway(env).await));
        Ok(findings)
    }

    /// The data directory, when there is no server to check.
    async fn embedded(&self) -> Vec<(String, Finding)> {
        if !self.data_dir.exists() {
            let text = format!("{} is not there yet; `garage up` makes it", self.data_dir.display());
            return vec![("data directory".to_owned(), Ok(text))];
        }
        let mut findings = Vec::new();
        for service in ["os", "billing", "execution"] {
            let path = self.data_dir.join(format!("{service}.sqlite"));
            let url = format!("sqlite:{}", path.display());
            let finding = if path.exists() {
                sql(service, &url).await
            } else {
                Err(format!("{} is missing; `garage up` makes a new one", path.display()))
            };
            findings.push((format!("{service} database"), finding));
        }
        findings
    }
}

/// The variable that holds the address of a service's database, for this command alone.
fn variable(service: &str) -> String {
    format!("{}_DATABASE_URL", service.to_uppercase())
}

/// The address of a service's database: its variable's, or the environment's server with the service's usual name. A
/// service's own `DATABASE_URL` or `DATABASE_NAME` says nothing of the other's.
fn database(env: &Env, service: &str) -> Result<Option<Database>> {
    if let Some(url) = env.url(&variable(service), &["postgres", "postgresql"])? {
        return Ok(Some(Database::At(url)));
    }
    if env.text("DATABASE_URL")?.is_some() || env.text("DATABASE_NAME")?.is_some() {
        return Ok(Some(Database::Unclear));
    }
    let configured = env.text("DATABASE_HOST")?.is_some();
    let url = configured.then(|| env.database_url(&format!("{service}_service"))).transpose()?;
    Ok(url.map(Database::At))
}

enum Database {
    At(SecretString),
    Unclear,
}

impl Database {
    async fn finding(&self, service: &str) -> Finding {
        match self {
            Self::At(url) => sql(service, url.expose_secret()).await,
            Self::Unclear => Err(format!(
                "not checked: DATABASE_URL and DATABASE_NAME name one service's database; set {}",
                variable(service)
            )),
        }
    }
}

async fn sql(service: &str, url: &str) -> Finding {
    match service {
        "os" => opened(garage_os_service::connect(url)).await,
        "billing" => opened(garage_billing_service::connect(url)).await,
        _ => opened(garage_execution_service::connect(url)).await,
    }
}

async fn opened(connecting: impl Future<Output = Result<std::sync::Arc<dyn Store>, Failure>>) -> Finding {
    let store =
        timeout(PATIENCE, connecting).await.map_err(|_| late())?.map_err(|failure| failure.to_string())?;
    timeout(PATIENCE, store.ping()).await.map_err(|_| late())?.map_err(|failure| failure.to_string())?;
    let some = Query { limit: SOME_LETTERS, ..Query::default() };
    let letters = timeout(PATIENCE, store.find(&DEAD_LETTERS, &some)).await.map_err(|_| late())?;
    let letters = letters.map_err(|failure| failure.to_string())?.len();
    Ok(format!(
        "answers, and its schema is up to date (as at a start: what was missing has been added){}",
        dead_letters(letters)
    ))
}

/// They make nothing ill, but somebody should look at them.
fn dead_letters(count: impl Into<usize>) -> String {
    match count.into() {
        0 => String::new(),
        count if count >= SOME_LETTERS as usize => {
            format!("; {count} dead letters or more rest here: look at them with `garage dlq list`")
        }
        count => format!("; {count} dead letters rest here: look at them with `garage dlq list`"),
    }
}

fn late() -> String {
    format!(
        "no answer within {} s; is the server there, and may it be reached from here?",
        PATIENCE.as_secs()
    )
}

/// Declares what the service itself would declare: that is how a difference shows.
async fn broker(url: &str, service: Service) -> Finding {
    let mut topology = topology_of(service).map_err(|failure| failure.to_string())?;
    "garage-doctor".clone_into(&mut topology.service);
    topology.consumes.clear();
    let bus = RabbitMq::connect(url, topology, Clock::system()).map_err(|failure| failure.to_string())?;
    let ready = timeout(PATIENCE, bus.wait_until_ready()).await;
    let state = bus.ready();
    let letters = bus.resting().await.unwrap_or_default();
    bus.close().await;
    match (ready, state) {
        (Ok(()), _) => Ok(format!(
            "reachable, exchanges and queues are as they must be{}",
            dead_letters(usize::try_from(letters.values().sum::<u64>()).unwrap_or(usize::MAX))
        )),
        (Err(_), Err(failure)) => Err(failure.to_string()),
        (Err(_), Ok(())) => Err(late()),
    }
}

async fn gateway(env: &Env) -> Finding {
    let settings = Settings::from_env(env, true).map_err(|wrong| wrong.to_string())?;
    match settings.gateway {
        GatewayChoice::Sandbox => Ok("the sandbox inside the program; no money moves".to_owned()),
        GatewayChoice::MercadoPago(gateway) => provider(&gateway, &settings.till).await,
    }
}

/// Whether the account is there and takes what the shop wants to take. Reading both charges nobody.
async fn provider(gateway: &MercadoPago, till: &Till) -> Finding {
    let wrong = |cause| format!("{cause}; check MERCADOPAGO_ACCESS_TOKEN and MERCADOPAGO_BASE_URL");
    gateway.check().await.map_err(wrong)?;
    let takes = gateway.methods().await.map_err(wrong)?;
    let missing: Vec<_> = till.methods.iter().filter(|method| !takes.contains(method)).collect();
    if !missing.is_empty() {
        let missing: Vec<String> = missing.into_iter().map(ToString::to_string).collect();
        return Err(format!(
            "Mercado Pago accepts the access token, and this account does not take {}: enable them there, or set \
             PAYMENT_METHODS to what it takes",
            missing.join(", ")
        ));
    }
    let hears = match till.webhook_secret {
        Some(_) => "webhooks are believed that are signed with MERCADOPAGO_WEBHOOK_SECRET",
        None => "no webhooks are taken (MERCADOPAGO_WEBHOOK_SECRET is not set), payments are asked for",
    };
    Ok(format!(
        "Mercado Pago answers, accepts the access token and takes every method; {hears}; nobody was charged"
    ))
}
