//! Mercado Pago's Payments API (its developer site: Create payment, Payment status, Refunds and
//! cancellations). It translates and decides one thing: whether an answer is a word to act on or a doubt. It
//! never repeats a call, and remembers nothing but that the provider wants to be left alone for a while; a doubt is asked
//! again by the cashier, with the same key.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use garage_events::{Cents, PaymentId, PaymentMethod};
use garage_kit::{Failure, clock::Clock, crash};
use reqwest::{
    Client, Method, RequestBuilder, Response, StatusCode, Url,
    header::{AUTHORIZATION, HeaderMap, HeaderValue, RETRY_AFTER},
    redirect, retry,
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::{Charge, Charged, Gateway, GatewayError, Lack, Refunded};

mod answer;
mod request;
mod response;

use answer::Answer;

/// What an answer to a charge amounts to.
///
/// # Errors
/// The provider's no, or a doubt: whatever else it says.
pub fn charged(status: StatusCode, body: &str) -> Result<Charged, GatewayError> {
    Answer { status, body: body.to_owned() }.payment()
}

/// What an answer to a search says of the payment with this reference.
///
/// # Errors
/// As [`charged`].
pub fn found(status: StatusCode, body: &str, reference: &str) -> Result<Option<Charged>, GatewayError> {
    Answer { status, body: body.to_owned() }.found(reference)
}

/// How long one call may take. The provider's own clients wait a minute; a customer at the counter does not,
/// and the reconciler asks again.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// However long the provider wants to be left alone, somebody looks after this time.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// As long as the address of a notification may be (Create payment; error 4021 says 500).
const LONGEST_URL: usize = 248;

/// Repeating a call with the same key repeats no effect.
const KEY: &str = "X-Idempotency-Key";
/// While the PIX network is in contingency a refund is then accepted as `in_process` instead of refused.
const RENDER_IN_PROCESS: &str = "X-Render-In-Process-Refunds";

/// The provider, spoken to with one seller's access token.
#[derive(Clone)]
pub struct MercadoPago {
    http: Client,
    base: Url,
    access_token: SecretString,
    notification_url: Option<Url>,
    /// Until when the provider wants to be left alone.
    busy: Arc<Mutex<Option<Instant>>>,
}

impl MercadoPago {
    /// The provider at `base` (`https://api.mercadopago.com`), as the seller whose token this is.
    ///
    /// # Errors
    /// When the address or the token cannot be used in a request.
    pub fn new(base: Url, access_token: SecretString, deadline: Duration) -> Result<Self, Failure> {
        const PREPARING: &str = "preparing calls to Mercado Pago";
        if base.cannot_be_a_base() || access_token.expose_secret().is_empty() {
            return Err(Failure::lasting(PREPARING, "the address or the access token is empty"));
        }
        let headers = credentials(&access_token).map_err(|cause| Failure::lasting(PREPARING, cause))?;
        let builder = Client::builder()
            .default_headers(headers)
            .timeout(deadline)
            .redirect(redirect::Policy::none())
            .retry(retry::never());
        // A proxy of the environment is for the world outside, not for a sandbox on this machine.
        let builder = if is_loopback(&base) { builder.no_proxy() } else { builder };
        let http = builder.build().map_err(|cause| Failure::lasting(PREPARING, cause))?;
        Ok(Self { http, base, access_token, notification_url: None, busy: Arc::default() })
    }

    /// The same, with where the provider shall tell what becomes of each payment; its dashboard's address otherwise.
    ///
    /// # Errors
    /// When the provider would not take such an address.
    pub fn notifying(self, url: Url) -> Result<Self, &'static str> {
        let mut url = url;
        // Or else it would tell in its old, unsigned way.
        url.query_pairs_mut().append_pair("source_news", "webhooks");
        if url.as_str().len() > LONGEST_URL {
            return Err("must have at most 230 characters");
        }
        Ok(Self { notification_url: Some(url), ..self })
    }

    /// By which methods this account can be paid.
    ///
    /// # Errors
    /// The provider's no, or a doubt.
    pub async fn methods(&self) -> Result<Vec<PaymentMethod>, GatewayError> {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(["v1", "payment_methods"]);
        }
        self.ask(self.http.get(url)).await?.methods()
    }

    /// A call to `/v1/payments` and what follows it. Ids are path segments, whatever they contain.
    fn payments(&self, method: Method, path: &[&str]) -> RequestBuilder {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(["v1", "payments"]).extend(path);
        }
        self.http.request(method, url)
    }

    /// The answer, whatever it says, without our token in it: error texts end in logs and in answers. While the provider
    /// wants to be left alone it is, and then a call was not made: that too is not known to have been refused.
    async fn ask(&self, request: RequestBuilder) -> Result<Answer, GatewayError> {
        let until = *self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        if until.is_some_and(|until| Instant::now() < until) {
            return Err(GatewayError::Unknown("the provider wants to be left alone for a while".to_owned()));
        }
        let response = crash::during("gateway-asked", request.send()).await.map_err(lost)?;
        let status = response.status();
        if let Some(pause) = retry_after(&response) {
            *self.busy.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + pause);
        }
        let body = response.bytes().await.map_err(lost)?;
        let body =
            String::from_utf8_lossy(&body).replace(self.access_token.expose_secret(), "[access token]");
        Ok(Answer { status, body })
    }

    /// The provider says that it had this charge before and shows no payment. That is no refusal: the
    /// payment is there or on its way.
    async fn made_before(&self, reference: PaymentId) -> Result<Charged, GatewayError> {
        match self.search(reference).await {
            Ok(Some(charged)) => Ok(charged),
            Ok(None) => {
                Err(GatewayError::Unknown("it had this charge before and does not show it yet".to_owned()))
            }
            Err(GatewayError::Refused(why) | GatewayError::Unknown(why)) => Err(GatewayError::Unknown(why)),
        }
    }

    /// How a refund that was accepted stands now. The answer to its creation is repeated as it was then, so
    /// only reading it ever shows the end.
    async fn accepted(&self, gateway_id: &str, refund_id: &str) -> Result<Refunded, GatewayError> {
        match self.ask(self.payments(Method::GET, &[gateway_id, "refunds", refund_id])).await {
            Ok(answer) if answer.status.is_success() => answer.refund().and_then(standing),
            Ok(_) | Err(_) => Ok(Refunded::Pending),
        }
    }
}

