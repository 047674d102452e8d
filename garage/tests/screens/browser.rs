//! A browser without script: it keeps cookies, follows redirects, and knows of a page what a person sees of it: its text,
//! its links and the buttons with the forms around them. It reads only what these pages write.

use std::collections::BTreeMap;

use reqwest::{Client, Method, StatusCode, header, redirect::Policy};

/// Somebody in front of a page.
pub(crate) struct Browser {
    client: Client,
    base: String,
    /// Where it says that its forms come from.
    pub(crate) origin: String,
    cookies: BTreeMap<String, String>,
    /// Where it is.
    pub(crate) path: String,
    pub(crate) status: StatusCode,
    pub(crate) html: String,
    pub(crate) headers: header::HeaderMap,
}

impl Browser {
    pub(crate) fn new(base: &str) -> Self {
        let client = Client::builder().no_proxy().redirect(Policy::none()).build().unwrap();
        Self {
            client,
            base: base.to_owned(),
            origin: base.to_owned(),
            cookies: BTreeMap::new(),
            path: String::new(),
            status: StatusCode::OK,
            html: String::new(),
            headers: header::HeaderMap::new(),
        }
    }

    pub(crate) async fn open(&mut self, path: &str) -> &mut Self {
        self.go(Method::GET, path.to_owned(), None).await;
        self
    }

    /// Sends as it is, whatever the page offers.
    pub(crate) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> &mut Self {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.go(Method::POST, path.to_owned(), Some(body)).await;
        self
    }

    async fn go(&mut self, mut method: Method, mut path: String, mut body: Option<String>) {
        for _ in 0..10 {
            let cookies: Vec<String> =
                self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let mut request = self.client.request(method.clone(), format!("{}{path}", self.base));
            request = request.header(header::COOKIE, cookies.join("; ")).header(header::ORIGIN, &self.origin);
            if let Some(body) = body.take() {
                request =
                    request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(body);
            }
            let answer = request.send().await.unwrap();
            self.keep(answer.headers());
            self.path = path.split('#').next().unwrap_or_default().to_owned();
            let next = answer.headers().get(header::LOCATION).map(|to| to.to_str().unwrap().to_owned());
            (self.status, self.headers) = (answer.status(), answer.headers().clone());
            self.html = answer.text().await.unwrap();
            let Some(next) = next.filter(|_| self.status.is_redirection()) else { return };
            (method, path) = (Method::GET, next);
        }
        panic!("{path} leads nowhere");
    }

    /// The stream of what changes, as an open tab holds it.
    pub(crate) async fn stream(&self, path: &str) -> reqwest::Response {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request =
            self.client.get(format!("{}{path}", self.base)).header(header::COOKIE, cookies.join("; "));
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        answer
    }

