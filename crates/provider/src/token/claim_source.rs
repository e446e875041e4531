//! Where the claims of a person come from.

use std::collections::BTreeSet;

use async_trait::async_trait;
use nixa_protocol::claims;
use nixa_protocol::id::{Id, Subject};
use serde_json::{Map, Value};

use crate::error::ProviderError;
use crate::interaction::Interaction;

/// Knows the claims of people. Every [`Interaction`] does; those who need nothing else of it ask this.
#[async_trait]
pub(crate) trait ClaimSource: Send + Sync {
    /// The claims with these names, as far as they are known, and no others.
    async fn select_claims(
        &self,
        person: &Id<Subject>,
        names: &BTreeSet<String>,
    ) -> Result<Map<String, Value>, ProviderError>;
}

#[async_trait]
impl<I: Interaction> ClaimSource for I {
    async fn select_claims(
        &self,
        person: &Id<Subject>,
        names: &BTreeSet<String>,
    ) -> Result<Map<String, Value>, ProviderError> {
        Ok(claims::select(&self.claims(person, names).await?, names))
    }
}
