//! The operator's commands, one file each, and what several of them need: where the services are and who asks.

pub(crate) mod asyncapi;
pub(crate) mod backup;
pub(crate) mod bench;
pub(crate) mod definitions;
pub(crate) mod demo;
pub(crate) mod dlq;
pub(crate) mod doctor;
pub(crate) mod openapi;
pub(crate) mod password;
pub(crate) mod reconcile;
pub(crate) mod saga;
pub(crate) mod token;
pub(crate) mod up;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use chrono::TimeDelta;
use clap::Args;
use garage::{embedded, shop::Shop};
use garage_kit::{
    auth::{Grant, sign},
    clock::Clock,
    program::Env,
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

/// Everything that a person may be.
pub(crate) const ROLES: [&str; 3] = ["attendant", "technician", "manager"];

/// Where the services are.
#[derive(Args)]
pub(crate) struct Services {
    /// The OS Service's address
    #[arg(long, default_value = "http://127.0.0.1:3001", value_parser = address)]
    pub os: String,
    /// The Billing Service's address
    #[arg(long, default_value = "http://127.0.0.1:3002", value_parser = address)]
    pub billing: String,
    /// The Execution Service's address
    #[arg(long, default_value = "http://127.0.0.1:3003", value_parser = address)]
    pub execution: String,
    /// The data directory of `garage up`
    #[arg(long, default_value = "./garage-data")]
    pub data_dir: PathBuf,
}

impl Services {
    /// A client of these services that may do everything: with the token in `GARAGE_TOKEN` (no argument, as anybody on
    /// the machine can read those), or else one signed with `JWT_SECRET` or the data directory's secret.
    pub(crate) fn shop(&self, env: &Env) -> Result<Shop> {
        self.shop_as(env, "garage")
    }

    /// The same, under a name that is kept.
    pub(crate) fn shop_as(&self, env: &Env, subject: &str) -> Result<Shop> {
        let token = match env.secret("GARAGE_TOKEN")? {
            Some(token) => token.expose_secret().to_owned(),
            None => token(env, &secret(env, &self.data_dir)?, subject, &ROLES, TimeDelta::hours(1))?,
        };
        Shop::new([self.os.clone(), self.billing.clone(), self.execution.clone()], token)
    }
}

/// A service's address.
pub(crate) fn address(text: &str) -> Result<String, &'static str> {
    let read = reqwest::Url::parse(text).ok();
    let is_web = read.is_some_and(|url| ["http", "https"].contains(&url.scheme()) && url.has_host());
    is_web.then(|| text.to_owned()).ok_or("it must be an address such as http://127.0.0.1:3001")
}

/// The secret that signs tokens: `JWT_SECRET`, or the data directory's.
pub(crate) fn secret(env: &Env, data_dir: &Path) -> Result<SecretString> {
    if let Some(secret) = env.secret("JWT_SECRET")? {
        return Ok(secret);
    }
    match embedded::secret_in(data_dir)? {
        Some(secret) => Ok(secret),
        None => bail!(
            "there is no secret to sign with: set JWT_SECRET, or name the --data-dir of a `garage up` (not {})",
            data_dir.display()
        ),
    }
}

/// A signed token, for the audience and by the issuer that the services check, if they do.
pub(crate) fn token(
    env: &Env,
    secret: &SecretString,
    subject: &str,
    roles: &[&str],
    lifetime: TimeDelta,
) -> Result<String> {
    let mut grant = Grant::new(subject, roles, lifetime);
    for (claim, variable) in [("aud", "JWT_AUDIENCE"), ("iss", "JWT_ISSUER")] {
        if let Some(value) = env.text(variable)? {
            grant = grant.with(claim, value);
        }
    }
    sign(secret, &grant, &Clock::system()).context("signing a token")
}

/// A line of a work order's timeline.
pub(crate) fn timeline_line(fact: &Value) -> String {
    let object = fact.as_object().cloned().unwrap_or_default();
    let at = fact["at"].as_str().unwrap_or_default();
    let told = |(name, value): (&String, &Value)| match value.as_str() {
        Some(text) => format!("{name} {text}"),
        None => format!("{name} {value}"),
    };
    let details: Vec<String> = object
        .iter()
        .filter(|(name, value)| !["at", "type", "eventId"].contains(&name.as_str()) && !value.is_null())
        .map(told)
        .collect();
    format!("  {at}  {:<20} {}", fact["type"].as_str().unwrap_or_default(), details.join(", "))
        .trim_end()
        .to_owned()
}
