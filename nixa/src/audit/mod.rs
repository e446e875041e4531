//! The audit trail of a server: kept while it runs, verified and exported on command.
//!
//! What a record is, how chains are verified and what an event looks like are rules of `nixa_audit`; here they meet the
//! stores and the network.

mod error;
mod export;
mod timestamping;
mod upkeep;
mod verify;

pub use error::AuditError;
pub use export::export;
pub use timestamping::{TimestampAuthority, TimestampError};
pub use upkeep::{AuditUpkeep, UpkeepError};
pub use verify::{Report, verify};
