//! The configuration files that the demo writes: the same form that an operator writes by hand.

use serde_json::Value;

use super::addresses::{Addresses, PORTALS};
use super::secrets::Secrets;

const HEADER: &str = "# Written by `nixa demo` at each start; copy it to make your own.\n";

pub(super) fn broker(a: &Addresses, secrets: &Secrets) -> String {
    let mut text = format!(
        r##"{HEADER}
[server]
issuer = "{issuer}"
listen = "127.0.0.1:{port}"
name = {{ vi = "Xác thực điện tử quốc gia", en = "National electronic identity" }}
cookie = "nixa_broker"
data_dir = "broker"

[[broker.identity_provider]]
id = "national"
name = {{ vi = "Tài khoản định danh điện tử quốc gia", en = "National digital identity" }}
description = {{ vi = "Mật khẩu và ứng dụng xác thực", en = "Password and authenticator app" }}
issuer = "{national}"
client_id = "nixa-broker"
cap = "urn:nixa:loa:4"
states_authenticators = true
states_personal_number = true
authoritative = true

[[broker.identity_provider.level]]
acr = "urn:nixa:loa:1"
methods = ["password"]
identity = 1

[[broker.identity_provider.level]]
acr = "urn:nixa:loa:2"
methods = ["password", "totp"]
identity = 1

[[broker.identity_provider]]
id = "partner"
name = {{ vi = "Định danh di động MobiĐịnh", en = "MobiĐịnh mobile identity" }}
description = {{ vi = "Dành cho thuê bao di động", en = "For mobile subscribers" }}
issuer = "{partner}"
client_id = "nixa-broker"
cap = "urn:nixa:loa:2"
states_personal_number = true

[[broker.identity_provider.level]]
acr = "urn:mobidinh:basic"
methods = ["password"]
identity = 1

[[broker.identity_provider.level]]
acr = "urn:mobidinh:strong"
methods = ["password", "totp"]
identity = 1
"##,
        issuer = a.at(0),
        port = a.port,
        national = a.at(1),
        partner = a.at(2),
    );
    let portals = [
        ("Cổng Dịch vụ công Quốc gia", "National Public Service Portal", "client_secret_basic", 1, "profile"),
        ("Bảo hiểm xã hội", "Social Insurance", "client_secret_basic", 2, "profile personal_number"),
        // Level 3 for the portal as a whole is asked for by the portal; its services need less or as much.
        ("Thuế điện tử", "Tax", "client_secret_post", 1, "profile personal_number"),
    ];
    for ((vi, en, auth, level, scope), (id, offset, _)) in portals.into_iter().zip(PORTALS) {
        text.push_str(&format!(
            r#"
[[broker.portal]]
client_id = "{id}"
client_secret = "{secret}"
sector = "{id}"
minimum_acr = "urn:nixa:loa:{level}"
sso_confirmation = "first"

[broker.portal.client]
client_name = "{en}"
"client_name#vi" = "{vi}"
client_uri = "{url}/"
redirect_uris = ["{url}/callback"]
post_logout_redirect_uris = ["{url}/logged-out"]
backchannel_logout_uri = "{url}/backchannel-logout"
token_endpoint_auth_method = "{auth}"
scope = "openid {scope}"
"#,
            url = a.at(offset),
            secret = secrets.of(id),
        ));
    }
    text.push_str(TAX_CATALOGUE);
    text
}

/// The catalogue of the tax portal, which is the last one in the file.
const TAX_CATALOGUE: &str = r#"
[[broker.portal.service]]
code = "look-up-debt"
acr = "urn:nixa:loa:1"
text = { vi = "Tra cứu nợ thuế", en = "Look up a debt" }

[[broker.portal.service]]
code = "file-return"
acr = "urn:nixa:loa:2"
text = { vi = "Nộp tờ khai thuế", en = "File a return" }

[[broker.portal.service]]
code = "refund-account"
acr = "urn:nixa:loa:3"
max_age = 300
text = { vi = "Đổi tài khoản ngân hàng nhận hoàn thuế", en = "Change the bank account for refunds" }
"#;

pub(super) fn national(a: &Addresses, client_key: &Value) -> String {
    let national = DemoIdp {
        id: "national",
        port_offset: 1,
        name: r#"{ vi = "Định danh điện tử quốc gia", en = "National Digital Identity" }"#,
        accent: "#12406e",
        policy: "",
    };
    idp(a, &national, client_key)
}

pub(super) fn partner(a: &Addresses, client_key: &Value) -> String {
    let partner = DemoIdp {
        id: "partner",
        port_offset: 2,
        name: r#"{ vi = "Định danh di động MobiĐịnh", en = "MobiĐịnh Mobile Identity" }"#,
        accent: "#0a5c4a",
        policy: "policy = \"partner-policy.toml\"\n",
    };
    idp(a, &partner, client_key)
}

/// What tells one identity provider of the demo from the other; texts as they stand in the file.
struct DemoIdp {
    id: &'static str,
    port_offset: u16,
    name: &'static str,
    accent: &'static str,
    policy: &'static str,
}

fn idp(a: &Addresses, idp: &DemoIdp, client_key: &Value) -> String {
    let member = |name: &str| client_key.get(name).and_then(Value::as_str).unwrap_or_default();
    format!(
        r##"{HEADER}
[server]
issuer = "{issuer}"
listen = "127.0.0.1:{port}"
name = {name}
accent = "{accent}"
cookie = "nixa_{id}"
data_dir = "{id}"

[idp]
{policy}
[[idp.client]]
client_id = "nixa-broker"
client_name = "National electronic identity"
"client_name#vi" = "Xác thực điện tử quốc gia"
redirect_uris = ["{broker}/callback/{id}"]

[[idp.client.jwks.keys]]
kty = "EC"
crv = "P-256"
x = "{x}"
y = "{y}"
kid = "{kid}"
"##,
        issuer = a.at(idp.port_offset),
        port = a.port + idp.port_offset,
        id = idp.id,
        name = idp.name,
        accent = idp.accent,
        policy = idp.policy,
        broker = a.at(0),
        x = member("x"),
        y = member("y"),
        kid = member("kid"),
    )
}

/// The partner has a vocabulary of its own, which the broker maps.
pub(super) const PARTNER_POLICY: &str = r#"# The partner's own levels.

[methods.password]
kinds = ["knowledge"]
amr = ["pwd"]
burden = 10

[methods.totp]
kinds = ["possession"]
amr = ["otp"]
burden = 15

[[ladder]]
acr = "urn:mobidinh:basic"
rank = 1
identity = 0
authentication = [{ level = 1 }]
freshness = "session"

[[ladder]]
acr = "urn:mobidinh:strong"
rank = 2
identity = 1
authentication = [{ level = 2 }]
freshness = "session"
"#;
