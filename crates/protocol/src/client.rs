//! A registered client (relying party), as the provider sees it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::access_token::AccessTokenFormat;
use crate::entropy::{Digest, digest};
use crate::error::{ErrorCode, OAuthError};
use crate::jose::{Algorithm, VerifyingKey};
use crate::jwe::Encrypter;

/// A text that people read, in both languages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LocalizedText {
    /// Vietnamese.
    pub vi: String,
    /// English.
    pub en: String,
}

/// How a client authenticates at the token endpoint (OpenID Connect Core §9).
#[derive(Debug, Clone)]
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

/// A registered client.
#[derive(Debug, Clone)]
pub struct Client {
    /// The client identifier.
    pub client_id: String,
    /// The name that people see.
    pub name: LocalizedText,
    /// Where answers may go; compared octet by octet (RFC 9700 §2.1).
    pub redirect_uris: Vec<String>,
    /// Where a browser may go after logout; compared octet by octet.
    pub post_logout_redirect_uris: Vec<String>,
    /// Where logout tokens go (OpenID Connect Back-Channel Logout 1.0).
    pub backchannel_logout_uri: Option<String>,
    /// The client's home page: the way on when a login cannot go on.
    pub client_uri: Option<String>,
    /// How it authenticates.
    pub authentication: ClientAuthentication,
    /// Its public keys: they verify its assertions and its request objects.
    pub keys: Vec<VerifyingKey>,
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
    /// Encrypts its ID tokens.
    pub id_token_encryption: Option<Encrypter>,
    /// The algorithm with which its userinfo answers are signed; plain JSON without.
    pub userinfo_alg: Option<Algorithm>,
    /// Encrypts its userinfo answers.
    pub userinfo_encryption: Option<Encrypter>,
    /// Whether everybody's identifier is the same for this client as for every other public one (OpenID Connect
    /// Core §8), and not its sector's own.
    pub public_subject: bool,
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

    /// Whether this client must use PKCE (RFC 9700 §2.1.1).
    #[must_use]
    pub fn needs_pkce(&self) -> bool {
        self.require_pkce || !self.authentication.is_confidential()
    }
}
