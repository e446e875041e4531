//! A record as an event of the Open Cybersecurity Schema Framework, for a security team's store of events (SIEM).
//!
//! Version 1.8.0 of the schema: 1.9.0 deprecates Account Change, which readers know, for a class that is new in it.
//!
//! | record | class | activity |
//! |---|---|---|
//! | login, login-refused | Authentication 3002 | Logon 1 |
//! | logout | Authentication 3002 | Logoff 2 |
//! | decision, consent, claims-released, tokens-issued, grant-revoked, logout-delivery | Authentication 3002 | Other 99, named |
//! | account | Account Change 3001 | by its `change`: Create 1 … Unlock 12 |
//! | link | Account Change 3001 | Other 99, "Link" |
//! | key | Entity Management 3004 | Create 1 |
//! | administration | Entity Management 3004 | by its `change`: Create 1, Read 2, Update 3 or Delete 4 |
//! | configuration | Entity Management 3004 | Update 3 |
//! | trail | Entity Management 3004 | Delete 4 |
//! | a kind that is not known, of a newer server | Base Event 0 | Other 99, named |
//! | a change that is not known | that of its kind | Other 99, named |
//!
//! Why: the schema's ticket activities (3 to 5) are Kerberos' by their text, so tokens are "Other". What is between a
//! login and the tokens (a level judged, consent, claims released, a grant taken back, a client told of a logout) is a
//! stage of an authentication session, which is what the class reports. Authorize Session 3003 would need privileges or
//! groups, and API Activity 6003 the endpoint that a request came from, which no record has. What concerns no
//! person is something managed: Entity Management asks for nothing but the entity.
//!
//! Facts that are read, besides `change`: `outcome`, `reason` or `error`, `client`, `session`, `by`, `kid` or `name`.

mod activity;
#[cfg(test)]
mod tests;

use chrono::{DateTime, SecondsFormat};
use serde_json::{Map, Value, json};

use activity::{Class, classify, is_failure};

use crate::event::Kind;
use crate::record::Record;

/// The version of the schema that events follow.
pub const SCHEMA_VERSION: &str = "1.8.0";

/// `OpenID` in `auth_protocol_id`.
const OPENID: i64 = 4;

/// Who reports: the same for all records of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OcsfContext {
    /// Who makes the server (`metadata.product.vendor_name`).
    pub vendor: String,
    /// Which kind of server it is (`metadata.product.name`).
    pub product: String,
    /// The product's version.
    pub product_version: String,
    /// Where people authenticate: the issuer.
    pub service: String,
}

/// A record as an OCSF event. It names the person by the internal identifier only, unless `personal` gives the record's
/// opened personal data: all of it goes under `unmapped`, and `name`, `email`, `phone` and `ip` where the schema has
/// a place for them.
///
/// The event's `metadata.uid` is `shard-seq`; `unmapped.hash` is the link of the chain, so that a copy elsewhere can be
/// compared with the audit trail. Times are in milliseconds since the epoch.
#[must_use]
pub fn event(record: &Record, context: &OcsfContext, personal: Option<&Map<String, Value>>) -> Value {
    let draft = &record.draft;
    let kind = Kind::from_word(&draft.kind);
    let facts: Value = serde_json::from_str(&draft.body).unwrap_or_else(|_| Value::from(draft.body.as_str()));
    let text = |name: &str| facts.get(name).and_then(Value::as_str);
    let (class, activity) = classify(kind, &draft.kind, text("change"));
    let failed = is_failure(kind, text("outcome"));
    let (category_uid, category) = class.category();
    let mut event = json!({
        "activity_id": activity.id,
        "activity_name": activity.name,
        "category_uid": category_uid,
        "category_name": category,
        "class_uid": class.uid(),
        "class_name": class.name(),
        "type_uid": class.uid() * 100 + activity.id,
        "type_name": format!("{}: {}", class.name(), activity.name),
        "time": draft.at.saturating_mul(1_000),
        "severity_id": if failed { 2 } else { 1 },
        "severity": if failed { "Low" } else { "Informational" },
        "status_id": if failed { 2 } else { 1 },
        "status": if failed { "Failure" } else { "Success" },
        "metadata": metadata(record, context),
        "unmapped": { "details": facts, "shard": draft.shard, "hash": record.hash },
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
            set(
                "entity",
                json!({ "type": draft.kind, "name": text("kid").or_else(|| text("name")).unwrap_or(&draft.kind) }),
            );
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
