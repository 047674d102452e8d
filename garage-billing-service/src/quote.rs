//! The quote: what the repair will cost, line by line, and the customer's word on it. Owned and decided here
//! (SPEC 4). Pure; prices from the catalogue are arguments.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use garage_events::{
    Cents, PartId, Quantity, QuoteId, QuoteStatus, Refusal, ServiceId,
    event::{RequestedPart, RequestedService, WorkOrderCreated, first_text},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub mod expiry;
pub(crate) mod http;
mod revision;

pub use revision::{Evidence, Revision, Rewrite};

/// A quote.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Quote {
    /// Its id.
    pub id: QuoteId,
    /// Where it stands.
    pub status: QuoteStatus,
    /// What it is made of.
    pub lines: Vec<Line>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// Until when it may be approved or rejected; counted anew from its first sending, unless somebody has said until when.
    pub valid_until: DateTime<Utc>,
    /// When the customer got it.
    pub sent_at: Option<DateTime<Utc>>,
    /// When the customer said yes, and who said it.
    pub approved: Option<Decision>,
    /// When the customer said no, and who said it.
    pub rejected: Option<Decision>,
    /// Why, in the customer's words.
    pub rejected_because: Option<String>,
    /// The command that wrote its lines last, if one did: the same one again changes nothing.
    pub written_by: Option<Uuid>,
    /// Those that did before it, the latest last: neither does one of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub written_before: Vec<Uuid>,
    /// For how long it may be answered from its first sending on; `None` once it was sent, or somebody has said until when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lasts: Option<TimeDelta>,
    /// How often its text was written, counted from 1.
    #[serde(default = "first_text")]
    pub revision: u32,
    /// The texts that it had before, oldest first.
    #[serde(default)]
    pub earlier: Vec<Revision>,
}

/// The customer's word.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Decision {
    /// When.
    pub at: DateTime<Utc>,
    /// The subject of the token that brought it.
    pub by: String,
    /// The address that it came from.
    #[serde(default)]
    pub from: Option<String>,
    /// Which revision it was said to.
    #[serde(default = "first_text")]
    pub revision: u32,
    /// The fingerprint of that text ([`Quote::fingerprint`]).
    #[serde(default)]
    pub text: String,
}

/// One line of a quote.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Line {
    /// What.
    pub name: String,
    /// More about it.
    pub description: Option<String>,
    /// How many.
    pub quantity: Quantity,
    /// For how much each; `None` until somebody prices what the catalogue did not know.
    pub unit_price: Option<Cents>,
    /// The catalogue's part.
    pub part_id: Option<PartId>,
    /// The catalogue's service.
    pub service_id: Option<ServiceId>,
}

/// What the catalogue knows of the things asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Catalogue {
    /// Parts by id.
    pub parts: BTreeMap<PartId, Priced>,
    /// Services by id.
    pub services: BTreeMap<ServiceId, Priced>,
}

/// A name and a price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Priced {
    /// The name on the quote.
    pub name: String,
    /// Each.
    pub price: Cents,
}

/// What the shop has decided once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// How long a quote may be approved from its first sending on: ten days by Brazilian law unless agreed otherwise.
    pub validity: TimeDelta,
    /// What looking at a car costs when the desk made no guess.
    pub diagnosis_fee: Cents,
}

impl Quote {
    /// A quote for what was asked for; with nothing asked for, one line of diagnosis.
    #[must_use]
    pub fn priced(
        id: QuoteId,
        order: &WorkOrderCreated,
        catalogue: &Catalogue,
        terms: Terms,
        at: DateTime<Utc>,
    ) -> Self {
        let services = order.services.iter().map(|asked| Line::service(asked, catalogue));
        let parts = order.parts.iter().map(|asked| Line::part(asked, catalogue));
        let mut lines: Vec<Line> = services.chain(parts).collect();
        if lines.is_empty() {
            lines.push(Line::diagnosis(order.estimated_cost.unwrap_or(terms.diagnosis_fee)));
        }
        Self {
            id,
            status: QuoteStatus::Pending,
            lines,
            created_at: at,
            updated_at: at,
            valid_until: at + terms.validity,
            sent_at: None,
            approved: None,
            rejected: None,
            rejected_because: None,
            written_by: None,
            written_before: Vec::new(),
            lasts: Some(terms.validity),
            revision: first_text(),
            earlier: Vec::new(),
        }
    }

