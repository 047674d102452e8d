//! Who holds the other end of a connection, by address. `X-Forwarded-For` is believed only from proxies that the
//! operator has named, and only as far as they reach: any caller can write the rest of it.

use std::{
    convert::Infallible,
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    str::FromStr,
    sync::Arc,
};

use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::{HeaderMap, request::Parts},
};
use ipnet::IpNet;

use crate::auth::Verifier;

const FORWARDED: &str = "x-forwarded-for";

/// A client's address; a whole /64 for IPv6, as one customer gets that many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Peer(IpAddr);

impl Peer {
    /// All whose address is not known, or who are too many to be told apart.
    pub(super) const OTHERS: Self = Self(IpAddr::V4(Ipv4Addr::UNSPECIFIED));

    pub(crate) fn of(parts: &Parts) -> Self {
        let Some(ConnectInfo(connected)) = parts.extensions.get::<ConnectInfo<SocketAddr>>() else {
            return Self::OTHERS;
        };
        let proxies = parts.extensions.get::<Verifier>().map(Verifier::proxies);
        let connected = connected.ip();
        proxies.map_or(connected, |proxies| proxies.client(connected, &parts.headers)).into()
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::OTHERS { f.write_str("unknown") } else { self.0.fmt(f) }
    }
}

impl From<IpAddr> for Peer {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(address) => Self(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into()),
            address @ IpAddr::V4(_) => Self(address),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Peer {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(parts))
    }
}

/// The proxies whose word on a client's address is taken; none unless told otherwise.
#[derive(Clone, Debug, Default)]
pub struct Proxies(Arc<[IpNet]>);

impl FromStr for Proxies {
    type Err = ();

    /// Addresses and networks, separated by commas: `10.0.0.7, 192.168.0.0/16`.
    fn from_str(text: &str) -> Result<Self, ()> {
        let network = |text: &str| {
            let text = text.trim();
            text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)).map_err(|_| ())
        };
        text.split(',').map(network).collect::<Result<Vec<_>, ()>>().map(|networks| Self(networks.into()))
    }
}

impl Proxies {
    fn has(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Each proxy appends whom it heard, so the list is read from its end, for as long as it is a proxy of ours that
    /// wrote. What does not read as an address ends it.
    fn client(&self, connected: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = connected;
        let lists = headers.get_all(FORWARDED).iter().filter_map(|list| list.to_str().ok());
        let hops: Vec<&str> = lists.flat_map(|list| list.split(',')).collect();
        for hop in hops.into_iter().rev() {
            if !self.has(client) {
                break;
            }
            let Some(before) = address(hop.trim()) else { break };
            client = before;
        }
        client
    }
}

/// With or without a port.
fn address(text: &str) -> Option<IpAddr> {
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    text.trim_matches(['[', ']']).parse().ok().or_else(with_port)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn client(proxies: &str, connected: &str, forwarded: &[&str]) -> String {
        let proxies: Proxies = proxies.parse().unwrap();
        let mut headers = HeaderMap::new();
        for list in forwarded {
            headers.append(FORWARDED, HeaderValue::from_str(list).unwrap());
        }
        proxies.client(connected.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn a_stranger_s_word_is_not_taken() {
        assert_eq!(client("10.0.0.1", "203.0.113.9", &["198.51.100.1"]), "203.0.113.9");
    }

    #[test]
    fn a_proxy_s_word_is_taken_and_what_the_client_wrote_before_it_is_not() {
        assert_eq!(client("10.0.0.0/8", "10.0.0.1", &["198.51.100.1, 203.0.113.9"]), "203.0.113.9");
        assert_eq!(
            client("10.0.0.0/8", "10.0.0.1", &["198.51.100.1", "203.0.113.9, 10.1.1.1"]),
            "203.0.113.9"
        );
        assert_eq!(client("::1, 10.0.0.1", "::ffff:10.0.0.1", &["[2001:db8::7]:4711"]), "2001:db8::7");
    }

    #[test]
    fn a_proxy_that_says_nothing_sensible_is_taken_for_the_client() {
        assert_eq!(client("10.0.0.1", "10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(client("10.0.0.1", "10.0.0.1", &["198.51.100.1, unknown"]), "10.0.0.1");
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in ["", "proxy", "10.0.0.0/33", "10.0.0.1,"] {
            assert!(text.parse::<Proxies>().is_err(), "{text}");
        }
    }
}
