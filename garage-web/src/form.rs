//! Posted forms: read as they were typed, believed only with their visitor's word in them. What is wrong with a field is
//! said beside it, and everything typed is kept.

use std::ops::RangeInclusive;

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Request},
    http::header,
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Datelike, FixedOffset, Utc};
use garage_events::Cents;
use serde_json::{Number, Value};

use crate::{
    app::App,
    lang::Lang,
    services::{FieldError, Refusal},
    show,
    trouble::{self, Trouble},
    visitor::SignedIn,
};

/// The field with the visitor's word.
pub(crate) const WORD: &str = "word";
/// The field with the key under which a command is one, however often it is sent.
pub(crate) const KEY: &str = "key";

/// The first year of a car, as OS has it.
const FIRST_YEAR: u16 = 1900;
const YEARS_OF_FOUR_DIGITS: RangeInclusive<i32> = 0..=9999;

/// What was typed, in the order of the fields.
#[derive(Clone, Debug, Default)]
pub(crate) struct Form(Vec<(String, String)>);

impl Form {
    pub(crate) fn parse(body: &[u8]) -> Self {
        Self(form_urlencoded::parse(body).into_owned().collect())
    }

    /// A field without the blanks around it; empty when it was not sent.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value.trim())
    }

    /// The same, where empty means none.
    pub(crate) fn given(&self, name: &str) -> Option<&str> {
        Some(self.get(name)).filter(|text| !text.is_empty())
    }

    /// As it was typed, blanks and all.
    pub(crate) fn raw(&self, name: &str) -> &str {
        self.0.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value.as_str())
    }

    /// Every value of a field that stands there several times.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(field, _)| field == name).map(|(_, value)| value.trim())
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(field, _)| field == name)
    }

    /// Fills what was not sent.
    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.0.push((name.to_owned(), value.into()));
        self
    }

    /// Nothing, if the form was made for whoever sends it.
    pub(crate) fn must_know(&self, word: &str) -> Result<(), Trouble> {
        // Both are hashes of a secret: how far they agree tells nothing of it.
        if self.get(WORD) == word { Ok(()) } else { Err(Trouble::Forged) }
    }
}

impl<S: Send + Sync> FromRequest<S> for Form {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let media = request.headers().get(header::CONTENT_TYPE).map(|media| media.as_bytes().to_vec());
        if !media.is_some_and(|media| media.starts_with(b"application/x-www-form-urlencoded")) {
            return Err(Trouble::Forged.into_response());
        }
        Bytes::from_request(request, state)
            .await
            .map(|body| Self::parse(&body))
            .map_err(IntoResponse::into_response)
    }
}

/// A form from somebody who has signed in.
pub(crate) struct Posted {
    pub(crate) by: SignedIn,
    pub(crate) form: Form,
}

impl FromRequest<App> for Posted {
    type Rejection = Response;

    async fn from_request(request: Request, app: &App) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let by = SignedIn::from_request_parts(&mut parts, app).await?;
        let form = Form::from_request(Request::from_parts(parts, body), app).await?;
        form.must_know(&by.word).map_err(IntoResponse::into_response)?;
        Ok(Self { by, form })
    }
}

/// What is wrong with a form.
#[derive(Clone, Debug, Default)]
pub(crate) struct Objections {
    /// Field and words.
    fields: Vec<(String, String)>,
    /// What is wrong with no field in particular.
    pub(crate) whole: Option<String>,
}

impl Objections {
    pub(crate) fn is_empty(&self) -> bool {
        self.fields.is_empty() && self.whole.is_none()
    }

    pub(crate) fn to(&self, field: &str) -> Option<&str> {
        self.fields.iter().find(|(name, _)| name == field).map(|(_, words)| words.as_str())
    }

    pub(crate) fn add(&mut self, field: &str, words: impl Into<String>) {
        self.fields.push((field.to_owned(), words.into()));
    }

