//! A shop in this process with a folder of its own, for one journey.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use anyhow::{Context, Result};
use garage::{
    embedded::{Addresses, DataDir, Embedded, settings},
    front::Front,
};
use garage_kit::{clock::Clock, program::Env};
use garage_web::Settings;
use secrecy::SecretString;
use tokio::sync::Mutex;

/// An open shop, and how to sign in.
pub(crate) struct Opened {
    pub(crate) login: String,
    pub(crate) password: String,
    url: String,
    address: SocketAddr,
    /// None while they are away.
    screens: Mutex<Option<Front>>,
    services: Embedded,
    data: DataDir,
    secret: SecretString,
    _folder: tempfile::TempDir,
}

impl Opened {
    pub(crate) async fn open() -> Result<Self> {
        let (folder, clock) = (tempfile::tempdir()?, Clock::system());
        let data = DataDir::open(folder.path())?;
        let (secret, local) = (data.secret(&clock)?, IpAddr::V4(Ipv4Addr::LOCALHOST));
        let addresses = Addresses { host: local, ports: [0; 3] };
        let services =
            Embedded::start(&data, addresses, settings(&Env::fixed(&[]))?, &secret, &clock).await?;
        let screens = screens(&data, SocketAddr::new(local, 0), &services, &secret).await?;
        let first = screens.first.as_ref().context("a new shop has a first manager")?;
        let (login, password, url) = (first.login.clone(), first.password.clone(), screens.url.clone());
        let address = url.trim_start_matches("http://").parse()?;
        let screens = Mutex::new(Some(screens));
        Ok(Self { login, password, url, address, screens, services, data, secret, _folder: folder })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The screens go away; the services go on.
    pub(crate) async fn screens_go(&self) {
        if let Some(screens) = self.screens.lock().await.take() {
            screens.stop().await;
        }
    }

    /// They come back where they were.
    pub(crate) async fn screens_come(&self) -> Result<()> {
        let came = screens(&self.data, self.address, &self.services, &self.secret).await?;
        *self.screens.lock().await = Some(came);
        Ok(())
    }

    pub(crate) async fn close(self) {
        self.screens_go().await;
        self.services.stop().await;
    }
}

async fn screens(
    data: &DataDir,
    at: SocketAddr,
    services: &Embedded,
    secret: &SecretString,
) -> Result<Front> {
    let name = Some("Oficina do Bairro".to_owned());
    let wishes = Settings { name, phone: Some("1134567890".to_owned()), ..Settings::default() };
    Ok(Front::start(data, at, services.urls.clone(), secret, wishes, &Clock::system()).await?)
}
