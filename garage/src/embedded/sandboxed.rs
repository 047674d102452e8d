//! Billing with the sandbox gateway beside it, on one port: the provider's routes and the payer's pages are under
//! `/sandbox`, and what a payer does there is told to Billing by a signed webhook, as the provider would.

use std::sync::Arc;

use axum::Router;
use garage_billing_service::{
    GatewayChoice, Settings,
    gateway::sandbox::{Sandbox, bell::Bell, server},
    open_through,
};
use garage_kit::Failure;
use garage_saga::{Parts, Running};
use secrecy::SecretString;

/// Opens Billing at `url`; with the sandbox unless the settings name another gateway. `token` is for its routes.
///
/// # Errors
/// When the sandbox cannot be set up.
pub(super) fn open(
    parts: Parts,
    mut settings: Settings,
    url: &str,
    token: SecretString,
) -> Result<(Router, Running), Failure> {
    if !matches!(settings.gateway, GatewayChoice::Sandbox) {
        return Ok(garage_billing_service::open(parts, settings));
    }
    let clock = parts.clock.clone();
    let fresh = || SecretString::from(clock.event_id().to_string());
    let secret = settings.till.webhook_secret.get_or_insert_with(fresh).clone();
    let unset = |cause: String| Failure::lasting("setting up the sandbox", cause);
    let hears = format!("{url}/webhooks/mercado-pago").parse().map_err(|cause| unset(format!("{cause}")))?;
    let bell = Bell::new(Some(hears), secret, 1, clock.clone()).map_err(|cause| unset(cause.to_string()))?;
    let mut sandbox = None;
    let (router, running) = open_through(parts, settings, |shell| {
        let opened = Sandbox::new(shell.repository.clone(), shell.clock.clone());
        let opened = opened.with_pages(&format!("{url}/sandbox")).with_bell(bell.for_people_alone());
        sandbox = Some(opened.clone());
        Arc::new(opened)
    });
    let router = match sandbox {
        Some(sandbox) => router.nest("/sandbox", server::router(sandbox, token)),
        None => router,
    };
    Ok((router, running))
}
