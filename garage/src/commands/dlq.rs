//! `garage dlq`: dead letters, for the operator. Asks each service for its own and has it act on them; the letters
//! are chosen first and then named one by one, so that one which comes to rest meanwhile is not swept along.

mod print;

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, Subcommand, ValueEnum};
use garage::shop::{At, Shop};
use garage_events::{Service, topology::QUEUES};
use garage_kit::program::Env;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use super::Services;

/// Letters that one request names.
const BATCH: usize = 200;
/// Seconds that one request may take.
const SECONDS: usize = 8;

/// Look at dead letters, replay or discard them.
#[derive(Args)]
pub(crate) struct Dlq {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// List what rests, oldest first
    List(List),
    /// Open one: why it rests, and everything that was sent
    Show(Show),
    /// Give letters to the consumer that could not take them, once more; always safe
    Replay(Settle),
    /// Throw letters away; their events will have no effect there, ever
    Discard(Settle),
}

/// Which letters; what is given must all hold.
#[derive(Args)]
struct Selection {
    /// The service that could not take them
    #[arg(long)]
    service: Option<Name>,
    /// The queue that they were set aside from
    #[arg(long)]
    queue: Option<String>,
    /// A part of the reason; case does not matter
    #[arg(long)]
    reason: Option<String>,
    /// The work order that they are about
    #[arg(long)]
    work_order: Option<Uuid>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Name {
    Os,
    Billing,
    Execution,
}

#[derive(Args)]
struct List {
    #[command(flatten)]
    selection: Selection,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    services: Services,
}

#[derive(Args)]
struct Show {
    /// The letter's id
    id: Uuid,
    #[command(flatten)]
    services: Services,
}

#[derive(Args)]
struct Settle {
    /// A letter's id; may be given several times
    #[arg(long)]
    id: Vec<Uuid>,
    #[command(flatten)]
    selection: Selection,
    /// Every letter there is
    #[arg(long)]
    all: bool,
    /// Only say which would be meant
    #[arg(long)]
    dry_run: bool,
    /// Letters per second; as fast as it goes unless given
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rate: Option<u32>,
    /// Why; the audit keeps it
    #[arg(long)]
    why: Option<String>,
    /// Who, for the audit, unless GARAGE_TOKEN says so; the user's name otherwise
    #[arg(long)]
    by: Option<String>,
    #[command(flatten)]
    services: Services,
}

/// A letter, and where it rests.
struct Letter {
    at: At,
    view: Value,
}

impl Dlq {
    #[expect(clippy::print_stdout, reason = "what a command says goes to standard output")]
    pub(crate) async fn run(self, env: &Env) -> Result<()> {
        match self.command {
            Command::List(list) => {
                let shop = list.services.shop(env)?;
                let (letters, away) = list.selection.find(&shop).await?;
                println!("{}", if list.json { print::json(&letters) } else { print::table(&letters) });
                reachable(&away)
            }
            Command::Show(show) => {
                println!("{}", print::opened(&show.find(&show.services.shop(env)?).await?));
                Ok(())
            }
            Command::Replay(settle) => settle.run(env, "replay").await,
            Command::Discard(settle) => settle.run(env, "discard").await,
        }
    }
}

fn reachable(away: &[String]) -> Result<()> {
    ensure!(away.is_empty(), "not every service could be asked: {}", away.join("; "));
    Ok(())
}

impl Selection {
    /// The services that may hold such letters.
    fn services(&self) -> Result<Vec<At>> {
        let every = [(Name::Os, At::Os), (Name::Billing, At::Billing), (Name::Execution, At::Execution)];
        let named = every.into_iter().filter(|(name, _)| self.service.is_none_or(|one| one == *name));
        let mut services: Vec<At> = named.map(|(_, at)| at).collect();
        if let Some(queue) = &self.queue {
            let owner = owner(queue)?;
            services.retain(|at| *at == owner);
            ensure!(!services.is_empty(), "{queue} is not a queue of that service: leave out --service");
        }
        Ok(services)
    }

    fn path(&self) -> String {
        let parameters = [
            ("queue", self.queue.clone()),
            ("reason", self.reason.clone()),
            ("workOrderId", self.work_order.map(|id| id.to_string())),
        ];
        let given = parameters.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?)));
        let query = given.fold(String::new(), |query, (name, value)| {
            query + "&" + name + "=" + &print::percent_encoded(value)
        });
        format!("/dead-letters?limit={BATCH}{query}")
    }

    fn is_empty(&self) -> bool {
        self.service.is_none() && self.queue.is_none() && self.reason.is_none() && self.work_order.is_none()
    }

    /// The letters, and which services could not be asked.
    async fn find(&self, shop: &Shop) -> Result<(Vec<Letter>, Vec<String>)> {
        let (mut letters, mut away) = (Vec::new(), Vec::new());
        for at in self.services()? {
            match shop.all(at, &self.path()).await {
                Ok(found) => letters.extend(found.into_iter().map(|view| Letter { at, view })),
                Err(cause) => away.push(format!("{cause:#}")),
            }
        }
        Ok((letters, away))
    }
}

