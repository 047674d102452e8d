//! A container's program, variables and health check, without the container: the same program with the same variables,
//! of which only addresses and folders are this machine's.

use std::{
    collections::BTreeMap,
    path::Path,
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use anyhow::{Result, ensure};
use garage_kit::testing::{mongo_database, postgres_database};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::{
    chain::{VirtualHost, built, free_port},
    compose::{file, variables},
    yaml::{word, yaml},
};

const PATIENCE: Duration = Duration::from_secs(60);

/// Runs what the container does that makes secrets, in folders of this test's. Compose writes `$` as `$$`.
fn make_secrets(service: &Value, folder: &Path) -> Result<()> {
    let script =
        word(&service["command"][0]).replace("$$", "$").replace("/run/", &format!("{}/", folder.display()));
    for name in ["garage", "database"] {
        std::fs::create_dir_all(folder.join(name))?;
    }
    let made = Command::new("/bin/sh").args(["-euc", &script]).output()?;
    ensure!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    Ok(())
}

struct Container {
    program: String,
    variables: BTreeMap<String, String>,
    child: Option<Child>,
}

impl Drop for Container {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Container {
    /// The service of a Compose file with what is elsewhere here.
    fn new(folder: &str, service: &Value, files: &Path, elsewhere: &[(&str, String)]) -> Self {
        let mut variables = variables(service);
        for value in variables.values_mut() {
            *value = value.replace("/run/", &format!("{}/", files.display()));
        }
        for (name, value) in elsewhere.iter().cloned().chain([("PORT", free_port().to_string())]) {
            assert!(variables.contains_key(name), "{folder} is not told {name}");
            variables.insert(name.to_owned(), value);
        }
        let program =
            word(&service["healthcheck"]["test"][1]).trim_start_matches("/usr/local/bin/").to_owned();
        Self { program, variables, child: None }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(built(&self.program));
        command.env_clear().envs(&self.variables).stdin(Stdio::null());
        command
    }

    fn start(&mut self) -> Result<()> {
        self.child = Some(self.command().stdout(Stdio::null()).stderr(Stdio::null()).spawn()?);
        Ok(())
    }

    fn healthcheck(&self) -> Result<Output> {
        Ok(self.command().arg("healthcheck").output()?)
    }

    async fn becomes_healthy(&self) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let asked = self.healthcheck()?;
            if asked.status.success() {
                return Ok(());
            }
            let said = String::from_utf8_lossy(&asked.stderr).into_owned();
            ensure!(Instant::now() < deadline, "{} is not well: {said}", self.program);
            sleep(Duration::from_millis(100)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_container_becomes_healthy_with_the_variables_it_is_told_and_says_so_by_its_own_check()
-> Result<()> {
    let host = VirtualHost::make().await?;
    let (os, execution) =
        (postgres_database("os_service").await, postgres_database("execution_service").await);
    let mongo = mongo_database("billing_service");
    let broker = || ("RABBITMQ_URL", host.url());
    for (folder, name, database) in [
        ("garage-os-service", "os-service", Some(os.url())),
        ("garage-billing-service", "billing-service", None),
        ("garage-execution-service", "execution-service", Some(execution.url())),
    ] {
        let (files, services) = (tempfile::tempdir()?, file(folder)["services"].clone());
        make_secrets(&services[name.replace("-service", "-secrets")], files.path())?;
        std::fs::create_dir_all(files.path().join("garage"))?;
        let secret = files.path().join("garage/jwt-secret");
        if !secret.exists() {
            std::fs::write(&secret, "what the OS Service's file has made")?;
        }
        let mut elsewhere = vec![broker()];
        match database {
            Some(url) => elsewhere.extend(database_variables(&url)?),
            None => {
                let made = std::fs::read_to_string(files.path().join("database/uri"))?;
                ensure!(made.starts_with("mongodb://billing:") && made.len() > 80, "no address was made");
                std::fs::write(files.path().join("database/uri"), mongo.uri())?;
            }
        }
        let mut container = Container::new(folder, &services[name], files.path(), &elsewhere);
        ensure!(!container.healthcheck()?.status.success(), "{folder} is well before it was started");
        container.start()?;
        container.becomes_healthy().await?;
    }
    host.remove().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn so_does_the_container_of_the_screens() -> Result<()> {
    let (files, web) = (tempfile::tempdir()?, yaml("compose.yaml")["services"]["web"].clone());
    std::fs::create_dir_all(files.path().join("garage"))?;
    std::fs::write(files.path().join("garage/jwt-secret"), "what the OS Service's file has made")?;
    let people = files.path().join("web.sqlite").display().to_string();
    let mut container = Container::new("garage-web", &web, files.path(), &[("PEOPLE_FILE", people)]);
    ensure!(!container.healthcheck()?.status.success(), "it is well before it was started");
    container.start()?;
    container.becomes_healthy().await
}

/// An address as the variables that a container is told.
fn database_variables(url: &str) -> Result<Vec<(&'static str, String)>> {
    let url: reqwest::Url = url.parse()?;
    let part = |text: &str| text.to_owned();
    Ok(vec![
        ("DATABASE_HOST", part(url.host_str().unwrap_or_default())),
        ("DATABASE_PORT", url.port().unwrap_or(5432).to_string()),
        ("DATABASE_USER", part(url.username())),
        ("DATABASE_NAME", part(url.path().trim_start_matches('/'))),
    ])
}

#[test]
fn a_secret_is_made_once_and_is_a_good_one() -> Result<()> {
    let files = tempfile::tempdir()?;
    let secrets = file("garage-os-service")["services"]["os-secrets"].clone();
    make_secrets(&secrets, files.path())?;
    let read = || std::fs::read_to_string(files.path().join("garage/jwt-secret"));
    let first = read()?;
    ensure!(first.len() == 64 && first.bytes().all(|byte| byte.is_ascii_hexdigit()), "{first}");
    make_secrets(&secrets, files.path())?;
    ensure!(read()? == first, "a second start has made another secret");
    Ok(())
}
