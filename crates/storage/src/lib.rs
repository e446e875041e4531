//! Storage without a driver: ports by owner, their records, and typed short-lived entries.
//!
//! The adapters are crates of their own (`nixa-storage-sql`, `nixa-storage-redis`), so that nothing that uses a port
//! has a database driver in its tree. The port that reads credentials is in `nixa-credentials`, which the broker
//! does not depend on. This crate must not hold rules of OAuth or assurance: a port's method is one atomic step, and
//! the caller decides which.

mod audit;
mod broker;
mod entry;
mod error;
mod metered;
mod provider;
mod short_lived;
mod upkeep;

pub use audit::{Audit, AuditHead, StoredCheckpoint};
pub use broker::{DecisionRecord, People, Person, Resolution, ResolutionEvents, Signals, UpstreamAccount};
pub use entry::{Entries, Entry, Prefix, Stored, Update};
pub use error::{Cause, StorageError};
pub use metered::{Metered, Usage};
pub use provider::{
    ClientRecord, ClientStore, DeclarationEvent, DeliveryHealth, DeliveryRecord, DeliveryState, GrantBody, GrantRecord,
    Grants, KeyRecord, KeyStore, LogoutOutbox, NewRefresh, Rotation, RotationEvents,
};
pub use short_lived::ShortLived;
pub use upkeep::Upkeep;
