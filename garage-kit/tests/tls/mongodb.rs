//! `tls=true&tlsCAFile=` to a real MongoDB that takes nothing else.

use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
    time::Duration,
};

use garage_kit::{Failure, store::mongo::MongoStore, testing::store::KINDS};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::{
    authority::{Authority, Shown},
    variable,
};

const PATIENCE: Duration = Duration::from_secs(60);

/// A server with TLS alone, for one test.
struct Server {
    port: u16,
    process: Child,
    folder: TempDir,
}

impl Server {
    async fn that_shows(shown: &Shown) -> Self {
        let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
        let pem = folder.path().join("server.pem");
        shown.write_to(&pem);
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let mut command = Command::new(variable("GARAGE_TEST_MONGOD"));
        command
            .args(["--bind_ip", "127.0.0.1", "--nounixsocket", "--wiredTigerCacheSizeGB", "0.25"])
            .args(["--tlsMode", "requireTLS", "--tlsAllowConnectionsWithoutCertificates"])
            .arg("--tlsCertificateKeyFile")
            .arg(&pem)
            // mongod wants somebody to hold a client's certificate against, though it asks for none.
            .arg("--tlsCAFile")
            .arg(&pem)
            .arg("--port")
            .arg(port.to_string())
            .arg("--dbpath")
            .arg(folder.path());
        let process = command.stdin(Stdio::null()).stdout(log).spawn().unwrap();
        let mut server = Self { port, process, folder };
        server.until_ready().await;
        server
    }

    async fn until_ready(&mut self) {
        let (log, deadline) = (self.folder.path().join("log"), Instant::now() + PATIENCE);
        while !std::fs::read_to_string(&log).unwrap().contains("Waiting for connections") {
            let is_waited_for = Instant::now() < deadline && self.process.try_wait().unwrap().is_none();
            assert!(
                is_waited_for,
                "mongod does not become ready: {}",
                std::fs::read_to_string(&log).unwrap()
            );
            sleep(Duration::from_millis(50)).await;
        }
    }

    async fn connect(&self, host: &str, options: &str) -> Result<MongoStore, Failure> {
        let uri = format!("mongodb://{host}:{}/books?{options}", self.port);
        MongoStore::connect(&uri, "books", &KINDS).await
    }

    async fn refused(&self, host: &str, options: &str) -> String {
        self.connect(host, options).await.err().unwrap().to_string()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn trusting(authority: &Authority) -> String {
    format!("tls=true&tlsCAFile={}", authority.file().display())
}

#[tokio::test]
async fn only_a_server_that_our_authority_vouches_for_by_its_name_is_talked_to() {
    let authority = Authority::new();
    let server = Server::that_shows(&authority.certificate()).await;
    let store = server.connect("localhost", &trusting(&authority)).await.unwrap();
    store.close().await;
    let told = server.refused("localhost", &trusting(&Authority::new())).await;
    assert!(told.contains("UnknownIssuer") || told.contains("BadSignature"), "{told}");
    let told = server.refused("127.0.0.1", &trusting(&authority)).await;
    assert!(told.contains("not valid for name"), "{told}");
    let told = server.refused("localhost", "tls=true").await;
    assert!(told.contains("UnknownIssuer"), "the machine knows this authority: {told}");
    assert!(
        server.connect("localhost", "").await.is_err(),
        "a server that takes TLS alone was talked to without"
    );
}

#[tokio::test]
async fn a_server_whose_voucher_has_expired_is_not_talked_to() {
    let authority = Authority::new();
    let server = Server::that_shows(&authority.certificate_by_an_expired_deputy()).await;
    let told = server.refused("localhost", &trusting(&authority)).await;
    assert!(told.contains("expired"), "{told}");
}

#[tokio::test]
async fn a_server_without_tls_is_not_talked_to_by_who_asks_for_it() {
    let uri = variable("GARAGE_TEST_MONGODB_URI");
    let uri = format!("{}/books?{}", uri.trim_end_matches('/'), trusting(&Authority::new()));
    garage_kit::program::install_crypto();
    assert!(MongoStore::connect(&uri, "books", &KINDS).await.is_err());
}