#[async_trait]
impl Gateway for MercadoPago {
    fn lacks(&self, charge: &Charge) -> Vec<Lack> {
        request::lacks(charge)
    }

    async fn create(&self, charge: &Charge) -> Result<Charged, GatewayError> {
        let payment = request::NewPayment::of(charge, self.notification_url.as_ref()).map_err(lacking)?;
        let key = if crash::planted("no-idempotency-key") {
            Clock::system().event_id().to_string()
        } else {
            charge.reference.to_string()
        };
        let request = self.payments(Method::POST, &[]).header(KEY, key).json(&payment);
        let answer = self.ask(request).await?;
        if answer.tells_of_a_repeat() { self.made_before(charge.reference).await } else { answer.payment() }
    }

    async fn read(&self, gateway_id: &str) -> Result<Option<Charged>, GatewayError> {
        let answer = self.ask(self.payments(Method::GET, &[gateway_id])).await?;
        if answer.tells_of_nothing() { Ok(None) } else { answer.payment().map(Some) }
    }

    async fn search(&self, reference: PaymentId) -> Result<Option<Charged>, GatewayError> {
        let reference = reference.to_string();
        let request = self.payments(Method::GET, &["search"]).query(&[("external_reference", &reference)]);
        self.ask(request).await?.found(&reference)
    }

    async fn cancel(&self, gateway_id: &str, key: &str) -> Result<Charged, GatewayError> {
        let request =
            self.payments(Method::PUT, &[gateway_id]).header(KEY, key).json(&json!({"status": "cancelled"}));
        self.ask(request).await?.payment()
    }

    /// The amount is always said, so that the provider can never give back more than we know of.
    async fn refund(&self, gateway_id: &str, amount: Cents, key: &str) -> Result<Refunded, GatewayError> {
        let request = self
            .payments(Method::POST, &[gateway_id, "refunds"])
            .header(KEY, key)
            .header(RENDER_IN_PROCESS, "true")
            .json(&json!({"amount": amount}));
        let refund = self.ask(request).await?.refund()?;
        let id = refund.id().to_owned();
        match standing(refund)? {
            Refunded::Pending => self.accepted(gateway_id, &id).await,
            ended @ (Refunded::Done(_) | Refunded::Rejected(_)) => Ok(ended),
        }
    }

    async fn check(&self) -> Result<(), GatewayError> {
        let request = self.payments(Method::GET, &["search"]).query(&[("limit", "1")]);
        self.ask(request).await?.body().map(drop)
    }
}

/// Where a refund stands that the provider has made. One that says no is there and has ended, which is more than a call
/// that was refused.
fn standing(refund: response::Refund) -> Result<Refunded, GatewayError> {
    match refund.standing() {
        Err(GatewayError::Refused(why)) => Ok(Refunded::Rejected(why)),
        other => other,
    }
}

/// Too many calls, or maintenance, and for how long; an answer that says no time is asked again at our own pace.
fn retry_after(response: &Response) -> Option<Duration> {
    let pauses = [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE];
    let told = response.headers().get(RETRY_AFTER).filter(|_| pauses.contains(&response.status()))?;
    let seconds: u64 = told.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_PAUSE))
}

fn lacking(lacks: Vec<Lack>) -> GatewayError {
    let told: Vec<String> = lacks.iter().map(|lack| format!("{} {}", lack.field, lack.wanted)).collect();
    GatewayError::Refused(told.join("; "))
}

fn credentials(access_token: &SecretString) -> Result<HeaderMap, reqwest::header::InvalidHeaderValue> {
    let mut authorization = HeaderValue::from_str(&format!("Bearer {}", access_token.expose_secret()))?;
    authorization.set_sensitive(true);
    Ok(HeaderMap::from_iter([(AUTHORIZATION, authorization)]))
}

fn is_loopback(base: &Url) -> bool {
    let is_address =
        |host: &str| host.trim_matches(['[', ']']).parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
    base.host_str().is_some_and(|host| host == "localhost" || is_address(host))
}

/// The call broke on its way there or back; nobody can tell which.
fn lost(cause: reqwest::Error) -> GatewayError {
    GatewayError::Unknown(format!("{:#}", anyhow::Error::from(cause.without_url())))
}
