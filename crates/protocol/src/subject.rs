//! Subject identifiers (OpenID Connect Core §8).

use crate::client::Client;
use crate::entropy::keyed_digest;

/// The `sub` that a client sees for a person's internal identifier.
///
/// Pairwise values are an HMAC under a server secret (§8.1 leaves the method open): without the secret,
/// two sectors cannot find out that their values name one person.
#[must_use]
pub fn subject_for(client: &Client, internal: &str, key: &[u8; 32]) -> String {
    match client.public_subject {
        // Not the internal identifier either: it stands in the audit trail and in other records.
        true => keyed_digest(key, &["public-sub", internal]),
        false => keyed_digest(key, &["sub", &client.sector, internal]),
    }
}
