//! The shop's screens: pages for the desk, the technician's phone and the customer's link, made on the server and usable
//! without script. They speak to the three services only through their REST and event streams, as any other client
//! would; no rule of the shop is here, and what a service refuses is shown in its own words.
//!
//! This file is the only door: a program connects the store of its people and opens the screens with it.

mod app;
mod form;
mod guard;
mod key;
mod lang;
mod links;
mod live;
mod mail;
mod messages;
mod oidc;
mod pages;
mod pdf;
mod people;
mod services;
mod show;
mod signer;
mod status;
mod trouble;
mod ui;
mod visitor;

use axum::Router;
use chrono::{DateTime, FixedOffset, Offset, Utc};
use garage_kit::{
    Failure,
    auth::Verifier,
    clock::Clock,
    program::{Env, Misconfigured},
};
use secrecy::ExposeSecret;

pub use app::Running;
pub use lang::Lang;
pub use mail::Mail;
pub use oidc::OidcSettings;
pub use people::{FirstManager, People};
pub use signer::Signer;

/// Where the screens are unless told otherwise.
pub const DEFAULT_PORT: u16 = 3000;

/// What the screens are opened with.
pub struct Parts {
    /// Base URLs of OS, Billing and Execution, in this order.
    pub urls: [String; 3],
    /// Whose signature the services believe.
    pub signer: Signer,
    /// Knows the proxies in front of these pages.
    pub verifier: Verifier,
    /// Who works here.
    pub people: People,
    /// The time.
    pub clock: Clock,
    /// The shop's own wishes.
    pub settings: Settings,
}

/// What a shop may want otherwise.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The shop's zone. Brazil has had no daylight saving since 2019, so an offset is enough.
    pub zone: FixedOffset,
    /// The address under which customers reach these pages; where it is not given, the one that the desk itself uses.
    pub public_url: Option<String>,
    /// What the shop is called, for its customers.
    pub name: Option<String>,
    /// Where they call it: digits, with the area code.
    pub phone: Option<String>,
    /// How its customers get mail; where it is not given, they get none.
    pub mail: Option<Mail>,
    /// In which language they do.
    pub lang: Lang,
    /// The provider by which people sign in, if there is one.
    pub oidc: Option<OidcSettings>,
}

impl Default for Settings {
    /// In Brasília's zone.
    fn default() -> Self {
        let zone = FixedOffset::west_opt(3 * 3600).unwrap_or_else(|| Utc.fix());
        Self { zone, public_url: None, name: None, phone: None, mail: None, lang: Lang::Pt, oidc: None }
    }
}

impl Settings {
    /// From `UTC_OFFSET`, `PUBLIC_URL`, `SHOP_NAME`, `SHOP_PHONE`, `SHOP_LANGUAGE`, `SMTP_URL`, `SMTP_FROM` and those
    /// that begin with `OIDC_`.
    ///
    /// # Errors
    /// When one of them does not read.
    pub fn from_env(env: &Env) -> Result<Self, Misconfigured> {
        let zone = env.parse("UTC_OFFSET", "an offset such as -03:00")?;
        let url = env.url("PUBLIC_URL", &["http", "https"])?;
        let public_url = url.map(|url| url.expose_secret().trim_end_matches('/').to_owned());
        let phone = env
            .text("SHOP_PHONE")?
            .map(|phone| phone.chars().filter(char::is_ascii_digit).collect::<String>());
        if phone.as_ref().is_some_and(|digits| !(10..=11).contains(&digits.len())) {
            return Err(Misconfigured::new(
                "SHOP_PHONE must be a phone number with its area code, such as 11987654321",
            ));
        }
        let mail = Mail::from_env(env)?;
        if mail.is_some() && public_url.is_none() {
            return Err(Misconfigured::new(
                "PUBLIC_URL is not set: mail to customers has links, so give the address under which they reach these pages",
            ));
        }
        let lang = env.parse("SHOP_LANGUAGE", "pt or en")?;
        Ok(Self {
            zone: zone.unwrap_or(Self::default().zone),
            oidc: OidcSettings::from_env(env, public_url.as_deref())?,
            public_url,
            name: env.text("SHOP_NAME")?,
            phone,
            mail,
            lang: lang.unwrap_or(Self::default().lang),
        })
    }

    /// What the shop is called.
    pub(crate) fn shop(&self, lang: Lang) -> &str {
        self.name.as_deref().unwrap_or_else(|| lang.t("Oficina", "Garage"))
    }

    /// The shop's time of an instant.
    pub(crate) fn local(&self, at: DateTime<Utc>) -> DateTime<FixedOffset> {
        at.with_timezone(&self.zone)
    }

    /// Whether people may sign in with a password that is kept here.
    #[must_use]
    pub fn take_passwords(&self) -> bool {
        self.oidc.as_ref().is_none_or(|oidc| !oidc.is_only_way())
    }
}

/// Opens the screens.
///
/// # Errors
/// When no HTTP client can be made.
pub fn open(parts: Parts) -> Result<(Router, Running), Failure> {
    let app = app::App::new(parts)?;
    let running = app.start();
    Ok((guard::around(pages::routes(), &app).with_state(app), running))
}
