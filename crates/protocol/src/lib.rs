//! OAuth 2.0 and OpenID Connect rules as plain functions on values.
//!
//! This crate owns the checks of each endpoint, client authentication, the rules of codes and tokens,
//! claims, JOSE and the metadata document. It must not hold I/O, async code, storage or HTTP types:
//! time comes in as a [`Timestamp`], randomness as an [`Entropy`].

#![recursion_limit = "256"]

pub mod access_token;
pub mod authorize;
pub mod claims;
pub mod client;
pub mod client_auth;
pub mod discovery;
pub mod encryption;
pub mod entropy;
pub mod error;
pub mod grant;
pub mod id;
pub mod id_token;
pub mod introspection;
pub mod jose;
pub mod jwe;
pub mod keyset;
pub mod logout;
pub mod params;
pub mod pkce;
pub mod registration;
pub mod subject;
pub mod time;
pub mod uri;

pub use client::{Client, ClientAuthentication, LocalizedText};
pub use entropy::{Digest, Entropy, digest, random_token, same_secret};
pub use error::{ErrorCode, OAuthError};
pub use id::Id;
pub use params::Params;
pub use time::{Clock, Timestamp};
