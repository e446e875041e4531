//! What a client may send to change its registration.

use serde_json::{Map, Value};

use super::reader::MetadataRefusal;
use crate::client::Client;
use crate::entropy::{digest, same_secret};

/// What an update must hold and must not, beside its metadata (RFC 7592 §2.2).
///
/// # Errors
/// The first member that is at fault.
pub fn check_update(metadata: &Map<String, Value>, client: &Client) -> Result<(), MetadataRefusal> {
    for member in
        ["registration_access_token", "registration_client_uri", "client_secret_expires_at", "client_id_issued_at"]
    {
        if metadata.contains_key(member) {
            return Err(MetadataRefusal::new(member, "must not be sent (RFC 7592 section 2.2)"));
        }
    }
    if metadata.get("client_id").and_then(Value::as_str) != Some(&client.client_id) {
        return Err(MetadataRefusal::new("client_id", "must be the client's own"));
    }
    let Some(secret) = metadata.get("client_secret") else { return Ok(()) };
    let shown = secret.as_str().map(digest);
    let same = client.authentication.secret().zip(shown).is_some_and(|(held, shown)| {
        // In constant time, as wherever a secret is shown.
        same_secret(held.as_str(), shown.as_str())
    });
    if same { Ok(()) } else { Err(MetadataRefusal::new("client_secret", "must be the one that was issued")) }
}
