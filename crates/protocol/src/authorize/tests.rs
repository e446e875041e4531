use std::sync::Arc;

use super::*;
use crate::client::{Client, ClientAuthentication, LocalizedText};
use crate::error::ErrorCode;

const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

fn client(require_pkce: bool, authentication: ClientAuthentication) -> Arc<Client> {
    let name = LocalizedText { vi: "Cổng".into(), en: "Portal".into() };
    Arc::new(Client {
        redirect_uris: vec!["https://portal.example/cb?x=1".into()],
        require_pkce,
        scopes: ["openid", "profile", "offline_access"].map(String::from).into(),
        services: ["file-return".to_owned()].into(),
        ..Client::new("portal", name, authentication)
    })
}

fn check(query: &str, client: &Arc<Client>) -> Result<AuthorizationRequest, ErrorCode> {
    let params = Params::parse(query.as_bytes()).unwrap();
    let bound = Bound {
        client: client.clone(),
        redirect_uri: client.redirect_uris[0].clone(),
        state: None,
        response_mode: ResponseMode::Query,
    };
    validate(&params, &bound).map_err(|e| e.code)
}

#[test]
fn binding_table() {
    let client = client(true, ClientAuthentication::None);
    let good = "client_id=portal&redirect_uri=https%3A%2F%2Fportal.example%2Fcb%3Fx%3D1&state=s";
    let table = [
        (good.to_owned(), None),
        (good.replace("x%3D1", "x%3D12"), Some(Unbound::UnregisteredRedirectUri)),
        (good.replace("%3Fx%3D1", ""), Some(Unbound::UnregisteredRedirectUri)),
        (good.replace("https", "HTTPS"), Some(Unbound::UnregisteredRedirectUri)),
        (format!("{good}&redirect_uri=https%3A%2F%2Fevil.example"), Some(Unbound::NoRedirectUri)),
        ("client_id=portal".to_owned(), Some(Unbound::NoRedirectUri)),
    ];
    for (query, expected) in table {
        let params = Params::parse(query.as_bytes()).unwrap();
        let found = bind(&params, client.clone());
        assert_eq!(found.err(), expected, "{query}");
    }
}

#[test]
fn an_app_may_listen_at_any_port_of_loopback() {
    let plain = client(true, ClientAuthentication::None);
    let app = |native: bool| {
        let redirect_uris =
            vec!["http://127.0.0.1/cb".to_owned(), "http://[::1]:1/cb".into(), "http://localhost/cb".into()];
        Arc::new(Client { native, redirect_uris, ..Client::clone(&plain) })
    };
    let table = [
        ("http://127.0.0.1:51004/cb", true),
        ("http://[::1]:51004/cb", true),
        ("http://127.0.0.1/cb", true),
        ("http://127.0.0.2/cb", false),
        ("http://127.1:51004/cb", false),
        ("http://127.0.0.1:51004/other", false),
        ("http://127.0.0.1:51004/cb?x", false),
        ("http://a@127.0.0.1:51004/cb", false),
        ("https://127.0.0.1:51004/cb", false),
        ("http://localhost:51004/cb", false),
        ("http://127.0.0.1.evil.example/cb", false),
    ];
    for (uri, bound) in table {
        let form: String =
            url::form_urlencoded::Serializer::new(String::new()).append_pair("redirect_uri", uri).finish();
        let params = Params::parse(form.as_bytes()).unwrap();
        assert_eq!(bind(&params, app(true)).is_ok(), bound, "{uri}");
        assert_eq!(bind(&params, app(false)).is_ok(), uri == "http://127.0.0.1/cb", "{uri}");
    }
}

#[test]
fn request_table() {
    use ErrorCode::{InvalidRequest, InvalidScope, RequestUriNotSupported, UnsupportedResponseType};
    let client = client(true, ClientAuthentication::basic("s"));
    let good = format!("response_type=code&scope=openid&code_challenge={CHALLENGE}&code_challenge_method=S256");
    let table = [
        (String::new(), None),
        ("&unknown=1".into(), None),
        ("&response_mode=query".into(), None),
        ("&response_mode=form_post".into(), None),
        ("&response_mode=fragment".into(), Some(InvalidRequest)),
        ("&scope=openid".into(), Some(InvalidRequest)),
        ("&request_uri=x".into(), Some(RequestUriNotSupported)),
        ("&prompt=none+login".into(), Some(InvalidRequest)),
        ("&prompt=create".into(), Some(InvalidRequest)),
        ("&max_age=-1".into(), Some(InvalidRequest)),
        ("&max_age=0".into(), None),
        ("&claims=%5B%5D".into(), Some(InvalidRequest)),
    ];
    for (extra, expected) in table {
        assert_eq!(check(&format!("{good}{extra}"), &client).err(), expected, "{extra}");
    }
    let changed = [
        ("response_type=code", "response_type=token", Some(UnsupportedResponseType)),
        ("response_type=code", "x=y", Some(InvalidRequest)),
        ("scope=openid", "scope=profile", Some(InvalidScope)),
        ("S256", "plain", Some(InvalidRequest)),
        ("&code_challenge_method=S256", "", Some(InvalidRequest)),
        (CHALLENGE, "short", Some(InvalidRequest)),
    ];
    for (from, to, expected) in changed {
        assert_eq!(check(&good.replace(from, to), &client).err(), expected, "{to}");
    }
}