fn owner(queue: &str) -> Result<At> {
    let queue = queue.strip_suffix(".dlq").unwrap_or(queue);
    match QUEUES.iter().find(|known| known.name == queue).map(|known| known.owner) {
        Some(Service::Os) => Ok(At::Os),
        Some(Service::Billing) => Ok(At::Billing),
        Some(Service::Execution) => Ok(At::Execution),
        None => {
            let known: Vec<&str> = QUEUES.iter().map(|known| known.name).collect();
            bail!("there is no queue {queue}; there are {}", known.join(", "))
        }
    }
}

impl Show {
    async fn find(&self, shop: &Shop) -> Result<Value> {
        for at in [At::Os, At::Billing, At::Execution] {
            let path = format!("/dead-letters/{}", self.id);
            let reply = shop.ask(at, Method::GET, &path, None).await?;
            match reply.status {
                StatusCode::OK => return Ok(reply.body),
                StatusCode::NOT_FOUND => {}
                status => bail!("{path}: {status} {}", reply.body["message"]),
            }
        }
        bail!("no dead letter {} rests anywhere; `garage dlq list` shows those that do", self.id)
    }
}

/// What came of it.
#[derive(Default)]
struct Sum {
    done: u64,
    failed: Vec<(Uuid, String)>,
}

impl Settle {
    #[expect(clippy::print_stdout, reason = "what a command says goes to standard output")]
    async fn run(self, env: &Env, act: &str) -> Result<()> {
        let names_some = !self.id.is_empty() || !self.selection.is_empty();
        ensure!(
            names_some || self.all,
            "say which: --id, --service, --queue, --reason or --work-order; or --all for every dead letter"
        );
        ensure!(!(names_some && self.all), "--all means every dead letter: leave it out, or name none");
        ensure!(self.dry_run || self.why.is_some(), "say --why: the audit keeps it");
        let shop = self.services.shop_as(env, &self.who(env)?)?;
        let (mut letters, away) = self.selection.find(&shop).await?;
        let is_meant = |letter: &Letter| letter.id().is_ok_and(|id| self.id.contains(&id));
        letters.retain(|letter| self.id.is_empty() || is_meant(letter));
        if self.dry_run {
            println!("{}", print::table(&letters));
            println!("{act} would settle {} of them; nothing was done", letters.len());
            return reachable(&away);
        }
        let sum = self.settle(&shop, act, &letters).await?;
        for (id, reason) in &sum.failed {
            println!("{id}  {}", print::line(reason));
        }
        println!("{act}: {} of {} dead letters done", sum.done, letters.len());
        reachable(&away)?;
        let missing = self
            .id
            .iter()
            .filter(|id| !letters.iter().any(|letter| letter.id().is_ok_and(|one| one == **id)));
        let missing: Vec<String> = missing.map(Uuid::to_string).collect();
        ensure!(missing.is_empty(), "these rest nowhere, so they are gone already: {}", missing.join(", "));
        ensure!(sum.failed.is_empty(), "{} could not be settled and still rest", sum.failed.len());
        Ok(())
    }

    fn who(&self, env: &Env) -> Result<String> {
        let user = env.text("USER")?.unwrap_or_else(|| "garage".to_owned());
        Ok(self.by.clone().unwrap_or(user))
    }

    async fn settle(&self, shop: &Shop, act: &str, letters: &[Letter]) -> Result<Sum> {
        let size = self.rate.map_or(BATCH, |rate| BATCH.min(rate as usize * SECONDS));
        let mut sum = Sum::default();
        for at in [At::Os, At::Billing, At::Execution] {
            let mut ids: Vec<Uuid> =
                letters.iter().filter(|letter| letter.at == at).map(Letter::id).collect::<Result<_>>()?;
            // Copies of one letter have one id, and go together.
            ids.dedup();
            for batch in ids.chunks(size) {
                self.settle_batch(shop, at, act, batch.to_vec(), &mut sum).await?;
            }
        }
        Ok(sum)
    }

    /// Asks again for what a request did not come to.
    async fn settle_batch(
        &self,
        shop: &Shop,
        at: At,
        act: &str,
        mut ids: Vec<Uuid>,
        sum: &mut Sum,
    ) -> Result<()> {
        while !ids.is_empty() {
            let wish = json!({ "ids": ids, "why": self.why, "rate": self.rate });
            let told = shop.post(at, &format!("/dead-letters/{act}"), wish).await?;
            sum.done += told["done"].as_u64().unwrap_or_default();
            for failed in told["failed"].as_array().into_iter().flatten() {
                let reason = failed["reason"].as_str().unwrap_or_default().to_owned();
                sum.failed.push((id(failed)?, reason));
            }
            let left: Vec<Uuid> =
                serde_json::from_value(told["left"].clone()).context("a report's `left`")?;
            ensure!(left != ids, "the service did nothing in time: {} letters are left", left.len());
            ids = left;
        }
        Ok(())
    }
}

impl Letter {
    fn id(&self) -> Result<Uuid> {
        id(&self.view)
    }
}

fn id(view: &Value) -> Result<Uuid> {
    view["id"]
        .as_str()
        .and_then(|id| id.parse().ok())
        .with_context(|| format!("an answer without `id`: {view}"))
}