    /// In all: the sum of its lines, each rounded once.
    #[must_use]
    pub fn total(&self) -> Cents {
        self.lines.iter().map(Line::total).sum()
    }

    /// Whether the customer may still answer it.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        match self.status {
            QuoteStatus::Pending | QuoteStatus::Sent => true,
            QuoteStatus::Approved | QuoteStatus::Rejected | QuoteStatus::Expired | QuoteStatus::Cancelled => {
                false
            }
        }
    }

    /// The sums must stay within measure, line by line: a saturated total would not be the lines' sum.
    fn check_sum(&self) -> Result<(), Refusal> {
        let totals =
            self.lines.iter().map(|line| line.unit_price.unwrap_or_default().times(line.quantity.decimal()));
        let sum = totals.into_iter().try_fold(Cents::ZERO, |sum, line| sum.checked_add(line?));
        sum.map(|_| ())
            .ok_or_else(|| Refusal::field("items", format!("must add up to at most {}", Cents::MAX)))
    }

    /// The quote in the customer's hands. From the first time on it lasts as long as the shop's quotes do: the law counts
    /// from when the customer gets it (Código de Defesa do Consumidor, art. 40 §1).
    ///
    /// # Errors
    /// After an answer, after its time, or while a line has no price.
    pub fn sent(&self, at: DateTime<Utc>) -> Result<Self, Refusal> {
        self.check_answerable("sending", at)?;
        Ok(Self {
            status: QuoteStatus::Sent,
            sent_at: Some(self.sent_at.unwrap_or(at)),
            valid_until: self.lasts.map_or(self.valid_until, |validity| at + validity),
            lasts: None,
            updated_at: at,
            ..self.clone()
        })
    }

    /// The quote with the customer's yes.
    ///
    /// # Errors
    /// After another answer, after its time, or while a line has no price; see [`Evidence`] for who has not read this text.
    pub fn approved(&self, evidence: Evidence, at: DateTime<Utc>) -> Result<Self, Refusal> {
        self.check_answerable("approving", at)?;
        self.check_read("approving", &evidence)?;
        Ok(Self {
            status: QuoteStatus::Approved,
            approved: Some(self.decision(evidence, at)),
            updated_at: at,
            ..self.clone()
        })
    }

    /// The quote with the customer's no.
    ///
    /// # Errors
    /// After another answer or after its time; see [`Evidence`] for who has not read this text.
    pub fn rejected(&self, evidence: Evidence, at: DateTime<Utc>) -> Result<Self, Refusal> {
        self.check_open("rejecting", at)?;
        self.check_read("rejecting", &evidence)?;
        Ok(Self {
            status: QuoteStatus::Rejected,
            rejected: Some(self.decision(evidence, at)),
            updated_at: at,
            ..self.clone()
        })
    }

    /// Whether its time is over and nobody has answered.
    #[must_use]
    pub fn has_lapsed(&self, at: DateTime<Utc>) -> bool {
        self.is_open() && at > self.valid_until
    }

    /// The quote without an answer, after its time or because the order was called off.
    #[must_use]
    pub fn closed(&self, status: QuoteStatus, at: DateTime<Utc>) -> Self {
        Self { status, updated_at: at, ..self.clone() }
    }

    fn check_open(&self, what: &'static str, at: DateTime<Utc>) -> Result<(), Refusal> {
        if !self.is_open() {
            return Err(Refusal::state(what, "quote", self.status));
        }
        if self.has_lapsed(at) {
            return Err(Refusal::state(what, "quote", QuoteStatus::Expired));
        }
        Ok(())
    }

    fn check_answerable(&self, what: &'static str, at: DateTime<Utc>) -> Result<(), Refusal> {
        self.check_open(what, at)?;
        match self.lines.iter().find(|line| line.unit_price.is_none()) {
            Some(line) => {
                Err(Refusal::state(what, "quote", format!("incomplete, `{}` has no price yet", line.name)))
            }
            None if self.total() == Cents::ZERO => Err(Refusal::state(what, "quote", "worth nothing")),
            None => Ok(()),
        }
    }
}