#[test]
fn pkce_may_be_left_out_only_by_a_confidential_client_that_is_configured_so() {
    let query = "response_type=code&scope=openid";
    let secret = || ClientAuthentication::basic("s");
    assert!(check(query, &client(false, secret())).is_ok());
    assert!(check(query, &client(true, secret())).is_err());
    assert!(check(query, &client(false, ClientAuthentication::None)).is_err());
}

#[test]
fn scopes_beyond_the_entitlement_are_not_granted() {
    let client = client(false, ClientAuthentication::basic("s"));
    let request = check("response_type=code&scope=openid+profile+personal_number+offline_access", &client).unwrap();
    assert_eq!(request.scopes, ["openid", "profile"].map(String::from).into(), "offline_access needs the grant");
}

#[test]
fn essential_acr_goes_before_acr_values() {
    let client = client(false, ClientAuthentication::basic("s"));
    let base = "response_type=code&scope=openid&acr_values=one+two";
    let plain = check(base, &client).unwrap();
    assert_eq!((plain.acr_values, plain.essential_acr), (vec!["one".into(), "two".into()], false));
    let claims = "%7B%22id_token%22%3A%7B%22acr%22%3A%7B%22essential%22%3Atrue%2C%22value%22%3A%22three%22%7D%7D%7D";
    let essential = check(&format!("{base}&claims={claims}"), &client).unwrap();
    assert_eq!((essential.acr_values, essential.essential_acr), (vec!["three".into()], true));
}

#[test]
fn what_a_client_has_registered_stands_where_a_request_says_nothing() {
    let plain = client(false, ClientAuthentication::basic("s"));
    let registered = Arc::new(Client {
        default_max_age: Some(3_600),
        default_acr_values: vec!["two".to_owned()],
        ..Client::clone(&plain)
    });
    let of = |query: &str| {
        let request = check(&format!("response_type=code&scope=openid{query}"), &registered).unwrap();
        (request.max_age, request.acr_values.join(" "))
    };
    assert_eq!(of(""), (Some(3_600), "two".to_owned()));
    assert_eq!(of("&max_age=0&acr_values=one"), (Some(0), "one".to_owned()));
}

#[test]
fn a_transaction_names_a_service_of_the_clients_catalogue() {
    let client = client(false, ClientAuthentication::basic("s"));
    let with = |details: &str| {
        let details: String = url::form_urlencoded::byte_serialize(details.as_bytes()).collect();
        check(&format!("response_type=code&scope=openid&authorization_details={details}"), &client).map(|r| r.service)
    };
    let good = r#"[{"type":"urn:nixa:transaction","service":"file-return"}]"#;
    assert_eq!(with(good), Ok(Some("file-return".to_owned())));
    for bad in [
        "x".to_owned(),
        "{}".to_owned(),
        "[]".to_owned(),
        "[[]]".to_owned(),
        format!("[{0},{0}]", &good[1..good.len() - 1]),
        good.replace("urn:nixa:transaction", "payment"),
        good.replace("file-return", "another"),
        good.replace("\"service\"", "\"servise\""),
        good.replace("\"service\":", "\"acr\":\"urn:nixa:loa:1\",\"service\":"),
    ] {
        assert_eq!(with(&bad), Err(ErrorCode::InvalidAuthorizationDetails), "{bad}");
    }
}

#[test]
fn answers_keep_the_registered_uri_and_carry_iss() {
    let uri = "https://portal.example/cb?x=1";
    let response = AuthorizationResponse::success(uri, ResponseMode::Query, "c", Some("s&t"), "https://op.example");
    assert_eq!(response.location(), "https://portal.example/cb?x=1&code=c&state=s%26t&iss=https%3A%2F%2Fop.example");
    let error = OAuthError::new(ErrorCode::AccessDenied, "no \"\u{1ec7}\"");
    assert_eq!(
        AuthorizationResponse::error("https://p.example/", ResponseMode::Query, &error, None, "i").location(),
        "https://p.example/?error=access_denied&error_description=no+&iss=i"
    );
}

#[test]
fn an_error_takes_the_way_that_was_asked_for_where_it_is_known() {
    let client = client(true, ClientAuthentication::None);
    let base = "client_id=portal&redirect_uri=https%3A%2F%2Fportal.example%2Fcb%3Fx%3D1";
    for (more, mode) in [
        ("", ResponseMode::Query),
        ("&response_mode=query", ResponseMode::Query),
        ("&response_mode=form_post", ResponseMode::FormPost),
        ("&response_mode=fragment", ResponseMode::Query),
        ("&response_mode=form_post&response_mode=form_post", ResponseMode::Query),
    ] {
        let params = Params::parse(format!("{base}{more}").as_bytes()).unwrap();
        assert_eq!(bind(&params, client.clone()).unwrap().response_mode, mode, "{more}");
    }
}
