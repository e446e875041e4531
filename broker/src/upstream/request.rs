//! The authorization request to an identity provider, and what is remembered of it.

use assurance_policy::{Decision, Evidence, Freshness, Policy, Requirement, decide};
use nixa_protocol::claims::AUTHENTICATORS;
use nixa_protocol::id::{self, Id, Sso};
use nixa_protocol::{Timestamp, random_token};
use nixa_web::Lang;
use openidconnect::core::{CoreAuthenticationFlow, CoreClient};
use openidconnect::{
    AuthenticationContextClass, ClientId, CsrfToken, LanguageTag, Nonce, PkceCodeChallenge, PkceCodeVerifier,
    RedirectUrl, Scope,
};
use serde::{Deserialize, Serialize};

use super::{UpstreamError, Upstreams};
use crate::settings::IdpSettings;

/// The oldest login at a provider that is taken over, in seconds: asking for a `max_age` at all makes
/// the provider state `auth_time` (OpenID Connect Core §2).
const OLDEST: i64 = 8 * 3600;

/// An authorization request on its way, kept under its `state`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UpstreamRequest {
    /// The open login that it serves.
    pub(crate) login: Id<id::Transaction>,
    /// The browser that it was sent with.
    pub(crate) browser: Id<id::Browser>,
    /// The provider.
    pub(crate) idp: String,
    /// The rung of ours that it was to reach.
    pub(crate) rung: String,
    /// The session that it adds to, if any.
    pub(crate) sid: Option<Id<Sso>>,
    /// Binds the ID token.
    pub(crate) nonce: String,
    /// Proves at the token endpoint that the code is ours.
    pub(crate) verifier: String,
    /// When it was sent.
    pub(crate) at: Timestamp,
    /// Whether the person had to authenticate anew.
    pub(crate) anew: bool,
    /// Whether its answer has come.
    pub(crate) used: bool,
}

/// What to ask of a provider.
#[derive(Debug, Clone, Default)]
pub(crate) struct RequestedAssurance {
    /// The provider's own `acr` value.
    pub(crate) acr: Option<String>,
    /// `prompt=login`.
    pub(crate) anew: bool,
    /// `max_age`, in seconds.
    pub(crate) max_age: i64,
}

/// The provider's own `acr` value to ask for, so that a rung of ours is reached: the weakest one in its
/// vocabulary that the policy finds sufficient under its cap.
#[must_use]
pub(crate) fn authorization_request(
    policy: &Policy,
    idp: &IdpSettings,
    rung: &str,
    requirement: &Requirement,
    anew: bool,
    now: Timestamp,
) -> RequestedAssurance {
    let need = Requirement::at_least(rung);
    let reaches =
        |held: &Evidence| matches!(decide(policy, &need, held, &[idp.capability()], now.0), Decision::Satisfied(_));
    let level = idp.levels.iter().find(|l| l.acr.is_some() && reaches(&idp.vouched(l, now.0)));
    let freshness = policy.level(rung).map(|r| r.freshness);
    let limit = match freshness {
        Some(Freshness::Seconds(seconds)) => seconds,
        _ => OLDEST,
    };
    RequestedAssurance {
        acr: level.and_then(|l| l.acr.clone()),
        // A factor that must be shown for the request is asked for with all others: a provider that added
        // only one could as well have remembered it.
        anew: anew || requirement.reauthenticate || !requirement.sso || policy.level(rung).is_some_and(|r| !r.sso),
        max_age: limit.min(OLDEST).min(requirement.max_age.unwrap_or(OLDEST)),
    }
}

impl Upstreams {
    /// The URL to send the browser to, its `state`, and what to keep under it.
    pub(crate) async fn begin(
        &self,
        idp: &IdpSettings,
        redirect_uri: &str,
        wish: &RequestedAssurance,
        lang: Lang,
        asked: impl FnOnce(String, String) -> UpstreamRequest,
    ) -> Result<(String, String, UpstreamRequest), UpstreamError> {
        let fetched = self.metadata(idp).await?;
        let redirect = RedirectUrl::new(redirect_uri.to_owned());
        let redirect = redirect.map_err(|_| UpstreamError::Configuration("redirect URI"))?;
        let client =
            CoreClient::from_provider_metadata(fetched.metadata.clone(), ClientId::new(idp.client_id.clone()), None)
                .set_redirect_uri(redirect);
        let (state, nonce, verifier) =
            (random_token(&*self.entropy), random_token(&*self.entropy), random_token(&*self.entropy));
        let challenge = PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(verifier.clone()));
        let (csrf, bound) = (CsrfToken::new(state.clone()), Nonce::new(nonce.clone()));
        let mut request = client
            .authorize_url(CoreAuthenticationFlow::AuthorizationCode, move || csrf, move || bound)
            .add_scopes(idp.scopes.iter().cloned().map(Scope::new))
            .add_scopes(idp.states_authenticators.then(|| Scope::new(AUTHENTICATORS.to_owned())))
            .set_pkce_challenge(challenge)
            .set_max_age(std::time::Duration::from_secs(u64::try_from(wish.max_age).unwrap_or(0)))
            .add_ui_locale(LanguageTag::new(lang.tag().to_owned()));
        if let Some(acr) = &wish.acr {
            request = request.add_auth_context_value(AuthenticationContextClass::new(acr.clone()));
        }
        if wish.anew {
            request = request.add_prompt(openidconnect::core::CoreAuthPrompt::Login);
        }
        let (url, _, _) = request.url();
        Ok((url.to_string(), state, asked(nonce, verifier)))
    }
}
