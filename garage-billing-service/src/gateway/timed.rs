//! How long the gateway takes and how it answers, for Prometheus: around whichever gateway there is.

use std::{sync::Arc, time::Instant};

use async_trait::async_trait;
use garage_events::{Cents, PaymentId};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{family::Family, histogram::Histogram},
    registry::{Registry, Unit},
};

use super::{Charge, Charged, Gateway, GatewayError, Lack, Refunded};

/// In seconds, up to the gateway's own patience.
const BUCKETS: [f64; 10] = [0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    operation: &'static str,
    outcome: &'static str,
}

/// A gateway whose calls are timed.
pub struct Timed {
    gateway: Arc<dyn Gateway>,
    durations: Family<Labels, Histogram, fn() -> Histogram>,
}

impl Timed {
    /// Times `gateway` as `garage_gateway_request_duration_seconds`.
    #[must_use]
    pub fn around(gateway: Arc<dyn Gateway>, registry: &mut Registry) -> Self {
        let durations: Family<Labels, Histogram, fn() -> Histogram> =
            Family::new_with_constructor((|| Histogram::new(BUCKETS)) as fn() -> Histogram);
        registry.register_with_unit(
            "garage_gateway_request_duration",
            "How long the payment gateway took, by what it was asked and whether it answered",
            Unit::Seconds,
            durations.clone(),
        );
        Self { gateway, durations }
    }

    async fn timed<T>(
        &self,
        operation: &'static str,
        call: impl Future<Output = Result<T, GatewayError>> + Send,
    ) -> Result<T, GatewayError> {
        let begun = Instant::now();
        let answer = call.await;
        let outcome = match &answer {
            Ok(_) => "answered",
            Err(GatewayError::Refused(_)) => "refused",
            Err(GatewayError::Unknown(_)) => "unknown",
        };
        let took = begun.elapsed().as_secs_f64();
        self.durations.get_or_create(&Labels { operation, outcome }).observe(took);
        answer
    }
}

#[async_trait]
impl Gateway for Timed {
    fn lacks(&self, charge: &Charge) -> Vec<Lack> {
        self.gateway.lacks(charge)
    }

    async fn create(&self, charge: &Charge) -> Result<Charged, GatewayError> {
        self.timed("create", self.gateway.create(charge)).await
    }

    async fn read(&self, gateway_id: &str) -> Result<Option<Charged>, GatewayError> {
        self.timed("read", self.gateway.read(gateway_id)).await
    }

    async fn search(&self, reference: PaymentId) -> Result<Option<Charged>, GatewayError> {
        self.timed("search", self.gateway.search(reference)).await
    }

    async fn cancel(&self, gateway_id: &str, key: &str) -> Result<Charged, GatewayError> {
        self.timed("cancel", self.gateway.cancel(gateway_id, key)).await
    }

    async fn refund(&self, gateway_id: &str, amount: Cents, key: &str) -> Result<Refunded, GatewayError> {
        self.timed("refund", self.gateway.refund(gateway_id, amount, key)).await
    }

    async fn check(&self) -> Result<(), GatewayError> {
        self.timed("check", self.gateway.check()).await
    }
}
