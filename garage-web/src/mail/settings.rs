//! The mail server and who writes, from the environment. What is wrong is found at the start, and the password is in no
//! sentence about it.

use std::time::Duration;

use garage_kit::program::{Env, Misconfigured};
use lettre::{AsyncSmtpTransport, Tokio1Executor, message::Mailbox, transport::smtp};
use secrecy::{ExposeSecret, SecretString};

/// After the first failure; each further one doubles it.
const PAUSE: Duration = Duration::from_secs(15);
/// How long connecting may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// How mail is sent.
#[derive(Clone, Debug)]
pub struct Mail {
    url: SecretString,
    pub(super) from: Mailbox,
    /// How long a message waits after the first failure; each further one doubles it, up to half an hour.
    pub pause: Duration,
}

impl Mail {
    /// From `SMTP_URL` and `SMTP_FROM`; without them nothing is sent.
    pub(crate) fn from_env(env: &Env) -> Result<Option<Self>, Misconfigured> {
        match (env.url("SMTP_URL", &["smtp", "smtps"])?, env.text("SMTP_FROM")?) {
            (None, None) => Ok(None),
            (Some(url), Some(from)) => {
                check(&url)?;
                let from = from.parse().map_err(|_| wrong_from(&from))?;
                Ok(Some(Self { url, from, pause: PAUSE }))
            }
            (Some(_), None) => Err(Misconfigured::new(
                "SMTP_FROM is not set: give the address that customers see, such as Oficina <oficina@example.com>",
            )),
            (None, Some(_)) => Err(Misconfigured::new(
                "SMTP_URL is not set: give the mail server's address, or take SMTP_FROM away",
            )),
        }
    }

    pub(super) fn transport(&self) -> Result<AsyncSmtpTransport<Tokio1Executor>, smtp::Error> {
        let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(self.url.expose_secret())?;
        Ok(builder.timeout(Some(PATIENCE)).build())
    }
}

fn wrong_from(from: &str) -> Misconfigured {
    Misconfigured::new(format!(
        "SMTP_FROM must be an address such as oficina@example.com or Oficina <oficina@example.com>; it is {from:?}"
    ))
}

/// Whether the address is one, and would not show a password to whoever listens.
fn check(url: &SecretString) -> Result<(), Misconfigured> {
    let text = url.expose_secret();
    let is_known = AsyncSmtpTransport::<Tokio1Executor>::from_url(text).is_ok();
    let Some(read) = reqwest::Url::parse(text).ok().filter(|_| is_known) else {
        return Err(Misconfigured::new(
            "SMTP_URL must be a mail server's address such as smtps://user:password@host:465, smtp://host:587?tls=required or smtp://localhost:25",
        ));
    };
    let is_sealed = read.scheme() == "smtps"
        || read.query_pairs().any(|(name, value)| name == "tls" && value == "required");
    let is_here = matches!(read.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    match (read.username(), read.password()) {
        ("", None) => Ok(()),
        (_, None) | ("", Some(_)) => {
            Err(Misconfigured::new("SMTP_URL must have both a user and a password, or neither"))
        }
        (_, Some(_)) if is_sealed || is_here => Ok(()),
        (_, Some(_)) => Err(Misconfigured::new(
            "SMTP_URL must not send its password in the clear: begin it with smtps: or end it with ?tls=required",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(variables: &[(&str, &str)]) -> String {
        Mail::from_env(&Env::fixed(variables)).err().map(|wrong| wrong.to_string()).unwrap_or_default()
    }

    #[test]
    fn mail_is_off_until_it_is_set_up() {
        garage_kit::program::install_crypto();
        assert!(Mail::from_env(&Env::fixed(&[])).unwrap().is_none());
        let from = ("SMTP_FROM", "Oficina <oficina@example.com>");
        for url in [
            "smtp://localhost",
            "smtp://127.0.0.1:2525",
            "smtp://u:p@localhost:25",
            "smtps://ana%40x:a%2Fb@mail.example.com",
            "smtp://u:p@mail.example.com?tls=required",
        ] {
            let mail = Mail::from_env(&Env::fixed(&[("SMTP_URL", url), from])).unwrap().unwrap();
            assert!(mail.transport().is_ok(), "{url}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_and_no_password_is_shown() {
        garage_kit::program::install_crypto();
        let from = ("SMTP_FROM", "oficina@example.com");
        for (url, words) in [
            ("http://u:hush@host", "SMTP_URL must begin with smtp: or smtps:"),
            ("smtp://u:hush@host:port", "SMTP_URL must be a mail server's address"),
            ("smtps://u:hush@", "SMTP_URL must be a mail server's address"),
            ("smtp://u:hush@host?tls=hush", "SMTP_URL must be a mail server's address"),
            ("smtp://u:hush@host:587", "SMTP_URL must not send its password in the clear"),
            ("smtp://u:hush@host?tls=opportunistic", "SMTP_URL must not send its password in the clear"),
            ("smtps://hush@host", "SMTP_URL must have both a user and a password"),
        ] {
            let told = told(&[("SMTP_URL", url), from]);
            assert!(told.starts_with(words) && !told.contains("hush"), "{url}: {told}");
        }
        let server = ("SMTP_URL", "smtps://u:hush@host");
        assert!(told(&[server]).starts_with("SMTP_FROM is not set"));
        assert!(told(&[from]).starts_with("SMTP_URL is not set"));
        let two_lines = told(&[server, ("SMTP_FROM", "a@b.example\nBcc: c@d.example")]);
        assert!(two_lines.starts_with("SMTP_FROM must be an address such as"), "{two_lines}");
        let shown = format!("{:?}", Mail::from_env(&Env::fixed(&[server, from])).unwrap());
        assert!(!shown.contains("hush"), "{shown}");
    }
}
