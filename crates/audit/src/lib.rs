//! The rules of the audit trail as plain functions: what a record is, how records are chained, how the
//! heads of the chains are signed and time-stamped, how a trail is verified and how it is exported.
//!
//! This crate must not hold I/O or storage: records come in, findings go out.

mod checkpoint;
pub mod ocsf;
mod record;
pub mod timestamp;
pub mod verify;

pub use checkpoint::{
    Checkpoint, CheckpointFault, CheckpointFinding, CheckpointRefusal, Head, checkpoint_digest, checkpoint_hash,
    read_checkpoint, sign_checkpoint, verify_checkpoints,
};
pub use record::{Draft, Event, Kind, REMOVED, Record, chain, first_second_of, month_of};
pub use verify::{Anchor, ChainVerifier, Fault, Finding, Verdict, WINDOW};
