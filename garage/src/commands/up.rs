//! `garage up`: the three services and the screens in this process, until it is told to stop. Data stays between runs.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    time::Instant,
};

use anyhow::Result;
use chrono::TimeDelta;
use clap::Args;
use garage::{
    embedded::{Addresses, DataDir, Embedded, settings},
    front::Front,
    reconcile::walk::{self, Scope},
    shop::Shop,
};
use garage_events::Service;
use garage_kit::{
    clock::Clock,
    program::{self, Env},
    trace::export,
};

use tokio::time::{Duration, sleep};

use super::{ROLES, token};

/// Between two comparisons.
const BETWEEN: Duration = Duration::from_secs(300);
/// Orders of before are compared by `garage reconcile` alone.
const RECENT: TimeDelta = TimeDelta::days(30);

/// Run everything in this process.
#[derive(Args)]
pub(crate) struct Up {
    /// Where the data lives: a SQLite file per service and one for the shop's people, and the secret that signs tokens
    #[arg(long, default_value = "./garage-data")]
    data_dir: PathBuf,
    /// The interface to listen on; 0.0.0.0 for the shop's network
    #[arg(long, default_value = "127.0.0.1")]
    host: IpAddr,
    /// The OS Service's port
    #[arg(long, default_value_t = garage_os_service::DEFAULT_PORT)]
    os_port: u16,
    /// The Billing Service's port
    #[arg(long, default_value_t = garage_billing_service::DEFAULT_PORT)]
    billing_port: u16,
    /// The Execution Service's port
    #[arg(long, default_value_t = garage_execution_service::DEFAULT_PORT)]
    execution_port: u16,
    /// The port of the screens
    #[arg(long, default_value_t = garage_web::DEFAULT_PORT)]
    web_port: u16,
}

impl Up {
    pub(crate) async fn run(self, env: &Env) -> Result<()> {
        let begun = Instant::now();
        program::init_logging(&quiet(env)?)?;
        let clock = Clock::system();
        let (settings, wishes) = (settings(env)?, garage_web::Settings::from_env(env)?);
        let data = DataDir::open(&self.data_dir)?;
        let secret = match env.secret("JWT_SECRET")? {
            Some(secret) => secret,
            None => data.secret(&clock)?,
        };
        let addresses =
            Addresses { host: self.host, ports: [self.os_port, self.billing_port, self.execution_port] };
        let names: Vec<_> = Service::ALL.iter().map(|service| service.word()).collect();
        export::start(env, &names)?;
        let stopping = program::shutdown_signal()?;
        let embedded = Embedded::start(&data, addresses, settings, &secret, &clock).await?;
        let web = SocketAddr::new(self.host, self.web_port);
        let front = Front::start(&data, web, embedded.urls.clone(), &secret, wishes, &clock).await;
        let front = match front {
            Ok(front) => front,
            Err(failure) => {
                embedded.stop().await;
                return Err(failure.into());
            }
        };
        let token = token(env, &secret, "manager", &ROLES, TimeDelta::hours(12))?;
        self.greet(&embedded, &front, &token, begun);
        let fresh = || super::token(env, &secret, "garage", &ROLES, TimeDelta::hours(1));
        stopping.run_until_cancelled(keep_reconciled(embedded.urls.clone(), &clock, fresh)).await;
        front.stop().await;
        embedded.stop().await;
        export::finish().await;
        Ok(())
    }

    #[expect(clippy::print_stdout, reason = "what a command says goes to standard output")]
    fn greet(&self, embedded: &Embedded, front: &Front, token: &str, begun: Instant) {
        let [os, billing, execution] = &embedded.urls;
        println!(
            "The garage is open (ready in {} ms, data in {}).",
            begun.elapsed().as_millis(),
            self.data_dir.display()
        );
        println!();
        println!("  Screens    {}    for the desk, the workshop and customers", front.url);
        if let Some(first) = &front.first {
            println!("             sign in as {} with the password {}", first.login, first.password);
            println!("             (said only now; `garage password {}` makes a new one)", first.login);
        }
        println!();
        println!("  OS         {os}    customers, vehicles, work orders    {os}/api");
        println!("  Billing    {billing}    quotes, payments, catalogue         {billing}/api");
        println!("  Execution  {execution}    queue, diagnosis, repair            {execution}/api");
        println!();
        println!(
            "Payments go to the gateway named by PAYMENT_GATEWAY; unless told otherwise a sandbox that moves no money,"
        );
        println!(
            "in which a payer named CONT pays on the page that a pending payment names ({billing}/sandbox/pay/...)."
        );
        println!(
            "Programs sign in for 12 hours with this token (`garage token` makes others), as Authorization: Bearer"
        );
        println!("{token}");
    }
}

/// Compares what the services know every few minutes, over their own HTTP, and nudges whoever must tell again. What
/// a service can see by itself that nobody has heard it tells again by itself, within a minute.
async fn keep_reconciled(urls: [String; 3], clock: &Clock, token: impl Fn() -> Result<String>) {
    loop {
        sleep(BETWEEN).await;
        let compared = async {
            let (shop, now) = (Shop::new(urls.clone(), token()?)?, clock.now());
            let scope = Scope { since: Some(now - RECENT), unfinished: true, ask_gateway: false };
            let mut found = Vec::new();
            walk::all(&shop, scope, now, |finding| found.push(finding.clone())).await?;
            for finding in &found {
                tracing::warn!(%finding, "the services do not agree");
            }
            walk::nudge(&shop, &found).await
        };
        if let Err(cause) = compared.await {
            tracing::warn!(cause = format!("{cause:#}"), "the services could not be compared");
        }
    }
}

/// A person watches this program: unless told otherwise its log is for what needs attention.
fn quiet(env: &Env) -> Result<Env> {
    let (filter, format) = (env.text("RUST_LOG")?, env.text("LOG_FORMAT")?);
    Ok(Env::of(move |name| match name {
        "RUST_LOG" => Some(filter.clone().unwrap_or_else(|| "warn".to_owned()).into()),
        "LOG_FORMAT" => format.clone().map(Into::into),
        _ => None,
    }))
}
