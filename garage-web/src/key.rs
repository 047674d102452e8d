//! Keys for what the screens sign and read themselves. Each is the secret's child under a name of its own, so that nothing
//! that one of them signs says anything about tokens, or is taken for what another one signs.

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

/// A key.
pub(crate) struct Key([u8; 64]);

impl Key {
    pub(crate) fn new(name: &str, secret: &SecretString) -> Self {
        let derived =
            Sha256::new_with_prefix(name).chain_update(b"\0").chain_update(secret.expose_secret()).finalize();
        let mut key = [0; 64];
        key[..derived.len()].copy_from_slice(&derived);
        Self(key)
    }

    /// The signature of what is said, to be finished or compared.
    pub(crate) fn mac(&self, said: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new((&self.0).into());
        mac.update(said);
        mac
    }
}
