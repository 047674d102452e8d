//! A provider on loopback. It holds clients to the code flow with PKCE, and says of somebody, signed by whatever and however
//! the test likes.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
};

use axum::{
    Json, Router,
    extract::{Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use garage_kit::clock::Clock;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, jwk::Jwk};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;

pub(crate) const CLIENT: &str = "the screens";
pub(crate) const SECRET: &str = "hush: 100% & more";
const RSA: &[u8] = include_bytes!("../../../garage-kit/tests/auth/keys/rsa.der");
const EC: &[u8] = include_bytes!("../../../garage-kit/tests/auth/keys/ec.der");
const OTHER_EC: &[u8] = include_bytes!("../../../garage-kit/tests/auth/keys/other-ec.der");

/// How ID tokens are signed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signed {
    /// By the key that is published first.
    Rsa,
    /// By the key that takes its place.
    Ec,
    /// By a key that is not published, under the name of one that is.
    ByAStranger,
    /// Not at all.
    None,
    /// By the published key's modulus, as if that were a secret.
    ByModulus,
    /// By the published key's JSON, as if that were a secret.
    ByJwk,
}

/// How an endpoint answers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answers {
    Well,
    Failing,
    Nonsense,
    /// Nothing but a refusal.
    Refusing(&'static str),
}

type Change = Box<dyn Fn(&mut Value) + Send>;

pub(crate) struct Says {
    pub(crate) signed: Signed,
    pub(crate) published: Signed,
    /// Of whoever signs in, beside what every token says.
    pub(crate) claims: Value,
    /// Done to each ID token before it is signed.
    pub(crate) change: Change,
    /// What the userinfo endpoint says.
    pub(crate) userinfo: Value,
    /// Done to the discovery document.
    pub(crate) discovery: Change,
    pub(crate) discovered: Answers,
    pub(crate) tokens: Answers,
    pub(crate) asked_for_keys: usize,
    /// What the last visitor was sent here with.
    pub(crate) sent: HashMap<String, String>,
    codes: HashMap<String, HashMap<String, String>>,
}

#[derive(Clone)]
pub(crate) struct Provider {
    pub(crate) url: String,
    clock: Clock,
    says: Arc<Mutex<Says>>,
}

impl Provider {
    pub(crate) async fn start(clock: &Clock) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/realms/shop", listener.local_addr().unwrap());
        let says = Says {
            signed: Signed::Rsa,
            published: Signed::Rsa,
            claims: json!({"sub": "7", "name": "Ana Silva", "preferred_username": "ana", "roles": ["manager"]}),
            change: Box::new(|_| {}),
            userinfo: json!({"sub": "7"}),
            discovery: Box::new(|_| {}),
            discovered: Answers::Well,
            tokens: Answers::Well,
            asked_for_keys: 0,
            sent: HashMap::new(),
            codes: HashMap::new(),
        };
        let provider = Self { url, clock: clock.clone(), says: Arc::new(Mutex::new(says)) };
        let routes = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/authorize", get(authorize))
            .route("/token", post(token))
            .route("/userinfo", get(userinfo))
            .route("/keys", get(keys));
        let router = Router::new().nest("/realms/shop", routes).with_state(provider.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        provider
    }

    pub(crate) fn says(&self) -> MutexGuard<'_, Says> {
        self.says.lock().unwrap()
    }

    fn id_token(&self, nonce: &str) -> String {
        let (says, now) = (self.says(), self.clock.now().timestamp());
        let mut claims =
            json!({"iss": self.url, "aud": CLIENT, "nonce": nonce, "iat": now, "exp": now + 300});
        for (name, value) in says.claims.as_object().unwrap() {
            claims[name] = value.clone();
        }
        (says.change)(&mut claims);
        says.signed.signs(&claims)
    }
}

impl Signed {
    fn key(self) -> Option<(Algorithm, EncodingKey, &'static str)> {
        match self {
            Self::Rsa => Some((Algorithm::RS256, EncodingKey::from_rsa_der(RSA), "first")),
            Self::Ec => Some((Algorithm::ES256, EncodingKey::from_ec_der(EC), "second")),
            Self::ByAStranger => Some((Algorithm::ES256, EncodingKey::from_ec_der(OTHER_EC), "second")),
            Self::None | Self::ByModulus | Self::ByJwk => None,
        }
    }

    fn published(self) -> Value {
        let (algorithm, key, name) = self.key().unwrap();
        let mut jwk = Jwk::from_encoding_key(&key, algorithm).unwrap();
        jwk.common.key_id = Some(name.to_owned());
        serde_json::to_value(jwk).unwrap()
    }

