//! What happened, as a link of a chain.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Datelike, NaiveDate, NaiveTime};
use nixa_protocol::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// What a record is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A person authenticated: at an identity provider with a factor, at a broker through one.
    Login,
    /// Somebody did not get in.
    LoginRefused,
    /// A level was judged.
    Decision,
    /// A person agreed to the release of claims.
    Consent,
    /// Claims went to a client.
    ClaimsReleased,
    /// Tokens went to a client.
    TokensIssued,
    /// What a client was given was taken back.
    GrantRevoked,
    /// An account at an identity provider was linked to a person.
    Link,
    /// A session ended.
    Logout,
    /// A client was told of the end of a session, or could not be told.
    LogoutDelivery,
    /// An account was made or changed.
    Account,
    /// A key was made, put to use or retired.
    Key,
    /// A server started with a configuration that it had not had before.
    Configuration,
    /// An administrator did something.
    Administration,
    /// The trail itself: records past their retention were removed.
    Trail,
}

impl Kind {
    /// The name as it is stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::LoginRefused => "login-refused",
            Self::Decision => "decision",
            Self::Consent => "consent",
            Self::ClaimsReleased => "claims-released",
            Self::TokensIssued => "tokens-issued",
            Self::GrantRevoked => "grant-revoked",
            Self::Link => "link",
            Self::Logout => "logout",
            Self::LogoutDelivery => "logout-delivery",
            Self::Account => "account",
            Self::Key => "key",
            Self::Configuration => "configuration",
            Self::Administration => "administration",
            Self::Trail => "trail",
        }
    }
}

/// Something that happened, before it has a place in a chain.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// What it is about.
    pub kind: Kind,
    /// Whom it is about: the internal identifier, which says nothing by itself.
    pub person: Option<String>,
    /// What happened; holds no personal data.
    pub details: Map<String, Value>,
    /// Personal data, to be encrypted under the person's own key so that it can be erased.
    pub personal: Map<String, Value>,
}

impl Event {
    /// An event without a person.
    #[must_use]
    pub fn new(kind: Kind) -> Self {
        Self { kind, person: None, details: Map::new(), personal: Map::new() }
    }

    /// Names the person.
    #[must_use]
    pub fn about(mut self, person: &str) -> Self {
        self.person = Some(person.to_owned());
        self
    }

    /// Adds a detail that is no personal data; an absent value is left out.
    #[must_use]
    pub fn fact(mut self, name: &str, value: impl Into<Value>) -> Self {
        let value = value.into();
        if !value.is_null() {
            self.details.insert(name.to_owned(), value);
        }
        self
    }

    /// Adds personal data, which is stored encrypted.
    #[must_use]
    pub fn privately(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.personal.insert(name.to_owned(), value.into());
        self
    }
}

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
    /// Whom it is about.
    pub person: Option<String>,
    /// JSON text of the details, exactly as it is hashed.
    pub body: String,
    /// The encrypted personal data.
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

/// The month of a time as `YYYYMM` (UTC), by which records are partitioned and retained.
#[must_use]
pub fn month_of(at: Timestamp) -> i64 {
    let date = DateTime::from_timestamp(at.0, 0).unwrap_or_default().date_naive();
    i64::from(date.year()) * 100 + i64::from(date.month())
}

/// What the record of a removal says under `change`; it also has the `shard`, `seq` and `hash` of the last
/// record that was removed.
pub const REMOVED: &str = "records-removed";

/// The first second of a month (`YYYYMM`, UTC).
#[must_use]
pub fn first_second_of(month: i64) -> Timestamp {
    let year = i32::try_from(month / 100).unwrap_or_default();
    let date = NaiveDate::from_ymd_opt(year, u32::try_from(month % 100).unwrap_or(1), 1).unwrap_or_default();
    Timestamp(date.and_time(NaiveTime::MIN).and_utc().timestamp())
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

    #[test]
    fn months() {
        for (at, month) in [(0, 197_001), (1_800_000_000, 202_701), (1_793_491_199, 202_610), (1_793_491_200, 202_611)]
        {
            assert_eq!(month_of(Timestamp(at)), month, "{at}");
            let first = first_second_of(month);
            assert!(first.0 <= at && month_of(first) == month && month_of(first + -1) != month, "{month}");
        }
    }
}
