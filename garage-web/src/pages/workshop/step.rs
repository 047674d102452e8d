//! The steps as the workshop service reads them. Pure.

use garage_events::Quantity;
use serde_json::{Value, json};

use crate::{
    form::{Form, Objections},
    lang::Lang,
    services::view::Quote,
    show,
};

/// A step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    StartDiagnosis,
    CompleteDiagnosis,
    StartRepair,
    CompleteRepair,
    StartTesting,
    Complete,
    Fail,
}

const ALL: [Step; 7] = [
    Step::StartDiagnosis,
    Step::CompleteDiagnosis,
    Step::StartRepair,
    Step::CompleteRepair,
    Step::StartTesting,
    Step::Complete,
    Step::Fail,
];

/// A service's field in the form's words.
pub(super) fn field(field: &str) -> Option<&'static str> {
    match field {
        "notes" => Some("notes"),
        "reason" => Some("reason"),
        _ => None,
    }
}

impl Step {
    pub(super) fn named(word: &str) -> Option<Self> {
        ALL.into_iter().find(|step| step.word() == word)
    }

    /// The last part of the service's address, and of ours.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::StartDiagnosis => "start-diagnosis",
            Self::CompleteDiagnosis => "complete-diagnosis",
            Self::StartRepair => "start-repair",
            Self::CompleteRepair => "complete-repair",
            Self::StartTesting => "start-testing",
            Self::Complete => "complete",
            Self::Fail => "fail",
        }
    }

    /// What the service is told.
    pub(super) fn body(
        self,
        lang: Lang,
        form: &Form,
        quote: Option<&Quote>,
        login: &str,
    ) -> Result<Value, Objections> {
        let mut objections = Objections::default();
        let body = match self {
            Self::StartDiagnosis => json!({ "technicianId": login }),
            Self::CompleteDiagnosis => {
                objections.require(lang, form, &["notes"]);
                json!({ "notes": form.get("notes") })
            }
            Self::CompleteRepair => {
                objections.require(lang, form, &["notes"]);
                json!({ "notes": form.get("notes"), "partsUsed": parts(lang, form, quote), "servicesPerformed": done(form, quote) })
            }
            Self::Fail => {
                objections.require(lang, form, &["reason"]);
                json!({ "reason": form.get("reason") })
            }
            Self::StartRepair | Self::StartTesting | Self::Complete => json!({}),
        };
        if objections.is_empty() { Ok(body) } else { Err(objections) }
    }
}

/// The quote's parts that were ticked, and one more by hand.
fn parts(lang: Lang, form: &Form, quote: Option<&Quote>) -> Vec<Value> {
    let lines = quote.into_iter().flat_map(|quote| quote.items.iter().enumerate());
    let ticked = lines.filter(|(place, line)| line.part_id.is_some() && is_ticked(form, *place));
    let quoted = ticked.map(
        |(_, line)| json!({ "partId": line.part_id, "name": short(&line.name), "quantity": line.quantity }),
    );
    let more = form.given("more-part").map(|name| {
        let typed = show::typed_quantity(lang, form.get("more-quantity"));
        let quantity = typed.and_then(|number| number.normalize().to_string().parse::<serde_json::Number>().ok());
        json!({ "name": short(name), "quantity": quantity.map_or_else(|| json!(Quantity::ONE), Value::Number) })
    });
    quoted.chain(more).collect()
}

/// The quote's labour that was ticked.
fn done(form: &Form, quote: Option<&Quote>) -> Vec<String> {
    let lines = quote.into_iter().flat_map(|quote| quote.items.iter().enumerate());
    let ticked = lines.filter(|(place, line)| line.part_id.is_none() && is_ticked(form, *place));
    ticked.map(|(_, line)| short(&line.name)).collect()
}

fn is_ticked(form: &Form, place: usize) -> bool {
    form.all("done").any(|ticked| ticked == place.to_string())
}

/// The workshop takes names of a hundred characters.
fn short(name: &str) -> String {
    name.chars().take(100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use garage_events::Cents;

    fn quote() -> Quote {
        let line = |name: &str, part: bool| {
            let id = "0190f5a0-0000-7000-8000-000000000001";
            let mut line = json!({ "name": name, "description": null, "quantity": 2, "unitPrice": 10, "totalPrice": 20 });
            if part {
                line["partId"] = json!(id);
            }
            line
        };
        let id = "0190f5a0-0000-7000-8000-000000000002";
        let items = [line("Pastilha", true), line("Troca", false), line("Disco", true)];
        let quote = json!({ "id": id, "workOrderId": id, "customerId": id, "status": "APPROVED", "items": items, "totalAmount": Cents::ZERO,
            "validUntil": "2026-11-28T20:00:00Z" });
        serde_json::from_value(quote).unwrap()
    }

    #[test]
    fn what_was_ticked_was_used_and_done() {
        let form = Form::parse(b"notes=ok&done=0&done=1&more-part=Fluido&more-quantity=0,5");
        let body = Step::CompleteRepair.body(Lang::Pt, &form, Some(&quote()), "bia").unwrap();
        assert_eq!(body["partsUsed"][0]["name"], "Pastilha");
        assert_eq!(body["partsUsed"][1], json!({ "name": "Fluido", "quantity": 0.5 }));
        assert_eq!(body["partsUsed"].as_array().unwrap().len(), 2);
        assert_eq!(body["servicesPerformed"], json!(["Troca"]));
    }

    #[test]
    fn a_step_that_needs_words_asks_for_them() {
        for (step, field) in
            [(Step::CompleteDiagnosis, "notes"), (Step::CompleteRepair, "notes"), (Step::Fail, "reason")]
        {
            let objections = step.body(Lang::Pt, &Form::default(), None, "bia").unwrap_err();
            assert!(objections.to(field).is_some(), "{step:?}");
        }
        assert!(Step::Complete.body(Lang::Pt, &Form::default(), None, "bia").is_ok());
    }

    #[test]
    fn every_step_has_its_word() {
        for step in ALL {
            assert_eq!(Step::named(step.word()), Some(step));
        }
        assert_eq!(Step::named("cancel"), None);
    }
}
