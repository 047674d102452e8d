//! `Idempotency-Key`: a client that does not know whether its command arrived sends it again, and gets the
//! same answer instead of a second effect. The key is claimed, in the store, for the id that the effect will
//! have; whoever comes again with the key finds the effect under that id. The claim is made before the
//! effect, so a process that dies between the two leaves a command that can be sent again.

use axum::{
    extract::{FromRequest, Request},
    http::{HeaderMap, request::Parts},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use uuid::{Builder, Uuid};

use super::{FieldError, FromFields, Problem, json::json, read};
use crate::{Aggregate, Decision, Loaded, Repository, clock::Clock, crash, store::Kind};

const HEADER: &str = "Idempotency-Key";

/// Where the claims of a service live.
pub static IDEMPOTENCY_KEYS: Kind = Kind { name: "idempotency_keys", fields: &[] };

/// A key that somebody has used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Claim {
    id: Uuid,
    fingerprint: String,
    subject_id: Uuid,
    at: DateTime<Utc>,
}

impl Aggregate for Claim {
    const KIND: &'static Kind = &IDEMPOTENCY_KEYS;

    fn id(&self) -> Uuid {
        self.id
    }

    fn index(&self) -> Map<String, Value> {
        Map::new()
    }
}

/// A JSON body that commands something, with the key under which it may be repeated.
#[derive(Clone, Debug)]
pub struct Command<T> {
    /// What was sent.
    pub body: T,
    key: Option<Key>,
}

#[derive(Clone, Debug)]
struct Key {
    text: String,
    route: String,
    fingerprint: String,
}

impl<T: FromFields, S: Send + Sync> FromRequest<S> for Command<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let text = key(&parts.headers)?;
        let route = route(&parts);
        let document = json(Request::from_parts(parts, body)).await?;
        let key = text.map(|text| Key { text, route, fingerprint: fingerprint(&document) });
        Ok(Self { body: read::document(&document)?, key })
    }
}

impl<T> Command<T> {
    /// The id that the effect must have: a fresh one, or that of the first time this key came from
    /// `subject`. Under the latter the effect may exist already; then answer with what is there.
    ///
    /// # Errors
    /// 409 when the key came with another body before; a failure of the store.
    pub async fn claim(
        &self,
        repository: &Repository,
        clock: &Clock,
        subject: &str,
    ) -> Result<Uuid, Problem> {
        let fresh = clock.id();
        let Some(key) = &self.key else {
            return Ok(fresh);
        };
        let claim = Claim {
            id: key.id(subject),
            fingerprint: key.fingerprint.clone(),
            subject_id: fresh,
            at: clock.now(),
        };
        let held = repository.change(claim.id, |known: Option<&Loaded<Claim>>| match known {
            Some(known) if known.state.fingerprint != claim.fingerprint => Err(other_body()),
            known => Ok(Decision {
                next: Some(known.map_or(&claim, |known| &known.state).clone()),
                messages: Vec::new(),
            }),
        });
        let held = held.await?;
        crash::point("key-claimed");
        Ok(held.map_or(fresh, |held| held.state.subject_id))
    }

    /// The id that [`Self::claim`] gave when this command came before, if it did; claims nothing.
    ///
    /// # Errors
    /// As [`Self::claim`].
    pub async fn earlier(&self, repository: &Repository, subject: &str) -> Result<Option<Uuid>, Problem> {
        let Some(key) = &self.key else { return Ok(None) };
        match repository.load::<Claim>(key.id(subject)).await? {
            Some(known) if known.state.fingerprint != key.fingerprint => Err(other_body()),
            known => Ok(known.map(|known| known.state.subject_id)),
        }
    }
}

fn other_body() -> Problem {
    Problem::conflict("this Idempotency-Key was used before with another body")
        .coded("idempotency_key_reused")
}

impl Key {
    /// Scoped: nobody meets another's key, nor their own on another route.
    fn id(&self, subject: &str) -> Uuid {
        let mut hash = Sha256::new();
        for part in [subject, &self.route, &self.text] {
            hash.update(part.len().to_be_bytes());
            hash.update(part);
        }
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash.finalize()[..16]);
        Builder::from_custom_bytes(bytes).into_uuid()
    }
}

fn route(parts: &Parts) -> String {
    format!("{} {}", parts.method, parts.uri.path())
}

/// The key as payment APIs send it (bare) or as the IETF's draft does (quoted).
fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get(HEADER) else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or_default();
    let bare = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    if (1..=255).contains(&bare.len()) && bare.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(Some(bare.to_owned()));
    }
    Err(Problem::invalid(vec![FieldError::new(HEADER, "must have 1 to 255 visible ASCII characters")]))
}

/// The same for documents that mean the same: names sorted, blanks gone.
fn fingerprint(document: &Value) -> String {
    let mut hash = Sha256::new();
    feed(&mut hash, document);
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn feed(hash: &mut Sha256, value: &Value) {
    match value {
        Value::Object(object) => {
            let mut names: Vec<_> = object.keys().collect();
            names.sort_unstable();
            hash.update(format!("{{{}:", names.len()));
            for name in names {
                feed(hash, &Value::String(name.clone()));
                feed(hash, &object[name]);
            }
        }
        Value::Array(items) => {
            hash.update(format!("[{}:", items.len()));
            items.iter().for_each(|item| feed(hash, item));
        }
        Value::String(text) => hash.update(format!("\"{}:{text}", text.len())),
        Value::Null | Value::Bool(_) | Value::Number(_) => hash.update(format!("{value},")),
    }
}
