//! The steps as the workshop service reads them. Pure. What it records of a repair is added to what it has, so a repair
//! that is done again begins with nothing ticked.

use garage_events::Quantity;
use serde_json::{Value, json};

use crate::{
    form::{Form, Objections},
    lang::Lang,
    services::view::{Job, Line, Quote},
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

/// A part that is not of the quote, and how many of it.
pub(super) const MORE_PART: &str = "more-part";
pub(super) const MORE_QUANTITY: &str = "more-quantity";

/// A service's field in the form's words.
pub(super) fn field(field: &str) -> Option<&'static str> {
    match field {
        "notes" => Some("notes"),
        "reason" => Some("reason"),
        // Of the quote's parts there is nothing to object to, so it is the one by hand.
        part if part.starts_with("partsUsed[") && part.ends_with(".quantity") => Some(MORE_QUANTITY),
        part if part.starts_with("partsUsed[") => Some(MORE_PART),
        _ => None,
    }
}

/// Whether a line is ticked when the form is fresh: all was done as quoted, the first time.
pub(super) const fn is_ticked_at_first(job: &Job) -> bool {
    job.repair_notes.is_none()
}

/// Whether the workshop has this line on record already.
pub(super) fn is_recorded(job: &Job, line: &Line) -> bool {
    match line.part_id {
        Some(id) => job.parts_used.iter().any(|used| used.part_id == Some(id)),
        None => job.services_performed.contains(&short(&line.name)),
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
                let parts = parts(lang, form, quote, &mut objections);
                json!({ "notes": form.get("notes"), "partsUsed": parts, "servicesPerformed": done(form, quote) })
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
fn parts(lang: Lang, form: &Form, quote: Option<&Quote>, objections: &mut Objections) -> Vec<Value> {
    let lines = quote.into_iter().flat_map(|quote| quote.items.iter().enumerate());
    let ticked = lines.filter(|(place, line)| line.part_id.is_some() && is_ticked(form, *place));
    let quoted = ticked.map(
        |(_, line)| json!({ "partId": line.part_id, "name": short(&line.name), "quantity": line.quantity }),
    );
    quoted.chain(more(lang, form, objections)).collect()
}

/// The part by hand; one of it, unless it is said how many.
fn more(lang: Lang, form: &Form, objections: &mut Objections) -> Option<Value> {
    let quantity = objections.quantity(lang, form, MORE_QUANTITY);
    if form.given(MORE_QUANTITY).is_some() {
        objections.require(lang, form, &[MORE_PART]);
    }
    let name = short(form.given(MORE_PART)?);
    Some(json!({ "name": name, "quantity": quantity.unwrap_or_else(|| json!(Quantity::ONE)) }))
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
    fn another_part_s_quantity_is_read_as_the_page_writes_it_or_objected_to() {
        let repair = |lang, fields: &str| {
            Step::CompleteRepair.body(
                lang,
                &Form::parse(format!("notes=ok&{fields}").as_bytes()),
                None,
                "bia",
            )
        };
        for (lang, typed, quantity) in [
            (Lang::Pt, "more-quantity=0,5", json!(0.5)),
            (Lang::En, "more-quantity=1.250", json!(1.25)),
            (Lang::Pt, "more-quantity=+", json!(1)),
        ] {
            let body = repair(lang, &format!("more-part=Fluido&{typed}")).unwrap();
            assert_eq!(body["partsUsed"][0]["quantity"], quantity, "{typed}");
        }
        for typed in ["0,5 L", "meio"] {
            let objections =
                repair(Lang::Pt, &format!("more-part=Fluido&more-quantity={typed}")).unwrap_err();
            assert!(objections.to(MORE_QUANTITY).is_some(), "{typed}");
        }
        assert!(repair(Lang::Pt, "more-quantity=2").unwrap_err().to(MORE_PART).is_some());
    }

    #[test]
    fn what_the_workshop_objects_to_stands_beside_the_part_by_hand() {
        assert_eq!(field("partsUsed[2].quantity"), Some(MORE_QUANTITY));
        assert_eq!(field("partsUsed[2].name"), Some(MORE_PART));
        assert_eq!(field("servicesPerformed[0]"), None);
    }

    #[test]
    fn a_repair_done_again_begins_with_nothing_ticked() {
        let id = "0190f5a0-0000-7000-8000-000000000002";
        let mut job = json!({ "id": id, "workOrderId": id, "status": "REPAIRING", "priority": "NORMAL", "partsUsed": [],
            "servicesPerformed": [], "updatedAt": "2026-11-28T20:00:00Z" });
        let read = |job: &Value| serde_json::from_value::<Job>(job.clone()).unwrap();
        assert!(is_ticked_at_first(&read(&job)));
        job["repairNotes"] = json!("Troquei");
        job["servicesPerformed"] = json!(["Troca"]);
        job["partsUsed"] =
            json!([{ "partId": "0190f5a0-0000-7000-8000-000000000001", "name": "Pastilha", "quantity": 1 }]);
        let again = read(&job);
        assert!(!is_ticked_at_first(&again));
        assert!(quote().items.iter().take(2).all(|line| is_recorded(&again, line)));
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
