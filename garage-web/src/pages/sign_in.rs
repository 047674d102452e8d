//! The sign-in, the sign-out and the choice of a language.

use axum::{
    Router,
    extract::{Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{AppendHeaders, IntoResponse, Redirect, Response},
    routing::{get, post},
};
use garage_kit::http::Peer;
use maud::html;
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

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/sign-in", get(ask).post(sign_in))
        .route("/sign-out", post(sign_out))
        .route("/language", get(language))
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
    let page = page(lang, &visit, &Form::default().with("next", next), &Objections::default());
    (AppendHeaders([(header::SET_COOKIE, cookie)]), page).into_response()
}

fn page(lang: Lang, visit: &str, form: &Form, objections: &Objections) -> axum::response::Html<String> {
    let title = lang.t("Entrar", "Sign in");
    let login = Field::text("login", lang.t("Usuário", "User")).required().fills("username");
    let password = Field::text("password", lang.t("Senha", "Password")).kind("password").required();
    ui::page(
        &Page { here: "/sign-in", ..Page::plain(lang, title) },
        html! {
            form class="card narrow" method="post" action="/sign-in" {
                h1 { (title) }
                (summary(lang, objections))
                (hidden(WORD, &visitor::word_of(visit)))
                (hidden("next", form.get("next")))
                (field(login, form, objections))
                (field(password.fills("current-password"), form, objections))
                button class="primary wide" { (title) }
            }
        },
    )
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
    app.tries.check(peer)?;
    let login = form.get("login").to_lowercase();
    if !app.people.knows(&login, form.raw("password")).await? {
        tracing::warn!(peer = ?peer, "a wrong password");
        let wrong = lang.t("Usuário ou senha não conferem.", "User or password is not right.");
        let page = page(lang, &visit, &form, &Objections::whole(wrong));
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
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
    let is_ours =
        path.starts_with('/') && !path.starts_with("//") && !path.contains(['\\', '\r', '\n', '\t']);
    if is_ours { path } else { "/" }
}

async fn sign_out(State(app): State<App>, Posted { by, .. }: Posted) -> Result<Response, Trouble> {
    app.people.sign_out(&by.session).await?;
    Ok((AppendHeaders([(header::SET_COOKIE, visitor::gone(SESSION))]), Redirect::to("/sign-in"))
        .into_response())
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
        for path in ["", "https://example.com", "//example.com", "/\\example.com", "/a\r\nb"] {
            assert_eq!(within(path), "/", "{path}");
        }
    }
}