    pub(crate) fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.iter().map(|(field, words)| (field.as_str(), words.as_str()))
    }

    pub(crate) fn whole(words: impl Into<String>) -> Self {
        Self { fields: Vec::new(), whole: Some(words.into()) }
    }

    /// Objects to every one of these that is empty.
    pub(crate) fn require(&mut self, lang: Lang, form: &Form, fields: &[&str]) {
        for field in fields.iter().filter(|field| form.get(field).is_empty()) {
            self.add(field, lang.t("preencha este campo", "fill in this field"));
        }
    }

    /// An amount that was typed; what is none is said at its field.
    pub(crate) fn amount(&mut self, lang: Lang, form: &Form, field: &str) -> Option<Cents> {
        let read = show::typed_amount(lang, form.given(field)?);
        if read.is_none() {
            self.add(field, lang.t("deve ser um valor, como 89,90", "must be an amount, such as 89.90"));
        }
        read
    }

    /// A quantity that was typed; what is none is said at its field.
    pub(crate) fn quantity(&mut self, lang: Lang, form: &Form, field: &str) -> Option<Value> {
        let read = quantity(lang, form.given(field)?);
        if read.is_none() {
            self.add(field, no_quantity(lang));
        }
        read
    }

    /// Kilometres that were typed, thousands parted or not: their digits. What is no whole number is said at the field.
    pub(crate) fn kilometres(&mut self, lang: Lang, form: &Form, field: &str) -> Option<String> {
        let read = kilometres(form.given(field)?);
        if read.is_none() {
            self.add(field, lang.t("deve ser um número inteiro", "must be a whole number"));
        }
        read
    }

    /// A day and a time in the shop's zone that were typed, in a year of four digits, as the services write one; what is
    /// none is said at its field.
    pub(crate) fn moment(
        &mut self,
        lang: Lang,
        form: &Form,
        field: &str,
        zone: FixedOffset,
    ) -> Option<DateTime<Utc>> {
        let read =
            show::typed_time(form.given(field)?, zone).filter(|at| YEARS_OF_FOUR_DIGITS.contains(&at.year()));
        if read.is_none() {
            self.add(field, lang.t("deve ser dia e hora", "must be a day and a time"));
        }
        read
    }

    /// A car's year that was typed; what is none is said at its field. Next year's models are sold already.
    pub(crate) fn car_year(
        &mut self,
        lang: Lang,
        form: &Form,
        field: &str,
        now: DateTime<Utc>,
    ) -> Option<u16> {
        let text = form.given(field)?;
        let Some(year) = Some(text).filter(|text| is_digits(text)).and_then(|text| text.parse::<u16>().ok())
        else {
            self.add(field, lang.t("deve ser um ano, como 2019", "must be a year, such as 2019"));
            return None;
        };
        let newest = now.year() + 1;
        if year < FIRST_YEAR || i32::from(year) > newest {
            let detail = format!("must be a whole number from {FIRST_YEAR} to {newest}");
            self.add(field, trouble::objection(lang, &detail));
            return None;
        }
        Some(year)
    }

    /// Objects to a text of more characters than the services take.
    pub(crate) fn limit(&mut self, lang: Lang, form: &Form, field: &str, most: usize) {
        if form.get(field).chars().count() > most {
            self.add(field, trouble::objection(lang, &format!("must have 1 to {most} characters")));
        }
    }

    /// A service's no, in the form's own names for its fields.
    pub(crate) fn of(lang: Lang, refusal: &Refusal, name: impl Fn(&str) -> Option<&'static str>) -> Self {
        let mut objections = Self::default();
        for FieldError { field, detail } in &refusal.errors {
            let words = trouble::objection(lang, detail);
            match name(field) {
                Some(field) => objections.add(field, words),
                None => objections.whole = Some(format!("{field}: {words}")),
            }
        }
        if objections.is_empty() {
            objections.whole = Some(trouble::refused(lang, refusal));
        }
        objections
    }
}

/// `82350`, `82.350` and `82 350`, in digits alone; nothing where points or blanks do not part thousands.
fn kilometres(text: &str) -> Option<String> {
    let groups: Vec<&str> = text.split(['.', ' ']).collect();
    let is_parted = match &groups[..] {
        [_] => true,
        [first, rest @ ..] => first.len() <= 3 && rest.iter().all(|group| group.len() == 3),
        [] => false,
    };
    let fits = is_parted && groups.iter().all(|group| is_digits(group));
    Some(groups.concat()).filter(|digits| fits && digits.parse::<u32>().is_ok())
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A quantity as the services read it. Whether it is allowed is theirs to say.
pub(crate) fn quantity(lang: Lang, text: &str) -> Option<Value> {
    let number = show::typed_quantity(lang, text)?.normalize().to_string();
    number.parse::<Number>().ok().map(Value::Number)
}

/// What is said of a text that is no quantity.
pub(crate) const fn no_quantity(lang: Lang) -> &'static str {
    lang.t("deve ser uma quantidade, como 1 ou 2,5", "must be a quantity, such as 1 or 2.5")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kilometres_are_whole_and_parted_by_thousands() {
        for (text, digits) in [("82350", "82350"), ("82.350", "82350"), ("1 082 350", "1082350"), ("0", "0")]
        {
            assert_eq!(kilometres(text).as_deref(), Some(digits), "{text}");
        }
        for text in ["12.3", "+5", "-5", "82.35", "1234.567", ".350", "82..350", "many", "99999999999"] {
            assert_eq!(kilometres(text), None, "{text}");
        }
    }

    #[test]
    fn a_car_is_from_1900_to_next_year() {
        let now = "2026-11-28T12:00:00Z".parse().unwrap();
        let read = |year: &str| {
            let mut objections = Objections::default();
            let form = Form::default().with("year", year);
            let read = objections.car_year(Lang::Pt, &form, "year", now);
            (read, objections.to("year").map(str::to_owned))
        };
        assert_eq!(read("1900"), (Some(1900), None));
        assert_eq!(read("2027"), (Some(2027), None));
        for year in ["1800", "2028"] {
            assert_eq!(read(year), (None, Some("deve ser um número inteiro de 1900 a 2027".to_owned())));
        }
        assert_eq!(read("+2019").1.as_deref(), Some("deve ser um ano, como 2019"));
    }

    #[test]
    fn a_moment_has_a_year_of_four_digits() {
        let zone = FixedOffset::west_opt(3 * 3600).unwrap();
        for (text, is_one) in [("2026-11-28T17:00", true), ("+12026-11-28T17:00", false), ("soon", false)] {
            let mut objections = Objections::default();
            let read = objections.moment(Lang::Pt, &Form::default().with("at", text), "at", zone);
            assert_eq!((read.is_some(), objections.is_empty()), (is_one, is_one), "{text}");
        }
    }
}
