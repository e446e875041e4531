//! The way to the identity providers: OpenID Connect on the `openidconnect` crate.
//!
//! A login goes through it twice: the browser is sent away with an authorization request, of which an
//! [`UpstreamRequest`] is kept, and the code that comes back is exchanged for a [`VerifiedIdentity`].

mod authorization_request;
mod client;
mod code_exchange;
mod error;
mod id_token;
mod metadata;
mod requested_assurance;
mod upstream_request;

pub use client::UpstreamClient;

pub(crate) use code_exchange::{AuthorizationResponse, VerifiedIdentity};
pub(crate) use error::UpstreamError;
pub(crate) use requested_assurance::RequestedAssurance;
pub(crate) use upstream_request::UpstreamRequest;
