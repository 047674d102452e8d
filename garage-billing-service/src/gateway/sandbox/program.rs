//! The sandbox as a program of its own: its book in a database of its own, its routes on a port, its webhooks to whoever is
//! named. What it does wrong on purpose can be told at its start or over its routes.

use std::net::{Ipv4Addr, SocketAddr};

use garage_events::Service;
use garage_kit::{
    Failure, Repository,
    bus::local::LocalBus,
    clock::Clock,
    http::serve,
    outbox::Outbox,
    program::{self, Env, Misconfigured},
};
use garage_saga::{program::Stopped, service::bind, topology_of};
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};

use super::{Sandbox, bell::Bell, faults::Odds, server};

/// The port that it listens on unless told otherwise.
pub const DEFAULT_PORT: u16 = 3004;

/// What it is told by its environment.
#[derive(Clone, Debug)]
pub struct Settings {
    port: u16,
    database: SecretString,
    access_token: SecretString,
    pages: Option<String>,
    webhook_secret: Option<SecretString>,
    webhook_url: Option<Url>,
    webhook_copies: u32,
    odds: Odds,
    seed: u64,
}

impl Settings {
    /// From `PORT`, `SANDBOX_DATABASE_URL`, `MERCADOPAGO_ACCESS_TOKEN`, `SANDBOX_PUBLIC_URL`,
    /// `MERCADOPAGO_WEBHOOK_SECRET`, `SANDBOX_WEBHOOK_URL`, `SANDBOX_WEBHOOK_COPIES`, `SANDBOX_FAULTS` and `SANDBOX_SEED`.
    ///
    /// # Errors
    /// One sentence that names the variable that is missing or wrong.
    pub fn from_env(env: &Env) -> Result<Self, Misconfigured> {
        const WEB: [&str; 2] = ["http", "https"];
        let database =
            env.url("SANDBOX_DATABASE_URL", &["sqlite", "postgres", "postgresql", "mongodb", "mongodb+srv"])?;
        let webhook_url = env.url("SANDBOX_WEBHOOK_URL", &WEB)?;
        let webhook_url = webhook_url.map(|url| url.expose_secret().parse::<Url>()).transpose();
        let webhook_secret = env.secret("MERCADOPAGO_WEBHOOK_SECRET")?;
        if webhook_secret.is_none() && env.text("SANDBOX_WEBHOOK_URL")?.is_some() {
            return Err(Misconfigured::new(
                "MERCADOPAGO_WEBHOOK_SECRET is not set: whoever hears of SANDBOX_WEBHOOK_URL must be able to check it",
            ));
        }
        Ok(Self {
            port: env.parse("PORT", "a port number from 1 to 65535")?.unwrap_or(DEFAULT_PORT),
            database: database.unwrap_or_else(|| "sqlite:garage-sandbox.sqlite".to_owned().into()),
            access_token: env
                .required_secret("MERCADOPAGO_ACCESS_TOKEN", "any token, which callers must bring along")?,
            pages: env.url("SANDBOX_PUBLIC_URL", &WEB)?.map(|url| url.expose_secret().to_owned()),
            webhook_secret,
            webhook_url: webhook_url
                .map_err(|cause| Misconfigured::new(format!("SANDBOX_WEBHOOK_URL is no URL: {cause}")))?,
            webhook_copies: env.parse("SANDBOX_WEBHOOK_COPIES", "a whole number")?.unwrap_or(1),
            odds: odds(env)?,
            seed: env.parse("SANDBOX_SEED", "a whole number")?.unwrap_or_default(),
        })
    }
}

