//! People who sign in by a provider. Who they are is its word (`iss` and `sub`), what they are called and may do too, as
//! of their latest sign-in; their login here is chosen at the first and stays, as the services know them by it.

use chrono::{DateTime, Utc};
use garage_kit::Failure;
use sha2::{Digest, Sha256};
use sqlx::Row;

use super::{FIRST, NotChanged, People, SCREENS, failure};
use crate::oidc::Identity;

/// Of a login, with room for what tells two of the same name apart.
const LONGEST: usize = 30;

impl People {
    /// Signs in whom the provider knows; gives the session's token, or `None` for somebody who works here no more.
    pub(crate) async fn sign_in_elsewhere(
        &self,
        who: &Identity,
        now: DateTime<Utc>,
    ) -> Result<Option<String>, Failure> {
        let (login, active) = match self.renewed(who).await? {
            Some(known) => known,
            None => (self.welcomed(who, now).await?, true),
        };
        if !active {
            return Ok(None);
        }
        self.begin_session(&login, who.hint.as_deref(), now).await.map(Some)
    }

    /// Whom the provider has taken every role from: they are signed out, wherever they are.
    pub(crate) async fn without_roles(&self, who: &Identity) -> Result<(), Failure> {
        if let Some((login, _)) = self.renewed(who).await? {
            self.sign_out_everywhere(&login).await?;
        }
        Ok(())
    }

    /// Login of somebody who has been here before, now with today's name and roles, and whether they work here.
    async fn renewed(&self, who: &Identity) -> Result<Option<(String, bool)>, Failure> {
        let renewed = sqlx::query(
            "UPDATE people SET name = ?, roles = ? WHERE issuer = ? AND subject = ? RETURNING login, active",
        );
        let renewed = renewed.bind(&who.name).bind(who.roles.join(" ")).bind(&who.issuer).bind(&who.subject);
        let row = renewed.fetch_optional(&self.pool).await.map_err(failure)?;
        let known = |row: sqlx::sqlite::SqliteRow| Ok((row.try_get(0)?, row.try_get(1)?));
        row.map(known).transpose().map_err(failure)
    }

    /// The login of somebody new: a name of their own, whoever else is called so.
    async fn welcomed(&self, who: &Identity, now: DateTime<Utc>) -> Result<String, Failure> {
        for login in logins(who) {
            match self.welcomed_as(&login, who, now).await {
                Ok(()) => return Ok(login),
                Err(NotChanged::Failed(failure)) => return Err(failure),
                Err(NotChanged::Taken | NotChanged::LastManager) => {}
            }
        }
        // Two windows of one person have come at the same time, or a hash has come twice: the next try finds out.
        Err(Failure::passing("welcoming somebody", "every login that fits them is somebody else's"))
    }

    async fn welcomed_as(&self, login: &str, who: &Identity, now: DateTime<Utc>) -> Result<(), NotChanged> {
        let added = sqlx::query(
            "INSERT INTO people (login, name, roles, password, created_at, issuer, subject)
             VALUES (?, ?, ?, '', ?, ?, ?) ON CONFLICT DO NOTHING",
        );
        let added = added.bind(login).bind(&who.name).bind(who.roles.join(" ")).bind(now.timestamp());
        let added = added.bind(&who.issuer).bind(&who.subject).execute(&self.pool).await?;
        if added.rows_affected() == 0 { Err(NotChanged::Taken) } else { Ok(()) }
    }
}

/// What somebody may be called here, the best first. The second belongs to nobody else, as it follows from who they are.
fn logins(who: &Identity) -> impl Iterator<Item = String> {
    let before = who.short.split('@').next().unwrap_or_default().to_lowercase();
    let short: String = before.chars().filter(|c| is_of_logins(*c)).take(LONGEST).collect();
    let hash = Sha256::new_with_prefix(&who.issuer).chain_update(b"\0").chain_update(&who.subject).finalize();
    let own: String = hash.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    let own = if short.is_empty() { own } else { format!("{short}-{own}") };
    // Dots alone would be another page's address.
    let is_name = short.len() > 1 && short.contains(|c: char| c.is_ascii_alphanumeric());
    let is_free = is_name && ![FIRST, SCREENS].contains(&short.as_str());
    is_free.then_some(short).into_iter().chain([own])
}

