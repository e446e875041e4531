//! `/login` sends the browser to the exchange, `/callback` takes its answer and makes the checks of the standard
//! (OpenID Connect Core 1.0, sections 3.1.2 and 3.1.3; RFC 7636; RFC 9207).

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use openidconnect::core::{CoreAuthPrompt, CoreErrorResponseType, CoreGenderClaim, CoreResponseType};
use openidconnect::{
    AccessToken, AccessTokenHash, AuthenticationContextClass, AuthenticationFlow, AuthorizationCode,
    ClaimsVerificationError, CsrfToken, IdTokenClaims, LanguageTag, Nonce, OAuth2TokenResponse as _, PkceCodeChallenge,
    PkceCodeVerifier, RequestTokenError, Scope, TokenResponse as _, UserInfoError,
};
use serde::Deserialize;
use serde_json::{Value, json};
use time::OffsetDateTime;
use tower_cookies::Cookies;
use tower_sessions::Session;

use crate::assurance::{Requirement, is_recent};
use crate::claims::{ClaimSet, OtherClaims};
use crate::exchange::{PortalIdToken, Provider};
use crate::pages::Language;
use crate::portal::{Portal, random_token};
use crate::problem::{BAD_ANSWER, LEVEL_TOO_LOW, Problem, REFUSED, UNKNOWN_STATE, UNREACHABLE};
use crate::session::{Login, Transaction};
use crate::step_up::{Filing, StepUp};

type Claims = IdTokenClaims<OtherClaims, CoreGenderClaim>;

/// What a tester may say of a login by the query of `/login`; anything else is dropped.
#[derive(Default, Deserialize)]
pub(crate) struct LoginQuery {
    prompt: Option<String>,
    max_age: Option<String>,
    service: Option<String>,
}

/// What a login is to be like.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct LoginRequest {
    prompts: Vec<CoreAuthPrompt>,
    max_age: Option<u32>,
    requirement: Requirement,
}

impl LoginRequest {
    fn read(query: LoginQuery, is_service: impl Fn(&str) -> bool) -> Self {
        let prompts = query.prompt.as_deref().unwrap_or_default().split(' ').filter_map(|prompt| match prompt {
            "none" => Some(CoreAuthPrompt::None),
            "login" => Some(CoreAuthPrompt::Login),
            "consent" => Some(CoreAuthPrompt::Consent),
            "select_account" => Some(CoreAuthPrompt::SelectAccount),
            _ => None,
        });
        Self {
            prompts: prompts.collect(),
            max_age: query.max_age.and_then(|seconds| seconds.parse().ok()),
            requirement: query.service.filter(|code| is_service(code)).map(Requirement::Service).unwrap_or_default(),
        }
    }

    /// Exactly what a challenge asked for (RFC 9470, section 4).
    pub(crate) fn for_step_up(step_up: StepUp) -> Self {
        let requirement = Requirement::Levels(step_up.acr_values);
        Self { prompts: Vec::new(), max_age: step_up.max_age, requirement }
    }

    /// A login as one before it.
    pub(crate) fn like(requirement: Requirement) -> Self {
        Self { requirement, ..Self::default() }
    }
}

pub(crate) async fn login(
    State(portal): State<Arc<Portal>>,
    language: Language,
    cookies: Cookies,
    query: Result<Query<LoginQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let query = query.map(|Query(query)| query).unwrap_or_default();
    let request = LoginRequest::read(query, |code| portal.config.service(code).is_some());
    send(&portal, language, &cookies, request, None).await
}

/// Begins a login and sends the browser to it; `waiting` is filed when it has succeeded.
pub(crate) async fn send(
    portal: &Portal,
    language: Language,
    cookies: &Cookies,
    request: LoginRequest,
    waiting: Option<Filing>,
) -> Result<Response, Problem> {
    let provider = portal.exchange.provider().await?;
    let config = &portal.config;
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let mut authorization = provider
        .client
        .authorize_url(
            AuthenticationFlow::<CoreResponseType>::AuthorizationCode,
            || CsrfToken::new_random_len(32),
            || Nonce::new_random_len(32),
        )
        .set_pkce_challenge(challenge)
        .add_scopes(config.scopes.iter().map(|scope| Scope::new((*scope).to_owned())))
        .add_ui_locale(LanguageTag::new(language.tag().to_owned()));
    if let Requirement::Service(service) = &request.requirement {
        let details = json!([{"type": "urn:nixa:transaction", "service": service}]);
        authorization = authorization.add_extra_param("authorization_details", details.to_string());
    }
    let acr_values = request.requirement.acr_values(config);
    for acr in acr_values {
        authorization = authorization.add_auth_context_value(AuthenticationContextClass::new(acr.clone()));
    }
    if config.essential_acr && !acr_values.is_empty() {
        let claims = json!({"id_token": {"acr": {"essential": true, "values": acr_values}}});
        authorization = authorization.add_extra_param("claims", claims.to_string());
    }
    for prompt in request.prompts {
        authorization = authorization.add_prompt(prompt);
    }
    if let Some(seconds) = request.max_age {
        authorization = authorization.set_max_age(Duration::from_secs(u64::from(seconds)));
    }
    let (url, state, nonce) = authorization.url();
    let transaction = Transaction {
        browser: portal.browser(cookies),
        nonce,
        pkce_verifier: verifier.into_secret(),
        max_age: request.max_age,
        requirement: request.requirement,
        waiting,
    };
    portal.transactions.insert(state.into_secret(), Arc::new(transaction)).await;
    Ok(Redirect::to(url.as_str()).into_response())
}

