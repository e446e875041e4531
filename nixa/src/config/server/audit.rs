//! `[server.audit]`: checkpoints, time stamps and retention of the audit trail.

use std::path::PathBuf;

use nixa_audit::timestamp::TrustedTsa;
use serde::{Deserialize, Serialize};

use crate::config::finding::Finding;

/// `[server.audit]`: how the audit trail is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuditSection {
    /// How long after a signed checkpoint the next one is made, in seconds, if anything happened.
    pub checkpoint_seconds: i64,
    /// For how many months records are kept, the current one not counted; for ever without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_months: Option<u32>,
    /// The authority that time-stamps checkpoints (RFC 3161).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<TimestampSection>,
}

/// `[server.audit.timestamp]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimestampSection {
    /// Where it answers; http is enough, since its answers are signed.
    pub url: String,
    /// PEM file with the certificates that are trusted to sign, or to have issued the signer's.
    pub trust: PathBuf,
}

impl TimestampSection {
    /// Reads the certificates of `trust`.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub fn trusted(&self) -> Result<TrustedTsa, String> {
        let pem = std::fs::read_to_string(&self.trust).map_err(|e| e.to_string())?;
        TrustedTsa::from_pem(&pem).map_err(|e| e.to_string())
    }
}

impl Default for AuditSection {
    fn default() -> Self {
        Self { checkpoint_seconds: 300, keep_months: None, timestamp: None }
    }
}

impl AuditSection {
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn check(&self, findings: &mut Vec<Finding>) {
        if self.checkpoint_seconds < 1 {
            findings.push(Finding::new("server.audit.checkpoint_seconds", "must be at least 1"));
        }
        if let Some(timestamp) = &self.timestamp {
            if !["http://", "https://"].iter().any(|scheme| timestamp.url.starts_with(scheme)) {
                findings.push(Finding::new("server.audit.timestamp.url", "must be an http or https URL"));
            }
            if let Err(reason) = timestamp.trusted() {
                findings.push(Finding::new("server.audit.timestamp.trust", reason));
            }
        }
    }
}
