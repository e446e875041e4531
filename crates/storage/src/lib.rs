//! Storage without a driver: ports by owner, their records, and typed short-lived entries.
//!
//! The adapters are crates of their own (`nixa-storage-sql`, `nixa-storage-redis`), so that nothing that uses a port
//! has a database driver in its tree. The port that reads credentials is in `nixa-credentials`, which the broker
//! does not depend on. This crate must not hold rules of OAuth or assurance: a port's method is one atomic step, and
//! the caller decides which.

mod entry;
mod error;
mod metered;
mod ports;
mod records;

pub use entry::{Entries, Entry, Prefix, Stored, Update};
pub use error::{Cause, StorageError};
pub use metered::Metered;
pub use ports::{
    Audit, ClientStore, Grants, KeyStore, LogoutOutbox, OfDeclaration, OfLogin, OfRotation, People, ShortLived,
    Signals, Upkeep,
};
pub use records::{
    AuditHead, ClientRecord, DELIVERED, DecisionRecord, DeliveryHealth, DeliveryRecord, DeliveryState, GrantBody,
    GrantRecord, KeyRecord, Linked, NewRefresh, Person, Rotation, StoredCheckpoint, Upstream,
};
