//! Whole sagas on stores in memory, in one thread, with a clock that stands still: what the system itself does for a saga,
//! and a few commands that come too early and are refused, so that its instructions can be counted under callgrind and come
//! out alike (`cargo xtask instructions`). Every event is written and read as JSON and carried by the in-process bus; there
//! is no HTTP, no database and no broker.

use std::{
    collections::BTreeMap,
    fmt::Debug,
    process::ExitCode,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::{Context, Result, anyhow, ensure};
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use garage_billing_service::{
    bill::{Bill, Tender},
    cashier::Cashier,
    gateway::{Charge, Charged, Gateway, GatewayError, Lack, Refunded, Standing},
    quote::{Evidence, Terms},
};
use garage_events::{
    Cents, CustomerId, Deadlines, PaymentId, PaymentMethod, Refusal, Service, Transition, VehicleId,
    WorkOrderId, WorkOrderStatus, event::Payer,
};
use garage_execution_service::execution::{Job, Step};
use garage_kit::{
    Aggregate, Failure, Loaded, Repository,
    auth::Verifier,
    bus::{Bus, local::LocalBus},
    clock::Clock,
    http::Problem,
    outbox::Outbox,
    store::{Change, Kind, Message, Outcome, Query, Record, Store},
};
use garage_os_service::work_order::{Details, Opening, WorkOrder};
use garage_saga::{Parts, Running, Shell, topology_of};
use tokio::{sync::watch, time::timeout};
use uuid::Uuid;

/// A saga that has to wait longer than this for anything is stuck.
const PATIENCE: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    let sagas = std::env::args().nth(1).and_then(|text| text.parse().ok());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let done = match (sagas, runtime) {
        (Some(sagas), Ok(runtime)) => runtime.block_on(run(sagas)),
        (None, _) => Err(anyhow!("give the number of sagas")),
        (_, Err(failure)) => Err(failure.into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("{failure:#}\n").as_bytes());
            ExitCode::FAILURE
        }
    }
}

async fn run(sagas: u32) -> Result<()> {
    let garage = Garage::open()?;
    for _ in 0..sagas {
        garage.saga().await?;
    }
    Ok(())
}

/// A service's aggregates, in memory.
struct Memory {
    records: Mutex<Records>,
    /// Counts the commits of all services.
    commits: watch::Sender<u64>,
}

