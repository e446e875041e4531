//! A registered client (relying party), as the provider sees it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::access_token::AccessTokenFormat;
use crate::entropy::{Digest, digest};
use crate::error::{ErrorCode, OAuthError};
use serde_json::{Map, Value};

use crate::jose::{self, Algorithm, JoseRefusal, VerifyingKey};
use crate::jwe::{Encrypter, Encryption};

/// A text that people read, in both languages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LocalizedText {
    /// Vietnamese.
    pub vi: String,
    /// English.
    pub en: String,
}

/// How a client authenticates at the token endpoint (OpenID Connect Core §9).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuthentication {
    /// A public client: none, and PKCE always.
    None,
    /// A secret in the Authorization header; only its digest is kept.
    SecretBasic(Digest),
    /// A secret in the form; only its digest is kept.
    SecretPost(Digest),
    /// A JWT signed with one of the client's keys (RFC 7523).
    PrivateKeyJwt,
}

impl ClientAuthentication {
    /// `client_secret_basic` with this secret.
    #[must_use]
    pub fn basic(secret: &str) -> Self {
        Self::SecretBasic(digest(secret))
    }

    /// `client_secret_post` with this secret.
    #[must_use]
    pub fn post(secret: &str) -> Self {
        Self::SecretPost(digest(secret))
    }

    /// The registered name of the method (RFC 7591 §4.2).
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::SecretBasic(_) => "client_secret_basic",
            Self::SecretPost(_) => "client_secret_post",
            Self::PrivateKeyJwt => "private_key_jwt",
        }
    }

    /// The digest of its secret, where it has one.
    #[must_use]
    pub fn secret(&self) -> Option<&Digest> {
        match self {
            Self::SecretBasic(held) | Self::SecretPost(held) => Some(held),
            Self::PrivateKeyJwt | Self::None => None,
        }
    }

    /// Whether the client can keep a secret.
    #[must_use]
    pub fn is_confidential(&self) -> bool {
        !matches!(self, Self::None)
    }
}

/// What a client's authorization requests must be protected by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestProtection {
    /// Nothing: they may come through the browser as they are.
    #[default]
    None,
    /// They must be pushed (RFC 9126).
    Pushed,
    /// They must be signed (RFC 9101), pushed or not.
    Signed,
}

/// A registered client: what the configuration declares or what was registered, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Client {
    /// The `client_id`, which no other client of this server has.
    pub client_id: String,
    /// The name that people see.
    pub name: LocalizedText,
    /// Where answers may go; compared octet by octet (RFC 9700 §2.1).
    pub redirect_uris: Vec<String>,
    /// Where a browser may go after logout; compared octet by octet.
    pub post_logout_redirect_uris: Vec<String>,
    /// Where logout tokens go (OpenID Connect Back-Channel Logout 1.0).
    pub backchannel_logout_uri: Option<String>,
    /// What a browser opens in a frame when the person logs out (OpenID Connect Front-Channel Logout 1.0).
    pub frontchannel_logout_uri: Option<String>,
    /// Whether that address is given `iss` and `sid`.
    pub frontchannel_logout_session_required: bool,
    /// The client's home page: the way on when a login cannot go on.
    pub client_uri: Option<String>,
    /// How it authenticates, with what its proof is held against.
    pub authentication: ClientAuthentication,
    /// Its public keys (JWK): they verify its assertions and its request objects, or encrypt what it is given.
    pub keys: Vec<Value>,
    /// Where its keys are instead.
    pub jwks_uri: Option<String>,
    /// The one algorithm of its assertions; any that is supported without.
    pub assertion_alg: Option<Algorithm>,
    /// The one algorithm of its request objects; any that is supported without.
    pub request_object_alg: Option<Algorithm>,
    /// Whether its authorization requests must be pushed (RFC 9126 §6) or signed (RFC 9101 §10.5).
    pub request_protection: RequestProtection,
    /// Whether its back end may have tokens of its own (RFC 6749 §4.4), for these scopes.
    pub own_scopes: BTreeSet<String>,
    /// The APIs beside `resource` that it may ask tokens for (RFC 8707).
    pub audiences: BTreeSet<String>,
    /// Whether a login without PKCE is refused; ignored (always true) for a public client.
    pub require_pkce: bool,
    /// Whether it may hold refresh tokens.
    pub refresh_tokens: bool,
    /// The form of its access tokens.
    pub access_tokens: AccessTokenFormat,
    /// The API that its access tokens are for (`aud`, RFC 8707 §2); the provider itself without one. The
    /// client that registers an API may introspect the tokens that are for it.
    pub resource: Option<String>,
    /// The scopes that it is entitled to, `openid` included.
    pub scopes: BTreeSet<String>,
    /// The codes of its catalogue of services (RFC 9396 transactions).
    pub services: BTreeSet<String>,
    /// Clients of one sector see the same `sub` of a person (pairwise, OpenID Connect Core §8).
    pub sector: String,
    /// The algorithm of its ID tokens.
    pub id_token_alg: Algorithm,
    /// How its ID tokens are encrypted.
    pub id_token_encryption: Option<Encryption>,
    /// The algorithm with which its userinfo answers are signed; plain JSON without.
    pub userinfo_alg: Option<Algorithm>,
    /// How its userinfo answers are encrypted.
    pub userinfo_encryption: Option<Encryption>,
    /// Whether everybody's identifier is the same for this client as for every other public one (OpenID Connect
    /// Core §8), and not its sector's own.
    pub public_subject: bool,
    /// Where the redirect URIs of its sector are listed (OpenID Connect Core §8.1); checked at registration.
    pub sector_identifier_uri: Option<String>,
    /// The greatest age of a login for requests that do not say one, in seconds (Registration §2).
    pub default_max_age: Option<i64>,
    /// The levels for requests that name none (Registration §2).
    pub default_acr_values: Vec<String>,
    /// Whether it is an application on the person's own device (Registration §2).
    pub native: bool,
    /// Whether it was declared in the server's configuration, and not registered by itself.
    pub declared: bool,
    /// What it said of itself that no rule depends on: contacts, addresses of its logo, policy and terms, its
    /// software (RFC 7591 §2).
    pub about: BTreeMap<String, Value>,
}

