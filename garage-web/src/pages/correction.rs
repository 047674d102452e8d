//! Corrections of what was written down: a page with one form, and the change told on exactly what the form showed. The
//! version of an order or a part also rises when its service hears of something; so a form holds a mark of what it shows,
//! as a quote's does ([`Seen`]), and the version is taken when the change is told. Which fields there are is each page's own.

use axum::response::Html;
use maud::{Markup, html};
use reqwest::Method;
use serde_json::Value;

use crate::{
    form::{Form, Objections, WORD},
    services::{No, Seen},
    trouble::Trouble,
    ui::{self, Page, Place, hidden, summary},
    visitor::SignedIn,
};

/// The field with the mark of what the form showed.
const SEEN: &str = "seen";
/// Something that people write down and may correct.
pub(super) trait Correctable: Seen {
    /// How a change is told.
    const METHOD: Method;
}

/// The page around a form.
pub(super) struct Sheet<'a> {
    pub(super) title: &'a str,
    pub(super) place: Option<Place>,
    /// The form's own address.
    pub(super) here: &'a str,
    /// Where one came from, and what it is called.
    pub(super) back: (&'a str, &'a str),
}

/// The form as it was typed, with the mark of what it was typed on; as it is shown first, with the present one.
pub(super) fn marked(form: &Form, it: &impl Correctable) -> Form {
    form.clone().with(SEEN, it.mark())
}

/// How it looks, with these fields.
pub(super) fn page(
    by: &SignedIn,
    sheet: &Sheet<'_>,
    form: &Form,
    objections: &Objections,
    fields: &Markup,
) -> Html<String> {
    let lang = by.lang;
    let (back, name) = sheet.back;
    ui::page(
        &Page::of(by, sheet.title, sheet.place, sheet.here),
        html! {
            div class="head" { h1 { (sheet.title) } a href=(back) { (name) } }
            form class="card" method="post" action=(sheet.here) {
                (summary(lang, objections))
                (hidden(WORD, &by.word))
                (hidden(SEEN, form.get(SEEN)))
                (fields)
                div class="bar" {
                    button class="primary" { (lang.t("Corrigir", "Correct")) }
                    @if objections.whole.is_some() { a class="button" href=(sheet.here) { (lang.t("Ver como está agora", "See as it is now")) } }
                }
            }
        },
    )
}

/// Keeps a correction of what is at `path`, or gives what is said against it in the form's own names for its fields.
pub(super) async fn keep<T: Correctable, U>(
    by: &SignedIn,
    path: &str,
    form: &Form,
    name: impl Fn(&str) -> Option<&'static str>,
    typed: Result<U, Objections>,
    change: impl Fn(&U, &T) -> Value,
) -> Result<Result<(), Objections>, Trouble> {
    let typed = match typed {
        Ok(typed) => typed,
        Err(objections) => return Ok(Err(objections)),
    };
    let body = |now: &T| Some(change(&typed, now));
    match by.asker.tell_of::<T, Value>((path, form.get(SEEN)), (T::METHOD, path), body).await {
        Ok(_) => Ok(Ok(())),
        Err(No::Refused(refusal)) if ![403, 404].contains(&refusal.status) => {
            Ok(Err(Objections::of(by.lang, &refusal, name)))
        }
        Err(no) => Err(no.into()),
    }
}
