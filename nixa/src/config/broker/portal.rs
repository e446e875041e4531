use std::collections::BTreeSet;

use assurance_policy::Policy;
use nixa_broker::{ServiceSettings, SsoConfirmation};
use nixa_protocol::access_token::AccessTokenFormat;
use nixa_protocol::client::RequestProtection;
use nixa_protocol::jose::{Algorithm, VerifyingKey};
use nixa_protocol::jwe::{Encrypter, Encryption};
use nixa_protocol::registration::sector_of;
use nixa_protocol::{Client, ClientAuthentication, LocalizedText, claims};
use serde::{Deserialize, Serialize};

use super::portal_scopes;
use crate::config::Finding;
use crate::config::policy::knows;
use crate::config::uri::check_uri;

/// How a portal authenticates at the token endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PortalAuth {
    /// Secret in the Authorization header.
    ClientSecretBasic,
    /// Secret in the form.
    ClientSecretPost,
    /// JWT signed with one of `keys`.
    PrivateKeyJwt,
    /// A public client: PKCE only.
    None,
}

/// `[[broker.portal]]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PortalSection {
    /// The client identifier.
    pub client_id: String,
    /// The name that people see.
    pub name: LocalizedText,
    /// The portal's home page: the way on when a login cannot go on.
    pub home: String,
    /// Where answers may go, compared exactly.
    pub redirect_uris: Vec<String>,
    /// Where a browser may go after logout, compared exactly.
    #[serde(default)]
    pub post_logout_redirect_uris: Vec<String>,
    /// Where logout tokens go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backchannel_logout_uri: Option<String>,
    /// What a browser opens in a frame when the person logs out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frontchannel_logout_uri: Option<String>,
    /// How it authenticates.
    pub auth: PortalAuth,
    /// The secret, for `client_secret_basic` and `client_secret_post`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// Public keys (JWK), for `private_key_jwt` and for signed requests.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<serde_json::Value>,
    /// Where its public keys are instead (a JWK Set).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
    /// Whether a login without PKCE is refused; a public client always needs it.
    #[serde(default = "default_true")]
    pub require_pkce: bool,
    /// Whether it may hold refresh tokens (with the scope `offline_access`).
    #[serde(default)]
    pub refresh_tokens: bool,
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
    /// What its authorization requests must be protected by: `none`, `pushed` or `signed`.
    #[serde(default)]
    pub request_protection: RequestProtection,
    /// The scopes that it is entitled to.
    pub scopes: BTreeSet<String>,
    /// Portals of one sector see the same `sub`.
    #[serde(default)]
    pub sector: String,
    /// Where the redirect URIs of a sector are listed (OpenID Connect Core §8.1); its host is then the sector.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sector_identifier_uri: Option<String>,
    /// Its logo, which this server fetches and shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logo: Option<String>,
    /// The greatest age of a login for requests that do not say one, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_max_age: Option<i64>,
    /// The algorithm of its ID tokens.
    #[serde(default = "default_alg")]
    pub id_token_alg: Algorithm,
    /// How its ID tokens are encrypted; not at all without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_token_encryption: Option<Encryption>,
    /// The algorithm with which its userinfo answers are signed; plain JSON without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub userinfo_alg: Option<Algorithm>,
    /// How its userinfo answers are encrypted; not at all without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub userinfo_encryption: Option<Encryption>,
    /// Whether it sees the same `sub` as every other such portal, whatever the sector.
    #[serde(default)]
    pub public_subject: bool,
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
    /// What the person reads.
    pub text: LocalizedText,
}

fn default_true() -> bool {
    true
}

fn default_alg() -> Algorithm {
    Algorithm::Rs256
}

impl ServiceSection {
    pub(super) fn settings(&self) -> ServiceSettings {
        ServiceSettings { acr: self.acr.clone(), max_age: self.max_age, sso: self.sso, text: self.text.clone() }
    }
}

