//! One finding of the check of a configuration file.

/// One thing that is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The key, as a path.
    pub key: String,
    /// What is wrong with it.
    pub reason: String,
}

impl Finding {
    pub(crate) fn new(key: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { key: key.into(), reason: reason.into() }
    }
}
