//! What a provider is set up with: it does not change while the server runs.

use std::collections::BTreeSet;

use axum::http::HeaderName;
use ipnet::IpNet;
use nixa_protocol::Client;
use nixa_protocol::id::{Id, Subject};
use nixa_protocol::registration::RegistrationPolicy;
use nixa_protocol::subject::subject_for;

/// The settings of a provider.
pub struct Settings {
    /// The issuer identifier, without a slash at its end.
    pub issuer: String,
    /// The secret of pairwise subjects: losing it changes every `sub`.
    pub pairwise_key: [u8; 32],
    /// The `acr` values published in the metadata.
    pub acr_values: Vec<String>,
    /// The scopes whose claims clients can be given.
    pub scopes: BTreeSet<String>,
    /// What clients may register by themselves; without it none may.
    pub registration: Option<RegistrationPolicy>,
    /// How long codes, tokens, transactions and sessions live.
    pub lifetimes: Lifetimes,
    /// How many requests are answered.
    pub rate_limits: RateLimits,
}

impl Settings {
    /// Whether the server is reached over TLS.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.issuer.starts_with("https://")
    }

    /// The `sub` under which a client knows a person (OpenID Connect Core §8).
    #[must_use]
    pub fn subject_for(&self, client: &Client, person: &Id<Subject>) -> String {
        subject_for(client, person.as_str(), &self.pairwise_key)
    }
}

/// How long things live, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetimes {
    /// A code, between issue and redemption.
    pub code: i64,
    /// An access token, opaque or JWT.
    pub access_token: i64,
    /// An ID token, between issue and its verification by the client.
    pub id_token: i64,
    /// A refresh token; each use brings a new one with a life of its own.
    pub refresh_token: i64,
    /// An authorization transaction, between the request and its answer.
    pub transaction: i64,
    /// A single sign-on session without use.
    pub session_idle: i64,
    /// A single sign-on session in all.
    pub session: i64,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self {
            code: 60,
            access_token: 600,
            id_token: 300,
            refresh_token: 30 * 86_400,
            transaction: 1_800,
            session_idle: 3_600,
            session: 8 * 3_600,
        }
    }
}

/// How many requests are answered in a minute; nothing is counted where it is zero.
#[derive(Debug, Clone, Default)]
pub struct RateLimits {
    /// Of one address (of IPv6, one network of 64 bits): requests of browsers, and refused ones of programs.
    pub per_address: u64,
    /// Of one client that has authenticated.
    pub per_client: u64,
    /// Networks that are not counted.
    pub exempt: Vec<IpNet>,
    /// The header in which a proxy in front puts the address; the last one in it counts.
    pub address_header: Option<HeaderName>,
}
