//! The programs as somebody meets them at a prompt: what they say when something is missing, wrong or taken.

#![expect(clippy::expect_used, reason = "a test that cannot go on must stop, and say why")]

mod chain;

use std::{
    net::{TcpListener, TcpStream},
    process::{Child, Command, Output, Stdio},
    thread::yield_now,
    time::{Duration, Instant},
};

use chain::{built, free_port};

fn run(program: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(built(program));
    command.args(arguments).env_clear().envs(environment.iter().copied());
    command.output().expect("a program runs")
}

/// What it says before it stops.
fn complaint(program: &str, arguments: &[&str], environment: &[(&str, &str)]) -> String {
    let output = run(program, arguments, environment);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{program} must stop with 1: {said}");
    assert_eq!(said.trim_end().lines().count(), 1, "{program} must say one sentence: {said}");
    said
}

const DATABASE: (&str, &str) = ("DATABASE_URL", "postgres://postgres@127.0.0.1:1/nowhere");
const BROKER: (&str, &str) = ("RABBITMQ_URL", "amqp://guest:guest@127.0.0.1:1");
const SECRET: (&str, &str) = ("JWT_SECRET", "a secret that is long enough");
const MONGODB: (&str, &str) = ("MONGODB_URI", "mongodb://127.0.0.1:1/billing_service");
const OS: (&str, &str) = ("OS_SERVICE_URL", "http://127.0.0.1:1");
const BILLING: (&str, &str) = ("BILLING_SERVICE_URL", "http://127.0.0.1:1");
const EXECUTION: (&str, &str) = ("EXECUTION_SERVICE_URL", "http://127.0.0.1:1");
const SANDBOX: (&str, &str) = ("PAYMENT_GATEWAY", "sandbox");

#[test]
fn a_service_without_what_it_needs_names_the_variable() {
    for (program, all) in [
        ("garage-os-service", &[DATABASE, BROKER, SECRET][..]),
        ("garage-execution-service", &[DATABASE, BROKER, SECRET]),
        ("garage-billing-service", &[MONGODB, BROKER, SECRET, SANDBOX]),
        ("garage-web", &[OS, BILLING, EXECUTION, SECRET]),
    ] {
        for missing in all {
            let rest: Vec<_> = all.iter().copied().filter(|one| one != missing).collect();
            let named = if missing.0 == "DATABASE_URL" { "DATABASE_HOST" } else { missing.0 };
            let said = complaint(program, &[], &rest);
            assert!(said.contains(named), "{program} without {}: {said}", missing.0);
        }
    }
}

#[test]
fn a_wrong_variable_is_named_with_what_would_be_right() {
    for (wrong, right) in [
        (("RABBITMQ_URL", "http://127.0.0.1"), "amqp"),
        (("DATABASE_URL", "mysql://127.0.0.1/os"), "postgres"),
        (("PORT", "eighty"), "port"),
        (("JWT_SECRET", "short"), "16"),
        (("LOG_FORMAT", "xml"), "json"),
    ] {
        let others = [DATABASE, BROKER, SECRET].into_iter().filter(|(name, _)| *name != wrong.0);
        let said = complaint("garage-os-service", &[], &others.chain([wrong]).collect::<Vec<_>>());
        assert!(said.contains(wrong.0) && said.contains(right), "{}: {said}", wrong.0);
        assert!(!said.contains(SECRET.1), "a secret was told: {said}");
    }
}

#[test]
fn a_taken_port_is_one_clear_sentence() {
    let taken = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let said = complaint("garage-os-service", &[], &[DATABASE, BROKER, SECRET, ("PORT", &port)]);
    assert!(said.contains(&port) && said.contains("another program uses it"), "{said}");

    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let said = complaint("garage", &["up", "--data-dir", data, "--os-port", &port], &[]);
    assert!(said.contains(&port) && said.contains("another program uses it"), "{said}");
    let services = ["--os-port", "0", "--billing-port", "0", "--execution-port", "0"];
    let said =
        complaint("garage", &[&["up", "--data-dir", data, "--web-port", &port], &services[..]].concat(), &[]);
    assert!(said.contains(&port) && said.contains("another program uses it"), "{said}");
}

#[test]
fn a_folder_that_cannot_be_written_is_one_clear_sentence() {
    let said = complaint("garage", &["up", "--data-dir", "/proc/garage"], &[]);
    assert!(said.contains("/proc/garage") && said.contains("cannot be written"), "{said}");
}

#[test]
fn a_token_needs_a_secret_and_is_printed_alone() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let asked = ["token", "--role", "manager", "--sub", "ana", "--data-dir", data];
    assert!(complaint("garage", &asked, &[]).contains("JWT_SECRET"));

    let output = run("garage", &asked, &[SECRET]);
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success());
    assert_eq!((printed.lines().count(), printed.trim().split('.').count()), (1, 3), "{printed}");
}

#[test]
fn an_argument_that_cannot_be_right_is_refused_with_its_name() {
    for (asked, named) in [
        (&["saga", "--os", "127.0.0.1:3001", "--stuck"][..], ["--os", "such as http://127.0.0.1:3001"]),
        (&["dlq", "list", "--billing", "ftp://shop"], ["--billing", "such as http://127.0.0.1:3001"]),
        (&["token", "--role", "manager", "--sub", ""], ["--sub", "a value is required"]),
    ] {
        let output = run("garage", asked, &[SECRET]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            !output.status.success() && named.iter().all(|word| said.contains(word)),
            "{asked:?}: {said}"
        );
    }
}

