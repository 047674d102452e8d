//! A shop in this process with a folder of its own, for one journey.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use anyhow::{Context, Result};
use garage::{
    embedded::{Addresses, DataDir, Embedded, settings},
    front::Front,
};
use garage_kit::{clock::Clock, program::Env};
use garage_web::Settings;

/// An open shop, and how to sign in.
pub(crate) struct Opened {
    pub(crate) login: String,
    pub(crate) password: String,
    front: Front,
    embedded: Embedded,
    _folder: tempfile::TempDir,
}

impl Opened {
    pub(crate) async fn open() -> Result<Self> {
        let (folder, clock) = (tempfile::tempdir()?, Clock::system());
        let data = DataDir::open(folder.path())?;
        let (secret, local) = (data.secret(&clock)?, IpAddr::V4(Ipv4Addr::LOCALHOST));
        let addresses = Addresses { host: local, ports: [0; 3] };
        let embedded =
            Embedded::start(&data, addresses, settings(&Env::fixed(&[]))?, &secret, &clock).await?;
        let wishes = Settings {
            name: Some("Oficina do Bairro".to_owned()),
            phone: Some("1134567890".to_owned()),
            ..Settings::default()
        };
        let (urls, anywhere) = (embedded.urls.clone(), SocketAddr::new(local, 0));
        let front = Front::start(&data, anywhere, urls, &secret, wishes, &clock).await?;
        let first = front.first.as_ref().context("a new shop has a first manager")?;
        let (login, password) = (first.login.clone(), first.password.clone());
        Ok(Self { login, password, front, embedded, _folder: folder })
    }

    pub(crate) fn url(&self) -> &str {
        &self.front.url
    }

    pub(crate) async fn close(self) {
        self.front.stop().await;
        self.embedded.stop().await;
    }
}