impl Line {
    /// Quantity times price, rounded once; nothing while there is no price.
    #[must_use]
    pub fn total(&self) -> Cents {
        self.unit_price.and_then(|price| price.times(self.quantity.decimal())).unwrap_or_default()
    }

    fn service(asked: &RequestedService, catalogue: &Catalogue) -> Self {
        let known = catalogue.services.get(&asked.service_id);
        let unknown = || format!("Service {} (not in the catalogue)", asked.service_id);
        Self { service_id: Some(asked.service_id), ..Self::of(known, unknown, asked.quantity) }
    }

    fn part(asked: &RequestedPart, catalogue: &Catalogue) -> Self {
        let known = catalogue.parts.get(&asked.part_id);
        let unknown = || format!("Part {} (not in the catalogue)", asked.part_id);
        Self { part_id: Some(asked.part_id), ..Self::of(known, unknown, asked.quantity) }
    }

    fn diagnosis(price: Cents) -> Self {
        Self::of(Some(&Priced { name: "Diagnosis".to_owned(), price }), String::new, Quantity::ONE)
    }

    fn of(known: Option<&Priced>, unknown: impl FnOnce() -> String, quantity: Quantity) -> Self {
        Self {
            name: known.map_or_else(unknown, |priced| priced.name.clone()),
            description: None,
            quantity,
            unit_price: known
                .map(|priced| priced.price)
                .filter(|price| price.times(quantity.decimal()).is_some()),
            part_id: None,
            service_id: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use garage_events::{CustomerId, VehicleId, WorkOrderId, WorkOrderStatus};

    use super::*;

    const AT: DateTime<Utc> = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
    const OIL: PartId = PartId(Uuid::from_u128(1));
    const CHANGE: ServiceId = ServiceId(Uuid::from_u128(2));
    const GONE: PartId = PartId(Uuid::from_u128(3));

    fn cents(n: i64) -> Cents {
        Cents::new(n).unwrap()
    }

    fn quantity(json: &str) -> Quantity {
        serde_json::from_str(json).unwrap()
    }

    fn terms() -> Terms {
        Terms { validity: TimeDelta::days(10), diagnosis_fee: cents(15000) }
    }

    fn catalogue() -> Catalogue {
        let priced = |name: &str, price| Priced { name: name.to_owned(), price: cents(price) };
        Catalogue {
            parts: [(OIL, priced("Oil", 3999))].into(),
            services: [(CHANGE, priced("Oil change", 8000))].into(),
        }
    }

    fn order(parts: Vec<RequestedPart>, services: Vec<RequestedService>) -> WorkOrderCreated {
        WorkOrderCreated {
            work_order_id: WorkOrderId(Uuid::nil()),
            customer_id: CustomerId(Uuid::nil()),
            vehicle_id: VehicleId(Uuid::nil()),
            status: WorkOrderStatus::Pending,
            description: String::new(),
            estimated_cost: None,
            services,
            parts,
            customer: None,
        }
    }

    fn quote(order: &WorkOrderCreated) -> Quote {
        Quote::priced(QuoteId(Uuid::nil()), order, &catalogue(), terms(), AT)
    }

    fn diagnosis() -> Quote {
        quote(&order(Vec::new(), Vec::new()))
    }

    fn line(price: Option<i64>, times: &str) -> Line {
        Line {
            name: "Something".to_owned(),
            description: None,
            quantity: quantity(times),
            unit_price: price.map(cents),
            part_id: None,
            service_id: None,
        }
    }

    fn of(lines: Vec<Line>) -> Quote {
        Quote { lines, ..diagnosis() }
    }

    #[test]
    fn what_was_asked_for_is_priced_from_the_catalogue() {
        let parts = vec![RequestedPart { part_id: OIL, quantity: quantity("4.5") }];
        let services = vec![RequestedService { service_id: CHANGE, quantity: Quantity::ONE }];
        let quote = quote(&order(parts, services));
        let lines: Vec<_> = quote.lines.iter().map(|line| (line.name.as_str(), line.total())).collect();
        assert_eq!(lines, [("Oil change", cents(8000)), ("Oil", cents(17996))]);
        assert_eq!((quote.lines[0].service_id, quote.lines[1].part_id), (Some(CHANGE), Some(OIL)));
        assert_eq!((quote.total(), quote.valid_until), (cents(25996), AT + TimeDelta::days(10)));
    }

    #[test]
    fn an_order_that_asks_for_nothing_is_a_diagnosis_at_the_desk_s_guess_or_the_fee() {
        assert_eq!((diagnosis().lines[0].name.as_str(), diagnosis().total()), ("Diagnosis", cents(15000)));
        let guessed = WorkOrderCreated { estimated_cost: Some(cents(9990)), ..order(Vec::new(), Vec::new()) };
        assert_eq!(quote(&guessed).total(), cents(9990));
    }

    #[test]
    fn what_the_catalogue_does_not_know_waits_for_a_price_and_holds_up_the_approval() {
        let quote = quote(&order(vec![RequestedPart { part_id: GONE, quantity: Quantity::ONE }], Vec::new()));
        assert_eq!((quote.lines[0].unit_price, quote.total()), (None, Cents::ZERO));
        for refused in [quote.sent(AT), quote.approved(Evidence::by(""), AT)] {
            let told = refused.unwrap_err().to_string();
            assert!(told.contains("the quote is incomplete") && told.contains("has no price yet"), "{told}");
        }
        assert!(quote.rejected(Evidence::by(""), AT).is_ok());
    }

    #[test]
    fn a_quote_that_is_worth_nothing_is_not_approved() {
        let told = of(vec![line(Some(0), "1")]).approved(Evidence::by(""), AT).unwrap_err().to_string();
        assert_eq!(told, "approving is not possible: the quote is worth nothing");
    }

    #[test]
    fn each_line_is_rounded_once_half_up_and_the_total_is_their_sum() {
        let quote = of(vec![line(Some(333), "0.5"), line(Some(333), "0.5"), line(Some(1), "0.4")]);
        let totals: Vec<_> = quote.lines.iter().map(|line| line.total().centavos()).collect();
        assert_eq!((totals, quote.total()), (vec![167, 167, 0], cents(334)));
    }

    fn rewrite(lines: Vec<Line>) -> Rewrite {
        Rewrite { lines, valid_until: None, by: "berta".to_owned(), reason: None }
    }

    fn edited(quote: &Quote, lines: Vec<Line>, at: DateTime<Utc>) -> Result<Quote, Refusal> {
        quote.edited(rewrite(lines), at)
    }

    #[test]
    fn lines_are_edited_while_the_quote_is_pending_and_never_after() {
        let edited_at = AT + TimeDelta::days(1);
        let other = edited(&diagnosis(), vec![line(Some(100), "2")], edited_at).unwrap();
        assert_eq!((other.total(), other.valid_until), (cents(200), diagnosis().valid_until));
        assert_eq!(other.updated_at, edited_at);
        assert_eq!(edited(&diagnosis(), diagnosis().lines, edited_at), Ok(diagnosis()));
        for status in QuoteStatus::ALL.iter().filter(|status| **status != QuoteStatus::Pending) {
            let refused = edited(&diagnosis().closed(*status, AT), vec![line(Some(1), "1")], AT);
            assert_eq!(refused, Err(Refusal::state("editing", "quote", status)));
        }
    }

    #[test]
    fn a_quote_that_the_customer_has_is_written_anew_and_its_text_is_kept() {
        let sent = diagnosis().sent(AT).unwrap();
        let revised = sent.revised(rewrite(vec![line(Some(100), "2")]), AT + TimeDelta::days(1)).unwrap();
        assert_eq!((revised.status, revised.sent_at, revised.revision), (QuoteStatus::Pending, None, 2));
        let before = &revised.earlier[0];
        assert_eq!((before.number, before.sent_at, before.total()), (1, Some(AT), diagnosis().total()));
        assert_eq!((before.replaced_at, before.replaced_by.as_str()), (AT + TimeDelta::days(1), "berta"));
        for status in
            [QuoteStatus::Approved, QuoteStatus::Rejected, QuoteStatus::Expired, QuoteStatus::Cancelled]
        {
            let refused = diagnosis().closed(status, AT).revised(rewrite(vec![line(Some(1), "1")]), AT);
            assert_eq!(refused, Err(Refusal::state("revising", "quote", status)));
        }
    }

    #[test]
    fn a_yes_is_to_one_text_and_says_whose_and_from_where() {
        let text = diagnosis();
        let other = edited(&text, vec![line(Some(100), "2")], AT).unwrap();
        assert_ne!(text.fingerprint(), other.fingerprint());
        let evidence =
            |revision| Evidence { from: Some("203.0.113.7".to_owned()), revision, ..Evidence::by("ana") };
        let approved = other.approved(evidence(Some(2)), AT).unwrap();
        let yes = approved.approved.clone().unwrap();
        assert_eq!((yes.revision, yes.by.as_str(), yes.from.as_deref()), (2, "ana", Some("203.0.113.7")));
        assert_eq!((&yes.text, yes.text.len()), (&approved.fingerprint(), 64));
        let stale = other.approved(evidence(Some(1)), AT).unwrap_err().to_string();
        assert_eq!(stale, "answering an earlier text is not possible: the quote is at revision 2");
    }

    fn by_link() -> Evidence {
        Evidence { by_link: true, ..Evidence::by("work-order:1") }
    }

    #[test]
    fn a_customer_s_link_answers_no_text_that_it_never_got() {
        let draft = edited(&diagnosis(), vec![line(Some(100), "2")], AT).unwrap();
        assert!(
            draft.approved(by_link(), AT).is_ok(),
            "no text was ever sent: the present one is all there is"
        );
        let revised = draft.sent(AT).unwrap().revised(rewrite(vec![line(Some(500), "2")]), AT).unwrap();
        for (act, refused) in
            [("approving", revised.approved(by_link(), AT)), ("rejecting", revised.rejected(by_link(), AT))]
        {
            let told = refused.unwrap_err().to_string();
            assert_eq!(
                told,
                format!("{act} is not possible: the quote is being written anew and not sent yet")
            );
        }
        assert!(revised.approved(Evidence::by("the desk"), AT).is_ok(), "told to the desk by telephone");
        assert!(revised.sent(AT).unwrap().approved(by_link(), AT).is_ok());
    }

    #[test]
    fn a_customer_has_the_last_text_that_was_sent_and_no_draft() {
        let numbers = |quote: &Quote| quote.earlier.iter().map(|text| text.number).collect::<Vec<_>>();
        let write = |quote: &Quote, price| quote.revised(rewrite(vec![line(Some(price), "1")]), AT).unwrap();
        let draft = write(&diagnosis(), 200);
        let has = draft.clone().seen_by_the_customer();
        assert_eq!(
            (has.revision, numbers(&has)),
            (2, vec![]),
            "nothing was sent: the present text is the first"
        );
        let second = write(&write(&draft.sent(AT).unwrap(), 300), 400);
        let has = second.clone().seen_by_the_customer();
        assert_eq!((has.revision, has.total(), has.sent_at), (2, cents(200), Some(AT)));
        assert_eq!((has.status, numbers(&has)), (QuoteStatus::Pending, vec![]));
        let sent = second.sent(AT).unwrap().seen_by_the_customer();
        assert_eq!((sent.revision, sent.total(), numbers(&sent)), (4, cents(400), vec![2]));
        let agreed = second.approved(Evidence::by("the desk"), AT).unwrap().seen_by_the_customer();
        assert_eq!(
            (agreed.revision, agreed.total()),
            (4, cents(400)),
            "what was agreed on is the customer's too"
        );
    }

    #[test]
    fn a_quote_lasts_from_the_day_on_which_the_customer_gets_it() {
        let (third_day, later) = (AT + TimeDelta::days(3), AT + TimeDelta::days(5));
        let sent = diagnosis().sent(third_day).unwrap();
        assert_eq!(sent.valid_until, third_day + TimeDelta::days(10));
        let anew = sent.revised(rewrite(vec![line(Some(1), "1")]), later).unwrap().sent(later).unwrap();
        assert_eq!(anew.valid_until, sent.valid_until, "a later text does not move the day");
        for day in [AT + TimeDelta::days(30), diagnosis().valid_until] {
            let given = Rewrite { valid_until: Some(day), ..rewrite(diagnosis().lines) };
            assert_eq!(diagnosis().edited(given, AT).unwrap().sent(third_day).unwrap().valid_until, day);
        }
    }

    #[test]
    fn a_quote_of_before_is_read_as_it_was() {
        let mut stored = serde_json::to_value(diagnosis()).unwrap();
        for since in ["written_before", "lasts"] {
            stored.as_object_mut().unwrap().remove(since);
        }
        let command = Uuid::from_u128(9);
        stored["written_by"] = serde_json::json!(command);
        let read: Quote = serde_json::from_value(stored).unwrap();
        assert!(read.was_written_by(command));
        assert_eq!(read.sent(AT + TimeDelta::days(3)).unwrap().valid_until, diagnosis().valid_until);
    }

    #[test]
    fn the_last_fifty_commands_that_wrote_a_quote_are_remembered() {
        let write = |quote: Quote, number: u128| {
            quote.written(Uuid::from_u128(number), rewrite(vec![line(Some(1), "1")]), AT).unwrap()
        };
        let last = (1..=51).fold(diagnosis(), write);
        assert!((2..=51).all(|number| last.was_written_by(Uuid::from_u128(number))));
        assert!(!last.was_written_by(Uuid::from_u128(1)));
        assert_eq!(last.revision, 2, "the same text again is none");
    }

    #[test]
    fn a_quote_is_written_so_often_and_no_more() {
        let write = |quote: Quote, price: i64| edited(&quote, vec![line(Some(price), "1")], AT);
        let last =
            (1..revision::MOST).fold(diagnosis(), |quote, price| write(quote, i64::from(price)).unwrap());
        assert_eq!(last.revision, revision::MOST);
        assert!(matches!(write(last, 9999), Err(Refusal::State { .. })));
    }

    #[test]
    fn a_quote_must_be_answerable_for_some_time_and_add_up() {
        let past =
            diagnosis().edited(Rewrite { valid_until: Some(AT), ..rewrite(vec![line(Some(1), "1")]) }, AT);
        assert_eq!(past, Err(Refusal::field("validUntil", "must lie in the future")));
        let most = Cents::MAX.centavos();
        for lines in [vec![line(Some(most), "2")], vec![line(Some(most), "1"), line(Some(1), "1")]] {
            assert!(matches!(edited(&diagnosis(), lines, AT), Err(Refusal::Field { field: "items", .. })));
        }
    }

    #[test]
    fn nobody_answers_a_quote_after_its_time() {
        let late = diagnosis().valid_until + TimeDelta::milliseconds(1);
        let (sent, yes, no) = (
            diagnosis().sent(late),
            diagnosis().approved(Evidence::by(""), late),
            diagnosis().rejected(Evidence::by(""), late),
        );
        for refused in [sent, yes, no] {
            assert!(refused.unwrap_err().to_string().ends_with("the quote is EXPIRED"));
        }
        assert!(diagnosis().approved(Evidence::by(""), diagnosis().valid_until).is_ok());
    }
}
