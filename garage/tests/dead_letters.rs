//! A replay is always safe: old events of sagas that have ended, replayed while others are under way, change nothing
//! that was right. And the operator's command, as somebody meets it at a prompt.

#![expect(clippy::expect_used, reason = "a test that cannot go on must stop, and say why")]

mod chain;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr},
    process::Output,
};

use anyhow::{Context, Result, ensure};
use chain::{Chain, SECRET, built};
use chrono::TimeDelta;
use futures::{StreamExt, TryStreamExt, future::try_join_all, stream};
use garage::{
    embedded::{Addresses, DataDir, Embedded, settings},
    shop::{At, Car, Shop},
    stories::{STORIES, straight_through},
};
use garage_events::topology::QUEUES;
use garage_kit::{
    auth::{Grant, sign},
    bus::local::DeadLetter,
    change,
    clock::Clock,
    program::{Env, install_crypto},
    store::Store,
};
use reqwest::{Client, Response};
use serde_json::{Value, json};
use tokio::process::Command;

/// What rests in the end, in all queues together.
const LETTERS: usize = 1000;
/// Sagas that are under way meanwhile, at each replay.
const TRAFFIC: u64 = 10;

fn token() -> Result<String> {
    let grant = Grant::new("tests", &["attendant", "technician", "manager"], TimeDelta::hours(1));
    Ok(sign(&SECRET.to_owned().into(), &grant, &Clock::system())?)
}

/// Everything that the three services tell from now on.
struct Heard(Vec<Response>);

impl Heard {
    async fn listen(shop: &Shop) -> Result<Self> {
        let (client, token) = (Client::builder().no_proxy().build()?, token()?);
        let listening =
            shop.urls.iter().map(|url| client.get(format!("{url}/events")).bearer_auth(&token).send());
        Ok(Self(try_join_all(listening).await?))
    }

    /// The events up to the one of each stream that `last` names.
    async fn until(self, last: &[(At, &str, &str)]) -> Result<Vec<Value>> {
        let mut events = Vec::new();
        for (mut stream, (_, kind, order)) in self.0.into_iter().zip(last) {
            let (mut text, mut read) = (String::new(), 0);
            let is_last = |event: &Value| event["eventType"] == *kind && event["correlationId"] == *order;
            loop {
                let told: Vec<Value> = text
                    .lines()
                    .filter_map(|line| serde_json::from_str(line.strip_prefix("data:")?).ok())
                    .collect();
                if told[read..].iter().any(is_last) {
                    events.extend(told);
                    break;
                }
                read = told.len();
                let part = stream.chunk().await?.context("a stream of events ended")?;
                text.push_str(std::str::from_utf8(&part)?);
            }
        }
        Ok(events)
    }
}

/// Tells every story, and gives the cars with everything that was told of them.
async fn every_story(shop: &Shop) -> Result<(Vec<Car>, Vec<Value>)> {
    let heard = Heard::listen(shop).await?;
    let stories = (1..).zip(STORIES).map(|(number, story)| (story.tell)(shop, number));
    let mut cars = try_join_all(stories).await?;
    let last = straight_through(shop, 99).await?;
    shop.post(At::Os, &format!("/work-orders/{}/deliver", last.order), json!({})).await?;
    let order = last.order.as_str();
    let ends = [
        (At::Os, "work-order.status-changed", order),
        (At::Billing, "payment.approved", order),
        (At::Execution, "execution.completed", order),
    ];
    let events = heard.until(&ends).await?;
    cars.push(last);
    Ok((cars, events))
}

/// What each service knows of the cars.
async fn known(shop: &Shop, cars: &[Car]) -> Result<BTreeMap<String, Value>> {
    let mut known = BTreeMap::new();
    for Car { order, .. } in cars {
        for (at, path) in [
            (At::Os, format!("/work-orders/{order}")),
            (At::Os, format!("/work-orders/{order}/history")),
            (At::Billing, format!("/quotes/work-order/{order}")),
            (At::Billing, format!("/payments/work-order/{order}")),
            (At::Execution, format!("/executions/work-order/{order}")),
        ] {
            let reply = shop.ask(at, reqwest::Method::GET, &path, None).await?;
            known.insert(path, if reply.status.is_success() { reply.body } else { Value::Null });
        }
    }
    Ok(known)
}

