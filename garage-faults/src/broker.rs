//! The broker as an operator sees it: what its queues hold, who consumes them, and the levers.

use anyhow::{Context, Result};
use garage_events::topology::{EXCHANGE, QUEUES};
use reqwest::{Client, Method};
use serde_json::{Value, json};

/// The virtual host, as a path segment.
const HOST: &str = "%2F";

/// RabbitMQ's management interface.
#[derive(Clone)]
pub struct Broker {
    base: String,
    http: Client,
}

/// A queue as the broker tells it.
#[derive(Clone, Debug)]
pub struct Queue {
    /// Its name.
    pub name: String,
    /// Messages in it, handed out or not.
    pub messages: u64,
}

impl Broker {
    /// The management interface at `base`.
    #[must_use]
    pub fn new(base: &str, http: Client) -> Self {
        Self { base: base.trim_end_matches('/').to_owned(), http }
    }

    async fn api(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value> {
        let mut request = self.http.request(method.clone(), format!("{}{path}", self.base));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.with_context(|| format!("{method} {path}"))?.error_for_status()?;
        Ok(serde_json::from_str(&answer.text().await?).unwrap_or_default())
    }

    /// All queues of the services, dead letters included.
    ///
    /// # Errors
    /// When the broker is away.
    pub async fn queues(&self) -> Result<Vec<Queue>> {
        let path = format!("/api/queues/{HOST}?columns=name,messages");
        let told = self.api(Method::GET, &path, None).await?;
        let read = |queue: &Value| Queue {
            name: queue["name"].as_str().unwrap_or_default().to_owned(),
            messages: queue["messages"].as_u64().unwrap_or_default(),
        };
        let queues = told.as_array().context("a list of queues")?.iter().map(read);
        Ok(queues.filter(|queue| queue.name != crate::tap::QUEUE).collect())
    }

    /// How many consumers the work queues have, all together, as the broker told it some seconds ago.
    ///
    /// # Errors
    /// When the broker is away.
    pub async fn consumers(&self) -> Result<usize> {
        let told = self.api(Method::GET, &format!("/api/consumers/{HOST}"), None).await?;
        let consumers = told.as_array().context("a list of consumers")?.iter();
        Ok(consumers.filter(|one| QUEUES.iter().any(|queue| one["queue"]["name"] == queue.name)).count())
    }

    /// Publishes raw bytes, as somebody who is no service would.
    ///
    /// # Errors
    /// When the broker is away.
    pub async fn publish(&self, topic: &str, body: &str) -> Result<()> {
        let message =
            json!({ "properties": {}, "routing_key": topic, "payload": body, "payload_encoding": "string" });
        let path = format!("/api/exchanges/{HOST}/{EXCHANGE}/publish");
        self.api(Method::POST, &path, Some(message)).await.map(drop)
    }

    /// Takes up to a thousand messages off a queue, and shows them.
    ///
    /// # Errors
    /// When the broker is away.
    pub async fn take(&self, queue: &str) -> Result<Vec<String>> {
        let wish = json!({ "count": 1000, "ackmode": "ack_requeue_false", "encoding": "auto" });
        let taken = self.api(Method::POST, &format!("/api/queues/{HOST}/{queue}/get"), Some(wish)).await?;
        let body = |message: &Value| message["payload"].as_str().unwrap_or_default().to_owned();
        Ok(taken.as_array().context("a list of messages")?.iter().map(body).collect())
    }

    /// Deletes a queue with what is in it.
    ///
    /// # Errors
    /// When the broker is away.
    pub async fn delete_queue(&self, queue: &str) -> Result<()> {
        self.api(Method::DELETE, &format!("/api/queues/{HOST}/{queue}"), None).await.map(drop)
    }

    /// Ends every connection of the services, as an operator would; the suite's own stays.
    ///
    /// # Errors
    /// When the broker is away.
    pub async fn close_connections(&self) -> Result<usize> {
        let told = self.api(Method::GET, "/api/connections", None).await?;
        let mut closed = 0;
        for connection in told.as_array().context("a list of connections")? {
            let ours =
                connection["user_provided_name"].as_str().is_some_and(|name| name.ends_with("-service"));
            if let (true, Some(name)) = (ours, connection["name"].as_str()) {
                let name = name.replace(' ', "%20").replace('>', "%3E").replace(':', "%3A");
                closed += usize::from(
                    self.api(Method::DELETE, &format!("/api/connections/{name}"), None).await.is_ok(),
                );
            }
        }
        Ok(closed)
    }

    /// Binds every work queue to its event, or takes the bindings away.
    ///
    /// # Errors
    /// When the broker is away.
    pub async fn bind_all(&self, bound: bool) -> Result<()> {
        for queue in QUEUES {
            let path = format!("/api/bindings/{HOST}/e/{EXCHANGE}/q/{}", queue.name);
            if bound {
                let binding = json!({ "routing_key": queue.event_type, "arguments": {} });
                self.api(Method::POST, &path, Some(binding)).await?;
            } else {
                self.api(Method::DELETE, &format!("{path}/{}", queue.event_type), None).await?;
            }
        }
        Ok(())
    }
}
