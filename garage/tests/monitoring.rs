//! The dashboard and the alerts ask for what is really told: every question is read as Prometheus reads it, and each
//! selector in it, with its labels, is looked for in what the real programs and the real broker tell after a day's work.

#![expect(clippy::expect_used, reason = "a test that cannot go on must stop, and say why")]

mod chain;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use chain::{Chain, variable};
use garage::stories::STORIES;
use promql_parser::{
    label::{MatchOp, Matcher},
    parser::{Expr, LabelModifier, VectorSelector, parse},
};
use reqwest::Client;
use serde_json::Value;
use tokio::time::{Duration, Instant, sleep};

const PATIENCE: Duration = Duration::from_secs(60);
/// What is told only when something goes wrong that no test here makes go wrong.
const RARE: [(&str, &str); 2] = [("outcome", "unknown"), ("status", "500")];
/// Told by the broker and by a bus when there is a reason, and then by these names.
const NOT_TOLD_YET: [&str; 1] = ["garage_events_unroutable_total"];

/// A series' name, its labels and its value.
type Series = (String, BTreeMap<String, String>, f64);

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace is above").to_owned()
}

/// Questions with where they stand.
fn questions() -> Result<Vec<(String, String)>> {
    let mut questions = Vec::new();
    let dashboard: Value =
        serde_json::from_str(&fs::read_to_string(root().join("deploy/grafana/garage.json"))?)?;
    for panel in dashboard["panels"].as_array().context("panels")? {
        for target in panel["targets"].as_array().context("targets")? {
            let title = panel["title"].as_str().context("a title")?.to_owned();
            questions.push((title, target["expr"].as_str().context("a question")?.to_owned()));
        }
    }
    for rule in rules()? {
        let name = rule["alert"].as_str().context("a name")?.to_owned();
        questions.push((name, rule["expr"].as_str().context("a question")?.to_owned()));
    }
    Ok(questions)
}

fn rules() -> Result<Vec<Value>> {
    let alerts: Value =
        serde_saphyr::from_str(&fs::read_to_string(root().join("deploy/prometheus/alerts.yaml"))?)?;
    let groups = alerts["groups"].as_array().context("groups")?;
    Ok(groups.iter().flat_map(|group| group["rules"].as_array().cloned().unwrap_or_default()).collect())
}

/// What a page of metrics tells, as seen by a scrape under this name of a job.
fn read(job: &str, page: &str) -> Vec<Series> {
    let lines = page.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines.map(|line| series(job, line)).collect()
}

fn series(job: &str, line: &str) -> Series {
    let end = line.find(['{', ' ']).unwrap_or(line.len());
    let (name, rest) = line.split_at(end);
    let mut labels = BTreeMap::from([("job".to_owned(), job.to_owned())]);
    let inside =
        rest.strip_prefix('{').and_then(|rest| rest.rsplit_once('}')).map_or("", |(inside, _)| inside);
    for label in inside.split("\",") {
        if let Some((name, value)) = label.split_once("=\"") {
            labels.insert(name.trim().to_owned(), value.trim_end_matches('"').to_owned());
        }
    }
    let value = line.rsplit(' ').next().and_then(|value| value.parse().ok());
    (name.to_owned(), labels, value.unwrap_or(f64::NAN))
}

/// Selectors of a question, each with the labels that what is around it asks for.
fn selectors(question: &Expr, asked: &BTreeSet<String>, found: &mut Vec<(VectorSelector, BTreeSet<String>)>) {
    match question {
        Expr::Aggregate(aggregate) => {
            let mut asked = asked.clone();
            if let Some(LabelModifier::Include(labels)) = &aggregate.modifier {
                asked = labels.labels.iter().cloned().collect();
            }
            selectors(&aggregate.expr, &asked, found);
        }
        Expr::Binary(binary) => {
            selectors(&binary.lhs, asked, found);
            selectors(&binary.rhs, asked, found);
        }
        Expr::Call(call) => call.args.args.iter().for_each(|argument| selectors(argument, asked, found)),
        Expr::Paren(inner) => selectors(&inner.expr, asked, found),
        Expr::Unary(inner) => selectors(&inner.expr, asked, found),
        Expr::Subquery(inner) => selectors(&inner.expr, asked, found),
        Expr::MatrixSelector(matrix) => found.push((matrix.vs.clone(), asked.clone())),
        Expr::VectorSelector(selector) => found.push((selector.clone(), asked.clone())),
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => {}
    }
}

/// Whether this is so of a series, or would be if something rare happened.
fn holds(matcher: &Matcher, labels: &BTreeMap<String, String>) -> bool {
    let Some(value) = labels.get(&matcher.name) else { return false };
    matcher.is_match(value) || RARE.iter().any(|(name, rare)| *name == matcher.name && matcher.is_match(rare))
}

/// The single words of a choice such as `a|b`.
fn words(matcher: &Matcher) -> Vec<Matcher> {
    let is_choice = matches!(matcher.op, MatchOp::Re(_) | MatchOp::NotRe(_))
        && matcher.value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"|-_".contains(&byte));
    let choices = matcher.value.split('|').filter(|_| is_choice);
    choices.map(|word| Matcher::new(MatchOp::Equal, &matcher.name, word)).collect()
}

