//! The rules of the audit trail as plain functions: what a record is, how records are chained, how the
//! heads of the chains are signed and time-stamped, how a trail is verified and how it is exported.
//!
//! This crate must not hold I/O or storage: records come in, findings go out.

mod record;

pub use record::{Draft, Event, Kind, Record, chain, month_of};
