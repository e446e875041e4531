//! `[server.store]`: the durable database and the short-lived store.

use std::path::Path;
use std::time::Duration;

use nixa_storage_redis::{RedisOptions, RedisShortLived};
use nixa_storage_sql::{Location, PoolSettings};
use serde::{Deserialize, Serialize};

use crate::config::finding::Finding;

/// `[server.store]`: where state is kept; in files of the data directory without it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoreSection {
    /// The durable database: a `postgres://` URL, or `env:NAME` of the variable that has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub durable: Option<String>,
    /// The most connections to it.
    pub connections: u32,
    /// The short-lived store: a `redis://`, `redis-cluster://` or `redis-sentinel://` URL (`rediss…` for TLS), or
    /// `env:NAME` of the variable that has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub short_lived: Option<String>,
    /// What the keys in a shared short-lived store begin with; servers of different kinds need different ones.
    pub namespace: String,
    /// How long an answer of a store is waited for, in milliseconds.
    pub patience_ms: u64,
}

impl Default for StoreSection {
    fn default() -> Self {
        let settings = PoolSettings::default();
        let patience_ms = u64::try_from(settings.timeout.as_millis()).unwrap_or(u64::MAX);
        Self {
            durable: None,
            connections: settings.connections,
            short_lived: None,
            namespace: "nixa".to_owned(),
            patience_ms,
        }
    }
}

impl StoreSection {
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn check(&self, findings: &mut Vec<Finding>) {
        let mut refuse = |key: &str, reason: &str| findings.push(Finding::new(format!("server.store.{key}"), reason));
        match self.durable.as_deref().map(resolved) {
            Some(None) => refuse("durable", "names an environment variable that is not set"),
            Some(Some(url)) if !url.starts_with("postgres://") && !url.starts_with("postgresql://") => {
                refuse("durable", "must be a postgres:// URL");
            }
            _ => {}
        }
        match self.short_lived.as_deref().map(resolved) {
            Some(None) => refuse("short_lived", "names an environment variable that is not set"),
            Some(Some(url)) => {
                if let Err(error) = RedisShortLived::open(&url, RedisOptions::new("check")) {
                    refuse("short_lived", &error.to_string());
                }
            }
            None => {}
        }
        if self.namespace.is_empty() || !self.namespace.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            refuse("namespace", "must be letters, digits and hyphens");
        }
        if self.connections == 0 {
            refuse("connections", "must be at least 1");
        }
        if self.patience_ms < 100 {
            refuse("patience_ms", "must be at least 100");
        }
    }

    /// The URL of the short-lived store, when it is a shared one.
    #[must_use]
    pub fn shared_short_lived(&self) -> Option<String> {
        self.short_lived.as_deref().and_then(resolved)
    }

    /// How long an answer of a store is waited for.
    #[must_use]
    pub fn patience(&self) -> Duration {
        Duration::from_millis(self.patience_ms)
    }

    /// The durable database and what may be asked of it.
    pub(super) fn durable(&self, data_dir: &Path) -> (Location, PoolSettings) {
        let location = match self.durable.as_deref().and_then(resolved) {
            Some(url) => Location::Postgres(url),
            None => Location::File(data_dir.join("durable.db")),
        };
        (location, PoolSettings { connections: self.connections, timeout: self.patience() })
    }
}

/// A value, or the environment's, so that a password need not stand in the file.
fn resolved(value: &str) -> Option<String> {
    match value.strip_prefix("env:") {
        Some(name) => std::env::var(name).ok(),
        None => Some(value.to_owned()),
    }
}
