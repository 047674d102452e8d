//! HTTPS at a service: those who trust the shop's authority are answered, and nobody talks to a service that shows
//! anything else. The real program, with the variables that an operator sets.

#![expect(clippy::expect_used, reason = "a test that cannot go on must stop, and say why")]

mod chain;

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use anyhow::{Result, ensure};
use chain::{SECRET, built, free_port};
use garage_kit::program::install_crypto;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use reqwest::{Certificate, Client};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

const PATIENCE: Duration = Duration::from_secs(30);

/// A private authority, as a shop has one.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Result<Self> {
        install_crypto();
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Ok(Self(CertifiedIssuer::self_signed(params, KeyPair::generate()?)?))
    }

    /// Writes a certificate for `name` with its key.
    fn write(&self, folder: &Path, name: &str, expired: bool) -> Result<()> {
        let mut params = CertificateParams::new(vec![name.to_owned()])?;
        if expired {
            (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
        }
        let key = KeyPair::generate()?;
        std::fs::write(folder.join("tls.crt"), params.signed_by(&key, &self.0)?.pem())?;
        std::fs::write(folder.join("tls.key"), key.serialize_pem())?;
        Ok(())
    }

    /// A client that trusts this authority and no other.
    fn client(&self) -> Result<Client> {
        let ours = Certificate::from_pem(self.0.pem().as_bytes())?;
        Ok(Client::builder().no_proxy().tls_certs_only([ours]).timeout(PATIENCE).build()?)
    }
}

/// A service whose database and broker never come: its door is open all the same.
struct Service {
    folder: TempDir,
    port: u16,
    child: Option<Child>,
}

impl Drop for Service {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Service {
    fn new() -> Result<Self> {
        Ok(Self { folder: tempfile::tempdir()?, port: free_port(), child: None })
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(built("garage-os-service"));
        command.env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command
            .env("TLS_CERT_FILE", self.file("tls.crt"))
            .env("TLS_KEY_FILE", self.file("tls.key"))
            .env("PORT", self.port.to_string())
            .env("JWT_SECRET", SECRET)
            .env("DATABASE_URL", "postgres://postgres@127.0.0.1:1/nowhere")
            .env("RABBITMQ_URL", "amqp://guest:guest@127.0.0.1:1")
            .env("RUST_LOG", "off");
        command
    }

    fn start(&mut self) -> Result<()> {
        self.child = Some(self.command().stderr(Stdio::null()).spawn()?);
        Ok(())
    }

    /// What it says when it cannot start.
    fn complaint(&self) -> Result<String> {
        let Output { status, stderr, .. } = self.command().output()?;
        ensure!(status.code() == Some(1), "it must stop with 1");
        Ok(String::from_utf8_lossy(&stderr).into_owned())
    }

    /// Its answer to a look, once it listens.
    async fn answer(&self, client: &Client) -> Result<String, reqwest::Error> {
        let url = format!("https://localhost:{}/health/live", self.port);
        let deadline = Instant::now() + PATIENCE;
        loop {
            match client.get(&url).send().await {
                Err(cause) if is_refused(&cause) && Instant::now() < deadline => {
                    sleep(Duration::from_millis(20)).await;
                }
                answered => return answered?.text().await,
            }
        }
    }

