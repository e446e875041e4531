//! A record as an event of the Open Cybersecurity Schema Framework, for a security team's store of events (SIEM).
//!
//! Version 1.8.0 of the schema: 1.9.0 deprecates Account Change, which readers know, for a class that is new in it.
//!
//! | record | class | activity |
//! |---|---|---|
//! | login, login-refused | Authentication 3002 | Logon 1 |
//! | logout | Authentication 3002 | Logoff 2 |
//! | decision, consent, claims-released, tokens-issued, grant-revoked, logout-delivery | Authentication 3002 | Other 99, named |
//! | account | Account Change 3001 | by its `change`: Create 1 … Unlock 12, else Other 99, named |
//! | link | Account Change 3001 | Other 99, "Link" |
//! | key, administration | Entity Management 3004 | by its `change`: Create 1 … Delete 4, else Other 99, named |
//! | configuration | Entity Management 3004 | Update 3 |
//! | trail | Entity Management 3004 | Delete 4 |
//! | unknown, from a newer server | Base Event 0 | Other 99, named |
//!
//! Why: the schema's ticket activities (3 to 5) are Kerberos' by their text, so tokens are "Other". What is between a
//! login and the tokens (a level judged, consent, claims released, a grant taken back, a client told of a logout) is a
//! stage of an authentication session, which is what the class reports. Authorize Session 3003 would need privileges or
//! groups, and API Activity 6003 the endpoint that a request came from, which the trail does not keep. What concerns no
//! person is something managed: Entity Management asks for nothing but the entity.
//!
//! Details that are read, besides `change`: `outcome`, `reason` or `error`, `client`, `session`, `by`, `kid`.

use chrono::{DateTime, SecondsFormat};
use serde_json::{Map, Value, json};

use crate::{Kind, Record};

/// The version of the schema that events follow.
pub const SCHEMA_VERSION: &str = "1.8.0";

/// Identity & Access Management.
const IAM: i64 = 3;
/// `OpenID` in `auth_protocol_id`.
const OPENID: i64 = 4;
/// `Other` in every list of activities.
const OTHER: i64 = 99;

/// Outcomes that say that it did not come to what was wanted.
const FAILURES: [&str; 4] = ["unmet", "put-off", "given-up", "client-is-gone"];

/// Who reports: the same for all records of a trail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OcsfContext {
    /// Who makes the product.
    pub vendor: String,
    /// The product.
    pub product: String,
    /// The product's version.
    pub product_version: String,
    /// Where people authenticate: the issuer.
    pub service: String,
}

/// A class of events, as far as a record fills it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Base,
    AccountChange,
    Authentication,
    EntityManagement,
}

impl Class {
    fn uid(self) -> i64 {
        match self {
            Self::Base => 0,
            Self::AccountChange => 3001,
            Self::Authentication => 3002,
            Self::EntityManagement => 3004,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Base => "Base Event",
            Self::AccountChange => "Account Change",
            Self::Authentication => "Authentication",
            Self::EntityManagement => "Entity Management",
        }
    }

    fn category(self) -> (i64, &'static str) {
        if self == Self::Base { (0, "Uncategorized") } else { (IAM, "Identity & Access Management") }
    }
}

/// An activity of a class: its number and name.
type Activity = (i64, String);

fn other(name: &str) -> Activity {
    (OTHER, name.to_owned())
}

fn account_activity(change: Option<&str>) -> Activity {
    let known = match change.unwrap_or_default() {
        "created" => (1, "Create"),
        "enabled" => (2, "Enable"),
        "password-changed" => (3, "Password Change"),
        "password-reset" => (4, "Password Reset"),
        "disabled" => (5, "Disable"),
        "deleted" => (6, "Delete"),
        "locked" => (9, "Lock"),
        "factor-added" => (10, "MFA Factor Enable"),
        "factor-removed" => (11, "MFA Factor Disable"),
        "unlocked" => (12, "Unlock"),
        _ => return other(change.unwrap_or("Account")),
    };
    (known.0, known.1.to_owned())
}

fn entity_activity(change: Option<&str>, otherwise: &str) -> Activity {
    let known = match change.unwrap_or_default() {
        // A key that replaces one is made, as the first is.
        "created" | "first" | "rotated" => (1, "Create"),
        "read" => (2, "Read"),
        "updated" | "raised" | "cleared" => (3, "Update"),
        "deleted" | "retired" | "personal-data-erased" => (4, "Delete"),
        _ => return other(change.unwrap_or(otherwise)),
    };
    (known.0, known.1.to_owned())
}

