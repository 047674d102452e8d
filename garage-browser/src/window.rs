//! A window, used as people use one: by the words on it. What must come is waited for; what moves away under a click,
//! because the page has just been made fresh, is clicked again.

use anyhow::{Context, Result, bail, ensure};
use base64::{Engine, prelude::BASE64_STANDARD};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{Duration, Instant, sleep};

use crate::{
    audit,
    driver::{Driver, Looks, pictures},
};

const PATIENCE: Duration = Duration::from_secs(20);
/// The protocol's name for an element's id.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A browser of its own.
pub(crate) struct Window<'a> {
    driver: &'a Driver,
    session: String,
    base: String,
    looks: Looks,
}

impl<'a> Window<'a> {
    pub(crate) async fn open(driver: &'a Driver, base: &str, looks: Looks) -> Result<Self> {
        Ok(Self { driver, session: driver.session(looks).await?, base: base.to_owned(), looks })
    }

    async fn say(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value> {
        self.driver.say(method, &format!("{}{path}", self.session), body).await
    }

    pub(crate) async fn go(&self, path: &str) -> Result<()> {
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.base) };
        self.say(Method::POST, "/url", Some(json!({ "url": url }))).await.map(drop)
    }

    /// The path where it is, without what comes behind it.
    pub(crate) async fn path(&self) -> Result<String> {
        let url = self.say(Method::GET, "/url", None).await?;
        let path = url.as_str().unwrap_or_default().strip_prefix(&self.base).unwrap_or_default().to_owned();
        Ok(path.split(['?', '#']).next().unwrap_or_default().to_owned())
    }

    pub(crate) async fn script(&self, script: &str) -> Result<Value> {
        self.say(Method::POST, "/execute/sync", Some(json!({ "script": script, "args": [] }))).await
    }

    async fn text(&self) -> Result<String> {
        let text = self.script("return document.body.innerText").await?;
        Ok(text.as_str().unwrap_or_default().to_owned())
    }

    /// Waits until a person reads this, without touching the page.
    pub(crate) async fn wait(&self, words: &str) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while !self.text().await?.contains(words) {
            ensure!(
                Instant::now() < deadline,
                "{} never shows {words:?}; it shows {}",
                self.path().await?,
                self.text().await?
            );
            sleep(Duration::from_millis(30)).await;
        }
        Ok(())
    }

    /// Reloads until a person reads this: what people do whose browser has no script.
    pub(crate) async fn reload_until(&self, words: &str) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        let path = self.path().await?;
        while !self.text().await?.contains(words) {
            ensure!(Instant::now() < deadline, "{path} never shows {words:?}");
            self.go(&path).await?;
        }
        Ok(())
    }

    async fn find(&self, xpath: &str) -> Result<String> {
        let found =
            self.say(Method::POST, "/element", Some(json!({ "using": "xpath", "value": xpath }))).await?;
        Ok(found[ELEMENT].as_str().with_context(|| format!("no {xpath}"))?.to_owned())
    }

    pub(crate) async fn fill(&self, fields: &[(&str, &str)]) -> Result<()> {
        for (name, text) in fields {
            let field = self.find(&format!("//*[@name='{name}']")).await?;
            self.say(Method::POST, &format!("/element/{field}/clear"), Some(json!({}))).await?;
            self.say(Method::POST, &format!("/element/{field}/value"), Some(json!({ "text": text }))).await?;
        }
        Ok(())
    }

    /// Presses the button with these words.
    pub(crate) async fn press(&self, words: &str) -> Result<()> {
        self.leave_by(&format!("//button[contains(normalize-space(.),'{words}')]")).await
    }

    /// Follows the link with these words.
    pub(crate) async fn follow(&self, words: &str) -> Result<()> {
        self.leave_by(&format!("//a[contains(normalize-space(.),'{words}')]")).await
    }

    /// Clicks and waits until the page is another: whoever asks for a page before that would call the click off.
    async fn leave_by(&self, xpath: &str) -> Result<()> {
        self.script("document.documentElement.dataset.left = 'no'").await?;
        self.click(xpath).await?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            let is_here = self.script("return document.readyState !== 'complete' || document.documentElement.dataset.left === 'no'").await;
            if is_here.is_ok_and(|is_here| is_here == false) {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "{} stays after a click on {xpath}", self.path().await?);
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Opens what these words fold away.
    pub(crate) async fn unfold(&self, words: &str) -> Result<()> {
        self.click(&format!("//summary[contains(normalize-space(.),'{words}')]")).await
    }

    async fn click(&self, xpath: &str) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let clicked = async {
                let element = self.find(xpath).await?;
                // In the middle of the window nothing that is fixed to its edge lies over it.
                let middle = json!({ "script": "arguments[0].scrollIntoView({ block: 'center' })", "args": [{ ELEMENT: element }] });
                self.say(Method::POST, "/execute/sync", Some(middle)).await?;
                self.say(Method::POST, &format!("/element/{element}/click"), Some(json!({}))).await
            };
            match clicked.await {
                Ok(_) => return Ok(()),
                Err(cause) if Instant::now() > deadline => return Err(cause.context(self.path().await?)),
                Err(_) => sleep(Duration::from_millis(30)).await,
            }
        }
    }

    /// Keys, one after the other, to whatever has the focus.
    pub(crate) async fn keys(&self, keys: &str) -> Result<()> {
        let keys = keys.chars().flat_map(|key| {
            [
                json!({ "type": "keyDown", "value": key.to_string() }),
                json!({ "type": "keyUp", "value": key.to_string() }),
            ]
        });
        let typing = json!({ "type": "key", "id": "keyboard", "actions": keys.collect::<Vec<_>>() });
        self.say(Method::POST, "/actions", Some(json!({ "actions": [typing] }))).await.map(drop)
    }

    /// Signs in as the first start said.
    pub(crate) async fn sign_in(&self, shop: &crate::shop::Opened) -> Result<()> {
        self.go("/sign-in").await?;
        self.fill(&[("login", &shop.login), ("password", &shop.password)]).await?;
        self.press("Entrar").await?;
        self.wait("Nova entrada").await
    }

    /// Takes a picture of the whole page, and looks for what the page owes.
    pub(crate) async fn look(&self, name: &str) -> Result<()> {
        let looks = self.looks;
        let sort = match (looks.phone, looks.dark) {
            (true, true) => "phone-dark",
            (true, false) => "phone",
            (false, true) => "desk-dark",
            (false, false) => "desk",
        };
        let clip = self.script("const d = document.documentElement; return [d.clientWidth, Math.max(d.scrollHeight, innerHeight)]").await?;
        let clip = json!({ "x": 0, "y": 0, "width": clip[0], "height": clip[1], "scale": 1 });
        let taking = json!({ "cmd": "Page.captureScreenshot", "params": { "captureBeyondViewport": true, "clip": clip } });
        let taken = self.say(Method::POST, "/goog/cdp/execute", Some(taking)).await?;
        let picture = BASE64_STANDARD.decode(taken["data"].as_str().unwrap_or_default())?;
        std::fs::write(pictures().join(format!("{name}-{sort}.png")), picture)?;
        let found = self.script(audit::SCRIPT).await?;
        let found: Vec<&str> = found.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        if !found.is_empty() {
            bail!("{name} on {sort} owes: {}", found.join("; "));
        }
        Ok(())
    }

    /// Ends the browser; what it complained about is a failure.
    pub(crate) async fn close(self) -> Result<()> {
        let log = self.say(Method::POST, "/se/log", Some(json!({ "type": "browser" }))).await?;
        self.say(Method::DELETE, "", None).await?;
        let severe = |line: &&Value| line["level"] == "SEVERE" && line["source"] != "network";
        let complaints: Vec<String> = log
            .as_array()
            .into_iter()
            .flatten()
            .filter(severe)
            .map(|line| line["message"].to_string())
            .collect();
        ensure!(complaints.is_empty(), "the browser complains: {complaints:?}");
        Ok(())
    }
}
