//! The configuration file: TOML, unknown keys refused, every finding with its key and reason.

mod broker;
mod client;
mod finding;
mod idp;
mod policy;
mod renamed;
mod server;
mod uri;

use std::fmt;
use std::path::{Path, PathBuf};

use nixa_protocol::digest;
use nixa_storage_sql::Role;
use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use broker::{
    BrokerSection, HeaderSection, PortalSection, RiskSection, ServiceSection, UpstreamIdpSection, UpstreamLevelSection,
};
pub use finding::Finding;
pub use idp::{ClientSection, IdentityProviderServerSection};
pub use policy::default_policy;
pub use server::{
    AuditSection, LimitsSection, OutboundSection, RegistrationSection, ServerSection, StoreSection, TimestampSection,
    TlsSection,
};

pub(crate) use client::portal_scopes;

use renamed::RenamedKeys;

/// One configuration file: a server that is either a broker or an identity provider.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// What every server has, broker or identity provider.
    pub server: ServerSection,
    /// Makes it a broker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broker: Option<BrokerSection>,
    /// Makes it an identity provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idp: Option<IdentityProviderServerSection>,
    /// The digest of the file and of those that it names, by which the audit trail knows them.
    #[serde(skip)]
    pub digest: String,
}

/// A file that cannot be used, with everything that is wrong with it.
#[derive(Debug, Error)]
pub struct ConfigError {
    file: PathBuf,
    findings: Vec<Finding>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, finding) in self.findings.iter().enumerate() {
            let newline = if i == 0 { "" } else { "\n" };
            write!(f, "{newline}{}: {}: {}", self.file.display(), finding.key, finding.reason)?;
        }
        Ok(())
    }
}

/// Where paths in a file start from: the file's own folder.
pub(crate) fn beside(file: &Path, path: &Path) -> PathBuf {
    file.parent().unwrap_or(Path::new(".")).join(path)
}

impl Config {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// [`ConfigError`] with every finding, or the first one when the file cannot be read as a whole.
    pub fn load(file: &Path) -> Result<Self, ConfigError> {
        let refuse = |findings| ConfigError { file: file.to_owned(), findings };
        let text = std::fs::read_to_string(file).map_err(|e| refuse(vec![Finding::new("(file)", e.to_string())]))?;
        let (mut config, renamed) = Self::parse(&text).map_err(refuse)?;
        config.server.data_dir = beside(file, &config.server.data_dir);
        if let Some(key) = config.server.master_key.as_mut().filter(|key| !key.starts_with("env:")) {
            *key = beside(file, Path::new(key.as_str())).display().to_string();
        }
        for path in config.paths_mut() {
            *path = beside(file, path);
        }
        // What it says, also by the files that it names: an edited policy is another configuration.
        let named = config.paths_mut().into_iter().map(|path| std::fs::read(path).unwrap_or_default());
        let named: Vec<String> =
            named.map(|bytes| digest(&String::from_utf8_lossy(&bytes)).as_str().to_owned()).collect();
        config.digest = digest(&[text, named.join(" ")].join("\n")).as_str().to_owned();
        let findings = config.check(renamed);
        if findings.is_empty() { Ok(config) } else { Err(refuse(findings)) }
    }

    /// Which kind of server it is for: [`Config::load`] accepts no file that says both or neither.
    #[must_use]
    pub fn role(&self) -> Role {
        if self.broker.is_some() { Role::Broker } else { Role::Idp }
    }

    fn parse(text: &str) -> Result<(Self, RenamedKeys), Vec<Finding>> {
        let syntax = |e: toml::de::Error| vec![Finding::new("(syntax)", e.to_string().trim().to_owned())];
        let mut document: toml::Table = toml::from_str(text).map_err(syntax)?;
        let renamed = RenamedKeys::take(&mut document);
        match serde_path_to_error::deserialize(document) {
            Ok(config) => Ok((config, renamed)),
            Err(error) => {
                let finding = Finding::new(error.path().to_string(), error.into_inner().message());
                Err(renamed.findings.into_iter().chain([finding]).collect())
            }
        }
    }

    fn paths_mut(&mut self) -> Vec<&mut PathBuf> {
        let tls = self.server.tls.iter_mut().flat_map(|t| [&mut t.certificate, &mut t.key]);
        let broker = self.broker.iter_mut().filter_map(|b| b.policy.as_mut());
        let idp = self.idp.iter_mut().filter_map(|i| i.policy.as_mut());
        let trust = self.server.audit.timestamp.iter_mut().map(|t| &mut t.trust);
        let authorities = self.server.outbound.authorities.iter_mut();
        tls.chain(authorities).chain(broker).chain(idp).chain(trust).collect()
    }

    fn check(&self, renamed: RenamedKeys) -> Vec<Finding> {
        let mut findings = self.server.check();
        match (&self.broker, &self.idp) {
            (Some(broker), None) => broker.check(&mut findings),
            (None, Some(idp)) => idp.check(&mut findings),
            _ => findings.push(Finding::new("(file)", "must have either a [broker] or an [idp] table")),
        }
        findings.retain(|finding| !renamed.explain(finding));
        renamed.findings.into_iter().chain(findings).collect()
    }
}

#[cfg(test)]
mod tests;
