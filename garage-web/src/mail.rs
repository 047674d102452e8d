//! Mail to customers: one message at each stage that the shop has switched on, where a mail server is named. What is to be
//! sent follows from where an order stands and not from the event that told it; it is written down under the order, the
//! stage and the quote's text ([`book`]) before anybody sends it. So an event that comes twice, a restart and several
//! copies of these screens on one file make one message. Only a crash between the server's yes and our note of it sends a
//! message again, under the same Message-ID. What a day has passed over is not sent any more: old news does harm.

use chrono::TimeDelta;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use self::settings::Mail;
use crate::app::App;

pub(crate) mod book;
mod notice;
mod send;
mod settings;

/// How long a stage is news.
const FRESH: TimeDelta = TimeDelta::days(1);

/// Begins to notice and to send, where mail is set up.
pub(crate) fn start(app: &App, tasks: &TaskTracker, stopping: &CancellationToken) {
    if let Some(mail) = &app.settings.mail {
        tasks.spawn(notice::watch(app.clone(), stopping.clone()));
        tasks.spawn(send::run(app.clone(), mail.clone(), stopping.clone()));
    }
}
