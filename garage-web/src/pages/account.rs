//! One's own password, if it is kept here.

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::{AppendHeaders, Html, IntoResponse, Redirect, Response},
    routing::get,
};
use maud::html;

use crate::{
    app::App,
    form::{Form, Objections, Posted, WORD},
    lang::Lang,
    people::Strength,
    trouble::Trouble,
    ui::{self, Field, Page, field, hidden, summary},
    visitor::{self, SESSION, SignedIn},
};

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/account", get(ask).post(change))
}

async fn ask(by: SignedIn) -> Html<String> {
    page(&by, &Objections::default())
}

fn page(by: &SignedIn, objections: &Objections) -> Html<String> {
    let (lang, form) = (by.lang, Form::default());
    let title = lang.t("Minha senha", "My password");
    if let Some(issuer) = &by.person.issuer {
        return elsewhere(by, title, issuer);
    }
    let old = Field::text("old", lang.t("Senha atual", "Present password")).kind("password").required();
    let new = Field::text("new", lang.t("Senha nova", "New password")).kind("password").required();
    let new = new.hint(lang.t("Pelo menos 10 caracteres.", "At least 10 characters."));
    ui::page(
        &Page::of(by, title, None, "/account"),
        html! {
            form class="card narrow" method="post" action="/account" {
                h1 { (title) }
                p { (by.person.name) " · " (by.person.login) }
                (summary(lang, objections))
                (hidden(WORD, &by.word))
                (field(old.fills("current-password"), &form, objections))
                (field(new.fills("new-password"), &form, objections))
                button class="primary wide" { (lang.t("Mudar a senha", "Change the password")) }
            }
        },
    )
}

fn elsewhere(by: &SignedIn, title: &str, issuer: &str) -> Html<String> {
    let words = by.lang.t(
        "Você entra com uma conta deste provedor, que cuida da senha:",
        "You sign in with an account of this provider, which looks after the password:",
    );
    ui::page(
        &Page::of(by, title, None, "/account"),
        html! {
            div class="card narrow" {
                h1 { (title) }
                p { (by.person.name) " · " (by.person.login) }
                p { (words) " " (issuer) }
            }
        },
    )
}

/// What is to be said of a new password, if anything.
pub(super) fn weakness(lang: Lang, password: &str) -> Option<&'static str> {
    match Strength::of(password) {
        Strength::Enough => None,
        Strength::TooShort => {
            Some(lang.t("deve ter pelo menos 10 caracteres", "must have at least 10 characters"))
        }
        Strength::TooLong => {
            Some(lang.t("deve ter no máximo 200 caracteres", "must have at most 200 characters"))
        }
    }
}

async fn change(State(app): State<App>, Posted { by, form }: Posted) -> Result<Response, Trouble> {
    if !by.person.has_password() {
        return Err(Trouble::NotYours);
    }
    let lang = by.lang;
    let mut objections = Objections::default();
    if let Some(weak) = weakness(lang, form.raw("new")) {
        objections.add("new", weak);
    } else if !app.people.knows(&by.person.login, form.raw("old")).await? {
        objections.add("old", lang.t("não é a senha atual", "is not the present password"));
    }
    if !objections.is_empty() {
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page(&by, &objections)).into_response());
    }
    app.people.set_password(&by.person.login, form.raw("new").to_owned()).await?;
    let session = app.people.sign_in(&by.person.login, app.clock.now()).await?;
    let cookie = visitor::kept(&app, SESSION, session);
    Ok((AppendHeaders([(header::SET_COOKIE, cookie)]), Redirect::to("/")).into_response())
}
