//! The OpenID Provider engine, mounted by the identity provider and by the broker.
//!
//! It owns the endpoints, authorization transactions, single sign-on sessions, codes, tokens and logout. It must not
//! hold credentials, levels or identity providers: its one seam upward is [`Interaction`], which says what a
//! transaction still needs.

mod audit;
mod authorize;
pub mod client;
mod error;
mod http;
mod interaction;
mod logout;
mod provider;
mod router;
mod session;
mod token;

pub use audit::client_changed;
pub use authorize::dispatch::dispatch;
pub use authorize::page::{About, Chosen, Step, origin, see_other};
pub use authorize::transaction::{StoredTransaction, Transaction, Transactions};
pub use client::documents;
pub use client::registry::Clients;
pub use error::ProviderError;
pub use http::rate_limit::Limits;
pub use interaction::{Authenticated, Interaction, Next};
pub use logout::back_channel::LogoutSender;
pub use provider::{Identity, Lifetimes, Provider, Runtime, Stores};
pub use router::router;
pub use session::browser_store::ShortLivedSessions;
pub use session::sso::{Sessions, SsoSession};