    fn signs(self, claims: &Value) -> String {
        let by_secret = |secret: &str| {
            let header = Header { kid: Some("first".to_owned()), ..Header::new(Algorithm::HS256) };
            encode(&header, claims, &EncodingKey::from_secret(secret.as_bytes())).unwrap()
        };
        match self {
            Self::Rsa | Self::Ec | Self::ByAStranger => {
                let (algorithm, key, name) = self.key().unwrap();
                let header = Header { kid: Some(name.to_owned()), ..Header::new(algorithm) };
                encode(&header, claims, &key).unwrap()
            }
            Self::None => {
                let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
                format!("{}.{}.", part(&json!({"alg": "none", "kid": "first"})), part(claims))
            }
            Self::ByModulus => by_secret(Self::Rsa.published()["n"].as_str().unwrap()),
            Self::ByJwk => by_secret(&Self::Rsa.published().to_string()),
        }
    }
}

impl Answers {
    fn instead(self) -> Option<Response> {
        match self {
            Self::Well => None,
            Self::Failing => Some(StatusCode::INTERNAL_SERVER_ERROR.into_response()),
            Self::Nonsense => Some("<html>under construction".into_response()),
            Self::Refusing(error) => {
                Some((StatusCode::UNAUTHORIZED, Json(json!({"error": error}))).into_response())
            }
        }
    }
}

async fn discovery(State(provider): State<Provider>) -> Response {
    let (says, url) = (provider.says(), &provider.url);
    let mut document = json!({
        "issuer": url,
        "authorization_endpoint": format!("{url}/authorize"),
        "token_endpoint": format!("{url}/token"),
        "jwks_uri": format!("{url}/keys"),
        "userinfo_endpoint": format!("{url}/userinfo"),
        "end_session_endpoint": format!("{url}/logout"),
        "authorization_response_iss_parameter_supported": true,
    });
    (says.discovery)(&mut document);
    says.discovered.instead().unwrap_or_else(|| Json(document).into_response())
}

async fn keys(State(provider): State<Provider>) -> Json<Value> {
    let mut says = provider.says();
    says.asked_for_keys += 1;
    Json(json!({"keys": [says.published.published()]}))
}

/// Somebody signs in without being asked for anything, as who has done so before.
async fn authorize(
    State(provider): State<Provider>,
    Query(asked): Query<HashMap<String, String>>,
) -> Redirect {
    let code = provider.clock.event_id().simple().to_string();
    let fixed = [
        ("response_type", "code"),
        ("client_id", CLIENT),
        ("code_challenge_method", "S256"),
        ("scope", "openid profile email"),
    ];
    for (name, value) in fixed {
        assert_eq!(asked.get(name).map(String::as_str), Some(value), "{name}");
    }
    let back = form_urlencoded::Serializer::new(String::new())
        .append_pair("code", &code)
        .append_pair("state", &asked["state"])
        .append_pair("iss", &provider.url)
        .finish();
    let to = format!("{}?{back}", asked["redirect_uri"]);
    let mut says = provider.says();
    says.sent = asked.clone();
    says.codes.insert(code, asked);
    Redirect::to(&to)
}

/// Whether the client has shown its secret in the header, as RFC 6749 has it.
fn shows_the_secret(headers: &HeaderMap) -> bool {
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = BASE64_STANDARD.encode(format!("{}:{}", encoded(CLIENT), encoded(SECRET)));
    headers
        .get(header::AUTHORIZATION)
        .is_some_and(|shown| shown.as_bytes() == format!("Basic {pair}").as_bytes())
}

async fn token(State(provider): State<Provider>, headers: HeaderMap, body: String) -> Response {
    let form: HashMap<_, _> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    if let Some(instead) = provider.says().tokens.instead() {
        return instead;
    }
    let refused = |error: &str| (StatusCode::BAD_REQUEST, Json(json!({"error": error}))).into_response();
    let told = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    let in_form = told("client_id") == CLIENT && told("client_secret") == SECRET;
    if !in_form && !shows_the_secret(&headers) {
        return refused("invalid_client");
    }
    let Some(asked) = provider.says().codes.remove(told("code")) else { return refused("invalid_grant") };
    let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(told("code_verifier")));
    if challenge != asked["code_challenge"] || told("redirect_uri") != asked["redirect_uri"] {
        return refused("invalid_grant");
    }
    let id_token = provider.id_token(&asked["nonce"]);
    Json(json!({"id_token": id_token, "access_token": "access", "token_type": "Bearer"})).into_response()
}

async fn userinfo(State(provider): State<Provider>, headers: HeaderMap) -> Response {
    let may = headers.get(header::AUTHORIZATION).is_some_and(|shown| shown == "Bearer access");
    if may {
        Json(provider.says().userinfo.clone()).into_response()
    } else {
        StatusCode::UNAUTHORIZED.into_response()
    }
}
