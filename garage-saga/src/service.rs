//! A service's foundation: its store and bus joined by the outbox, its ear on its queues, its routes in the
//! shell. All three stand on this one; what they put on it is their own. A service listens from the first
//! moment and says what it is waiting for until its database is there.

use std::{
    future::Future,
    io::ErrorKind,
    net::SocketAddr,
    sync::{Arc, OnceLock},
    time::Duration,
};

use axum::{
    Router,
    extract::{Request, State},
    http::StatusCode,
    response::{IntoResponse, Response, Sse},
    routing::get,
};
use garage_events::{Deadlines, Service, WorkOrderId, topology};
use garage_kit::{
    Failure, Repository,
    auth::{ByOrLink, Group, Verifier},
    bus::{Bus, Retries, Topology, backoff::Backoff},
    clock::Clock,
    http::{self, Answer, Fields, FromFields, Problem, Query, Tls, read},
    outbox::Outbox,
    store::{Message, Store},
};
use prometheus_client::registry::Registry;
use tokio::{
    net::TcpListener,
    task::JoinHandle,
    time::{Instant, timeout_at},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    Ear, Listener, Shell, Witness,
    counted::Counted,
    letters::{self, Letters},
    measures::Measures,
    pools,
    roles::{Staff, link_to},
    shown,
    waiting::{Patient, Stuck, watch},
};

/// What a service is started with; URLs have chosen it.
pub struct Parts {
    /// Where its aggregates live.
    pub store: Arc<dyn Store>,
    /// How its events travel.
    pub bus: Arc<dyn Bus>,
    /// Its time.
    pub clock: Clock,
    /// Who believes its callers' tokens.
    pub verifier: Verifier,
}

/// A service's place on the bus, from the one table of `garage-events`.
///
/// # Errors
/// Never for the table as it ships; a test reads it for every service.
pub fn topology_of(service: Service) -> Result<Topology, Failure> {
    let definitions = serde_json::from_value(topology::definitions(service))
        .map_err(|cause| Failure::lasting("reading the topology", cause))?;
    Ok(Topology {
        service: service.to_string(),
        exchange: topology::EXCHANGE.to_owned(),
        dead_letter_exchange: topology::DEAD_LETTER_EXCHANGE.to_owned(),
        consumes: topology::queues_of(service).map(|queue| queue.name.to_owned()).collect(),
        gathers: topology::queues_of(service)
            .filter(|queue| queue.may_gather())
            .map(|queue| queue.name.to_owned())
            .collect(),
        definitions,
        retries: Retries { attempts: topology::ATTEMPTS, delays: topology::RETRY_DELAYS.to_vec() },
    })
}

/// A service under construction.
pub struct Foundation {
    parts: Parts,
    shell: Shell,
    outbox: Outbox,
    metrics: Registry,
    measures: Measures,
    stopping: CancellationToken,
    streams: CancellationToken,
    tasks: TaskTracker,
}

impl Foundation {
    /// Joins store and bus; stored messages begin to leave.
    #[must_use]
    pub fn lay(service: Service, parts: Parts, deadlines: Deadlines) -> Self {
        Self::lay_before(service, parts, deadlines, |_| None)
    }

    /// The same, before a witness who sees every event that has left.
    #[must_use]
    pub fn lay_before(
        service: Service,
        mut parts: Parts,
        deadlines: Deadlines,
        witness: impl FnOnce(&mut Registry) -> Option<Witness>,
    ) -> Self {
        let mut metrics = Registry::default();
        let (measures, witness) = (Measures::register(service, &mut metrics), witness(&mut metrics));
        pools::register(&mut metrics, parts.store.clone());
        parts.bus = Arc::new(Counted { bus: parts.bus, measures: measures.clone(), witness });
        let outbox = Outbox::start(parts.store.clone(), parts.bus.clone(), parts.clock.clone());
        let (repository, clock) = (Repository::new(outbox.clone()), parts.clock.clone());
        let shell = Shell { repository, clock, service, deadlines };
        let foundation = Self {
            metrics,
            measures: measures.clone(),
            parts,
            shell,
            outbox,
            stopping: CancellationToken::new(),
            streams: CancellationToken::new(),
            tasks: TaskTracker::new(),
        };
        let Parts { store, bus, clock, .. } = &foundation.parts;
        let (store, bus, clock) = (store.clone(), bus.clone(), clock.clone());
        foundation.beside(|stopping| measures.look(store, bus, clock, stopping));
        foundation
    }

