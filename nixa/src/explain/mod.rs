//! `nixa explain`: why a login had its level, from the store or for a made-up case, and what a policy
//! makes of every combination.

mod matrix;

use std::io::{self, BufRead, BufWriter, Write};
use std::path::Path;

use assurance_policy::{
    Decision, Evidence, FactorUse, IdpCapability, Policy, Requirement, Sentence, decide, explain_factors, sentence,
};
use nixa_protocol::Clock;
use nixa_storage::{DecisionRecord, People};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use crate::ambient::SystemClock;
use crate::compose::{StartError, open_store};
use crate::config::{Config, default_policy};
use crate::environment::{Environment, EnvironmentError};

pub use matrix::render_matrix;

/// Why nothing can be explained.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ExplainError {
    /// The configuration is not a broker's.
    #[error("the configuration has no [broker] table")]
    NotABroker,
    /// The policy cannot be read or is refused, for this reason.
    #[error("{0}")]
    Policy(String),
    /// A file or standard input cannot be read, or standard output not be written.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The evidence is not of the form that `docs/assurance.md` describes.
    #[error("the evidence cannot be read: {0}")]
    Evidence(#[from] serde_json::Error),
    /// The HTTP clients cannot be set up.
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    /// The store cannot be opened.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The store cannot be read.
    #[error(transparent)]
    Storage(#[from] nixa_storage::StorageError),
    /// No decision has this identifier.
    #[error("there is no decision with this identifier")]
    NoDecision,
    /// Some lines of a batch could not be read; the others were answered.
    #[error("{0} of the lines could not be read; their answers say why")]
    BadLines(u64),
}

/// A made-up case (format in `docs/assurance.md`).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    #[serde(default)]
    id: Value,
    #[serde(default)]
    requirement: Requirement,
    #[serde(default, rename = "held")]
    evidence: Evidence,
    #[serde(default, rename = "offers")]
    capabilities: Vec<IdpCapability>,
    /// The time of the decision, in seconds since the epoch; the present without it.
    now: Option<i64>,
}

/// What the policy makes of a case.
#[derive(Debug, Serialize)]
struct Explanation {
    id: Value,
    policy: String,
    decision: Decision,
    uses: Vec<FactorUse>,
    sentence: Sentence,
}

fn explain(policy: &Policy, case: Case) -> Explanation {
    let now = case.now.unwrap_or_else(|| SystemClock.now().0);
    let decision = decide(policy, &case.requirement, &case.evidence, &case.capabilities, now);
    Explanation {
        id: case.id,
        policy: policy.version().to_owned(),
        uses: explain_factors(policy, &case.requirement, &case.evidence, &case.capabilities, now, &decision),
        sentence: sentence(&decision),
        decision,
    }
}

/// The policy of a file, or the default one.
pub fn load_policy(file: Option<&Path>) -> Result<Policy, ExplainError> {
    let parsed = match file {
        None => default_policy(),
        Some(file) => Policy::parse(&std::fs::read_to_string(file)?),
    };
    parsed.map_err(|e| ExplainError::Policy(e.to_string()))
}

/// Answers a case in a file; `require` replaces the levels that it must reach.
pub fn explain_file(
    policy: &Policy,
    file: &Path,
    require: Option<String>,
    json: bool,
    out: &mut dyn Write,
) -> Result<(), ExplainError> {
    let mut case: Case = serde_json::from_str(&std::fs::read_to_string(file)?)?;
    if let Some(acr) = require {
        case.requirement.minimums = vec![acr];
    }
    let evidence = case.evidence.clone();
    let explanation = explain(policy, case);
    if json {
        serde_json::to_writer_pretty(&mut *out, &explanation)?;
        return Ok(writeln!(out)?);
    }
    writeln!(out, "{}\n{}\npolicy {}", explanation.sentence.vi, explanation.sentence.en, explanation.policy)?;
    write_uses(out, &evidence, &explanation.uses)
}

fn write_uses(out: &mut dyn Write, evidence: &Evidence, uses: &[FactorUse]) -> Result<(), ExplainError> {
    for (factor, used) in evidence.factors.iter().zip(uses) {
        let used = serde_json::to_value(used)?;
        let used = used.as_str().unwrap_or_default();
        writeln!(out, "  {} at {} ({}): {used}", factor.method, factor.source, factor.at)?;
    }
    Ok(())
}

/// Answers JSON lines of cases with JSON lines of decisions, in the same order; [`ExplainError::BadLines`] comes
/// after all of them.
pub fn explain_batch(policy: &Policy, input: impl BufRead, out: impl Write) -> Result<(), ExplainError> {
    let mut out = BufWriter::new(out);
    let mut bad = 0;
    for (number, line) in input.lines().enumerate() {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        match serde_json::from_str(&line) {
            Ok(case) => serde_json::to_writer(&mut out, &explain(policy, case))?,
            Err(error) => {
                bad += 1;
                let refused = serde_json::json!({ "line": number + 1, "error": error.to_string() });
                serde_json::to_writer(&mut out, &refused)?;
            }
        }
        out.write_all(b"\n")?;
    }
    out.flush()?;
    if bad > 0 { Err(ExplainError::BadLines(bad)) } else { Ok(()) }
}

/// Prints a decision that a broker kept.
pub async fn explain_stored(config: &Config, id: &str, json: bool, out: &mut dyn Write) -> Result<(), ExplainError> {
    let broker = config.broker.as_ref().ok_or(ExplainError::NotABroker)?;
    let store = open_store(config, &Environment::of_system(&config.server.outbound)?).await?;
    let found = store.decision(id).await?.ok_or(ExplainError::NoDecision)?;
    if json {
        serde_json::to_writer_pretty(&mut *out, &found.record)?;
        return Ok(writeln!(out)?);
    }
    let current = broker.policy().map_err(ExplainError::Policy)?;
    write_stored(out, &found, current.version())
}

fn write_stored(out: &mut dyn Write, found: &DecisionRecord, current: &str) -> Result<(), ExplainError> {
    #[derive(Deserialize)]
    struct Stored {
        requirement: Value,
        #[serde(rename = "held")]
        evidence: Evidence,
        uses: Vec<FactorUse>,
        sentence: Sentence,
    }
    let stored: Stored = serde_json::from_value(found.record.clone())?;
    writeln!(out, "{}\n{}", stored.sentence.vi, stored.sentence.en)?;
    let changed = if found.policy == current { "" } else { " (the policy has changed since)" };
    writeln!(out, "at {} for {} under policy {}{changed}", found.at.0, found.client_id, found.policy)?;
    writeln!(out, "required: {}", stored.requirement)?;
    write_uses(out, &stored.evidence, &stored.uses)
}
