//! How a client wants to authenticate.

use crate::client::ClientAuthentication;
use crate::entropy::{Digest, digest};

/// A registered method of client authentication (RFC 7591 §2, `token_endpoint_auth_method`), without the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthenticationMethod {
    /// `client_secret_basic`.
    SecretBasic,
    /// `client_secret_post`.
    SecretPost,
    /// `private_key_jwt`.
    PrivateKeyJwt,
    /// `none`.
    None,
}

impl AuthenticationMethod {
    /// The values of `token_endpoint_auth_method` that a client may register.
    pub(super) const NAMES: [&str; 4] = ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"];

    /// The method of this name; `client_secret_basic` when none is named.
    pub(super) fn parse(name: Option<&str>) -> Self {
        match name {
            Some("client_secret_post") => Self::SecretPost,
            Some("private_key_jwt") => Self::PrivateKeyJwt,
            Some("none") => Self::None,
            _ => Self::SecretBasic,
        }
    }

    /// Whether the client shows a secret.
    #[must_use]
    pub fn needs_secret(self) -> bool {
        matches!(self, Self::SecretBasic | Self::SecretPost)
    }

    /// The method with this secret, for those that need one.
    #[must_use]
    pub fn with_secret(self, secret: &str) -> ClientAuthentication {
        self.with_digest(&digest(secret))
    }

    /// The method with the digest of a secret that the client has already: the secret stays when only the way to
    /// show it changes.
    #[must_use]
    pub fn with_digest(self, secret: &Digest) -> ClientAuthentication {
        match self {
            Self::SecretBasic => ClientAuthentication::SecretBasic(secret.clone()),
            Self::SecretPost => ClientAuthentication::SecretPost(secret.clone()),
            Self::PrivateKeyJwt => ClientAuthentication::PrivateKeyJwt,
            Self::None => ClientAuthentication::None,
        }
    }
}
