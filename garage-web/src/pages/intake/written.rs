//! What the desk writes down of a visit. Amounts and times are typed as people here type them; whether they are allowed
//! is for the service to say. Kilometres and the like are the desk's own notes and travel with the order.

use chrono::FixedOffset;
use garage_events::{Cents, CustomerId, VehicleId};
use serde_json::{Value, json};

use super::known::Known;
use crate::{
    form::{Form, Objections},
    lang::Lang,
    show,
};

/// A visit as it was written down.
pub(super) struct Written {
    complaint: String,
    promised: Option<String>,
    estimate: Option<Cents>,
    notes: Value,
}

impl Written {
    /// Reads the form, or says all that cannot be read.
    pub(super) fn read(
        lang: Lang,
        form: &Form,
        known: &Known,
        zone: FixedOffset,
    ) -> Result<Self, Objections> {
        let mut objections = Objections::default();
        objections.require(lang, form, &["complaint"]);
        let is_new = known.car.is_none();
        if is_new {
            objections.require(lang, form, &["brand", "model", "year"]);
        }
        if known.wants_an_owner(form) {
            objections.require(lang, form, &["document", "name", "phone"]);
        }
        if form.given("year").is_some_and(|year| year.parse::<u16>().is_err()) {
            objections.add("year", lang.t("deve ser um ano, como 2019", "must be a year, such as 2019"));
        }
        let estimate = form.given("estimate").map(|text| show::typed_amount(lang, text));
        if estimate == Some(None) {
            objections.add(
                "estimate",
                lang.t("deve ser um valor, como 350,00", "must be an amount, such as 350.00"),
            );
        }
        let promised = form.given("promised").map(|text| show::typed_time(text, zone));
        if promised == Some(None) {
            objections.add("promised", lang.t("deve ser dia e hora", "must be a day and a time"));
        }
        let km = form.given("km").map(|text| text.replace(['.', ' '], ""));
        if km.as_ref().is_some_and(|km| km.parse::<u32>().is_err()) {
            objections.add("km", lang.t("deve ser um número inteiro", "must be a whole number"));
        }
        if !objections.is_empty() {
            return Err(objections);
        }
        Ok(Self {
            complaint: form.get("complaint").to_owned(),
            promised: promised.flatten().map(|at| at.to_rfc3339()),
            estimate: estimate.flatten(),
            notes: json!({ "km": km, "left": form.given("left") }),
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
        let zone = FixedOffset::west_opt(3 * 3600).unwrap();
        Written::read(Lang::Pt, &Form::parse(fields.as_bytes()), known, zone)
    }

    fn named(objections: &Objections) -> Vec<&str> {
        objections.fields().map(|(field, _)| field).collect()
    }

    const CAR: &str = "brand=Fiat&model=Uno&year=2010&document=1&name=Ana&phone=1";

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