    /// Where the service registers numbers of its own for Prometheus.
    pub const fn metrics(&mut self) -> &mut Registry {
        &mut self.metrics
    }

    /// The hand that performs the service's transitions.
    #[must_use]
    pub const fn shell(&self) -> &Shell {
        &self.shell
    }

    /// Listens to the service's queues.
    pub fn hear(&self, listener: Arc<impl Listener>) {
        self.parts.bus.subscribe(Arc::new(Ear::new(self.shell.clone(), listener, self.measures.clone())));
    }

    /// Runs work beside the routes until the service stops: sweeps, reconcilers. It is given the stop.
    pub fn beside<F: Future<Output = ()> + Send + 'static>(&self, work: impl FnOnce(CancellationToken) -> F) {
        self.tasks.spawn(work(self.stopping.clone()));
    }

    /// Looks after what waits too long: counts it for Prometheus, and tells again what may not have been heard.
    pub fn watch<A: Patient>(&mut self) {
        let (shell, stuck) = (self.shell.clone(), Stuck::register(&mut self.metrics));
        self.beside(|stopping| watch::<A>(shell, stuck, stopping));
    }

    /// The service, with its routes, those of every service around them, and a way to stop it.
    pub fn open(self, api: OpenApiRouter) -> (Router, Running) {
        let (bus, store) = (self.parts.bus.clone(), self.parts.store.clone());
        let letters = letters::routes(Letters { bus: bus.clone(), shell: self.shell.clone() });
        let watch = Watch { outbox: self.outbox.clone(), stopping: self.streams.clone() };
        let router = http::Shell::new(self.shell.service.word(), self.parts.clock, self.parts.verifier)
            .metrics(self.metrics)
            .check("database", move || {
                let store = store.clone();
                async move { store.ping().await }
            })
            .check("bus", move || std::future::ready(bus.ready()))
            .wrap(api.merge(OpenApiRouter::new().routes(routes!(events)).with_state(watch)).merge(letters));
        self.tasks.close();
        (
            router,
            Running {
                bus: self.parts.bus,
                outbox: self.outbox,
                stopping: self.stopping,
                streams: self.streams,
                tasks: self.tasks,
            },
        )
    }
}

/// A service at work.
pub struct Running {
    bus: Arc<dyn Bus>,
    outbox: Outbox,
    stopping: CancellationToken,
    streams: CancellationToken,
    tasks: TaskTracker,
}

/// How long a stop may take, HTTP and all: a little less than the ten seconds after which whoever asked for it loses
/// patience. What is not done by then is in the store, or comes again.
pub const STOPPING: Duration = Duration::from_millis(9500);
/// Of that, what is kept for letting events leave and for saying good-bye to the broker, so that slow work before does
/// not cost a redelivery.
const LAST: Duration = Duration::from_millis(3500);
/// How long a stop waits for events that are on their way; what has not left by then is in the store.
const LEAVING: Duration = Duration::from_secs(1);

impl Running {
    /// Ends the streams of server-sent events, which would keep HTTP from ending.
    pub fn end_streams(&self) {
        self.streams.cancel();
    }

    /// Stops gently, see [`Self::stop_by`].
    pub async fn stop(self) {
        self.stop_by(Instant::now() + STOPPING).await;
    }

    /// Stops gently until `deadline`, in the order in which work flows: no more side work; no more deliveries, those at
    /// hand are finished; what all of it told leaves; then the bus. Call it once its HTTP has ended.
    pub async fn stop_by(self, deadline: Instant) {
        self.end_streams();
        self.stopping.cancel();
        let gentle = async {
            self.tasks.wait().await;
            self.bus.drain().await;
        };
        if timeout_at(deadline - LAST, gentle).await.is_err() {
            tracing::warn!("work was still under way when the time to stop had passed");
        }
        let last = async {
            self.outbox.flush(LEAVING).await;
            self.outbox.close().await;
            self.bus.close().await;
        };
        if timeout_at(deadline, last).await.is_err() {
            tracing::warn!("the service stopped before its last events could leave; they are in the outbox");
        }
    }
}

#[derive(Clone)]
struct Watch {
    outbox: Outbox,
    stopping: CancellationToken,
}

struct Watched {
    work_order_id: Option<WorkOrderId>,
}

