//! The payer's page: on it a person does what a payer does at the bank. It asks for no token, as whoever has the link is
//! the payer, and no money moves. Everything on it is the sandbox's own text, so nothing needs escaping.

use axum::{
    Router,
    extract::{Path, State},
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Redirect, Response},
    routing::{get, post},
};

use crate::gateway::{
    Instructions,
    sandbox::{
        Sandbox, Unanswered,
        ledger::{Entry, Refusal, Status, Verdict},
    },
};

/// No script, no frame, and nothing from elsewhere.
const POLICY: [(HeaderName, HeaderValue); 3] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; img-src data:; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'",
        ),
    ),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
];

pub(super) fn routes() -> Router<Sandbox> {
    Router::new().route("/pay/{number}", get(page)).route("/pay/{number}/{verdict}", post(act))
}

async fn page(State(sandbox): State<Sandbox>, Path(number): Path<String>) -> Response {
    match sandbox.shown(&number).await {
        Ok(entry) => {
            let instructions = sandbox.instructions(&entry).unwrap_or_default();
            (POLICY, Html(html(&entry, &instructions))).into_response()
        }
        Err(cause) => told(&cause),
    }
}

/// Only what a payer can do, and back to the page.
async fn act(State(sandbox): State<Sandbox>, Path((number, verdict)): Path<(String, Verdict)>) -> Response {
    if ![Verdict::Approve, Verdict::Decline, Verdict::Expire].contains(&verdict) {
        return StatusCode::NOT_FOUND.into_response();
    }
    match sandbox.decide(&number, verdict).await {
        Ok(entry) => Redirect::to(&format!("../{}", entry.number)).into_response(),
        Err(cause) => told(&cause),
    }
}

fn told(cause: &Unanswered) -> Response {
    let (status, text) = match cause {
        Unanswered::Refused(Refusal::NotFound) => (StatusCode::NOT_FOUND, "There is no such payment."),
        Unanswered::Refused(_) => (StatusCode::CONFLICT, "This payment no longer waits for anybody."),
        Unanswered::Fault(_) | Unanswered::Failed(_) => {
            tracing::error!(%cause, "a payer's page could not be shown");
            (StatusCode::SERVICE_UNAVAILABLE, "The sandbox is out of order.")
        }
    };
    (status, POLICY, Html(format!("<!doctype html><title>Sandbox</title><p>{text}"))).into_response()
}

fn html(entry: &Entry, instructions: &Instructions) -> String {
    let (number, amount, method) = (entry.number, entry.request.amount, entry.request.method);
    let waits = matches!(entry.status, Status::Pending | Status::InProcess);
    let picture = instructions
        .qr_code_base64
        .as_ref()
        .map_or_else(String::new, |png| format!("<img alt=\"QR code\" src=\"data:image/png;base64,{png}\">"));
    let code = instructions.qr_code.as_ref().or(instructions.barcode.as_ref());
    let code = code.map_or_else(String::new, |code| format!("<p><code>{code}</code>"));
    let until = entry.expires_at.filter(|_| waits);
    let until =
        until.map_or_else(String::new, |until| format!("<p>Until {}", until.format("%Y-%m-%d %H:%M UTC")));
    let button = |verdict: &str, text: &str| {
        format!("<form method=\"post\" action=\"{number}/{verdict}\"><button>{text}</button></form>")
    };
    let buttons = if waits {
        [button("approve", "Pay"), button("decline", "Decline"), button("expire", "Let it expire")].concat()
    } else {
        String::new()
    };
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>Payment {number}</title><style>body{{font:1rem sans-serif;max-width:40rem;margin:2rem auto;padding:0 1rem}}\
         code{{overflow-wrap:anywhere}}form{{display:inline}}button{{font:inherit;padding:.5rem 1rem;margin-right:.5rem}}</style>\
         <h1>R$ {amount} by {method}</h1><p>This is the sandbox: no money moves.\
         <p id=\"status\">Payment {number} is {} ({}).{until}{picture}{code}<p>{buttons}",
        entry.status.word(),
        entry.detail,
    )
}
