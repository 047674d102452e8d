//! The OS Service as a program of its own.

use std::process::ExitCode;

use garage_events::Service;
use garage_os_service::{DEFAULT_PORT, connect, open_with};
use garage_saga::{
    program::{self, Program},
    waiting::deadlines,
};
use secrecy::ExposeSecret;

const VARIABLES: &str = "Environment:
  DATABASE_URL, or DATABASE_HOST, DATABASE_PORT, DATABASE_USER, DATABASE_PASSWORD and DATABASE_NAME (os_service)
  RABBITMQ_URL             amqp:// or amqps://
  JWT_SECRET or JWKS_URL   who signs the callers' tokens; JWT_AUDIENCE, JWT_ISSUER if they are checked
  DEADLINES                how long what may take before it counts as stuck: payment=7d,work=14d
  TRUSTED_PROXIES          addresses or networks whose X-Forwarded-For is believed; none
  PORT                     3001
  TLS_CERT_FILE, TLS_KEY_FILE   certificate and key in PEM: then it speaks HTTPS
  OTEL_EXPORTER_OTLP_ENDPOINT   where traces go, such as http://collector:4318; nowhere
  LOG_FORMAT, RUST_LOG     text or json; info
Every secret also as NAME_FILE, the path of a file that holds it.";

fn main() -> ExitCode {
    program::main(
        "garage-os-service",
        "customers, vehicles, work orders",
        VARIABLES,
        DEFAULT_PORT,
        async |env| {
            let deadlines = deadlines(&env)?;
            let url = env.database_url("os_service")?;
            let connect = || connect(url.expose_secret());
            let open = |parts| open_with(parts, deadlines);
            Program { service: Service::Os, port: DEFAULT_PORT, connect, open }.run(&env).await
        },
    )
}
