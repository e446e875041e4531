//! Client metadata as a client registers it (RFC 7591 §2, OpenID Connect Registration 1.0 §2): every member is
//! checked, and what is refused is named. Members that are not known are ignored (RFC 7591 §2).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use url::{Host, Url};

use crate::client::{Client, ClientAuthentication, LocalizedText, RequestProtection};
use crate::entropy::{Digest, digest, same_secret};
use crate::error::{ErrorCode, OAuthError};
use crate::jose::{Algorithm, VerifyingKey};
use crate::jwe::{ContentEncryption, Encrypter, Encryption, KeyManagement};

/// The most entries of a list.
const MOST: usize = 20;
/// The longest text, in octets.
const LONGEST: usize = 2_000;

/// What a server lets clients register.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Allowed {
    /// The scopes that a client may have; it gets all of them when it names none.
    pub scopes: BTreeSet<String>,
    /// The levels that it may ask for.
    pub acr_values: BTreeSet<String>,
    /// Whether addresses may be `http`: on a server that is not on TLS itself.
    pub http: bool,
    /// Whether a client may have public subjects: the same for every such client.
    pub public_subjects: bool,
    /// Whether a confidential client must use PKCE; a public one always must.
    pub require_pkce: bool,
}

/// How a client wants to authenticate; its secret is made afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// `client_secret_basic`.
    SecretBasic,
    /// `client_secret_post`.
    SecretPost,
    /// `private_key_jwt`.
    PrivateKeyJwt,
    /// `none`.
    None,
}

impl Method {
    /// Whether a secret has to be made.
    #[must_use]
    pub fn needs_secret(self) -> bool {
        matches!(self, Self::SecretBasic | Self::SecretPost)
    }

    /// The way to authenticate, with the secret for those that need one.
    #[must_use]
    pub fn authentication(self, secret: &str) -> ClientAuthentication {
        self.keeping(&digest(secret))
    }

    /// The way to authenticate with a secret that the client holds already: it stays when only the way to show it
    /// changes.
    #[must_use]
    pub fn keeping(self, held: &Digest) -> ClientAuthentication {
        match self {
            Self::SecretBasic => ClientAuthentication::SecretBasic(held.clone()),
            Self::SecretPost => ClientAuthentication::SecretPost(held.clone()),
            Self::PrivateKeyJwt => ClientAuthentication::PrivateKeyJwt,
            Self::None => ClientAuthentication::None,
        }
    }
}

/// A refusal that names the member.
#[must_use]
pub fn refuse(member: &str, reason: &str) -> OAuthError {
    let code = if member.starts_with("redirect_uris") {
        ErrorCode::InvalidRedirectUri
    } else {
        ErrorCode::InvalidClientMetadata
    };
    OAuthError::new(code, format!("{member}: {reason}"))
}

