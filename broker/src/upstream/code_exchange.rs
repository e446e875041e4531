//! From a code to what the identity provider vouches for.

use std::collections::BTreeSet;

use nixa_http_client::HttpError;
use nixa_protocol::claims::{AUTHENTICATORS, SCOPES};
use nixa_protocol::client_auth::JWT_BEARER;
use nixa_protocol::{Timestamp, random_token};
use openidconnect::core::{CoreGenderClaim, CoreIdToken, CoreIdTokenClaims, CoreTokenResponse};
use openidconnect::{
    AccessToken, AdditionalClaims, AuthorizationCode, OAuth2TokenResponse, PkceCodeVerifier, RequestTokenError,
    TokenResponse, UserInfoClaims, UserInfoError,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::client::{OpenIdClient, UpstreamClient, openid_client, redirect_url};
use super::error::UpstreamError;
use super::id_token;
use super::metadata::IdpMetadata;
use super::upstream_request::UpstreamRequest;
use crate::settings::IdpSettings;

/// The life of a client assertion, in seconds.
const ASSERTION_LIFE: i64 = 60;

/// The parameters of a successful authorization response.
pub(crate) struct AuthorizationResponse<'a> {
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

impl UpstreamClient {
    /// Exchanges the code of an authorization response and verifies what comes back.
    pub(crate) async fn exchange_code(
        &self,
        idp: &IdpSettings,
        redirect_uri: &str,
        request: &UpstreamRequest,
        response: AuthorizationResponse<'_>,
    ) -> Result<VerifiedIdentity, UpstreamError> {
        let metadata = self.metadata.get(idp).await?;
        check_issuer(idp, &metadata, response.iss)?;
        let client = openid_client(idp, &metadata);
        let tokens = self.redeem(idp, client.clone(), redirect_uri, request, response.code).await?;
        let id_token = tokens.id_token().ok_or(UpstreamError::IdToken("missing"))?;
        let claims = self.verify(id_token, idp, &metadata, request).await?;
        let subject = id_token::subject(claims)?;
        let auth_time = id_token::auth_time(claims, request, self.clock.now())?;
        let userinfo = self.userinfo(&client, tokens.access_token(), claims).await?;
        let authenticators = userinfo.get(AUTHENTICATORS).filter(|_| idp.states_authenticators);
        Ok(VerifiedIdentity {
            authenticators: authenticators.and_then(|names| serde_json::from_value(names.clone()).ok()),
            subject,
            acr: claims.auth_context_ref().map(|acr| acr.to_string()),
            amr: claims.auth_method_refs().into_iter().flatten().map(|method| method.to_string()).collect(),
            auth_time,
            claims: userinfo,
        })
    }

    async fn redeem(
        &self,
        idp: &IdpSettings,
        client: OpenIdClient,
        redirect_uri: &str,
        request: &UpstreamRequest,
        code: &str,
    ) -> Result<CoreTokenResponse, UpstreamError> {
        client
            .set_redirect_uri(redirect_url(redirect_uri)?)
            .exchange_code(AuthorizationCode::new(code.to_owned()))
            .map_err(|_| UpstreamError::Configuration("no token endpoint"))?
            .set_pkce_verifier(PkceCodeVerifier::new(request.code_verifier.clone()))
            .add_extra_param("client_assertion_type", JWT_BEARER)
            .add_extra_param("client_assertion", self.client_assertion(idp)?)
            .request_async(&self.http)
            .await
            .map_err(|error| match error {
                RequestTokenError::Request(error) => UpstreamError::Http(error),
                _ => UpstreamError::Token,
            })
    }

    /// Verifies the ID token; a key that is not known is looked for once more, for a provider that has
    /// just rotated.
    async fn verify<'t>(
        &self,
        id_token: &'t CoreIdToken,
        idp: &IdpSettings,
        metadata: &IdpMetadata,
        request: &UpstreamRequest,
    ) -> Result<&'t CoreIdTokenClaims, UpstreamError> {
        let verified = match id_token::verify(id_token, idp, metadata, request, self.clock.now()) {
            Err(error) if id_token::is_unknown_key(&error) => {
                let metadata = self.metadata.refresh(idp).await?;
                id_token::verify(id_token, idp, &metadata, request, self.clock.now())
            }
            verified => verified,
        };
        verified.map_err(|error| id_token::failed_check(&error))
    }

    /// The claims that the provider gives, by the names that our scopes know.
    async fn userinfo(
        &self,
        client: &OpenIdClient,
        access_token: &AccessToken,
        id_token: &CoreIdTokenClaims,
    ) -> Result<Map<String, Value>, UpstreamError> {
        let userinfo: Userinfo = client
            .user_info(access_token.clone(), Some(id_token.subject().clone()))
            .map_err(|_| UpstreamError::Configuration("no userinfo endpoint"))?
            .request_async(&self.http)
            .await
            .map_err(|error: UserInfoError<HttpError>| match error {
                UserInfoError::Request(error) => UpstreamError::Http(error),
                _ => UpstreamError::Userinfo,
            })?;
        let all = serde_json::to_value(&userinfo).map_err(|_| UpstreamError::Userinfo)?;
        let known: Vec<&str> = SCOPES.iter().flat_map(|(_, claims)| claims.iter().copied()).collect();
        let Value::Object(all) = all else { return Err(UpstreamError::Userinfo) };
        Ok(all.into_iter().filter(|(n, v)| n != "sub" && !v.is_null() && known.contains(&n.as_str())).collect())
    }

    /// Our client assertion (RFC 7523 §3), addressed to the provider's issuer identifier.
    fn client_assertion(&self, idp: &IdpSettings) -> Result<String, UpstreamError> {
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

/// Mix-up: the answer of another provider than the one that was asked (RFC 9207 §2.4).
fn check_issuer(idp: &IdpSettings, metadata: &IdpMetadata, iss: Option<&str>) -> Result<(), UpstreamError> {
    match iss {
        Some(iss) if iss != idp.issuer => Err(UpstreamError::Response("another iss")),
        None if metadata.promises_iss => Err(UpstreamError::Response("iss is missing")),
        _ => Ok(()),
    }
}
