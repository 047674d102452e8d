//! What every page can reach: the services, the people, the clock, who watches. And how the work beside the pages begins
//! and ends.

use std::sync::Arc;

use chrono::{DateTime, FixedOffset, Utc};
use garage_kit::{Failure, auth::Verifier, clock::Clock, http::RateLimit};
use tokio::sync::Notify;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    Parts, Settings,
    links::Links,
    live::Live,
    mail::{self, book::Book},
    oidc::Oidc,
    people::{People, Person, SCREENS},
    services::{Asker, Names, Services},
    signer::Signer,
};

/// Sign-ins from one address: in a row, and again per minute. A whole shop may have one address.
const TRIES: u32 = 30;
/// Answers of a provider, each of which has a signed question: a whole chain may come from one address in the morning.
const ANSWERS: u32 = 600;
const MINUTE: std::time::Duration = std::time::Duration::from_secs(60);

/// Handed to every page; copies share everything.
#[derive(Clone)]
pub(crate) struct App(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) services: Services,
    pub(crate) signer: Signer,
    pub(crate) verifier: Verifier,
    pub(crate) people: People,
    pub(crate) links: Links,
    pub(crate) live: Live,
    pub(crate) names: Names,
    pub(crate) book: Book,
    /// Told when there is something in the book to be sent.
    pub(crate) to_send: Notify,
    pub(crate) clock: Clock,
    pub(crate) settings: Settings,
    pub(crate) tries: RateLimit,
    pub(crate) answers: RateLimit,
    /// The provider that knows the shop's people, if there is one.
    pub(crate) oidc: Option<Oidc>,
    stopping: CancellationToken,
}

impl std::ops::Deref for App {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl App {
    pub(crate) fn new(parts: Parts) -> Result<Self, Failure> {
        let Parts { urls, signer, verifier, people, clock, settings } = parts;
        let oidc = settings.oidc.clone().map(|settings| Oidc::new(settings, signer.secret())).transpose()?;
        let stopping = CancellationToken::new();
        Ok(Self(Arc::new(Inner {
            services: Services::new(urls)?,
            links: Links::new(signer.secret()),
            live: Live::new(stopping.clone()),
            names: Names::new(clock.clone()),
            tries: RateLimit::new(TRIES, MINUTE, clock.clone()),
            answers: RateLimit::new(ANSWERS, MINUTE, clock.clone()),
            oidc,
            signer,
            verifier,
            book: people.book(),
            to_send: Notify::new(),
            people,
            clock,
            settings,
            stopping,
        })))
    }

    /// Watches what the services tell, until it is stopped.
    pub(crate) fn start(&self) -> Running {
        let tasks = TaskTracker::new();
        for service in garage_events::Service::ALL {
            tasks.spawn(crate::live::watch(self.clone(), *service, self.stopping.clone()));
        }
        mail::start(self, &tasks, &self.stopping);
        tasks.close();
        Running { stopping: self.stopping.clone(), tasks }
    }

    /// Asks the services in the screens' own name, for what a page shows to people who have no token of their own. It
    /// reads and nothing else.
    pub(crate) fn as_the_house(&self) -> Result<Asker, Failure> {
        let token = self.signer.staff(SCREENS, &["technician"], &self.clock)?;
        Ok(self.services.asked_with(token))
    }

    /// Whether somebody's way of signing in is still one: a session ends with it.
    pub(crate) fn lets_in(&self, person: &Person) -> bool {
        match (&self.oidc, &person.issuer) {
            (None, issuer) => issuer.is_none(),
            (Some(oidc), None) => !oidc.is_only_way(),
            (Some(oidc), Some(issuer)) => oidc.issuer() == issuer,
        }
    }

    /// The shop's time of an instant.
    pub(crate) fn local(&self, at: DateTime<Utc>) -> DateTime<FixedOffset> {
        self.settings.local(at)
    }
}

/// The screens at work.
pub struct Running {
    stopping: CancellationToken,
    tasks: TaskTracker,
}

impl Running {
    /// Ends the streams to browsers, which would keep HTTP from ending, and those from the services.
    pub fn end_streams(&self) {
        self.stopping.cancel();
    }

    /// Waits until all has ended.
    pub async fn stop(self) {
        self.end_streams();
        self.tasks.wait().await;
    }
}
