//! From an authorization code to a person: token request, ID token checks, UserInfo (OpenID
//! Connect Core 1.0, sections 3.1.3 and 5.3).

use crate::ambient::now;
use crate::claims::{ClaimSet, OtherClaims};
use crate::http_client::CallError;
use crate::level;
use crate::pending::{Demand, PendingLogin};
use crate::portal::Portal;
use crate::problem::{Kind, Problem};
use crate::provider::{PortalIdToken, Provider};
use openidconnect::core::{CoreErrorResponseType, CoreGenderClaim};
use openidconnect::{
    AccessToken, AccessTokenHash, AuthorizationCode, ClaimsVerificationError, IdTokenClaims, Nonce,
    OAuth2TokenResponse as _, PkceCodeVerifier, RequestTokenError, StandardErrorResponse, TokenResponse as _,
    UserInfoError,
};
use serde_json::Value;
use std::sync::Arc;

type Claims = IdTokenClaims<OtherClaims, CoreGenderClaim>;

/// A person, after every check.
pub(crate) struct Identity {
    pub(crate) subject: String,
    pub(crate) exchange_session: Option<String>,
    pub(crate) claims: ClaimSet,
    pub(crate) id_token: String,
    pub(crate) access_token: AccessToken,
}

/// Redeems the code and checks what comes back, in the order of the standard.
///
/// # Errors
/// The [`Problem`] to show; its cause is logged without any value from a token.
pub(crate) async fn identify(
    portal: &Portal,
    provider: Arc<Provider>,
    code: String,
    pending: &PendingLogin,
) -> Result<Identity, Problem> {
    let (id_token, access_token) = redeem(portal, &provider, code, pending.pkce_verifier.clone()).await?;
    let nonce = Nonce::new(pending.nonce.clone());
    let (provider, claims) = verify(portal, provider, &id_token, &nonce).await?;
    check_access_token(&provider, &id_token, &claims, &access_token)?;
    check_level(portal, &claims, &pending.demand)?;
    check_age(claims.auth_time().map(|time| time.timestamp()), pending.max_age, now())?;
    let user_info = user_info(portal, &provider, &claims, access_token.clone()).await?;
    let members = serde_json::to_value(&claims).map_err(|_| refused("claims cannot be kept"))?;
    Ok(Identity {
        subject: claims.subject().to_string(),
        exchange_session: claims.additional_claims().text("sid").map(str::to_owned),
        claims: ClaimSet::merge(members, user_info),
        id_token: id_token.to_string(),
        access_token,
    })
}

fn refused(cause: &'static str) -> Problem {
    tracing::warn!(cause, "a login was refused");
    Kind::Refused.into()
}

fn unusable(cause: &'static str) -> Problem {
    tracing::warn!(cause, "the exchange gave no usable answer");
    Kind::Unreachable.into()
}

async fn redeem(
    portal: &Portal,
    provider: &Provider,
    code: String,
    pkce_verifier: String,
) -> Result<(PortalIdToken, AccessToken), Problem> {
    let answer = provider
        .client
        .exchange_code(AuthorizationCode::new(code))
        .map_err(|_| unusable("no token endpoint"))?
        .set_pkce_verifier(PkceCodeVerifier::new(pkce_verifier))
        .request_async(&portal.provider.http)
        .await
        .map_err(|error| {
            // Endpoints may have moved with the exchange; the next attempt starts from fresh ones.
            portal.provider.forget();
            token_problem(&error)
        })?;
    let id_token = answer.id_token().cloned().ok_or_else(|| refused("no ID token"))?;
    Ok((id_token, answer.access_token().clone()))
}

fn token_problem(error: &RequestTokenError<CallError, StandardErrorResponse<CoreErrorResponseType>>) -> Problem {
    match error {
        RequestTokenError::ServerResponse(answer) => match answer.error() {
            CoreErrorResponseType::InvalidGrant => refused("the code was not accepted"),
            CoreErrorResponseType::InvalidClient => unusable("the portal was not accepted"),
            _ => unusable("the token request was not accepted"),
        },
        RequestTokenError::Request(_) => unusable("no answer to the token request"),
        RequestTokenError::Parse(..) | RequestTokenError::Other(_) => unusable("the token response cannot be read"),
    }
}

/// Verifies the ID token (section 3.1.3.7). When its signature does not fit the keys in memory,
/// the exchange may have new ones: they are fetched once, and the verdict is theirs.
async fn verify(
    portal: &Portal,
    provider: Arc<Provider>,
    id_token: &PortalIdToken,
    nonce: &Nonce,
) -> Result<(Arc<Provider>, Claims), Problem> {
    match claims(&provider, id_token, nonce) {
        Err(ClaimsVerificationError::SignatureVerification(_)) => {
            let newer = portal.provider.get_newer(&provider).await?;
            let verdict = claims(&newer, id_token, nonce);
            verdict.map(|claims| (newer, claims))
        }
        verdict => verdict.map(|claims| (provider, claims)),
    }
    .map_err(|error| refused(cause(&error)))
}