impl PortalSection {
    pub(super) fn check(&self, key: &str, policy: Option<&Policy>, idps: &BTreeSet<&str>, findings: &mut Vec<Finding>) {
        let mut refuse = |field: &str, reason: &str| findings.push(Finding::new(format!("{key}.{field}"), reason));
        if self.redirect_uris.is_empty() {
            refuse("redirect_uris", "must name at least one URI");
        }
        if self.minimum_acr.as_ref().is_some_and(|acr| !knows(policy, |p| p.knows_level(acr))) {
            refuse("minimum_acr", "is not on the policy's ladder");
        }
        if let Some(unknown) = self.scopes.iter().find(|s| !portal_scopes().any(|name| name == *s)) {
            refuse("scopes", &format!("`{unknown}` is not a scope"));
        }
        if let Some(unknown) = self.identity_providers.iter().flatten().find(|id| !idps.contains(id.as_str())) {
            refuse("identity_providers", &format!("`{unknown}` is not declared"));
        }
        for (i, service) in self.service.iter().enumerate() {
            if !knows(policy, |p| p.knows_level(&service.acr)) {
                refuse(&format!("service[{i}].acr"), "is not on the policy's ladder");
            }
            if service.max_age.is_some_and(|age| age < 0) {
                refuse(&format!("service[{i}].max_age"), "must not be negative");
            }
            if self.service.iter().take(i).any(|earlier| earlier.code == service.code) {
                refuse(&format!("service[{i}].code"), "is used twice");
            }
        }
        if !self.require_pkce && self.auth == PortalAuth::None {
            refuse("require_pkce", "a public client cannot do without PKCE");
        }
        if self.sector.is_empty() == self.sector_identifier_uri.is_none() {
            refuse("sector", "must stand, or sector_identifier_uri in its place");
        }
        if self.jwks_uri.is_some() && !self.keys.is_empty() {
            refuse("jwks_uri", "must not stand beside keys");
        }
        if self.default_max_age.is_some_and(|age| age < 0) {
            refuse("default_max_age", "must not be negative");
        }
        if let Err((field, reason)) = self.authentication() {
            refuse(field, reason);
        }
        if let Err((field, reason)) = verifying(&self.keys) {
            refuse(field, reason);
        }
        for (field, wanted) in
            [("id_token_encryption", self.id_token_encryption), ("userinfo_encryption", self.userinfo_encryption)]
        {
            if self.jwks_uri.is_none()
                && let Err(reason) = self.encrypter(wanted)
            {
                refuse(field, reason);
            }
        }
        if self.request_protection == RequestProtection::Signed && self.keys.is_empty() && self.jwks_uri.is_none() {
            refuse("request_protection", "signed requests need keys");
        }
        if !self.own_scopes.is_empty() && self.auth == PortalAuth::None {
            refuse("own_scopes", "a public client cannot have tokens of its own");
        }
        if self.own_scopes.iter().any(|s| claims::SCOPES.iter().any(|(name, _)| name == s)) {
            refuse("own_scopes", "must not be scopes of a person");
        }
        self.check_uris(key, findings);
    }

    fn check_uris(&self, key: &str, findings: &mut Vec<Finding>) {
        check_uri(&format!("{key}.home"), &self.home, findings);
        for (field, uris) in
            [("redirect_uris", &self.redirect_uris), ("post_logout_redirect_uris", &self.post_logout_redirect_uris)]
        {
            for (i, uri) in uris.iter().enumerate() {
                check_uri(&format!("{key}.{field}[{i}]"), uri, findings);
            }
        }
        if let Some(uri) = &self.resource {
            check_uri(&format!("{key}.resource"), uri, findings);
        }
        for (field, uri) in [
            ("backchannel_logout_uri", &self.backchannel_logout_uri),
            ("frontchannel_logout_uri", &self.frontchannel_logout_uri),
            ("jwks_uri", &self.jwks_uri),
            ("sector_identifier_uri", &self.sector_identifier_uri),
            ("logo", &self.logo),
        ] {
            if let Some(uri) = uri {
                check_uri(&format!("{key}.{field}"), uri, findings);
            }
        }
    }

