//! Screens that trust a provider, and a browser in front of them.

use std::collections::BTreeMap;

use garage_kit::{
    auth::Verifier,
    clock::Clock,
    http,
    program::{Env, install_crypto},
};
use garage_web::{FirstManager, Parts, People, Running, Settings, Signer, open};
use reqwest::{Client, Method, Response, StatusCode, header, redirect::Policy};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::provider::{CLIENT, Provider, SECRET};

/// Screens that have no provider.
pub(crate) const NO_PROVIDER: [(&str, &str); 4] =
    [("OIDC_ISSUER", "-"), ("OIDC_CLIENT_ID", "-"), ("OIDC_CLIENT_SECRET", "-"), ("OIDC_NAME", "-")];
/// Nobody listens there.
pub(crate) const NOWHERE: &str = "http://127.0.0.1:1";

pub(crate) struct World {
    pub(crate) base: String,
    pub(crate) provider: Provider,
    pub(crate) clock: Clock,
    /// Who has a password, unless nobody may.
    pub(crate) first: Option<FirstManager>,
    _running: Running,
    folder: tempfile::TempDir,
}

impl World {
    pub(crate) async fn open() -> Self {
        Self::with(&[]).await
    }

    /// With these settings instead; one that is `-` is not there.
    pub(crate) async fn with(wishes: &[(&str, &str)]) -> Self {
        install_crypto();
        let clock = Clock::manual("2026-02-08T10:00:00Z".parse().unwrap());
        let provider = Provider::start(&clock).await;
        Self::on(clock, provider, tempfile::tempdir().unwrap(), wishes).await
    }

    /// The same shop, opened anew with these settings.
    pub(crate) async fn reopened(self, wishes: &[(&str, &str)]) -> Self {
        Self::on(self.clock, self.provider, self.folder, wishes).await
    }

    async fn on(
        clock: Clock,
        provider: Provider,
        folder: tempfile::TempDir,
        wishes: &[(&str, &str)],
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let mut variables = BTreeMap::from([
            ("PUBLIC_URL", base.as_str()),
            ("OIDC_ISSUER", &provider.url),
            ("OIDC_CLIENT_ID", CLIENT),
            ("OIDC_CLIENT_SECRET", SECRET),
            ("OIDC_NAME", "Rede Boa"),
        ]);
        variables.extend(wishes.iter().copied());
        variables.retain(|_, value| *value != "-");
        let settings = Settings::from_env(&Env::fixed(&Vec::from_iter(variables))).unwrap();
        let people = People::open(&folder.path().join("web.sqlite")).await.unwrap();
        let first =
            if settings.take_passwords() { people.first_manager(clock.now()).await.unwrap() } else { None };
        let secret = "a secret that only these tests know".to_owned().into();
        let verifier = Verifier::new(clock.clone()).secret(&secret).unwrap();
        let (urls, signer) = ([NOWHERE; 3].map(str::to_owned), Signer::new(secret));
        let parts = Parts { urls, signer, verifier, people, clock: clock.clone(), settings };
        let (router, running) = open(parts).unwrap();
        tokio::spawn(http::serve(listener, router, CancellationToken::new()));
        Self { base, provider, clock, first, _running: running, folder }
    }

    /// As an older program could leave somebody: without any role.
    pub(crate) async fn take_the_roles_of(&self, login: &str) {
        let file = format!("sqlite:{}", self.folder.path().join("web.sqlite").display());
        let pool = sqlx::SqlitePool::connect(&file).await.unwrap();
        let taken = sqlx::query("UPDATE people SET roles = '' WHERE login = ?").bind(login);
        assert_eq!(taken.execute(&pool).await.unwrap().rows_affected(), 1);
        pool.close().await;
    }

    pub(crate) fn browser(&self) -> Browser {
        let client = Client::builder().no_proxy().redirect(Policy::none()).build().unwrap();
        let lang = ("lang".to_owned(), "en".to_owned());
        Browser {
            client,
            base: self.base.clone(),
            cookies: BTreeMap::from([lang]),
            at: String::new(),
            status: StatusCode::OK,
            headers: header::HeaderMap::new(),
            html: String::new(),
        }
    }
}