impl Default for Client {
    fn default() -> Self {
        Self::new("", LocalizedText::default(), ClientAuthentication::None)
    }
}

impl Client {
    /// A client with nothing but a name and a way to authenticate; everything else is the careful choice.
    #[must_use]
    pub fn new(client_id: &str, name: LocalizedText, authentication: ClientAuthentication) -> Self {
        Self {
            client_id: client_id.to_owned(),
            name,
            redirect_uris: Vec::new(),
            post_logout_redirect_uris: Vec::new(),
            backchannel_logout_uri: None,
            client_uri: None,
            authentication,
            keys: Vec::new(),
            request_protection: RequestProtection::default(),
            own_scopes: BTreeSet::new(),
            audiences: BTreeSet::new(),
            require_pkce: true,
            refresh_tokens: false,
            access_tokens: AccessTokenFormat::default(),
            resource: None,
            scopes: BTreeSet::new(),
            services: BTreeSet::new(),
            sector: client_id.to_owned(),
            id_token_alg: Algorithm::Rs256,
            id_token_encryption: None,
            userinfo_alg: None,
            userinfo_encryption: None,
            public_subject: false,
            jwks_uri: None,
            assertion_alg: None,
            request_object_alg: None,
            frontchannel_logout_uri: None,
            frontchannel_logout_session_required: false,
            sector_identifier_uri: None,
            default_max_age: None,
            default_acr_values: Vec::new(),
            native: false,
            declared: false,
            about: BTreeMap::new(),
        }
    }

    /// The API that a token is for: what it asked for, as far as it may, else its own, else the provider itself.
    ///
    /// # Errors
    /// `invalid_target` (RFC 8707 §2) for another API, or more than one.
    pub fn audience<'a>(&'a self, asked: &'a [String], issuer: &'a str) -> Result<&'a str, OAuthError> {
        let own = self.resource.as_deref();
        match asked {
            [] => Ok(own.unwrap_or(issuer)),
            [one] if own == Some(one) || self.audiences.contains(one) => Ok(one),
            [_] => Err(OAuthError::new(ErrorCode::InvalidTarget, "resource is not one that the client may use")),
            _ => Err(OAuthError::new(ErrorCode::InvalidTarget, "a token is for one resource")),
        }
    }

    /// Its keys that verify signatures: those that are not for encryption and of a kind that is supported.
    #[must_use]
    pub fn verifying_keys(&self) -> Vec<VerifyingKey> {
        let signs = |key: &&Value| key.get("use").and_then(Value::as_str) != Some("enc");
        self.keys.iter().filter(signs).filter_map(|key| VerifyingKey::from_jwk(key).ok()).collect()
    }

    /// What encrypts to one of its keys.
    ///
    /// # Errors
    /// [`JoseRefusal::UnknownKey`] when it has no key for this.
    pub fn encrypter(&self, wanted: Option<Encryption>) -> Result<Option<Encrypter>, JoseRefusal> {
        wanted.map(|encryption| Encrypter::new(&self.keys, encryption)).transpose()
    }

    /// The claims of something that the client has signed with an algorithm that it may use.
    pub fn verify(&self, token: &str, only: Option<Algorithm>) -> Result<Map<String, Value>, JoseRefusal> {
        if only.is_some_and(|only| jose::algorithm_of(token) != Some(only)) {
            return Err(JoseRefusal::Algorithm);
        }
        jose::verify(token, &self.verifying_keys(), None)
    }

    /// Whether this client must use PKCE (RFC 9700 §2.1.1).
    #[must_use]
    pub fn needs_pkce(&self) -> bool {
        self.require_pkce || !self.authentication.is_confidential()
    }
}
