//! From a code to what the identity provider vouches for, every check of OpenID Connect Core §3.1.3.7.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use nixa_http_client::{HttpClient, HttpError};
use nixa_protocol::claims::{AUTHENTICATORS, SCOPES};
use nixa_protocol::client_auth::JWT_BEARER;
use nixa_protocol::{Timestamp, random_token};
use openidconnect::core::{CoreClient, CoreGenderClaim, CoreIdToken, CoreIdTokenClaims, CoreJwsSigningAlgorithm};
use openidconnect::{
    AccessToken, AdditionalClaims, AsyncHttpClient, AuthorizationCode, ClaimsVerificationError, ClientId, HttpRequest,
    HttpResponse, Nonce, OAuth2TokenResponse, PkceCodeVerifier, RedirectUrl, SignatureVerificationError, TokenResponse,
    UserInfoClaims,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{UpstreamError, UpstreamRequest, Upstreams};
use crate::settings::IdpSettings;

/// How far the provider's clock may be off, in seconds.
const LEEWAY: i64 = 30;
/// The life of a client assertion, in seconds.
const ASSERTION_LIFE: i64 = 60;

/// The parameters of a successful authorization response.
pub(crate) struct Answer<'a> {
    pub(crate) code: &'a str,
    pub(crate) iss: Option<&'a str>,
}

/// What a provider vouches for, after every check.
#[derive(Debug, Clone)]
pub(crate) struct VerifiedIdentity {
    pub(crate) subject: String,
    pub(crate) acr: Option<String>,
    pub(crate) amr: Vec<String>,
    /// When the person authenticated, never later than now.
    pub(crate) auth_time: Timestamp,
    pub(crate) claims: Map<String, Value>,
    /// The methods that the person has there, where it says so and may.
    pub(crate) authenticators: Option<BTreeSet<String>>,
}

/// Claims beside the standard ones.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct OurClaims {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    personal_number: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    authenticators: Option<BTreeSet<String>>,
}
impl AdditionalClaims for OurClaims {}

type Userinfo = UserInfoClaims<OurClaims, CoreGenderClaim>;

impl Upstreams {
    /// Redeems a code and verifies what comes back.
    pub(crate) async fn finish(
        &self,
        idp: &IdpSettings,
        redirect_uri: &str,
        asked: &UpstreamRequest,
        answer: Answer<'_>,
    ) -> Result<VerifiedIdentity, UpstreamError> {
        let fetched = self.metadata(idp).await?;
        // Mix-up: the answer of another provider than the one that was asked (RFC 9207 §2.4).
        match answer.iss {
            Some(iss) if iss != idp.issuer => return Err(UpstreamError::IdToken("iss of the response")),
            None if fetched.promises_iss => return Err(UpstreamError::IdToken("iss of the response is missing")),
            _ => {}
        }
        let redirect = RedirectUrl::new(redirect_uri.to_owned());
        let redirect = redirect.map_err(|_| UpstreamError::Configuration("redirect URI"))?;
        let client =
            CoreClient::from_provider_metadata(fetched.metadata.clone(), ClientId::new(idp.client_id.clone()), None)
                .set_redirect_uri(redirect);
        let http = Http(self.http.clone());
        let tokens = client
            .exchange_code(AuthorizationCode::new(answer.code.to_owned()))
            .map_err(|_| UpstreamError::Configuration("no token endpoint"))?
            .set_pkce_verifier(PkceCodeVerifier::new(asked.verifier.clone()))
            .add_extra_param("client_assertion_type", JWT_BEARER)
            .add_extra_param("client_assertion", self.assertion(idp)?)
            .request_async(&http)
            .await
            .map_err(|_| UpstreamError::Token)?;
        let id_token = tokens.id_token().ok_or(UpstreamError::IdToken("missing"))?;
        let claims = self.verify(idp, id_token, asked).await?;
        // At most 255 ASCII characters (OpenID Connect Core §2); a control character is in no real one.
        let subject = claims.subject().to_string();
        if subject.is_empty() || subject.len() > 255 || !subject.bytes().all(|b| b.is_ascii_graphic() || b == b' ') {
            return Err(UpstreamError::IdToken("sub"));
        }
        let auth_time = claims.auth_time().ok_or(UpstreamError::IdToken("auth_time is missing"))?;
        let now = self.clock.now();
        let auth_time = Timestamp(auth_time.timestamp());
        if auth_time > now + LEEWAY {
            return Err(UpstreamError::IdToken("auth_time is in the future"));
        }
        if asked.anew && auth_time + LEEWAY < asked.at {
            return Err(UpstreamError::IdToken("the person was not asked again"));
        }
        let userinfo = self.userinfo(&client, tokens.access_token(), claims).await?;
        let authenticators = userinfo.get(AUTHENTICATORS).filter(|_| idp.states_authenticators);
        Ok(VerifiedIdentity {
            authenticators: authenticators.and_then(|names| serde_json::from_value(names.clone()).ok()),
            subject,
            acr: claims.auth_context_ref().map(|a| a.to_string()),
            amr: claims.auth_method_refs().into_iter().flatten().map(|m| m.to_string()).collect(),
            auth_time: auth_time.min(now),
            claims: userinfo,
        })
    }

