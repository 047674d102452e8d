//! A quote's texts: the shop writes it anew while nothing is approved, and everybody concerned can read what it said before.

use axum::extract::State;
use chrono::{DateTime, Utc};
use garage_events::{Cents, QuoteId, milliseconds, milliseconds_if_any};
use garage_kit::{
    auth::{By, ByOrLink},
    http::{Answer, Fields, FromFields, IfMatch, Json, Listing, Path, Problem, Versioned, read},
};
use garage_saga::roles::{Desk, Staff};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Lines, bill, decide, is_link,
    item::{self, Item},
    missing,
    view::{Line, View},
};
use crate::{
    http::{App, IfMatchParam},
    quote::{Revision, Rewrite},
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, revise))
}

/// Another text for a quote.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct NewRevision {
    #[schema(min_items = 1, max_items = 200)]
    items: Vec<Item>,
    /// Until when it may be answered; as it was, unless told otherwise.
    valid_until: Option<DateTime<Utc>>,
    /// Why it is written anew.
    #[schema(min_length = 1, max_length = 500)]
    reason: Option<String>,
}

impl FromFields for NewRevision {
    fn from_fields(fields: &mut Fields<'_>) -> Answer<Self> {
        let lines = Lines::from_fields(fields);
        let reason = fields.optional("reason", read::text(1..=500));
        let Lines { items, valid_until } = lines?;
        Ok(Self { items, valid_until, reason: reason? })
    }
}

/// A text that a quote had before.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = QuoteRevision)]
#[serde(rename_all = "camelCase")]
struct Earlier {
    /// Which, counted from 1.
    revision: u32,
    items: Vec<Line>,
    total_amount: Cents,
    #[serde(serialize_with = "milliseconds")]
    valid_until: DateTime<Utc>,
    /// When the customer got it.
    #[serde(serialize_with = "milliseconds_if_any")]
    sent_at: Option<DateTime<Utc>>,
    #[serde(serialize_with = "milliseconds")]
    replaced_at: DateTime<Utc>,
    /// Who wrote the next one; not for a customer's link.
    #[serde(skip_serializing_if = "Option::is_none")]
    replaced_by: Option<String>,
    /// Why; `null` for a customer's link.
    reason: Option<String>,
}

impl Earlier {
    fn of(revision: Revision, for_staff: bool) -> Self {
        Self {
            revision: revision.number,
            total_amount: revision.total(),
            items: revision.lines.into_iter().map(Line::of).collect(),
            valid_until: revision.valid_until,
            sent_at: revision.sent_at,
            replaced_at: revision.replaced_at,
            replaced_by: for_staff.then_some(revision.replaced_by),
            reason: revision.reason.filter(|_| for_staff),
        }
    }
}

/// Writes a quote anew, while nothing is approved: `PENDING` or `SENT` → `PENDING`.
///
/// Its text of before is kept. The customer gets the new one by its being sent again.
#[utoipa::path(post, path = "/quotes/{id}/revisions", tag = "quotes", operation_id = "revise_quote", request_body = NewRevision,
    params(("id" = Uuid, Path, description = "The quote's id"), IfMatchParam),
    responses((status = 200, description = "The quote as it is now", body = View), Problem))]
async fn revise(
    State(app): State<App>,
    caller: By<Desk>,
    Path(id): Path<QuoteId>,
    seen: IfMatch,
    Json(body): Json<NewRevision>,
) -> Result<Versioned<View>, Problem> {
    let lines = item::priced(app.repository(), &body.items).await?;
    let by = caller.subject().to_owned();
    let text = Rewrite { lines, valid_until: body.valid_until, by, reason: body.reason };
    decide(&app, &caller, id, seen, |bill, at| bill.revise(text.clone(), at)).await
}

/// The texts that a quote had before the present one, oldest first.
///
/// A customer's link sees its own order's, and of them those that it was sent before the one that it has.
#[utoipa::path(get, path = "/quotes/{id}/revisions", tag = "quotes", operation_id = "quote_revisions",
    params(("id" = Uuid, Path, description = "The quote's id")),
    responses((status = 200, description = "All of them", body = [Earlier]), Problem))]
async fn list(
    State(app): State<App>,
    caller: ByOrLink<Staff>,
    Path(id): Path<QuoteId>,
) -> Result<Listing<Earlier>, Problem> {
    let quote = bill(&app, &caller, id).await?.state.quote.ok_or_else(missing)?;
    let for_staff = !is_link(&caller);
    let quote = if for_staff { quote } else { quote.seen_by_the_customer() };
    let earlier = quote.earlier.into_iter().map(|revision| Earlier::of(revision, for_staff));
    Ok(earlier.collect::<Vec<_>>().into())
}
