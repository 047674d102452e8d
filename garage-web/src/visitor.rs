//! Who looks at a page: their language, their session, and the word that their forms must bring back (CSRF). Cookies are
//! `HttpOnly` and `SameSite=Lax`; a form's word follows from a secret of its visitor's, so nothing of it is stored.

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, Method, header, request::Parts},
    response::{IntoResponse, Redirect, Response},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use cookie::{Cookie, CookieBuilder, SameSite};
use garage_kit::Failure;
use sha2::{Digest, Sha256};

use crate::{app::App, lang::Lang, people::Person, services::Asker, trouble::Trouble};

/// The session's cookie.
pub(crate) const SESSION: &str = "session";
/// A visitor's secret before they sign in.
pub(crate) const VISIT: &str = "visit";
/// The chosen language.
pub(crate) const LANG: &str = "lang";
/// Whose the desk's work is.
pub(crate) const DESK: [&str; 2] = ["attendant", "manager"];

/// Somebody who works here and has signed in. As an argument of a page it sends everybody else to the sign-in.
pub(crate) struct SignedIn {
    pub(crate) person: Person,
    pub(crate) lang: Lang,
    /// What their forms bring back.
    pub(crate) word: String,
    /// Asks the services in their name.
    pub(crate) asker: Asker,
    /// The session's token.
    pub(crate) session: String,
}

impl SignedIn {
    /// Nothing, for somebody who is one of these.
    pub(crate) fn must_be(&self, roles: &[&str]) -> Result<(), Trouble> {
        if self.is_any(roles) { Ok(()) } else { Err(Trouble::NotYours) }
    }

    pub(crate) fn is_any(&self, roles: &[&str]) -> bool {
        roles.iter().any(|role| self.person.is(role))
    }

    /// Whether the desk is theirs.
    pub(crate) fn is_desk(&self) -> bool {
        self.is_any(&DESK)
    }

    /// Whether they may work on cars.
    pub(crate) fn is_workshop(&self) -> bool {
        self.is_any(&["technician", "manager"])
    }

    pub(crate) fn is_manager(&self) -> bool {
        self.person.is("manager")
    }
}

/// The value of a cookie.
pub(crate) fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let lines = headers.get_all(header::COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    let mut cookies = lines.flat_map(|line| Cookie::split_parse(line.to_owned())).filter_map(Result::ok);
    cookies.find(|cookie| cookie.name() == name).map(|cookie| cookie.value().to_owned())
}

/// A `Set-Cookie` line for a session of the browser.
pub(crate) fn kept(app: &App, name: &'static str, value: String) -> String {
    ours(app, name, value).to_string()
}

/// A `Set-Cookie` line for this long.
pub(crate) fn kept_for(app: &App, name: &'static str, value: String, time: TimeDelta) -> String {
    ours(app, name, value).max_age(cookie::time::Duration::seconds(time.num_seconds())).to_string()
}

fn ours(app: &App, name: &'static str, value: String) -> CookieBuilder<'static> {
    let is_public = app.settings.public_url.as_ref().is_some_and(|url| url.starts_with("https:"));
    Cookie::build((name, value)).path("/").http_only(true).same_site(SameSite::Lax).secure(is_public)
}

/// A `Set-Cookie` line that takes one away.
pub(crate) fn gone(name: &'static str) -> String {
    let cookie = Cookie::build((name, "")).path("/").http_only(true).same_site(SameSite::Lax);
    cookie.max_age(cookie::time::Duration::ZERO).to_string()
}

/// The word for the forms of whoever holds this secret.
pub(crate) fn word_of(secret: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::new_with_prefix("a form's word\0").chain_update(secret).finalize())
}

/// The language of whoever sent these.
pub(crate) fn lang_of(headers: &HeaderMap) -> Lang {
    let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|list| list.to_str().ok());
    Lang::wanted(cookie(headers, LANG).as_deref(), accepted)
}

impl<S: Send + Sync> FromRequestParts<S> for Lang {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(lang_of(&parts.headers))
    }
}

impl SignedIn {
    async fn of(headers: &HeaderMap, app: &App) -> Result<Option<Self>, Failure> {
        let Some(session) = cookie(headers, SESSION) else { return Ok(None) };
        let person = app.people.signed_in(&session, app.clock.now()).await?;
        let Some(person) = person.filter(|person| app.lets_in(person)) else { return Ok(None) };
        let token = app.signer.staff(&person.login, &person.roles(), &app.clock)?;
        let (asker, word) = (app.services.asked_with(token), word_of(&session));
        Ok(Some(Self { person, lang: lang_of(headers), word, asker, session }))
    }
}

impl FromRequestParts<App> for SignedIn {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        match Self::of(&parts.headers, app).await {
            Ok(Some(signed_in)) => Ok(signed_in),
            Ok(None) => Err(to_the_sign_in(parts).into_response()),
            Err(failure) => Err(Trouble::from(failure).into_response()),
        }
    }
}

/// Back to where they wanted to go, once they have signed in; a form's target is no page to go back to.
fn to_the_sign_in(parts: &Parts) -> Redirect {
    let wanted = parts.uri.path_and_query().filter(|_| parts.method == Method::GET).map(|path| path.as_str());
    let next = wanted.filter(|path| *path != "/").map(|path| {
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("next", path).finish();
        format!("/sign-in?{query}")
    });
    Redirect::to(next.as_deref().unwrap_or("/sign-in"))
}
