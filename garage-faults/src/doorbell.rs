//! The way of the gateway's notifications to Billing, with a hand on it. By itself it loses them all, so that Billing
//! must ask; a fault has them come at once, late, or many times at both copies. And it can have the gateway keep the
//! answer to a charge until Billing has taken the notification of it: then the notification is early.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::Result;
use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode, Uri},
    middleware::Next,
    response::{IntoResponse, Response},
    routing::post,
};
use futures::future::join_all;
use reqwest::{Client, Url};
use serde_json::Value;
use tokio::{
    net::TcpListener,
    sync::watch,
    time::{sleep, timeout},
};

/// What signs the notifications of a run.
pub const SECRET: &str = "whose notifications Billing believes";

const ROUTE: &str = "/webhooks/mercado-pago";
/// The gateway keeps an answer no longer than this, whatever becomes of its notification.
const KEPT: Duration = Duration::from_secs(2);
/// For one delivery.
const PATIENCE: Duration = Duration::from_secs(20);
/// An answer of the gateway's is not longer.
const LONGEST: usize = 1 << 20;

/// What becomes of a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ring {
    /// It gets lost, and the gateway believes that it was taken.
    Lost,
    /// It comes, so much later; the gateway believes at once that it was taken.
    Late(Duration),
    /// It comes so many times at once, in turn to every copy; the gateway tells it again when one of them was not taken.
    Times(usize),
    /// It comes, and only afterwards the answer to the call that has caused it.
    Early,
}

/// The doorbell; copies are the same.
#[derive(Clone)]
pub struct Doorbell {
    /// Where the gateway rings.
    pub url: Url,
    hand: Arc<Hand>,
}

struct Hand {
    http: Client,
    ring: watch::Sender<Ring>,
    /// Billing's copies.
    doors: watch::Sender<Vec<String>>,
    turn: AtomicUsize,
    /// Ids of payments of which Billing has taken a notification.
    taken: watch::Sender<HashSet<String>>,
    delivered: AtomicUsize,
    lost: AtomicUsize,
    early: AtomicUsize,
}

impl Doorbell {
    /// A bell that the gateway can ring. Nobody hears it until there are doors.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn hang() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let hand = Hand {
            http: Client::builder().no_proxy().timeout(PATIENCE).build()?,
            ring: watch::Sender::new(Ring::Lost),
            doors: watch::Sender::default(),
            turn: AtomicUsize::new(0),
            taken: watch::Sender::default(),
            delivered: AtomicUsize::new(0),
            lost: AtomicUsize::new(0),
            early: AtomicUsize::new(0),
        };
        let url = format!("http://{}{ROUTE}", listener.local_addr()?).parse()?;
        let doorbell = Self { url, hand: Arc::new(hand) };
        let router = Router::new().route(ROUTE, post(rung)).with_state(doorbell.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(doorbell)
    }

    /// It leads to these copies of Billing.
    pub fn lead_to(&self, doors: Vec<String>) {
        self.hand.doors.send_replace(doors);
    }

    /// From now on notifications come like this.
    pub fn set(&self, ring: Ring) {
        self.hand.ring.send_replace(ring);
    }

    /// How many notifications Billing has taken so far.
    #[must_use]
    pub fn delivered(&self) -> usize {
        self.hand.delivered.load(Ordering::Relaxed)
    }

    /// How many got lost.
    #[must_use]
    pub fn lost(&self) -> usize {
        self.hand.lost.load(Ordering::Relaxed)
    }

    /// How many charges were answered only after Billing had taken the notification of them.
    #[must_use]
    pub fn early(&self) -> usize {
        self.hand.early.load(Ordering::Relaxed)
    }

    /// To the next copy.
    async fn deliver(&self, notification: &Notification) -> StatusCode {
        let doors = self.hand.doors.borrow().clone();
        let turn = self.hand.turn.fetch_add(1, Ordering::Relaxed);
        let Some(door) = doors.get(turn % doors.len().max(1)) else { return StatusCode::BAD_GATEWAY };
        let call = self.hand.http.post(format!("{door}{}", notification.path));
        let call = call.headers(notification.headers.clone()).body(notification.body.clone());
        let status = match call.send().await {
            Ok(answer) => answer.status(),
            Err(_) => StatusCode::BAD_GATEWAY,
        };
        if status.is_success() {
            self.hand.delivered.fetch_add(1, Ordering::Relaxed);
            self.hand.taken.send_if_modified(|taken| taken.insert(notification.payment.clone()));
        }
        status
    }

    /// Waits until Billing has taken a notification of this payment; whether it has.
    async fn is_taken(&self, payment: &str) -> bool {
        let mut taken = self.hand.taken.subscribe();
        timeout(KEPT, taken.wait_for(|taken| taken.contains(payment))).await.is_ok_and(|taken| taken.is_ok())
    }
}

/// As the gateway told it.
#[derive(Clone)]
struct Notification {
    payment: String,
    path: String,
    headers: HeaderMap,
    body: Bytes,
}

async fn rung(State(doorbell): State<Doorbell>, uri: Uri, mut headers: HeaderMap, body: Bytes) -> StatusCode {
    // They belong to one connection.
    for own in ["host", "content-length"] {
        headers.remove(own);
    }
    let told: Value = serde_json::from_slice(&body).unwrap_or_default();
    let payment = told["data"]["id"].as_str().unwrap_or_default().to_owned();
    let notification = Notification { payment, path: uri.to_string(), headers, body };
    let ring = *doorbell.hand.ring.borrow();
    match ring {
        Ring::Lost => {
            doorbell.hand.lost.fetch_add(1, Ordering::Relaxed);
            StatusCode::OK
        }
        Ring::Late(pause) => {
            tokio::spawn(async move {
                sleep(pause).await;
                doorbell.deliver(&notification).await
            });
            StatusCode::OK
        }
        Ring::Times(times) => {
            let answers = join_all((0..times).map(|_| doorbell.deliver(&notification))).await;
            answers.into_iter().find(|status| !status.is_success()).unwrap_or(StatusCode::OK)
        }
        Ring::Early => doorbell.deliver(&notification).await,
    }
}

/// Stands before the gateway's routes and keeps back what must come second.
pub(crate) async fn keep_back(State(doorbell): State<Doorbell>, request: Request, next: Next) -> Response {
    let is_charge = request.method() == Method::POST && request.uri().path() == "/v1/payments";
    let answer = next.run(request).await;
    if !is_charge || *doorbell.hand.ring.borrow() != Ring::Early {
        return answer;
    }
    let (head, body) = answer.into_parts();
    let Ok(body) = to_bytes(body, LONGEST).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let told: Value = serde_json::from_slice(&body).unwrap_or_default();
    if doorbell.is_taken(&told["id"].to_string()).await {
        doorbell.hand.early.fetch_add(1, Ordering::Relaxed);
    }
    Response::from_parts(head, Body::from(body))
}
