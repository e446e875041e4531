//! `[[broker.portal]]`: a portal, its client metadata and its catalogue of services.

use std::collections::BTreeSet;

use assurance_policy::Policy;
use nixa_broker::{PortalSettings, ServiceSettings, SsoConfirmation};
use nixa_protocol::access_token::AccessTokenFormat;
use nixa_protocol::registration::RegistrationPolicy;
use nixa_protocol::{Client, LocalizedText, claims};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::config::client::{Metadata, acr_values, operator_policy, portal_scopes, read_declared};
use crate::config::finding::Finding;
use crate::config::policy::knows;
use crate::config::uri::check_uri;

/// The fewest characters of a secret: 128 bits in base64, since it is checked without a lock-out.
const MIN_SECRET: usize = 22;
/// What a portal's metadata must have beside what RFC 7591 asks for: people read its name in both languages, its home
/// page is the way on when a login cannot go on, and what it may learn of them is said and not assumed.
const REQUIRED: [&str; 4] = ["client_name", "client_name#vi", "client_uri", "scope"];

/// `[[broker.portal]]`: what the broker alone says of a portal. What a client may also register stands in `client`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PortalSection {
    /// The `client_id` that the portal sends.
    pub client_id: String,
    /// The secret, for `client_secret_basic` and `client_secret_post`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<String>,
    /// Whether a login without PKCE is refused; a public client always needs it.
    #[serde(default = "default_true")]
    pub require_pkce: bool,
    /// The form of its access tokens: `opaque` or `jwt` (RFC 9068).
    #[serde(default)]
    pub access_tokens: AccessTokenFormat,
    /// The API that its access tokens are for (`aud`); the broker itself without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// The APIs beside `resource` that it may ask tokens for (RFC 8707).
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub audiences: BTreeSet<String>,
    /// Scopes of tokens for its own back end (`client_credentials`); none without it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub own_scopes: BTreeSet<String>,
    /// Portals of one sector see the same `sub`; the host of `client.sector_identifier_uri` can be the sector instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sector: Option<String>,
    /// The level that it always needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum_acr: Option<String>,
    /// When a person who is logged in is asked before the portal learns it.
    #[serde(default)]
    pub sso_confirmation: SsoConfirmation,
    /// Whether the person must agree to the release of claims.
    #[serde(default)]
    pub ask_consent: bool,
    /// The identity providers that may serve it; all without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity_providers: Option<BTreeSet<String>>,
    /// Its client metadata, by registered name (RFC 7591 §2).
    #[serde(default)]
    pub client: Metadata,
    /// Its catalogue of services: what a transaction needs (RFC 9396, type `urn:nixa:transaction`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub service: Vec<ServiceSection>,
}

/// `[[broker.portal.service]]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceSection {
    /// The code by which the portal names it.
    pub code: String,
    /// The level that it needs.
    pub acr: String,
    /// The greatest age of a factor, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age: Option<i64>,
    /// Whether single sign-on alone may serve.
    #[serde(default = "default_true")]
    pub sso: bool,
    /// The name of the service, as the person reads it.
    pub text: LocalizedText,
}

fn default_true() -> bool {
    true
}

impl ServiceSection {
    fn settings(&self) -> ServiceSettings {
        ServiceSettings { acr: self.acr.clone(), max_age: self.max_age, sso: self.sso, text: self.text.clone() }
    }
}

impl PortalSection {
    /// What the broker knows of the portal beside its client.
    pub(super) fn settings(&self) -> PortalSettings {
        PortalSettings {
            minimum_acr: self.minimum_acr.clone(),
            sso_confirmation: self.sso_confirmation,
            ask_consent: self.ask_consent,
            idps: self.identity_providers.clone(),
            services: self.service.iter().map(|s| (s.code.clone(), s.settings())).collect(),
        }
    }

