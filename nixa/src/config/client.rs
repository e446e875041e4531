//! Client metadata that an operator declares: the registered names, read by the same rules as those of a client that
//! registers by API.

use std::collections::BTreeSet;

use assurance_policy::Policy;
use nixa_protocol::registration::{AuthenticationMethod, HttpUris, MetadataRefusal, RegistrationPolicy, read_metadata};
use nixa_protocol::{Client, claims};
use serde_json::{Map, Value};

use super::finding::Finding;

/// Client metadata, by registered name.
pub(super) type Metadata = Map<String, Value>;

/// The scopes that a portal may have.
pub(crate) fn portal_scopes() -> impl Iterator<Item = &'static str> {
    claims::SCOPES.iter().map(|(name, _)| *name).filter(|name| *name != claims::AUTHENTICATORS)
}

/// What an operator may declare, on a server with these levels and for a client that may have these scopes.
pub(super) fn operator_policy<'s>(
    scopes: impl Iterator<Item = &'s str>,
    acr_values: BTreeSet<String>,
) -> RegistrationPolicy {
    RegistrationPolicy {
        scopes: scopes.map(str::to_owned).collect(),
        acr_values,
        http: HttpUris::Loopback,
        public_subjects: true,
        require_pkce: true,
        sector: None,
        refuse_unknown: true,
    }
}

/// The levels of the policy; those that the metadata name when it could not be read, which is a finding of its own.
pub(super) fn acr_values(policy: Option<&Policy>, metadata: &Metadata) -> BTreeSet<String> {
    let named = || metadata.get("default_acr_values").and_then(Value::as_array).into_iter().flatten();
    match policy {
        Some(policy) => policy.names().map(str::to_owned).collect(),
        None => named().filter_map(Value::as_str).map(str::to_owned).collect(),
    }
}

/// A client without identifier and secret. The findings name members.
pub(super) fn read_declared(
    metadata: &Metadata,
    required: &[&str],
    policy: &RegistrationPolicy,
) -> Result<(Client, AuthenticationMethod), Vec<Finding>> {
    let missing = required.iter().filter(|member| !metadata.contains_key(**member));
    let mut findings: Vec<Finding> = missing.map(|member| Finding::new(*member, "is missing")).collect();
    match read_metadata(metadata, policy) {
        Ok(read) if findings.is_empty() => Ok(read),
        Ok(_) => Err(findings),
        Err(invalid) => {
            findings.extend(invalid.0.into_iter().map(finding));
            Err(findings)
        }
    }
}

fn finding(MetadataRefusal { member, entry, reason }: MetadataRefusal) -> Finding {
    Finding::new(entry.map_or_else(|| member.clone(), |entry| format!("{member}[{entry}]")), reason)
}
