//! The configuration files that the demo writes: the same form that an operator writes by hand.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use nixa_protocol::{Entropy, random_token};
use serde_json::Value;
use url::Url;

use super::DemoError;
use crate::private_file::write_private;

/// Client identifier, port offset and name of each portal.
const PORTALS: [(&str, u16, &str); 3] = [
    ("dich-vu-cong", 10, "National public-service portal (level 1)"),
    ("bao-hiem-xa-hoi", 11, "Social insurance (level 2)"),
    ("thue", 12, "Tax (level 3)"),
];

/// The addresses of the demo.
pub(crate) struct Addresses {
    base: Url,
    port: u16,
}

impl Addresses {
    pub(super) fn new(base: &Url, port: u16) -> Result<Self, DemoError> {
        if base.scheme() != "http" || base.host_str().is_none() || base.path() != "/" || base.port().is_some() {
            return Err(DemoError::Address("--base-url must be http://HOST without port and path"));
        }
        if port.checked_add(12).is_none() || port == 0 {
            return Err(DemoError::Address("--base-port must be between 1 and 65523"));
        }
        Ok(Self { base: base.clone(), port })
    }

    pub(super) fn ports(&self) -> [u16; 6] {
        [0, 1, 2, 10, 11, 12].map(|offset| self.port + offset)
    }

    fn at(&self, offset: u16) -> String {
        format!("http://{}:{}", self.base.host_str().unwrap_or("localhost"), self.port + offset)
    }

    pub(super) fn issuer(&self) -> Url {
        let mut url = self.base.clone();
        // Only a URL without a host refuses a port, and `new` has seen the host.
        let _refused = url.set_port(Some(self.port));
        url
    }

    pub(super) fn portal(&self, n: usize) -> (&'static str, Url) {
        let (client_id, offset, _) = PORTALS.get(n).copied().unwrap_or(("", 0, ""));
        let mut url = self.base.clone();
        let _refused = url.set_port(Some(self.port + offset));
        (client_id, url)
    }

    pub(super) fn list(&self) -> Vec<(&'static str, String)> {
        let servers = [
            ("Broker", self.at(0)),
            ("National identity provider", self.at(1)),
            ("Partner: mobile identity (level 2 at most)", self.at(2)),
        ];
        servers.into_iter().chain(PORTALS.map(|(_, offset, name)| (name, self.at(offset)))).collect()
    }
}

/// The portals' client secrets, made at first start.
pub(super) struct Secrets(BTreeMap<String, String>);

impl Secrets {
    pub(super) fn load_or_make(folder: &Path, entropy: &dyn Entropy) -> Result<Self, DemoError> {
        let file = folder.join("portal-secrets.json");
        let failed = |source| DemoError::File { file: file.clone(), source };
        if file.exists() {
            let bytes = fs::read(&file).map_err(failed)?;
            return serde_json::from_slice(&bytes).map(Self).map_err(|e| failed(e.into()));
        }
        let secrets = PORTALS.map(|(id, _, _)| (id.to_owned(), random_token(entropy)));
        let secrets = BTreeMap::from(secrets);
        let bytes = serde_json::to_vec_pretty(&secrets).map_err(|e| failed(e.into()))?;
        write_private(&file, &bytes).map_err(failed)?;
        Ok(Self(secrets))
    }

    pub(super) fn of(&self, client_id: &str) -> String {
        self.0.get(client_id).cloned().unwrap_or_default()
    }
}

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
    let names = (r#"{ vi = "Định danh điện tử quốc gia", en = "National Digital Identity" }"#, "#12406e");
    idp(a, 1, "national", names, "", client_key)
}

pub(super) fn partner(a: &Addresses, client_key: &Value) -> String {
    let names = (r#"{ vi = "Định danh di động MobiĐịnh", en = "MobiĐịnh Mobile Identity" }"#, "#0a5c4a");
    idp(a, 2, "partner", names, "policy = \"partner-policy.toml\"\n", client_key)
}

fn idp(a: &Addresses, offset: u16, id: &str, look: (&str, &str), policy: &str, client_key: &Value) -> String {
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
        issuer = a.at(offset),
        port = a.port + offset,
        name = look.0,
        accent = look.1,
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
