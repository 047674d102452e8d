//! A cluster of each server: a node, a member or a primary goes, the others go on, and the services follow. An address
//! that leads to whoever is there, as a load balancer's, is a wire's.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use bson::{Document, doc};
use futures::FutureExt;
use garage_kit::bus::backoff::Backoff;
use tokio::time::{Instant, sleep};

use super::Simple;
use crate::{
    fault::{Blow, Scene},
    replica::At,
    saga::Mix,
    world::{MEMBERS, NODES, On, World, pool},
};

const AMQP: &str = "GARAGE_TEST_RABBITMQ_URL";
const SQL: &str = "GARAGE_TEST_POSTGRES_URL";
const MONGO: &str = "GARAGE_TEST_MONGODB_URI";
/// A member of a replica set is elected within this time, or never.
const ELECTED: Duration = Duration::from_secs(60);

pub(super) const FAULTS: &[Simple] = &[
    Simple::new(
        "cluster-node-killed",
        "kill -9 of one node of RabbitMQ after the other, under load",
        |scene| nodes(scene).boxed(),
    )
    .with_sagas(120, 900)
    .settling(20),
    Simple::new("cluster-step-down", "MongoDB's primary steps down under load", |scene| {
        step_down(scene).boxed()
    })
    .with_sagas(60, 600)
    .settling(20),
    Simple::new("cluster-member-killed", "kill -9 of MongoDB's primary under load", |scene| {
        primary(scene).boxed()
    })
    .with_sagas(60, 600)
    .settling(20),
    Simple::new("cluster-promotion", "PostgreSQL is killed and its stand-by promoted, under load", |scene| {
        promotion(scene).boxed()
    })
    .with_sagas(60, 600)
    .settling(20),
];

/// The services that were with the node are led to another one; when it is back, the next one goes.
async fn nodes(scene: &mut Scene<'_>) -> Result<Blow> {
    let (rounds, mut recovery) = (if scene.all { 4 } else { 1 }, Duration::ZERO);
    for _ in 0..rounds {
        for (at, node) in NODES.into_iter().enumerate() {
            if scene.load.is_over() {
                scene.load.more(20, Mix::Usual, scene.rng);
            }
            sleep(Duration::from_millis(500)).await;
            let begun = Instant::now();
            scene.world.kill(node).await?;
            let next = scene.world.place(NODES[(at + 1) % NODES.len()], AMQP)?;
            lead_brokers(scene.world, &next);
            scene.world.until_ready().await?;
            recovery = recovery.max(begun.elapsed());
            scene.world.server(node, |server, leash| server.restart(leash)).await?;
        }
    }
    scene.world.until_consumed().await?;
    Ok(Blow { recovery: Some(recovery), ..Blow::times(rounds * NODES.len()) })
}

fn lead_brokers(world: &World, to: &str) {
    world.wires.iter().for_each(|wires| wires.broker.lead_to(to.to_owned()));
}

async fn step_down(scene: &mut Scene<'_>) -> Result<Blow> {
    let times = if scene.all { 6 } else { 2 };
    for round in 0..times {
        scene.load.until(10 + 10 * round).await?;
        // The connection on which this is said may end with it.
        let _ = scene
            .world
            .mongo
            .database("admin")
            .run_command(doc! { "replSetStepDown": 10, "force": true })
            .await;
        primary_of(scene.world).await?;
    }
    Ok(Blow::times(times))
}

async fn primary(scene: &mut Scene<'_>) -> Result<Blow> {
    let times = if scene.all { 4 } else { 1 };
    for round in 0..times {
        scene.load.until(10 + 10 * round).await?;
        let member = primary_of(scene.world).await?;
        scene.world.kill(member).await?;
        primary_of(scene.world).await?;
        scene.world.server(member, |server, leash| server.restart(leash)).await?;
    }
    Ok(Blow::times(times))
}

/// Who is MongoDB's primary, once there is one.
async fn primary_of(world: &World) -> Result<On> {
    let (begun, mut backoff) = (Instant::now(), Backoff::default());
    while begun.elapsed() < ELECTED {
        let hello: Document =
            world.mongo.database("admin").run_command(doc! { "hello": 1 }).await.unwrap_or_default();
        if let Ok(primary) = hello.get_str("primary") {
            for member in MEMBERS {
                if world.place(member, MONGO)? == primary {
                    return Ok(member);
                }
            }
        }
        backoff.pause().await;
    }
    bail!("MongoDB has no primary after {ELECTED:?}")
}

/// What was committed was at the stand-by too, as commits wait for it: nothing is lost with the primary.
async fn promotion(scene: &mut Scene<'_>) -> Result<Blow> {
    scene.load.until(20).await?;
    let begun = Instant::now();
    scene.world.kill(On::Postgres).await?;
    let place = scene.world.place(On::StandBy, SQL)?;
    let sql = pool(&format!("postgres://postgres@{place}/postgres")).await?;
    let promoted: bool = sqlx::query_scalar("SELECT pg_promote()").fetch_one(&sql).await?;
    anyhow::ensure!(promoted, "the stand-by was not promoted");
    scene.world.sql = sql;
    for at in [At::Os, At::Execution] {
        scene.world.wires[at as usize].database.lead_to(place.clone());
    }
    scene.world.until_ready().await.context("after the promotion")?;
    Ok(Blow { recovery: Some(begun.elapsed()), ..Blow::times(1) })
}
