//! The style, the script and the sign of the shop, inside the program. Their addresses hold a mark of their text, so that
//! browsers may keep them for ever.

use std::sync::LazyLock;

use axum::{
    Router,
    http::{HeaderName, HeaderValue, header},
    response::IntoResponse,
    routing::get,
};
use sha2::{Digest, Sha256};

use crate::app::App;

const CSS: &str = include_str!("../../assets/garage.css");
const SCRIPT: &str = include_str!("../../assets/garage.js");
const ICON: &str = include_str!("../../assets/icon.svg");

static MARK: LazyLock<String> = LazyLock::new(|| {
    let digest = Sha256::new().chain_update(CSS).chain_update(SCRIPT).chain_update(ICON).finalize();
    digest[..6].iter().map(|byte| format!("{byte:02x}")).collect()
});

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/assets/garage.css", get(async || kept("text/css; charset=utf-8", CSS)))
        .route("/assets/garage.js", get(async || kept("text/javascript; charset=utf-8", SCRIPT)))
        .route("/assets/icon.svg", get(async || kept("image/svg+xml", ICON)))
        .route("/favicon.ico", get(async || kept("image/svg+xml", ICON)))
        .route("/robots.txt", get(async || "User-agent: *\nDisallow: /\n"))
}

pub(crate) fn css() -> String {
    format!("/assets/garage.css?v={}", *MARK)
}

pub(crate) fn script() -> String {
    format!("/assets/garage.js?v={}", *MARK)
}

pub(crate) fn icon() -> String {
    format!("/assets/icon.svg?v={}", *MARK)
}

fn kept(media: &'static str, text: &'static str) -> impl IntoResponse {
    let headers: [(HeaderName, HeaderValue); 2] = [
        (header::CONTENT_TYPE, HeaderValue::from_static(media)),
        (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable")),
    ];
    (headers, text)
}
