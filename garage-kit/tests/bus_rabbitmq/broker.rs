//! The broker under test and its operator: what a test declares, asks and breaks goes through the management
//! API.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot ask its broker must stop, and say why"
)]

use std::{env, sync::Arc, time::Duration};

use async_trait::async_trait;
use garage_kit::{
    bus::{Bus, Topology, rabbitmq::RabbitMq},
    clock::Clock,
    testing::bus::{Place, until},
};
use reqwest::{Client, Method, StatusCode, Url};
use serde_json::{Value, json};

/// A broker with its management plugin.
#[derive(Clone)]
pub(crate) struct Broker {
    pub(crate) url: String,
    management: String,
    client: Client,
}

/// The broker that the environment names.
pub(crate) fn broker() -> Broker {
    let variable = |name: &str| {
        env::var(name).unwrap_or_else(|_| {
            panic!("{name} is not set: run `cargo xtask test`, it starts private servers")
        })
    };
    Broker {
        url: variable("GARAGE_TEST_RABBITMQ_URL"),
        management: without_user(&variable("GARAGE_TEST_RABBITMQ_MANAGEMENT_URL")),
        client: Client::builder().timeout(Duration::from_secs(30)).build().unwrap(),
    }
}

/// A member that reaches the broker at `url`.
pub(crate) fn member(url: &str, topology: Topology) -> Arc<dyn Bus> {
    RabbitMq::connect(url, topology, Clock::system()).unwrap()
}

impl Broker {
    /// Host and port, for a proxy.
    pub(crate) fn address(&self) -> String {
        let url = self.parsed();
        format!("{}:{}", url.host_str().unwrap(), url.port().unwrap_or(5672))
    }

    /// The same user at another address.
    pub(crate) fn url_by_way_of(&self, address: &str) -> String {
        let (mut url, (host, port)) = (self.parsed(), address.rsplit_once(':').unwrap());
        url.set_host(Some(host)).unwrap();
        url.set_port(port.parse().ok()).unwrap();
        url.into()
    }

    /// The same address with another password.
    pub(crate) fn url_with_password(&self, password: &str) -> String {
        let mut url = self.parsed();
        url.set_password(Some(password)).unwrap();
        url.into()
    }

    fn parsed(&self) -> Url {
        self.url.parse().unwrap()
    }

    pub(crate) async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Option<Value> {
        let (url, user) = (format!("{}{path}", self.management), self.parsed());
        let request = self.client.request(method, url).basic_auth(user.username(), user.password());
        let mut request = request.header("content-type", "application/json");
        if let Some(body) = body {
            request = request.body(body.to_string());
        }
        let response = request.send().await.unwrap();
        // A queue that is just being declared or deleted is a bad request.
        if [StatusCode::NOT_FOUND, StatusCode::BAD_REQUEST].contains(&response.status()) {
            return None;
        }
        assert!(response.status().is_success(), "{path}: {}", response.status());
        let text = response.text().await.unwrap();
        Some(if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() })
    }

    pub(crate) async fn get(&self, path: &str) -> Option<Value> {
        self.ask(Method::GET, path, None).await
    }

    /// A queue as the broker saw it within the last seconds.
    pub(crate) async fn queue(&self, name: &str) -> Option<Value> {
        self.get(&format!("/api/queues/%2F/{name}")).await
    }

    pub(crate) async fn delete_queue(&self, name: &str) {
        self.ask(Method::DELETE, &format!("/api/queues/%2F/{name}"), None).await;
    }

    /// The connections of a service, by the names that the broker gave them.
    pub(crate) async fn connections(&self, service: &str) -> Vec<String> {
        let connections = self.get("/api/connections").await.unwrap();
        let of_service = connections
            .as_array()
            .unwrap()
            .iter()
            .filter(|connection| connection["user_provided_name"] == service);
        of_service.map(|connection| connection["name"].as_str().unwrap().to_owned()).collect()
    }

    /// Closes a service's connection, as an operator does.
    pub(crate) async fn close_connection(&self, service: &str) -> String {
        let name =
            until("the broker lists the connection", async || self.connections(service).await.pop()).await;
        let path = format!("/api/connections/{}", name.replace(' ', "%20").replace('>', "%3E"));
        self.ask(Method::DELETE, &path, None).await;
        name
    }

    /// The prefetch of a queue's consumers, once it has one.
    pub(crate) async fn prefetch(&self, queue: &str) -> Vec<u64> {
        until("the broker lists the consumer", async || {
            let consumers = self.get("/api/consumers/%2F").await?;
            let consumers =
                consumers.as_array()?.iter().filter(|consumer| consumer["queue"]["name"] == queue);
            let prefetch: Vec<u64> =
                consumers.filter_map(|consumer| consumer["prefetch_count"].as_u64()).collect();
            (!prefetch.is_empty()).then_some(prefetch)
        })
        .await
    }

    /// Puts a raw message into a queue.
    pub(crate) async fn put(&self, queue: &str, properties: Value, payload: &str, encoding: &str) {
        let body = json!({
            "properties": properties, "routing_key": queue, "payload": payload, "payload_encoding": encoding
        });
        self.ask(Method::POST, "/api/exchanges/%2F/amq.default/publish", Some(body)).await;
    }

    /// The messages at the head of a queue; they stay there.
    pub(crate) async fn peek(&self, queue: &str) -> Vec<Value> {
        let body = json!({ "count": 100, "ackmode": "ack_requeue_true", "encoding": "auto" });
        let messages = self.ask(Method::POST, &format!("/api/queues/%2F/{queue}/get"), Some(body)).await;
        messages.and_then(|messages| messages.as_array().cloned()).unwrap_or_default()
    }
}

#[async_trait]
impl Place for Broker {
    async fn member(&self, topology: Topology) -> Arc<dyn Bus> {
        member(&self.url, topology)
    }

    async fn resting(&self, queue: &str) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let messages = self.peek(&format!("{queue}.dlq")).await;
        let resting = messages.iter().map(|message| {
            (text(&message["payload"]), text(&message["properties"]["headers"]["x-garage-reason"]))
        });
        resting.collect()
    }

    async fn tidy(&self, topology: &Topology) {
        for queue in &topology.definitions.queues {
            self.delete_queue(&queue.name).await;
        }
        for queue in &topology.consumes {
            for waiting in topology.retries.queues_of(queue) {
                self.delete_queue(&waiting).await;
            }
        }
        for exchange in &topology.definitions.exchanges {
            self.ask(Method::DELETE, &format!("/api/exchanges/%2F/{}", exchange.name), None).await;
        }
    }
}

/// The user goes into a header of its own, and two of them are a bad request.
fn without_user(url: &str) -> String {
    let mut url: Url = url.parse().unwrap();
    url.set_username("").unwrap();
    url.set_password(None).unwrap();
    url.as_str().trim_end_matches('/').to_owned()
}
