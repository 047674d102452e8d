//! The question whether the service on this machine is ready, asked by its own program: an image without a shell has
//! nobody else who could ask.

use std::time::Duration;

use crate::Failure;

/// A little less than the patience that container platforms are told to have.
const PATIENCE: Duration = Duration::from_secs(4);

/// Asks `/health/ready` on this machine's `port`. By HTTPS the certificate is not looked at: it is for the name that
/// others use, and whoever listens on our port is us.
///
/// # Errors
/// With the status, or why there was none.
pub async fn healthcheck(port: u16, https: bool) -> Result<(), Failure> {
    let failed = |cause: String| Failure::passing("asking for the service's health", cause);
    let client =
        reqwest::Client::builder().no_proxy().timeout(PATIENCE).tls_danger_accept_invalid_certs(https);
    let client = client.build().map_err(|cause| failed(cause.to_string()))?;
    let url = format!("{}://127.0.0.1:{port}/health/ready", if https { "https" } else { "http" });
    let answer = client.get(&url).send().await.map_err(|cause| failed(format!("{url}: {cause}")))?;
    match answer.status() {
        status if status.is_success() => Ok(()),
        status => Err(failed(format!("{url} answers {status}"))),
    }
}
