//! The OpenID Provider engine, mounted by the identity provider and by the broker.
//!
//! It owns the endpoints, open logins, single sign-on sessions, codes, tokens and logout. It must not
//! hold credentials, levels or identity providers: its one seam upward is [`Host`], which says what an
//! open login still needs.

mod access;
mod access_token;
mod authorize;
mod backchannel;
mod client;
mod clients;
mod code;
mod cors;
mod dispatch;
pub mod documents;
mod end_session;
mod error;
mod health;
mod host;
mod introspect;
mod limits;
mod logged_out;
mod login;
mod logo;
mod metadata;
mod par;
mod register;
mod response;
mod revoke;
mod router;
mod session_store;
mod sso;
mod state;
mod step;
mod token;
mod trail;
mod userinfo;

pub use backchannel::LogoutSender;
pub use clients::Clients;
pub use dispatch::dispatch;
pub use error::ProviderError;
pub use host::{Authenticated, Host, Next};
pub use limits::Limits;
pub use login::{Current, Logins, Pending};
pub use register::registered;
pub use router::router;
pub use session_store::ShortLivedSessions;
pub use sso::{Sessions, SsoSession};
pub use state::{Identity, Lifetimes, Provider, Stores, Surroundings};
pub use step::{About, Chosen, Step, origin, see_other};
