//! `[server]` and the tables in it: what every server has, whoever it is for.

mod audit;
mod limits;
mod outbound;
mod registration;
mod store;
mod tls;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use nixa_protocol::encryption::EncryptionKey;
use nixa_protocol::{Entropy, LocalizedText};
use nixa_storage_sql::{Location, PoolSettings};
use serde::{Deserialize, Serialize};

use crate::keys::{KeyError, master_key, new_master_key};
use crate::private_file;

use super::finding::Finding;
use super::uri::check_issuer;

pub use audit::{AuditSection, TimestampSection};
pub use limits::LimitsSection;
pub use outbound::OutboundSection;
pub use registration::RegistrationSection;
pub use store::StoreSection;
pub use tls::TlsSection;

/// `[server]`: what a broker and an identity provider have in common.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerSection {
    /// The issuer identifier: the public address, without a slash at its end.
    pub issuer: String,
    /// The address to listen on.
    pub listen: SocketAddr,
    /// The name that people see.
    pub name: LocalizedText,
    /// The accent colour of pages, `#rrggbb`.
    #[serde(default = "default_accent")]
    pub accent: String,
    /// The session cookie's name; servers that share a host name need different ones, since cookies do
    /// not tell ports apart.
    #[serde(default = "default_cookie")]
    pub cookie: String,
    /// Where databases and keys are kept, relative to this file.
    pub data_dir: PathBuf,
    /// The master key, under which the store's keys and secrets are encrypted: a file, or `env:NAME` of the
    /// variable that has it. Without it, `keys/master.key` in the data directory, made at the first start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub master_key: Option<String>,
    /// After how many days signing keys are replaced; at least 3, by `nixa keys rotate` alone without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotate_keys_days: Option<u32>,
    /// Where state is kept: in files of the data directory without it.
    #[serde(default, skip_serializing_if = "StoreSection::is_default")]
    pub store: StoreSection,
    /// How the audit trail is kept.
    #[serde(default, skip_serializing_if = "AuditSection::is_default")]
    pub audit: AuditSection,
    /// Lets clients register by API; without it the configuration alone declares them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration: Option<RegistrationSection>,
    /// Where the server may go for what clients publish.
    #[serde(default, skip_serializing_if = "OutboundSection::is_default")]
    pub outbound: OutboundSection,
    /// How often may be asked.
    #[serde(default, skip_serializing_if = "LimitsSection::is_default")]
    pub limits: LimitsSection,
    /// Turns TLS on; without it a proxy in front may do so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsSection>,
}

fn text_of(bytes: Vec<u8>) -> Result<String, KeyError> {
    String::from_utf8(bytes).map_err(|_| KeyError::MasterKey)
}

fn default_accent() -> String {
    "#8c1d22".to_owned()
}

fn default_cookie() -> String {
    "nixa".to_owned()
}

impl ServerSection {
    /// Whether browsers reach it over TLS.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.issuer.starts_with("https://")
    }

    /// The durable database and what may be asked of it.
    #[must_use]
    pub fn durable(&self) -> (Location, PoolSettings) {
        self.store.durable(&self.data_dir)
    }

    /// Reads the master key; where none is configured, the first start makes one.
    pub fn master_key(&self, entropy: &dyn Entropy) -> Result<EncryptionKey, KeyError> {
        let text = match self.master_key.as_deref() {
            Some(named) => match named.strip_prefix("env:") {
                Some(name) => std::env::var(name).unwrap_or_default(),
                None => text_of(private_file::read_private(Path::new(named))?)?,
            },
            None => {
                let folder = self.data_dir.join("keys");
                private_file::create_private_folder(&self.data_dir)?;
                private_file::create_private_folder(&folder)?;
                let make = || Ok(new_master_key(entropy).into_bytes());
                text_of(private_file::read_or_create(&folder.join("master.key"), make)?)?
            }
        };
        master_key(&text)
    }

    pub(super) fn check(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        self.store.check(&mut findings);
        self.audit.check(&mut findings);
        self.limits.check(&mut findings);
        if self.store.durable.is_some() && self.master_key.is_none() {
            // One made by each instance for itself would not open what another one has encrypted.
            findings.push(Finding::new("server.master_key", "is needed with a shared database"));
        }
        // One is announced for a day and published for a day more: shorter lives would pile up.
        if self.rotate_keys_days.is_some_and(|days| days < 3) {
            findings.push(Finding::new("server.rotate_keys_days", "must be at least 3"));
        }
        check_issuer("server.issuer", &self.issuer, &mut findings);
        if self.tls.is_some() && !self.is_secure() {
            findings.push(Finding::new("server.issuer", "must be https when [server.tls] is set"));
        }
        if let Some(registration) = &self.registration {
            registration.check(&mut findings);
        }
        self.outbound.check(&mut findings);
        let hex = self.accent.strip_prefix('#').unwrap_or_default();
        if hex.len() != 6 || !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
            findings.push(Finding::new("server.accent", "must be a colour of the form #rrggbb"));
        }
        if self.cookie.is_empty() || !self.cookie.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            findings.push(Finding::new("server.cookie", "must be letters, digits and underscores"));
        }
        findings
    }
}