type Records = BTreeMap<(&'static str, Uuid), Record>;

impl Memory {
    fn records(&self) -> MutexGuard<'_, Records> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Store for Memory {
    async fn load(&self, kind: &'static Kind, ids: &[Uuid]) -> Result<Vec<Record>, Failure> {
        let records = self.records();
        Ok(ids.iter().filter_map(|id| records.get(&(kind.name, *id)).cloned()).collect())
    }

    /// Only sweeps ask, for what was left behind.
    async fn find(&self, _: &'static Kind, _: &Query) -> Result<Vec<Record>, Failure> {
        Ok(Vec::new())
    }

    async fn count(&self, _: &'static Kind, _: &Query) -> Result<u64, Failure> {
        Ok(0)
    }

    async fn commit(&self, changes: &[Change]) -> Result<Vec<Outcome>, Failure> {
        let outcomes = {
            let mut records = self.records();
            changes.iter().map(|change| write(&mut records, change)).collect()
        };
        self.commits.send_modify(|commits| *commits += 1);
        Ok(outcomes)
    }

    async fn unsent(&self, _: DateTime<Utc>, _: u32) -> Result<Vec<Message>, Failure> {
        Ok(Vec::new())
    }

    async fn sent(&self, _: &[Message]) -> Result<(), Failure> {
        Ok(())
    }

    async fn ping(&self) -> Result<(), Failure> {
        Ok(())
    }
}

fn write(records: &mut Records, change: &Change) -> Outcome {
    let key = (change.kind.name, change.id);
    if records.get(&key).map_or(0, |record| record.version) != change.expected {
        return Outcome::Conflict;
    }
    match &change.body {
        Some(body) => {
            let record = Record { id: change.id, version: change.expected + 1, body: body.clone() };
            records.insert(key, record);
        }
        None => {
            records.remove(&key);
        }
    }
    Outcome::Committed
}

/// Takes every payment at once.
struct Generous;

#[async_trait]
impl Gateway for Generous {
    fn lacks(&self, _: &Charge) -> Vec<Lack> {
        Vec::new()
    }

    async fn create(&self, charge: &Charge) -> Result<Charged, GatewayError> {
        Ok(Charged::new(charge.reference.to_string(), Standing::Approved, charge.amount))
    }

    async fn read(&self, _: &str) -> Result<Option<Charged>, GatewayError> {
        Ok(None)
    }

    async fn search(&self, _: PaymentId) -> Result<Option<Charged>, GatewayError> {
        Ok(None)
    }

    async fn cancel(&self, _: &str, _: &str) -> Result<Charged, GatewayError> {
        Err(GatewayError::Refused("nothing is pending here".to_owned()))
    }

    async fn refund(&self, _: &str, _: Cents, _: &str) -> Result<Refunded, GatewayError> {
        Err(GatewayError::Refused("nothing is given back here".to_owned()))
    }

    async fn check(&self) -> Result<(), GatewayError> {
        Ok(())
    }
}

/// The three services and a hand for each of them.
struct Garage {
    commits: watch::Receiver<u64>,
    os: Shell,
    cashier: Cashier,
    execution: Shell,
    clock: Clock,
    _running: [Running; 3],
}

impl Garage {
    fn open() -> Result<Self> {
        let clock = Clock::manual(DateTime::UNIX_EPOCH + TimeDelta::days(20_000));
        let bus = LocalBus::with_clock(clock.clone());
        let verifier = Verifier::new(clock.clone()).secret(&"a secret that nobody uses".to_owned().into())?;
        let (counter, commits) = watch::channel(0);
        let stores =
            [(); 3].map(|()| Arc::new(Memory { records: Mutex::default(), commits: counter.clone() }));
        let part = |service: Service, store: &Arc<Memory>| {
            let bus = bus.member(topology_of(service)?, store.clone());
            let hand = hand(service, store.clone(), bus.clone(), &clock);
            let store: Arc<dyn Store> = store.clone();
            Ok::<_, Failure>((Parts { store, bus, clock: clock.clone(), verifier: verifier.clone() }, hand))
        };
        let (os, os_hand) = part(Service::Os, &stores[0])?;
        let (billing, _) = part(Service::Billing, &stores[1])?;
        let (execution, execution_hand) = part(Service::Execution, &stores[2])?;
        let terms = Terms { validity: TimeDelta::days(10), diagnosis_fee: cents(15_000)? };
        let (_, os) = garage_os_service::open(os);
        let (_, billing, cashier) = garage_billing_service::open_with(billing, terms, |_| Arc::new(Generous));
        let (_, execution) = garage_execution_service::open(execution);
        let running = [os, billing, execution];
        Ok(Self { commits, os: os_hand, cashier, execution: execution_hand, clock, _running: running })
    }

    /// The happy path, from the order to the finished car.
    async fn saga(&self) -> Result<()> {
        let id = WorkOrderId(self.clock.id());
        let opening = opening(id, &self.clock)?;
        self.once_allowed::<WorkOrder>(&self.os, id.0, |_, at| Ok(WorkOrder::open(opening.clone(), at)))
            .await?;
        let approve =
            |bill: Option<Bill>, at| bill.ok_or(Refusal::Unknown("bill"))?.approve(Evidence::by("ana"), at);
        let bill = self.once_allowed::<Bill>(self.cashier.shell(), id.0, approve).await?.state;
        self.pay(&bill).await?;
        for step in steps() {
            let take = |job: Option<Job>, at| job.ok_or(Refusal::Unknown("job"))?.step(step.clone(), at);
            self.once_allowed::<Job>(&self.execution, id.0, take).await?;
        }
        let is_over = async || {
            let order = self.os.repository.load::<WorkOrder>(id.0).await?.context("the order")?;
            let status = order.state.status();
            ensure!(status == WorkOrderStatus::Completed, "it ended as {status}");
            Ok(())
        };
        self.as_soon_as(is_over).await
    }

    async fn pay(&self, bill: &Bill) -> Result<()> {
        let quote = bill.quote.as_ref().context("a quote")?;
        let order = bill.order.as_ref().context("an order")?;
        let tender = Tender {
            id: PaymentId(self.clock.id()),
            quote_id: quote.id,
            customer_id: order.customer_id,
            amount: quote.total(),
            method: PaymentMethod::Pix,
            card_token: None,
            installments: 1,
        };
        let pay = |bill: Option<Bill>, at| bill.ok_or(Refusal::Unknown("bill"))?.pay(tender.clone(), at);
        let stored = self.once_allowed::<Bill>(self.cashier.shell(), bill.work_order_id.0, pay).await?;
        let due = stored.state.due().into_iter().next().context("a call to the gateway")?;
        let answer = self.cashier.call(bill.work_order_id, due, PATIENCE).await.map_err(refused)?;
        answer.context("an answer of the gateway").map(drop)
    }

    /// A decision, taken when the others have gone as far as it needs.
    async fn once_allowed<A: Aggregate>(
        &self,
        shell: &Shell,
        id: Uuid,
        decision: impl Fn(Option<A>, DateTime<Utc>) -> Result<Transition<A>, Refusal> + Send + Sync,
    ) -> Result<Loaded<A>> {
        self.as_soon_as(async || shell.decide::<A>(id, None, &decision).await).await
    }

    /// Attempts, and again after each commit of anybody, until it succeeds.
    async fn as_soon_as<T, E: Debug>(&self, mut attempt: impl AsyncFnMut() -> Result<T, E>) -> Result<T> {
        let mut commits = self.commits.clone();
        loop {
            commits.borrow_and_update();
            let cause = match attempt().await {
                Ok(done) => return Ok(done),
                Err(cause) => cause,
            };
            timeout(PATIENCE, commits.changed()).await.map_err(|_| anyhow!("{cause:?}"))??;
        }
    }
}

fn hand(service: Service, store: Arc<Memory>, bus: Arc<dyn Bus>, clock: &Clock) -> Shell {
    let repository = Repository::new(Outbox::start(store, bus, clock.clone()));
    Shell { repository, clock: clock.clone(), service, deadlines: Deadlines::default() }
}

fn refused(problem: Problem) -> anyhow::Error {
    anyhow!("{problem:?}")
}

fn cents(centavos: i64) -> Result<Cents> {
    Cents::new(centavos).context("an amount")
}

fn opening(id: WorkOrderId, clock: &Clock) -> Result<Opening> {
    let details = Details {
        description: "Oil change and filter replacement".to_owned(),
        estimated_cost: Some(cents(15_050)?),
        ..Details::default()
    };
    Ok(Opening {
        id,
        customer_id: CustomerId(clock.id()),
        vehicle_id: VehicleId(clock.id()),
        plate: "ABC1D23".to_owned(),
        payer: Payer {
            name: "Ana Souza".to_owned(),
            email: Some("ana@example.com".to_owned()),
            document: Some("52998224725".to_owned()),
        },
        details,
    })
}

fn steps() -> [Step; 5] {
    [
        Step::StartDiagnosis { technician_id: Some("rui".to_owned()) },
        Step::CompleteDiagnosis { notes: Some("worn brake pads".to_owned()) },
        Step::StartRepair,
        Step::CompleteRepair {
            notes: Some("pads replaced".to_owned()),
            parts_used: Vec::new(),
            services_performed: Vec::new(),
        },
        Step::Complete,
    ]
}