impl FromFields for Watched {
    fn from_fields(fields: &mut Fields<'_>) -> Answer<Self> {
        Ok(Self { work_order_id: fields.optional("workOrderId", read::value)? })
    }
}

/// What this service publishes, live.
///
/// A stream of server-sent events: the event's id, its type, and its JSON. A customer's link sees its own
/// order only, and of its events how far it is.
#[utoipa::path(
    get, path = "/events", tag = "events",
    params(("workOrderId" = Option<uuid::Uuid>, Query, description = "Only this order's")),
    responses((status = 200, description = "The stream", content_type = "text/event-stream", body = String), Problem)
)]
async fn events(
    State(watch): State<Watch>,
    caller: ByOrLink<Staff>,
    Query(watched): Query<Watched>,
) -> Result<Response, Problem> {
    match watched.work_order_id {
        Some(id) => caller.require_or_scope(Staff::ROLES, &link_to(id))?,
        None => caller.require(Staff::ROLES)?,
    }
    let (wanted, by_link) = (watched.work_order_id, caller.scope().is_some());
    let shown = move |message: &Message| {
        let is_wanted = wanted.is_none_or(|id| message.correlation == id.0);
        match (is_wanted, by_link) {
            (true, true) => shown::to_the_customer(&message.body),
            (true, false) => Some(message.body.clone()),
            (false, _) => None,
        }
    };
    let stream: Sse<_> = http::events(watch.outbox.watch(), shown, watch.stopping);
    Ok(stream.into_response())
}

/// A door that is open before there is a service behind it.
#[derive(Clone, Default)]
pub struct Door(Arc<OnceLock<Router>>);

impl Door {
    /// Answers from now on with the service.
    pub fn lead_to(&self, router: Router) {
        let _ = self.0.set(router);
    }

    /// Serves whatever is behind the door until `stopping`; the task ends once open requests have.
    #[must_use]
    pub fn serve(
        &self,
        listener: TcpListener,
        stopping: CancellationToken,
    ) -> JoinHandle<Result<(), Failure>> {
        self.serve_with(listener, stopping, None)
    }

    /// The same, by HTTPS where there is a certificate to show.
    #[must_use]
    pub fn serve_with(
        &self,
        listener: TcpListener,
        stopping: CancellationToken,
        tls: Option<Tls>,
    ) -> JoinHandle<Result<(), Failure>> {
        let router = Router::new().route("/health/live", get(live)).fallback(pass).with_state(self.clone());
        tokio::spawn(http::serve_with(listener, router, stopping, tls))
    }
}

async fn live(State(door): State<Door>, request: Request) -> Response {
    match door.0.get() {
        Some(_) => pass(State(door), request).await,
        None => (StatusCode::OK, "waiting for the database").into_response(),
    }
}

async fn pass(State(door): State<Door>, request: Request) -> Response {
    match door.0.get() {
        Some(router) => router.clone().oneshot(request).await.into_response(),
        None => Problem::unavailable(Duration::from_secs(2)).into_response(),
    }
}

/// Binds a port.
///
/// # Errors
/// One sentence when the port is taken or not ours to take.
pub async fn bind(service: &str, address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|cause| {
        let advice = advice(cause.kind()).map_or_else(|| cause.to_string(), str::to_owned);
        Failure::lasting("opening a port", format!("{service} cannot listen on {address}: {advice}"))
    })
}

fn advice(kind: ErrorKind) -> Option<&'static str> {
    if kind == ErrorKind::AddrInUse {
        return Some("another program uses it; stop that one or choose another port");
    }
    (kind == ErrorKind::PermissionDenied).then_some("this user may not use it; choose a port above 1023")
}

/// Connects to something that may not be there yet, saying what it waits for; `None` once stopping.
///
/// # Errors
/// When waiting cannot help.
pub async fn patiently<T, F: Future<Output = Result<T, Failure>>>(
    stopping: &CancellationToken,
    connect: impl Fn() -> F,
) -> Result<Option<T>, Failure> {
    let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(3));
    loop {
        let Some(tried) = stopping.run_until_cancelled(connect()).await else { return Ok(None) };
        match tried {
            Err(failure) if failure.is_passing() => tracing::warn!(%failure, "waiting"),
            settled => return settled.map(Some),
        }
        if stopping.run_until_cancelled(backoff.pause()).await.is_none() {
            return Ok(None);
        }
    }
}
