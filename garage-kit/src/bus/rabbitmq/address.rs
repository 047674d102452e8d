//! Where the broker is, who we are to it, and which authority vouches for it. The password is in here and is never
//! shown.

use std::{fmt, fs, sync::Arc};

use lapin::uri::{AMQPScheme, AMQPUri};
use reqwest::Url;

use crate::Failure;

/// Seconds between signs of life unless the URL says otherwise. A broker silent for twice as long is taken for dead, which
/// lapin looks at every half of it: so within twenty seconds.
const HEARTBEAT: u16 = 8;
const READING: &str = "reading the broker's URL";

/// A broker's address.
#[derive(Clone)]
pub(super) struct Address {
    uri: AMQPUri,
    authorities: Option<Arc<str>>,
}

impl Address {
    /// Reads `amqp://user:password@host:port/vhost`, or `amqps://…`. An empty vhost is `/`. With `amqps` the broker's
    /// certificate must be for this host, and from an authority that the machine trusts or that the PEM file of the
    /// parameter `cacertfile` holds (RabbitMQ, *AMQP 0-9-1 URI Query Parameters*).
    ///
    /// # Errors
    /// When it is not of that form; the text is not repeated, as it may hold a password. When it asks for less than that,
    /// or its file cannot be read.
    pub(super) fn parse(url: &str) -> Result<Self, Failure> {
        let wrong =
            |_| Failure::lasting(READING, "it is not of the form amqp://user:password@host:port/vhost");
        let mut uri: AMQPUri = url.parse().map_err(wrong)?;
        let parsed = Url::parse(url).map_err(|cause| wrong(cause.to_string()))?;
        // lapin takes an IPv6 address for no host at all, and would go to localhost.
        if let Some(host) = parsed.host_str().filter(|host| !host.is_empty()) {
            uri.authority.host = host.trim_matches(['[', ']']).to_owned();
        }
        if uri.vhost.is_empty() {
            uri.vhost = "/".to_owned();
        }
        uri.query.heartbeat.get_or_insert(HEARTBEAT);
        let authorities = authorities(&uri, &parsed)?;
        Ok(Self { uri, authorities })
    }

    /// As lapin wants it.
    pub(super) fn uri(&self) -> AMQPUri {
        self.uri.clone()
    }

    /// Certificates in PEM that may vouch for the broker, beside those that the machine trusts.
    pub(super) fn authorities(&self) -> Option<Arc<str>> {
        self.authorities.clone()
    }
}

/// What somebody asks of TLS and would not get is refused, not left out.
fn authorities(uri: &AMQPUri, parsed: &Url) -> Result<Option<Arc<str>>, Failure> {
    let (mut file, secure) = (None, uri.scheme == AMQPScheme::AMQPS);
    for (name, value) in parsed.query_pairs() {
        match &*name {
            "cacertfile" if !secure => {
                return Err(Failure::lasting(READING, "cacertfile is for amqps://, and this is amqp://"));
            }
            "cacertfile" => file = Some(value.into_owned()),
            "verify" if value != "verify_peer" => {
                return Err(Failure::lasting(
                    READING,
                    "the broker is always verified: take the parameter verify away",
                ));
            }
            "certfile" | "keyfile" | "server_name_indication" => {
                return Err(Failure::lasting(READING, format!("the parameter {name} is not known here")));
            }
            _ => {}
        }
    }
    file.map(|file| pem(&file)).transpose()
}

fn pem(file: &str) -> Result<Arc<str>, Failure> {
    let text = fs::read_to_string(file);
    let text = text
        .map_err(|cause| Failure::lasting(READING, format!("cacertfile {file} cannot be read: {cause}")))?;
    if text.contains("-----BEGIN CERTIFICATE-----") {
        return Ok(text.into());
    }
    Err(Failure::lasting(READING, format!("cacertfile {file} holds no certificate in PEM")))
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.uri.authority.host, self.uri.authority.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_shows_neither_user_nor_password() {
        let address = Address::parse("amqp://garage:secret@broker.example:5673/shop").unwrap();
        assert_eq!(address.to_string(), "broker.example:5673");
        assert_eq!(address.uri().vhost, "shop");
    }

    #[test]
    fn an_address_by_number_is_that_host_and_an_empty_vhost_is_the_default_one() {
        let address = Address::parse("amqp://[2001:db8::1]:5672/").unwrap();
        assert_eq!(
            (address.uri().authority.host.as_str(), address.uri().vhost.as_str()),
            ("2001:db8::1", "/")
        );
    }

    #[test]
    fn less_trust_than_was_asked_for_is_refused() {
        let told = |url| Address::parse(url).map(|_| ()).unwrap_err().to_string();
        assert!(told("amqp://b/?cacertfile=/etc/ca.pem").contains("cacertfile is for amqps://"));
        assert!(told("amqps://b/?verify=verify_none").contains("always verified"));
        assert!(told("amqps://b/?certfile=/c.pem").contains("certfile is not known"));
        assert!(told("amqps://b/?cacertfile=/nowhere/ca.pem").contains("/nowhere/ca.pem cannot be read"));
        assert!(told("amqps://b/?cacertfile=/dev/null").contains("no certificate"));
    }

    #[test]
    fn a_silent_broker_is_noticed_within_twenty_seconds_unless_the_operator_says_otherwise() {
        let heartbeat = |url: &str| Address::parse(url).unwrap().uri().query.heartbeat;
        assert_eq!(heartbeat("amqp://broker.example").map(|beat| 2 * beat + beat / 2), Some(20));
        assert_eq!(heartbeat("amqp://broker.example?heartbeat=30"), Some(30));
    }

    #[test]
    fn a_broken_address_is_refused_without_repeating_it() {
        let failure = Address::parse("garage:secret@broker").map(|_| ()).unwrap_err();
        assert!(!failure.to_string().contains("secret"), "{failure}");
    }
}
