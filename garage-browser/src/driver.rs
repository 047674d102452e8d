//! Chromium's driver as a program beside this one, and the few sentences of its protocol (W3C WebDriver) that are needed.
//! Libraries for it exist; they bring a Unicode segmenter of megabytes into every build of this workspace for a dozen
//! small requests.

use std::{
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result, bail};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tokio::time::{Duration, Instant, sleep};

const PATIENCE: Duration = Duration::from_secs(20);

/// The driver; it ends with this value.
pub(crate) struct Driver {
    child: Child,
    url: String,
    client: Client,
}

/// What a window is to be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Looks {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// A phone: touch, and a page as wide as the glass.
    pub(crate) phone: bool,
    pub(crate) dark: bool,
    pub(crate) script: bool,
}

impl Looks {
    /// On the desk.
    pub(crate) const DESK: Self = Self { width: 1366, height: 900, phone: false, dark: false, script: true };
    /// In a hand; the smallest that is sold.
    pub(crate) const PHONE: Self = Self { width: 360, height: 740, phone: true, dark: false, script: true };
}

/// Where screenshots go.
pub(crate) fn pictures() -> PathBuf {
    let target =
        std::env::current_exe().ok().and_then(|program| Some(program.parent()?.parent()?.join("browser")));
    target.unwrap_or_else(|| PathBuf::from("target/browser"))
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Driver {
    pub(crate) async fn start() -> Result<Self> {
        std::fs::create_dir_all(pictures())?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut command = Command::new("chromedriver");
        command
            .arg(format!("--port={port}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = command.spawn().context("chromedriver")?;
        let client = Client::builder().no_proxy().timeout(Duration::from_secs(60)).build()?;
        let driver = Self { child, url: format!("http://127.0.0.1:{port}"), client };
        let deadline = Instant::now() + PATIENCE;
        while driver.say(Method::GET, "/status", None).await.is_err() {
            if Instant::now() > deadline {
                bail!("it does not answer");
            }
            sleep(Duration::from_millis(50)).await;
        }
        Ok(driver)
    }

    /// One sentence of the protocol; gives its answer's value.
    pub(crate) async fn say(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value> {
        let mut request = self.client.request(method, format!("{}{path}", self.url));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await?;
        let is_right = answer.status().is_success();
        let mut said: Value = answer.json().await?;
        let value = said["value"].take();
        if is_right {
            return Ok(value);
        }
        bail!(
            "{}: {}",
            value["error"].as_str().unwrap_or("an error"),
            value["message"].as_str().unwrap_or_default()
        );
    }

    /// A browser of its own, with nobody signed in; its session's path.
    pub(crate) async fn session(&self, looks: Looks) -> Result<String> {
        let size = format!("--window-size={},{}", looks.width, looks.height);
        let mut arguments =
            vec!["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", &size];
        if looks.dark {
            arguments.push("--force-dark-mode");
        }
        let mut options = json!({ "args": arguments, "prefs": { "intl.accept_languages": "pt-BR" } });
        if !looks.script {
            options["prefs"]["profile.managed_default_content_settings.javascript"] = json!(2);
        }
        if looks.phone {
            options["mobileEmulation"] = json!({ "deviceMetrics": { "width": looks.width, "height": looks.height, "pixelRatio": 2, "touch": true } });
        }
        let wanted = json!({ "browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": { "browser": "ALL" } });
        let body = json!({ "capabilities": { "alwaysMatch": wanted } });
        let opened = self.say(Method::POST, "/session", Some(body)).await?;
        let id = opened["sessionId"].as_str().context("a session without an id")?;
        Ok(format!("/session/{id}"))
    }
}
