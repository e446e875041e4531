//! Access tokens as JWTs (RFC 9068), and their claims as introspection returns them (RFC 7662).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::time::Timestamp;

/// The form of a client's access tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccessTokenFormat {
    /// A random text: an API asks what it stands for.
    #[default]
    Opaque,
    /// A signed JWT that an API can read by itself. Its end is not seen by an API that does not ask.
    Jwt,
}

/// The `typ` header of a JWT access token (RFC 9068 §2.1), which keeps it apart from an ID token.
pub const ACCESS_TOKEN_TYPE: &str = "at+jwt";

/// The claims of an access token: those of a JWT (RFC 9068 §2.2), and the members of an introspection response
/// (RFC 7662 §2.2), which RFC 9470 §6 gives the same names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AccessClaims<'a> {
    /// The issuer identifier of this server (RFC 7519 §4.1.1).
    pub iss: &'a str,
    /// The API that it is for.
    pub aud: &'a str,
    /// The person, as the client knows them.
    pub sub: &'a str,
    /// The client that holds it.
    pub client_id: &'a str,
    /// The second from which it is good no more (RFC 7519 §4.1.4).
    pub exp: Timestamp,
    /// When it was issued (RFC 7519 §4.1.6).
    pub iat: Timestamp,
    /// The token's own identifier, random (RFC 7519 §4.1.7); an introspection response has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jti: Option<&'a str>,
    /// The scopes, separated by spaces.
    pub scope: String,
    /// The level of the login, for an API's step-up challenge (RFC 9470 §6).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acr: Option<&'a str>,
    /// The methods used (RFC 8176).
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub amr: &'a [String],
    /// When the person authenticated (RFC 9470 §6); absent in a token of the client itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<Timestamp>,
    /// What the login was for (RFC 9396 §9).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization_details: Option<Value>,
}
