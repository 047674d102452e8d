//! Whom a saga waits for, for what, and how long that may take: one table for all three services, as each sees
//! only its own part. Who waits is decided by each service's aggregate; here are the words and the deadlines. Past
//! its deadline a saga is stuck: somebody must act, or something was not heard.

use std::{collections::BTreeMap, str::FromStr};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

use crate::{Service, words::words};

words! {
    /// Who is awaited.
    Awaited {
        /// The front desk's service.
        Os = "os-service",
        /// Billing.
        Billing = "billing-service",
        /// The workshop's service.
        Execution = "execution-service",
        /// Whoever moves the money.
        Gateway = "payment-gateway",
        /// The car's owner.
        Customer = "customer",
        /// The technicians.
        Workshop = "workshop",
        /// The front desk's people.
        Desk = "desk",
    }
}

/// One sort of waiting.
#[derive(Debug, PartialEq, Eq)]
pub struct Wait {
    /// Its name, in settings, indexes and metrics.
    pub name: &'static str,
    /// Which services see it.
    pub seen_by: &'static [Service],
    /// Who is awaited.
    pub who: Awaited,
    /// For what; ends the sentence "waiting for …".
    pub what: &'static str,
    /// How long it may take unless told otherwise.
    pub patience: TimeDelta,
}

/// What one aggregate waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Whom for, and for what.
    pub wait: &'static Wait,
    /// Since when.
    pub since: DateTime<Utc>,
    /// From when on patience is counted; later than `since` where a time was agreed on.
    pub from: DateTime<Utc>,
}

