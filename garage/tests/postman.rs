//! The Postman collection in docs/contracts: every route of the OpenAPI documents and no other one, and a run from its top
//! to its end against the real services, in which every answer is one that the documents name. A few words of the scripts
//! in it are understood here, and nothing else may stand in them.

mod chain;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use anyhow::{Context, Result, bail, ensure};
use chain::Chain;
use garage_kit::program::install_crypto;
use reqwest::{Client, Method, Response, header::CONTENT_TYPE};
use serde_json::{Value, json};
use tokio::time::{Duration, Instant, sleep};

const PATIENCE: Duration = Duration::from_secs(60);
/// The documents, with the variable that stands before their routes.
const SERVICES: [(&str, &str); 3] =
    [("os", "{{osUrl}}"), ("billing", "{{billingUrl}}"), ("execution", "{{executionUrl}}")];
/// An answer that never ends.
const STREAM: &str = "text/event-stream";

fn contract(name: &str) -> Result<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/contracts").join(name);
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    Ok(serde_json::from_str(&text)?)
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

fn word(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// A request of the collection.
struct Request {
    name: String,
    service: usize,
    method: String,
    /// With variables in two braces.
    path: String,
    body: Option<String>,
    signed_in: bool,
    script: Vec<Words>,
}

/// What the scripts may say.
enum Words {
    /// Ask again while the answer has another status.
    Until(String),
    /// Ask again while this is the answer: not everybody has heard yet.
    WhileAnswers(u16),
    /// One of these.
    Answers(Vec<u16>),
    /// Keep a field of the answer under this name.
    Keep { name: String, field: String },
}

impl Words {
    fn read(line: &str) -> Result<Self> {
        let line = line.strip_prefix("else ").unwrap_or(line);
        let between = |before: &str, after: &str| {
            line.split_once(before)?.1.split_once(after).map(|(found, _)| found.to_owned())
        };
        if line.ends_with("pm.execution.setNextRequest(pm.info.requestName);") {
            if let Some(early) = between("pm.response.code === ", ")") {
                return Ok(Self::WhileAnswers(early.parse()?));
            }
            return between("status !== \"", "\"").map(Self::Until).context("a status to wait for");
        }
        if let Some(statuses) = between("pm.expect(pm.response.code).to.be.oneOf([", "])") {
            let statuses = statuses.split(", ").map(str::parse).collect::<Result<_, _>>();
            return Ok(Self::Answers(statuses.with_context(|| line.to_owned())?));
        }
        let name = between("pm.collectionVariables.set(\"", "\"");
        match (name, between("pm.response.json().", ")")) {
            (Some(name), Some(field)) => Ok(Self::Keep { name, field }),
            _ => bail!("this test does not understand {line}"),
        }
    }
}

impl Request {
    fn read(item: &Value) -> Result<Self> {
        let (name, request) = (word(&item["name"]), &item["request"]);
        let raw = word(&request["url"]["raw"]);
        let service = SERVICES.iter().position(|(_, variable)| raw.starts_with(variable));
        let service = service.with_context(|| format!("{name}: {raw} is of no service"))?;
        let script =
            list(&item["event"]).iter().flat_map(|event| list(&event["script"]["exec"])).collect::<Vec<_>>();
        let script = script.iter().map(|line| Words::read(&word(line))).collect::<Result<_>>();
        Ok(Self {
            script: script.with_context(|| name.clone())?,
            service,
            method: word(&request["method"]),
            path: raw.trim_start_matches(SERVICES[service].1).to_owned(),
            body: request["body"]["raw"].as_str().map(str::to_owned),
            signed_in: request["auth"]["type"] != "noauth",
            name,
        })
    }

    /// The route, with every variable as `{}`.
    fn route(&self) -> String {
        let path = self.path.split('?').next().unwrap_or_default();
        without_names(&path.replace("{{", "{").replace("}}", "}"))
    }

    /// Why this answer is not the last one, if it is not.
    fn waits(&self, status: u16, body: &Value) -> Option<String> {
        self.script.iter().find_map(|words| match words {
            Words::Until(wanted) if status != 200 || body["status"] != *wanted => {
                Some(format!("never {wanted}"))
            }
            Words::WhileAnswers(early) if status == *early => Some(format!("always {early}")),
            Words::Until(_) | Words::WhileAnswers(_) | Words::Answers(_) | Words::Keep { .. } => None,
        })
    }
}

fn without_names(path: &str) -> String {
    let mut parts = path.split('{');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |plain, part| plain + "{}" + part.split_once('}').map_or("", |(_, rest)| rest))
}

