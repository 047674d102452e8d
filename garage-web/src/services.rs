//! The three services, as this client of theirs sees them: plain HTTP with a bearer token. What they refuse comes back
//! as they said it, field by field; that one is away is said by its name.

use std::time::Duration;

use garage_events::Service;
use garage_kit::Failure;
use reqwest::{
    Client, Method, Response, StatusCode,
    header::{ETAG, IF_MATCH, LINK},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

pub(crate) use self::{names::Names, seen::Seen};

pub(crate) mod names;
mod seen;
pub(crate) mod view;

/// How long a page waits for a service.
const PATIENCE: Duration = Duration::from_secs(12);

/// Where they are.
#[derive(Clone)]
pub(crate) struct Services {
    urls: [String; 3],
    client: Client,
}

/// Somebody who asks them.
#[derive(Clone)]
pub(crate) struct Asker {
    services: Services,
    token: String,
}

/// Not what was asked for.
#[derive(Debug)]
pub(crate) enum No {
    /// The service said no.
    Refused(Refusal),
    /// It did not answer, or not so that it could be understood; the cause is for the log.
    Away(Service, String),
}

/// A service's no (RFC 9457), as far as people are told.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Refusal {
    #[serde(default)]
    pub(crate) status: u16,
    #[serde(default)]
    pub(crate) code: String,
    #[serde(default)]
    pub(crate) detail: String,
    #[serde(default)]
    pub(crate) errors: Vec<FieldError>,
}

/// A field and what would be right.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct FieldError {
    pub(crate) field: String,
    pub(crate) detail: String,
}

/// What goes beside a command's body.
#[derive(Clone, Copy, Default)]
pub(crate) struct Beside<'a> {
    /// The version that was seen.
    pub(crate) version: Option<&'a str>,
    /// The same key and body are one command.
    pub(crate) key: Option<&'a str>,
}

/// Something with its version.
pub(crate) struct Versioned<T> {
    pub(crate) it: T,
    pub(crate) version: String,
}

impl Services {
    pub(crate) fn new(urls: [String; 3]) -> Result<Self, Failure> {
        // The streams of events never end, so the time limit is each request's own.
        let client = Client::builder().no_proxy().connect_timeout(Duration::from_secs(3)).build();
        let client = client.map_err(|cause| Failure::lasting("making an HTTP client", cause))?;
        Ok(Self { urls: urls.map(|url| url.trim_end_matches('/').to_owned()), client })
    }

    pub(crate) fn asked_with(&self, token: String) -> Asker {
        Asker { services: self.clone(), token }
    }
}

const fn place(service: Service) -> usize {
    match service {
        Service::Os => 0,
        Service::Billing => 1,
        Service::Execution => 2,
    }
}

