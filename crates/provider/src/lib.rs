//! The OpenID Provider engine, mounted by the identity provider and by the broker.
//!
//! It owns the endpoints, authorization transactions, single sign-on sessions, codes, tokens and logout. It must not
//! hold credentials, levels or identity providers: its one seam upward is [`Interaction`], which says what a
//! transaction still needs.

mod audit;
mod authorize;
mod client;
mod error;
mod http;
mod interaction;
mod logout;
mod provider;
mod router;
mod runtime;
mod session;
mod settings;
mod token;

pub use audit::client_changed;
pub use authorize::open_transaction::{
    Cancel, ClientProfile, FormPurpose, FormTarget, OpenTransaction, SwitchAccount, TransactionForm, origin,
};
pub use authorize::transaction::{StoredTransaction, Transaction, Transactions, continue_path};
pub use client::registry::Clients;
pub use error::ProviderError;
pub use http::page_error::{PageError, see_other};
pub use http::visitor::Visitor;
pub use interaction::{Authenticated, Interaction, Next};
pub use logout::back_channel::BackChannel;
pub use logout::session_end::SessionEnd;
pub use provider::{Provider, ProviderParts, Stores};
pub use router::router;
pub use runtime::{Runtime, SigningKeys};
pub use session::sso::{Sessions, SsoSession};
pub use settings::{Lifetimes, RateLimits, Settings};
