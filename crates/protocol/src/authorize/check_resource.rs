//! The `resource` parameter (RFC 8707 §2.1).

use crate::client::Client;
use crate::error::OAuthError;
use crate::params::Params;

/// The API that access tokens are to be for: one that the client may use (RFC 8707 §2.1).
pub(super) fn check_resource(params: &Params, client: &Client) -> Result<Option<String>, OAuthError> {
    match params.resources() {
        [] => Ok(None),
        asked => client.audience(asked, "").map(|resource| Some(resource.to_owned())),
    }
}
