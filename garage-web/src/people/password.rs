//! Passwords: argon2id with the library's own strength, worked out on threads that may be slow. And tokens that nobody
//! can guess.

use argon2::{Argon2, PasswordHash, PasswordHasher, PasswordVerifier};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use garage_kit::Failure;
use tokio::task::spawn_blocking;

/// The shortest password, in characters.
const SHORTEST: usize = 10;
/// A longer one only makes the hash slow.
const LONGEST: usize = 200;
/// Without those that are taken for each other.
const LETTERS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz234567893";

/// What is to be said of a password somebody chose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strength {
    Enough,
    TooShort,
    TooLong,
}

impl Strength {
    pub(crate) fn of(password: &str) -> Self {
        match password.chars().count() {
            0..SHORTEST => Self::TooShort,
            SHORTEST..=LONGEST => Self::Enough,
            _ => Self::TooLong,
        }
    }
}

fn failed(cause: impl std::fmt::Display) -> Failure {
    Failure::lasting("working out a password's hash", cause.to_string())
}

/// The hash to keep.
pub(super) async fn hash(password: String) -> Result<String, Failure> {
    let hash = move || Argon2::default().hash_password(password.as_bytes()).map(|hash| hash.to_string());
    spawn_blocking(hash).await.map_err(failed)?.map_err(failed)
}

/// Whether the hash is this password's. Without a hash the same work is done for nothing, so that the time tells
/// nobody which logins there are.
pub(super) async fn fits(password: String, hash: Option<String>) -> Result<bool, Failure> {
    let fits = move || match hash {
        Some(hash) => PasswordHash::new(&hash)
            .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok()),
        None => {
            let _ = Argon2::default().hash_password(password.as_bytes());
            false
        }
    };
    spawn_blocking(fits).await.map_err(failed)
}

/// A password that can be read to somebody: 80 random bits in four groups.
pub(super) fn readable() -> String {
    let letters = rand::random::<[u8; 16]>().map(|byte| char::from(LETTERS[usize::from(byte % 32)]));
    letters.chunks(4).map(|group| group.iter().collect()).collect::<Vec<String>>().join("-")
}

/// 256 random bits, for cookies.
pub(crate) fn fresh_token() -> String {
    BASE64_URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())
}
