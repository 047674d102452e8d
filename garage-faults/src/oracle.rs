//! Joins all books and explains every row in them, by the promises that the shop makes. What it cannot explain it
//! says, with the order's id. Pure: books in, findings out.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

use crate::{
    client::ON_THE_SHELF,
    ledgers::{Event, Ledgers, Movement},
    load::Saga,
};

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wrong {
    /// Something that was answered or told is not there.
    Lost,
    /// Something is there twice.
    Doubled,
    /// Money was taken, kept or given back against the promises.
    Money,
    /// A saga has no end.
    Unfinished,
}

/// A row that cannot be explained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// In which way.
    pub wrong: Wrong,
    /// The fault under which its saga began; none when it belongs to no saga.
    pub fault: Option<String>,
    /// A sentence that names the order.
    pub text: String,
}

/// What may be told once of one thing: the type, and what tells two things apart.
const ONCE: [(&str, &str); 8] = [
    ("work-order.created", "workOrderId"),
    ("work-order.cancelled", "workOrderId"),
    ("quote.created", "quoteId"),
    ("quote.approved", "quoteId"),
    ("payment.approved", "paymentId"),
    ("execution.created", "executionId"),
    ("execution.completed", "executionId"),
    ("payment.refunded", "paymentId"),
];

/// Everything that cannot be explained.
#[must_use]
pub fn judge(ledgers: &Ledgers) -> Vec<Finding> {
    let mut findings = Vec::new();
    let money = Money::of(ledgers);
    let mut known = BTreeSet::new();
    for saga in &ledgers.sagas {
        let Some(order) = &saga.order else {
            findings.push(finding(
                Wrong::Unfinished,
                saga,
                format!("an order was never answered: {:?}", saga.ended),
            ));
            continue;
        };
        known.insert(order.as_str());
        if let Some(Err(cause)) = &saga.ended {
            findings.push(finding(Wrong::Unfinished, saga, cause.clone()));
        }
        let case = Case { ledgers, money: &money, saga, order };
        findings.extend(case.judge());
    }
    findings.extend(strangers(ledgers, &known));
    findings.extend(left_over(ledgers));
    findings.extend(shelf(ledgers));
    findings.extend(money.unexplained());
    findings
}

fn finding(wrong: Wrong, saga: &Saga, text: String) -> Finding {
    Finding { wrong, fault: Some(saga.fault.clone()), text }
}

/// Orders that no client knows: a command that was repeated had two effects.
fn strangers(ledgers: &Ledgers, known: &BTreeSet<&str>) -> Vec<Finding> {
    let unanswered = ledgers.sagas.iter().filter(|saga| saga.order.is_none()).count();
    let stranger = |text: String| Finding { wrong: Wrong::Doubled, fault: None, text };
    let orders: Vec<_> = ledgers.orders.keys().filter(|order| !known.contains(order.as_str())).collect();
    let mut findings = Vec::new();
    if orders.len() > unanswered {
        findings.push(stranger(format!("nobody was told of the orders {orders:?}")));
    }
    let books = ledgers.quotes.keys().chain(ledgers.jobs.keys()).chain(ledgers.payments.keys());
    let foreign: BTreeSet<_> = books.filter(|order| !ledgers.orders.contains_key(*order)).collect();
    findings
        .extend(foreign.iter().map(|order| stranger(format!("order {order} is in other books than OS's"))));
    findings
}

/// What rests in queues and outboxes.
fn left_over(ledgers: &Ledgers) -> Vec<Finding> {
    let queued = ledgers.queues.iter().filter(|(name, _)| !name.ends_with(".dlq"));
    let queued = queued.map(|(name, count)| format!("{count} messages rest in {name}"));
    let unsent = ledgers.unsent.iter().map(|(name, count)| format!("{count} events never left {name}"));
    let letters = ledgers.letters.iter().filter(|(_, body)| !ledgers.poison.contains(body));
    let letters = letters.map(|(queue, body)| format!("a good message was set aside in {queue}: {body}"));
    let finding = |(wrong, text)| Finding { wrong, fault: None, text };
    let left = queued.chain(unsent).map(|text| (Wrong::Unfinished, text));
    left.chain(letters.map(|text| (Wrong::Lost, text))).map(finding).collect()
}

