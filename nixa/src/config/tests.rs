use super::*;

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
name = { vi = "A", en = "B" }
home = "https://p.example/"
redirect_uris = ["https://p.example/cb"]
auth = "client_secret_basic"
secret = "0123456789012345678901"
scopes = ["openid"]
sector = "p"
minimum_acr = "urn:nixa:loa:2"

[[broker.portal.service]]
code = "file"
acr = "urn:nixa:loa:3"
max_age = 300
text = { vi = "A", en = "B" }
"##;

fn findings(text: &str) -> Vec<String> {
    let found = match Config::parse(text) {
        Ok(config) => config.check(),
        Err(finding) => vec![finding],
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
    ("sector = \"p\"\n", "", "broker.portal[0].sector: must stand, or sector_identifier_uri"),
    (
        "sector = \"p\"",
        "sector = \"p\"\nsector_identifier_uri = \"https://p.example/s\"",
        "broker.portal[0].sector: must stand, or",
    ),
    (
        "sector = \"p\"",
        "sector_identifier_uri = \"http://p.example/s\"",
        "broker.portal[0].sector_identifier_uri: must be https",
    ),
    (
        "sector = \"p\"",
        "sector = \"p\"\njwks_uri = \"https://p.example/jwks\"\nkeys = [{}]",
        "broker.portal[0].jwks_uri: must not stand beside keys",
    ),
    (
        "sector = \"p\"",
        "sector = \"p\"\ndefault_max_age = -1",
        "broker.portal[0].default_max_age: must not be negative",
    ),
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
    ("auth = \"client_secret_basic\"", "auth = \"magic\"", "broker.portal[0].auth: unknown variant `magic`"),
    ("0123456789012345678901", "short", "broker.portal[0].secret: must have at least 22"),
    ("https://p.example/cb", "http://p.example/cb", "broker.portal[0].redirect_uris[0]: must be https"),
    ("https://p.example/cb", "https://p.example/cb#x", "broker.portal[0].redirect_uris[0]: must not have a fragment"),
    ("https://id.example", "https://id.example/", "server.issuer: must be scheme and host only"),
    ("scopes = [\"openid\"]", "scopes = [\"everything\"]", "broker.portal[0].scopes: `everything` is not a scope"),
    ("client_id = \"p\"", "client_id = \"p\"\nrequire_pkce = false\nauth = \"none\"", "duplicate key"),
    ("acr = \"urn:nixa:loa:3\"", "acr = \"x\"", "broker.portal[0].service[0].acr: is not on the policy's ladder"),
    ("max_age = 300", "max_age = -1", "broker.portal[0].service[0].max_age: must not be negative"),
    ("sector = \"p\"", "sector = \"p\"\nresource = \"api\"", "broker.portal[0].resource: is not an absolute URL"),
    ("scopes = [\"openid\"]", "scopes = [\"authenticators\"]", "broker.portal[0].scopes: `authenticators` is not"),
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
    let text = BROKER.replace("\"client_secret_basic\"", "\"none\"\nrequire_pkce = false");
    assert_eq!(findings(&text), ["broker.portal[0].require_pkce: a public client cannot do without PKCE"]);
}

#[test]
fn all_findings_are_shown_at_once() {
    let text = BROKER.replace("cap = \"urn:nixa:loa:2\"", "cap = \"x\"").replace("\"urn:nixa:loa:2\"", "\"y\"");
    assert_eq!(findings(&text).len(), 2);
    // A policy that cannot be read hides nothing that can be said without it.
    let text = text
        .replace("[[broker.identity_provider]]", "[broker]\npolicy = \"/nonexistent\"\n[[broker.identity_provider]]");
    let found = findings(&text.replace("https://p.example/cb", "nowhere"));
    assert_eq!(found.len(), 2, "{found:?}");
}
