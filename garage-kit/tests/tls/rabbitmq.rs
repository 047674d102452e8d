//! `amqps://` to a real broker.

use std::{path::Path, time::Duration};

use garage_kit::{
    Failure,
    bus::{Bus, Definitions, Retries, Topology, rabbitmq::RabbitMq},
    clock::Clock,
};
use tokio::{
    io::AsyncReadExt,
    net::TcpListener,
    sync::{Mutex, MutexGuard},
    time::{sleep, timeout},
};

use crate::{
    authority::{Authority, Shown},
    variable,
};

const PATIENCE: Duration = Duration::from_secs(20);

/// There is one broker, and it shows one certificate at a time.
static BROKER: Mutex<()> = Mutex::const_new(());

async fn broker_shows(shown: &Shown) -> MutexGuard<'static, ()> {
    let ours = BROKER.lock().await;
    shown.write_into(Path::new(&variable("GARAGE_TEST_TLS_FOLDER")), "broker");
    ours
}

fn connect(url: &str) -> std::sync::Arc<RabbitMq> {
    let topology = Topology {
        service: "tls".to_owned(),
        exchange: "events".to_owned(),
        dead_letter_exchange: "events.dlx".to_owned(),
        consumes: Vec::new(),
        gathers: Vec::new(),
        retries: Retries::default(),
        definitions: Definitions { exchanges: Vec::new(), queues: Vec::new(), bindings: Vec::new() },
    };
    RabbitMq::connect(url, topology, Clock::system()).unwrap()
}

/// The broker by its name, `localhost`, or by another.
fn url(host: &str, trusted: &Authority) -> String {
    let url = variable("GARAGE_TEST_RABBITMQ_TLS_URL").replace("localhost", host);
    format!("{url}/?cacertfile={}", trusted.file().display())
}

/// Why there is no connection, once one was tried.
async fn refusal(bus: &RabbitMq) -> Failure {
    let refused = async {
        loop {
            match bus.ready() {
                Err(failure) if !failure.to_string().contains("not connected yet") => return failure,
                Err(_) => sleep(Duration::from_millis(20)).await,
                Ok(()) => panic!("this broker must not be trusted"),
            }
        }
    };
    timeout(PATIENCE, refused).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_our_authority_vouches_for_is_talked_to() {
    let authority = Authority::new();
    let _broker = broker_shows(&authority.certificate()).await;
    let bus = connect(&url("localhost", &authority));
    timeout(PATIENCE, bus.wait_until_ready()).await.unwrap();
    bus.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_another_authority_vouches_for_is_not() {
    let _broker = broker_shows(&Authority::new().certificate()).await;
    let told = refusal(&connect(&url("localhost", &Authority::new()))).await.to_string();
    assert!(told.contains("UnknownIssuer") || told.contains("BadSignature"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_under_another_name_is_not() {
    let authority = Authority::new();
    let _broker = broker_shows(&authority.certificate()).await;
    let told = refusal(&connect(&url("127.0.0.1", &authority))).await.to_string();
    assert!(told.contains("not valid for name"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_whose_certificate_has_expired_is_not() {
    let authority = Authority::new();
    let _broker = broker_shows(&authority.expired_certificate()).await;
    let told = refusal(&connect(&url("localhost", &authority))).await.to_string();
    assert!(told.contains("expired"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_without_tls_never_hears_the_password() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let bus = connect(&format!("amqps://guest:guest@{}", listener.local_addr().unwrap()));
    let (mut connection, _) = listener.accept().await.unwrap();
    let mut first = [0; 3];
    connection.read_exact(&mut first).await.unwrap();
    assert_eq!(first[..2], [0x16, 0x03], "this is no TLS handshake: {first:?}");
    drop(connection);
    let told = refusal(&bus).await;
    assert!(told.is_passing(), "{told}");
}
