//! What the desk writes down of a visit. Amounts and times are typed as people here type them. A visit is kept in several
//! steps, so all that the form alone can show to be wrong is said before the first; the last word is the services'. Kilometres and the like are the desk's own notes and travel with the order.

use chrono::{DateTime, FixedOffset};
use garage_events::{Cents, CustomerId, VehicleId};
use serde_json::{Value, json};

use super::{contact, known::Known};
use crate::{
    form::{Form, Objections},
    lang::Lang,
    show, trouble,
};

/// What OS takes of each text, in characters.
const LONGEST: [(&str, usize); 5] =
    [("complaint", 2000), ("name", 200), ("brand", 60), ("model", 60), ("color", 40)];

/// What OS takes of notes, in bytes.
const MOST_NOTES: usize = 8192;

/// A visit as it was written down.
pub(super) struct Written {
    complaint: String,
    promised: Option<String>,
    estimate: Option<Cents>,
    notes: Value,
}

impl Written {
    /// Reads the form at this time in the shop's zone, or says all that cannot be read.
    pub(super) fn read(
        lang: Lang,
        form: &Form,
        known: &Known,
        now: DateTime<FixedOffset>,
    ) -> Result<Self, Objections> {
        let mut objections = Objections::default();
        objections.require(lang, form, &["complaint"]);
        let is_new = known.car.is_none();
        if is_new {
            objections.require(lang, form, &["brand", "model", "year"]);
        }
        if known.wants_an_owner(form) {
            objections.require(lang, form, &["document", "name", "phone"]);
            contact::check(&mut objections, lang, form);
        }
        for (field, most) in LONGEST {
            objections.limit(lang, form, field, most);
        }
        objections.car_year(lang, form, "year", now.to_utc());
        let estimate = form.given("estimate").map(|text| show::typed_amount(lang, text));
        if estimate == Some(None) {
            objections.add(
                "estimate",
                lang.t("deve ser um valor, como 350,00", "must be an amount, such as 350.00"),
            );
        }
        let promised = objections.moment(lang, form, "promised", *now.offset());
        let km = objections.kilometres(lang, form, "km");
        let notes = json!({ "km": km, "left": form.given("left") });
        if notes.to_string().len() > MOST_NOTES {
            let detail = format!("must have at most {MOST_NOTES} bytes as JSON");
            objections.add("left", trouble::objection(lang, &detail));
        }
        if !objections.is_empty() {
            return Err(objections);
        }
        Ok(Self {
            complaint: form.get("complaint").to_owned(),
            promised: promised.map(|at| at.to_rfc3339()),
            estimate: estimate.flatten(),
            notes,
        })
    }

    /// The order as OS reads it.
    pub(super) fn order(&self, customer: CustomerId, vehicle: VehicleId) -> Value {
        json!({ "customerId": customer, "vehicleId": vehicle, "description": self.complaint,
            "estimatedCost": self.estimate, "estimatedCompletionDate": self.promised, "metadata": self.notes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::intake::known::tests::owned;

    fn read(fields: &str, known: &Known) -> Result<Written, Objections> {
        let now = DateTime::parse_from_rfc3339("2026-11-28T09:00:00-03:00").unwrap();
        Written::read(Lang::Pt, &Form::parse(fields.as_bytes()), known, now)
    }

    fn named(objections: &Objections) -> Vec<&str> {
        objections.fields().map(|(field, _)| field).collect()
    }

    const CAR: &str = "brand=Fiat&model=Uno&year=2010&document=1&name=Ana&phone=11987654321";

    #[test]
    fn everything_that_is_missing_is_said_at_once() {
        let new = Known { car: None };
        let objections = read("year=old&km=many&estimate=x&promised=soon", &new).err().unwrap();
        assert_eq!(
            named(&objections),
            [
                "complaint",
                "brand",
                "model",
                "document",
                "name",
                "phone",
                "year",
                "estimate",
                "promised",
                "km"
            ]
        );
    }

    #[test]
    fn what_a_service_would_refuse_is_said_before_anything_is_kept() {
        let (long, longer) = ("x".repeat(61), "x".repeat(2001));
        let fields = format!(
            "brand={long}&model={long}&year=1800&color={long}&document=1&phone=190&email=ana&name={longer}&complaint={longer}"
        );
        let objections = read(&fields, &Known { car: None }).err().unwrap();
        assert_eq!(
            named(&objections),
            ["phone", "email", "complaint", "name", "brand", "model", "color", "year"]
        );
        assert_eq!(objections.to("model"), Some("deve ter 1 a 60 caracteres"));
        assert_eq!(objections.to("year"), Some("deve ser um número inteiro de 1900 a 2027"));
    }

    #[test]
    fn half_a_new_owner_is_asked_for_the_other_half() {
        let objections = read("complaint=Freio&name=Bruno", &owned()).err().unwrap();
        assert_eq!(named(&objections), ["document", "phone"]);
        assert!(read("complaint=Freio", &owned()).is_ok());
    }

    #[test]
    fn an_order_says_what_was_written_down() {
        let form = format!("{CAR}&complaint=Freio&km=82.350&estimate=1.350,90&promised=2026-11-28T17:00");
        let written = read(&form, &Known { car: None }).ok().unwrap();
        let order = written.order(CustomerId(uuid::Uuid::nil()), VehicleId(uuid::Uuid::nil()));
        assert_eq!(order["estimatedCost"], json!(1350.9));
        assert_eq!(order["estimatedCompletionDate"], json!("2026-11-28T20:00:00+00:00"));
        assert_eq!(order["metadata"]["km"], json!("82350"));
    }
}