fn claims(provider: &Provider, id_token: &PortalIdToken, nonce: &Nonce) -> Result<Claims, ClaimsVerificationError> {
    let verifier = provider.client.id_token_verifier().set_allowed_algs(provider.algorithms.iter().cloned());
    id_token.claims(&verifier, nonce).cloned()
}

/// The errors of the `openidconnect` crate quote claims, so only their kind may be logged.
fn cause(error: &ClaimsVerificationError) -> &'static str {
    match error {
        ClaimsVerificationError::Expired(_) => "the ID token has expired",
        ClaimsVerificationError::InvalidAudience(_) => "the ID token is for another client",
        ClaimsVerificationError::InvalidIssuer(_) => "the ID token is of another issuer",
        ClaimsVerificationError::InvalidNonce(_) => "the ID token answers another login",
        ClaimsVerificationError::SignatureVerification(_) => "the ID token's signature",
        _ => "the ID token",
    }
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
    let algorithm = id_token.signing_alg().map_err(|_| refused("at_hash"))?;
    let key = id_token.signing_key(&verifier).map_err(|_| refused("at_hash"))?;
    let actual = AccessTokenHash::from_token(access_token, algorithm, key).map_err(|_| refused("at_hash"))?;
    if actual == *expected { Ok(()) } else { Err(refused("the access token is of another login")) }
}

/// A login for a service must have the service's level, another one what was asked for in it as
/// essential. The portal's own level does not stand in for it: a challenge may ask for another.
fn check_level(portal: &Portal, claims: &Claims, demand: &Demand) -> Result<(), Problem> {
    let config = &portal.settings.config;
    let acr = claims.auth_context_ref().map(|acr| acr.as_str());
    let enough = match demand {
        Demand::Service(code) => {
            let needed = config.service(code).map(|service| service.level);
            needed.is_some_and(|needed| acr.and_then(level::level).is_some_and(|reached| reached >= needed))
        }
        Demand::Portal | Demand::Levels(_) => {
            let asked = demand.acr_values(config);
            !config.essential_acr || asked.is_empty() || level::satisfies(acr, asked)
        }
    };
    if !enough {
        tracing::info!("a login came back below the essential level");
        return Err(Kind::LevelTooLow.into());
    }
    Ok(())
}

/// With `max_age`, `auth_time` must be there and be recent (section 3.1.3.7, item 13): else the
/// portal would trust an old login exactly when it asked for a new one.
fn check_age(auth_time: Option<i64>, max_age: Option<u32>, now: i64) -> Result<(), Problem> {
    let Some(max_age) = max_age else {
        return Ok(());
    };
    if level::is_recent(auth_time, max_age, now) {
        return Ok(());
    }
    Err(refused(match auth_time {
        Some(_) => "the login is older than max_age",
        None => "max_age was asked and auth_time is missing",
    }))
}

/// The UserInfo response. Its `sub` must be the ID token's, or it may be about someone else
/// (section 5.3.2).
async fn user_info(
    portal: &Portal,
    provider: &Provider,
    claims: &Claims,
    access_token: AccessToken,
) -> Result<Option<Value>, Problem> {
    if provider.client.user_info_url().is_none() {
        return Ok(None);
    }
    let answer = provider
        .client
        .user_info(access_token, Some(claims.subject().clone()))
        .map_err(|_| unusable("no UserInfo endpoint"))?
        .request_async::<OtherClaims, _, CoreGenderClaim>(&portal.provider.http)
        .await;
    match answer {
        Ok(answer) => Ok(serde_json::to_value(&answer).ok()),
        Err(UserInfoError::ClaimsVerification(_)) => Err(refused("UserInfo is about someone else")),
        Err(UserInfoError::Request(_)) => Err(unusable("no answer to the UserInfo request")),
        Err(_) => Err(unusable("the UserInfo response cannot be read")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn age_is_checked_only_when_asked() {
        for (auth_time, max_age, accepted) in [
            (None, None, true),
            (Some(0), None, true),
            (Some(10_000), Some(0), true),
            (Some(9_940), Some(0), true),
            (Some(9_939), Some(0), false),
            (Some(9_000), Some(1_000), true),
            (None, Some(1_000), false),
        ] {
            let verdict = check_age(auth_time, max_age, 10_000);
            assert_eq!(verdict.is_ok(), accepted, "{auth_time:?} {max_age:?}");
        }
    }
}
