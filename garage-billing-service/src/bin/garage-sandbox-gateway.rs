//! A payment gateway that moves no money and speaks as Mercado Pago does, as a program of its own.

use std::process::ExitCode;

use garage_billing_service::gateway::sandbox::program::run;
use garage_kit::program::{self, Env};
use garage_saga::program::{Stopped, read_arguments};

const VARIABLES: &str = "Environment:
  MERCADOPAGO_ACCESS_TOKEN     any token; callers must bring the same
  PORT                         3004
  SANDBOX_DATABASE_URL         where its book is; sqlite:garage-sandbox.sqlite
  SANDBOX_PUBLIC_URL           where payers find its pages; http://127.0.0.1:3004
  MERCADOPAGO_WEBHOOK_SECRET   with which it signs webhooks; none without it
  SANDBOX_WEBHOOK_URL          whom it tells, such as http://127.0.0.1:3002/webhooks/mercado-pago
  SANDBOX_WEBHOOK_COPIES       how often it tells the same; 1
  SANDBOX_FAULTS, SANDBOX_SEED of a hundred calls, such as answer-lost=20,request-lost=5,unavailable=10,slow=1; 0
  LOG_FORMAT, RUST_LOG         text or json; info
Every secret also as NAME_FILE, the path of a file that holds it.
Beside the provider's routes it has /pay/{number}, the payer's page, and, with the token, POST /sandbox/payments/{number}/{approve,
decline,expire,review,dispute,release,charge_back,settle,reimburse}, POST and DELETE /sandbox/faults, GET /sandbox/ledger.";

fn main() -> ExitCode {
    read_arguments("garage-sandbox-gateway", "a payment gateway that moves no money", VARIABLES);
    program::run(async {
        let env = Env::process();
        program::init_logging(&env)?;
        run(&env).await?;
        Ok::<_, Stopped>(())
    })
}