/// The parameters of an authorization response, each at most once (RFC 6749, section 3.1): two readers could else
/// disagree on which one counts.
#[derive(Deserialize)]
pub(crate) struct AuthorizationResponse {
    state: Option<String>,
    code: Option<String>,
    iss: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

pub(crate) async fn callback(
    State(portal): State<Arc<Portal>>,
    cookies: Cookies,
    session: Session,
    response: Result<Query<AuthorizationResponse>, QueryRejection>,
) -> Result<Redirect, Problem> {
    let Query(response) = response.map_err(|_| BAD_ANSWER)?;
    let transaction = take_transaction(&portal, &cookies, response.state).await.ok_or(UNKNOWN_STATE)?;
    let provider = portal.exchange.provider().await?;
    // RFC 9207, section 2.4: without this check, an attacker's issuer could have a code of the honest one redeemed in
    // its place (mix-up). An exchange that does not name itself is not one for portals.
    if response.iss.as_deref() != Some(portal.config.issuer()) {
        tracing::warn!("an answer of another issuer was refused");
        return Err(BAD_ANSWER.into());
    }
    if let Some(error) = response.error {
        return Err(Problem::of_response(&error, response.error_description.as_deref()));
    }
    let code = response.code.ok_or(BAD_ANSWER)?;
    let login = exchange_code(&portal, provider, code, &transaction).await?;
    login.start(&session).await?;
    match transaction.waiting.clone().filter(|filing| filing.belongs_to(login.claims.subject())) {
        None => Ok(Redirect::to("/")),
        Some(filing) => {
            portal.waiting.insert(login.form_token, filing).await;
            Ok(Redirect::to("/returns"))
        }
    }
}

/// Takes the login with that state out if this browser began it. Another browser's attempt leaves it in place: a leaked
/// state must not let a stranger break the owner's login.
async fn take_transaction(portal: &Portal, cookies: &Cookies, state: Option<String>) -> Option<Arc<Transaction>> {
    let state = state?;
    let browser = portal.read_cookie(cookies, "_browser")?;
    let is_owner = portal.transactions.get(&state).await?.browser == browser;
    if is_owner { portal.transactions.remove(&state).await } else { None }
}

/// Redeems the code and checks what comes back, in the order of the standard. What the crate's errors say
/// of a refusal, and the log therefore, is never the person.
async fn exchange_code(
    portal: &Portal,
    provider: Arc<Provider>,
    code: String,
    transaction: &Transaction,
) -> Result<Login, Problem> {
    let tokens = provider
        .client
        .exchange_code(AuthorizationCode::new(code))
        .map_err(unusable)?
        .set_pkce_verifier(PkceCodeVerifier::new(transaction.pkce_verifier.clone()))
        .request_async(&portal.exchange.http)
        .await
        .map_err(|error| match &error {
            RequestTokenError::ServerResponse(answer) if *answer.error() == CoreErrorResponseType::InvalidGrant => {
                refused(error)
            }
            _ => unusable(error),
        })?;
    let id_token = tokens.id_token().ok_or_else(|| refused("no ID token"))?.clone();
    let access_token = tokens.access_token().clone();
    let (provider, claims) = verify(portal, provider, &id_token, &transaction.nonce).await?;
    check_access_token(&provider, &id_token, &claims, &access_token)?;
    if !transaction.requirement.is_met(&portal.config, claims.auth_context_ref().map(|acr| acr.as_str())) {
        tracing::info!("a login came back below the essential level");
        return Err(LEVEL_TOO_LOW.into());
    }
    // Section 3.1.3.7, item 13: else the portal would trust an old login exactly when it asked for a new one.
    let auth_time = claims.auth_time().map(|time| time.timestamp());
    let now = OffsetDateTime::now_utc().unix_timestamp();
    if transaction.max_age.is_some_and(|max_age| !is_recent(auth_time, max_age, now)) {
        return Err(refused("the login is older than max_age, or auth_time is missing"));
    }
    let user_info = user_info(portal, &provider, &claims, access_token.clone()).await?;
    let members = serde_json::to_value(&claims).map_err(refused)?;
    Ok(Login {
        claims: ClaimSet::merge(members, user_info),
        id_token,
        access_token,
        requirement: transaction.requirement.clone(),
        form_token: random_token(),
    })
}

fn refused(cause: impl Display) -> Problem {
    tracing::warn!(%cause, "a login was refused");
    REFUSED.into()
}

fn unusable(cause: impl Display) -> Problem {
    tracing::warn!(%cause, "the exchange gave no usable answer");
    UNREACHABLE.into()
}

/// Verifies the ID token (section 3.1.3.7). When its signature does not fit the keys in memory, the exchange may have
/// new ones: they are fetched once, and the verdict is theirs.
async fn verify(
    portal: &Portal,
    provider: Arc<Provider>,
    id_token: &PortalIdToken,
    nonce: &Nonce,
) -> Result<(Arc<Provider>, Claims), Problem> {
    let claims_by = |provider: &Provider| id_token.claims(&provider.client.id_token_verifier(), nonce).cloned();
    match claims_by(&provider) {
        Err(ClaimsVerificationError::SignatureVerification(_)) => {
            let newer = portal.exchange.newer_than(&provider).await?;
            claims_by(&newer).map(|claims| (newer, claims))
        }
        verdict => verdict.map(|claims| (provider, claims)),
    }
    .map_err(refused)
}

/// `at_hash`, when present, ties the access token to the ID token (section 3.1.3.8).
fn check_access_token(
    provider: &Provider,
    id_token: &PortalIdToken,
    claims: &Claims,
    access_token: &AccessToken,
) -> Result<(), Problem> {
    let Some(expected) = claims.access_token_hash() else {
        return Ok(());
    };
    let verifier = provider.client.id_token_verifier();
    let algorithm = id_token.signing_alg().map_err(refused)?;
    let key = id_token.signing_key(&verifier).map_err(refused)?;
    let actual = AccessTokenHash::from_token(access_token, algorithm, key).map_err(refused)?;
    if actual == *expected { Ok(()) } else { Err(refused("the access token is of another login")) }
}

/// The UserInfo response, if the exchange has the endpoint. Its `sub` must be the ID token's, or it may be about someone
/// else (section 5.3.2).
async fn user_info(
    portal: &Portal,
    provider: &Provider,
    claims: &Claims,
    access_token: AccessToken,
) -> Result<Option<Value>, Problem> {
    let Ok(request) = provider.client.user_info(access_token, Some(claims.subject().clone())) else {
        return Ok(None);
    };
    match request.request_async::<OtherClaims, _, CoreGenderClaim>(&portal.exchange.http).await {
        Ok(answer) => Ok(serde_json::to_value(&answer).ok()),
        Err(error @ UserInfoError::ClaimsVerification(_)) => Err(refused(error)),
        Err(error) => Err(unusable(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Uri;

    fn read<T: for<'de> Deserialize<'de>>(query: &str) -> Option<T> {
        let uri = Uri::try_from(format!("/x?{query}")).unwrap();
        Query::try_from_uri(&uri).ok().map(|Query(read)| read)
    }

    #[test]
    fn only_what_a_tester_may_ask_is_read() {
        let request = |prompts: &[CoreAuthPrompt], max_age| LoginRequest {
            prompts: prompts.to_vec(),
            max_age,
            requirement: Requirement::Portal,
        };
        for (query, expected) in [
            ("", request(&[], None)),
            ("prompt=login", request(&[CoreAuthPrompt::Login], None)),
            ("prompt=login+consent&max_age=0", request(&[CoreAuthPrompt::Login, CoreAuthPrompt::Consent], Some(0))),
            ("prompt=create%20none", request(&[CoreAuthPrompt::None], None)),
            ("max_age=-1", request(&[], None)),
            ("max_age=1e3", request(&[], None)),
            ("redirect_uri=https://evil.example&state=x&acr_values=y&service=a", request(&[], None)),
        ] {
            assert_eq!(LoginRequest::read(read(query).unwrap(), |_| false), expected, "{query}");
        }
        let of_catalogue = LoginRequest::read(read("service=a").unwrap(), |code| code == "a");
        assert_eq!(of_catalogue.requirement, Requirement::Service("a".to_owned()));
    }

    #[test]
    fn repeated_parameters_are_refused() {
        let response: AuthorizationResponse = read("code=a%20b&state=s&lang=en&lang=vi").unwrap();
        assert_eq!(response.code.as_deref(), Some("a b"));
        assert_eq!(response.state.as_deref(), Some("s"));
        for query in ["state=a&state=a", "code=a&code=b", "iss=a&iss=b", "error=a&error="] {
            assert!(read::<AuthorizationResponse>(query).is_none(), "{query}");
        }
    }
}
