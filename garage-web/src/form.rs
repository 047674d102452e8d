//! Posted forms: read as they were typed, believed only with their visitor's word in them. What is wrong with a field is
//! said beside it, and everything typed is kept.

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Request},
    http::header,
    response::{IntoResponse, Response},
};
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

/// A quantity as the services read it. Whether it is allowed is theirs to say.
pub(crate) fn quantity(lang: Lang, text: &str) -> Option<Value> {
    let number = show::typed_quantity(lang, text)?.normalize().to_string();
    number.parse::<Number>().ok().map(Value::Number)
}

/// What is said of a text that is no quantity.
pub(crate) const fn no_quantity(lang: Lang) -> &'static str {
    lang.t("deve ser uma quantidade, como 1 ou 2,5", "must be a quantity, such as 1 or 2.5")
}
