//! Assurance: pure rules that judge a login.
//!
//! This crate owns factors, levels, the policy file, requirements, decisions and step-up plans. It
//! must not hold I/O, clocks, async code or any OAuth type: broker and identity provider give it values and act
//! on the value that comes back, and no other crate compares levels.
//!
//! Sources: Decree 69/2024/NĐ-CP (identity levels 1-2, authentication levels 1-4); NIST SP 800-63-4
//! and eIDAS appear only as the cross-walk that a policy file states.

mod authentication_level;
mod decision;
mod evidence;
mod factor_use;
mod input;
mod plan;
mod policy;
mod requirement;
mod sentence;

pub use authentication_level::{FactorKind, Quality, authentication_level};
pub use decision::{Decision, Reason, Satisfied, decide};
pub use evidence::{Evidence, Factor, IdpCapability, Proofing};
pub use factor_use::{FactorUse, explain_factors};
pub use plan::Plan;
pub use policy::{Freshness, Level, Method, Policy, PolicyError, PolicyFinding, Rule};
pub use requirement::Requirement;
pub use sentence::{Sentence, sentence};