macro_rules! waits {
    ($($(#[$doc:meta])* $id:ident = $name:literal by $($seen_by:ident),+ for $who:ident, $what:literal, $patience:expr;)+) => {
        $($(#[$doc])* pub static $id: Wait = Wait {
            name: $name, seen_by: &[$(Service::$seen_by),+], who: Awaited::$who, what: $what, patience: $patience,
        };)+

        /// Every sort of waiting.
        pub static WAITS: &[&Wait] = &[$(&$id),+];
    };
}

waits! {
    /// The order was told; Billing makes the quote by itself.
    QUOTE = "quote" by Os for Billing, "the quote", TimeDelta::minutes(1);
    /// The quote is there, and nobody has handed it to the customer; or Billing has another text than they have.
    SENDING = "sending" by Os, Billing for Desk, "sending the quote", TimeDelta::days(2);
    /// Counted from the quote's last day, as Billing lets it expire by itself then.
    ANSWER = "answer" by Os for Customer, "a word on the quote", TimeDelta::days(1);
    /// The quote is approved.
    PAYMENT = "payment" by Os for Customer, "the payment", TimeDelta::days(7);
    /// Paid, and no day was promised.
    WORK = "work" by Os for Workshop, "the end of the repair", TimeDelta::days(14);
    /// Counted from the day that was promised.
    PROMISE = "promise" by Os for Workshop, "the end of the repair, as promised", TimeDelta::zero();
    /// The car is ready.
    HANDOVER = "handover" by Os for Desk, "handing the car over", TimeDelta::days(7);
    /// Called off with the money here: the workshop says that it has stopped.
    STOP = "stop" by Os for Execution, "stopping the work", TimeDelta::minutes(1);
    /// The work will not be finished and the money is here.
    REFUND = "refund" by Os for Billing, "giving the money back", TimeDelta::minutes(10);
    /// Asked, and the gateway has not said what became of it.
    CHARGE = "charge" by Billing for Gateway, "what became of a charge", TimeDelta::minutes(15);
    /// Owed back, and the gateway has not confirmed it.
    GIVING_BACK = "giving-back" by Billing for Gateway, "a refund", TimeDelta::minutes(10);
    /// Counted from when the code or the boleto lapses.
    PAYER = "payer" by Billing for Customer, "paying the code or the boleto", TimeDelta::days(1);
    /// Told, and the order's status does not show it.
    QUOTE_HEARD = "quote-heard" by Billing for Os, "hearing of the quote", TimeDelta::minutes(1);
    /// Told, and the order's status does not show it.
    PAYMENT_HEARD = "payment-heard" by Billing for Os, "hearing of the payment", TimeDelta::minutes(1);
    /// The order is known to be off by its status alone.
    CANCELLATION = "cancellation" by Billing for Os, "telling that the order is off", TimeDelta::minutes(1);
    /// Paid and off: the money stays only if the work was finished before.
    WORKSHOPS_WORD = "workshops-word" by Billing for Execution, "whether the work was finished", TimeDelta::minutes(1);
    /// In the queue.
    START = "start" by Execution for Workshop, "a technician", TimeDelta::days(7);
    /// Begun.
    STEP = "step" by Execution for Workshop, "the next step", TimeDelta::days(14);
    /// Told, and the order's status does not show it.
    END_HEARD = "end-heard" by Execution for Os, "hearing how the work ended", TimeDelta::minutes(1);
    /// The order is known to be paid by its status alone.
    MONEY_TOLD = "money-told" by Execution for Billing, "telling that the order is paid", TimeDelta::minutes(1);
    /// The order is known to be off by its status alone.
    STOP_TOLD = "stop-told" by Execution for Os, "telling that the order is off", TimeDelta::minutes(1);
}

/// The waits that one service sees.
pub fn seen_by(service: Service) -> impl Iterator<Item = &'static Wait> {
    WAITS.iter().copied().filter(move |wait| wait.seen_by.contains(&service))
}

impl Awaited {
    /// Whether it is one of the three: then telling it again may help.
    #[must_use]
    pub const fn is_a_service(self) -> bool {
        match self {
            Self::Os | Self::Billing | Self::Execution => true,
            Self::Gateway | Self::Customer | Self::Workshop | Self::Desk => false,
        }
    }
}

impl Waiting {
    /// Waiting since then, and patience counts from then.
    #[must_use]
    pub const fn since(wait: &'static Wait, since: DateTime<Utc>) -> Self {
        Self { wait, since, from: since }
    }

    /// What it is found by: one text whose order is by sort, then by time.
    #[must_use]
    pub fn key(&self) -> String {
        key(self.wait, self.from)
    }
}

/// The key of whatever waits in this way from that time on.
#[must_use]
pub fn key(wait: &Wait, from: DateTime<Utc>) -> String {
    format!("{} {}", wait.name, from.to_rfc3339_opts(SecondsFormat::Millis, true))
}

/// Below every key of this sort, and above all of those that sort before it.
#[must_use]
pub fn before_all(wait: &Wait) -> String {
    format!("{} ", wait.name)
}

/// How long each sort of waiting may take, where it differs from the table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deadlines(BTreeMap<&'static str, TimeDelta>);

impl Deadlines {
    /// How long this may take.
    #[must_use]
    pub fn patience(&self, wait: &Wait) -> TimeDelta {
        self.0.get(wait.name).copied().unwrap_or(wait.patience)
    }

    /// Until when.
    #[must_use]
    pub fn deadline(&self, waiting: &Waiting) -> DateTime<Utc> {
        let deadline = waiting.from.checked_add_signed(self.patience(waiting.wait));
        deadline.unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    /// Whether the deadline has passed.
    #[must_use]
    pub fn is_stuck(&self, waiting: &Waiting, now: DateTime<Utc>) -> bool {
        now >= self.deadline(waiting)
    }
}

impl FromStr for Deadlines {
    type Err = String;

    /// Reads `payment=7d,quote=90s`: names of the table, and whole numbers of `s`, `m`, `h` or `d`.
    fn from_str(text: &str) -> Result<Self, String> {
        text.split(',').map(|pair| entry(pair.trim())).collect::<Result<_, _>>().map(Self)
    }
}

fn entry(pair: &str) -> Result<(&'static str, TimeDelta), String> {
    let (name, length) = pair.split_once('=').ok_or_else(|| format!("`{pair}` is not name=duration"))?;
    let wait = WAITS.iter().find(|wait| wait.name == name.trim());
    let wait = wait.ok_or_else(|| {
        let names: Vec<_> = WAITS.iter().map(|wait| wait.name).collect();
        format!("`{name}` is none of {}", names.join(", "))
    })?;
    let length = duration(length.trim());
    let length = length.ok_or_else(|| format!("`{pair}` must be from 0s to 3650d, such as {name}=90s"))?;
    Ok((wait.name, length))
}

fn duration(text: &str) -> Option<TimeDelta> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let number = i64::from(number.parse::<u32>().ok()?);
    let length = match unit {
        "s" => TimeDelta::try_seconds(number),
        "m" => TimeDelta::try_minutes(number),
        "h" => TimeDelta::try_hours(number),
        "d" => TimeDelta::try_days(number),
        _ => None,
    };
    length.filter(|length| *length <= TimeDelta::days(3650))
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: DateTime<Utc> = DateTime::from_timestamp(1_790_000_000, 0).unwrap();

    #[test]
    fn every_sort_of_waiting_has_a_name_of_its_own() {
        let names: std::collections::BTreeSet<_> = WAITS.iter().map(|wait| wait.name).collect();
        assert_eq!(names.len(), WAITS.len());
        assert!(names.iter().all(|name| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')));
        assert!(WAITS.iter().all(|wait| !wait.seen_by.is_empty()));
    }

    #[test]
    fn keys_sort_by_the_wait_and_then_by_time() {
        let waiting = Waiting::since(&PAYMENT, AT);
        assert_eq!(waiting.key(), "payment 2026-09-21T14:13:20.000Z");
        assert!(before_all(&PAYMENT) < waiting.key());
        assert!(waiting.key() < key(&PAYMENT, AT + TimeDelta::milliseconds(1)));
        let longer = before_all(&PAYMENT_HEARD);
        assert!(key(&PAYMENT, DateTime::<Utc>::from_timestamp(4_000_000_000, 0).unwrap()) < longer);
    }

    #[test]
    fn a_deadline_has_passed_at_its_moment() {
        let (deadlines, waiting) = (Deadlines::default(), Waiting::since(&QUOTE, AT));
        let deadline = AT + TimeDelta::minutes(1);
        assert_eq!(deadlines.deadline(&waiting), deadline);
        assert!(!deadlines.is_stuck(&waiting, deadline - TimeDelta::milliseconds(1)));
        assert!(deadlines.is_stuck(&waiting, deadline));
    }

    #[test]
    fn the_shop_s_own_deadlines_are_read_or_named() {
        let own: Deadlines = "payment=3d, quote=90s".parse().unwrap();
        assert_eq!(
            (own.patience(&PAYMENT), own.patience(&QUOTE)),
            (TimeDelta::days(3), TimeDelta::seconds(90))
        );
        assert_eq!(own.patience(&WORK), WORK.patience);
        let told = |text: &str| text.parse::<Deadlines>().unwrap_err();
        assert!(told("lunch=1h").starts_with("`lunch` is none of quote, sending, answer, "));
        assert_eq!(told("payment"), "`payment` is not name=duration");
        for wrong in ["payment=", "payment=d", "payment=-1d", "payment=7w", "payment=4000d", "payment=1.5h"] {
            assert!(told(wrong).contains("must be from 0s to 3650d, such as payment=90s"), "{wrong}");
        }
    }
}
