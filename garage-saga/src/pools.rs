//! The store's connections, for Prometheus, by OpenTelemetry's names for them. They are read when somebody asks, as what
//! is interesting of a pool is gone in a moment.

use std::{fmt, sync::Arc};

use garage_kit::store::{Store, pool::Pool};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{MetricType, gauge::ConstGauge},
    registry::Registry,
};

struct Pools(Arc<dyn Store>);

impl fmt::Debug for Pools {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pools").field(&self.0.pools()).finish()
    }
}

/// Has `registry` tell of this store's pools.
pub(crate) fn register(registry: &mut Registry, store: Arc<dyn Store>) {
    registry.register_collector(Box::new(Pools(store)));
}

/// A label `state`, where there is one, and what it counts.
type Counts = fn(&Pool) -> Vec<(Option<&'static str>, u32)>;

const GAUGES: [(&str, &str, Counts); 3] = [
    ("db_client_connection_count", "Connections to the database that are open, by what they do", |pool| {
        vec![(Some("idle"), pool.idle), (Some("used"), pool.used)]
    }),
    ("db_client_connection_max", "So many connections to the database may be open", |pool| {
        vec![(None, pool.most)]
    }),
    (
        "db_client_connection_pending_requests",
        "Callers that want a connection to the database and have none yet",
        |pool| vec![(None, pool.waiting)],
    ),
];

impl Collector for Pools {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let pools = self.0.pools();
        for (name, help, counts) in GAUGES {
            let mut gauge = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for pool in &pools {
                for (state, count) in counts(pool) {
                    let labels: Vec<_> = [("pool", pool.name)]
                        .into_iter()
                        .chain(state.map(|state| ("state", state)))
                        .collect();
                    ConstGauge::new(i64::from(count)).encode(gauge.encode_family(&labels)?)?;
                }
            }
        }
        Ok(())
    }
}
