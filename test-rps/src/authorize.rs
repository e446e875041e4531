//! `GET /login`: sends the browser to the exchange (OpenID Connect Core 1.0, section 3.1.2.1).

use crate::ambient::{NoEntropy, now, token};
use crate::config::PortalConfig;
use crate::cookies;
use crate::language::Language;
use crate::pages;
use crate::pending::PendingLogin;
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

/// What a tester may add to a login by the query of `/login`; anything else in it is dropped.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Wishes {
    prompt: Vec<String>,
    max_age: Option<u32>,
    /// The code of a service of the portal's catalogue.
    service: Option<String>,
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
                "service" if known(&value) => wishes.service = Some(value.into_owned()),
                _ => {}
            }
        }
        wishes
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
    match begin(&portal, language, query.as_deref().unwrap_or_default(), &headers).await {
        Ok(response) => response,
        Err(problem) => pages::problem(&portal, language, &problem, false),
    }
}

async fn begin(portal: &Portal, language: Language, query: &str, headers: &HeaderMap) -> Result<Response, Problem> {
    let wishes = Wishes::read(query, |code| portal.settings.config.service(code).is_some());
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
        service: wishes.service,
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
    if let Some(service) = &wishes.service {
        // The exchange's catalogue sets the level: nothing else is asked for.
        let details = json!([{"type": "urn:nixa:transaction", "service": service}]);
        request = request.add_extra_param("authorization_details", details.to_string());
    } else {
        for acr in &config.acr_values {
            request = request.add_auth_context_value(AuthenticationContextClass::new(acr.clone()));
        }
        if config.essential_acr {
            let claims = json!({"id_token": {"acr": {"essential": true, "values": config.acr_values}}});
            request = request.add_extra_param("claims", claims.to_string());
        }
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
            service: None,
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
        assert_eq!(of_catalogue.service.as_deref(), Some("a"));
    }
}
