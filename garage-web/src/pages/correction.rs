//! Corrections of what was written down: a page with one form, and the change told on exactly what the form showed. The
//! version of an order or a part also rises when its service hears of something; so a form holds a mark of what it shows,
//! as a quote's does, and the version is taken when the change is told. Which fields there are is each page's own.

use std::fmt::Debug;

use axum::response::Html;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use garage_events::Service;
use maud::{Markup, html};
use reqwest::Method;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{
    form::{Form, Objections, WORD},
    services::{Beside, No, Refusal},
    trouble::Trouble,
    ui::{self, Page, Place, hidden, summary},
    visitor::SignedIn,
};

/// The field with the mark of what the form showed.
const SEEN: &str = "seen";
/// Every try is lost to a change at the very same moment.
const TRIES: usize = 5;

/// Something that people write down and may correct.
pub(super) trait Correctable: DeserializeOwned {
    /// Whose it is.
    const AT: Service;
    /// How a change is told.
    const METHOD: Method;

    /// What the form shows of it.
    fn shown(&self) -> impl Debug;
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

/// The mark of what is shown.
fn mark(it: &impl Correctable) -> String {
    let shown = format!("{:?}", it.shown());
    BASE64_URL_SAFE_NO_PAD.encode(&Sha256::digest(shown)[..16])
}

/// The form as it was typed, with the mark of what it was typed on; as it is shown first, with the present one.
pub(super) fn marked(form: &Form, it: &impl Correctable) -> Form {
    form.clone().with(SEEN, mark(it))
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
pub(super) async fn keep<T: Correctable>(
    by: &SignedIn,
    path: &str,
    form: &Form,
    name: impl Fn(&str) -> Option<&'static str>,
    change: impl Fn(&T) -> Value,
) -> Result<Result<(), Objections>, Trouble> {
    match tell(by, path, form.get(SEEN), change).await {
        Ok(()) => Ok(Ok(())),
        Err(No::Refused(refusal)) if ![403, 404].contains(&refusal.status) => {
            Ok(Err(Objections::of(by.lang, &refusal, name)))
        }
        Err(no) => Err(no.into()),
    }
}

/// Tells the change, unless somebody has changed meanwhile what was seen.
async fn tell<T: Correctable>(
    by: &SignedIn,
    path: &str,
    seen: &str,
    change: impl Fn(&T) -> Value,
) -> Result<(), No> {
    for _ in 0..TRIES {
        let Some(now) = by.asker.find_version::<T>(T::AT, path).await? else {
            return Err(refused(404, "not_found"));
        };
        if mark(&now.it) != seen {
            break;
        }
        let (body, beside) = (change(&now.it), Beside { version: Some(&now.version), key: None });
        match by.asker.tell::<Value>(T::AT, T::METHOD, path, Some(&body), beside).await {
            Err(No::Refused(refusal)) if refusal.status == 412 => {}
            answer => return answer.map(drop),
        }
    }
    Err(refused(412, "stale"))
}

fn refused(status: u16, code: &str) -> No {
    No::Refused(Refusal { status, code: code.to_owned(), ..Refusal::default() })
}
