//! `garage definitions`: what an operator imports into RabbitMQ before the services start, with a user for each of them.

use anyhow::{Result, bail};
use clap::Args;
use garage::broker::definitions;
use garage_events::Service;
use garage_kit::{clock::Clock, program::Env};
use secrecy::SecretString;

/// Print RabbitMQ's definitions: users with least rights, exchanges, queues, bindings, policies.
///
/// The users' passwords are taken from OS_RABBITMQ_PASSWORD, BILLING_RABBITMQ_PASSWORD and EXECUTION_RABBITMQ_PASSWORD,
/// or from the files that these names with _FILE behind them name. What is printed holds their hashes.
#[derive(Args)]
pub(crate) struct Definitions {
    /// Leave the users without a password: they cannot sign in until they are given one
    #[arg(long)]
    locked: bool,
}

impl Definitions {
    #[expect(clippy::print_stdout, reason = "what a command says goes to standard output")]
    pub(crate) fn run(self, env: &Env) -> Result<()> {
        let passwords = if self.locked { Vec::new() } else { passwords(env)? };
        let password = |service| {
            passwords.iter().find(|(whose, _)| *whose == service).map(|(_, password)| password.clone())
        };
        println!("{}", serde_json::to_string_pretty(&definitions(password, &Clock::system()))?);
        Ok(())
    }
}

fn passwords(env: &Env) -> Result<Vec<(Service, SecretString)>> {
    let variable = |service: &Service| match service {
        Service::Os => "OS_RABBITMQ_PASSWORD",
        Service::Billing => "BILLING_RABBITMQ_PASSWORD",
        Service::Execution => "EXECUTION_RABBITMQ_PASSWORD",
    };
    let mut passwords = Vec::new();
    for service in Service::ALL {
        match env.secret(variable(service))? {
            Some(password) => passwords.push((*service, password)),
            None => bail!("{} is not set: give {service} a password, or say --locked", variable(service)),
        }
    }
    Ok(passwords)
}
