//! The broker's definitions with passwords in them, as an operator imports them. A definitions file holds hashes and no
//! passwords; the hash is RabbitMQ's own (*Password Hashing*): four bytes of salt, then SHA-256 over salt and password.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use garage_events::{Service, broker::broker_definitions};
use garage_kit::clock::Clock;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// The definitions, with the passwords of those users for whom there is one. The others cannot sign in.
#[must_use]
pub fn definitions(password: impl Fn(Service) -> Option<SecretString>, clock: &Clock) -> Value {
    let mut definitions = broker_definitions();
    for (user, service) in definitions["users"].as_array_mut().into_iter().flatten().zip(Service::ALL) {
        if let Some(password) = password(*service) {
            user["password_hash"] = json!(hash(&password, salt(clock)));
        }
    }
    definitions
}

fn salt(clock: &Clock) -> [u8; 4] {
    let random = clock.event_id().into_bytes();
    [random[0], random[1], random[2], random[3]]
}

fn hash(password: &SecretString, salt: [u8; 4]) -> String {
    let hash = Sha256::new().chain_update(salt).chain_update(password.expose_secret()).finalize();
    STANDARD.encode([&salt[..], &hash[..]].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RabbitMQ's page *Password Hashing*.
    #[test]
    fn a_hash_is_the_brokers_own() {
        let hash = hash(&"test12".to_owned().into(), [0x90, 0x8d, 0xc6, 0x0a]);
        assert_eq!(hash, "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR");
    }
}