/// Every part that is missing on the shelf is in the car of a completed order, and none is put aside any more.
fn shelf(ledgers: &Ledgers) -> Vec<Finding> {
    let completed = |order: &String| {
        let order = ledgers.orders.get(order);
        order.is_some_and(|order| ["COMPLETED", "DELIVERED"].contains(&word(order, "status")))
    };
    let quotes =
        || ledgers.quotes.iter().filter(|(order, _)| completed(order)).flat_map(|(_, quotes)| quotes);
    let mut findings = Vec::new();
    for (id, part) in &ledgers.parts {
        let lines = quotes().flat_map(|quote| quote["items"].as_array().into_iter().flatten());
        let used: i64 = lines
            .filter(|line| word(line, "partId") == id)
            .filter_map(|line| hundredths(&line["quantity"]))
            .sum();
        let expected = 100 * ON_THE_SHELF - used;
        let (there, aside) = (hundredths(&part["stockQuantity"]), hundredths(&part["reserved"]));
        let mut is = |wrong, text: String| {
            findings.push(Finding { wrong, fault: None, text: format!("of part {id}, {text}") });
        };
        if there.is_none_or(|there| there > expected) {
            is(Wrong::Lost, format!("{there:?} hundredths are there and {expected} should be"));
        } else if there < Some(expected) {
            is(Wrong::Doubled, format!("{there:?} hundredths are there and {expected} should be"));
        }
        if aside != Some(0) {
            is(Wrong::Unfinished, format!("{aside:?} hundredths are still put aside"));
        }
    }
    findings
}

/// The gateway's ledger against Billing's.
struct Money<'a> {
    by_payment: HashMap<&'a str, Vec<&'a Movement>>,
    known: BTreeSet<&'a str>,
}

impl<'a> Money<'a> {
    fn of(ledgers: &'a Ledgers) -> Self {
        let mut by_payment: HashMap<&str, Vec<&Movement>> = HashMap::new();
        for movement in &ledgers.movements {
            by_payment.entry(&movement.payment).or_default().push(movement);
        }
        let known = ledgers.payments.values().flatten().filter_map(|payment| payment["id"].as_str());
        Self { by_payment, known: known.collect() }
    }

    /// How often this payment was captured and given back, and the centavos that are held.
    fn moved(&self, payment: &str) -> (usize, usize, i64) {
        let movements = self.by_payment.get(payment).map(Vec::as_slice).unwrap_or_default();
        let refunds = movements.iter().filter(|moved| moved.is_refund).count();
        let held =
            movements.iter().map(|moved| if moved.is_refund { -moved.amount } else { moved.amount }).sum();
        (movements.len() - refunds, refunds, held)
    }

    fn unexplained(&self) -> Vec<Finding> {
        let unknown = self.by_payment.keys().filter(|payment| !self.known.contains(**payment));
        unknown
            .map(|payment| Finding {
                wrong: Wrong::Money,
                fault: None,
                text: format!("the gateway moved money for payment {payment}, which Billing does not know"),
            })
            .collect()
    }
}

/// One order, in all books.
struct Case<'a> {
    ledgers: &'a Ledgers,
    money: &'a Money<'a>,
    saga: &'a Saga,
    order: &'a str,
}

