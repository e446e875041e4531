//! What is wrong with a policy file.

use std::fmt;

use thiserror::Error;

/// One thing that is wrong with a policy file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PolicyFinding {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub reason: String,
}

/// A policy file that was refused, with everything that is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub struct PolicyError {
    /// In the order of lines; never empty.
    pub findings: Vec<PolicyFinding>,
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.findings.iter().map(|x| format!("line {}: {}", x.line, x.reason)).collect();
        f.write_str(&lines.join("\n"))
    }
}
