//! What a portal remembers of a browser: its open logins, and the session of a person who is logged in.

use std::time::Duration;

use async_trait::async_trait;
use moka::future::Cache;
use moka::policy::EvictionPolicy;
use openidconnect::{AccessToken, Nonce};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tower_sessions::session::{Error, Id, Record};
use tower_sessions::{Session, SessionStore, session_store};

use crate::assurance::Requirement;
use crate::claims::ClaimSet;
use crate::exchange::PortalIdToken;
use crate::step_up::Filing;

const IDLE: Duration = Duration::from_secs(30 * 60);
const CAPACITY: u64 = 5_000;

/// Where the session keeps a [`Login`].
const LOGIN: &str = "login";
/// Where the session keeps that another service ended it.
const ENDED_ELSEWHERE: &str = "ended_elsewhere";

/// A login that was sent to the exchange and has not come back. It answers one callback of one browser. Were it not
/// bound to the browser, an attacker could log a victim in to the attacker's own account with a link (RFC 6749,
/// section 10.12).
pub(crate) struct Transaction {
    pub(crate) browser: String,
    pub(crate) nonce: Nonce,
    pub(crate) pkce_verifier: String,
    pub(crate) max_age: Option<u32>,
    pub(crate) requirement: Requirement,
    /// What is filed when the login has succeeded.
    pub(crate) waiting: Option<Filing>,
}

/// A person who is logged in. The claims and the tokens stay on the server.
#[derive(Clone, Deserialize, Serialize)]
pub(crate) struct Login {
    pub(crate) claims: ClaimSet,
    /// Kept for `id_token_hint` at logout.
    pub(crate) id_token: PortalIdToken,
    /// What the API is shown.
    pub(crate) access_token: AccessToken,
    /// What was asked of the login.
    pub(crate) requirement: Requirement,
    /// What the forms must carry.
    pub(crate) form_token: String,
}

impl Login {
    pub(crate) async fn of(session: &Session) -> Result<Option<Self>, Error> {
        session.get(LOGIN).await
    }

    /// Keeps the login under a session id that no browser has seen before; the session before it ends, so that an id
    /// fixed in the browser before the login is worth nothing after.
    pub(crate) async fn start(&self, session: &Session) -> Result<(), Error> {
        session.insert(LOGIN, self).await?;
        session.cycle_id().await
    }
}

/// Whether another service has ended this session; told once.
pub(crate) async fn was_ended_elsewhere(session: &Session) -> Result<bool, Error> {
    let ended = session.get(ENDED_ELSEWHERE).await?.unwrap_or(false);
    if ended {
        session.flush().await?;
    }
    Ok(ended)
}

/// Whom a logout token is about (Back-Channel Logout 1.0, section 2.6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// One session at the exchange.
    Session(String),
    /// Every session of one person.
    Subject(String),
}

impl Target {
    fn is(&self, record: &Record) -> bool {
        let (claim, value) = match self {
            Self::Session(sid) => ("sid", sid),
            Self::Subject(subject) => ("sub", subject),
        };
        record.data.get(LOGIN).and_then(|login| login.get("claims")?.get(claim)).is_some_and(|told| told == value)
    }
}

/// The sessions of this process; reading one renews it. A portal of several processes keeps them in a database instead
/// (`tower-sessions` has stores for many), with an index by `sid` and `sub` for the logout tokens.
#[derive(Clone, Debug)]
pub(crate) struct Sessions(Cache<Id, Record>);

impl Sessions {
    pub(crate) fn new() -> Self {
        let policy = EvictionPolicy::lru();
        Self(Cache::builder().max_capacity(CAPACITY).time_to_idle(IDLE).eviction_policy(policy).build())
    }

    /// Ends every session that a logout token is about, leaving for each browser a notice. Gives how many ended.
    pub(crate) async fn end(&self, target: &Target) -> usize {
        let meant: Vec<_> = self.0.iter().filter(|(_, record)| target.is(record)).collect();
        let ended = meant.len();
        for (id, mut record) in meant {
            record.data = [(ENDED_ELSEWHERE.to_owned(), Value::Bool(true))].into();
            self.0.insert(*id, record).await;
        }
        ended
    }
}

#[async_trait]
impl SessionStore for Sessions {
    async fn save(&self, record: &Record) -> session_store::Result<()> {
        self.0.insert(record.id, record.clone()).await;
        Ok(())
    }

    async fn load(&self, id: &Id) -> session_store::Result<Option<Record>> {
        Ok(self.0.get(id).await)
    }

    async fn delete(&self, id: &Id) -> session_store::Result<()> {
        self.0.invalidate(id).await;
        Ok(())
    }
}