fn is_told(selector: &VectorSelector, asked: &BTreeSet<String>, told: &[Series]) -> Result<()> {
    let name = selector.name.as_deref().context("a selector without a name")?;
    let named: Vec<_> =
        told.iter().filter(|(known, ..)| known == name).map(|(_, labels, _)| labels).collect();
    ensure!(!named.is_empty() || NOT_TOLD_YET.contains(&name), "nobody tells {name}");
    if named.is_empty() {
        return Ok(());
    }
    let matchers = &selector.matchers.matchers;
    let selected: Vec<_> =
        named.iter().filter(|labels| matchers.iter().all(|matcher| holds(matcher, labels))).collect();
    ensure!(!selected.is_empty(), "no series of {name} is selected by {selector}");
    for label in asked {
        ensure!(selected.iter().any(|labels| labels.contains_key(label)), "{name} has no label {label}");
    }
    for word in matchers.iter().flat_map(words) {
        ensure!(
            named.iter().any(|labels| holds(&word, labels)),
            "{name} has no {} {}",
            word.name,
            word.value
        );
    }
    Ok(())
}

async fn page(client: &Client, url: String) -> Result<String> {
    Ok(client.get(url).send().await?.error_for_status()?.text().await?)
}

/// What all tell once the services have looked around.
async fn told(chain: &Chain) -> Result<Vec<Series>> {
    let client = Client::builder().no_proxy().build()?;
    let broker = variable("GARAGE_TEST_RABBITMQ_METRICS_URL");
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mut told = read("rabbitmq", &page(&client, format!("{broker}/metrics")).await?);
        let detailed = format!("{broker}/metrics/detailed?family=queue_coarse_metrics");
        told.extend(read("rabbitmq", &page(&client, detailed).await?));
        for (job, url) in ["os-service", "billing-service", "execution-service"].iter().zip(chain.urls()) {
            told.extend(read(job, &page(&client, format!("{url}/metrics")).await?));
        }
        let complete = ["garage_dead_letters", "garage_stuck_sagas"].iter().all(|name| {
            let jobs = told.iter().filter(|(known, ..)| known == name).map(|(_, labels, _)| &labels["job"]);
            jobs.collect::<BTreeSet<_>>().len() == 3
        });
        if complete {
            return Ok(told);
        }
        ensure!(Instant::now() < deadline, "a service has not looked around yet");
        sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_panel_and_every_alert_asks_for_what_is_told() -> Result<()> {
    let chain = Chain::start().await?;
    let shop = chain.shop()?;
    for (number, story) in (1..).zip(STORIES) {
        (story.tell)(&shop, number).await?;
    }
    chain.host.publish("quote.created", "not JSON").await?;
    chain.wait_until_these_hold_messages(&["os-quote-created.dlq"]).await?;
    let told = told(&chain).await?;
    every_service_tells_its_connections(&told)?;
    for (place, question) in questions()? {
        let read = parse(&question).map_err(anyhow::Error::msg).with_context(|| place.clone())?;
        let mut found = Vec::new();
        selectors(&read, &BTreeSet::new(), &mut found);
        ensure!(!found.is_empty(), "{place} asks for nothing");
        for (selector, asked) in found {
            is_told(&selector, &asked, &told).with_context(|| place.clone())?;
        }
    }
    chain.stop().await
}

/// By the names that OpenTelemetry gives them, with counts that can be.
fn every_service_tells_its_connections(told: &[Series]) -> Result<()> {
    for job in ["os-service", "billing-service", "execution-service"] {
        let of = |name: &str, state: Option<&str>| {
            let fits = |labels: &BTreeMap<String, String>| {
                labels["job"] == job && labels.get("state").map(String::as_str) == state
            };
            let found = told.iter().find(|(known, labels, _)| known == name && fits(labels));
            found.map(|(.., value)| *value).with_context(|| format!("{job} tells no {name} {state:?}"))
        };
        let most = of("db_client_connection_max", None)?;
        let idle = of("db_client_connection_count", Some("idle"))?;
        let used = of("db_client_connection_count", Some("used"))?;
        ensure!(of("db_client_connection_pending_requests", None)? >= 0.0, "{job}");
        ensure!(idle + used >= 1.0, "{job} has worked without a connection: {idle} idle, {used} used");
        ensure!(idle + used <= most, "{job}: {idle} idle and {used} used of {most}");
    }
    Ok(())
}

#[test]
fn a_question_for_what_nobody_tells_is_seen() {
    let told = [series("os-service", "garage_dead_letters{queue=\"os-quote-created\"} 0")];
    let asks = |question: &str| {
        let mut found = Vec::new();
        selectors(&parse(question).expect("PromQL"), &BTreeSet::new(), &mut found);
        found.iter().all(|(selector, asked)| is_told(selector, asked, &told).is_ok())
    };
    assert!(asks("max by (queue) (garage_dead_letters{queue=~\"os-.*\"}) > 0"));
    for wrong in [
        "garage_dead_letter > 0",
        "garage_dead_letters{queue=\"os\"}",
        "garage_dead_letters{queue=~\"os-quote-created|os-quote-crated\"}",
        "sum by (name) (garage_dead_letters)",
        "rate(garage_dead_letters{who=\"x\"}[5m])",
    ] {
        assert!(!asks(wrong), "{wrong}");
    }
}

#[test]
fn every_alert_is_in_the_runbook_and_says_how_bad_it_is() -> Result<()> {
    let runbook = fs::read_to_string(root().join("docs/operations.md"))?;
    let mut names = BTreeSet::new();
    for rule in rules()? {
        let name = rule["alert"].as_str().context("a name")?.to_owned();
        ensure!(runbook.contains(&format!("`{name}`")), "{name} is not in docs/operations.md");
        let severity = rule["labels"]["severity"].as_str().unwrap_or_default();
        ensure!(["critical", "warning", "info"].contains(&severity), "{name} is {severity:?}");
        ensure!(
            rule["annotations"]["summary"].is_string() && rule["for"].is_string(),
            "{name} says too little"
        );
        ensure!(names.insert(name.clone()), "{name} is there twice");
    }
    Ok(())
}
