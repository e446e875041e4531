//! Levels and reasons in words that people use.

use std::collections::BTreeSet;

use assurance_policy::Reason;
use nixa_web::Text;

/// The name of a level.
pub(super) fn level(text: Text, acr: &str) -> String {
    text.find(&format!("level-{}", acr.replace(':', "-"))).unwrap_or_else(|| acr.to_owned())
}

/// One reason.
pub(super) fn reason(text: Text, reason: &Reason) -> String {
    match reason {
        Reason::NoSource => text.t("reason-no-source"),
        Reason::UnknownLevel => text.t("reason-unknown-level"),
        Reason::Cap { cap: Some(cap), .. } => text.with("reason-cap", "level", level(text, cap)),
        Reason::Cap { cap: None, .. } => text.t("reason-no-cap"),
        Reason::Identity { needed, .. } => text.with("reason-identity", "needed", needed.to_string()),
        Reason::Methods { .. } => text.t("reason-methods"),
    }
}

/// The identity provider that a reason is about.
pub(super) fn source(reason: &Reason) -> Option<&str> {
    match reason {
        Reason::NoSource | Reason::UnknownLevel => None,
        Reason::Cap { source, .. } | Reason::Identity { source, .. } | Reason::Methods { source } => Some(source),
    }
}

/// What would help, each thing once.
pub(super) fn help(text: Text, reasons: &[Reason]) -> Vec<String> {
    let key = |reason: &Reason| match reason {
        Reason::Identity { .. } => "help-identity",
        Reason::Methods { .. } => "help-methods",
        Reason::Cap { .. } => "help-cap",
        Reason::NoSource | Reason::UnknownLevel => "help-ask",
    };
    let mut seen = BTreeSet::new();
    reasons.iter().map(key).filter(|k| seen.insert(*k)).map(|k| text.t(k)).collect()
}
