//! The provider engine's ports, which broker and identity provider both have.

mod clients;
mod grants;
mod keys;
mod logout;

pub use clients::{ClientRecord, ClientStore, DeclarationEvent};
pub use grants::{GrantBody, GrantRecord, Grants, NewRefresh, Rotation, RotationEvents};
pub use keys::{KeyRecord, KeyStore};
pub use logout::{DeliveryHealth, DeliveryRecord, DeliveryState, LogoutOutbox};