/// Each event in each queue that takes it, again and again under new ids, until there are enough.
fn letters(events: &[Value]) -> Vec<(&'static str, &Value)> {
    let of_event =
        |event| QUEUES.iter().filter(move |queue| event == queue.event_type).map(|queue| queue.name);
    let once: Vec<_> = events
        .iter()
        .flat_map(|event| {
            of_event(event["eventType"].as_str().unwrap_or_default()).map(move |queue| (queue, event))
        })
        .collect();
    once.iter().copied().cycle().take(LETTERS).collect()
}

async fn traffic(shop: &Shop, first: u64) -> Result<()> {
    stream::iter(first..first + TRAFFIC)
        .map(|number| straight_through(shop, number))
        .buffer_unordered(2)
        .try_for_each(async |_| Ok(()))
        .await
}

/// The operator at a prompt.
struct Prompt {
    urls: [String; 3],
}

impl Prompt {
    async fn garage(&self, arguments: &[&str]) -> Result<Output> {
        let [os, billing, execution] = &self.urls;
        let mut command = Command::new(built("garage"));
        command.arg("dlq").args(arguments).args(["--os", os, "--billing", billing, "--execution", execution]);
        command.env_clear().env("JWT_SECRET", SECRET).env("USER", "ana");
        Ok(command.output().await?)
    }

    /// What a command that succeeds prints.
    async fn told(&self, arguments: &[&str]) -> Result<String> {
        let output = self.garage(arguments).await?;
        let told = String::from_utf8(output.stdout)?;
        ensure!(output.status.success(), "{arguments:?}: {told}{}", String::from_utf8_lossy(&output.stderr));
        Ok(told)
    }

    /// What a command that fails complains of.
    async fn complaint(&self, arguments: &[&str]) -> Result<String> {
        let output = self.garage(arguments).await?;
        ensure!(output.status.code() == Some(1), "{arguments:?} succeeded");
        Ok(String::from_utf8(output.stderr)?)
    }

