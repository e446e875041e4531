//! Sample public-service portals: relying parties of the login exchange.
//!
//! A portal here knows the exchange only through public standards (OpenID Connect Core 1.0,
//! Discovery 1.0, RP-Initiated Logout 1.0, Back-Channel Logout 1.0, RFC 6750, RFC 7636, RFC 7662,
//! RFC 9207, RFC 9470) and the `openidconnect` crate. It must not import any other crate of this workspace: if both sides
//! shared a type, they would share its mistakes, and a login that works here would prove nothing.
//!
//! [`router`] gives one portal as an [`axum::Router`]; whoever composes the system serves it on
//! the port named by [`PortalConfig::public_url`]. The process must have installed a rustls
//! `CryptoProvider` before.
//!
//! Sessions and pending logins live in memory: a portal that restarts asks people to log in again,
//! which single sign-on makes cheap. Nothing personal goes to a log or a URL; the one exception is
//! `id_token_hint` at logout, which RP-Initiated Logout 1.0, section 2, asks for.

mod ambient;
mod api;
mod authorize;
mod backchannel;
mod callback;
mod challenge;
mod claims;
mod config;
mod cookies;
mod exchange;
mod expiring;
mod filing;
mod home;
mod http_client;
mod language;
mod level;
mod logout;
mod logout_token;
mod pages;
mod pending;
mod portal;
mod problem;
mod problem_text;
mod provider;
mod returns;
mod samples;
mod sessions;

pub use config::{Api, PortalConfig, PortalError, Service};
pub use portal::router;
pub use samples::{Registration, national_public_service, social_insurance, tax};