fn requests(collection: &Value) -> Result<Vec<Request>> {
    let folders = list(&collection["item"]);
    folders.iter().flat_map(|folder| list(&folder["item"])).map(|item| Request::read(&item)).collect()
}

/// Service, method and route of everything that the documents describe, with the description.
fn described() -> Result<BTreeMap<(usize, String, String), Value>> {
    let mut described = BTreeMap::new();
    for (service, (name, _)) in SERVICES.iter().enumerate() {
        let document = contract(&format!("openapi-{name}.json"))?;
        for (path, operations) in document["paths"].as_object().context("paths")? {
            for (method, operation) in operations.as_object().context("operations")? {
                let key = (service, method.to_uppercase(), without_names(path));
                described.insert(key, operation.clone());
            }
        }
    }
    Ok(described)
}

#[test]
fn every_route_is_in_the_collection_and_no_other_one() -> Result<()> {
    let collection = contract("garage.postman_collection.json")?;
    ensure!(word(&collection["info"]["schema"]).ends_with("/v2.1.0/collection.json"), "another format");
    let asked = requests(&collection)?;
    let asked: BTreeSet<_> =
        asked.iter().map(|request| (request.service, request.method.clone(), request.route())).collect();
    let described: BTreeSet<_> = described()?.into_keys().collect();
    let missing: Vec<_> = described.difference(&asked).collect();
    let unknown: Vec<_> = asked.difference(&described).collect();
    ensure!(missing.is_empty() && unknown.is_empty(), "missing: {missing:?}, unknown: {unknown:?}");
    Ok(())
}

/// Runs a collection as Postman does.
struct Runner {
    variables: BTreeMap<String, String>,
    documents: [Value; 3],
    described: BTreeMap<(usize, String, String), Value>,
    client: Client,
}

impl Runner {
    fn new(collection: &Value, chain: &Chain) -> Result<Self> {
        let variables = list(&collection["variable"]);
        let mut variables: BTreeMap<String, String> =
            variables.iter().map(|one| (word(&one["key"]), word(&one["value"]))).collect();
        let [os, billing, execution] = chain.urls();
        for (name, value) in
            [("osUrl", os), ("billingUrl", billing), ("executionUrl", execution), ("token", Chain::token()?)]
        {
            ensure!(variables.insert(name.to_owned(), value).is_some(), "the collection has no {name}");
        }
        let documents = SERVICES.map(|(name, _)| contract(&format!("openapi-{name}.json")));
        let [one, two, three] = documents;
        let client = Client::builder().no_proxy().timeout(PATIENCE).build()?;
        Ok(Self { variables, documents: [one?, two?, three?], described: described()?, client })
    }

    fn filled(&self, text: &str) -> Result<String> {
        let mut filled = text.to_owned();
        for (name, value) in &self.variables {
            filled = filled.replace(&format!("{{{{{name}}}}}"), value);
        }
        ensure!(!filled.contains("{{"), "a variable that nobody has set: {filled}");
        Ok(filled)
    }

