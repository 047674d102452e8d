//! What a client does with one order, and what it may expect of it in the end. Every act can be repeated, so that no
//! lost answer changes the story.

use anyhow::{Result, bail, ensure};
use rand::{Rng, rngs::StdRng, seq::IndexedRandom};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    client::{Answer, Guest, Stubborn, text},
    replica::At,
};

/// When a customer changes his mind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Right after intake.
    Opened,
    /// When the quote is there.
    Quoted,
    /// When it is approved.
    Approved,
    /// When it is paid.
    Paid,
    /// While the car is on the lift.
    Repairing,
}

/// How a saga goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Story {
    /// To its good end.
    Happy,
    /// The first card is declined.
    Declined,
    /// Called off.
    Cancelled(Moment),
    /// Called off while the payment is made: one of the two is first.
    CancelAgainstPay,
    /// Called off while it is approved.
    CancelAgainstApprove,
    /// Called off while the car is repaired: too late, or not.
    CancelAgainstRepair,
    /// Two people pay at once.
    PaidTwice,
    /// The payer lets the code lie for a moment, and pays it at his bank.
    PaidLater,
    /// Called off while he does.
    CancelAgainstPayer,
    /// The workshop gives up.
    Fails,
    /// The customer does not want it.
    Rejected,
    /// Nobody answers the quote, until it is no longer valid.
    Forgotten,
}

/// Which stories a fault is met with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mix {
    /// All of them, most to a good end.
    Usual,
    /// Money goes back in most.
    Refunds,
    /// Two people act at once in all.
    Races,
    /// Quotes that lapse.
    Lapses,
    /// Payers who pay at their bank in most.
    Payers,
}

const CHANGES_OF_MIND: [Moment; 5] =
    [Moment::Opened, Moment::Quoted, Moment::Approved, Moment::Paid, Moment::Repairing];
const RACES: [Story; 4] =
    [Story::CancelAgainstPay, Story::CancelAgainstApprove, Story::CancelAgainstRepair, Story::PaidTwice];

impl Mix {
    /// The next story.
    #[must_use]
    pub fn draw(self, rng: &mut StdRng) -> Story {
        let mut moment = || *CHANGES_OF_MIND.choose(rng).unwrap_or(&Moment::Paid);
        let cancelled = Story::Cancelled(moment());
        let race = *RACES.choose(rng).unwrap_or(&Story::CancelAgainstPay);
        match (self, rng.random_range(0..100)) {
            (Self::Lapses, _) => Story::Forgotten,
            (Self::Payers, 0..=39) => Story::PaidLater,
            (Self::Payers, 40..=59) => Story::CancelAgainstPayer,
            (Self::Payers, 60..=74) => Story::Cancelled(Moment::Paid),
            (Self::Payers, 75..=84) => Story::Declined,
            (Self::Races, _) => race,
            (Self::Refunds, 0..=49) => Story::Cancelled(Moment::Paid),
            (Self::Refunds, 50..=69) => Story::Fails,
            (Self::Usual, 0..=49) | (Self::Refunds | Self::Payers, _) => Story::Happy,
            (Self::Usual, 50..=59) => Story::Declined,
            (Self::Usual, 60..=76) => cancelled,
            (Self::Usual, 77..=86) => race,
            (Self::Usual, 87..=93) => Story::Fails,
            (Self::Usual, _) => Story::Rejected,
        }
    }
}

impl Story {
    /// The statuses in which its order may end.
    #[must_use]
    pub const fn ends(self) -> &'static [&'static str] {
        match self {
            Self::Happy | Self::Declined | Self::PaidTwice | Self::PaidLater => &["COMPLETED"],
            Self::Cancelled(_)
            | Self::CancelAgainstPay
            | Self::CancelAgainstApprove
            | Self::CancelAgainstPayer
            | Self::Rejected
            | Self::Forgotten => &["CANCELLED"],
            Self::CancelAgainstRepair => &["COMPLETED", "CANCELLED"],
            Self::Fails => &["FAILED"],
        }
    }

    /// Whether its payer does not pay at once.
    const fn takes_time(self) -> bool {
        matches!(self, Self::PaidLater | Self::CancelAgainstPayer)
    }
}

/// A client at one order.
pub struct Teller<'a> {
    /// Whom it asks.
    pub client: &'a Stubborn,
    /// What its keys begin with.
    pub key: &'a str,
    /// How it goes.
    pub story: Story,
}

