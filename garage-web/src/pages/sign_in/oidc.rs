//! The way to the provider and back, and what is said when somebody is not let in. Whatever is at fault at the provider is
//! said in words, with the request's id; its cause stands under this id in the log.

use axum::{
    Router,
    extract::{Query, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{AppendHeaders, IntoResponse, Redirect, Response},
    routing::get,
};
use chrono::{DateTime, Utc};
use garage_kit::{Failure, http::Peer};
use maud::{Markup, html};
use serde::Deserialize;

use super::within;
use crate::{
    app::App,
    lang::Lang,
    oidc::{Answer, Identity, LIFETIME, NotIn, Oidc},
    people::ROLES,
    trouble::Trouble,
    ui::{self, Page},
    visitor::{self, SESSION, VISIT},
};

/// The question that a browser has taken along.
const TICKET: &str = "ticket";

pub(super) fn routes() -> Router<App> {
    Router::new().route("/sign-in/oidc", get(begin)).route("/sign-in/oidc/callback", get(finish))
}

/// A link, as a browser that is told so (`form-action`) does not follow a form to another site.
pub(super) fn button(lang: Lang, name: &str, next: &str) -> Markup {
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("next", next).finish();
    html! { a class="button primary wide" href={ "/sign-in/oidc?" (query) } { (lang.t("Entrar com", "Sign in with")) " " (name) } }
}

#[derive(Deserialize)]
struct Wish {
    #[serde(default)]
    next: String,
    /// With another account than the one that the provider remembers.
    #[serde(default)]
    anew: String,
}

async fn begin(
    State(app): State<App>,
    lang: Lang,
    headers: HeaderMap,
    Query(Wish { next, anew }): Query<Wish>,
) -> Result<Response, Trouble> {
    let oidc = app.oidc.as_ref().ok_or(Trouble::NotFound)?;
    match oidc.begin(rand::random(), within(&next), anew == "yes", app.clock.now()).await {
        Ok(begun) => {
            let cookie = visitor::kept_for(&app, TICKET, begun.ticket, LIFETIME);
            Ok((AppendHeaders([(header::SET_COOKIE, cookie)]), Redirect::to(begun.to.as_str()))
                .into_response())
        }
        Err(not) => Ok(told(oidc, lang, &headers, &not)),
    }
}

async fn finish(
    State(app): State<App>,
    peer: Peer,
    lang: Lang,
    headers: HeaderMap,
    Query(answer): Query<Answer>,
) -> Result<Response, Trouble> {
    let (oidc, now) = (app.oidc.as_ref().ok_or(Trouble::NotFound)?, app.clock.now());
    let cookie = visitor::cookie(&headers, TICKET);
    let ticket = match oidc.question(cookie.as_deref(), &answer, now) {
        Ok(ticket) => ticket,
        Err(not) => return Ok(told(oidc, lang, &headers, &not)),
    };
    app.answers.check(peer)?;
    // The question is answered, whatever the answer is.
    let answered = (header::SET_COOKIE, visitor::gone(TICKET));
    let session = match oidc.identity(&ticket, answer, now).await {
        Ok(who) => admitted(&app, who, now).await?,
        Err(not) => Err(not),
    };
    let session = match session {
        Ok(session) => session,
        Err(not) => return Ok((AppendHeaders([answered]), told(oidc, lang, &headers, &not)).into_response()),
    };
    let cookies = [
        answered,
        (header::SET_COOKIE, visitor::kept(&app, SESSION, session)),
        (header::SET_COOKIE, visitor::gone(VISIT)),
    ];
    Ok((AppendHeaders(cookies), Redirect::to(within(&ticket.next))).into_response())
}

async fn admitted(app: &App, who: Identity, now: DateTime<Utc>) -> Result<Result<String, NotIn>, Failure> {
    if who.roles.is_empty() {
        app.people.without_roles(&who).await?;
        return Ok(Err(NotIn::NoRole(who.into())));
    }
    let session = app.people.sign_in_elsewhere(&who, now).await?;
    Ok(session.ok_or_else(|| NotIn::Left(who.into())))
}

/// A page for whoever is not let in, and the cause for the log.
fn told(oidc: &Oidc, lang: Lang, headers: &HeaderMap, not: &NotIn) -> Response {
    let request_id = headers.get("x-request-id").and_then(|id| id.to_str().ok()).unwrap_or_default();
    let name = oidc.name();
    let (status, cause) = match not {
        NotIn::Stale => (StatusCode::BAD_REQUEST, "it answers no question of this browser's"),
        NotIn::Declined(error) => (StatusCode::FORBIDDEN, error.as_str()),
        NotIn::Away(cause) | NotIn::Odd(cause) => (StatusCode::BAD_GATEWAY, cause.as_str()),
        NotIn::NoRole(_) => (StatusCode::FORBIDDEN, "none of the shop's roles"),
        NotIn::Left(_) => (StatusCode::FORBIDDEN, "works here no more"),
    };
    let subject = match not {
        NotIn::NoRole(who) | NotIn::Left(who) => who.subject.as_str(),
        NotIn::Stale | NotIn::Declined(_) | NotIn::Away(_) | NotIn::Odd(_) => "",
    };
    tracing::warn!(
        request_id,
        issuer = oidc.issuer(),
        subject,
        cause,
        "nobody was signed in by the provider"
    );
    let title = lang.t("Não deu certo", "That did not work");
    let is_theirs = matches!(not, NotIn::Away(_) | NotIn::Odd(_));
    let page = ui::page(
        &Page { here: "/sign-in", ..Page::plain(lang, title) },
        html! {
            div class="card narrow" {
                h1 { (title) }
                p role="alert" { (words(lang, name, oidc.roles_claim(), not)) }
                @if is_theirs { p class="quiet" { (lang.t("Número deste pedido", "Number of this request")) ": " (request_id) } }
                a class="button primary wide" href="/sign-in" { (lang.t("Tentar de novo", "Try again")) }
                @if !is_theirs {
                    a class="button wide" href="/sign-in/oidc?anew=yes" { (lang.t("Entrar com outra conta", "Sign in with another account")) }
                }
            }
        },
    );
    (status, page).into_response()
}

fn words(lang: Lang, name: &str, claim: &str, not: &NotIn) -> String {
    let roles = ROLES.join(", ");
    match (lang, not) {
        (Lang::Pt, NotIn::Stale) => {
            "Esta entrada não vale mais, ou começou em outro navegador. Comece de novo.".to_owned()
        }
        (Lang::En, NotIn::Stale) => {
            "This sign-in is no longer valid, or was begun in another browser. Begin again.".to_owned()
        }
        (Lang::Pt, NotIn::Declined(_)) => format!("A entrada com {name} foi recusada ou interrompida."),
        (Lang::En, NotIn::Declined(_)) => format!("The sign-in with {name} was refused or broken off."),
        (Lang::Pt, NotIn::Away(_)) => format!("{name} não responde agora. Tente de novo em instantes."),
        (Lang::En, NotIn::Away(_)) => format!("{name} does not answer right now. Try again in a moment."),
        (Lang::Pt, NotIn::Odd(_)) => {
            format!("{name} respondeu algo em que não se pode confiar. Avise quem cuida do sistema.")
        }
        (Lang::En, NotIn::Odd(_)) => {
            format!("{name} answered something that cannot be believed. Tell whoever looks after the system.")
        }
        (Lang::Pt, NotIn::NoRole(who)) => format!(
            "A conta de {} não tem função nesta oficina. Quem administra {name} precisa dar a ela pelo menos uma destas, em {claim}: {roles}.",
            who.name
        ),
        (Lang::En, NotIn::NoRole(who)) => format!(
            "The account of {} has no role in this shop. Whoever administers {name} must give it at least one of these, in {claim}: {roles}.",
            who.name
        ),
        (Lang::Pt, NotIn::Left(who)) => {
            format!("{} não trabalha mais aqui, como um gerente registrou em Equipe.", who.name)
        }
        (Lang::En, NotIn::Left(who)) => {
            format!("{} does not work here any more, as a manager has put down under People.", who.name)
        }
    }
}

/// The page on which somebody who has signed out here is led to the provider's sign-out, if it has one. It is a page of its
/// own, as a browser that is told so (`form-action`) does not follow the button's form to another site.
pub(super) async fn parting(
    oidc: &Oidc,
    lang: Lang,
    id_token: Option<&str>,
    now: DateTime<Utc>,
) -> Option<Response> {
    let to = oidc.farewell(id_token, now).await?;
    let refresh = HeaderValue::try_from(format!("0; url={to}")).ok()?;
    let title = lang.t("Você saiu da oficina", "You have signed out of the shop");
    let page = ui::page(
        &Page { here: "/sign-in", ..Page::plain(lang, title) },
        html! {
            div class="card narrow" {
                h1 { (title) }
                p { (lang.t("Agora vem a saída em", "Next comes the sign-out at")) " " (oidc.name()) "." }
                a class="button primary wide" href=(to) { (lang.t("Sair de", "Sign out of")) " " (oidc.name()) }
            }
        },
    );
    Some(([("refresh", refresh)], page).into_response())
}