    async fn send(&self, request: &Request) -> Result<Response> {
        let url = self.filled(&format!("{}{}", SERVICES[request.service].1, request.path))?;
        let mut sent = self.client.request(Method::from_bytes(request.method.as_bytes())?, url);
        if request.signed_in {
            sent = sent.bearer_auth(self.filled("{{token}}")?);
        }
        if let Some(body) = &request.body {
            sent = sent.header(CONTENT_TYPE, "application/json").body(self.filled(body)?);
        }
        Ok(sent.send().await?)
    }

    /// Sends, again while it has to wait; the status and the body.
    async fn ask(&self, request: &Request) -> Result<(u16, Value)> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let (status, body) = self.looked_at(request, self.send(request).await?).await?;
            let Some(waits) = request.waits(status, &body) else { return Ok((status, body)) };
            ensure!(Instant::now() < deadline, "{waits}: {status} {body}");
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// The answer is one that the document names.
    async fn looked_at(&self, request: &Request, answer: Response) -> Result<(u16, Value)> {
        let status = answer.status().as_u16();
        ensure!(status < 500, "{status}");
        let key = (request.service, request.method.clone(), request.route());
        let responses = &self.described.get(&key).context("not in the document")?["responses"];
        let responses = [&responses[status.to_string()], &responses[format!("{}XX", status / 100)]];
        let response = responses.into_iter().find(|response| response.is_object());
        let response = response.with_context(|| format!("{status} is not in the document"))?;
        let media = answer.headers().get(CONTENT_TYPE).and_then(|media| media.to_str().ok());
        let media = media.and_then(|media| media.split(';').next()).unwrap_or_default().to_owned();
        let Some(contents) = response["content"].as_object() else {
            ensure!(media.is_empty(), "{status} with {media}, which is not in the document");
            return Ok((status, Value::Null));
        };
        let content = contents.get(&media).with_context(|| format!("{status} with {media:?}"))?;
        if media == STREAM || !media.ends_with("json") {
            return Ok((status, Value::Null));
        }
        let body: Value = answer.json().await?;
        self.fits(request, &content["schema"], &body).with_context(|| format!("{status} {body}"))?;
        Ok((status, body))
    }

    fn fits(&self, request: &Request, schema: &Value, body: &Value) -> Result<()> {
        let mut whole = json!({ "components": self.documents[request.service]["components"] });
        whole["allOf"] = json!([schema]);
        let schema = jsonschema::options().should_validate_formats(true).build(&whole)?;
        let told: Vec<String> = schema.iter_errors(body).map(|error| error.to_string()).collect();
        ensure!(told.is_empty(), "{told:?}");
        Ok(())
    }

    async fn run(&mut self, request: &Request) -> Result<()> {
        let (status, body) = self.ask(request).await?;
        for words in &request.script {
            match words {
                Words::Until(_) | Words::WhileAnswers(_) => {}
                Words::Answers(wanted) => ensure!(wanted.contains(&status), "{status} {body}"),
                Words::Keep { name, field } => {
                    let value = body[field].as_str().map_or_else(|| body[field].to_string(), str::to_owned);
                    self.variables.insert(name.clone(), value);
                }
            }
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_of_the_collection_brings_only_answers_that_the_documents_name() -> Result<()> {
    install_crypto();
    let chain = Chain::start().await?;
    let collection = contract("garage.postman_collection.json")?;
    let mut runner = Runner::new(&collection, &chain)?;
    let mut wrong = Vec::new();
    for request in requests(&collection)? {
        if let Err(cause) = runner.run(&request).await {
            wrong.push(format!("{}: {} {}: {cause:#}", request.name, request.method, request.path));
        }
    }
    ensure!(wrong.is_empty(), "{wrong:#?}");
    chain.stop().await
}

#[test]
fn a_script_that_says_something_else_is_not_run_past() {
    assert!(
        Words::read("pm.test(\"status\", () => pm.expect(pm.response.code).to.be.oneOf([200, 409]));")
            .is_ok()
    );
    assert!(Words::read("pm.sendRequest(\"elsewhere\");").is_err());
}