/// A client from its metadata, with its way to authenticate. It has no identifier and no secret yet, and its
/// sector identifier and its keys have not been fetched. An empty `sector` is to be the client's own identifier.
///
/// # Errors
/// `invalid_redirect_uri` or `invalid_client_metadata` (RFC 7591 §3.2.2), naming the first member that is not
/// acceptable.
pub fn read(metadata: &Map<String, Value>, allowed: &Allowed) -> Result<(Client, Method), OAuthError> {
    let said = Said(metadata);
    let native = said.choice("application_type", &["web", "native"])? == Some("native");
    let redirect_uris = said.texts("redirect_uris")?;
    if redirect_uris.is_empty() {
        return Err(refuse("redirect_uris", "must name at least one URI"));
    }
    for uri in &redirect_uris {
        redirect_uri(uri, native, allowed.http).map_err(|reason| refuse("redirect_uris", reason))?;
    }
    said.within("response_types", &["code"])?;
    let grants = said.within("grant_types", &["authorization_code", "refresh_token"])?;
    if grants.as_ref().is_some_and(|grants| !grants.contains("authorization_code")) {
        return Err(refuse("grant_types", "must have authorization_code"));
    }
    let method = match said.choice(
        "token_endpoint_auth_method",
        &["client_secret_basic", "client_secret_post", "private_key_jwt", "none"],
    )? {
        Some("client_secret_post") => Method::SecretPost,
        Some("private_key_jwt") => Method::PrivateKeyJwt,
        Some("none") => Method::None,
        _ => Method::SecretBasic,
    };
    let (keys, jwks_uri) = keys(&said, allowed.http)?;
    // Keys of other kinds may stand beside it (RFC 7517 §5).
    if method == Method::PrivateKeyJwt && jwks_uri.is_none() && !keys.iter().any(|k| VerifyingKey::from_jwk(k).is_ok())
    {
        return Err(refuse("jwks", "private_key_jwt needs jwks_uri, or a key of EC P-256, Ed25519 or RSA in jwks"));
    }
    let mut client = Client {
        native,
        redirect_uris,
        keys,
        jwks_uri,
        refresh_tokens: grants.is_some_and(|grants| grants.contains("refresh_token")),
        require_pkce: allowed.require_pkce || method == Method::None,
        scopes: scopes(&said, &allowed.scopes)?,
        assertion_alg: said.algorithm("token_endpoint_auth_signing_alg")?,
        request_object_alg: said.algorithm("request_object_signing_alg")?,
        id_token_alg: said.algorithm("id_token_signed_response_alg")?.unwrap_or(Algorithm::Rs256),
        userinfo_alg: said.algorithm("userinfo_signed_response_alg")?,
        request_protection: protection(&said)?,
        default_max_age: said.count("default_max_age")?,
        default_acr_values: said.texts("default_acr_values")?,
        public_subject: subjects(&said, allowed)? == Some("public"),
        sector_identifier_uri: said.uri("sector_identifier_uri", allowed.http)?,
        client_uri: said.uri("client_uri", allowed.http)?,
        backchannel_logout_uri: said.uri("backchannel_logout_uri", allowed.http)?,
        frontchannel_logout_uri: said.uri("frontchannel_logout_uri", allowed.http)?,
        frontchannel_logout_session_required: said.flag("frontchannel_logout_session_required")?,
        post_logout_redirect_uris: said.texts("post_logout_redirect_uris")?,
        ..Client::default()
    };
    for uri in &client.post_logout_redirect_uris {
        redirect_uri(uri, native, allowed.http).map_err(|reason| refuse("post_logout_redirect_uris", reason))?;
    }
    if let Some(unknown) = client.default_acr_values.iter().find(|acr| !allowed.acr_values.contains(*acr)) {
        return Err(refuse("default_acr_values", &format!("{} is not a level", ascii(unknown))));
    }
    if request_objects_unsupported(metadata) {
        return Err(refuse("request_object_encryption_alg", "encrypted request objects are not supported"));
    }
    client.id_token_encryption = said.encryption("id_token_encrypted_response", &client)?;
    client.userinfo_encryption = said.encryption("userinfo_encrypted_response", &client)?;
    frame(&client)?;
    client.name = name(&said, &client)?;
    client.sector = sector(&client)?;
    // Tokens of the session are always named: `sid` stands in each (Back-Channel Logout 1.0 §2.2).
    said.flag("backchannel_logout_session_required")?;
    // Every ID token has it.
    said.flag("require_auth_time")?;
    client.about = about(&said, metadata, allowed.http)?;
    Ok((client, method))
}

fn request_objects_unsupported(metadata: &Map<String, Value>) -> bool {
    metadata.get("request_object_encryption_alg").is_some_and(|alg| !alg.is_null())
}

/// What is kept because the client said it, and given back.
fn about(said: &Said<'_>, metadata: &Map<String, Value>, http: bool) -> Result<BTreeMap<String, Value>, OAuthError> {
    for member in ["logo_uri", "policy_uri", "tos_uri", "initiate_login_uri"] {
        said.uri(member, http)?;
    }
    for contact in said.texts("contacts")? {
        if !contact.contains('@') {
            return Err(refuse("contacts", "must be e-mail addresses"));
        }
    }
    for member in ["software_id", "software_version"] {
        said.text(member)?;
    }
    let kept = [
        "contacts",
        "logo_uri",
        "policy_uri",
        "tos_uri",
        "initiate_login_uri",
        "software_id",
        "software_version",
        "require_auth_time",
        "backchannel_logout_session_required",
    ];
    let kept = kept.into_iter().filter_map(|member| Some((member.to_owned(), metadata.get(member)?.clone())));
    Ok(kept.filter(|(_, value)| !value.is_null()).collect())
}

