//! Sign-in by a provider (OpenID Connect Core 1.0, authorization code flow with PKCE): somebody is sent there with a
//! question, comes back with a code, and the code is changed for an ID token that says who they are. What the provider
//! says is believed only with its signature, for us, now, and as the answer to the question that this browser took along.
//! Who they are then becomes a person and a session like any other ([`crate::people`]).

use chrono::{DateTime, Utc};
use garage_kit::Failure;
use reqwest::Url;
use secrecy::SecretString;
use serde::Deserialize;

pub use self::settings::OidcSettings;
use self::{claims::Expected, provider::Provider, ticket::Tickets};
pub(crate) use self::{
    claims::Identity,
    ticket::{LIFETIME, Ticket},
};

mod claims;
mod provider;
mod settings;
mod ticket;

/// A longer ID token is not kept for the sign-out, as it would not fit into an address.
const LONGEST_HINT: usize = 2048;

/// What an answer says when somebody, or the provider for their sake, said no; anything else is out of order (RFC 6749,
/// section 4.1.2.1, and OpenID Connect Core 1.0, section 3.1.2.6).
const DECLINED: [&str; 4] = ["access_denied", "login_required", "interaction_required", "consent_required"];

/// The sign-in by a provider.
pub(crate) struct Oidc {
    settings: OidcSettings,
    tickets: Tickets,
    provider: Provider,
}

/// Why somebody is not let in.
#[derive(Debug)]
pub(crate) enum NotIn {
    /// What they bring back answers no question that this browser has taken along lately, or has served before.
    Stale,
    /// The provider did not let them in, with its word for why.
    Declined(String),
    /// The provider does not answer.
    Away(String),
    /// The provider's answer cannot be believed or read.
    Odd(String),
    /// The provider gives them none of the shop's roles.
    NoRole(Box<Identity>),
    /// A manager has said that they do not work here any more.
    Left(Box<Identity>),
}

/// Where somebody goes to sign in, and what their browser takes along.
pub(crate) struct Begun {
    pub(crate) to: Url,
    pub(crate) ticket: String,
}

/// What somebody comes back with (RFC 6749, 4.1.2; RFC 9207).
#[derive(Deserialize)]
pub(crate) struct Answer {
    #[serde(default)]
    pub(crate) state: String,
    code: Option<String>,
    error: Option<String>,
    iss: Option<String>,
}

impl Oidc {
    pub(crate) fn new(settings: OidcSettings, secret: &SecretString) -> Result<Self, Failure> {
        let provider = Provider::new(settings.clone())?;
        Ok(Self { settings, tickets: Tickets::new(secret), provider })
    }

    /// What it is called on the button.
    pub(crate) fn name(&self) -> &str {
        &self.settings.name
    }

    pub(crate) fn issuer(&self) -> &str {
        &self.settings.issuer
    }

    /// Where it says what somebody is here.
    pub(crate) fn roles_claim(&self) -> &str {
        &self.settings.roles_claim
    }

    /// Whether nobody signs in with a password.
    pub(crate) const fn is_only_way(&self) -> bool {
        self.settings.is_only_way()
    }

    /// A question for the provider. `seed` is fresh; `next` is where they want to go afterwards; `anew` asks for an account
    /// even if they have signed in there.
    pub(crate) async fn begin(
        &self,
        seed: [u8; 32],
        next: &str,
        anew: bool,
        now: DateTime<Utc>,
    ) -> Result<Begun, NotIn> {
        let metadata = self.provider.metadata(now).await?;
        let ticket = self.tickets.issue(seed, next, now);
        let mut to = metadata.authorization_endpoint.clone();
        to.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("redirect_uri", &self.settings.callback())
            .append_pair("scope", "openid profile email")
            .append_pair("state", &ticket.state)
            .append_pair("nonce", &ticket.nonce)
            .append_pair("code_challenge", &ticket.challenge())
            .append_pair("code_challenge_method", "S256")
            .extend_pairs(anew.then_some(("prompt", "login")));
        Ok(Begun { to, ticket: self.tickets.written(&ticket) })
    }

    /// The question that this browser took along, if it is the one that is answered.
    pub(crate) fn question(
        &self,
        cookie: Option<&str>,
        answer: &Answer,
        now: DateTime<Utc>,
    ) -> Result<Ticket, NotIn> {
        let ticket = cookie.and_then(|text| self.tickets.read(text, now)).ok_or(NotIn::Stale)?;
        // Both are made with a key that nobody has: how far they agree tells nothing of it.
        if ticket.state == answer.state { Ok(ticket) } else { Err(NotIn::Stale) }
    }

    /// Who comes back with this answer.
    pub(crate) async fn identity(
        &self,
        ticket: &Ticket,
        answer: Answer,
        now: DateTime<Utc>,
    ) -> Result<Identity, NotIn> {
        let metadata = self.provider.metadata(now).await?;
        let must_say = metadata.says_who_answers;
        let is_theirs = answer.iss.as_ref().map_or(!must_say, |issuer| issuer == self.issuer());
        if !is_theirs {
            return Err(NotIn::Odd(format!("the answer is from another issuer, {:?}", answer.iss)));
        }
        if let Some(error) = answer.error {
            let by_a_person = DECLINED.contains(&error.as_str());
            return Err(if by_a_person { NotIn::Declined(error) } else { NotIn::Odd(error) });
        }
        let code = answer.code.ok_or_else(|| NotIn::Odd("the answer has no code".to_owned()))?;
        let tokens = self.provider.tokens(&metadata, &code, &ticket.verifier).await?;
        let mut claims = self.provider.believed(&metadata, &tokens.id_token, now).await?;
        let OidcSettings { issuer, client_id, roles_claim, .. } = &self.settings;
        let expected = Expected { issuer, client_id, nonce: &ticket.nonce, now };
        let subject = expected.subject_of(&claims).map_err(|wrong| NotIn::Odd(wrong.to_owned()))?;
        if claims::at(&claims, roles_claim).is_none() || claims::name(&claims).is_none() {
            for (name, value) in
                self.provider.more(&metadata, tokens.access_token.as_deref(), &subject).await?
            {
                claims.entry(name).or_insert(value);
            }
        }
        let hint = Some(tokens.id_token).filter(|token| token.len() <= LONGEST_HINT);
        Ok(Identity::of(&claims, issuer, subject, roles_claim, hint))
    }

    /// Where somebody goes to sign out at the provider as well, if it has such a place.
    pub(crate) async fn farewell(&self, hint: Option<&str>, now: DateTime<Utc>) -> Option<Url> {
        // It has said why it is away.
        let metadata = self.provider.metadata(now).await.ok()?;
        let mut to = metadata.end_session_endpoint.clone()?;
        to.query_pairs_mut()
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("post_logout_redirect_uri", &self.settings.after_sign_out())
            .extend_pairs(hint.map(|token| ("id_token_hint", token)));
        Some(to)
    }
}
