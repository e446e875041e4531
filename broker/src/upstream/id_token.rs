//! The checks of an ID token (OpenID Connect Core §3.1.3.7).

use chrono::{DateTime, Utc};
use nixa_protocol::Timestamp;
use openidconnect::core::{CoreIdToken, CoreIdTokenClaims, CoreJwsSigningAlgorithm};
use openidconnect::{ClaimsVerificationError, Nonce, SignatureVerificationError};

use super::client::openid_client;
use super::error::UpstreamError;
use super::metadata::IdpMetadata;
use super::upstream_request::UpstreamRequest;
use crate::settings::IdpSettings;

/// How far the provider's clock may be off, in seconds.
const LEEWAY: i64 = 30;

/// The claims of an ID token: signed by the provider, for us, in answer to this request, and in time.
pub(super) fn verify<'t>(
    id_token: &'t CoreIdToken,
    idp: &IdpSettings,
    metadata: &IdpMetadata,
    request: &UpstreamRequest,
    now: Timestamp,
) -> Result<&'t CoreIdTokenClaims, ClaimsVerificationError> {
    let client = openid_client(idp, metadata);
    let verifier = client
        .id_token_verifier()
        .set_allowed_algs([CoreJwsSigningAlgorithm::EcdsaP256Sha256, CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256])
        .set_time_fn(move || instant(now + -LEEWAY))
        .set_issue_time_verifier_fn(move |iat| {
            if iat.timestamp() > (now + LEEWAY).0 { Err("iat is in the future".to_owned()) } else { Ok(()) }
        });
    id_token.claims(&verifier, &Nonce::new(request.nonce.clone()))
}

/// Whether the check failed for want of the key: a provider may have just rotated.
pub(super) fn is_unknown_key(error: &ClaimsVerificationError) -> bool {
    matches!(error, ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey))
}

/// Which check failed, without the values that the crate's own text would carry.
pub(super) fn failed_check(error: &ClaimsVerificationError) -> UpstreamError {
    UpstreamError::IdToken(match error {
        ClaimsVerificationError::Expired(_) => "expired",
        ClaimsVerificationError::InvalidAudience(_) => "aud",
        ClaimsVerificationError::InvalidIssuer(_) => "iss",
        ClaimsVerificationError::InvalidNonce(_) => "nonce",
        ClaimsVerificationError::SignatureVerification(e) => match e {
            SignatureVerificationError::NoSignature => "not signed",
            SignatureVerificationError::DisallowedAlg(_) | SignatureVerificationError::UnsupportedAlg(_) => "alg",
            SignatureVerificationError::NoMatchingKey => "unknown key",
            _ => "signature",
        },
        _ => "claims",
    })
}

/// The person's identifier at the provider: at most 255 ASCII characters (OpenID Connect Core §2); a control
/// character is in no real one.
pub(super) fn subject(claims: &CoreIdTokenClaims) -> Result<String, UpstreamError> {
    let subject = claims.subject().to_string();
    let valid = (1..=255).contains(&subject.len()) && subject.bytes().all(|b| b.is_ascii_graphic() || b == b' ');
    if valid { Ok(subject) } else { Err(UpstreamError::IdToken("sub")) }
}

/// When the person authenticated, never later than now; for a request that asked for it, not before it was sent.
pub(super) fn auth_time(
    claims: &CoreIdTokenClaims,
    request: &UpstreamRequest,
    now: Timestamp,
) -> Result<Timestamp, UpstreamError> {
    let auth_time = claims.auth_time().ok_or(UpstreamError::IdToken("auth_time is missing"))?;
    let auth_time = Timestamp(auth_time.timestamp());
    if auth_time > now + LEEWAY {
        return Err(UpstreamError::IdToken("auth_time is in the future"));
    }
    if request.reauthenticate && auth_time + LEEWAY < request.sent_at {
        return Err(UpstreamError::IdToken("the person was not asked again"));
    }
    Ok(auth_time.min(now))
}

fn instant(at: Timestamp) -> DateTime<Utc> {
    DateTime::from_timestamp(at.0, 0).unwrap_or_default()
}