/// What an update must hold and must not, beside its metadata (RFC 7592 §2.2).
///
/// # Errors
/// `invalid_client_metadata`.
pub fn check_update(metadata: &Map<String, Value>, client: &Client) -> Result<(), OAuthError> {
    for member in
        ["registration_access_token", "registration_client_uri", "client_secret_expires_at", "client_id_issued_at"]
    {
        if metadata.contains_key(member) {
            return Err(refuse(member, "must not be sent (RFC 7592 section 2.2)"));
        }
    }
    if metadata.get("client_id").and_then(Value::as_str) != Some(&client.client_id) {
        return Err(refuse("client_id", "must be the client's own"));
    }
    let Some(secret) = metadata.get("client_secret") else { return Ok(()) };
    let shown = secret.as_str().map(digest);
    let same = client.authentication.secret().zip(shown).is_some_and(|(held, shown)| {
        // In constant time, as wherever a secret is shown.
        same_secret(held.as_str(), shown.as_str())
    });
    if same { Ok(()) } else { Err(refuse("client_secret", "must be the one that was issued")) }
}

/// The registered metadata as the client is told (RFC 7591 §3.2.1): what holds, whatever was asked.
#[must_use]
pub fn describe(client: &Client) -> Map<String, Value> {
    let mut said: Map<String, Value> = client.about.clone().into_iter().collect();
    let mut put = |member: &str, value: Value| {
        if !value.is_null() {
            said.insert(member.to_owned(), value);
        }
    };
    put("client_id", json!(client.client_id));
    put("client_name", json!(client.name.en));
    put("client_name#vi", json!(client.name.vi));
    put("redirect_uris", json!(client.redirect_uris));
    put("response_types", json!(["code"]));
    let refresh = client.refresh_tokens.then_some("refresh_token");
    put("grant_types", json!(["authorization_code"].into_iter().chain(refresh).collect::<Vec<_>>()));
    put("application_type", json!(if client.native { "native" } else { "web" }));
    put("token_endpoint_auth_method", json!(client.authentication.as_str()));
    put("token_endpoint_auth_signing_alg", json!(client.assertion_alg));
    put("scope", json!(client.scopes.iter().map(String::as_str).collect::<Vec<_>>().join(" ")));
    if !client.keys.is_empty() {
        put("jwks", json!({ "keys": client.keys }));
    }
    put("jwks_uri", json!(client.jwks_uri));
    put("subject_type", json!(if client.public_subject { "public" } else { "pairwise" }));
    put("sector_identifier_uri", json!(client.sector_identifier_uri));
    put("id_token_signed_response_alg", json!(client.id_token_alg));
    put("userinfo_signed_response_alg", json!(client.userinfo_alg));
    put("request_object_signing_alg", json!(client.request_object_alg));
    for (prefix, encryption) in [
        ("id_token_encrypted_response", client.id_token_encryption),
        ("userinfo_encrypted_response", client.userinfo_encryption),
    ] {
        put(&format!("{prefix}_alg"), json!(encryption.map(|e| e.alg)));
        put(&format!("{prefix}_enc"), json!(encryption.map(|e| e.enc)));
    }
    put("client_uri", json!(client.client_uri));
    put("default_max_age", json!(client.default_max_age));
    if !client.default_acr_values.is_empty() {
        put("default_acr_values", json!(client.default_acr_values));
    }
    if !client.post_logout_redirect_uris.is_empty() {
        put("post_logout_redirect_uris", json!(client.post_logout_redirect_uris));
    }
    put("backchannel_logout_uri", json!(client.backchannel_logout_uri));
    put("frontchannel_logout_uri", json!(client.frontchannel_logout_uri));
    if client.frontchannel_logout_uri.is_some() {
        put("frontchannel_logout_session_required", json!(client.frontchannel_logout_session_required));
    }
    let protection = client.request_protection;
    put("require_pushed_authorization_requests", json!(protection == RequestProtection::Pushed));
    put("require_signed_request_object", json!(protection == RequestProtection::Signed));
    said
}

