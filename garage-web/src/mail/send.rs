//! Sends what the book has, one message after another. Before each the order is asked once more, so that nobody reads what
//! is no longer so. A server that is away is tried again ever later, for a day; one that says no for good is believed.

use std::time::Duration;

use chrono::TimeDelta;
use garage_events::Service;
use garage_kit::Failure;
use lettre::{
    Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{
        Mailbox,
        header::{ContentType, HeaderName, HeaderValue},
    },
    transport::smtp,
};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::{
    FRESH, Mail,
    book::{Entry, Key, NO_ANSWER, SERVICES, State},
};
use crate::{
    app::App,
    messages::{self, Letter, Stage},
    services::view::{Customer, Order, Quote},
    show,
    trouble::Trouble,
};

/// How long a message waits at most before it is tried again.
const LONGEST: Duration = Duration::from_secs(1800);
/// How long sending may take in all: shorter than a claim, and as long as a server may think about a message that it has
/// been given (RFC 5321, section 4.5.3.2.6), as one that is given up may have been taken.
const LIMIT: Duration = Duration::from_secs(600);
/// How long one that is on its way may still take when the program is told to stop.
const GRACE: Duration = Duration::from_secs(5);
/// After this long the book is looked at anyway.
const LOOK: Duration = Duration::from_secs(30);
/// Of what a server says.
const WORDS: usize = 300;
/// A server that says one of these does not know us: that is for the operator to mend, and no word on the message
/// (RFC 4954, section 6).
const NOT_KNOWN: [u16; 4] = [530, 534, 535, 538];

/// What came of trying.
enum Fate {
    Settled(State, Option<String>),
    /// To be tried again, as this was in the way.
    Later(String),
}

type Transport = AsyncSmtpTransport<Tokio1Executor>;

pub(super) async fn run(app: App, mail: Mail, stopping: CancellationToken) {
    let transport = match mail.transport() {
        Ok(transport) => transport,
        Err(cause) => {
            tracing::error!(%cause, "no mail can be sent");
            return;
        }
    };
    while !stopping.is_cancelled() {
        let pause = match send_one(&app, &mail, &transport, &stopping).await {
            Ok(true) => continue,
            Ok(false) => until_due(&app).await,
            Err(failure) => {
                tracing::error!(%failure, "mail waits");
                LOOK
            }
        };
        tokio::select! {
            () = app.to_send.notified() => {}
            () = sleep(pause) => {}
            () = stopping.cancelled() => {}
        }
    }
}

async fn until_due(app: &App) -> Duration {
    let due = app.book.next_due().await.ok().flatten();
    let wait = due.and_then(|due| (due - app.clock.now()).to_std().ok().or(Some(Duration::ZERO)));
    wait.unwrap_or(LOOK).min(LOOK)
}

/// Sends the message that has waited longest; whether there was one.
async fn send_one(
    app: &App,
    mail: &Mail,
    transport: &Transport,
    stopping: &CancellationToken,
) -> Result<bool, Failure> {
    let Some(entry) = app.book.claim(app.clock.now()).await? else { return Ok(false) };
    let hurry = async {
        stopping.cancelled().await;
        sleep(GRACE).await;
    };
    let fate = tokio::select! {
        fate = timeout(LIMIT, deliver(app, mail, transport, &entry)) => fate,
        // Its claim ends by itself, and another start tries again.
        () = hurry => return Ok(true),
    };
    let fate = fate.unwrap_or_else(|_| Fate::Later(NO_ANSWER.to_owned()));
    note(app, mail, &entry, fate).await?;
    app.live.tell(entry.key.order);
    Ok(true)
}

async fn note(app: &App, mail: &Mail, entry: &Entry, fate: Fate) -> Result<(), Failure> {
    let (key, now) = (entry.key, app.clock.now());
    let (order, stage) = (key.order.0, key.stage.word());
    match fate {
        Fate::Settled(state, reason) => {
            tracing::info!(%order, stage, ?state, "a message to a customer is settled");
            app.book.settle(key, state, reason.as_deref(), now).await
        }
        Fate::Later(reason) => {
            tracing::warn!(%order, stage, tries = entry.tries, reason, "a message could not be sent; trying again");
            app.book.put_off(key, now + pause(mail, entry.tries), &reason, now).await
        }
    }
}

/// How long to wait after so many tries.
fn pause(mail: &Mail, tries: u32) -> TimeDelta {
    let pause = mail.pause.saturating_mul(2_u32.saturating_pow(tries.saturating_sub(1))).min(LONGEST);
    TimeDelta::from_std(pause).unwrap_or(FRESH)
}

async fn deliver(app: &App, mail: &Mail, transport: &Transport, entry: &Entry) -> Fate {
    let (letter, to) = match written(app, entry).await {
        Ok(Ok(written)) => written,
        Ok(Err(state)) => return Fate::Settled(state, None),
        Err(_) => return Fate::Later(SERVICES.to_owned()),
    };
    let Ok(address) = to.parse::<Address>() else {
        return Fate::Settled(State::NoAddress, None);
    };
    let message = match message(mail, entry.key, letter, address) {
        Ok(message) => message,
        Err(cause) => return Fate::Settled(State::Refused, Some(cause.to_string())),
    };
    match transport.send(message).await {
        Ok(_) => Fate::Settled(State::Sent, None),
        Err(error) => refused(&error, &to),
    }
}

