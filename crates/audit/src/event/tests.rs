use serde_json::json;

use super::*;

/// Every shape of a record: its event, and the kind, person and text under which it is stored.
pub(crate) type Sample = (AuditEvent, Kind, Option<&'static str>, &'static str);

fn person() -> Id<Subject> {
    Id::from_text("p1")
}

fn text(text: &str) -> String {
    text.to_owned()
}

fn texts<C: FromIterator<String>>(texts: &[&str]) -> C {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn logins() -> Vec<Sample> {
    let idp = |acr_stated| AuditEvent::Login {
        person: person(),
        means: LoginMeans::Idp { idp: text("national"), client: text("tax"), acr_stated, account_at_idp: text("an") },
    };
    let factor = LoginMeans::Factor { method: AuthenticationMethod::Password, client: text("broker") };
    let refused = |person, refusal| AuditEvent::LoginRefused { person, refusal };
    let wrong = |reason| LoginRefusal::Factor { method: AuthenticationMethod::Totp, reason, client: text("broker") };
    let at_idp =
        |reason, acr_stated| LoginRefusal::Idp { idp: text("national"), reason, client: text("tax"), acr_stated };
    let conflict = at_idp(LoginRefusalReason::LinkedToAnotherPerson, Some(text("high")));
    let request = LoginRefusal::Request { client: text("tax"), error: ErrorCode::LoginRequired };
    vec![
        (idp(Some(text("high"))), Kind::Login, Some("p1"), r#"{"idp":"national","client":"tax","acr_stated":"high"}"#),
        (idp(None), Kind::Login, Some("p1"), r#"{"idp":"national","client":"tax"}"#),
        (
            AuditEvent::Login { person: person(), means: factor },
            Kind::Login,
            Some("p1"),
            r#"{"method":"password","client":"broker"}"#,
        ),
        (
            refused(Some(person()), wrong(None)),
            Kind::LoginRefused,
            Some("p1"),
            r#"{"method":"totp","client":"broker"}"#,
        ),
        (
            refused(None, wrong(Some(LoginRefusalReason::LockedOut))),
            Kind::LoginRefused,
            None,
            r#"{"method":"totp","reason":"locked-out","client":"broker"}"#,
        ),
        (
            refused(None, at_idp(LoginRefusalReason::IdpError, None)),
            Kind::LoginRefused,
            None,
            r#"{"idp":"national","reason":"error-of-idp","client":"tax"}"#,
        ),
        (
            refused(None, conflict),
            Kind::LoginRefused,
            None,
            r#"{"idp":"national","reason":"linked-to-another-person","client":"tax","acr_stated":"high"}"#,
        ),
        (refused(None, request), Kind::LoginRefused, None, r#"{"client":"tax","error":"login_required"}"#),
    ]
}

fn decisions() -> Vec<Sample> {
    let decision = |person, acr, outcome| AuditEvent::Decision {
        person,
        decision: Id::from_text("d1"),
        client: text("tax"),
        policy: text("2026-1"),
        outcome,
        acr,
        record: Digest::from_text(text("digest")),
    };
    let claims = texts(&["name", "birthdate"]);
    let consent = AuditEvent::Consent { person: person(), client: text("tax"), claims: texts(&["openid", "name"]) };
    vec![
        (
            decision(Some(person()), Some(text("high")), DecisionOutcome::Satisfied),
            Kind::Decision,
            Some("p1"),
            concat!(
                r#"{"decision":"d1","client":"tax","policy":"2026-1","outcome":"satisfied","acr":"high","#,
                r#""record":"digest"}"#
            ),
        ),
        (
            decision(None, None, DecisionOutcome::Unmet),
            Kind::Decision,
            None,
            r#"{"decision":"d1","client":"tax","policy":"2026-1","outcome":"unmet","record":"digest"}"#,
        ),
        (consent, Kind::Consent, Some("p1"), r#"{"client":"tax","claims":["openid","name"]}"#),
        (
            AuditEvent::ClaimsReleased { person: person(), client: text("tax"), claims },
            Kind::ClaimsReleased,
            Some("p1"),
            r#"{"client":"tax","claims":["name","birthdate"]}"#,
        ),
        (AuditEvent::Link { person: person(), idp: text("national") }, Kind::Link, Some("p1"), r#"{"idp":"national"}"#),
    ]
}

fn tokens() -> Vec<Sample> {
    let issued = |by, grant| AuditEvent::TokensIssued { client: text("tax"), by, scopes: texts(&["openid"]), grant };
    let grant = |acr, names: &[&str]| {
        Some(IssuedGrant { person: person(), grant: Id::from_text("g1"), acr, claims_in_id_token: texts(names) })
    };
    let whole = AuditEvent::GrantRevoked {
        person: Some(person()),
        client: text("tax"),
        grant: Some(Id::from_text("g1")),
        reason: RevocationReason::CodeReplayed,
    };
    let token = AuditEvent::GrantRevoked {
        person: None,
        client: text("tax"),
        grant: None,
        reason: RevocationReason::AccessTokenRevokedByClient,
    };
    vec![
        (
            issued(GrantType::AuthorizationCode, grant(Some(text("high")), &["name"])),
            Kind::TokensIssued,
            Some("p1"),
            concat!(
                r#"{"client":"tax","by":"code","scopes":["openid"],"grant":"g1","acr":"high","#,
                r#""claims_in_id_token":["name"]}"#
            ),
        ),
        (
            issued(GrantType::RefreshTokenAgain, grant(None, &[])),
            Kind::TokensIssued,
            Some("p1"),
            concat!(
                r#"{"client":"tax","by":"refresh_token-again","scopes":["openid"],"grant":"g1","#,
                r#""claims_in_id_token":[]}"#
            ),
        ),
        (
            issued(GrantType::ClientCredentials, None),
            Kind::TokensIssued,
            None,
            r#"{"client":"tax","by":"client_credentials","scopes":["openid"]}"#,
        ),
        (whole, Kind::GrantRevoked, Some("p1"), r#"{"client":"tax","grant":"g1","reason":"code-replayed"}"#),
        (token, Kind::GrantRevoked, None, r#"{"client":"tax","reason":"access-token-revoked-by-client"}"#),
    ]
}

fn logouts() -> Vec<Sample> {
    let logout = |clients, only| AuditEvent::Logout { person: person(), session: text("s1"), clients, only };
    let delivery = AuditEvent::LogoutDelivery {
        person: person(),
        client: text("tax"),
        session: text("s1"),
        attempt: 1,
        outcome: DeliveryOutcome::PutOff,
    };
    vec![
        (logout(3, None), Kind::Logout, Some("p1"), r#"{"session":"s1","clients":3}"#),
        (logout(1, Some(text("tax"))), Kind::Logout, Some("p1"), r#"{"session":"s1","clients":1,"only":"tax"}"#),
        (
            delivery,
            Kind::LogoutDelivery,
            Some("p1"),
            r#"{"client":"tax","session":"s1","attempt":1,"outcome":"put-off"}"#,
        ),
    ]
}

fn accounts_and_keys() -> Vec<Sample> {
    let account = AuditEvent::Account {
        person: person(),
        change: AccountChange::Created,
        methods: vec![AuthenticationMethod::Password, AuthenticationMethod::Totp],
        identity_level: 2,
    };
    let key = || SigningKeyFacts { kid: text("k1"), algorithm: text("ES256"), signs_from: Timestamp(86_400) };
    let rotated = KeyEvent::Rotated { key: key(), by: text("schedule") };
    vec![
        (
            account,
            Kind::Account,
            Some("p1"),
            r#"{"change":"created","methods":["password","totp"],"identity_level":2}"#,
        ),
        (
            AuditEvent::Key(KeyEvent::Made { name: text("pairwise") }),
            Kind::Key,
            None,
            r#"{"change":"made","name":"pairwise"}"#,
        ),
        (
            AuditEvent::Key(KeyEvent::First(key())),
            Kind::Key,
            None,
            r#"{"change":"first","kid":"k1","algorithm":"ES256","signs_from":86400}"#,
        ),
        (
            AuditEvent::Key(rotated),
            Kind::Key,
            None,
            r#"{"change":"rotated","kid":"k1","algorithm":"ES256","signs_from":86400,"by":"schedule"}"#,
        ),
    ]
}

fn administration() -> Vec<Sample> {
    let done = |act| AuditEvent::Administration { act, by: text("root") };
    let client = |change, by| AuditEvent::Configuration(ConfigurationEvent::Client { client: text("tax"), change, by });
    let start = ServerStart { digest: text("digest"), issuer: text("https://id.example"), version: text("0.1.0") };
    let last = Head { shard: 3, seq: 9, hash: text("h") };
    let signal = || text("outage");
    vec![
        (
            AuditEvent::Configuration(ConfigurationEvent::Started(start)),
            Kind::Configuration,
            None,
            r#"{"change":"started","digest":"digest","issuer":"https://id.example","version":"0.1.0"}"#,
        ),
        (
            client(ClientChange::Declared, None),
            Kind::Configuration,
            None,
            r#"{"client":"tax","change":"client-declared"}"#,
        ),
        (
            client(ClientChange::Removed, Some(text("root"))),
            Kind::Configuration,
            None,
            r#"{"client":"tax","change":"client-removed","by":"root"}"#,
        ),
        (
            done(AdministrationEvent::SignalRaised { signal: signal() }),
            Kind::Administration,
            None,
            r#"{"change":"raised","signal":"outage","by":"root"}"#,
        ),
        (
            done(AdministrationEvent::SignalCleared { signal: signal() }),
            Kind::Administration,
            None,
            r#"{"change":"cleared","signal":"outage","by":"root"}"#,
        ),
        (
            done(AdministrationEvent::PersonalDataExported),
            Kind::Administration,
            None,
            r#"{"change":"personal-data-exported","by":"root"}"#,
        ),
        (
            done(AdministrationEvent::PersonalDataErased { person: person() }),
            Kind::Administration,
            Some("p1"),
            r#"{"change":"personal-data-erased","by":"root"}"#,
        ),
        (
            done(AdministrationEvent::RegistrationTokenMade { uses: 5, days: 7 }),
            Kind::Administration,
            None,
            r#"{"change":"registration-token","uses":5,"days":7,"by":"root"}"#,
        ),
        (
            AuditEvent::Retention { change: RetentionChange::RecordsRemoved, last },
            Kind::Retention,
            None,
            r#"{"change":"records-removed","shard":3,"seq":9,"hash":"h"}"#,
        ),
    ]
}

pub(crate) fn samples() -> Vec<Sample> {
    [logins(), decisions(), tokens(), logouts(), accounts_and_keys(), administration()].concat()
}

/// Changing an expected text here changes what stands in the records of years: facts are added, never renamed.
#[test]
fn the_stored_text_of_every_event_is_pinned() {
    for (event, kind, person, body) in samples() {
        assert_eq!(event.body().unwrap(), body);
        assert_eq!(event.kind(), kind, "{body}");
        assert_eq!(event.person().map(Id::as_str), person, "{body}");
    }
}

#[test]
fn every_kind_and_change_has_a_sample() {
    let samples = samples();
    for kind in Kind::ALL {
        assert!(samples.iter().any(|sample| sample.1 == *kind), "{kind:?}");
    }
    let is_sampled = |kind: Kind, change: &str| {
        let fact = format!(r#""change":"{change}""#);
        samples.iter().any(|sample| sample.1 == kind && sample.3.contains(&fact))
    };
    for change in KeyChange::ALL {
        assert!(is_sampled(Kind::Key, change.as_str()), "{change:?}");
    }
    for change in AdministrationChange::ALL {
        assert!(is_sampled(Kind::Administration, change.as_str()), "{change:?}");
    }
}

fn key_change(event: &KeyEvent) -> KeyChange {
    match event {
        KeyEvent::Made { .. } => KeyChange::Made,
        KeyEvent::First(_) => KeyChange::First,
        KeyEvent::Rotated { .. } => KeyChange::Rotated,
    }
}

fn administration_change(event: &AdministrationEvent) -> AdministrationChange {
    match event {
        AdministrationEvent::SignalRaised { .. } => AdministrationChange::SignalRaised,
        AdministrationEvent::SignalCleared { .. } => AdministrationChange::SignalCleared,
        AdministrationEvent::PersonalDataExported => AdministrationChange::PersonalDataExported,
        AdministrationEvent::PersonalDataErased { .. } => AdministrationChange::PersonalDataErased,
        AdministrationEvent::RegistrationTokenMade { .. } => AdministrationChange::RegistrationTokenMade,
    }
}

/// The word in the text is the one that the export reads.
#[test]
fn changes_are_stored_as_their_words() {
    for (event, .., body) in samples() {
        let change = match &event {
            AuditEvent::Key(key) => key_change(key).as_str(),
            AuditEvent::Administration { act, .. } => administration_change(act).as_str(),
            _ => continue,
        };
        assert!(body.contains(&format!(r#""change":"{change}""#)), "{body}");
    }
}

#[test]
fn words_are_read_back() {
    fn check<T: Copy + PartialEq + std::fmt::Debug>(
        all: &[T],
        word: fn(T) -> &'static str,
        read: fn(&str) -> Option<T>,
    ) {
        for one in all {
            assert_eq!(read(word(*one)), Some(*one));
        }
        assert_eq!(read("danced"), None);
    }
    check(Kind::ALL, Kind::as_str, Kind::from_word);
    check(DecisionOutcome::ALL, DecisionOutcome::as_str, DecisionOutcome::from_word);
    check(DeliveryOutcome::ALL, DeliveryOutcome::as_str, DeliveryOutcome::from_word);
    check(AccountChange::ALL, AccountChange::as_str, AccountChange::from_word);
}

#[test]
fn only_the_account_at_an_identity_provider_is_personal_data() {
    for (event, _, person, body) in samples() {
        let personal = Value::Object(event.personal_data());
        if matches!(event, AuditEvent::Login { means: LoginMeans::Idp { .. }, .. }) {
            assert_eq!(personal, json!({ "account_at_idp": "an" }));
            assert!(person.is_some() && !body.contains(r#""an""#), "{body}");
        } else {
            assert_eq!(personal, json!({}), "{body}");
        }
    }
}
