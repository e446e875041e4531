//! Tokens: given at the token endpoint (RFC 6749 §3.2), used at userinfo, introspected and revoked.

pub(crate) mod access_token;
pub(crate) mod endpoint;
pub(crate) mod introspect;
pub(crate) mod revoke;
pub(crate) mod userinfo;
