use super::*;

mod declared;
mod renamed;

const BROKER: &str = r##"
[server]
issuer = "https://id.example"
listen = "127.0.0.1:0"
name = { vi = "A", en = "B" }
data_dir = "data"

[[broker.identity_provider]]
id = "national"
name = { vi = "A", en = "B" }
description = { vi = "A", en = "B" }
issuer = "https://idp.example"
client_id = "broker"
cap = "urn:nixa:loa:2"
level = [{ acr = "1", methods = ["password"], identity = 1 }]

[[broker.portal]]
client_id = "p"
client_secret = "0123456789012345678901"
sector = "p"
minimum_acr = "urn:nixa:loa:2"

[broker.portal.client]
client_name = "B"
"client_name#vi" = "A"
client_uri = "https://p.example/"
redirect_uris = ["https://p.example/cb"]
token_endpoint_auth_method = "client_secret_basic"
scope = "openid"

[[broker.portal.service]]
code = "file"
acr = "urn:nixa:loa:3"
max_age = 300
text = { vi = "A", en = "B" }
"##;

fn findings(text: &str) -> Vec<String> {
    let found = match Config::parse(text) {
        Ok((config, renamed)) => config.check(renamed),
        Err(findings) => findings,
    };
    found.into_iter().map(|f| format!("{}: {}", f.key, f.reason)).collect()
}

#[test]
fn a_good_file_has_no_finding() {
    assert_eq!(findings(BROKER), Vec::<String>::new());
}

