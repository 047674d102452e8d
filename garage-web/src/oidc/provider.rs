//! Speaking to the provider: its discovery document, kept for a while, its token endpoint and, for what an ID token leaves
//! out, its userinfo endpoint. It has little time for each answer and little room, and is led nowhere else.

use std::{sync::Arc, time::Duration};

use axum::http::{StatusCode, header};
use chrono::{DateTime, TimeDelta, Utc};
use garage_kit::{
    Failure,
    auth::{Jwks, NotBelieved},
};
use reqwest::{Client, RequestBuilder, Response, Url, redirect::Policy};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, de::DeserializeOwned};
use tokio::sync::Mutex;

use super::{
    NotIn, OidcSettings,
    claims::{self, Claims},
    settings::is_sealed,
};

const TIME_LIMIT: Duration = Duration::from_secs(5);
/// No honest answer is longer, in bytes.
const LONGEST_ANSWER: usize = 512 * 1024;
/// Between two looks at the discovery document.
const FRESH: TimeDelta = TimeDelta::minutes(10);
/// After a look that began and failed, its time limit included: whoever came meanwhile does not wait for another one.
const AGAIN: TimeDelta = TimeDelta::seconds(7);

pub(super) struct Provider {
    settings: OidcSettings,
    client: Client,
    /// Held while asking, so that one asks for all.
    known: Mutex<Known>,
}

struct Known {
    metadata: Option<Arc<Metadata>>,
    /// When to ask again.
    next: DateTime<Utc>,
    /// Why the last look failed.
    trouble: Trouble,
}

/// Why the provider is of no use now.
#[derive(Clone)]
enum Trouble {
    Away(String),
    Odd(String),
}

impl From<Trouble> for NotIn {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Away(cause) => Self::Away(cause),
            Trouble::Odd(cause) => Self::Odd(cause),
        }
    }
}

/// What the provider says of itself (OpenID Connect Discovery 1.0, 3), as far as it is needed.
#[derive(Deserialize)]
struct Discovered {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    userinfo_endpoint: Option<String>,
    end_session_endpoint: Option<String>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

pub(super) struct Metadata {
    pub(super) authorization_endpoint: Url,
    token_endpoint: Url,
    userinfo_endpoint: Option<Url>,
    pub(super) end_session_endpoint: Option<Url>,
    /// Whether its answers name it (RFC 9207).
    pub(super) says_who_answers: bool,
    /// Whether it takes our secret in the form alone, not in a header.
    secret_in_form: bool,
    keys: Arc<Jwks>,
}

/// What a code is changed for.
#[derive(Deserialize)]
pub(super) struct Tokens {
    pub(super) id_token: String,
    pub(super) access_token: Option<String>,
}

#[derive(Deserialize)]
struct Refused {
    error: String,
}

impl Provider {
    pub(super) fn new(settings: OidcSettings) -> Result<Self, Failure> {
        let client = Client::builder().timeout(TIME_LIMIT).redirect(Policy::none()).build();
        let client = client.map_err(|cause| Failure::lasting("making an HTTP client", cause))?;
        let known =
            Known { metadata: None, next: DateTime::<Utc>::MIN_UTC, trouble: Trouble::Away(String::new()) };
        Ok(Self { settings, client, known: Mutex::new(known) })
    }

    /// What the provider says of itself. What it said before serves on while it is away.
    pub(super) async fn metadata(&self, now: DateTime<Utc>) -> Result<Arc<Metadata>, NotIn> {
        let mut known = self.known.lock().await;
        if now >= known.next {
            match self.discover(known.metadata.as_deref()).await {
                Ok(metadata) => {
                    (known.metadata, known.next) = (Some(Arc::new(metadata)), now + FRESH);
                }
                Err(trouble) => {
                    let (Trouble::Away(cause) | Trouble::Odd(cause)) = &trouble;
                    tracing::warn!(
                        issuer = self.settings.issuer,
                        cause,
                        "the provider does not say where to go"
                    );
                    (known.trouble, known.next) = (trouble, now + AGAIN);
                }
            }
        }
        known.metadata.clone().ok_or_else(|| known.trouble.clone().into())
    }

    async fn discover(&self, before: Option<&Metadata>) -> Result<Metadata, Trouble> {
        let issuer = &self.settings.issuer;
        let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let found: Discovered = read(answered(self.client.get(url)).await?).await?;
        if found.issuer != *issuer {
            let told = format!("OIDC_ISSUER is {issuer:?}, and the provider calls itself {:?}", found.issuer);
            return Err(Trouble::Odd(told));
        }
        let keys = sealed(&found.jwks_uri)?;
        let methods = found.token_endpoint_auth_methods_supported.unwrap_or_default();
        let takes = |method: &str| methods.iter().any(|one| one == method);
        // The keys of before serve on, with when they may be asked for again.
        let keys = match before.filter(|before| *before.keys.url() == keys) {
            Some(before) => before.keys.clone(),
            None => Arc::new(Jwks::at(keys).map_err(|cause| Trouble::Away(cause.to_string()))?),
        };
        Ok(Metadata {
            authorization_endpoint: sealed(&found.authorization_endpoint)?,
            token_endpoint: sealed(&found.token_endpoint)?,
            userinfo_endpoint: found.userinfo_endpoint.as_deref().map(sealed).transpose()?,
            end_session_endpoint: found.end_session_endpoint.as_deref().map(sealed).transpose()?,
            says_who_answers: found.authorization_response_iss_parameter_supported,
            secret_in_form: takes("client_secret_post") && !takes("client_secret_basic"),
            keys,
        })
    }

