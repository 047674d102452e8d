//! Settings and definitions as an operator writes them. What is refused is one sentence that names the variable.

use garage_kit::{bus::Definitions, http::Proxies, program::Env};

pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let set = Env::fixed(&[
        ("RABBITMQ_URL", text),
        ("DATABASE_HOST", text),
        ("DATABASE_USER", text),
        ("DATABASE_PASSWORD", text),
        ("DATABASE_PORT", "5432"),
        ("PORT", text),
        ("DIAGNOSIS_FEE", text),
        ("PAYMENT_GATEWAY", "sandbox"),
    ]);
    named("RABBITMQ_URL", set.url("RABBITMQ_URL", &["amqp", "amqps"]), text);
    named("PORT", set.parse::<u16>("PORT", "a port"), "");
    named("DATABASE_", set.database_url("os_service"), "");
    named("DIAGNOSIS_FEE", garage_billing_service::Settings::from_env(&set, false).map(|_| ()), "");
    let _ = text.parse::<Proxies>();
    if let Ok(definitions) = serde_json::from_str::<Definitions>(text) {
        assert!(!format!("{definitions:?}").is_empty());
    }
}

/// `secret` is what must not be repeated.
fn named<T>(name: &str, read: Result<T, garage_kit::program::Misconfigured>, secret: &str) {
    let Err(told) = read else { return };
    let told = told.to_string();
    assert!(told.contains(name), "{told}");
    assert!(secret.trim().len() < 8 || !told.contains(secret), "{told} repeats it");
}