const FAULTS: &[(&str, &str, &str)] = &[
    ("cap = \"urn:nixa:loa:2\"", "cap = \"gold\"", "broker.identity_provider[0].cap: is not on the policy's ladder"),
    ("minimum_acr = \"urn:nixa:loa:2\"", "minimum_acr = \"gold\"", "broker.portal[0].minimum_acr: is not on"),
    ("[\"password\"]", "[\"smell\"]", "broker.identity_provider[0].level[0].methods: `smell` is not"),
    ("sector = \"p\"", "sektor = \"p\"", "broker.portal[0].sektor: unknown field `sektor`"),
    ("sector = \"p\"\n", "", "broker.portal[0].sector: is missing: give it, or sector_identifier_uri in the client"),
    (
        "scope = ",
        "sector_identifier_uri = \"https://p.example/s\"\nscope = ",
        "broker.portal[0].sector: must be left out, since sector_identifier_uri",
    ),
    (
        "scope = ",
        "sector_identifier_uri = \"http://p.example/s\"\nscope = ",
        "broker.portal[0].client.sector_identifier_uri: must be https",
    ),
    (
        "scope = ",
        "jwks_uri = \"https://p.example/jwks\"\njwks = { keys = [{}] }\nscope = ",
        "broker.portal[0].client.jwks: must not stand beside jwks_uri",
    ),
    ("scope = ", "default_max_age = -1\nscope = ", "broker.portal[0].client.default_max_age: must be a number"),
    (
        "scope = ",
        "default_acr_values = [\"gold\"]\nscope = ",
        "broker.portal[0].client.default_acr_values: gold is not",
    ),
    ("scope = ", "skope = \"a\"\nscope = ", "broker.portal[0].client.skope: is not client metadata that this server"),
    (
        "scope = ",
        "require_signed_request_object = true\nscope = ",
        "client.require_signed_request_object: needs jwks_uri",
    ),
    ("scope = \"openid\"\n", "", "broker.portal[0].client.scope: is missing"),
    ("\"client_name#vi\" = \"A\"\n", "", "broker.portal[0].client.client_name#vi: is missing"),
    ("client_uri = \"https://p.example/\"\n", "", "broker.portal[0].client.client_uri: is missing"),
    ("redirect_uris = [\"https://p.example/cb\"]\n", "", "broker.portal[0].client.redirect_uris: must name at least"),
    ("client_secret = \"0123456789012345678901\"\n", "", "broker.portal[0].client_secret: is missing"),
    (
        "[[broker.portal]]",
        "[server.registration]\nscopes = [\"everything\"]\n[[broker.portal]]",
        "server.registration.scopes: `everything` is not a scope",
    ),
    (
        "[[broker.portal]]",
        "[server.outbound]\nauthorities = \"none.pem\"\n[[broker.portal]]",
        "server.outbound.authorities: ",
    ),
    (
        "[[broker.portal]]",
        "[server.outbound]\nnetworks = [\"ten\"]\n[[broker.portal]]",
        "server.outbound.networks[0]: ",
    ),
    ("\"client_secret_basic\"", "\"magic\"", "broker.portal[0].client.token_endpoint_auth_method: must be one of"),
    ("0123456789012345678901", "short", "broker.portal[0].client_secret: must have at least 22"),
    ("https://p.example/cb", "http://p.example/cb", "broker.portal[0].client.redirect_uris[0]: must be https"),
    (
        "https://p.example/cb",
        "https://p.example/cb#x",
        "broker.portal[0].client.redirect_uris[0]: must not have a fragment",
    ),
    ("https://id.example", "https://id.example/", "server.issuer: must be scheme and host only"),
    ("scope = \"openid\"", "scope = \"everything\"", "broker.portal[0].client.scope: everything is not a scope"),
    ("client_id = \"p\"", "client_id = \"p\"\nsector = \"q\"", "duplicate key"),
    ("acr = \"urn:nixa:loa:3\"", "acr = \"x\"", "broker.portal[0].service[0].acr: is not on the policy's ladder"),
    ("max_age = 300", "max_age = -1", "broker.portal[0].service[0].max_age: must not be negative"),
    ("sector = \"p\"", "sector = \"p\"\nresource = \"api\"", "broker.portal[0].resource: is not an absolute URL"),
    ("scope = \"openid\"", "scope = \"authenticators\"", "broker.portal[0].client.scope: authenticators is not"),
    (
        "cap = \"urn:nixa:loa:2\"",
        "cap = \"urn:nixa:loa:2\"\non_request = [\"smell\"]",
        "broker.identity_provider[0].on_request: `smell` is not a method",
    ),
    (
        "[[broker.portal]]",
        "[broker.risk]\nnew_device = \"x\"\n[[broker.portal]]",
        "broker.risk.new_device: is not a risk signal of the policy",
    ),
    (
        "[[broker.portal]]",
        "[[broker.risk.header]]\nname = \"a b\"\nsignal = \"new-device\"\n[[broker.portal]]",
        "broker.risk.header[0].name: is not the name of a header",
    ),
    (
        "data_dir = \"data\"",
        "data_dir = \"data\"\n[server.store]\ndurable = \"mysql://x\"",
        "server.store.durable: must be a postgres:// URL",
    ),
    (
        "data_dir = \"data\"",
        "data_dir = \"data\"\n[server.store]\ndurable = \"env:NIXA_NOT_SET\"",
        "server.store.durable: names an environment variable that is not set",
    ),
    (
        "data_dir = \"data\"",
        "data_dir = \"data\"\n[server.store]\ndurable = \"postgres://x\"",
        "server.master_key: is needed with a shared database",
    ),
    (
        "data_dir = \"data\"",
        "data_dir = \"data\"\n[server.store]\nshort_lived = \"memcached://x\"",
        "server.store.short_lived: ",
    ),
    (
        "data_dir = \"data\"",
        "data_dir = \"data\"\n[server.store]\nnamespace = \"a:b\"\nconnections = 0",
        "server.store.connections: must be at least 1",
    ),
    (
        "data_dir = \"data\"",
        "data_dir = \"data\"\n[server.audit]\ncheckpoint_seconds = 0",
        "server.audit.checkpoint_seconds: must be at least 1",
    ),
    ("[server]", "[server", "(syntax): "),
    ("[[broker.portal]]", "[idp]\n[[broker.portal]]", "(file): must have either"),
];

#[test]
fn each_fault_names_its_key() {
    for (from, to, expected) in FAULTS {
        assert!(BROKER.contains(from), "{from}");
        let found = findings(&BROKER.replacen(from, to, 1)).join("\n");
        assert!(found.contains(expected), "{to}: {found}");
    }
}

#[test]
fn a_public_client_cannot_be_configured_without_pkce() {
    let text = BROKER
        .replace("\"client_secret_basic\"", "\"none\"")
        .replace("sector = \"p\"", "sector = \"p\"\nrequire_pkce = false");
    assert_eq!(findings(&text), ["broker.portal[0].require_pkce: a public client cannot do without PKCE"]);
}

#[test]
fn all_findings_are_shown_at_once() {
    let text = BROKER.replace("cap = \"urn:nixa:loa:2\"", "cap = \"x\"").replace("\"urn:nixa:loa:2\"", "\"y\"");
    assert_eq!(findings(&text).len(), 2);
    // A policy that cannot be read hides nothing that can be said without it.
    let text = text
        .replace("[[broker.identity_provider]]", "[broker]\npolicy = \"/nonexistent\"\n[[broker.identity_provider]]");
    let text = text.replace("https://p.example/cb", "nowhere").replace("\"openid\"", "\"everything\"");
    let found = findings(&text.replace("0123456789012345678901", "short"));
    assert_eq!(found.len(), 4, "{found:?}");
}