    /// Why a client does not talk to it.
    async fn refusal(&self, client: &Client) -> String {
        let refused = self.answer(client).await.expect_err("this service must not be trusted");
        format!("{refused:?}")
    }
}

/// Nobody listens yet.
fn is_refused(cause: &reqwest::Error) -> bool {
    format!("{cause:?}").contains("ConnectionRefused")
}

#[tokio::test]
async fn those_who_trust_the_shops_authority_are_answered() -> Result<()> {
    let (authority, mut service) = (Authority::new()?, Service::new()?);
    authority.write(service.folder.path(), "localhost", false)?;
    service.start()?;
    assert_eq!(service.answer(&authority.client()?).await?, "waiting for the database");
    Ok(())
}

#[tokio::test]
async fn a_service_that_another_authority_vouches_for_is_not_talked_to() -> Result<()> {
    let mut service = Service::new()?;
    Authority::new()?.write(service.folder.path(), "localhost", false)?;
    service.start()?;
    let why = service.refusal(&Authority::new()?.client()?).await;
    assert!(why.contains("UnknownIssuer") || why.contains("BadSignature"), "{why}");
    Ok(())
}

#[tokio::test]
async fn a_service_under_another_name_is_not_talked_to() -> Result<()> {
    let (authority, mut service) = (Authority::new()?, Service::new()?);
    authority.write(service.folder.path(), "elsewhere.example", false)?;
    service.start()?;
    let why = service.refusal(&authority.client()?).await;
    assert!(why.contains("NotValidForName"), "{why}");
    Ok(())
}

#[tokio::test]
async fn a_service_whose_certificate_has_expired_is_not_talked_to() -> Result<()> {
    let (authority, mut service) = (Authority::new()?, Service::new()?);
    authority.write(service.folder.path(), "localhost", true)?;
    service.start()?;
    let why = service.refusal(&authority.client()?).await;
    assert!(why.contains("Expired"), "{why}");
    Ok(())
}

#[tokio::test]
async fn nobody_is_answered_without_tls_once_there_is_a_certificate() -> Result<()> {
    let (authority, mut service) = (Authority::new()?, Service::new()?);
    authority.write(service.folder.path(), "localhost", false)?;
    service.start()?;
    service.answer(&authority.client()?).await?;
    let plain = Client::builder().no_proxy().build()?;
    assert!(plain.get(format!("http://localhost:{}/health/live", service.port)).send().await.is_err());
    Ok(())
}

#[tokio::test]
async fn its_own_health_check_speaks_as_it_does() -> Result<()> {
    let (authority, mut service) = (Authority::new()?, Service::new()?);
    authority.write(service.folder.path(), "localhost", false)?;
    service.start()?;
    service.answer(&authority.client()?).await?;
    let Output { status, stderr, .. } = service.command().arg("healthcheck").output()?;
    let said = String::from_utf8_lossy(&stderr);
    ensure!(status.code() == Some(1) && said.contains("answers 503"), "its database is away: {said}");
    Ok(())
}

/// As an operator's commands and the screens do, which call the services.
#[tokio::test]
async fn a_command_knows_the_shops_authority_by_a_file() -> Result<()> {
    let (authority, mut service) = (Authority::new()?, Service::new()?);
    authority.write(service.folder.path(), "localhost", false)?;
    service.start()?;
    service.answer(&authority.client()?).await?;
    std::fs::write(service.file("ca.crt"), authority.0.pem())?;
    let asked = |trusted: Option<PathBuf>| -> Result<String> {
        let mut command = Command::new(built("garage"));
        let url = format!("https://localhost:{}", service.port);
        command.env_clear().env("JWT_SECRET", SECRET).args(["saga", "6f1d0c8e-51a7-7c3b-8a55-0242ac120002"]);
        command.args(["--os", &url, "--billing", &url, "--execution", &url]);
        command.envs(trusted.map(|file| ("SSL_CERT_FILE", file)));
        Ok(String::from_utf8_lossy(&command.output()?.stderr).into_owned())
    };
    let (told, strange) = (asked(Some(service.file("ca.crt")))?, asked(None)?);
    ensure!(told.contains("503"), "the service has no database, and is understood: {told}");
    ensure!(!strange.contains("503"), "a service that nobody vouches for is talked to: {strange}");
    Ok(())
}

#[test]
fn files_that_cannot_be_used_are_named() -> Result<()> {
    let (authority, service) = (Authority::new()?, Service::new()?);
    assert!(service.complaint()?.contains("TLS_CERT_FILE names"), "nothing is there");
    authority.write(service.folder.path(), "localhost", false)?;
    let certificate = std::fs::read(service.file("tls.crt"))?;
    authority.write(service.folder.path(), "localhost", false)?;
    std::fs::write(service.file("tls.crt"), certificate)?;
    assert!(service.complaint()?.contains("TLS_KEY_FILE names"), "the key is another one's");
    let mut lonely = service.command();
    let said = lonely.env_remove("TLS_KEY_FILE").output()?.stderr;
    assert!(String::from_utf8_lossy(&said).contains("TLS_KEY_FILE is not set, but TLS_CERT_FILE is"));
    Ok(())
}
