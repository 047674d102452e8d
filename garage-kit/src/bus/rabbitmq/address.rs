//! Where the broker is and who we are to it. The password is in here and is never shown.

use std::fmt;

use lapin::uri::AMQPUri;
use reqwest::Url;

use crate::Failure;

/// Seconds between signs of life unless the URL says otherwise. A broker silent for twice as long is taken for dead, which
/// lapin looks at every half of it: so within twenty seconds.
const HEARTBEAT: u16 = 8;

/// A broker's address.
#[derive(Clone)]
pub(super) struct Address(AMQPUri);

impl Address {
    /// Reads `amqp://user:password@host:port/vhost`, or `amqps://…`. An empty vhost is `/`.
    ///
    /// # Errors
    /// When it is not of that form; the text is not repeated, as it may hold a password.
    pub(super) fn parse(url: &str) -> Result<Self, Failure> {
        let wrong = |_| {
            Failure::lasting(
                "reading the broker's URL",
                "it is not of the form amqp://user:password@host:port/vhost",
            )
        };
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
        Ok(Self(uri))
    }

    /// As lapin wants it.
    pub(super) fn uri(&self) -> AMQPUri {
        self.0.clone()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.0.authority.host, self.0.authority.port)
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