    /// Verifies the ID token; a key that is not known is looked for once more, for a provider that has
    /// just rotated.
    async fn verify<'t>(
        &self,
        idp: &IdpSettings,
        id_token: &'t CoreIdToken,
        asked: &UpstreamRequest,
    ) -> Result<&'t CoreIdTokenClaims, UpstreamError> {
        let known = self.metadata(idp).await?;
        match self.check(idp, &known.metadata, id_token, asked) {
            Err(ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey)) => {
                let fresh = self.refreshed(idp).await?;
                self.check(idp, &fresh.metadata, id_token, asked)
            }
            checked => checked,
        }
        .map_err(|error| UpstreamError::IdToken(failed_check(&error)))
    }

    fn check<'t>(
        &self,
        idp: &IdpSettings,
        metadata: &super::Metadata,
        id_token: &'t CoreIdToken,
        asked: &UpstreamRequest,
    ) -> Result<&'t CoreIdTokenClaims, ClaimsVerificationError> {
        let now = self.clock.now();
        let client = CoreClient::from_provider_metadata(metadata.clone(), ClientId::new(idp.client_id.clone()), None);
        let verifier = client
            .id_token_verifier()
            .set_allowed_algs([CoreJwsSigningAlgorithm::EcdsaP256Sha256, CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256])
            .set_time_fn(move || instant(now + -LEEWAY))
            .set_issue_time_verifier_fn(move |iat| {
                if iat.timestamp() > (now + LEEWAY).0 { Err("iat is in the future".to_owned()) } else { Ok(()) }
            });
        id_token.claims(&verifier, &Nonce::new(asked.nonce.clone()))
    }

    /// The claims that the provider gives, by the names that our scopes know.
    async fn userinfo<A, B, C, D, E>(
        &self,
        client: &UserinfoClient<A, B, C, D, E>,
        access_token: &AccessToken,
        id_token: &CoreIdTokenClaims,
    ) -> Result<Map<String, Value>, UpstreamError>
    where
        A: openidconnect::EndpointState,
        B: openidconnect::EndpointState,
        C: openidconnect::EndpointState,
        D: openidconnect::EndpointState,
        E: openidconnect::EndpointState,
    {
        let http = Http(self.http.clone());
        let userinfo: Userinfo = client
            .user_info(access_token.clone(), Some(id_token.subject().clone()))
            .map_err(|_| UpstreamError::Configuration("no userinfo endpoint"))?
            .request_async(&http)
            .await
            .map_err(|_| UpstreamError::Userinfo)?;
        let all = serde_json::to_value(&userinfo).map_err(|_| UpstreamError::Userinfo)?;
        let known: Vec<&str> = SCOPES.iter().flat_map(|(_, claims)| claims.iter().copied()).collect();
        let Value::Object(all) = all else { return Err(UpstreamError::Userinfo) };
        Ok(all.into_iter().filter(|(n, v)| n != "sub" && !v.is_null() && known.contains(&n.as_str())).collect())
    }

    /// Our client assertion (RFC 7523 §3), addressed to the provider's issuer identifier.
    fn assertion(&self, idp: &IdpSettings) -> Result<String, UpstreamError> {
        let now = self.clock.now();
        let claims = json!({
            "iss": idp.client_id,
            "sub": idp.client_id,
            "aud": idp.issuer,
            "jti": random_token(&*self.entropy),
            "iat": now,
            "exp": now + ASSERTION_LIFE,
        });
        idp.key.sign("JWT", &claims).map_err(|_| UpstreamError::Configuration("the key cannot sign"))
    }
}

/// Our HTTP client as that of the crate.
struct Http(Arc<dyn HttpClient>);

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = HttpError;
    type Future = BoxFuture<'c, Result<HttpResponse, HttpError>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.0.send(request))
    }
}

type UserinfoClient<A, B, C, D, E> = openidconnect::core::CoreClient<A, B, C, D, E, openidconnect::EndpointMaybeSet>;

fn instant(at: Timestamp) -> DateTime<Utc> {
    DateTime::from_timestamp(at.0, 0).unwrap_or_default()
}

/// Which check failed, without the values that the crate's own text would carry.
fn failed_check(error: &ClaimsVerificationError) -> &'static str {
    match error {
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
    }
}
