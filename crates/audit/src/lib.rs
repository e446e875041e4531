//! The rules of the audit trail as plain functions: what is recorded, how records are chained, how the heads of the
//! chains are signed and time-stamped, how chains are verified and how records are exported.
//!
//! This crate must not hold I/O or storage: records come in, findings go out.

mod checkpoint;
mod event;
mod month;
pub mod ocsf;
mod record;
pub mod timestamp;
pub mod verify;

pub use checkpoint::{
    Checkpoint, CheckpointFault, CheckpointFinding, CheckpointRefusal, Head, checkpoint_digest, checkpoint_hash,
    read_checkpoint, sign_checkpoint, verify_checkpoints,
};
pub use event::{
    AccountChange, AdministrationChange, AdministrationEvent, AuditEvent, AuthenticationMethod, ClientChange,
    ConfigurationEvent, DecisionOutcome, DeliveryOutcome, GrantType, IssuedGrant, KeyChange, KeyEvent, Kind,
    LoginMeans, LoginRefusal, LoginRefusalReason, RetentionChange, RevocationReason, ServerStart, SigningKeyFacts,
};
pub use month::{first_second_of, month_after, month_of, months_before};
pub use record::{Draft, Record, chain, last_removed};
pub use verify::{Anchor, ChainVerifier, Fault, Finding, Verdict, WINDOW};
