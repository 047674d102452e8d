//! The databases: restarted without a word, their back ends ended, told to fail, or out of room.

use std::time::Duration;

use anyhow::{Result, ensure};
use bson::{Document, doc};
use futures::FutureExt;
use tokio::time::sleep;

use super::Simple;
use crate::{
    fault::{Blow, Scene},
    world::{DATABASES, On, World},
};

pub(super) const FAULTS: &[Simple] = &[
    Simple::new("postgres-restart", "PostgreSQL is ended at once and recovers from its log", |scene| {
        postgres(scene).boxed()
    }),
    Simple::new("postgres-terminate", "every back end of the services is ended, again and again", |scene| {
        terminate(scene).boxed()
    }),
    Simple::new("postgres-lock", "somebody holds a lock on the outboxes for a while", |scene| {
        lock(scene).boxed()
    }),
    Simple::new("postgres-full", "PostgreSQL has no room left for a while", |scene| full(scene).boxed()),
    Simple::new("mongo-kill", "kill -9 of MongoDB under load", |scene| mongo(scene).boxed()),
    Simple::new("mongo-fails", "MongoDB closes the connection instead of answering updates", |scene| {
        closes(scene).boxed()
    }),
    Simple::new("mongo-refuses", "MongoDB answers updates with errors that pass", |scene| {
        refuses(scene).boxed()
    }),
    Simple::new("mongo-full", "MongoDB has no room left, again and again", |scene| {
        fail(scene, doc! { "failCommands": ["update"], "errorCode": 14031 }).boxed()
    }),
    Simple::new("mongo-freeze", "MongoDB is frozen for a while", |scene| freeze(scene).boxed()),
];

async fn postgres(scene: &mut Scene<'_>) -> Result<Blow> {
    let times = if scene.all { 5 } else { 1 };
    for round in 0..times {
        scene.load.until(20 + 10 * round).await?;
        scene.world.server(On::Postgres, |server, leash| server.restart(leash)).await?;
    }
    Ok(Blow::times(times))
}

async fn terminate(scene: &mut Scene<'_>) -> Result<Blow> {
    let (rounds, mut ended) = (if scene.all { 15 } else { 3 }, 0);
    for _ in 0..rounds {
        sleep(Duration::from_millis(if scene.all { 2000 } else { 800 })).await;
        let gone: Vec<bool> = sqlx::query_scalar(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname IN ($1, $2)",
        )
        .bind(DATABASES[0])
        .bind(DATABASES[2])
        .fetch_all(&scene.world.sql)
        .await?;
        ended += gone.len();
    }
    ensure!(ended > 0, "no back end was there to end");
    Ok(Blow::times(ended))
}

/// As a careless migration would.
async fn lock(scene: &mut Scene<'_>) -> Result<Blow> {
    scene.load.until(10).await?;
    on_both(scene.world, "BEGIN; LOCK TABLE outbox IN ACCESS EXCLUSIVE MODE", "ROLLBACK").await
}

/// The error that a full disk makes, with its code, in every transaction that tells something.
async fn full(scene: &mut Scene<'_>) -> Result<Blow> {
    scene.load.until(10).await?;
    let fill = "CREATE FUNCTION no_room() RETURNS trigger AS $$ BEGIN \
                RAISE EXCEPTION 'No space left on device' USING ERRCODE = '53100'; END $$ LANGUAGE plpgsql; \
                CREATE TRIGGER no_room BEFORE INSERT ON outbox FOR EACH STATEMENT EXECUTE FUNCTION no_room()";
    on_both(scene.world, fill, "DROP FUNCTION no_room CASCADE").await
}

/// Breaks both databases for a while, and mends them.
async fn on_both(world: &World, harm: &'static str, mend: &'static str) -> Result<Blow> {
    let strike = async |name: &str| -> Result<()> {
        use sqlx::Connection as _;
        let options = world.sql.connect_options().as_ref().clone().database(name);
        let mut connection = sqlx::PgConnection::connect_with(&options).await?;
        sqlx::raw_sql(harm).execute(&mut connection).await?;
        sleep(Duration::from_secs(2)).await;
        sqlx::raw_sql(mend).execute(&mut connection).await?;
        Ok(())
    };
    let (os, execution) = tokio::join!(strike(DATABASES[0]), strike(DATABASES[2]));
    os.and(execution)?;
    Ok(Blow::times(2))
}

async fn mongo(scene: &mut Scene<'_>) -> Result<Blow> {
    let times = if scene.all { 5 } else { 1 };
    for round in 0..times {
        scene.load.until(20 + 10 * round).await?;
        scene.world.server(On::Mongo, |server, leash| server.restart(leash)).await?;
    }
    Ok(Blow::times(times))
}

async fn closes(scene: &mut Scene<'_>) -> Result<Blow> {
    fail(scene, doc! { "failCommands": ["update"], "closeConnection": true }).await
}

/// 11600 is `InterruptedAtShutdown`: the update has not happened.
async fn refuses(scene: &mut Scene<'_>) -> Result<Blow> {
    fail(scene, doc! { "failCommands": ["update", "find", "aggregate"], "errorCode": 11600 }).await
}

async fn fail(scene: &mut Scene<'_>, how: Document) -> Result<Blow> {
    let (rounds, times) = (if scene.all { 20 } else { 4 }, 3);
    for _ in 0..rounds {
        configure(scene.world, doc! { "times": times }, &how).await?;
        sleep(Duration::from_millis(400)).await;
    }
    configure(scene.world, "off", &how).await?;
    Ok(Blow::times(rounds))
}

async fn configure(world: &World, mode: impl Into<bson::Bson>, how: &Document) -> Result<()> {
    let command = doc! { "configureFailPoint": "failCommand", "mode": mode.into(), "data": how.clone() };
    world.mongo.database("admin").run_command(command).await?;
    Ok(())
}

async fn freeze(scene: &mut Scene<'_>) -> Result<Blow> {
    scene.load.until(20).await?;
    scene
        .world
        .server(On::Mongo, |server, _| {
            server.signal("STOP");
            Ok(())
        })
        .await?;
    sleep(Duration::from_secs(if scene.all { 40 } else { 3 })).await;
    scene
        .world
        .server(On::Mongo, |server, _| {
            server.signal("CONT");
            Ok(())
        })
        .await?;
    Ok(Blow::times(1))
}