#[test]
fn the_demo_ends_as_it_must() {
    let output = run("garage", &["demo"], &[]);
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{printed}{}", String::from_utf8_lossy(&output.stderr));
    assert!(printed.trim_end().ends_with("13 sagas, 13 ended as they must."), "{printed}");
}

#[test]
fn the_doctor_says_what_to_do() {
    let output = run(
        "garage",
        &["doctor"],
        &[
            MONGODB,
            BROKER,
            ("DATABASE_HOST", "127.0.0.1"),
            ("DATABASE_PORT", "1"),
            ("DATABASE_USER", "postgres"),
        ],
    );
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{printed}");
    for ill in [
        "✗ os database",
        "✗ execution database",
        "✗ billing database",
        "✗ broker, as os-service",
        "✓ payment gateway",
    ] {
        assert!(printed.contains(ill), "{ill}: {printed}");
    }
}

/// A program at work, until the test ends.
struct AtWork(Child);

impl AtWork {
    /// Starts it and waits until it listens on this port.
    fn start(program: &str, arguments: &[&str], environment: &[(&str, &str)], port: &str) -> Self {
        let mut command = Command::new(built(program));
        command.args(arguments).env_clear().envs(environment.iter().copied());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = Self(command.spawn().expect("a program starts"));
        let deadline = Instant::now() + Duration::from_secs(60);
        while TcpStream::connect(format!("127.0.0.1:{port}")).is_err() {
            assert_eq!(child.0.try_wait().expect("a child"), None, "{program} has ended");
            assert!(Instant::now() < deadline, "{program} never listens");
            yield_now();
        }
        child
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

const TOKEN: (&str, &str) = ("MERCADOPAGO_ACCESS_TOKEN", "TEST-of-the-shop");

#[test]
fn the_sandbox_gateway_names_what_it_needs() {
    let said = complaint("garage-sandbox-gateway", &[], &[]);
    assert!(said.contains("MERCADOPAGO_ACCESS_TOKEN is not set"), "{said}");
    let said = complaint("garage-sandbox-gateway", &[], &[TOKEN, ("SANDBOX_FAULTS", "lunch=1")]);
    assert!(said.contains("SANDBOX_FAULTS must be a list such as answer-lost=20"), "{said}");
}

/// Two variables more than the provider needs: where it is, and that it may tell.
#[test]
fn garage_up_does_whole_sagas_with_the_provider_s_interface_and_the_doctor_finds_it_well() {
    let folder = tempfile::tempdir().unwrap();
    let (book, data) = (format!("sqlite:{}/book.db", folder.path().display()), folder.path().join("data"));
    let [os, billing, execution, gateway] = [(); 4].map(|()| free_port().to_string());
    let urls = [&os, &billing, &execution].map(|port| format!("http://127.0.0.1:{port}"));
    let (base, tells) = (format!("http://127.0.0.1:{gateway}"), format!("{}/webhooks/mercado-pago", urls[1]));
    let webhooks = ("MERCADOPAGO_WEBHOOK_SECRET", "the dashboard's secret");
    let sandbox = [
        TOKEN,
        webhooks,
        ("PORT", &gateway),
        ("SANDBOX_DATABASE_URL", &book),
        ("SANDBOX_WEBHOOK_URL", &tells),
    ];
    let _sandbox = AtWork::start("garage-sandbox-gateway", &[], &sandbox, &gateway);

    let data = data.to_str().unwrap();
    let provider = [("PAYMENT_GATEWAY", "mercado-pago"), TOKEN, ("MERCADOPAGO_BASE_URL", &base), webhooks];
    let ports = ["--os-port", &os, "--billing-port", &billing, "--execution-port", &execution];
    let up = [&["up", "--data-dir", data][..], &ports].concat();
    let _garage = AtWork::start("garage", &up, &provider, &execution);

    let demo = ["demo", "--os", &urls[0], "--billing", &urls[1], "--execution", &urls[2], "--data-dir", data];
    let output = run("garage", &demo, &[]);
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(printed.trim_end().ends_with("13 sagas, 13 ended as they must."), "{printed}");

    let nowhere = folder.path().join("nowhere");
    let doctor = ["doctor", "--data-dir", nowhere.to_str().unwrap()];
    let printed = String::from_utf8(run("garage", &doctor, &provider).stdout).unwrap();
    assert!(printed.contains("✓ payment gateway: Mercado Pago answers"), "{printed}");
    assert!(printed.contains("takes every method") && printed.contains("nobody was charged"), "{printed}");
    let stranger = [provider[0], ("MERCADOPAGO_ACCESS_TOKEN", "TEST-of-another"), provider[2]];
    let output = run("garage", &doctor, &stranger);
    let printed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{printed}");
    assert!(
        printed.contains("✗ payment gateway") && printed.contains("check MERCADOPAGO_ACCESS_TOKEN"),
        "{printed}"
    );
    assert!(!printed.contains("TEST-of-another"), "{printed}");
}
