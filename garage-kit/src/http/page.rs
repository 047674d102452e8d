//! Lists, a page at a time. The answer is a bare JSON array, as the original's clients expect; the way to the
//! next page is in the `Link` header and keeps the other parameters. A cursor names the last record, so pages
//! neither repeat nor skip while records come and go.

use axum::{
    extract::FromRequestParts,
    http::{HeaderValue, Uri, header, request::Parts},
    response::{IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::Serialize;
use serde_json::Value;
use utoipa::IntoParams;
use uuid::Uuid;

use super::{Answer, Fields, FromFields, Json, Problem, params, read};
use crate::{
    Aggregate, Loaded,
    store::{Order, Position, Query},
};

const DEFAULT_LIMIT: u32 = 50;
const MOST: u32 = 200;

/// `limit` and `cursor`, for a route's document: `params(PageParams)`.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageParams {
    /// At most so many items.
    #[param(minimum = 1, maximum = 200, default = 50)]
    #[expect(dead_code, reason = "only documents what Page reads")]
    limit: Option<u32>,
    /// Where the page before ended, as its `Link` header says. Opaque.
    #[expect(dead_code, reason = "only documents what Page reads")]
    cursor: Option<String>,
}

/// Which page a request asks for.
#[derive(Clone, Debug)]
pub struct Page {
    limit: u32,
    after: Option<Position>,
    uri: Uri,
}

struct Asked {
    limit: u32,
    after: Option<Position>,
}

impl FromFields for Asked {
    fn from_fields(fields: &mut Fields<'_>) -> Answer<Self> {
        let limit = fields.optional("limit", read::parsed(limit));
        let after = fields.optional("cursor", read::parsed(position));
        Ok(Self { limit: limit?.unwrap_or(DEFAULT_LIMIT), after: after? })
    }
}

fn limit(text: &str) -> Result<u32, String> {
    let limit = text.parse().ok().filter(|limit| (1..=MOST).contains(limit));
    limit.ok_or_else(|| format!("must be a whole number from 1 to {MOST}"))
}

/// The cursor's text: the id's 32 digits, then the value that the order goes by.
fn cursor(position: &Position) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(format!("{}{}", position.id.simple(), position.value))
}

fn position(cursor: &str) -> Result<Position, &'static str> {
    let read = || {
        let text = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
        let (id, value) = text.split_at_checked(32)?;
        let id = Uuid::try_parse(id).ok()?;
        (!value.contains('\0')).then(|| Position { value: value.to_owned(), id })
    };
    read().ok_or("must be a cursor from a Link header")
}

impl<S: Send + Sync> FromRequestParts<S> for Page {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Asked { limit, after } = params::query(&parts.uri)?;
        Ok(Self { limit, after, uri: parts.uri.clone() })
    }
}

impl Page {
    /// What to ask the store for: one more than the page holds, to know whether another follows.
    #[must_use]
    pub fn query(&self, order: Order, filters: Vec<(&'static str, String)>) -> Query {
        Query { filters, search: None, order, after: self.after.clone(), until: None, limit: self.limit + 1 }
    }

    /// At most so many items.
    #[must_use]
    pub fn limit(&self) -> usize {
        usize::try_from(self.limit).unwrap_or(usize::MAX)
    }

    /// Where the page before ended.
    #[must_use]
    pub const fn after(&self) -> Option<&Position> {
        self.after.as_ref()
    }

    /// The answer from items that do not lie in the store; `last` is where the page ends, if another follows.
    #[must_use]
    pub fn listing<V>(&self, items: Vec<V>, last: Option<&Position>) -> Listing<V> {
        Listing { items, next: last.and_then(|last| self.link(last)) }
    }

    /// The answer from what the store found for [`Self::query`]'s question.
    #[must_use]
    pub fn answer<A: Aggregate, V>(
        &self,
        query: &Query,
        mut found: Vec<Loaded<A>>,
        view: impl FnMut(Loaded<A>) -> V,
    ) -> Listing<V> {
        let size = self.limit();
        let more = found.len() > size;
        found.truncate(size);
        let last = found.last().filter(|_| more);
        let next = last.and_then(|last| self.link(&place(query.order, &last.state)));
        Listing { items: found.into_iter().map(view).collect(), next }
    }

    /// RFC 8288; the target is relative, so it is right behind any proxy.
    fn link(&self, position: &Position) -> Option<HeaderValue> {
        let others = self.uri.query().unwrap_or_default().split('&');
        let mut kept = others
            .filter(|pair| !pair.is_empty() && pair.split('=').next() != Some("cursor"))
            .collect::<Vec<_>>()
            .join("&");
        if !kept.is_empty() {
            kept.push('&');
        }
        let link = format!("<{}?{kept}cursor={}>; rel=\"next\"", self.uri.path(), cursor(position));
        HeaderValue::try_from(link).ok()
    }
}

fn place<A: Aggregate>(order: Order, state: &A) -> Position {
    let value = match order {
        Order::Newest => String::new(),
        Order::By(field) => state.index().get(field).and_then(Value::as_str).unwrap_or_default().to_owned(),
    };
    Position { value, id: state.id() }
}

/// A page: a JSON array, with the way to the next.
#[derive(Clone, Debug)]
pub struct Listing<V> {
    items: Vec<V>,
    next: Option<HeaderValue>,
}

impl<V> From<Vec<V>> for Listing<V> {
    /// A list that is whole: nothing follows.
    fn from(items: Vec<V>) -> Self {
        Self { items, next: None }
    }
}

impl<V: Serialize> IntoResponse for Listing<V> {
    fn into_response(self) -> Response {
        let mut response = Json(self.items).into_response();
        if let Some(next) = self.next {
            response.headers_mut().insert(header::LINK, next);
        }
        response
    }
}
