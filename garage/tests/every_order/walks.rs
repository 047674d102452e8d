//! Random walks through the same world, in which every state is written to a real store and read from it again, and
//! every event goes out through a real outbox. Two replicas of each service hear, decide and race each other; they die
//! before their events have left, and confirms get lost. After each step what is stored is what the same functions make
//! in memory, and at the end the promises hold of it. A walk begins with a seed, which is printed: `GARAGE_WALK=4711`
//! goes that one again, `GARAGE_WALKS=5000` goes as many.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on stops; figures are for people"
)]

#[path = "walks/model.rs"]
mod model;
#[path = "walks/post.rs"]
mod post;
#[path = "walks/shop.rs"]
mod shop;
#[path = "walks/walk.rs"]
mod walk;

use std::{collections::BTreeMap, env, panic::AssertUnwindSafe, sync::Arc};

use futures::{FutureExt, future::join_all};
use garage_events::WorkOrderStatus;
use garage_kit::{
    clock::Clock,
    store::Store,
    testing::{mongo_database, postgres_database},
};

use self::walk::Walk;

/// In the gate, on each sort of stores.
const WALKS: u64 = 60;
/// On databases of their own, beside each other.
const LANES: u64 = 4;

/// Where the three services keep what they know.
type Stores = [Arc<dyn Store>; 3];

fn number(variable: &str) -> Option<u64> {
    env::var(variable).ok().map(|told| told.parse().unwrap())
}

/// The walks of one lane: how their orders ended, and their steps.
async fn lane(stores: Stores, seeds: impl Iterator<Item = u64>) -> Vec<(WorkOrderStatus, usize)> {
    let mut walks = Vec::new();
    shop::take_in_the_customer(&*stores[0]).await;
    for seed in seeds {
        let mut walk = Walk::begin(&stores, seed).await;
        let gone = AssertUnwindSafe(walk.go()).catch_unwind().await;
        if let Err(stumbled) = gone {
            println!("GARAGE_WALK={seed}, after {} steps:\n  {}", walk.way.len(), walk.way.join("\n  "));
            std::panic::resume_unwind(stumbled);
        }
        walks.push(walk.end().await);
    }
    walks
}

async fn walks<F: Future<Output = Stores>>(sort: &str, open: impl Fn(u64) -> F) {
    let again = number("GARAGE_WALK");
    let first = again.unwrap_or_else(|| Clock::system().event_id().as_u64_pair().0 % 1_000_000_000);
    let count = if again.is_some() { 1 } else { number("GARAGE_WALKS").unwrap_or(WALKS) };
    println!("{count} walks on {sort}, from seed {first}");
    let lanes = (0..LANES.min(count)).map(|lane_number| {
        let stores = open(lane_number);
        async move {
            let seeds = (0..count).filter(move |walk| walk % LANES == lane_number);
            lane(stores.await, seeds.map(|walk| first + walk)).await
        }
    });
    let walks = join_all(lanes).await.concat();
    let steps: usize = walks.iter().map(|(_, steps)| steps).sum();
    let mut ends: BTreeMap<WorkOrderStatus, usize> = BTreeMap::new();
    walks.iter().for_each(|(end, _)| *ends.entry(*end).or_default() += 1);
    println!("{count} walks on {sort}: {steps} steps, {ends:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_walk_on_sqlite_ends_where_it_ends_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let url =
        |lane: u64, name: &str| format!("sqlite:{}", folder.path().join(format!("{name}-{lane}")).display());
    walks("SQLite", |lane| {
        let urls = ["os", "billing", "execution"].map(|name| url(lane, name));
        async move {
            [
                garage_os_service::connect(&urls[0]).await.unwrap(),
                garage_billing_service::connect(&urls[1]).await.unwrap(),
                garage_execution_service::connect(&urls[2]).await.unwrap(),
            ]
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_walk_on_postgres_and_mongo_ends_where_it_ends_in_memory() {
    let (mut databases, mut bills) = (Vec::new(), Vec::new());
    for _ in 0..LANES {
        databases.push([postgres_database("walk_os").await, postgres_database("walk_execution").await]);
        bills.push(mongo_database("walk_billing"));
    }
    walks("PostgreSQL and MongoDB", |lane| {
        let lane = usize::try_from(lane).unwrap();
        let ([os, execution], billing) = (&databases[lane], &bills[lane]);
        let urls = [os.url(), billing.uri(), execution.url()];
        async move {
            [
                garage_os_service::connect(&urls[0]).await.unwrap(),
                garage_billing_service::connect(&urls[1]).await.unwrap(),
                garage_execution_service::connect(&urls[2]).await.unwrap(),
            ]
        }
    })
    .await;
}