    async fn listed(&self, arguments: &[&str]) -> Result<Vec<Value>> {
        let told = self.told(&[&["list", "--json"], arguments].concat()).await?;
        Ok(serde_json::from_str(&told)?)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_letters_replayed_twice_under_traffic_change_nothing_that_was_right() {
    install_crypto();
    let chain = Chain::start().await.unwrap();
    let (shop, prompt) = (chain.shop().unwrap(), Prompt { urls: chain.urls() });
    let (cars, events) = every_story(&shop).await.unwrap();
    chain.wait_until_drained().await.unwrap();
    let before = known(&shop, &cars).await.unwrap();

    for round in [1, 2] {
        rest(&chain, &letters(&events)).await.unwrap();
        assert_eq!(prompt.listed(&[]).await.unwrap().len(), LETTERS);
        let why = ["replay", "--all", "--why", "to see that nothing comes of it"];
        let (told, through) = tokio::join!(prompt.told(&why), traffic(&shop, 1000 * round));
        through.unwrap();
        let told = told.unwrap();
        assert!(told.contains("replay: 1000 of 1000 dead letters done"), "{told}");
        chain.wait_until_drained().await.unwrap();
    }

    assert_eq!(known(&shop, &cars).await.unwrap(), before);
    let audit = shop.all(At::Billing, "/dead-letters/audit?limit=200").await.unwrap();
    assert!(!audit.is_empty());
    assert!(audit.iter().all(|line| line["who"] == "ana" && line["outcome"] == "DONE"), "{audit:?}");
    chain.wait_until_connected_as(&["billing-service", "execution-service", "os-service"]).await.unwrap();
    chain.stop().await.unwrap();
}

/// As if the services had set them aside, with ids of their own.
async fn rest(chain: &Chain, letters: &[(&'static str, &Value)]) -> Result<()> {
    let clock = Clock::system();
    let resting = stream::iter(letters).map(|(queue, event)| {
        let properties = json!({ "message_id": clock.event_id(), "type": event["eventType"],
            "correlation_id": event["correlationId"], "delivery_mode": 2,
            "headers": { "x-garage-reason": "the database was full", "x-garage-queue": queue } });
        let (host, text) = (&chain.host, event.to_string());
        async move { host.put(&format!("{queue}.dlq"), properties, &text).await }
    });
    resting.buffer_unordered(8).try_for_each(async |()| Ok(())).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_holds_all_in_one() {
    install_crypto();
    let folder = tempfile::tempdir().unwrap();
    let data = DataDir::open(folder.path()).unwrap();
    let (clock, secret) = (Clock::system(), SECRET.to_owned().into());
    let anywhere = Addresses { host: IpAddr::V4(Ipv4Addr::LOCALHOST), ports: [0; 3] };
    let settings = settings(&Env::fixed(&[])).unwrap();
    let embedded = Embedded::start(&data, anywhere, settings, &secret, &clock).await.unwrap();
    let shop = Shop::new(embedded.urls.clone(), token().unwrap()).unwrap();
    let prompt = Prompt { urls: embedded.urls.clone() };
    let (cars, events) = every_story(&shop).await.unwrap();
    let before = known(&shop, &cars).await.unwrap();

    for round in [1, 2] {
        rest_in(folder.path(), &letters(&events), &clock).await.unwrap();
        assert_eq!(prompt.listed(&[]).await.unwrap().len(), LETTERS);
        let why = ["replay", "--all", "--why", "to see that nothing comes of it"];
        let (told, through) = tokio::join!(prompt.told(&why), traffic(&shop, 1000 * round));
        through.unwrap();
        let told = told.unwrap();
        assert!(told.contains("replay: 1000 of 1000 dead letters done"), "{told}");
        assert_eq!(prompt.listed(&[]).await.unwrap(), Vec::<Value>::new());
    }

    assert_eq!(known(&shop, &cars).await.unwrap(), before);
    embedded.stop().await;
}

/// Into the services' own tables.
async fn rest_in(folder: &std::path::Path, letters: &[(&'static str, &Value)], clock: &Clock) -> Result<()> {
    let url = |service: &str| format!("sqlite:{}", folder.join(format!("{service}.sqlite")).display());
    let stores = [
        ("os-", garage_os_service::connect(&url("os")).await?),
        ("billing-", garage_billing_service::connect(&url("billing")).await?),
        ("execution-", garage_execution_service::connect(&url("execution")).await?),
    ];
    for (prefix, store) in stores {
        let own = letters.iter().filter(|(queue, _)| queue.starts_with(prefix));
        let changes = own.map(|(queue, event)| {
            let id = clock.id();
            let letter = json!({ "id": id, "queue": queue, "topic": event["eventType"], "messageId": clock.event_id(),
                "correlation": event["correlationId"], "reason": "the disk was full", "body": event.to_string(),
                "at": clock.now() });
            let next: DeadLetter = serde_json::from_value(letter)?;
            Ok(change(id, 0, garage_kit::Decision { next: Some(next), messages: vec![] })?)
        });
        let store: &dyn Store = &*store;
        store.commit(&changes.collect::<Result<Vec<_>>>()?).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_finds_opens_replays_and_discards_letters_at_a_prompt() {
    install_crypto();
    let chain = Chain::start().await.unwrap();
    let (shop, prompt) = (chain.shop().unwrap(), Prompt { urls: chain.urls() });
    assert_eq!(prompt.told(&["list"]).await.unwrap().trim(), "no dead letters rest");
    let car = shop.take_in("Ana Souza", 1).await.unwrap();
    shop.quote_is(&car, "PENDING").await.unwrap();
    for (topic, body) in [
        ("quote.sent", "not json".to_owned()),
        ("payment.failed", r#"{"eventType":"payment.failed","correlationId":"nobody"}"#.to_owned()),
        ("execution.failed", format!(r#"{{"eventType":"no.such","correlationId":"{}"}}"#, car.order)),
    ] {
        chain.host.publish(topic, &body).await.unwrap();
    }
    let queues = [
        "billing-execution-failed.dlq",
        "os-execution-failed.dlq",
        "os-payment-failed.dlq",
        "os-quote-sent.dlq",
    ];
    chain.wait_until_these_hold_messages(&queues).await.unwrap();

    let all = prompt.listed(&[]).await.unwrap();
    let of = |arguments: &'static [&'static str]| prompt.listed(arguments);
    assert_eq!(all.len(), 4);
    assert_eq!(of(&["--service", "billing"]).await.unwrap().len(), 1);
    assert_eq!(of(&["--queue", "os-quote-sent.dlq"]).await.unwrap().len(), 1);
    assert_eq!(prompt.listed(&["--work-order", &car.order]).await.unwrap().len(), 2);
    let unreadable = of(&["--queue", "os-quote-sent"]).await.unwrap().remove(0);
    let id = unreadable["id"].as_str().unwrap();
    let shown = prompt.told(&["show", id]).await.unwrap();
    assert!(shown.contains("os-quote-sent") && shown.trim_end().ends_with("not json"), "{shown}");

    let dry = prompt.told(&["discard", "--id", id, "--dry-run"]).await.unwrap();
    assert!(dry.contains(id) && dry.contains("nothing was done"), "{dry}");
    let replayed = prompt.told(&["replay", "--id", id, "--why", "once more", "--rate", "5"]).await.unwrap();
    assert!(replayed.contains("replay: 1 of 1"), "{replayed}");
    chain.wait_until_these_hold_messages(&queues).await.unwrap();
    let told = prompt
        .told(&["discard", "--queue", "os-quote-sent", "--why", "no event", "--by", "bia"])
        .await
        .unwrap();
    assert!(told.contains("discard: 1 of 1"), "{told}");
    let ids: BTreeSet<String> =
        prompt.listed(&[]).await.unwrap().iter().map(|letter| letter["id"].to_string()).collect();
    assert!(ids.len() == 3 && !ids.contains(&unreadable["id"].to_string()), "{ids:?}");
    let audit = shop.all(At::Os, "/dead-letters/audit?queue=os-quote-sent").await.unwrap();
    let lines: Vec<_> = audit.iter().map(|line| (line["who"].as_str(), line["act"].as_str())).collect();
    assert_eq!(lines, [(Some("bia"), Some("DISCARD")), (Some("ana"), Some("REPLAY"))]);

    refusals(&prompt, id).await.unwrap();
    let doctor = doctor(&chain.host.url()).await.unwrap();
    assert!(doctor.contains("2 dead letters rest here: look at them with `garage dlq list`"), "{doctor}");
    chain.stop().await.unwrap();
}

async fn refusals(prompt: &Prompt, gone: &str) -> Result<()> {
    for (arguments, said) in [
        (&["replay", "--why", "because"][..], "--all"),
        (&["replay", "--all", "--queue", "os-quote-sent", "--why", "because"], "--all"),
        (&["discard", "--all"], "--why"),
        (&["list", "--queue", "os-nothing"], "os-quote-sent"),
        (&["show", gone], "garage dlq list"),
        (&["discard", "--id", gone, "--why", "because"], "gone already"),
    ] {
        let complaint = prompt.complaint(arguments).await?;
        ensure!(complaint.contains(said), "{arguments:?}: {complaint}");
    }
    let nowhere =
        Prompt { urls: ["http://127.0.0.1:1".to_owned(), prompt.urls[1].clone(), prompt.urls[2].clone()] };
    let complaint = nowhere.complaint(&["list"]).await?;
    ensure!(complaint.contains("is the service running there?"), "{complaint}");
    Ok(())
}

async fn doctor(broker: &str) -> Result<String> {
    let mut command = Command::new(built("garage"));
    command.arg("doctor").env_clear().env("RABBITMQ_URL", broker).env("PAYMENT_GATEWAY", "sandbox");
    let output = command.output().await.expect("a program runs");
    Ok(String::from_utf8(output.stdout)?)
}
