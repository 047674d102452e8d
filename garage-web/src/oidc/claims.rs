//! What an ID token says, once its signature is right: whether it is the provider's, for us, of now and the answer to our
//! question (OpenID Connect Core 1.0, 3.1.3.7), and who somebody is by it. Pure.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value};

use crate::people::ROLES;

/// How far the provider's clock may be from ours.
const LEEWAY: TimeDelta = TimeDelta::seconds(60);
/// A token is made when the code is changed; an older one was made for something else.
const OLDEST: TimeDelta = TimeDelta::minutes(10);
const LONGEST_NAME: usize = 100;
/// OpenID Connect Core 1.0, 2: `sub` must not exceed it.
const LONGEST_SUBJECT: usize = 255;

pub(super) type Claims = Map<String, Value>;

/// Somebody, by the provider's word.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) issuer: String,
    /// Who they are there, for ever.
    pub(crate) subject: String,
    pub(crate) name: String,
    /// What they would like to be called in short.
    pub(crate) short: String,
    /// Those of the shop's roles that they have.
    pub(crate) roles: Vec<&'static str>,
    /// The ID token, for the sign-out.
    pub(crate) hint: Option<String>,
}

impl Identity {
    pub(super) fn of(
        claims: &Claims,
        issuer: &str,
        subject: String,
        roles_claim: &str,
        hint: Option<String>,
    ) -> Self {
        let said = at(claims, roles_claim);
        let short = ["preferred_username", "email"].into_iter().find_map(|claim| text(claims, claim));
        Self {
            issuer: issuer.to_owned(),
            name: name(claims).unwrap_or(&subject).chars().take(LONGEST_NAME).collect(),
            short: short.unwrap_or_default().to_owned(),
            roles: ROLES.into_iter().filter(|role| said.is_some_and(|said| has(said, role))).collect(),
            subject,
            hint,
        }
    }
}

/// What a right ID token says.
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) client_id: &'a str,
    pub(super) nonce: &'a str,
    pub(super) now: DateTime<Utc>,
}

impl Expected<'_> {
    /// Whom a right token is about; what is wrong with any other.
    pub(super) fn subject_of(&self, claims: &Claims) -> Result<String, &'static str> {
        let time = |name| claims.get(name).and_then(Value::as_f64).and_then(instant);
        if exact(claims, "iss") != Some(self.issuer) {
            return Err("the ID token is from another issuer");
        }
        self.for_us(claims)?;
        let expires = time("exp").ok_or("the ID token does not say when it expires")?;
        if expires + LEEWAY <= self.now {
            return Err("the ID token has expired");
        }
        let issued = time("iat").ok_or("the ID token does not say when it was made")?;
        if issued > self.now + LEEWAY {
            return Err("the ID token is from the future: compare the clocks");
        }
        if issued + OLDEST + LEEWAY < self.now {
            return Err("the ID token was made long ago: compare the clocks");
        }
        if claims.contains_key("nbf") && time("nbf").is_none_or(|from| from > self.now + LEEWAY) {
            return Err("the ID token is not valid yet");
        }
        if exact(claims, "nonce") != Some(self.nonce) {
            return Err("the ID token answers another question (nonce)");
        }
        let subject = exact(claims, "sub").filter(|subject| (1..=LONGEST_SUBJECT).contains(&subject.len()));
        subject.map(str::to_owned).ok_or("the ID token does not say whom it is about (sub)")
    }

    /// Among several audiences `azp` says who asked; where it is given it must be us.
    fn for_us(&self, claims: &Claims) -> Result<(), &'static str> {
        let (is_named, several) = match claims.get("aud") {
            Some(Value::Array(all)) => (all.iter().any(|one| one == self.client_id), all.len() > 1),
            Some(one) => (one == self.client_id, false),
            None => (false, false),
        };
        let azp = claims.get("azp");
        let is_asker = azp.map_or(!several, |azp| azp == self.client_id);
        if is_named && is_asker { Ok(()) } else { Err("the ID token is for another audience") }
    }
}

fn instant(seconds: f64) -> Option<DateTime<Utc>> {
    // A year past 9999 is no time that a provider means; the bound also keeps sums with it from overflowing.
    let whole = (0.0..253_402_300_800.0).contains(&seconds).then_some(seconds)?;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "it is in range, and parts of a second say nothing here"
    )]
    DateTime::from_timestamp(whole as i64, 0)
}

/// A claim by its name, or by names with points between. A name may have points itself (`https://shop.example/roles`).
pub(super) fn at<'a>(claims: &'a Claims, path: &str) -> Option<&'a Value> {
    claims.get(path).or_else(|| {
        path.match_indices('.')
            .find_map(|(point, _)| at(claims.get(&path[..point])?.as_object()?, &path[point + 1..]))
    })
}

/// What to call somebody.
pub(super) fn name(claims: &Claims) -> Option<&str> {
    ["name", "preferred_username", "email"].into_iter().find_map(|claim| text(claims, claim))
}

fn text<'a>(claims: &'a Claims, name: &str) -> Option<&'a str> {
    exact(claims, name).map(str::trim).filter(|text| !text.is_empty())
}

