//! The authorization request, check by check (RFC 6749 §4.1.1, OpenID Connect Core §3.1.2).
//!
//! Trust is in the types: [`Params`] are unverified; a [`Bound`] request has a known client and an exact
//! redirect URI, and is the first one that may redirect an error; an [`AuthorizationRequest`] is valid.

mod bind;
mod check_authorization_details;
mod check_claims;
mod check_max_age;
mod check_pkce;
mod check_prompt;
mod check_request_object;
mod check_resource;
mod check_response_type;
mod check_scope;
mod request_object;
mod response;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::claims::ClaimsRequest;
use crate::error::OAuthError;
use crate::params::Params;

pub use bind::{Bound, Unbound, bind};
pub use check_authorization_details::TRANSACTION;
pub use check_prompt::Prompt;
pub use request_object::{REQUEST_URI, effective};
pub use response::{AuthorizationResponse, ResponseMode};

/// An authorization request that has passed every check (OpenID Connect Core §3.1.2.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizationRequest {
    /// The identifier of the client that sent it.
    pub client_id: String,
    /// One of the client's redirect URIs, exactly.
    pub redirect_uri: String,
    /// How the answer goes there.
    #[serde(default)]
    pub response_mode: ResponseMode,
    /// The client's `state`, returned as it came.
    pub state: Option<String>,
    /// The client's `nonce`, put into the ID token as it came.
    pub nonce: Option<String>,
    /// The scopes asked for that the client is entitled to; always with `openid`.
    pub scopes: BTreeSet<String>,
    /// What the person must or must not be asked.
    pub prompt: BTreeSet<Prompt>,
    /// The greatest age of the login, in seconds.
    pub max_age: Option<i64>,
    /// Levels asked for, in order of preference.
    pub acr_values: Vec<String>,
    /// Whether one of `acr_values` must be reached.
    pub essential_acr: bool,
    /// Claims asked for by name.
    pub claims: ClaimsRequest,
    /// The service of the client's catalogue that the login is for (RFC 9396).
    pub service: Option<String>,
    /// A hint about the person's login name. Personal data: never logged.
    pub login_hint: Option<String>,
    /// The `sub` of a verified `id_token_hint`: nobody else may be answered for (§3.1.2.1).
    pub hinted_sub: Option<String>,
    /// Languages in order of preference (BCP 47).
    pub ui_locales: Vec<String>,
    /// The PKCE challenge of method S256 (RFC 7636 §4.2); none for a client that may do without.
    pub code_challenge: Option<String>,
    /// The API that access tokens are to be for (RFC 8707).
    #[serde(default)]
    pub resource: Option<String>,
}

/// Validates the rest of a bound request, in the order in which errors are reported.
///
/// # Errors
/// An [`OAuthError`] to redirect to the client.
pub fn validate(params: &Params, bound: &Bound) -> Result<AuthorizationRequest, OAuthError> {
    params.refuse_repeated()?;
    check_request_object::check_request_object(params)?;
    check_response_type::check_response_type(params)?;
    check_response_type::check_response_mode(params)?;
    let scopes = check_scope::check_scope(params, &bound.client)?;
    let prompt = check_prompt::check_prompt(params)?;
    let max_age = check_max_age::check_max_age(params)?.or(bound.client.default_max_age);
    let code_challenge = check_pkce::check_pkce(params, &bound.client)?;
    let claims = check_claims::check_claims(params)?;
    let service = check_authorization_details::check_authorization_details(params, &bound.client)?;
    let (mut acr_values, essential_acr) = check_claims::requested_acr(params, &claims);
    if acr_values.is_empty() {
        acr_values.clone_from(&bound.client.default_acr_values);
    }
    Ok(AuthorizationRequest {
        client_id: bound.client.client_id.clone(),
        redirect_uri: bound.redirect_uri.clone(),
        response_mode: bound.response_mode,
        state: bound.state.clone(),
        nonce: params.owned("nonce"),
        scopes,
        prompt,
        max_age,
        acr_values,
        essential_acr,
        claims,
        service,
        login_hint: params.owned("login_hint").filter(|h| h.len() <= 256),
        hinted_sub: None,
        ui_locales: params.list("ui_locales"),
        code_challenge,
        resource: check_resource::check_resource(params, &bound.client)?,
    })
}

impl AuthorizationRequest {
    /// Whether the request has this prompt.
    #[must_use]
    pub fn prompts(&self, prompt: Prompt) -> bool {
        self.prompt.contains(&prompt)
    }

    /// Whether the person must authenticate for this very request: `max_age=0` is `prompt=login` (OpenID Connect
    /// Core §3.1.2.1), also within the same second.
    #[must_use]
    pub fn requires_reauthentication(&self) -> bool {
        self.max_age == Some(0) || self.prompts(Prompt::Login)
    }
}

#[cfg(test)]
mod tests;
