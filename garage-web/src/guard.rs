//! What stands around every page: a request's id and its line in the log, the headers that keep a page to itself, a look
//! at where a form comes from, and a small page for whatever goes wrong. No path is logged, as one may hold a plate or a
//! customer's link.

use std::{panic::AssertUnwindSafe, time::Instant};

use axum::{
    Extension, Router,
    extract::{DefaultBodyLimit, MatchedPath, Request},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    middleware::{Next, from_fn, from_fn_with_state},
    response::{IntoResponse, Response},
};
use futures::FutureExt;
use maud::html;

use crate::{
    app::App,
    trouble::{Told, Trouble},
    ui::{self, Page},
    visitor::lang_of,
};

/// A form of two hundred lines fits, with room.
const LONGEST_FORM: usize = 512 * 1024;
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Nothing from elsewhere, no script but our own file, and no page of ours inside another's.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The pages with all that stands around them.
pub(crate) fn around(pages: Router<App>, app: &App) -> Router<App> {
    pages
        .layer(DefaultBodyLimit::max(LONGEST_FORM))
        .layer(Extension(app.verifier.clone()))
        .layer(from_fn_with_state(app.clone(), logged))
        .layer(from_fn(sealed))
}

async fn logged(app: axum::extract::State<App>, mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let id = app.clock.event_id().simple().to_string();
    let id = HeaderValue::try_from(id).unwrap_or(HeaderValue::from_static("unknown"));
    request.headers_mut().insert(REQUEST_ID, id.clone());
    let mut response = next.run(request).await;
    let route = route.as_ref().map_or("unknown", MatchedPath::as_str);
    let (status, ms) = (response.status().as_u16(), began.elapsed().as_secs_f64() * 1000.0);
    let request_id = id.to_str().unwrap_or_default();
    if route.starts_with("/assets") || route.starts_with("/health") {
        tracing::debug!(method = method.as_str(), route, status, ms, request_id, "answered");
    } else {
        tracing::info!(method = method.as_str(), route, status, ms, request_id, "answered");
    }
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

async fn sealed(request: Request, next: Next) -> Response {
    let lang = lang_of(request.headers());
    let response = if request.method().is_safe() || is_ours(request.headers()) {
        let handled = AssertUnwindSafe(next.run(request)).catch_unwind().await;
        handled.unwrap_or_else(|_| {
            tracing::error!("a page panicked");
            Trouble::Failed.into_response()
        })
    } else {
        Trouble::Forged.into_response()
    };
    let mut response = shown(lang, response);
    let headers = response.headers_mut();
    let mut always =
        |name: HeaderName, value: &'static str| headers.insert(name, HeaderValue::from_static(value));
    always(header::CONTENT_SECURITY_POLICY, POLICY);
    always(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    always(header::X_FRAME_OPTIONS, "DENY");
    always(header::REFERRER_POLICY, "no-referrer");
    always(HeaderName::from_static("x-robots-tag"), "noindex");
    always(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    always(
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), payment=()",
    );
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Whether a form comes from a page of ours, as far as the browser says. Over plain HTTP, as in the shop's own network, it
/// does not say the site, and of a page that sends no referrer, as ours do, it says `null` for the origin (Fetch Standard,
/// "append a request `Origin` header"). Any page can have that said, so it counts as nothing. The form's word, which only
/// our pages know, is asked for in any case.
fn is_ours(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let origin = text("origin").filter(|origin| *origin != "null");
    match (text("sec-fetch-site"), origin, text("host")) {
        (Some(site), _, _) => matches!(site, "same-origin" | "none"),
        (None, Some(origin), Some(host)) => origin.split_once("://").is_some_and(|(_, from)| from == host),
        (None, None, _) => true,
        (None, Some(_), None) => false,
    }
}

/// What went wrong becomes a page, unless it is one already.
fn shown(lang: crate::lang::Lang, response: Response) -> Response {
    let status = response.status();
    let told = response.extensions().get::<Told>().cloned();
    let is_page = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|media| media.as_bytes().starts_with(b"text/html"));
    if told.is_none() && (is_page || !(status.is_client_error() || status.is_server_error())) {
        return response;
    }
    let words = match (&told, status) {
        (Some(told), _) => told.words(lang).to_owned(),
        (None, StatusCode::NOT_FOUND) => {
            lang.t("Esta página não existe.", "There is no such page.").to_owned()
        }
        (None, StatusCode::PAYLOAD_TOO_LARGE) => {
            lang.t("É texto demais.", "That is too much text.").to_owned()
        }
        (None, _) => {
            lang.t("Este pedido não pôde ser entendido.", "This request could not be understood.").to_owned()
        }
    };
    let title = lang.t("Não deu certo", "That did not work");
    let page = ui::page(
        &Page::plain(lang, title),
        html! {
            div class="card narrow" {
                h1 { (title) }
                p role="alert" { (words) }
                p { a class="button" href="/" { (lang.t("Voltar ao início", "Back to the start")) } }
            }
        },
    );
    (status, page).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_taken(said: &[(&'static str, &'static str)]) -> bool {
        let said = said.iter().chain(&[("host", "192.168.0.7:3000")]);
        let headers =
            said.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        is_ours(&headers.collect())
    }

    #[test]
    fn a_form_is_ours_where_the_browser_says_so_or_says_nothing() {
        for said in [
            &[("sec-fetch-site", "same-origin"), ("origin", "null")][..],
            &[("sec-fetch-site", "none")],
            &[("origin", "http://192.168.0.7:3000")],
            &[("origin", "null")],
            &[],
        ] {
            assert!(is_taken(said), "{said:?}");
        }
    }

    #[test]
    fn a_form_of_another_site_s_is_not() {
        for said in [
            &[("sec-fetch-site", "cross-site"), ("origin", "null")][..],
            &[("sec-fetch-site", "same-site")],
            &[("sec-fetch-site", "cross-site"), ("origin", "http://192.168.0.7:3000")],
            &[("origin", "http://192.168.0.7:8080")],
            &[("origin", "http://192.168.0.66")],
            &[("origin", "")],
        ] {
            assert!(!is_taken(said), "{said:?}");
        }
    }
}
