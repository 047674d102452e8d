//! The provider's door: it tells that something became of a payment, and not what. Whoever is believed makes us ask,
//! and the answer is learned as any other; an early one, a late one and a second one therefore do no harm. What could
//! not be asked is not acknowledged, so that the provider tells it again.

use std::time::Duration;

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
};
use garage_kit::http::{Answer, Fields, FromFields, Problem, Query, RawBody, read};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Notification, replays::Replays};
use crate::{
    cashier::{Cashier, Looked},
    http::PATIENCE,
};

/// When the provider shall try again if we could not ask.
const LATER: Duration = Duration::from_secs(60);

/// What the door works with.
#[derive(Clone)]
pub(crate) struct Doorbell {
    cashier: Cashier,
    secret: Option<SecretString>,
    replays: Replays,
}

impl Doorbell {
    /// Believes what `secret` has signed; nobody without one.
    pub(crate) fn new(cashier: Cashier, secret: Option<SecretString>) -> Self {
        Self { cashier, secret, replays: Replays::default() }
    }

    /// Who does not sign is told no more than that.
    fn verify(&self, notification: &Notification<'_>) -> Result<(), Problem> {
        let secret = self.secret.as_ref().ok_or_else(|| {
            let detail = "webhooks are not taken here: MERCADOPAGO_WEBHOOK_SECRET is not set";
            Problem::new(StatusCode::UNAUTHORIZED, "webhooks_not_configured", detail)
        })?;
        let now = self.cashier.shell().clock.now();
        let believed = notification.verify(secret.expose_secret().as_bytes(), now);
        believed.map_err(|distrust| {
            let (data_id, request_id) = (notification.data_id, notification.request_id);
            tracing::warn!(%distrust, ?data_id, ?request_id, "a webhook was not believed");
            Problem::new(StatusCode::UNAUTHORIZED, "webhook_not_believed", distrust.to_string())
        })
    }
}

pub(crate) fn routes(doorbell: Doorbell) -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(mercado_pago)).with_state(doorbell)
}

/// What the query tells. Other parameters are the provider's business.
struct Told {
    data_id: Option<String>,
    topic: Option<String>,
}

impl FromFields for Told {
    fn from_fields(fields: &mut Fields<'_>) -> Answer<Self> {
        let data_id = fields.optional("data.id", read::text(1..=100));
        let topic = fields.optional("type", read::text(1..=100));
        Ok(Self { data_id: data_id?, topic: topic? })
    }
}

/// Mercado Pago tells that something became of a payment.
///
/// It must be signed with the secret of the provider's dashboard (`MERCADOPAGO_WEBHOOK_SECRET`), and is only a hint:
/// the payment is read at the provider, and what is read is learned. 200 also for what is none of ours and for topics
/// other than `payment`; 503 when the provider did not answer the question, so that it tells us again.
#[utoipa::path(post, path = "/webhooks/mercado-pago", tag = "payments", operation_id = "hear_mercado_pago", security(()),
    request_body(content = Option<Object>, description = "The notification; nothing in it is believed", content_type = "application/json"),
    params(
        ("data.id" = Option<String>, Query, description = "The payment's id at the provider"),
        ("type" = Option<String>, Query, description = "`payment`; anything else is acknowledged and left alone"),
        ("x-signature" = Option<String>, Header, description = "`ts=<number>,v1=<64 hexadecimal digits>`"),
        ("x-request-id" = Option<String>, Header, description = "The provider's id of the call, which is signed too"),
    ),
    responses((status = 200, description = "Taken"), Problem))]
async fn mercado_pago(
    State(doorbell): State<Doorbell>,
    Query(told): Query<Told>,
    headers: HeaderMap,
    RawBody(body): RawBody,
) -> Result<StatusCode, Problem> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let (request_id, signature) = (header("x-request-id"), header("x-signature"));
    let notification = Notification { data_id: told.data_id.as_deref(), request_id, signature };
    doorbell.verify(&notification)?;
    let topic = told.topic.or(topic(&body)?);
    let (Some(payment), Some("payment")) = (notification.data_id, topic.as_deref()) else {
        tracing::info!(?topic, "a webhook about something else was left alone");
        return Ok(StatusCode::OK);
    };
    let seal = notification.seal().unwrap_or_default();
    if doorbell.replays.know(&seal) {
        return Ok(StatusCode::OK);
    }
    match doorbell.cashier.look_at(payment, PATIENCE).await? {
        Looked::Learned => {}
        Looked::Nobodys => tracing::info!(payment, "a webhook told of a payment that is none of ours"),
        Looked::Unanswered => return Err(Problem::unavailable(LATER)),
    }
    doorbell.replays.remember(&seal);
    Ok(StatusCode::OK)
}

/// What the body says that it is about, if there is one.
fn topic(body: &[u8]) -> Result<Option<String>, Problem> {
    if body.is_empty() {
        return Ok(None);
    }
    let told: Value = serde_json::from_slice(body)
        .map_err(|cause| Problem::malformed(format!("the body is not valid JSON: {cause}")))?;
    Ok(told["type"].as_str().map(ToOwned::to_owned))
}
