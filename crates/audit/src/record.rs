//! A record: what happened, as a link of a chain.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::checkpoint::Head;
use crate::event::{Kind, RetentionChange};

/// A record's content and place, before it is linked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// The chain; a store has several, so that writers do not queue for one.
    pub shard: i64,
    /// The place in the chain, from 1, without gaps.
    pub seq: i64,
    /// When it happened, in seconds since the epoch.
    pub at: i64,
    /// What it is about ([`Kind::as_str`]).
    pub kind: String,
    /// The internal identifier of the person or account that it is about, if any.
    pub person: Option<String>,
    /// JSON text of the facts ([`AuditEvent::body`](crate::AuditEvent::body)), exactly as it is hashed.
    pub body: String,
    /// The personal data, if there is any, encrypted under the person's own key.
    pub sealed: Option<String>,
}

/// A link of a chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Content and place.
    #[serde(flatten)]
    pub draft: Draft,
    /// The hash of the content and of the hash before it.
    pub hash: String,
}

impl Draft {
    /// Links the record to the one before it, whose hash is `previous` (empty for the first of a chain).
    #[must_use]
    pub fn after(self, previous: &str) -> Record {
        let hash = chain(previous, &self);
        Record { draft: self, hash }
    }
}

/// The hash of a record: SHA-256, in base64url, of the hash before it and of every field, each with its
/// length before it so that no two records give the same octets.
#[must_use]
pub fn chain(previous: &str, draft: &Draft) -> String {
    let mut hash = Sha256::new();
    let mut add = |field: Option<&[u8]>| match field {
        // Absent and empty are two things.
        None => hash.update([0]),
        Some(bytes) => {
            hash.update([1]);
            hash.update((bytes.len() as u64).to_be_bytes());
            hash.update(bytes);
        }
    };
    add(Some(b"nixa-audit-1"));
    add(Some(previous.as_bytes()));
    for number in [draft.shard, draft.seq, draft.at] {
        add(Some(&number.to_be_bytes()));
    }
    add(Some(draft.kind.as_bytes()));
    add(draft.person.as_deref().map(str::as_bytes));
    add(Some(draft.body.as_bytes()));
    add(draft.sealed.as_deref().map(str::as_bytes));
    URL_SAFE_NO_PAD.encode(hash.finalize())
}

/// What the record of a removal says: the last record that was removed. None for a record of another kind.
#[must_use]
pub fn last_removed(record: &Record) -> Option<Head> {
    #[derive(Deserialize)]
    struct Removal {
        change: String,
        #[serde(flatten)]
        last: Head,
    }
    if record.draft.kind != Kind::Retention.as_str() {
        return None;
    }
    let removal: Removal = serde_json::from_str(&record.draft.body).ok()?;
    (removal.change == RetentionChange::RecordsRemoved.as_str()).then_some(removal.last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft() -> Draft {
        Draft {
            shard: 1,
            seq: 2,
            at: 3,
            kind: "login".into(),
            person: Some("p".into()),
            body: "{}".into(),
            sealed: None,
        }
    }

    #[test]
    fn every_field_is_in_the_hash() {
        let first = chain("x", &draft());
        let changes: [fn(&mut Draft); 9] = [
            |d| d.shard = 9,
            |d| d.seq = 9,
            |d| d.at = 9,
            |d| d.kind = "logout".into(),
            |d| d.person = None,
            |d| d.person = Some(String::new()),
            |d| d.body = "{ }".into(),
            |d| d.sealed = Some(String::new()),
            |d| (d.kind, d.body) = ("login{".into(), "}".into()),
        ];
        let mut seen = vec![first.clone(), chain("y", &draft()), chain("", &draft())];
        for change in changes {
            let mut changed = draft();
            change(&mut changed);
            seen.push(chain("x", &changed));
        }
        assert_eq!(chain("x", &draft()), first);
        let count = seen.len();
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), count, "two records have one hash");
    }
}