const fn is_of_logins(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn shop() -> (People, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        (People::open(&folder.path().join("web.sqlite")).await.unwrap(), folder)
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    fn who(subject: &str, short: &str, roles: &[&'static str]) -> Identity {
        Identity {
            issuer: "https://login.example".to_owned(),
            subject: subject.to_owned(),
            name: "Ana".to_owned(),
            short: short.to_owned(),
            roles: roles.to_vec(),
            hint: Some("the ID token".to_owned()),
        }
    }

    async fn login(people: &People, who: &Identity) -> String {
        let token = people.sign_in_elsewhere(who, at(0)).await.unwrap().unwrap();
        people.signed_in(&token, at(1)).await.unwrap().unwrap().login
    }

    #[tokio::test]
    async fn somebody_stays_who_they_are_whatever_they_are_called() {
        let (people, _folder) = shop().await;
        assert_eq!(login(&people, &who("7", "Ana.Silva@shop.example", &["manager"])).await, "ana.silva");
        let married = Identity { name: "Ana Souza".to_owned(), ..who("7", "ana.souza", &["technician"]) };
        assert_eq!(login(&people, &married).await, "ana.silva");
        let all = people.all().await.unwrap();
        assert_eq!((all.len(), all[0].name.as_str(), all[0].roles()), (1, "Ana Souza", vec!["technician"]));
    }

    #[tokio::test]
    async fn nobody_becomes_another_by_being_called_so() {
        let (people, _folder) = shop().await;
        let first = people.first_manager(at(0)).await.unwrap().unwrap();
        for subject in ["1", "2"] {
            let login = login(&people, &who(subject, &first.login, &["technician"])).await;
            assert!(login.starts_with("gerente-") && login.len() == 16, "{login}");
        }
        for (subject, taken) in [("3", SCREENS), ("4", "..")] {
            let login = login(&people, &who(subject, taken, &["technician"])).await;
            assert!(login.starts_with(&format!("{taken}-")), "{login}");
        }
        assert_eq!(people.all().await.unwrap().len(), 5);
        let elsewhere =
            Identity { issuer: "https://other.example".to_owned(), ..who("1", "x", &["manager"]) };
        assert!(login(&people, &elsewhere).await.len() == 10);
        assert!(people.knows(&first.login, &first.password).await.unwrap());
    }

    #[tokio::test]
    async fn somebody_of_a_provider_s_has_no_password_and_is_given_none() {
        let (people, _folder) = shop().await;
        let login = login(&people, &who("7", "ana", &["manager"])).await;
        assert!(!people.knows(&login, "").await.unwrap());
        assert!(people.reset(&login).await.unwrap().is_none());
        assert!(!people.set_password(&login, "long enough".to_owned()).await.unwrap());
        assert!(!people.knows(&login, "long enough").await.unwrap());
        let first = people.first_manager(at(0)).await.unwrap();
        assert!(first.is_some(), "nobody with a password works here yet");
    }

    #[tokio::test]
    async fn who_has_left_stays_out_and_a_manager_s_form_changes_nothing_else() {
        let (people, _folder) = shop().await;
        let ana = who("7", "ana", &["technician"]);
        let login = login(&people, &ana).await;
        people.change(&login, "Somebody", &["manager"], true).await.unwrap();
        let kept = people.all().await.unwrap().remove(0);
        assert_eq!((kept.name.as_str(), kept.roles()), ("Ana", vec!["technician"]));
        people.change(&login, "Ana", &[], false).await.unwrap();
        assert!(people.sign_in_elsewhere(&ana, at(0)).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn who_has_lost_every_role_is_signed_out() {
        let (people, _folder) = shop().await;
        let token = people.sign_in_elsewhere(&who("7", "ana", &["manager"]), at(0)).await.unwrap().unwrap();
        people.without_roles(&who("7", "ana", &[])).await.unwrap();
        assert!(people.signed_in(&token, at(1)).await.unwrap().is_none());
        people.without_roles(&who("8", "bia", &[])).await.unwrap();
        assert_eq!(people.all().await.unwrap().len(), 1, "a stranger leaves no trace");
    }

    #[tokio::test]
    async fn the_provider_s_word_comes_back_at_the_sign_out_alone() {
        let (people, _folder) = shop().await;
        let token = people.sign_in_elsewhere(&who("7", "ana", &["manager"]), at(0)).await.unwrap().unwrap();
        assert_eq!(people.sign_out(&token).await.unwrap().as_deref(), Some("the ID token"));
        assert_eq!(people.sign_out(&token).await.unwrap(), None);
    }
}