impl Asker {
    async fn ask(
        &self,
        at: Service,
        method: Method,
        path: &str,
        body: Option<&Value>,
        beside: Beside<'_>,
    ) -> Result<Response, No> {
        let url = format!("{}{path}", self.services.urls[place(at)]);
        let mut request =
            self.services.client.request(method, url).bearer_auth(&self.token).timeout(PATIENCE);
        if let Some(version) = beside.version {
            request = request.header(IF_MATCH, version);
        }
        if let Some(key) = beside.key {
            request = request.header("Idempotency-Key", key);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.map_err(|cause| away(at, cause))?;
        if answer.status().is_success() { Ok(answer) } else { Err(refused(at, answer).await) }
    }

    /// Reads something that is there.
    pub(crate) async fn get<T: DeserializeOwned>(&self, at: Service, path: &str) -> Result<T, No> {
        read(at, self.ask(at, Method::GET, path, None, Beside::default()).await?).await
    }

    /// Reads something that may not be there.
    pub(crate) async fn find<T: DeserializeOwned>(&self, at: Service, path: &str) -> Result<Option<T>, No> {
        found(self.get(at, path).await)
    }

    /// The same with its version.
    pub(crate) async fn find_version<T: DeserializeOwned>(
        &self,
        at: Service,
        path: &str,
    ) -> Result<Option<Versioned<T>>, No> {
        let Some(answer) = found(self.ask(at, Method::GET, path, None, Beside::default()).await)? else {
            return Ok(None);
        };
        let version = version_of(&answer);
        Ok(Some(Versioned { it: read(at, answer).await?, version }))
    }

    /// A page of a list, and the way to the next.
    pub(crate) async fn page<T: DeserializeOwned>(
        &self,
        at: Service,
        path: &str,
    ) -> Result<(Vec<T>, Option<String>), No> {
        let answer = self.ask(at, Method::GET, path, None, Beside::default()).await?;
        let link = answer.headers().get(LINK).and_then(|link| link.to_str().ok());
        let next = link.and_then(|link| Some(link.strip_prefix('<')?.split_once('>')?.0.to_owned()));
        Ok((read(at, answer).await?, next))
    }

    /// The first page of a list.
    pub(crate) async fn list<T: DeserializeOwned>(&self, at: Service, path: &str) -> Result<Vec<T>, No> {
        self.page(at, path).await.map(|(items, _)| items)
    }

    /// Every item of a list, page by page.
    pub(crate) async fn all<T: DeserializeOwned>(&self, at: Service, path: &str) -> Result<Vec<T>, No> {
        let (mut items, mut next) = (Vec::new(), Some(path.to_owned()));
        while let Some(path) = next {
            let (page, further) = self.page(at, &path).await?;
            items.extend(page);
            next = further;
        }
        Ok(items)
    }

    /// Tells a service to do something.
    pub(crate) async fn tell<T: DeserializeOwned>(
        &self,
        at: Service,
        method: Method,
        path: &str,
        body: Option<&Value>,
        beside: Beside<'_>,
    ) -> Result<T, No> {
        read(at, self.ask(at, method, path, body, beside).await?).await
    }

    /// The same where the answer's body does not matter.
    pub(crate) async fn command(
        &self,
        at: Service,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<(), No> {
        self.ask(at, method, path, body, Beside::default()).await.map(drop)
    }

    /// The stream of what a service tells.
    pub(crate) async fn events(&self, at: Service) -> Result<Response, No> {
        let url = format!("{}/events", self.services.urls[place(at)]);
        let answer = self.services.client.get(url).bearer_auth(&self.token).send().await;
        let answer = answer.map_err(|cause| away(at, cause))?;
        if answer.status().is_success() { Ok(answer) } else { Err(refused(at, answer).await) }
    }
}

fn away(at: Service, cause: reqwest::Error) -> No {
    let mut told = cause.to_string();
    let mut deeper = std::error::Error::source(&cause);
    while let Some(cause) = deeper {
        told = format!("{told}: {cause}");
        deeper = cause.source();
    }
    No::Away(at, told)
}

fn version_of(answer: &Response) -> String {
    answer.headers().get(ETAG).and_then(|tag| tag.to_str().ok()).unwrap_or_default().to_owned()
}

async fn read<T: DeserializeOwned>(at: Service, answer: Response) -> Result<T, No> {
    answer.json().await.map_err(|cause| away(at, cause))
}

/// A service that is there and cannot answer is away as well.
async fn refused(at: Service, answer: Response) -> No {
    let status = answer.status();
    let text = answer.text().await.unwrap_or_default();
    if status.is_server_error() || status == StatusCode::UNAUTHORIZED {
        return No::Away(at, format!("{status} {text}"));
    }
    let refusal = serde_json::from_str::<Refusal>(&text).unwrap_or_default();
    No::Refused(Refusal { status: status.as_u16(), ..refusal })
}

fn found<T>(asked: Result<T, No>) -> Result<Option<T>, No> {
    match asked {
        Ok(it) => Ok(Some(it)),
        Err(No::Refused(refusal)) if refusal.status == 404 => Ok(None),
        Err(no) => Err(no),
    }
}
