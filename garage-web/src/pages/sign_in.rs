//! The sign-in, by password or by a provider, the sign-out and the choice of a language.

use axum::{
    Router,
    extract::{Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{AppendHeaders, IntoResponse, Redirect, Response},
    routing::{get, post},
};
use garage_kit::http::Peer;
use maud::{Markup, html};
use serde::Deserialize;

use crate::{
    app::App,
    form::{Form, Objections, Posted, WORD},
    lang::Lang,
    people::fresh_token,
    trouble::Trouble,
    ui::{self, Field, Page, field, hidden, summary},
    visitor::{self, LANG, SESSION, VISIT},
};

mod oidc;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/sign-in", get(ask).post(sign_in))
        .route("/sign-out", post(sign_out))
        .route("/language", get(language))
        .merge(oidc::routes())
}

#[derive(Deserialize)]
struct Next {
    #[serde(default)]
    next: String,
}

async fn ask(
    State(app): State<App>,
    lang: Lang,
    headers: HeaderMap,
    Query(Next { next }): Query<Next>,
) -> Response {
    let visit = visitor::cookie(&headers, VISIT).unwrap_or_else(fresh_token);
    let cookie = visitor::kept(&app, VISIT, visit.clone());
    let page = page(&app, lang, &visit, &Form::default().with("next", next), &Objections::default());
    (AppendHeaders([(header::SET_COOKIE, cookie)]), page).into_response()
}

fn page(
    app: &App,
    lang: Lang,
    visit: &str,
    form: &Form,
    objections: &Objections,
) -> axum::response::Html<String> {
    let title = lang.t("Entrar", "Sign in");
    let asked = html! {
        h1 { (title) }
        (summary(lang, objections))
        @match &app.oidc {
            None => (passwords(lang, visit, form, objections)),
            Some(oidc) => {
                (oidc::button(lang, oidc.name(), form.get("next")))
                @if app.settings.take_passwords() {
                    details open[!objections.is_empty()] {
                        summary { (lang.t("Com usuário e senha", "With user and password")) }
                        (passwords(lang, visit, form, objections))
                    }
                }
            }
        }
    };
    ui::page(
        &Page { here: "/sign-in", ..Page::plain(lang, title) },
        html! { div class="card narrow" { (asked) } },
    )
}

fn passwords(lang: Lang, visit: &str, form: &Form, objections: &Objections) -> Markup {
    let login = Field::text("login", lang.t("Usuário", "User")).required().fills("username");
    let password = Field::text("password", lang.t("Senha", "Password")).kind("password").required();
    html! {
        form class="stack" method="post" action="/sign-in" {
            (hidden(WORD, &visitor::word_of(visit)))
            (hidden("next", form.get("next")))
            (field(login, form, objections))
            (field(password.fills("current-password"), form, objections))
            button class="primary wide" { (lang.t("Entrar", "Sign in")) }
        }
    }
}

async fn sign_in(
    State(app): State<App>,
    peer: Peer,
    lang: Lang,
    headers: HeaderMap,
    form: Form,
) -> Result<Response, Trouble> {
    let visit = visitor::cookie(&headers, VISIT).ok_or(Trouble::Forged)?;
    form.must_know(&visitor::word_of(&visit))?;
    let refused = |words: &str| {
        let page = page(&app, lang, &visit, &form, &Objections::whole(words));
        Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
    };
    if !app.settings.take_passwords() {
        return refused(lang.t("Aqui não se entra com senha.", "Nobody signs in with a password here."));
    }
    app.tries.check(peer)?;
    let login = form.get("login").to_lowercase();
    if !app.people.knows(&login, form.raw("password")).await? {
        tracing::warn!(peer = ?peer, "a wrong password");
        return refused(lang.t("Usuário ou senha não conferem.", "User or password is not right."));
    }
    let session = app.people.sign_in(&login, app.clock.now()).await?;
    let cookies = [
        (header::SET_COOKIE, visitor::kept(&app, SESSION, session)),
        (header::SET_COOKIE, visitor::gone(VISIT)),
    ];
    Ok((AppendHeaders(cookies), Redirect::to(within(form.get("next")))).into_response())
}

/// A path of ours, whatever somebody wrote into a link.
fn within(path: &str) -> &str {
    let is_strange = |c: char| c == '\\' || c.is_control();
    let is_ours = path.starts_with('/') && !path.starts_with("//") && !path.contains(is_strange);
    if is_ours { path } else { "/" }
}

async fn sign_out(State(app): State<App>, Posted { by, .. }: Posted) -> Result<Response, Trouble> {
    let id_token = app.people.sign_out(&by.session).await?;
    let gone = AppendHeaders([(header::SET_COOKIE, visitor::gone(SESSION))]);
    let parting = match app.oidc.as_ref().filter(|_| !by.person.has_password()) {
        Some(oidc) => oidc::parting(oidc, by.lang, id_token.as_deref(), app.clock.now()).await,
        None => None,
    };
    Ok((gone, parting.unwrap_or_else(|| Redirect::to("/sign-in").into_response())).into_response())
}

#[derive(Deserialize)]
struct Choice {
    to: String,
    #[serde(default)]
    back: String,
}

/// Changes nothing but how pages read, so a link will do.
async fn language(State(app): State<App>, Query(Choice { to, back }): Query<Choice>) -> Response {
    let lang = Lang::wanted(Some(&to), None).code().to_owned();
    let cookie = visitor::kept(&app, LANG, lang);
    (AppendHeaders([(header::SET_COOKIE, cookie)]), Redirect::to(within(&back))).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_elsewhere_after_the_sign_in() {
        assert_eq!(within("/orders/1?x=y"), "/orders/1?x=y");
        for path in [
            "",
            "https://example.com",
            "//example.com",
            "/\\example.com",
            "/a\r\nb",
            "/\t/example.com",
            "/\0",
        ] {
            assert_eq!(within(path), "/", "{path}");
        }
    }
}