impl Teller<'_> {
    /// Opens the order; its id.
    ///
    /// # Errors
    /// When it is never answered.
    pub async fn open(&self) -> Result<String> {
        let Guest { vehicle, customer } = self.guest();
        let order = json!({ "customerId": customer["id"], "vehicleId": vehicle["id"],
            "description": "Brakes squeal", "estimatedCost": 99.9,
            "parts": [{ "partId": self.client.part["id"], "quantity": 1 }] });
        text(&self.client.make(At::Os, "/work-orders", self.key, order).await?, "id")
    }

    fn guest(&self) -> &Guest {
        &self.client.guests[usize::from(self.story.takes_time())]
    }

    /// Tells the story of the order to its end, and waits until that is seen.
    ///
    /// # Errors
    /// When an answer is wrong, or the end does not come.
    pub async fn tell(&self, order: &str) -> Result<()> {
        let story = self.story;
        self.act(order, story).await?;
        let ended = |seen: &Value| story.ends().iter().any(|end| seen["status"] == *end);
        self.client.see(At::Os, &format!("/work-orders/{order}"), ended).await?;
        let settled = |payments: &Value| {
            let statuses = payments.as_array().into_iter().flatten().map(|one| &one["status"]);
            // Whether the gateway ever heard of a charge in doubt is only known a quarter of an hour after the order is
            // off; the suite lets that pass when all is over.
            let doubt = story.ends().contains(&"CANCELLED").then_some("PROCESSING");
            let ends = ["APPROVED", "REJECTED", "CANCELLED", "REFUNDED"].into_iter().chain(doubt);
            statuses.into_iter().all(|status| ends.clone().any(|end| status == end))
        };
        self.client.see(At::Billing, &format!("/payments/work-order/{order}"), settled).await.map(drop)
    }

    async fn act(&self, order: &str, story: Story) -> Result<()> {
        match story {
            Story::Happy => {
                self.paid(order).await?;
                self.repair(order, "COMPLETED").await
            }
            Story::Declined => {
                let quote = self.approved(order).await?;
                let status = self.pay(order, &quote, "card", Some("OTHE")).await?;
                ensure!(status == "REJECTED", "a declined card's payment is {status}");
                self.paid(order).await?;
                self.repair(order, "COMPLETED").await
            }
            Story::Cancelled(moment) => {
                self.until(order, moment).await?;
                self.cancel(order).await
            }
            Story::Fails => {
                self.paid(order).await?;
                self.repair(order, "FAILED").await
            }
            Story::Rejected => self.say(&self.quoted(order).await?, "reject", "REJECTED").await,
            Story::Forgotten => self.quoted(order).await.map(drop),
            Story::CancelAgainstPay
            | Story::CancelAgainstApprove
            | Story::CancelAgainstRepair
            | Story::PaidTwice => self.race(order, story).await,
            Story::PaidLater => {
                let payment = self.waits_for_its_payer(order).await?;
                self.client.pay_at_the_bank(&payment).await?;
                self.seen(&payment, |payment| payment["status"] == "APPROVED").await?;
                self.repair(order, "COMPLETED").await
            }
            Story::CancelAgainstPayer => {
                let payment = self.waits_for_its_payer(order).await?;
                let (cancelled, paid) =
                    tokio::join!(self.cancel(order), self.client.pay_at_the_bank(&payment));
                cancelled.and(paid)
            }
        }
    }

    /// Everything before a change of mind.
    async fn until(&self, order: &str, moment: Moment) -> Result<()> {
        match moment {
            Moment::Opened => Ok(()),
            Moment::Quoted => self.quoted(order).await.map(drop),
            Moment::Approved => self.approved(order).await.map(drop),
            Moment::Paid => self.paid(order).await,
            Moment::Repairing => {
                self.paid(order).await?;
                self.repair(order, "REPAIRING").await
            }
        }
    }

    /// Two at once.
    async fn race(&self, order: &str, story: Story) -> Result<()> {
        if story == Story::CancelAgainstApprove {
            let path = format!("/quotes/{}/approve", text(&self.quoted(order).await?, "id")?);
            let approve = self.client.ask(At::Billing, Method::PUT, &path, None, None);
            return tokio::join!(self.cancel(order), approve).0;
        }
        if story == Story::CancelAgainstRepair {
            self.until(order, Moment::Repairing).await?;
            let repair = self.repair(order, "COMPLETED");
            let (cancelled, repaired) = tokio::join!(self.try_to_cancel(order), repair);
            return cancelled.and(repaired);
        }
        let quote = self.approved(order).await?;
        if story == Story::CancelAgainstPay {
            // What became of the charge is not waited for: with the order off, a doubt may last a quarter of an hour.
            let (cancelled, tendered) =
                tokio::join!(self.cancel(order), self.tender(order, &quote, "pix", None));
            return cancelled.and(tendered.map(drop));
        }
        let (one, other) =
            tokio::join!(self.pay(order, &quote, "one", None), self.pay(order, &quote, "other", None));
        one.and(other)?;
        self.repair(order, "COMPLETED").await
    }

    async fn quoted(&self, order: &str) -> Result<Value> {
        self.client.see(At::Billing, &format!("/quotes/work-order/{order}"), |_| true).await
    }

    /// Approves the order's quote.
    ///
    /// # Errors
    /// When there is none, or it is refused.
    pub async fn approved(&self, order: &str) -> Result<Value> {
        let quote = self.quoted(order).await?;
        self.say(&quote, "approve", "APPROVED").await?;
        Ok(quote)
    }

    async fn paid(&self, order: &str) -> Result<()> {
        let quote = self.approved(order).await?;
        let status = self.pay(order, &quote, "pix", None).await?;
        ensure!(status == "APPROVED", "a payment that nothing speaks against is {status}");
        Ok(())
    }

    /// Makes a payment with which its payer takes his time; as it is once he can pay.
    async fn waits_for_its_payer(&self, order: &str) -> Result<Value> {
        let quote = self.approved(order).await?;
        let (status, answer) = self.tender(order, &quote, "pix", None).await?;
        ensure!(status == StatusCode::ACCEPTED, "POST /payments: {status} {answer}");
        self.seen(&answer, |payment| payment["status"] == "PENDING").await
    }

    /// A payment, once it is as it shall be.
    async fn seen(&self, payment: &Value, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        self.client.see(At::Billing, &format!("/payments/{}", text(payment, "id")?), wanted).await
    }

    /// The customer's word on the quote. One that was said before, its answer lost, has been said.
    async fn say(&self, quote: &Value, word: &str, status: &str) -> Result<()> {
        let path = format!("/quotes/{}", text(quote, "id")?);
        let said = self.client.ask(At::Billing, Method::PUT, &format!("{path}/{word}"), None, None).await?;
        if said.0.is_success() {
            return Ok(());
        }
        let (_, seen) = self.client.ask(At::Billing, Method::GET, &path, None, None).await?;
        ensure!(
            seen["status"] == status,
            "{path}/{word}: {} {}, and it is {}",
            said.0,
            said.1,
            seen["status"]
        );
        Ok(())
    }

    /// Pays, and waits for the gateway's word; the payment's status, or what the refusal was.
    async fn pay(&self, order: &str, quote: &Value, how: &str, holder: Option<&str>) -> Result<String> {
        let (status, answer) = self.tender(order, quote, how, holder).await?;
        match status {
            StatusCode::OK => return Ok("APPROVED".to_owned()),
            StatusCode::ACCEPTED => {}
            StatusCode::BAD_REQUEST if answer["code"] == "payment_failed" => return Ok("REJECTED".to_owned()),
            StatusCode::CONFLICT => return Ok("CONFLICT".to_owned()),
            _ => bail!("POST /payments: {status} {answer}"),
        }
        let known = |payment: &Value| payment["status"] != "PROCESSING" && payment["status"] != "PENDING";
        text(&self.seen(&answer, known).await?, "status")
    }

    async fn tender(&self, order: &str, quote: &Value, how: &str, holder: Option<&str>) -> Result<Answer> {
        let mut tender = json!({ "quoteId": quote["id"], "workOrderId": order, "amount": quote["totalAmount"],
            "customerId": self.guest().customer["id"], "paymentMethod": "PIX" });
        if let Some(holder) = holder {
            tender["paymentMethod"] = json!("CREDIT_CARD");
            tender["token"] = json!(holder);
            tender["cardBrand"] = json!("visa");
        }
        let key = format!("{}-{how}", self.key);
        self.client.ask(At::Billing, Method::POST, "/payments", Some(&key), Some(&tender)).await
    }

    async fn cancel(&self, order: &str) -> Result<()> {
        let path = format!("/work-orders/{order}");
        let (status, answer) = self.client.ask(At::Os, Method::DELETE, &path, None, None).await?;
        ensure!(status.is_success(), "DELETE {path}: {status} {answer}");
        Ok(())
    }

    /// Too late is an answer too.
    async fn try_to_cancel(&self, order: &str) -> Result<()> {
        let path = format!("/work-orders/{order}");
        let (status, answer) = self.client.ask(At::Os, Method::DELETE, &path, None, None).await?;
        ensure!(status.is_success() || status == StatusCode::CONFLICT, "DELETE {path}: {status} {answer}");
        Ok(())
    }

    /// Takes the step that the job's status asks for, until it is where it shall be, or called off; a step whose answer
    /// was lost has been taken.
    async fn repair(&self, order: &str, until: &str) -> Result<()> {
        let paid = |job: &Value| job["status"] != "AWAITING_PAYMENT";
        loop {
            let path = format!("/executions/work-order/{order}");
            let job = self.client.see(At::Execution, &path, paid).await?;
            let status = text(&job, "status")?;
            let step = match status.as_str() {
                reached if reached == until => return Ok(()),
                "QUEUED" => "start-diagnosis",
                "DIAGNOSING" if until == "FAILED" => "fail",
                "DIAGNOSING" => "complete-diagnosis",
                "DIAGNOSIS_COMPLETE" => "start-repair",
                "REPAIRING" => "complete-repair",
                "REPAIR_COMPLETE" => "complete",
                "COMPLETED" | "FAILED" | "CANCELLED" => return Ok(()),
                other => bail!("the job of {order} is {other}"),
            };
            let path = format!("/executions/{}/{step}", text(&job, "id")?);
            let words = json!({ "notes": "done with care", "reason": "the frame is bent" });
            self.client.ask(At::Execution, Method::POST, &path, None, Some(&words)).await?;
        }
    }
}