    fn authentication(&self) -> Result<ClientAuthentication, (&'static str, &'static str)> {
        let secret = || {
            let secret = self.secret.as_deref().ok_or(("secret", "is missing"))?;
            // 128 bits at least: a secret is checked without a lock-out.
            if secret.len() < 22 { Err(("secret", "must have at least 22 characters")) } else { Ok(secret) }
        };
        match self.auth {
            PortalAuth::ClientSecretBasic => Ok(ClientAuthentication::basic(secret()?)),
            PortalAuth::ClientSecretPost => Ok(ClientAuthentication::post(secret()?)),
            PortalAuth::PrivateKeyJwt if self.keys.is_empty() && self.jwks_uri.is_none() => {
                Err(("keys", "must name at least one key"))
            }
            PortalAuth::PrivateKeyJwt => Ok(ClientAuthentication::PrivateKeyJwt),
            PortalAuth::None => Ok(ClientAuthentication::None),
        }
    }

    fn sector_name(&self) -> String {
        let named = self.sector_identifier_uri.as_deref().and_then(sector_of);
        named.unwrap_or_else(|| self.sector.clone())
    }

    fn encrypter(&self, wanted: Option<Encryption>) -> Result<Option<Encrypter>, &'static str> {
        let encrypter = wanted.map(|encryption| Encrypter::new(&self.keys, encryption)).transpose();
        encrypter.map_err(|_| "none of the keys is for encryption and of the kind that alg needs")
    }

    /// The client registration; none for a section that was not checked.
    #[must_use]
    pub fn client(&self) -> Option<Client> {
        let mut scopes = self.scopes.clone();
        scopes.insert("openid".to_owned());
        let authentication = self.authentication().ok()?;
        Some(Client {
            keys: self.keys.clone(),
            declared: true,
            request_protection: self.request_protection,
            own_scopes: self.own_scopes.clone(),
            audiences: self.audiences.clone(),
            redirect_uris: self.redirect_uris.clone(),
            post_logout_redirect_uris: self.post_logout_redirect_uris.clone(),
            backchannel_logout_uri: self.backchannel_logout_uri.clone(),
            frontchannel_logout_uri: self.frontchannel_logout_uri.clone(),
            frontchannel_logout_session_required: true,
            jwks_uri: self.jwks_uri.clone(),
            default_max_age: self.default_max_age,
            about: self.logo.iter().map(|logo| ("logo_uri".to_owned(), logo.clone().into())).collect(),
            client_uri: Some(self.home.clone()),
            require_pkce: self.require_pkce,
            refresh_tokens: self.refresh_tokens,
            access_tokens: self.access_tokens,
            resource: self.resource.clone(),
            scopes,
            services: self.service.iter().map(|s| s.code.clone()).collect(),
            sector: self.sector_name(),
            sector_identifier_uri: self.sector_identifier_uri.clone(),
            id_token_alg: self.id_token_alg,
            id_token_encryption: self.id_token_encryption,
            userinfo_alg: self.userinfo_alg,
            userinfo_encryption: self.userinfo_encryption,
            public_subject: self.public_subject,
            ..Client::new(&self.client_id, self.name.clone(), authentication)
        })
    }
}

/// Public keys from their JWKs.
pub(in crate::config) fn verifying(
    keys: &[serde_json::Value],
) -> Result<Vec<VerifyingKey>, (&'static str, &'static str)> {
    let signs = |key: &&serde_json::Value| key.get("use").and_then(serde_json::Value::as_str) != Some("enc");
    keys.iter()
        .filter(signs)
        .map(|k| VerifyingKey::from_jwk(k).map_err(|_| ("keys", "must be public EC P-256, Ed25519 or RSA keys (JWK)")))
        .collect()
}
