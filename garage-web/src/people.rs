//! Who works here: names, roles and passwords (or by which provider they sign in), and who is signed in, in a SQLite file
//! of the screens' own. Passwords are kept as argon2id hashes, sessions as hashes of their tokens, so that the file alone
//! lets nobody in. The services know nothing of this: they believe the tokens that the screens sign.

use std::{path::Path, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use garage_kit::Failure;
use sha2::{Digest, Sha256};
use sqlx::{
    FromRow, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

pub(crate) use self::password::{Strength, fresh_token};
use crate::mail::book::Book;

mod elsewhere;
mod password;

/// A working day and a little more.
const SESSION: TimeDelta = TimeDelta::hours(14);
const PATIENCE: Duration = Duration::from_secs(5);
/// Every role there is; the services say what each may do.
pub(crate) const ROLES: [&str; 3] = ["attendant", "technician", "manager"];
/// The login that the first start makes.
const FIRST: &str = "gerente";
/// Whom the screens call themselves where they ask the services by themselves: nobody else is called so.
pub(crate) const SCREENS: &str = "garage-web";

/// The store of the shop's people; copies share it.
#[derive(Clone)]
pub struct People {
    pool: SqlitePool,
}

/// What the first start says, once.
pub struct FirstManager {
    /// The name to sign in with.
    pub login: String,
    /// The password, which nobody has seen yet.
    pub password: String,
}

/// Somebody who works here.
#[derive(Clone, Debug, FromRow)]
pub(crate) struct Person {
    pub(crate) login: String,
    pub(crate) name: String,
    /// With blanks between.
    roles: String,
    pub(crate) active: bool,
    /// The provider by which they sign in; `None` for a password that is kept here.
    pub(crate) issuer: Option<String>,
}

impl Person {
    pub(crate) fn roles(&self) -> Vec<&str> {
        self.roles.split(' ').filter(|role| !role.is_empty()).collect()
    }

    pub(crate) fn is(&self, role: &str) -> bool {
        self.roles().contains(&role)
    }

    /// Whether a password of theirs is kept here.
    pub(crate) const fn has_password(&self) -> bool {
        self.issuer.is_none()
    }
}

/// Why a change of people was not made.
#[derive(Debug)]
pub(crate) enum NotChanged {
    /// Somebody has this login.
    Taken,
    /// Nobody would be left to manage.
    LastManager,
    /// The store failed.
    Failed(Failure),
}

impl From<sqlx::Error> for NotChanged {
    fn from(error: sqlx::Error) -> Self {
        Self::Failed(failure(error))
    }
}

fn failure(error: sqlx::Error) -> Failure {
    Failure::passing("asking the store of people", error)
}

fn hashed(token: &str) -> Vec<u8> {
    Sha256::digest(token).to_vec()
}

impl People {
    /// Opens or makes the file.
    ///
    /// # Errors
    /// When it cannot be opened, or is of another make.
    pub async fn open(path: &Path) -> Result<Self, Failure> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .foreign_keys(true)
            .busy_timeout(PATIENCE)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full);
        let place = || path.display().to_string();
        let pool =
            SqlitePoolOptions::new().max_connections(2).acquire_timeout(PATIENCE).connect_with(options).await;
        let pool = pool.map_err(|cause| {
            Failure::lasting("opening the people's file", format!("{}: {cause}", place()))
        })?;
        // Changes are additive: a program may start on a newer one's file.
        let migrated = sqlx::migrate!("./migrations").set_ignore_missing(true).run(&pool).await;
        migrated.map_err(|cause| {
            Failure::lasting("opening the people's file", format!("{}: {cause}", place()))
        })?;
        Ok(Self { pool })
    }

    /// Where nobody has a password yet, makes a manager who may then make others.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn first_manager(&self, now: DateTime<Utc>) -> Result<Option<FirstManager>, Failure> {
        if self.count().await? > 0 {
            return Ok(None);
        }
        let password = password::readable();
        let hash = password::hash(password.clone()).await?;
        let made = sqlx::query(
            "INSERT INTO people (login, name, roles, password, created_at)
             SELECT ?, 'Gerente', 'attendant technician manager', ?, ?
             WHERE NOT EXISTS (SELECT 1 FROM people WHERE issuer IS NULL)",
        );
        let made =
            made.bind(FIRST).bind(hash).bind(now.timestamp()).execute(&self.pool).await.map_err(failure)?;
        Ok((made.rows_affected() > 0).then(|| FirstManager { login: FIRST.to_owned(), password }))
    }

    /// The book of messages, which is in the same file.
    pub(crate) fn book(&self) -> Book {
        Book::new(self.pool.clone())
    }

    async fn count(&self) -> Result<i64, Failure> {
        sqlx::query_scalar("SELECT count(*) FROM people WHERE issuer IS NULL")
            .fetch_one(&self.pool)
            .await
            .map_err(failure)
    }

    /// Gives somebody a new password, which is said once, and takes back who has left: this is the way in again of an
    /// operator before whom nobody stands. `None` for a login that nobody has a password with.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn reset(&self, login: &str) -> Result<Option<String>, Failure> {
        let back = sqlx::query("UPDATE people SET active = 1 WHERE login = ? AND issuer IS NULL");
        back.bind(login).execute(&self.pool).await.map_err(failure)?;
        self.renew_password(login).await
    }

    /// The same by a manager's hand, which leaves out who has left.
    pub(crate) async fn renew_password(&self, login: &str) -> Result<Option<String>, Failure> {
        let password = password::readable();
        let hash = password::hash(password.clone()).await?;
        Ok(self.set_hash(login, &hash).await?.then_some(password))
    }

    /// Gives somebody the password of their choice, and ends all their sessions.
    pub(crate) async fn set_password(&self, login: &str, password: String) -> Result<bool, Failure> {
        let hash = password::hash(password).await?;
        self.set_hash(login, &hash).await
    }

    async fn set_hash(&self, login: &str, hash: &str) -> Result<bool, Failure> {
        let set = sqlx::query("UPDATE people SET password = ? WHERE login = ? AND issuer IS NULL");
        let set = set.bind(hash).bind(login).execute(&self.pool).await.map_err(failure)?;
        let is_set = set.rows_affected() > 0;
        if is_set {
            self.sign_out_everywhere(login).await?;
        }
        Ok(is_set)
    }

    async fn sign_out_everywhere(&self, login: &str) -> Result<(), Failure> {
        let ended = sqlx::query("DELETE FROM sessions WHERE login = ?").bind(login).execute(&self.pool);
        ended.await.map(drop).map_err(failure)
    }

    /// Whether this is their password. Takes as long for a login that nobody has.
    pub(crate) async fn knows(&self, login: &str, password: &str) -> Result<bool, Failure> {
        let hash = sqlx::query_scalar::<_, String>(
            "SELECT password FROM people WHERE login = ? AND active = 1 AND issuer IS NULL",
        );
        let hash = hash.bind(login).fetch_optional(&self.pool).await.map_err(failure)?;
        password::fits(password.to_owned(), hash).await
    }

    /// Signs somebody in; gives the session's token.
    pub(crate) async fn sign_in(&self, login: &str, now: DateTime<Utc>) -> Result<String, Failure> {
        self.begin_session(login, None, now).await
    }

    /// `id_token` is what the provider said, if somebody has signed in by one: it wants to see it at the sign-out.
    async fn begin_session(
        &self,
        login: &str,
        id_token: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<String, Failure> {
        let token = fresh_token();
        let over = sqlx::query("DELETE FROM sessions WHERE expires_at <= ?").bind(now.timestamp());
        over.execute(&self.pool).await.map_err(failure)?;
        let session =
            sqlx::query("INSERT INTO sessions (token, login, expires_at, id_token) VALUES (?, ?, ?, ?)");
        let session = session.bind(hashed(&token)).bind(login).bind((now + SESSION).timestamp());
        session.bind(id_token).execute(&self.pool).await.map_err(failure)?;
        Ok(token)
    }

    /// Ends one session; gives the ID token that it began with, if there was one.
    pub(crate) async fn sign_out(&self, token: &str) -> Result<Option<String>, Failure> {
        let ended = sqlx::query_scalar::<_, Option<String>>(
            "DELETE FROM sessions WHERE token = ? RETURNING id_token",
        );
        let ended = ended.bind(hashed(token)).fetch_optional(&self.pool).await;
        ended.map(Option::flatten).map_err(failure)
    }

    /// Whose session this is, if it is one and they still work here.
    pub(crate) async fn signed_in(&self, token: &str, now: DateTime<Utc>) -> Result<Option<Person>, Failure> {
        let person = sqlx::query_as(
            "SELECT login, name, roles, active, issuer FROM people JOIN sessions USING (login)
             WHERE token = ? AND expires_at > ? AND active = 1",
        );
        person.bind(hashed(token)).bind(now.timestamp()).fetch_optional(&self.pool).await.map_err(failure)
    }

    /// Everybody, by name.
    pub(crate) async fn all(&self) -> Result<Vec<Person>, Failure> {
        let all = sqlx::query_as(
            "SELECT login, name, roles, active, issuer FROM people ORDER BY active DESC, name, login",
        );
        all.fetch_all(&self.pool).await.map_err(failure)
    }

    /// Whoever has this login.
    pub(crate) async fn find(&self, login: &str) -> Result<Option<Person>, Failure> {
        let found = sqlx::query_as("SELECT login, name, roles, active, issuer FROM people WHERE login = ?");
        found.bind(login).fetch_optional(&self.pool).await.map_err(failure)
    }

    /// Somebody new.
    pub(crate) async fn add(
        &self,
        login: &str,
        name: &str,
        roles: &[&str],
        password: String,
        now: DateTime<Utc>,
    ) -> Result<(), NotChanged> {
        let hash = password::hash(password).await.map_err(NotChanged::Failed)?;
        let added = sqlx::query(
            "INSERT INTO people (login, name, roles, password, created_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        );
        let added = added.bind(login).bind(name).bind(roles.join(" ")).bind(hash).bind(now.timestamp());
        let added = added.execute(&self.pool).await?;
        if added.rows_affected() == 0 { Err(NotChanged::Taken) } else { Ok(()) }
    }

    /// Changes what somebody is, and whether they still work here. The last manager with a password stays one; of
    /// somebody who signs in by a provider, name and roles are as that says.
    pub(crate) async fn change(
        &self,
        login: &str,
        name: &str,
        roles: &[&str],
        active: bool,
    ) -> Result<(), NotChanged> {
        let stays = active && roles.contains(&"manager");
        let changed = sqlx::query(
            "UPDATE people SET name = iif(issuer IS NULL, ?, name), roles = iif(issuer IS NULL, ?, roles), active = ?
             WHERE login = ? AND (? OR issuer IS NOT NULL OR EXISTS (
                 SELECT 1 FROM people WHERE login <> ? AND active = 1 AND issuer IS NULL
                     AND ' ' || roles || ' ' LIKE '% manager %'))",
        );
        let changed =
            changed.bind(name).bind(roles.join(" ")).bind(active).bind(login).bind(stays).bind(login);
        if changed.execute(&self.pool).await?.rows_affected() == 0 {
            return Err(NotChanged::LastManager);
        }
        if !active {
            self.sign_out_everywhere(login).await.map_err(NotChanged::Failed)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