/// The letter and the address that it goes to, or why it is not written.
async fn written(app: &App, entry: &Entry) -> Result<Result<(Letter, String), State>, Trouble> {
    let Key { order: id, stage, revision } = entry.key;
    let now = app.clock.now();
    if now - entry.began > FRESH {
        return Ok(Err(State::Late));
    }
    if !app.book.switches().await?.iter().any(|(on, _)| *on == stage) {
        return Ok(Err(State::Off));
    }
    // As whoever holds the link sees it: the letter says no more.
    let guest = app.services.asked_with(app.signer.customer(id, &app.clock)?);
    let Some(order) = guest.find::<Order>(Service::Os, &format!("/work-orders/{id}")).await? else {
        return Ok(Err(State::Overtaken));
    };
    if Stage::of(&order.status) != Some(stage) {
        return Ok(Err(State::Overtaken));
    }
    if stage == Stage::ToApprove {
        let quote = guest.find::<Quote>(Service::Billing, &format!("/quotes/work-order/{id}")).await?;
        if !quote.is_some_and(|quote| quote.status == "SENT" && quote.revision == revision) {
            return Ok(Err(State::Overtaken));
        }
    }
    let house = app.as_the_house()?;
    let customer = house.find::<Customer>(Service::Os, &format!("/customers/{}", order.customer_id)).await?;
    let Some((name, email)) = customer.and_then(|customer| Some((customer.name, customer.email?))) else {
        return Ok(Err(State::NoAddress));
    };
    let vehicle = app.names.vehicle(&house, order.vehicle_id).await?;
    let car = vehicle.map(|vehicle| vehicle.model_name()).unwrap_or_default();
    let base = app.settings.public_url.as_deref().unwrap_or_default();
    let link = format!("{base}/c/{}", app.links.to(id, now));
    Ok(Ok((messages::letter(&app.settings, stage, &order, show::first_name(&name), &car, &link), email)))
}

/// To the address alone: no name stands in a header. The id is the message's own, so that a second copy is known as one.
fn message(mail: &Mail, key: Key, letter: Letter, to: Address) -> Result<Message, lettre::error::Error> {
    let (order, stage) = (key.order.0.simple(), key.stage.word().to_lowercase());
    let id = format!("<{order}.{stage}.{}@{}>", key.revision, mail.from.email.domain());
    let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
    Message::builder()
        .from(mail.from.clone())
        .to(Mailbox::new(None, to))
        .message_id(Some(id))
        .subject(letter.subject)
        .raw_header(HeaderValue::new(automatic, "auto-generated".to_owned()))
        .header(ContentType::TEXT_PLAIN)
        .body(letter.body)
}

fn refused(error: &smtp::Error, address: &str) -> Fate {
    let told = without(&error.to_string(), address);
    let told: String = told.chars().map(|c| if c.is_control() { ' ' } else { c }).take(WORDS).collect();
    let knows_us = error.status().is_none_or(|code| !NOT_KNOWN.contains(&u16::from(code)));
    if error.is_permanent() && knows_us {
        Fate::Settled(State::Refused, Some(told))
    } else {
        Fate::Later(told)
    }
}

/// What a server says, without the address that it speaks of, however it writes that.
fn without(told: &str, address: &str) -> String {
    let mailbox = address.split('@').next().unwrap_or(address).to_lowercase();
    let is_theirs = |word: &&str| word.contains('@') || word.to_lowercase().contains(&mailbox);
    told.split(' ').map(|word| if is_theirs(&word) { "…" } else { word }).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use garage_events::WorkOrderId;
    use garage_kit::program::Env;
    use uuid::Uuid;

    use super::*;

    fn mail() -> Mail {
        let set = [("SMTP_URL", "smtp://localhost"), ("SMTP_FROM", "Oficina do Zé <oficina@example.com>")];
        Mail::from_env(&Env::fixed(&set)).unwrap().unwrap()
    }

    fn raw(letter: Letter) -> String {
        let key = Key { order: WorkOrderId(Uuid::from_u128(7)), stage: Stage::ToPay, revision: 2 };
        let message = message(&mail(), key, letter, "ana@example.com".parse().unwrap()).unwrap();
        String::from_utf8(message.formatted()).unwrap()
    }

    #[test]
    fn an_address_is_in_nothing_that_is_kept() {
        let told = without("550 5.1.1 <ana.souza@example.com>: no Ana.Souza here", "Ana.Souza@Example.com");
        assert_eq!(told, "550 5.1.1 … no … here");
    }

    #[test]
    fn pauses_grow_up_to_half_an_hour() {
        let pauses = [1, 2, 3, 9, 4_000_000_000].map(|tries| pause(&mail(), tries).num_seconds());
        assert_eq!(pauses, [15, 30, 60, 1800, 1800]);
    }

    #[test]
    fn a_message_has_its_own_id_and_says_that_a_program_sent_it() {
        let raw = raw(Letter { subject: "Oficina: pronto".to_owned(), body: "Olá".to_owned() });
        let id = "Message-ID: <00000000000000000000000000000007.to_pay.2@example.com>\r\n";
        for line in [id, "To: ana@example.com\r\n", "Auto-Submitted: auto-generated\r\n"] {
            assert!(raw.contains(line), "{raw}");
        }
    }

    #[test]
    fn nothing_that_is_typed_becomes_a_header() {
        let evil = "x\r\nBcc: spy@example.com\r\n\r\n.\r\nRCPT TO:<spy@example.com>";
        let raw = raw(Letter { subject: evil.to_owned(), body: evil.to_owned() });
        let head = raw.split("\r\n\r\n").next().unwrap();
        assert!(!head.lines().any(|line| line.to_lowercase().starts_with("bcc")), "{head}");
        for address in [
            "ana@example.com\r\nBcc: spy@example.com",
            "ana@example.com> RCPT TO:<spy@example.com",
            "ana@example.com, spy@example.com",
            "ana@example.com\n",
            "",
        ] {
            assert!(address.parse::<Address>().is_err(), "{address:?}");
        }
    }
}