    /// The client, or what is wrong with its metadata and its secret.
    pub(in crate::config) fn read_client(&self, policy: Option<&Policy>) -> Result<Client, Vec<Finding>> {
        let policy = self.registration_policy(policy);
        let within = |f: Finding| Finding { key: format!("client.{}", f.key), ..f };
        let read = read_declared(&self.client, &REQUIRED, &policy);
        let read = read.map_err(|findings| findings.into_iter().map(within).collect::<Vec<_>>());
        let (client, method, secret) = match (read, self.secret()) {
            (Ok((client, method)), Ok(secret)) => (client, method, secret),
            (Ok(_), Err(finding)) => return Err(vec![finding]),
            (Err(findings), Ok(_)) => return Err(findings),
            (Err(findings), Err(finding)) => return Err(findings.into_iter().chain([finding]).collect()),
        };
        Ok(Client {
            client_id: self.client_id.clone(),
            authentication: method.with_secret(secret),
            declared: true,
            own_scopes: self.own_scopes.clone(),
            audiences: self.audiences.clone(),
            access_tokens: self.access_tokens,
            resource: self.resource.clone(),
            services: self.service.iter().map(|s| s.code.clone()).collect(),
            ..client
        })
    }

    fn registration_policy(&self, policy: Option<&Policy>) -> RegistrationPolicy {
        RegistrationPolicy {
            require_pkce: self.require_pkce,
            sector: (!self.names_sector_uri()).then(|| self.sector.clone().unwrap_or_default()),
            ..operator_policy(portal_scopes(), acr_values(policy, &self.client))
        }
    }

    fn names_sector_uri(&self) -> bool {
        self.client.contains_key("sector_identifier_uri")
    }

    fn authentication_method(&self) -> &str {
        self.client.get("token_endpoint_auth_method").and_then(Value::as_str).unwrap_or("client_secret_basic")
    }

    fn is_public(&self) -> bool {
        self.authentication_method() == "none"
    }

    /// The secret; empty for a portal that authenticates without one.
    fn secret(&self) -> Result<&str, Finding> {
        let refuse = |reason: String| Err(Finding::new("client_secret", reason));
        match self.client_secret.as_deref() {
            _ if !self.authentication_method().starts_with("client_secret_") => Ok(""),
            None => refuse("is missing".to_owned()),
            Some(secret) if secret.len() < MIN_SECRET => refuse(format!("must have at least {MIN_SECRET} characters")),
            Some(secret) => Ok(secret),
        }
    }

    pub(super) fn check(&self, key: &str, policy: Option<&Policy>, idps: &BTreeSet<&str>, findings: &mut Vec<Finding>) {
        let mut refuse = |field: &str, reason: &str| findings.push(Finding::new(format!("{key}.{field}"), reason));
        if self.minimum_acr.as_ref().is_some_and(|acr| !knows(policy, |p| p.knows_level(acr))) {
            refuse("minimum_acr", "is not on the policy's ladder");
        }
        if let Some(unknown) = self.identity_providers.iter().flatten().find(|id| !idps.contains(id.as_str())) {
            refuse("identity_providers", &format!("`{unknown}` is not declared"));
        }
        if !self.require_pkce && self.is_public() {
            refuse("require_pkce", "a public client cannot do without PKCE");
        }
        match (self.sector.as_deref().unwrap_or_default(), self.names_sector_uri()) {
            ("", false) => refuse("sector", "is missing: give it, or sector_identifier_uri in the client table"),
            ("", true) | (_, false) => {}
            (_, true) => refuse("sector", "must be left out, since sector_identifier_uri in the client table is given"),
        }
        if !self.own_scopes.is_empty() && self.is_public() {
            refuse("own_scopes", "a public client cannot have tokens of its own");
        }
        if self.own_scopes.iter().any(|s| claims::SCOPES.iter().any(|(name, _)| name == s)) {
            refuse("own_scopes", "must not be scopes of a person");
        }
        self.check_services(key, policy, findings);
        if let Err(wrong) = self.read_client(policy) {
            findings.extend(wrong.into_iter().map(|f| Finding { key: format!("{key}.{}", f.key), ..f }));
        }
        if let Some(uri) = &self.resource {
            check_uri(&format!("{key}.resource"), uri, findings);
        }
    }

    fn check_services(&self, key: &str, policy: Option<&Policy>, findings: &mut Vec<Finding>) {
        for (i, service) in self.service.iter().enumerate() {
            let mut refuse = |field: &str, reason: &str| {
                findings.push(Finding::new(format!("{key}.service[{i}].{field}"), reason));
            };
            if !knows(policy, |p| p.knows_level(&service.acr)) {
                refuse("acr", "is not on the policy's ladder");
            }
            if service.max_age.is_some_and(|age| age < 0) {
                refuse("max_age", "must not be negative");
            }
            if self.service.iter().take(i).any(|earlier| earlier.code == service.code) {
                refuse("code", "is used twice");
            }
        }
    }
}
