//! The authorization request to an identity provider (OpenID Connect Core §3.1.2.1).

use std::time::Duration;

use nixa_protocol::claims::AUTHENTICATORS;
use nixa_protocol::random_token;
use nixa_web::Lang;
use openidconnect::core::{CoreAuthPrompt, CoreAuthenticationFlow};
use openidconnect::{
    AuthenticationContextClass, CsrfToken, LanguageTag, Nonce, PkceCodeChallenge, PkceCodeVerifier, Scope,
};

use super::client::{UpstreamClient, openid_client, redirect_url};
use super::error::UpstreamError;
use super::requested_assurance::RequestedAssurance;
use crate::settings::IdpSettings;

/// Where the browser is sent, and what the answer is held against.
pub(crate) struct AuthorizationUrl {
    pub(crate) url: String,
    pub(crate) state: String,
    pub(crate) nonce: String,
    pub(crate) code_verifier: String,
}

impl UpstreamClient {
    /// The URL of an authorization request, with a `state`, a `nonce` and a code verifier of its own.
    pub(crate) async fn authorization_url(
        &self,
        idp: &IdpSettings,
        redirect_uri: &str,
        assurance: &RequestedAssurance,
        lang: Lang,
    ) -> Result<AuthorizationUrl, UpstreamError> {
        let metadata = self.metadata.get(idp).await?;
        let client = openid_client(idp, &metadata).set_redirect_uri(redirect_url(redirect_uri)?);
        let token = || random_token(&*self.entropy);
        let (state, nonce, code_verifier) = (token(), token(), token());
        let challenge = PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(code_verifier.clone()));
        let (state_parameter, nonce_parameter) = (CsrfToken::new(state.clone()), Nonce::new(nonce.clone()));
        let mut request = client
            .authorize_url(CoreAuthenticationFlow::AuthorizationCode, move || state_parameter, move || nonce_parameter)
            .add_scopes(idp.scopes.iter().cloned().map(Scope::new))
            .add_scopes(idp.states_authenticators.then(|| Scope::new(AUTHENTICATORS.to_owned())))
            .set_pkce_challenge(challenge)
            .set_max_age(Duration::from_secs(u64::try_from(assurance.max_age).unwrap_or(0)))
            .add_ui_locale(LanguageTag::new(lang.tag().to_owned()));
        if let Some(acr) = &assurance.acr {
            request = request.add_auth_context_value(AuthenticationContextClass::new(acr.clone()));
        }
        if assurance.reauthenticate {
            request = request.add_prompt(CoreAuthPrompt::Login);
        }
        let (url, _, _) = request.url();
        Ok(AuthorizationUrl { url: url.to_string(), state, nonce, code_verifier })
    }
}