impl Case<'_> {
    fn judge(&self) -> Vec<Finding> {
        let Some(order) = self.ledgers.orders.get(self.order) else {
            return vec![self.is(Wrong::Lost, "was answered and is not there".to_owned())];
        };
        let status = word(order, "status");
        let mut findings = Vec::new();
        if !self.saga.story.ends().contains(&status) {
            findings.push(self.is(Wrong::Unfinished, format!("is {status} after {:?}", self.saga.story)));
        }
        findings.extend(self.once());
        findings.extend(self.payments());
        findings.extend(self.end(status));
        findings.extend(self.told(status));
        findings
    }

    fn is(&self, wrong: Wrong, text: String) -> Finding {
        finding(wrong, self.saga, format!("order {} {text}", self.order))
    }

    fn of<'b, T>(&self, book: &'b HashMap<String, Vec<T>>) -> &'b [T] {
        book.get(self.order).map(Vec::as_slice).unwrap_or_default()
    }

    /// One quote, at most one job.
    fn once(&self) -> Vec<Finding> {
        let (quotes, jobs) = (self.of(&self.ledgers.quotes).len(), self.of(&self.ledgers.jobs).len());
        let mut findings = Vec::new();
        if quotes != 1 {
            let wrong = if quotes == 0 { Wrong::Lost } else { Wrong::Doubled };
            findings.push(self.is(wrong, format!("has {quotes} quotes")));
        }
        if jobs > 1 {
            findings.push(self.is(Wrong::Doubled, format!("has {jobs} jobs")));
        }
        findings
    }

    /// Each of Billing's payments against what the gateway did for it.
    fn payments(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for payment in self.of(&self.ledgers.payments) {
            let (captures, refunds, held) = self.money.moved(word(payment, "id"));
            let status = word(payment, "status");
            let expected = match status {
                "APPROVED" => (1, 0),
                "REFUNDED" => (1, 1),
                "REJECTED" | "CANCELLED" => (0, 0),
                _ => {
                    findings.push(self.is(Wrong::Unfinished, format!("has a payment that is {status}")));
                    continue;
                }
            };
            let text = format!(
                "has a payment that is {status}: {captures} captures, {refunds} refunds, {held} held"
            );
            if captures > 1 || refunds > 1 {
                findings.push(self.is(Wrong::Doubled, text));
            } else if (captures, refunds) != expected || (status == "REFUNDED" && held != 0) {
                findings.push(self.is(Wrong::Money, text));
            }
        }
        findings
    }

    /// The promises about what is held when all is quiet, by the order's end.
    fn end(&self, status: &str) -> Vec<Finding> {
        let payments = self.of(&self.ledgers.payments).iter();
        let held: i64 = payments.map(|payment| self.money.moved(word(payment, "id")).2).sum();
        let job = self.of(&self.ledgers.jobs).first().map_or("none", |job| word(job, "status"));
        let total = self.of(&self.ledgers.quotes).first().and_then(|quote| hundredths(&quote["totalAmount"]));
        let mut findings = Vec::new();
        match status {
            "COMPLETED" | "DELIVERED" => {
                if Some(held) != total {
                    let text = format!("is {status} with {held} centavos held of {total:?}");
                    findings.push(self.is(Wrong::Money, text));
                }
                if job != "COMPLETED" {
                    findings.push(self.is(Wrong::Lost, format!("is {status} while its job is {job}")));
                }
            }
            "CANCELLED" | "FAILED" => {
                if held != 0 {
                    findings.push(self.is(Wrong::Money, format!("is {status} with {held} centavos held")));
                }
                if !["none", "FAILED", "CANCELLED"].contains(&job) {
                    findings.push(self.is(Wrong::Lost, format!("is {status} while its job is {job}")));
                }
            }
            _ => {}
        }
        findings
    }

    /// What was told of it: nothing twice, and everything that has come to pass.
    fn told(&self, status: &str) -> Vec<Finding> {
        let events = self.of(&self.ledgers.events);
        let mut findings = Vec::new();
        for (topic, field) in ONCE {
            let things: BTreeSet<&str> =
                of_type(events, topic).map(|event| word(&event.data, field)).collect();
            let many = ["payment.refunded"].contains(&topic);
            if things.len() > 1 && !many {
                findings.push(self.is(Wrong::Doubled, format!("was told {topic} of {things:?}")));
            }
        }
        let mut revisions: BTreeMap<i64, BTreeSet<&str>> = BTreeMap::new();
        for event in of_type(events, "work-order.status-changed") {
            let revision = event.data["revision"].as_i64().unwrap_or_default();
            revisions.entry(revision).or_default().insert(word(&event.data, "newStatus"));
        }
        for (revision, statuses) in revisions.into_iter().filter(|(_, statuses)| statuses.len() > 1) {
            findings
                .push(self.is(Wrong::Doubled, format!("has revision {revision} as each of {statuses:?}")));
        }
        let missing =
            self.must_be_told(status).into_iter().filter(|topic| of_type(events, topic).next().is_none());
        findings.extend(
            missing.map(|topic| self.is(Wrong::Lost, format!("is {status}, and nobody told {topic}"))),
        );
        findings
    }

    /// What has come to pass, by everybody's books, and is told when it does.
    fn must_be_told(&self, status: &str) -> Vec<&'static str> {
        let mut topics = vec!["work-order.created"];
        topics.extend((status == "CANCELLED").then_some("work-order.cancelled"));
        topics.extend((status == "COMPLETED").then_some("execution.completed"));
        let statuses = |book| self.of(book).iter().map(|row| word(row, "status"));
        for payment in statuses(&self.ledgers.payments) {
            topics.extend((payment == "APPROVED").then_some("payment.approved"));
            topics.extend((payment == "REFUNDED").then_some("payment.refunded"));
        }
        topics.extend(
            statuses(&self.ledgers.quotes).any(|quote| quote == "APPROVED").then_some("quote.approved"),
        );
        topics
    }
}

fn of_type<'a>(events: &'a [Event], topic: &'a str) -> impl Iterator<Item = &'a Event> {
    events.iter().filter(move |event| event.topic == topic)
}

fn word<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

/// An amount of money or of parts in hundredths: in JSON it has at most two decimals.
fn hundredths(amount: &Value) -> Option<i64> {
    let amount: garage_events::Cents = amount.to_string().parse().ok()?;
    Some(amount.centavos())
}

#[cfg(test)]
mod tests;