/// To the letter, as what tells issuers, questions and people apart is compared.
fn exact<'a>(claims: &'a Claims, name: &str) -> Option<&'a str> {
    claims.get(name).and_then(Value::as_str)
}

/// Whether a role is among these: a list, or words with blanks or commas between.
fn has(roles: &Value, role: &str) -> bool {
    match roles {
        Value::Array(all) => all.iter().any(|one| one == role),
        Value::String(words) => words.split([' ', ',']).any(|one| one == role),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn right() -> Value {
        json!({"iss": "https://login.example", "aud": "screens", "sub": "7", "nonce": "n",
               "iat": NOW, "exp": NOW + 300})
    }

    /// What is said of a right token that was changed like this; a `null` takes a claim away.
    fn said(change: Value) -> Result<String, &'static str> {
        let mut claims = right().as_object().unwrap().clone();
        for (name, value) in change.as_object().unwrap() {
            if value.is_null() {
                claims.remove(name)
            } else {
                claims.insert(name.clone(), value.clone())
            };
        }
        let now = DateTime::from_timestamp(NOW, 0).unwrap();
        Expected { issuer: "https://login.example", client_id: "screens", nonce: "n", now }
            .subject_of(&claims)
    }

    #[test]
    fn a_right_token_is_about_its_subject() {
        for right in [
            json!({}),
            json!({"aud": ["screens"]}),
            json!({"aud": ["screens", "others"], "azp": "screens"}),
            json!({"exp": NOW - 59}),
            json!({"iat": NOW + 60}),
            json!({"iat": NOW - 600}),
            json!({"exp": 1_800_000_300.5}),
        ] {
            assert_eq!(said(right.clone()).as_deref(), Ok("7"), "{right}");
        }
    }

    #[test]
    fn a_token_with_anything_wrong_is_about_nobody() {
        for (change, words) in [
            (json!({"iss": "https://login.example/"}), "issuer"),
            (json!({"iss": null}), "issuer"),
            (json!({"aud": "others"}), "audience"),
            (json!({"aud": null}), "audience"),
            (json!({"aud": ["others"]}), "audience"),
            (json!({"aud": ["screens", "others"]}), "audience"),
            (json!({"azp": "others"}), "audience"),
            (json!({"exp": NOW - 60}), "expired"),
            (json!({"exp": null}), "does not say when it expires"),
            (json!({"exp": "soon"}), "does not say when it expires"),
            (json!({"exp": 1e300}), "does not say when it expires"),
            (json!({"iat": null}), "does not say when it was made"),
            (json!({"iat": -1}), "does not say when it was made"),
            (json!({"iat": NOW + 61}), "future"),
            (json!({"iat": NOW - 661}), "long ago"),
            (json!({"nbf": NOW + 61}), "not valid yet"),
            (json!({"nbf": "later"}), "not valid yet"),
            (json!({"nonce": "another"}), "nonce"),
            (json!({"nonce": null}), "nonce"),
            (json!({"sub": ""}), "sub"),
            (json!({"sub": 7}), "sub"),
            (json!({"sub": "7".repeat(256)}), "sub"),
        ] {
            let wrong = said(change.clone()).unwrap_err();
            assert!(wrong.contains(words), "{change}: {wrong}");
        }
    }

    fn roles(claims: Value, claim: &str) -> Vec<&'static str> {
        let claims = claims.as_object().unwrap();
        Identity::of(claims, "https://login.example", "7".to_owned(), claim, None).roles
    }

    #[test]
    fn roles_are_found_where_providers_write_them_and_strange_ones_are_none() {
        assert_eq!(roles(json!({"roles": ["manager", "admin"]}), "roles"), ["manager"]);
        let keycloak = json!({"realm_access": {"roles": ["technician", "attendant"]}});
        assert_eq!(roles(keycloak, "realm_access.roles"), ["attendant", "technician"]);
        let client = json!({"resource_access": {"shop.example": {"roles": ["manager"]}}});
        assert_eq!(roles(client, "resource_access.shop.example.roles"), ["manager"]);
        let named = json!({"https://shop.example/roles": ["attendant"]});
        assert_eq!(roles(named, "https://shop.example/roles"), ["attendant"]);
        assert_eq!(roles(json!({"roles": "technician manager"}), "roles"), ["technician", "manager"]);
        for none in [json!({}), json!({"roles": null}), json!({"roles": ["Manager", "managers", 7]})] {
            assert!(roles(none.clone(), "roles").is_empty(), "{none}");
        }
        assert!(roles(json!({"realm_access": ["manager"]}), "realm_access.roles").is_empty());
    }

    #[test]
    fn somebody_is_called_by_the_best_name_that_there_is() {
        let called = |claims: Value| {
            Identity::of(claims.as_object().unwrap(), "i", "7".to_owned(), "roles", None).name
        };
        let all = json!({"name": "Ana Silva", "preferred_username": "ana", "email": "ana@shop.example"});
        assert_eq!(called(all), "Ana Silva");
        assert_eq!(called(json!({"name": " ", "preferred_username": "ana"})), "ana");
        assert_eq!(called(json!({"email": "ana@shop.example"})), "ana@shop.example");
        assert_eq!(called(json!({})), "7");
        assert_eq!(called(json!({"name": "a".repeat(500)})).len(), LONGEST_NAME);
    }
}
