//! Tokens: issued at the token endpoint (RFC 6749 §3.2), used at userinfo, introspected and revoked.

pub(crate) mod access_token;
pub(crate) mod authorization_code;
pub(crate) mod claim_source;
pub(crate) mod client_credentials;
pub(crate) mod endpoint;
pub(crate) mod id_token;
pub(crate) mod introspect;
pub(crate) mod refresh_retry;
pub(crate) mod refresh_token;
pub(crate) mod response;
pub(crate) mod revoke;
pub(crate) mod userinfo;
