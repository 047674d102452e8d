//! Bodies of every operation that takes one, by the services' own documents. The first byte chooses the operation, the rest
//! is the body. Whatever comes: an answer, no failure of ours, and a refusal has the one shape of problems and names the
//! fields that are wrong.

use std::sync::OnceLock;

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Method, Request, StatusCode, header},
};
use chrono::{DateTime, TimeDelta};
use garage_events::Service;
use garage_kit::{
    auth::{Grant, Verifier, sign},
    bus::local::LocalBus,
    clock::Clock,
    program::Env,
};
use garage_saga::{Parts, Running, topology_of};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tower::ServiceExt;

const SECRET: &str = "a secret that only fuzzing knows";
const NIL: &str = "01890000-0000-7000-8000-000000000000";

struct World {
    runtime: Runtime,
    operations: Vec<(Router, Method, String)>,
    token: String,
    _running: Vec<Running>,
    _folder: TempDir,
}

static WORLD: OnceLock<World> = OnceLock::new();

pub fn check(data: &[u8]) {
    let [choice, body @ ..] = data else { return };
    let world = WORLD.get_or_init(World::open);
    let (router, method, path) = &world.operations[usize::from(*choice) % world.operations.len()];
    let (status, answer) = world.runtime.block_on(ask(router, world.request(method, path, body)));
    let told = || format!("{method} {path}: {status} {answer}");
    assert!(!status.is_server_error(), "{}", told());
    if status.is_success() {
        return;
    }
    assert_eq!(answer["status"], status.as_u16(), "{}", told());
    assert!(
        answer["title"].is_string() && answer["detail"].is_string() && answer["code"].is_string(),
        "{}",
        told()
    );
    let errors = answer["errors"].as_array().cloned().unwrap_or_default();
    assert_eq!(answer["code"] == "validation_failed", !errors.is_empty(), "{}", told());
    for error in errors {
        let says =
            |name: &str| error[name].as_str().is_some_and(|text| !text.is_empty() && text.len() < 4000);
        assert!(says("detail") && error["field"].is_string(), "{}", told());
    }
}

async fn ask(router: &Router, request: Request<Body>) -> (StatusCode, Value) {
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, serde_json::from_slice(&bytes).unwrap_or_default())
}

impl World {
    fn open() -> Self {
        let runtime = Runtime::new().unwrap();
        let folder = TempDir::new().unwrap();
        let clock = Clock::manual(DateTime::from_timestamp(1_770_000_000, 0).unwrap());
        let (services, running) = runtime.block_on(open(&folder, &clock));
        let operations = runtime.block_on(operations(&services));
        let grant = Grant::new("fuzz", &["attendant", "technician", "manager"], TimeDelta::days(1));
        let token = sign(&SECRET.to_owned().into(), &grant, &clock).unwrap();
        Self { runtime, operations, token, _running: running, _folder: folder }
    }

    fn request(&self, method: &Method, path: &str, body: &[u8]) -> Request<Body> {
        Request::builder()
            .method(method)
            .uri(path)
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
            .header(header::CONTENT_TYPE, "application/json")
            .body(body.to_vec().into())
            .unwrap()
    }
}

async fn open(folder: &TempDir, clock: &Clock) -> ([Router; 3], Vec<Running>) {
    let url = |name: &str| format!("sqlite:{}", folder.path().join(name).display());
    let os = garage_os_service::connect(&url("os")).await.unwrap();
    let billing = garage_billing_service::connect(&url("billing")).await.unwrap();
    let execution = garage_execution_service::connect(&url("execution")).await.unwrap();
    let bus = LocalBus::with_clock(clock.clone());
    let parts = |service, store: std::sync::Arc<dyn garage_kit::store::Store>| Parts {
        bus: bus.member(topology_of(service).unwrap(), store.clone()),
        store,
        clock: clock.clone(),
        verifier: Verifier::new(clock.clone()).secret(&SECRET.to_owned().into()).unwrap(),
    };
    let settings = garage_billing_service::Settings::from_env(&Env::fixed(&[]), true).unwrap();
    let (os, first) = garage_os_service::open(parts(Service::Os, os));
    let (billing, second) = garage_billing_service::open(parts(Service::Billing, billing), settings);
    let (execution, third) = garage_execution_service::open(parts(Service::Execution, execution));
    ([os, billing, execution], vec![first, second, third])
}

/// Every operation that takes a body, on a thing that is not there.
async fn operations(services: &[Router; 3]) -> Vec<(Router, Method, String)> {
    let mut all = Vec::new();
    for router in services {
        let request = Request::get("/openapi.json").body(Body::empty()).unwrap();
        let (_, document) = ask(router, request).await;
        for (path, methods) in document["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                if operation["requestBody"] != json!(null) {
                    let method: Method = method.to_uppercase().parse().unwrap();
                    all.push((router.clone(), method, path.replace("{id}", NIL)));
                }
            }
        }
    }
    all
}