    /// Changes a code for tokens. A code is good once.
    pub(super) async fn tokens(&self, of: &Metadata, code: &str, verifier: &str) -> Result<Tokens, NotIn> {
        let response = sent(self.change(of, code, verifier)).await?;
        let status = response.status();
        if status.is_success() {
            return Ok(read(response).await?);
        }
        if status.is_server_error() {
            return Err(NotIn::Away(format!("the token endpoint answered {status}")));
        }
        let word = read::<Refused>(response).await.map(|refused| refused.error).unwrap_or_default();
        Err(match word.as_str() {
            "invalid_grant" => NotIn::Stale,
            _ => NotIn::Odd(format!("the token endpoint answered {status} {word:?}")),
        })
    }

    fn change(&self, of: &Metadata, code: &str, verifier: &str) -> RequestBuilder {
        let client_id = self.settings.client_id.as_str();
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "authorization_code")
            .append_pair("code", code)
            .append_pair("redirect_uri", &self.settings.callback())
            .append_pair("code_verifier", verifier);
        let secret = self.settings.client_secret.as_ref().map(SecretString::expose_secret);
        let mut request = self.client.post(of.token_endpoint.clone());
        match secret {
            // RFC 6749, 2.3.1: both are written as in a form before they go into the header.
            Some(secret) if !of.secret_in_form => {
                let plain = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
                request = request.basic_auth(plain(client_id), Some(plain(secret)));
            }
            _ => {
                form.append_pair("client_id", client_id);
                form.extend_pairs(secret.map(|secret| ("client_secret", secret)));
            }
        }
        request
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ACCEPT, "application/json")
            .body(form.finish())
    }

    /// The claims of an ID token that the provider has signed.
    pub(super) async fn believed(
        &self,
        of: &Metadata,
        id_token: &str,
        now: DateTime<Utc>,
    ) -> Result<Claims, NotIn> {
        of.keys.claims(id_token, now).await.map_err(|not| match not {
            NotBelieved::Away => NotIn::Away(not.to_string()),
            NotBelieved::Token(_) => NotIn::Odd(format!("ID token: {not}")),
        })
    }

    /// What the provider says of somebody beside the ID token, where it has a place for that: many leave names and roles
    /// out of the token itself.
    pub(super) async fn more(
        &self,
        of: &Metadata,
        access_token: Option<&str>,
        subject: &str,
    ) -> Result<Claims, NotIn> {
        let (Some(url), Some(token)) = (&of.userinfo_endpoint, access_token) else {
            return Ok(Claims::new());
        };
        let asked = self.client.get(url.clone()).bearer_auth(token);
        let claims: Claims = read(answered(asked).await?).await?;
        // OpenID Connect Core 1.0, 5.3.2: else it may be about somebody else.
        if claims::at(&claims, "sub").is_some_and(|sub| sub == subject) {
            Ok(claims)
        } else {
            Err(NotIn::Odd("the userinfo endpoint speaks of somebody else".to_owned()))
        }
    }
}

/// An address that the provider names.
fn sealed(address: &str) -> Result<Url, Trouble> {
    let url = Url::parse(address).ok().filter(is_sealed);
    url.ok_or_else(|| Trouble::Odd(format!("the provider names an address that is not https: {address}")))
}

async fn sent(request: RequestBuilder) -> Result<Response, Trouble> {
    let failed = |cause| Trouble::Away(Failure::passing("asking the provider", cause).to_string());
    request.send().await.map_err(failed)
}

async fn answered(request: RequestBuilder) -> Result<Response, Trouble> {
    let response = sent(request).await?;
    let (status, told) = (response.status(), format!("{} answered {}", response.url(), response.status()));
    match status {
        StatusCode::OK => Ok(response),
        _ if status.is_server_error() => Err(Trouble::Away(told)),
        _ => Err(Trouble::Odd(told)),
    }
}

/// JSON of a bounded length. What it says instead is not for the log: it may hold a token.
async fn read<T: DeserializeOwned>(mut response: Response) -> Result<T, Trouble> {
    let mut body = Vec::new();
    loop {
        let chunk = response.chunk().await;
        let failed =
            |cause| Trouble::Away(Failure::passing("reading the provider's answer", cause).to_string());
        let chunk = chunk.map_err(failed)?;
        let Some(chunk) = chunk else { break };
        body.extend_from_slice(&chunk);
        if body.len() > LONGEST_ANSWER {
            return Err(Trouble::Odd("the provider's answer has no end".to_owned()));
        }
    }
    serde_json::from_slice(&body).map_err(|cause| {
        let (what, column) = (cause.classify(), cause.column());
        Trouble::Odd(format!("the provider's answer does not read: {what:?} at column {column}"))
    })
}
