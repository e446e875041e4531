//! Puts a broker or an identity provider together from its configuration.

mod broker;
mod clients;
mod error;
mod foundation;
mod idp;
mod server;
mod store;

pub use broker::broker;
pub use error::StartError;
pub use foundation::key_manager;
pub use idp::idp;
pub use server::Server;
pub use store::{connect_store, open_store};