/// The class and activity of a record; the table of this module.
fn classify(kind: Option<Kind>, change: Option<&str>, stored: &str) -> (Class, Activity) {
    use Class::{AccountChange, Authentication, Base, EntityManagement};
    let Some(kind) = kind else { return (Base, other(stored)) };
    match kind {
        Kind::Login | Kind::LoginRefused => (Authentication, (1, "Logon".to_owned())),
        Kind::Logout => (Authentication, (2, "Logoff".to_owned())),
        Kind::Decision => (Authentication, other("Decision")),
        Kind::Consent => (Authentication, other("Consent")),
        Kind::ClaimsReleased => (Authentication, other("Claims Released")),
        Kind::TokensIssued => (Authentication, other("Tokens Issued")),
        Kind::GrantRevoked => (Authentication, other("Grant Revoked")),
        Kind::LogoutDelivery => (Authentication, other("Logout Delivery")),
        Kind::Account => (AccountChange, account_activity(change)),
        Kind::Link => (AccountChange, other("Link")),
        Kind::Key => (EntityManagement, entity_activity(change, "Key")),
        Kind::Administration => (EntityManagement, entity_activity(change, "Administration")),
        Kind::Configuration => (EntityManagement, (3, "Update".to_owned())),
        Kind::Trail => (EntityManagement, (4, "Delete".to_owned())),
    }
}

/// A record as an OCSF event. It names the person by the internal identifier only, unless `personal` gives the record's
/// opened personal data: all of it goes under `unmapped`, and `name`, `email`, `phone` and `ip` where the schema has
/// a place for them.
///
/// The event's `metadata.uid` is `shard-seq`; `unmapped.hash` is the link of the chain, so that a copy elsewhere can be
/// compared with the trail. Times are in milliseconds since the epoch.
#[must_use]
pub fn event(record: &Record, context: &OcsfContext, personal: Option<&Map<String, Value>>) -> Value {
    let draft = &record.draft;
    let kind: Option<Kind> = serde_json::from_value(Value::from(draft.kind.as_str())).ok();
    let details: Value = serde_json::from_str(&draft.body).unwrap_or_else(|_| Value::from(draft.body.as_str()));
    let text = |name: &str| details.get(name).and_then(Value::as_str);
    let (class, (activity_id, activity)) = classify(kind, text("change"), &draft.kind);
    let failed = kind == Some(Kind::LoginRefused) || text("outcome").is_some_and(|o| FAILURES.contains(&o));
    let (category_uid, category) = class.category();
    let mut event = json!({
        "activity_id": activity_id,
        "activity_name": activity,
        "category_uid": category_uid,
        "category_name": category,
        "class_uid": class.uid(),
        "class_name": class.name(),
        "type_uid": class.uid() * 100 + activity_id,
        "type_name": format!("{}: {activity}", class.name()),
        "time": draft.at.saturating_mul(1_000),
        "severity_id": if failed { 2 } else { 1 },
        "severity": if failed { "Low" } else { "Informational" },
        "status_id": if failed { 2 } else { 1 },
        "status": if failed { "Failure" } else { "Success" },
        "metadata": metadata(record, context),
        "unmapped": { "details": details, "shard": draft.shard, "hash": record.hash },
    });
    let mut set = |name: &str, value: Value| {
        if let Some(members) = event.as_object_mut() {
            members.insert(name.to_owned(), value);
        }
    };
    if let Some(reason) = text("reason").or_else(|| text("error")) {
        set("status_detail", reason.into());
    }
    match class {
        Class::Authentication => {
            set("user", user(draft.person.as_deref(), personal));
            set("service", json!({ "name": context.service }));
            set("auth_protocol_id", OPENID.into());
            set("auth_protocol", "OpenID".into());
            set("is_remote", true.into());
            if let Some(client) = text("client") {
                set("dst_endpoint", json!({ "svc_name": client }));
            }
            if let Some(session) = text("session") {
                set("session", json!({ "uid": session }));
            }
        }
        Class::AccountChange => set("user", user(draft.person.as_deref(), personal)),
        Class::EntityManagement => {
            set("entity", json!({ "type": draft.kind, "name": text("kid").unwrap_or(&draft.kind) }));
            if let Some(by) = text("by") {
                set("actor", json!({ "user": { "name": by, "type_id": 2, "type": "Admin" } }));
            }
        }
        Class::Base => {}
    }
    if let Some(personal) = personal {
        if let Some(ip) = personal.get("ip").filter(|_| class != Class::Base) {
            set("src_endpoint", json!({ "ip": ip }));
        }
        if let Some(unmapped) = event.get_mut("unmapped").and_then(Value::as_object_mut) {
            unmapped.insert("personal".to_owned(), Value::Object(personal.clone()));
        }
    }
    event
}

