//! The steps of a saga as a shop takes them: an order, its quote, the customer's yes, a payment, the workshop's steps,
//! and a look now and then in between: first at once, then after 5 ms, each time half as long again, up to 100 ms.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use serde::{Deserialize, de::DeserializeOwned};

use super::connection::Connection;
use crate::window::nap;

const FIRST_LOOK: Duration = Duration::from_millis(5);
const LONGEST_LOOK: Duration = Duration::from_millis(100);
/// After a failure, so that a service that is down is not hammered.
const BREATH: Duration = Duration::from_millis(20);

/// Whose car it is, for all sagas of a run.
pub(super) struct Subject {
    customer: String,
    vehicle: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Order {
    pub(super) id: String,
    status: Option<String>,
    created_at: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Quote {
    id: String,
    total_amount: serde_json::Number,
    created_at: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payment {
    approved_at: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Execution {
    id: String,
    status: String,
    queued_at: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
struct Made {
    id: String,
}

/// What a client has seen.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) ended: Vec<(Instant, Duration)>,
    pub(super) failed: Vec<(Instant, String)>,
    pub(super) steps: BTreeMap<&'static str, Vec<Duration>>,
    pub(super) lags: BTreeMap<&'static str, Vec<Duration>>,
    pub(super) calls: usize,
    pub(super) polls: usize,
}

impl Tally {
    pub(super) fn count(&mut self, begun: Instant, done: Result<(), String>) {
        let now = Instant::now();
        match done {
            Ok(()) => self.ended.push((now, now - begun)),
            Err(why) => {
                self.failed.push((now, why));
                nap(BREATH);
            }
        }
    }

    /// What is told and heard on one machine has one clock; it shows whole milliseconds.
    fn lag(&mut self, name: &'static str, told: Option<DateTime<Utc>>, heard: Option<DateTime<Utc>>) {
        if let (Some(told), Some(heard)) = (told, heard)
            && let Ok(lag) = (heard - told).to_std()
        {
            self.lags.entry(name).or_default().push(lag);
        }
    }
}

#[derive(Clone, Copy)]
enum At {
    Os,
    Billing,
    Execution,
}

/// A client with its connections.
pub(super) struct Client {
    services: [Connection; 3],
    /// When the saga at hand is given up.
    pub(super) deadline: Instant,
    pub(super) tally: Tally,
}

impl Client {
    pub(super) fn new(urls: [String; 3], token: &str) -> Self {
        let services = urls.map(|url| Connection::new(&url, token));
        Self { services, deadline: Instant::now(), tally: Tally::default() }
    }

    /// Makes the customer and the vehicle that all orders are for.
    pub(super) fn take_in(&mut self, nonce: u64) -> Result<Subject, String> {
        let customer = format!(
            r#"{{"name":"Load Driver","personType":"INDIVIDUAL","document":"{}","email":"load@example.com","phone":"11999999999"}}"#,
            cpf(nonce)
        );
        let customer: Made = self.step("customer", At::Os, "POST", "/customers", Some(&customer))?;
        let vehicle = format!(
            r#"{{"plate":"{}","brand":"Toyota","model":"Corolla","year":2024,"customerId":"{}"}}"#,
            plate(nonce),
            customer.id
        );
        let vehicle: Made = self.step("vehicle", At::Os, "POST", "/vehicles", Some(&vehicle))?;
        Ok(Subject { customer: customer.id, vehicle: vehicle.id })
    }

    pub(super) fn create(&mut self, subject: &Subject, number: u64) -> Result<Order, String> {
        let body = format!(
            r#"{{"customerId":"{}","vehicleId":"{}","description":"Oil change and filter replacement {number}","estimatedCost":150.5}}"#,
            subject.customer, subject.vehicle
        );
        self.step("create", At::Os, "POST", "/work-orders", Some(&body))
    }

    pub(super) fn read(&mut self, id: &str) -> Result<(), String> {
        self.step::<Made>("get", At::Os, "GET", &format!("/work-orders/{id}"), None).map(drop)
    }

    pub(super) fn list(&mut self, path: &str) -> Result<(), String> {
        let page: Vec<serde::de::IgnoredAny> = self.step("list", At::Os, "GET", path, None)?;
        if page.is_empty() { Err("list: empty".to_owned()) } else { Ok(()) }
    }

    pub(super) fn saga(&mut self, subject: &Subject, number: u64) -> Result<(), String> {
        let order = self.create(subject, number)?;
        let id = &order.id;
        let quote: Quote =
            self.wait("wait_quote", At::Billing, &format!("/quotes/work-order/{id}"), |_| true)?;
        self.tally.lag("order to quote", order.created_at, quote.created_at);
        self.step::<Made>("approve", At::Billing, "PUT", &format!("/quotes/{}/approve", quote.id), None)?;
        let payment = format!(
            r#"{{"quoteId":"{}","workOrderId":"{id}","customerId":"{}","amount":{},"paymentMethod":"PIX"}}"#,
            quote.id, subject.customer, quote.total_amount
        );
        let payment: Payment = self.step("pay", At::Billing, "POST", "/payments", Some(&payment))?;
        let path = format!("/executions/work-order/{id}");
        let is_paid = |execution: &Execution| execution.status != "AWAITING_PAYMENT";
        let execution = self.wait("wait_execution", At::Execution, &path, is_paid)?;
        self.tally.lag("payment to queue", payment.approved_at, execution.queued_at);
        self.repair(&execution.id)?;
        let is_completed = |order: &Order| order.status.as_deref() == Some("COMPLETED");
        self.wait("wait_completed", At::Os, &format!("/work-orders/{id}"), is_completed).map(drop)
    }

    fn repair(&mut self, id: &str) -> Result<(), String> {
        let steps = [
            ("start-diagnosis", None),
            ("complete-diagnosis", Some(r#"{"notes":"worn brake pads"}"#)),
            ("start-repair", None),
            ("complete-repair", Some(r#"{"notes":"pads replaced"}"#)),
            ("complete", None),
        ];
        for (step, body) in steps {
            self.step::<Made>(step, At::Execution, "POST", &format!("/executions/{id}/{step}"), body)?;
        }
        Ok(())
    }

    fn step<T: DeserializeOwned>(
        &mut self,
        name: &'static str,
        at: At,
        method: &str,
        path: &str,
        body: Option<&str>,
    ) -> Result<T, String> {
        let begun = Instant::now();
        self.tally.calls += 1;
        let answer = self.services[at as usize].call(method, path, body);
        let answer = answer.map_err(|why| format!("{name}: {why}"))?;
        if !(200..300).contains(&answer.status) {
            let said = String::from_utf8_lossy(&answer.body[..answer.body.len().min(160)]);
            return Err(format!("{name}: {} {said}", answer.status));
        }
        let read = serde_json::from_slice(answer.body).map_err(|error| format!("{name}: {error}"))?;
        self.tally.steps.entry(name).or_default().push(begun.elapsed());
        Ok(read)
    }

    /// Looks until what is there is as wanted.
    fn wait<T: DeserializeOwned>(
        &mut self,
        name: &'static str,
        at: At,
        path: &str,
        wanted: impl Fn(&T) -> bool,
    ) -> Result<T, String> {
        let begun = Instant::now();
        let mut pause = FIRST_LOOK;
        loop {
            self.tally.polls += 1;
            self.tally.calls += 1;
            let answer = self.services[at as usize].call("GET", path, None);
            let answer = answer.map_err(|why| format!("{name}: {why}"))?;
            match answer.status {
                200 => {
                    let found: T =
                        serde_json::from_slice(answer.body).map_err(|error| format!("{name}: {error}"))?;
                    if wanted(&found) {
                        self.tally.steps.entry(name).or_default().push(begun.elapsed());
                        return Ok(found);
                    }
                }
                404 => {}
                other => return Err(format!("{name}: {other}")),
            }
            if Instant::now() > self.deadline {
                return Err(format!("{name}: never"));
            }
            nap(pause);
            pause = pause.mul_f64(1.5).min(LONGEST_LOOK);
        }
    }
}

/// A CPF with valid check digits.
fn cpf(number: u64) -> String {
    let mut digits: Vec<u64> =
        (0..9).rev().map(|place| number % 999_999_937 / 10_u64.pow(place) % 10).collect();
    for _ in 0..2 {
        let weights = (2..=digits.len() as u64 + 1).rev();
        let sum: u64 = digits.iter().zip(weights).map(|(digit, weight)| digit * weight).sum();
        digits.push(if sum % 11 < 2 { 0 } else { 11 - sum % 11 });
    }
    digits.iter().map(u64::to_string).collect()
}

/// A plate of the Mercosul's form, ABC1D23.
fn plate(number: u64) -> String {
    let mut rest = number;
    let mut next = |letters: bool| {
        let (size, first) = if letters { (26, b'A') } else { (10, b'0') };
        let character = first + u8::try_from(rest % size).unwrap_or_default();
        rest /= size;
        char::from(character)
    };
    [true, true, true, false, true, false, false].map(&mut next).iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_up_customer_and_car_are_taken_at_the_desk() {
        for number in [1, 1_700_000_000_123, u64::MAX] {
            assert!(cpf(number).parse::<garage_os_service::document::Document>().is_ok(), "{}", cpf(number));
            assert!(plate(number).parse::<garage_os_service::plate::Plate>().is_ok(), "{}", plate(number));
        }
    }
}