/// `answer-lost=20,unavailable=10`: of a hundred calls.
fn odds(env: &Env) -> Result<Odds, Misconfigured> {
    const WANTED: &str = "a list such as answer-lost=20,request-lost=5,unavailable=10,slow=1, in percent";
    let Some(told) = env.text("SANDBOX_FAULTS")? else { return Ok(Odds::default()) };
    let wrong = || Misconfigured::new(format!("SANDBOX_FAULTS must be {WANTED}; it is {told:?}"));
    let mut odds = Odds::default();
    for entry in told.split(',') {
        let (name, share) = entry.trim().split_once('=').ok_or_else(wrong)?;
        let share = share.parse().ok().filter(|share| *share <= 100).ok_or_else(wrong)?;
        match name {
            "answer-lost" => odds.answer_lost = share,
            "request-lost" => odds.request_lost = share,
            "unavailable" => odds.unavailable = share,
            "slow" => odds.slow = share,
            _ => return Err(wrong()),
        }
    }
    Ok(odds)
}

/// A sandbox with a book of its own in the database at this address.
///
/// # Errors
/// When the book cannot be opened.
pub async fn open(database: &str, clock: Clock) -> Result<Sandbox, Failure> {
    let store = crate::connect(database).await?;
    // It tells no events: any bus will do.
    let bus = LocalBus::new().member(topology_of(Service::Billing)?, store.clone());
    let outbox = Outbox::start(store, bus, clock.clone());
    Ok(Sandbox::new(Repository::new(outbox), clock))
}

/// Runs until a signal asks to stop.
///
/// # Errors
/// At once when a setting is missing or wrong, the port is taken or the book cannot be opened.
pub async fn run(env: &Env) -> Result<(), Stopped> {
    let told = Settings::from_env(env)?;
    let (clock, stopping) = (Clock::system(), program::shutdown_signal()?);
    let listener = bind("the sandbox gateway", SocketAddr::from((Ipv4Addr::UNSPECIFIED, told.port))).await?;
    let pages = told.pages.unwrap_or_else(|| format!("http://127.0.0.1:{}", told.port));
    let mut sandbox = open(told.database.expose_secret(), clock.clone()).await?.with_pages(&pages);
    if let Some(secret) = told.webhook_secret {
        let bell = Bell::new(told.webhook_url, secret, told.webhook_copies, clock);
        sandbox = sandbox.with_bell(bell.map_err(|cause| Failure::lasting("preparing webhooks", cause))?);
    }
    if told.odds != Odds::default() {
        tracing::warn!(odds = ?told.odds, seed = told.seed, "the sandbox misbehaves by chance, as it was told");
        sandbox.faults().by_chance(told.seed, told.odds);
    }
    tracing::info!(pages, "the sandbox gateway is open; no money moves");
    serve(listener, server::router(sandbox, told.access_token), stopping).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(variables: &[(&str, &str)]) -> Result<Settings, String> {
        let mut all = vec![("MERCADOPAGO_ACCESS_TOKEN", "TEST-1")];
        all.extend(variables);
        Settings::from_env(&Env::fixed(&all)).map_err(|wrong| wrong.to_string())
    }

    #[test]
    fn it_needs_a_token_and_nothing_else() {
        assert_eq!(told(&[]).unwrap().port, DEFAULT_PORT);
        let missing = Settings::from_env(&Env::fixed(&[])).unwrap_err().to_string();
        assert!(missing.starts_with("MERCADOPAGO_ACCESS_TOKEN is not set"), "{missing}");
    }

    #[test]
    fn trouble_is_told_in_percent() {
        let odds = told(&[("SANDBOX_FAULTS", "answer-lost=20, unavailable=10")]).unwrap().odds;
        assert_eq!(odds, Odds { answer_lost: 20, unavailable: 10, ..Odds::default() });
        for wrong in ["answer-lost", "answer-lost=101", "answer-lost=x", "lunch=1"] {
            assert!(
                told(&[("SANDBOX_FAULTS", wrong)]).unwrap_err().starts_with("SANDBOX_FAULTS must be"),
                "{wrong}"
            );
        }
    }

    #[test]
    fn webhooks_are_signed_or_not_told() {
        let unsigned = told(&[("SANDBOX_WEBHOOK_URL", "http://127.0.0.1:3002/webhooks/mercado-pago")]);
        assert!(unsigned.unwrap_err().starts_with("MERCADOPAGO_WEBHOOK_SECRET is not set"));
    }
}