/// Whether the document of a sector names every redirect URI of a client (OpenID Connect Core §8.1).
///
/// # Errors
/// `invalid_client_metadata`.
pub fn check_sector(document: &[u8], client: &Client) -> Result<(), OAuthError> {
    let refuse = |reason| refuse("sector_identifier_uri", reason);
    let listed: Vec<String> =
        serde_json::from_slice(document).map_err(|_| refuse("does not give a JSON array of URIs"))?;
    match client.redirect_uris.iter().all(|uri| listed.contains(uri)) {
        true => Ok(()),
        false => Err(refuse("does not list every one of the redirect_uris")),
    }
}

fn subjects(said: &Said<'_>, allowed: &Allowed) -> Result<Option<&'static str>, OAuthError> {
    let choices: &[&'static str] = if allowed.public_subjects { &["pairwise", "public"] } else { &["pairwise"] };
    said.choice("subject_type", choices)
}

fn protection(said: &Said<'_>) -> Result<RequestProtection, OAuthError> {
    let pushed = said.flag("require_pushed_authorization_requests")?;
    Ok(match (said.flag("require_signed_request_object")?, pushed) {
        (true, _) => RequestProtection::Signed,
        (false, true) => RequestProtection::Pushed,
        (false, false) => RequestProtection::None,
    })
}

fn scopes(said: &Said<'_>, allowed: &BTreeSet<String>) -> Result<BTreeSet<String>, OAuthError> {
    let Some(text) = said.text("scope")? else { return Ok(allowed.clone()) };
    let mut scopes: BTreeSet<String> = text.split(' ').filter(|s| !s.is_empty()).map(str::to_owned).collect();
    scopes.insert("openid".to_owned());
    match scopes.iter().find(|scope| *scope != "openid" && !allowed.contains(*scope)) {
        Some(unknown) => Err(refuse("scope", &format!("{} is not one that a client may register", ascii(unknown)))),
        None => Ok(scopes),
    }
}

fn keys(said: &Said<'_>, http: bool) -> Result<(Vec<Value>, Option<String>), OAuthError> {
    let uri = said.uri("jwks_uri", http)?;
    let Some(set) = said.value("jwks") else { return Ok((Vec::new(), uri)) };
    if uri.is_some() {
        return Err(refuse("jwks", "must not stand beside jwks_uri"));
    }
    let keys = set.get("keys").and_then(Value::as_array).ok_or_else(|| refuse("jwks", "must be a JWK Set"))?;
    if keys.len() > MOST {
        return Err(refuse("jwks", "has too many keys"));
    }
    for key in keys {
        if ["d", "p", "q", "k"].iter().any(|member| key.get(member).is_some()) {
            return Err(refuse("jwks", "has a private or symmetric key"));
        }
    }
    Ok((keys.clone(), None))
}

/// The name that people see, in both languages (`client_name`, `client_name#vi`, `client_name#en`).
fn name(said: &Said<'_>, client: &Client) -> Result<LocalizedText, OAuthError> {
    let plain = said.text("client_name")?;
    let host = || client.redirect_uris.first().and_then(|uri| Url::parse(uri).ok()?.host_str().map(str::to_owned));
    let plain = plain.or_else(|| host().or_else(|| client.redirect_uris.first().cloned())).unwrap_or_default();
    Ok(LocalizedText {
        vi: said.text("client_name#vi")?.unwrap_or_else(|| plain.clone()),
        en: said.text("client_name#en")?.unwrap_or(plain),
    })
}

/// A sector by the host of an address of the web (OpenID Connect Core §8.1): an app's own scheme may have any text
/// where the host stands.
#[must_use]
pub fn sector_of(uri: &str) -> Option<String> {
    let url = Url::parse(uri).ok().filter(|url| matches!(url.scheme(), "https" | "http"))?;
    // Never the same as a name that a configuration gives to a sector.
    url.host_str().map(|host| format!("host:{host}"))
}

/// The sector is the host of the sector identifier, or else of the redirect URIs, which must then have one. Empty
/// for an app without a host: then the client is its own sector.
fn sector(client: &Client) -> Result<String, OAuthError> {
    if let Some(uri) = &client.sector_identifier_uri {
        return sector_of(uri).ok_or_else(|| refuse("sector_identifier_uri", "has no host"));
    }
    // Every app has the same loopback.
    let host = |uri: &String| if Url::parse(uri).is_ok_and(|url| is_loopback(&url)) { None } else { sector_of(uri) };
    let hosts: BTreeSet<Option<String>> = client.redirect_uris.iter().map(host).collect();
    match (hosts.len(), hosts.into_iter().next().flatten()) {
        (1, Some(host)) => Ok(host),
        (1, None) => Ok(String::new()),
        _ if client.public_subject => Ok(String::new()),
        _ => Err(refuse("sector_identifier_uri", "is needed, because the redirect_uris have several hosts")),
    }
}

/// A frame of another site would be told that a person logged out (Front-Channel Logout 1.0 §2).
fn frame(client: &Client) -> Result<(), OAuthError> {
    let Some(uri) = &client.frontchannel_logout_uri else { return Ok(()) };
    let origin = |uri: &String| Url::parse(uri).ok().map(|url| url.origin());
    match client.redirect_uris.iter().any(|redirect| origin(redirect) == origin(uri)) {
        true => Ok(()),
        false => Err(refuse("frontchannel_logout_uri", "must have the origin of one of the redirect_uris")),
    }
}

/// Where a browser may be sent: `https`; `http` where the server allows it or, for a native client, on loopback;
/// for a native client also a scheme of its own with a dot in it (RFC 8252 §7).
fn redirect_uri(uri: &str, native: bool, http: bool) -> Result<(), &'static str> {
    let url = Url::parse(uri).map_err(|_| "must be absolute URIs")?;
    if !uri.bytes().all(|octet| octet.is_ascii_graphic()) {
        return Err("must be of ASCII characters (RFC 3986), a host name as `xn--`");
    }
    // What else a parser lets through would be read as more than a host in a Content-Security-Policy.
    let host = url.host_str().unwrap_or_default();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
    if matches!(url.scheme(), "https" | "http") && (host.is_empty() || !host.chars().all(plain)) {
        return Err("must have a plain host name");
    }
    if url.fragment().is_some() {
        return Err("must not have a fragment");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not have a user name");
    }
    match url.scheme() {
        "https" => Ok(()),
        "http" if http || (native && is_loopback(&url)) => Ok(()),
        "http" => Err("must be https"),
        scheme if native && scheme.contains('.') => Ok(()),
        _ => Err("must be https, or for a native application a scheme with a dot"),
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// A value of somebody else's in the characters of an `error_description` (RFC 6749 Appendix A.8).
fn ascii(text: &str) -> String {
    let plain = |c: char| if matches!(c, ' '..='~') && c != '"' && c != '\\' { c } else { '?' };
    text.chars().take(60).map(plain).collect()
}

/// The members, each read in one way. A `null` is as good as none (RFC 7592 §2.2).
struct Said<'m>(&'m Map<String, Value>);

impl<'m> Said<'m> {
    fn value(&self, member: &str) -> Option<&'m Value> {
        self.0.get(member).filter(|value| !value.is_null())
    }

    fn text(&self, member: &str) -> Result<Option<String>, OAuthError> {
        let Some(value) = self.value(member) else { return Ok(None) };
        let text = value.as_str().ok_or_else(|| refuse(member, "must be a string"))?;
        if text.is_empty() || text.len() > LONGEST || text.chars().any(char::is_control) {
            return Err(refuse(member, "is empty, too long, or has control characters"));
        }
        Ok(Some(text.to_owned()))
    }

    fn texts(&self, member: &str) -> Result<Vec<String>, OAuthError> {
        let Some(value) = self.value(member) else { return Ok(Vec::new()) };
        let wrong = || refuse(member, "must be an array of strings");
        let list = value.as_array().ok_or_else(wrong)?;
        if list.len() > MOST {
            return Err(refuse(member, "has too many entries"));
        }
        let text = |value: &Value| value.as_str().filter(|t| t.len() <= LONGEST && !t.is_empty()).map(str::to_owned);
        list.iter().map(|value| text(value).ok_or_else(wrong)).collect()
    }

    fn choice<'c>(&self, member: &str, choices: &[&'c str]) -> Result<Option<&'c str>, OAuthError> {
        let Some(text) = self.text(member)? else { return Ok(None) };
        match choices.iter().find(|choice| **choice == text) {
            Some(choice) => Ok(Some(choice)),
            None => Err(refuse(member, &format!("must be one of: {}", choices.join(", ")))),
        }
    }

    fn within(&self, member: &str, choices: &[&str]) -> Result<Option<BTreeSet<String>>, OAuthError> {
        if self.value(member).is_none() {
            return Ok(None);
        }
        let list = self.texts(member)?;
        if list.is_empty() || list.iter().any(|one| !choices.contains(&one.as_str())) {
            return Err(refuse(member, &format!("must be some of: {}", choices.join(", "))));
        }
        Ok(Some(list.into_iter().collect()))
    }

    fn uri(&self, member: &str, http: bool) -> Result<Option<String>, OAuthError> {
        let Some(text) = self.text(member)? else { return Ok(None) };
        redirect_uri(&text, false, http).map_err(|reason| refuse(member, reason))?;
        Ok(Some(text))
    }

    fn flag(&self, member: &str) -> Result<bool, OAuthError> {
        match self.value(member) {
            None => Ok(false),
            Some(value) => value.as_bool().ok_or_else(|| refuse(member, "must be true or false")),
        }
    }

    fn count(&self, member: &str) -> Result<Option<i64>, OAuthError> {
        let Some(value) = self.value(member) else { return Ok(None) };
        let count = value.as_i64().filter(|n| (0..=i64::from(u32::MAX)).contains(n));
        count.map(Some).ok_or_else(|| refuse(member, "must be a number of seconds"))
    }

    fn algorithm(&self, member: &str) -> Result<Option<Algorithm>, OAuthError> {
        let names: Vec<&str> = Algorithm::ALL.iter().map(|algorithm| algorithm.as_str()).collect();
        Ok(self.choice(member, &names)?.and_then(Algorithm::parse))
    }

    fn encryption(&self, prefix: &str, client: &Client) -> Result<Option<Encryption>, OAuthError> {
        let (alg_member, enc_member) = (format!("{prefix}_alg"), format!("{prefix}_enc"));
        let alg = self.choice(&alg_member, &KeyManagement::NAMES)?;
        let enc = self.choice(&enc_member, &ContentEncryption::NAMES)?;
        let Some(alg) = alg else {
            // An encryption that was meant to be and is not must not go unnoticed (Registration §2).
            return if enc.is_some() { Err(refuse(&enc_member, "needs the alg beside it")) } else { Ok(None) };
        };
        let alg = serde_json::from_value(json!(alg)).map_err(|_| refuse(&alg_member, "is not supported"))?;
        let enc = match enc {
            Some(enc) => serde_json::from_value(json!(enc)).map_err(|_| refuse(&enc_member, "is not supported"))?,
            None => ContentEncryption::default(),
        };
        let encryption = Encryption { alg, enc };
        if client.jwks_uri.is_none() && Encrypter::new(&client.keys, encryption).is_err() {
            return Err(refuse(&alg_member, "no key in jwks is for encryption and of the kind that it needs"));
        }
        Ok(Some(encryption))
    }
}

#[cfg(test)]
mod tests;
