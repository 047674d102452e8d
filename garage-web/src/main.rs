//! The screens as a program of their own, in front of services that run elsewhere.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::ExitCode,
};

use garage_kit::{
    Failure,
    auth::Verifier,
    clock::Clock,
    http,
    program::{self, Env, Misconfigured},
};
use garage_saga::{
    program::{self as serving, Stopped},
    service::bind,
};
use garage_web::{DEFAULT_PORT, Parts, People, Settings, Signer, open};
use secrecy::ExposeSecret;

const VARIABLES: &str = "Environment:
  OS_SERVICE_URL, BILLING_SERVICE_URL, EXECUTION_SERVICE_URL   where the services are, http:// or https://
  JWT_SECRET               the secret with which the services check tokens; JWT_AUDIENCE, JWT_ISSUER if they are checked
  PEOPLE_FILE              where the shop's people are kept, a SQLite file (web.sqlite)
  PUBLIC_URL               the address under which customers reach these pages; else the one that the desk uses
  SHOP_NAME, SHOP_PHONE    what customers see on their page
  SHOP_LANGUAGE            in which language they get mail: pt or en (pt)
  SMTP_URL                 the mail server for messages to customers, such as smtps://user:password@host:465; none
  SMTP_FROM                who writes them, such as Oficina <oficina@example.com>
  OIDC_ISSUER              the address of the provider (OpenID Connect) by which people sign in, https://; none
  OIDC_CLIENT_ID           the name under which it knows these screens; their address is PUBLIC_URL/sign-in/oidc/callback
  OIDC_CLIENT_SECRET       their secret there; none for a public client
  OIDC_ROLES_CLAIM         where it says who is attendant, technician or manager, such as realm_access.roles (roles)
  OIDC_NAME                what it is called on the button (its host)
  OIDC_ONLY                true: nobody signs in with a password that is kept here (false)
  UTC_OFFSET               the shop's zone, such as -04:00 (-03:00)
  RESET_PASSWORD           gives this login a new password, prints it and stops
  TRUSTED_PROXIES          addresses or networks whose X-Forwarded-For is believed; none
  PORT                     3000
  LOG_FORMAT, RUST_LOG     text or json; info
Every secret also as NAME_FILE, the path of a file that holds it.";

fn main() -> ExitCode {
    serving::main("garage-web", "the shop's screens", VARIABLES, DEFAULT_PORT, async |env| run(&env).await)
}

fn url(env: &Env, name: &str, port: u16) -> Result<String, Misconfigured> {
    let url = env.url(name, &["http", "https"])?;
    let missing = || {
        Misconfigured::new(format!(
            "{name} is not set: give the service's address, such as http://127.0.0.1:{port}"
        ))
    };
    url.map(|url| url.expose_secret().to_owned()).ok_or_else(missing)
}

async fn run(env: &Env) -> Result<(), Stopped> {
    let clock = Clock::system();
    let file = env.text("PEOPLE_FILE")?.map_or_else(|| PathBuf::from("web.sqlite"), PathBuf::from);
    if let Some(login) = env.text("RESET_PASSWORD")? {
        return reset(&People::open(&file).await?, &login).await;
    }
    let urls = [
        url(env, "OS_SERVICE_URL", 3001)?,
        url(env, "BILLING_SERVICE_URL", 3002)?,
        url(env, "EXECUTION_SERVICE_URL", 3003)?,
    ];
    let (signer, verifier) = (Signer::from_env(env)?, Verifier::from_env(env, clock.clone())?);
    let settings = Settings::from_env(env)?;
    let port = env.parse("PORT", "a port number from 1 to 65535")?.unwrap_or(DEFAULT_PORT);
    let people = People::open(&file).await?;
    let stopping = program::shutdown_signal()?;
    let listener = bind("garage-web", SocketAddr::from((Ipv4Addr::UNSPECIFIED, port))).await?;
    if settings.take_passwords() {
        greet(&people, &clock).await?;
    }
    let parts = Parts { urls, signer, verifier, people, clock, settings };
    let (router, running) = open(parts)?;
    let served = tokio::spawn(http::serve(listener, router, stopping.clone()));
    stopping.cancelled().await;
    running.end_streams();
    let served = served.await.unwrap_or_else(|cause| Err(Failure::lasting("serving HTTP", cause)));
    running.stop().await;
    Ok(served?)
}

#[expect(
    clippy::print_stdout,
    reason = "the password is said once, to whoever started the program, and not to the log"
)]
async fn greet(people: &People, clock: &Clock) -> Result<(), Failure> {
    if let Some(first) = people.first_manager(clock.now()).await? {
        println!("Sign in as {} with the password {} (it is not said again).", first.login, first.password);
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "what a command says goes to standard output")]
async fn reset(people: &People, login: &str) -> Result<(), Stopped> {
    let Some(password) = people.reset(login).await? else {
        return Err(
            Misconfigured::new(format!("RESET_PASSWORD names {login:?}, a login that nobody has")).into()
        );
    };
    println!("{password}");
    Ok(())
}