/// A browser that stops before it would leave the screens.
pub(crate) struct Browser {
    client: Client,
    base: String,
    pub(crate) cookies: BTreeMap<String, String>,
    /// Where it is, or would go.
    pub(crate) at: String,
    pub(crate) status: StatusCode,
    pub(crate) headers: header::HeaderMap,
    pub(crate) html: String,
}

impl Browser {
    pub(crate) async fn open(&mut self, path: &str) -> &mut Self {
        self.go(Method::GET, path, &[]).await
    }

    pub(crate) async fn go(&mut self, method: Method, path: &str, fields: &[(&str, &str)]) -> &mut Self {
        let mut request = self.client.request(method.clone(), format!("{}{path}", self.base));
        if method == Method::POST {
            let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
            let media = "application/x-www-form-urlencoded";
            request =
                request.header(header::CONTENT_TYPE, media).header(header::ORIGIN, &self.base).body(body);
        }
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let response = request.header(header::COOKIE, cookies.join("; ")).send().await.unwrap();
        self.keep(&response);
        (self.status, self.headers) = (response.status(), response.headers().clone());
        self.html = response.text().await.unwrap();
        self.at = path.to_owned();
        let Some(next) = location(&self.headers) else { return self };
        match next.strip_prefix(&self.base).unwrap_or(&next) {
            path if path.starts_with('/') => Box::pin(self.go(Method::GET, path, &[])).await,
            elsewhere => {
                self.at = elsewhere.to_owned();
                self
            }
        }
    }

    fn keep(&mut self, response: &Response) {
        for line in response.headers().get_all(header::SET_COOKIE) {
            let line = line.to_str().unwrap();
            let (name, rest) = line.split_once('=').unwrap();
            let (value, rest) = rest.split_once(';').unwrap();
            assert!(rest.contains("HttpOnly") && rest.contains("SameSite=Lax"), "{line}");
            assert!(name != "ticket" || rest.contains("Max-Age"), "{line}");
            let is_gone = rest.contains("Max-Age=0");
            let _ = if is_gone {
                self.cookies.remove(name)
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned())
            };
        }
    }

    /// The address of the link with these words.
    pub(crate) fn link(&self, words: &str) -> Option<String> {
        let link = self
            .html
            .split("<a ")
            .find(|link| link.split("</a>").next().is_some_and(|link| link.ends_with(words)))?;
        Some(link.split("href=\"").nth(1)?.split('"').next()?.replace("&amp;", "&"))
    }

    pub(crate) fn must_show(&self, words: &str) -> &Self {
        assert!(
            self.html.contains(words),
            "{} ({}) does not show {words:?}:\n{}",
            self.at,
            self.status,
            self.html
        );
        self
    }

    /// Goes to the provider and signs in there; gives the path of ours that it sends back to.
    pub(crate) async fn sent_back(&mut self, way: &str) -> String {
        self.open(way).await;
        assert!(self.at.contains("/authorize?"), "{} ({}): {}", self.at, self.status, self.html);
        let answer = self.client.get(&self.at).send().await.unwrap();
        let back = location(answer.headers()).expect("the provider sends back");
        back.strip_prefix(&self.base).expect("to us").to_owned()
    }

    /// Signs in by the provider.
    pub(crate) async fn sign_in(&mut self) -> &mut Self {
        self.sign_in_for("/people").await
    }

    pub(crate) async fn sign_in_for(&mut self, next: &str) -> &mut Self {
        let way =
            form_urlencoded::Serializer::new("/sign-in/oidc?".to_owned()).append_pair("next", next).finish();
        let back = self.sent_back(&way).await;
        self.open(&back).await
    }

    pub(crate) async fn is_signed_in(&mut self) -> bool {
        self.open("/account").await.at == "/account"
    }

    /// At the same shop, opened anew.
    pub(crate) fn again_at(&mut self, world: &World) -> &mut Self {
        self.base.clone_from(&world.base);
        self
    }

    /// The word for forms of the page that is open.
    pub(crate) fn word(&self) -> String {
        let word = self.html.split("name=\"word\" value=\"").nth(1).expect("a form");
        word.split('"').next().unwrap().to_owned()
    }
}

fn location(headers: &header::HeaderMap) -> Option<String> {
    headers.get(header::LOCATION).map(|to| to.to_str().unwrap().to_owned())
}
