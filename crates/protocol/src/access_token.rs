//! Access tokens as JWTs (RFC 9068) and what introspection says of one (RFC 7662).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::client::Client;
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

/// What an access token says: the claims of a JWT (RFC 9068 §2.2) and the members of an introspection
/// answer (RFC 7662 §2.2), which RFC 9470 §6 gives the same names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AccessClaims<'a> {
    /// The issuer.
    pub iss: &'a str,
    /// The API that it is for.
    pub aud: &'a str,
    /// The person, as the client knows them.
    pub sub: &'a str,
    /// The client that holds it.
    pub client_id: &'a str,
    /// When it ends.
    pub exp: Timestamp,
    /// When it was made.
    pub iat: Timestamp,
    /// Its own identifier.
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

/// Whether a client may learn what a token stands for: its holder's own back end, or the API that it is for.
/// Anybody else is told that it is not active (RFC 7662 §2.2), so that a stolen token tells nothing.
#[must_use]
pub fn may_introspect(client: &Client, holder: &str, audience: &str) -> bool {
    let confidential = client.authentication.is_confidential();
    confidential && (client.client_id == holder || client.resource.as_deref() == Some(audience))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::{ClientAuthentication, LocalizedText};

    fn client(id: &str, authentication: ClientAuthentication, resource: Option<&str>) -> Client {
        let name = LocalizedText { vi: String::new(), en: String::new() };
        Client { resource: resource.map(str::to_owned), ..Client::new(id, name, authentication) }
    }

    #[test]
    fn who_may_introspect() {
        let secret = || ClientAuthentication::basic("s");
        for (caller, may) in [
            (client("holder", secret(), None), true),
            (client("holder", ClientAuthentication::None, None), false),
            (client("api", secret(), Some("https://api")), true),
            (client("api", ClientAuthentication::None, Some("https://api")), false),
            (client("other", secret(), Some("https://other")), false),
            (client("other", secret(), None), false),
        ] {
            assert_eq!(may_introspect(&caller, "holder", "https://api"), may, "{}", caller.client_id);
        }
    }
}
