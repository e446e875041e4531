//! `GET /login`: sends the browser to the exchange (OpenID Connect Core 1.0, section 3.1.2.1).

use crate::ambient::{NoEntropy, now, token};
use crate::config::PortalConfig;
use crate::cookies;
use crate::filing::{Filing, StepUp};
use crate::language::Language;
use crate::pages;
use crate::pending::{Demand, PendingLogin};
use crate::portal::{Portal, lock};
use crate::problem::Problem;
use crate::provider::Provider;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::header::{HeaderMap, SET_COOKIE};
use openidconnect::core::{CoreAuthPrompt, CoreResponseType};
use openidconnect::{
    AuthenticationContextClass, AuthenticationFlow, CsrfToken, LanguageTag, Nonce, PkceCodeChallenge, PkceCodeVerifier,
    Scope,
};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use url::{Url, form_urlencoded};

const PROMPTS: [&str; 4] = ["none", "login", "consent", "select_account"];

/// What a login is to be like. By the query of `/login` a tester may say a part of it; anything
/// else in the query is dropped.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Wishes {
    prompt: Vec<String>,
    max_age: Option<u32>,
    demand: Demand,
}

impl Wishes {
    fn read(query: &str, known: impl Fn(&str) -> bool) -> Self {
        let mut wishes = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "prompt" => {
                    wishes.prompt =
                        value.split(' ').filter(|prompt| PROMPTS.contains(prompt)).map(str::to_owned).collect();
                }
                "max_age" => wishes.max_age = value.parse().ok(),
                "service" if known(&value) => wishes.demand = Demand::Service(value.into_owned()),
                _ => {}
            }
        }
        wishes
    }

    /// Exactly what a challenge asked for (RFC 9470, section 4).
    pub(crate) fn of_step_up(step_up: StepUp) -> Self {
        Self { prompt: Vec::new(), max_age: step_up.max_age, demand: Demand::Levels(step_up.acr_values) }
    }

    pub(crate) fn of_demand(demand: Demand) -> Self {
        Self { demand, ..Self::default() }
    }
}

/// The unguessable values of one login.
struct Secrets {
    state: String,
    nonce: String,
    pkce_verifier: String,
}

impl Secrets {
    fn draw() -> Result<Self, NoEntropy> {
        Ok(Self { state: token()?, nonce: token()?, pkce_verifier: token()? })
    }
}

pub(crate) async fn login(
    State(portal): State<Arc<Portal>>,
    language: Language,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let known = |code: &str| portal.settings.config.service(code).is_some();
    let wishes = Wishes::read(query.as_deref().unwrap_or_default(), known);
    match send(&portal, language, &headers, wishes, None).await {
        Ok(response) => response,
        Err(problem) => pages::problem(&portal, language, &problem, false),
    }
}

/// Begins a login and sends the browser to it; `waiting` is filed when it has succeeded.
///
/// # Errors
/// The [`Problem`] to show when no login can begin.
pub(crate) async fn send(
    portal: &Portal,
    language: Language,
    headers: &HeaderMap,
    wishes: Wishes,
    waiting: Option<Filing>,
) -> Result<Response, Problem> {
    let provider = portal.provider.get().await?;
    let secrets = Secrets::draw()?;
    let names = &portal.settings.cookies;
    let (browser, is_new) = match cookies::read_token(headers, &names.browser) {
        Some(browser) => (browser.to_owned(), false),
        None => (token()?, true),
    };
    let destination = url(&provider, &portal.settings.config, language, &wishes, &secrets);
    let mut response = pages::see_other(destination.as_str())?;
    if is_new && let Some(cookie) = names.set(&names.browser, &browser, None) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    let pending = PendingLogin {
        browser,
        nonce: secrets.nonce,
        pkce_verifier: secrets.pkce_verifier,
        max_age: wishes.max_age,
        demand: wishes.demand,
        waiting,
    };
    lock(&portal.pending).begin(secrets.state, pending, now());
    Ok(response)
}

fn url(provider: &Provider, config: &PortalConfig, language: Language, wishes: &Wishes, secrets: &Secrets) -> Url {
    let (state, nonce) = (secrets.state.clone(), secrets.nonce.clone());
    let verifier = PkceCodeVerifier::new(secrets.pkce_verifier.clone());
    let mut request = provider
        .client
        .authorize_url(
            AuthenticationFlow::<CoreResponseType>::AuthorizationCode,
            move || CsrfToken::new(state),
            move || Nonce::new(nonce),
        )
        .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier))
        .add_scopes(config.scopes.iter().cloned().map(Scope::new))
        .add_ui_locale(LanguageTag::new(language.tag().to_owned()));
    if let Demand::Service(service) = &wishes.demand {
        let details = json!([{"type": "urn:nixa:transaction", "service": service}]);
        request = request.add_extra_param("authorization_details", details.to_string());
    }
    let acr_values = wishes.demand.acr_values(config);
    for acr in acr_values {
        request = request.add_auth_context_value(AuthenticationContextClass::new(acr.clone()));
    }
    if config.essential_acr && !acr_values.is_empty() {
        let claims = json!({"id_token": {"acr": {"essential": true, "values": acr_values}}});
        request = request.add_extra_param("claims", claims.to_string());
    }
    for prompt in &wishes.prompt {
        request = request.add_prompt(prompt_value(prompt));
    }
    if let Some(seconds) = wishes.max_age {
        request = request.set_max_age(Duration::from_secs(u64::from(seconds)));
    }
    let (url, _, _) = request.url();
    url
}

fn prompt_value(prompt: &str) -> CoreAuthPrompt {
    match prompt {
        "none" => CoreAuthPrompt::None,
        "login" => CoreAuthPrompt::Login,
        "consent" => CoreAuthPrompt::Consent,
        "select_account" => CoreAuthPrompt::SelectAccount,
        other => CoreAuthPrompt::Extension(other.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_allowed_wishes_pass() {
        let wishes = |prompt: &[&str], max_age| Wishes {
            prompt: prompt.iter().map(|text| (*text).to_owned()).collect(),
            max_age,
            demand: Demand::Portal,
        };
        for (query, expected) in [
            ("", wishes(&[], None)),
            ("prompt=login", wishes(&["login"], None)),
            ("prompt=login+consent&max_age=0", wishes(&["login", "consent"], Some(0))),
            ("prompt=create%20none", wishes(&["none"], None)),
            ("max_age=-1", wishes(&[], None)),
            ("max_age=1e3", wishes(&[], None)),
            ("redirect_uri=https://evil.example&state=x&acr_values=y", wishes(&[], None)),
        ] {
            assert_eq!(Wishes::read(query, |_| false), expected, "{query}");
        }
        let of_catalogue = Wishes::read("service=a&service=b", |code| code == "a");
        assert_eq!(of_catalogue.demand, Demand::Service("a".to_owned()));
    }
}