    fn keep(&mut self, headers: &header::HeaderMap) {
        for line in headers.get_all(header::SET_COOKIE) {
            let line = line.to_str().unwrap();
            let (pair, rest) = line.split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            assert!(rest.contains("HttpOnly") && rest.contains("SameSite=Lax"), "{line}");
            if rest.contains("Max-Age=0") {
                self.cookies.remove(name)
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned())
            };
        }
    }

    /// What a person reads.
    pub(crate) fn text(&self) -> String {
        text(&self.html)
    }

    /// Whether a person reads this here.
    pub(crate) fn shows(&self, words: &str) -> bool {
        self.text().contains(words)
    }

    pub(crate) fn must_show(&self, words: &str) -> &Self {
        assert!(self.shows(words), "{} does not show {words:?}:\n{}", self.path, self.text());
        self
    }

    /// Whether there is a button with these words.
    pub(crate) fn offers(&self, label: &str) -> bool {
        self.form_of(label).is_some()
    }

    /// Follows the link with these words.
    pub(crate) async fn follow(&mut self, label: &str) -> &mut Self {
        let links = self.html.split("<a ").skip(1).filter_map(|link| {
            let (tag, rest) = link.split_once('>')?;
            let shown = text(rest.split_once("</a>")?.0);
            shown.contains(label).then(|| attribute(tag, "href")).flatten()
        });
        let found: Vec<String> = links.collect();
        let href = found
            .first()
            .unwrap_or_else(|| panic!("{} has no link {label:?}:\n{}", self.path, self.text()))
            .clone();
        self.open(href.strip_prefix(&self.base.clone()).unwrap_or(&href)).await
    }

    /// Presses the button with these words, with its form's fields filled like this.
    pub(crate) async fn press(&mut self, label: &str, fields: &[(&str, &str)]) -> &mut Self {
        let form = self
            .form_of(label)
            .unwrap_or_else(|| panic!("{} has no button {label:?}:\n{}", self.path, self.text()));
        let body = form.filled(fields);
        match form.method {
            Method::GET => self.open(&format!("{}?{body}", form.action)).await,
            _ => {
                self.go(Method::POST, form.action, Some(body)).await;
                self
            }
        }
    }

    /// What pressing would send, for a second press of the same button.
    pub(crate) fn form_of(&self, label: &str) -> Option<Form> {
        self.html.split("<form ").skip(1).find_map(|form| Form::read(form.split_once("</form>")?.0, label))
    }

    pub(crate) async fn send(&mut self, form: &Form, fields: &[(&str, &str)]) -> &mut Self {
        let body = form.filled(fields);
        self.go(form.method.clone(), form.action.clone(), Some(body)).await;
        self
    }
}

/// A form around a button.
#[derive(Clone)]
pub(crate) struct Form {
    pub(crate) action: String,
    method: Method,
    fields: Vec<(String, String)>,
}

impl Form {
    fn read(html: &str, label: &str) -> Option<Self> {
        let (tag, inner) = html.split_once('>')?;
        let button = inner.split("<button").skip(1).find_map(|button| {
            let (tag, rest) = button.split_once('>')?;
            (text(rest.split_once("</button>")?.0).trim() == label).then_some(tag)
        })?;
        let mut fields: Vec<(String, String)> = inner.split("<input ").skip(1).filter_map(input).collect();
        fields.extend(inner.split("<textarea ").skip(1).filter_map(|area| {
            let (tag, rest) = area.split_once('>')?;
            Some((attribute(tag, "name")?, unescaped(rest.split_once("</textarea>")?.0)))
        }));
        fields.extend(attribute(button, "name").zip(attribute(button, "value")));
        let method =
            if attribute(tag, "method").as_deref() == Some("post") { Method::POST } else { Method::GET };
        Some(Self {
            action: attribute(button, "formaction").or_else(|| attribute(tag, "action"))?,
            method,
            fields,
        })
    }

    fn filled(&self, filled: &[(&str, &str)]) -> String {
        let kept = self.fields.iter().filter(|(name, _)| !filled.iter().any(|(field, _)| field == name));
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(kept).extend_pairs(filled.iter().filter(|(_, value)| *value != NOT_SENT));
        body.finish()
    }
}

/// A field that stays away from the form, such as a box that is not ticked.
pub(crate) const NOT_SENT: &str = "\0";

/// An input as it would be sent.
fn input(input: &str) -> Option<(String, String)> {
    let tag = input.split_once('>')?.0;
    let is_box = matches!(attribute(tag, "type").as_deref(), Some("checkbox" | "radio"));
    if is_box && !tag.contains(" checked") {
        return None;
    }
    Some((attribute(tag, "name")?, attribute(tag, "value").unwrap_or_default()))
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let tag = format!(" {tag}");
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    Some(unescaped(rest.split_once('"')?.0))
}

fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
}

/// The words between the tags, in one line.
fn text(html: &str) -> String {
    let body = html.split_once("<main").map_or(html, |(_, main)| main);
    let mut words = String::new();
    for part in body.split('<') {
        let part = part.split_once('>').map_or(part, |(_, after)| after);
        words.push_str(part);
        words.push(' ');
    }
    unescaped(&words).split_whitespace().collect::<Vec<_>>().join(" ")
}
