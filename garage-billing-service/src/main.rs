//! The Billing Service as a program of its own.

use std::process::ExitCode;

use garage_billing_service::{DEFAULT_PORT, Settings, connect, open};
use garage_events::Service;
use garage_kit::program::Misconfigured;
use garage_saga::program::{self, Program};
use secrecy::ExposeSecret;

const VARIABLES: &str = "Environment:
  MONGODB_URI              mongodb://host:27017/billing_service
  RABBITMQ_URL             amqp:// or amqps://
  JWT_SECRET or JWKS_URL   who signs the callers' tokens; JWT_AUDIENCE, JWT_ISSUER if they are checked
  TRUSTED_PROXIES          addresses or networks whose X-Forwarded-For is believed; none
  PAYMENT_GATEWAY          mercado-pago, or sandbox for the one inside this program
  MERCADOPAGO_ACCESS_TOKEN, MERCADOPAGO_BASE_URL   for mercado-pago
  MERCADOPAGO_WEBHOOK_SECRET   whose webhooks are believed; without it polling does
  MERCADOPAGO_WEBHOOK_URL      where the provider shall tell of each payment; its dashboard's address otherwise
  PAYMENT_METHODS              of PIX, BOLETO, CREDIT_CARD and DEBIT_CARD; all
  PIX_EXPIRY_MINUTES, BOLETO_EXPIRY_DAYS           1440; 3
  QUOTE_VALIDITY_DAYS, DIAGNOSIS_FEE               10; 150.00
  DEADLINES                how long what may take before it counts as stuck: charge=15m,giving-back=10m
  PORT                     3002
  TLS_CERT_FILE, TLS_KEY_FILE                      certificate and key in PEM: then it speaks HTTPS
  OTEL_EXPORTER_OTLP_ENDPOINT   where traces go, such as http://collector:4318; nowhere
  LOG_FORMAT, RUST_LOG     text or json; info
Every secret also as NAME_FILE, the path of a file that holds it.";

fn main() -> ExitCode {
    program::main(
        "garage-billing-service",
        "quotes, payments, parts and services",
        VARIABLES,
        DEFAULT_PORT,
        async |env| {
            let settings = Settings::from_env(&env, false)?;
            let url = env.url("MONGODB_URI", &["mongodb", "mongodb+srv"])?.ok_or_else(|| {
            Misconfigured::new("MONGODB_URI is not set: give the database's address, such as mongodb://127.0.0.1:27017/billing_service")
        })?;
            let connect = || connect(url.expose_secret());
            let open = |parts| open(parts, settings);
            Program { service: Service::Billing, port: DEFAULT_PORT, connect, open }.run(&env).await
        },
    )
}
