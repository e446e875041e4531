use super::*;
use crate::Draft;
use crate::event::tests::samples;

fn context() -> OcsfContext {
    OcsfContext {
        vendor: "State".into(),
        product: "NIXA".into(),
        product_version: "0.1.0".into(),
        service: "https://id.example".into(),
    }
}

/// A record as a store gives it back.
fn stored(kind: &str, person: Option<&str>, body: String) -> Record {
    let draft = Draft {
        shard: 2,
        seq: 17,
        at: 1_800_000_000,
        kind: kind.into(),
        person: person.map(str::to_owned),
        body,
        sealed: Some("c2VhbGVk".into()),
    };
    draft.after("previous")
}

fn exported(kind: Kind, person: Option<&str>, facts: &Value) -> Value {
    super::event(&stored(kind.as_str(), person, facts.to_string()), &context(), None)
}

#[test]
fn every_kind_has_its_type() {
    let types = [
        300_201, 300_201, 300_299, 300_299, 300_299, 300_299, 300_299, 300_199, 300_202, 300_299, 300_199, 300_499,
        300_403, 300_499, 300_404,
    ];
    for (kind, type_uid) in Kind::ALL.iter().copied().zip(types) {
        let event = exported(kind, Some("p1"), &json!({}));
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
        (Kind::Key, "made", 300_401, "Create"),
        (Kind::Administration, "personal-data-erased", 300_404, "Delete"),
        (Kind::Administration, "personal-data-exported", 300_402, "Read"),
        (Kind::Administration, "registration-token", 300_401, "Create"),
        (Kind::Administration, "raised", 300_403, "Update"),
        (Kind::Administration, "danced", 300_499, "danced"),
        (Kind::Retention, "removed-before-month", 300_404, "Delete"),
    ];
    for (kind, change, type_uid, name) in cases {
        let event = exported(kind, None, &json!({ "change": change }));
        assert_eq!((&event["type_uid"], &event["activity_name"]), (&json!(type_uid), &json!(name)), "{change}");
    }
}

/// The attributes that schema 1.8.0 requires, and its constraints of "at least one".
#[test]
fn what_the_schema_requires_is_there() {
    let base = ["activity_id", "category_uid", "class_uid", "metadata", "severity_id", "time", "type_uid"];
    for kind in Kind::ALL.iter().copied() {
        for event in [None, Some("p1")].map(|person| exported(kind, person, &json!({}))) {
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
    let record = stored("login", Some("p1"), r#"{"client":"tax","session":"s1"}"#.into());
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
        let event = exported(kind, None, &json!({ name: value }));
        assert_eq!(event["status"], if failed { "Failure" } else { "Success" }, "{value}");
        assert_eq!(event["severity_id"], if failed { 2 } else { 1 }, "{value}");
    }
    let refused = exported(Kind::LoginRefused, None, &json!({ "reason": "linked-to-another-person" }));
    assert_eq!(refused["status_detail"], "linked-to-another-person");
    assert_eq!(refused["user"], json!({ "uid": "unknown", "type_id": 0, "type": "Unknown" }));
    let by = exported(Kind::Administration, None, &json!({ "by": "root" }));
    assert_eq!(by["actor"]["user"]["name"], "root");
}

#[test]
fn personal_data_only_when_given() {
    let given = json!({
        "name": "Nguyễn Văn An", "ip": "192.0.2.1", "email": "an@example.vn", "account_at_idp": "an",
    });
    let Value::Object(given) = given else { unreachable!() };
    let record = stored("login", Some("p1"), "{}".into());
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
    let newer = stored("teleport", None, "no JSON".into());
    let event = super::event(&newer, &context(), None);
    assert_eq!((&event["class_uid"], &event["type_uid"]), (&json!(0), &json!(99)));
    assert_eq!(event["activity_name"], "teleport");
    assert_eq!(event["unmapped"]["details"], "no JSON");
}

/// What this version records has a word in the schema, but for the stages between a login and its tokens, and a link.
#[test]
fn no_event_is_other_where_the_schema_has_a_word() {
    let mut others = Vec::new();
    for (event, kind, person, body) in samples() {
        let exported = super::event(&stored(kind.as_str(), person, body.to_owned()), &context(), None);
        assert_ne!(exported["class_uid"], 0, "{event:?}");
        assert_ne!(exported["activity_id"], 0, "{event:?}");
        if exported["activity_id"] == 99 && !others.contains(&kind) {
            others.push(kind);
        }
    }
    others.sort_unstable();
    let expected = [
        Kind::Decision,
        Kind::Consent,
        Kind::ClaimsReleased,
        Kind::TokensIssued,
        Kind::GrantRevoked,
        Kind::Link,
        Kind::LogoutDelivery,
    ];
    assert_eq!(others, expected);
}

#[test]
fn a_key_goes_by_its_name() {
    for (facts, name) in [
        (json!({ "change": "made", "name": "pairwise" }), "pairwise"),
        (json!({ "change": "first", "kid": "k1" }), "k1"),
        (json!({}), "key"),
    ] {
        assert_eq!(exported(Kind::Key, None, &facts)["entity"], json!({ "type": "key", "name": name }));
    }
}
