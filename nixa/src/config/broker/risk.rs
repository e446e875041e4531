//! `[broker.risk]`: what raises risk signals.

use assurance_policy::Policy;
use axum::http::HeaderName;
use nixa_broker::{HeaderSignal, RiskSettings};
use serde::{Deserialize, Serialize};

use crate::config::finding::Finding;
use crate::config::policy::knows;

/// `[broker.risk]`: which signals are raised by what. The policy says how far each raises the level.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RiskSection {
    /// The signal raised for a browser in which the person has not logged in before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_device: Option<String>,
    /// Signals raised by headers that a proxy in front sets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub header: Vec<HeaderSection>,
}

/// `[[broker.risk.header]]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeaderSection {
    /// The header; the proxy must remove it from what comes from outside.
    pub name: String,
    /// The value that it must have; any value without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// The signal that it raises, by name in the policy.
    pub signal: String,
}

impl RiskSection {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn check(&self, policy: Option<&Policy>, findings: &mut Vec<Finding>) {
        let mut refuse = |key: String, reason: &str| findings.push(Finding::new(format!("broker.risk.{key}"), reason));
        let unknown = |signal: &str| !knows(policy, |p| p.knows_signal(signal));
        if self.new_device.as_deref().is_some_and(unknown) {
            refuse("new_device".to_owned(), "is not a risk signal of the policy");
        }
        for (i, header) in self.header.iter().enumerate() {
            if unknown(&header.signal) {
                refuse(format!("header[{i}].signal"), "is not a risk signal of the policy");
            }
            if header.name.parse::<HeaderName>().is_err() {
                refuse(format!("header[{i}].name"), "is not the name of a header");
            }
        }
    }

    /// The settings, for a server whose session cookie has this name.
    #[must_use]
    pub fn settings(&self, cookie: &str, secure: bool) -> RiskSettings {
        let header = |h: &HeaderSection| {
            let (value, signal) = (h.value.clone(), h.signal.clone());
            Some(HeaderSignal { header: h.name.parse().ok()?, value, signal })
        };
        let prefix = if secure { "__Host-" } else { "" };
        RiskSettings {
            new_device: self.new_device.clone(),
            headers: self.header.iter().filter_map(header).collect(),
            device_cookie: format!("{prefix}{cookie}_device"),
        }
    }
}