fn metadata(record: &Record, context: &OcsfContext) -> Value {
    let draft = &record.draft;
    let at = DateTime::from_timestamp(draft.at, 0).unwrap_or_default();
    json!({
        "version": SCHEMA_VERSION,
        "product": {
            "name": context.product,
            "vendor_name": context.vendor,
            "version": context.product_version,
        },
        "uid": format!("{}-{}", draft.shard, draft.seq),
        "sequence": draft.seq,
        "event_code": draft.kind,
        "log_name": "audit-trail",
        "original_time": at.to_rfc3339_opts(SecondsFormat::Secs, true),
    })
}

/// The person, by internal identifier; whoever was refused before being known is "unknown".
fn user(person: Option<&str>, personal: Option<&Map<String, Value>>) -> Value {
    let (type_id, kind) = if person.is_some() { (1, "User") } else { (0, "Unknown") };
    let mut user = Map::from_iter([
        ("uid".to_owned(), Value::from(person.unwrap_or("unknown"))),
        ("type_id".to_owned(), type_id.into()),
        ("type".to_owned(), kind.into()),
    ]);
    for (ours, theirs) in [("name", "full_name"), ("email", "email_addr"), ("phone", "phone_number")] {
        if let Some(value) = personal.and_then(|personal| personal.get(ours)) {
            user.insert(theirs.to_owned(), value.clone());
        }
    }
    Value::Object(user)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Draft, Event};

    const KINDS: [Kind; 15] = [
        Kind::Login,
        Kind::LoginRefused,
        Kind::Decision,
        Kind::Consent,
        Kind::ClaimsReleased,
        Kind::TokensIssued,
        Kind::GrantRevoked,
        Kind::Link,
        Kind::Logout,
        Kind::LogoutDelivery,
        Kind::Account,
        Kind::Key,
        Kind::Configuration,
        Kind::Administration,
        Kind::Trail,
    ];

    fn context() -> OcsfContext {
        OcsfContext {
            vendor: "State".into(),
            product: "NIXA".into(),
            product_version: "0.1.0".into(),
            service: "https://id.example".into(),
        }
    }

    fn record(event: Event) -> Record {
        let draft = Draft {
            shard: 2,
            seq: 17,
            at: 1_800_000_000,
            kind: event.kind.as_str().into(),
            person: event.person,
            body: Value::Object(event.details).to_string(),
            sealed: Some("c2VhbGVk".into()),
        };
        draft.after("previous")
    }

    fn exported(event: Event) -> Value {
        super::event(&record(event), &context(), None)
    }

    #[test]
    fn every_kind_has_its_type() {
        let types = [
            300_201, 300_201, 300_299, 300_299, 300_299, 300_299, 300_299, 300_199, 300_202, 300_299, 300_199, 300_499,
            300_403, 300_499, 300_404,
        ];
        for (kind, type_uid) in KINDS.into_iter().zip(types) {
            let event = exported(Event::new(kind).about("p1"));
            assert_eq!(event["type_uid"], type_uid, "{kind:?}");
            let number = |name: &str| event[name].as_i64().unwrap();
            assert_eq!(number("type_uid"), number("class_uid") * 100 + number("activity_id"), "{kind:?}");
            assert_eq!(number("category_uid"), number("class_uid") / 1000, "{kind:?}");
            assert_eq!(event["status_id"], if kind == Kind::LoginRefused { 2 } else { 1 }, "{kind:?}");
        }
    }

    #[test]
    fn changes_have_their_activity() {
        let cases = [
            (Kind::Account, "created", 300_101, "Create"),
            (Kind::Account, "password-changed", 300_103, "Password Change"),
            (Kind::Account, "deleted", 300_106, "Delete"),
            (Kind::Account, "locked", 300_109, "Lock"),
            (Kind::Account, "factor-added", 300_110, "MFA Factor Enable"),
            (Kind::Account, "factor-removed", 300_111, "MFA Factor Disable"),
            (Kind::Account, "unlocked", 300_112, "Unlock"),
            (Kind::Account, "married", 300_199, "married"),
            (Kind::Key, "first", 300_401, "Create"),
            (Kind::Key, "rotated", 300_401, "Create"),
            (Kind::Administration, "personal-data-erased", 300_404, "Delete"),
            (Kind::Administration, "raised", 300_403, "Update"),
            (Kind::Administration, "danced", 300_499, "danced"),
            (Kind::Trail, "removed-before-month", 300_404, "Delete"),
        ];
        for (kind, change, type_uid, name) in cases {
            let event = exported(Event::new(kind).fact("change", change));
            assert_eq!((&event["type_uid"], &event["activity_name"]), (&json!(type_uid), &json!(name)), "{change}");
        }
    }

    /// The attributes that schema 1.8.0 requires, and its constraints of "at least one".
    #[test]
    fn what_the_schema_requires_is_there() {
        let base = ["activity_id", "category_uid", "class_uid", "metadata", "severity_id", "time", "type_uid"];
        for kind in KINDS {
            for event in [exported(Event::new(kind)), exported(Event::new(kind).about("p1"))] {
                for name in base {
                    assert!(!event[name].is_null(), "{kind:?} has no {name}");
                }
                let product = &event["metadata"]["product"];
                assert_eq!((&product["name"], &product["vendor_name"]), (&json!("NIXA"), &json!("State")));
                assert_eq!(event["metadata"]["version"], "1.8.0");
                match event["class_uid"].as_i64().unwrap() {
                    3001 => assert!(event["user"]["uid"].is_string()),
                    3002 => {
                        assert!(event["user"]["uid"].is_string());
                        assert!(event["service"]["name"].is_string());
                        assert_eq!(event["auth_protocol_id"], 4);
                    }
                    3004 => assert!(event["entity"]["name"].is_string()),
                    other => panic!("class {other}"),
                }
            }
        }
    }

    #[test]
    fn a_login_in_full() {
        let login = Event::new(Kind::Login).about("p1").fact("client", "tax").fact("session", "s1");
        let record = record(login);
        assert_eq!(
            super::event(&record, &context(), None),
            json!({
                "activity_id": 1, "activity_name": "Logon",
                "category_uid": 3, "category_name": "Identity & Access Management",
                "class_uid": 3002, "class_name": "Authentication",
                "type_uid": 300_201, "type_name": "Authentication: Logon",
                "time": 1_800_000_000_000_i64,
                "severity_id": 1, "severity": "Informational", "status_id": 1, "status": "Success",
                "auth_protocol_id": 4, "auth_protocol": "OpenID", "is_remote": true,
                "user": { "uid": "p1", "type_id": 1, "type": "User" },
                "service": { "name": "https://id.example" },
                "dst_endpoint": { "svc_name": "tax" },
                "session": { "uid": "s1" },
                "metadata": {
                    "version": "1.8.0", "uid": "2-17", "sequence": 17, "event_code": "login",
                    "log_name": "audit-trail", "original_time": "2027-01-15T08:00:00Z",
                    "product": { "name": "NIXA", "vendor_name": "State", "version": "0.1.0" },
                },
                "unmapped": {
                    "details": { "client": "tax", "session": "s1" }, "shard": 2, "hash": record.hash,
                },
            })
        );
    }

    #[test]
    fn outcomes() {
        for (kind, name, value, failed) in [
            (Kind::LogoutDelivery, "outcome", "delivered", false),
            (Kind::LogoutDelivery, "outcome", "given-up", true),
            (Kind::Decision, "outcome", "satisfied", false),
            (Kind::Decision, "outcome", "step-up", false),
            (Kind::Decision, "outcome", "unmet", true),
            (Kind::LoginRefused, "error", "access_denied", true),
        ] {
            let event = exported(Event::new(kind).fact(name, value));
            assert_eq!(event["status"], if failed { "Failure" } else { "Success" }, "{value}");
            assert_eq!(event["severity_id"], if failed { 2 } else { 1 }, "{value}");
        }
        let refused = exported(Event::new(Kind::LoginRefused).fact("reason", "linked-to-another-person"));
        assert_eq!(refused["status_detail"], "linked-to-another-person");
        assert_eq!(refused["user"], json!({ "uid": "unknown", "type_id": 0, "type": "Unknown" }));
        let by = exported(Event::new(Kind::Administration).fact("by", "root"));
        assert_eq!(by["actor"]["user"]["name"], "root");
    }

    #[test]
    fn personal_data_only_when_given() {
        let event = Event::new(Kind::Login).about("p1").privately("name", "Nguyễn Văn An").privately("ip", "192.0.2.1");
        let personal = event.privately("email", "an@example.vn").privately("account_at_idp", "an");
        let given = personal.personal.clone();
        let record = record(personal);
        let without = super::event(&record, &context(), None).to_string();
        for part in ["Nguyễn", "192.0.2.1", "an@example.vn", "sealed", "personal"] {
            assert!(!without.contains(part), "{part} is in {without}");
        }
        let with = super::event(&record, &context(), Some(&given));
        assert_eq!(with["user"]["full_name"], "Nguyễn Văn An");
        assert_eq!(with["user"]["email_addr"], "an@example.vn");
        assert_eq!(with["src_endpoint"]["ip"], "192.0.2.1");
        assert_eq!(with["unmapped"]["personal"], Value::Object(given));
    }

    #[test]
    fn what_is_not_known_is_kept() {
        let mut newer = record(Event::new(Kind::Login));
        newer.draft.kind = "teleport".into();
        newer.draft.body = "no JSON".into();
        let event = super::event(&newer, &context(), None);
        assert_eq!((&event["class_uid"], &event["type_uid"]), (&json!(0), &json!(99)));
        assert_eq!(event["activity_name"], "teleport");
        assert_eq!(event["unmapped"]["details"], "no JSON");
    }
}
