//! Client metadata (RFC 7591 §2, OpenID Connect Registration 1.0 §2): the one reader of what a client registers by
//! API and of what an operator declares in a file. Every member is checked, and what is refused is named.

mod authentication;
mod describe;
mod reader;
mod sector;
mod update;
mod uri;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};
use url::Url;

pub use authentication::AuthenticationMethod;
pub use describe::describe;
pub use reader::{InvalidMetadata, MetadataRefusal};
pub use sector::{check_sector, sector_of};
pub use update::check_update;
pub use uri::HttpUris;

use crate::client::{Client, LocalizedText, RequestProtection};
use crate::jose::{Algorithm, VerifyingKey};
use crate::jwe::{Encrypter, Encryption};
use reader::{MAX_ENTRIES, MetadataReader, quoted};
use sector::derive_sector;
use uri::check_redirect_uri;

/// What a server lets a client have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RegistrationPolicy {
    /// The scopes that it may have; it gets all of them when it names none.
    pub scopes: BTreeSet<String>,
    /// The levels that it may ask for.
    pub acr_values: BTreeSet<String>,
    /// Which of its addresses may be `http`.
    pub http: HttpUris,
    /// Whether it may have public subjects: the same for every such client.
    pub public_subjects: bool,
    /// Whether it must use PKCE when it is confidential; a public one always must.
    pub require_pkce: bool,
    /// The sector that an operator gives it; without one its metadata decide.
    pub sector: Option<String>,
    /// Whether members that are not known are refused. A client may name what another server knows (RFC 7591 §2);
    /// in an operator's file such a member is a slip of the pen.
    pub refuse_unknown: bool,
}

/// A client from its metadata, with its way to authenticate. It has no identifier and no secret yet, and its
/// sector identifier and its keys have not been fetched. An empty `sector` is to be the client's own identifier.
///
/// # Errors
/// Every member that is not acceptable (RFC 7591 §3.2.2).
pub fn read_metadata(
    metadata: &Map<String, Value>,
    policy: &RegistrationPolicy,
) -> Result<(Client, AuthenticationMethod), InvalidMetadata> {
    let mut reader = MetadataReader::new(metadata);
    let (http, native) = (policy.http, reader.choice("application_type", &["web", "native"]) == Some("native"));
    let redirect_uris = read_redirect_uris(&mut reader, "redirect_uris", native, http);
    if redirect_uris.is_empty() {
        reader.refuse("redirect_uris", "must name at least one URI");
    }
    reader.subset("response_types", &["code"]);
    let grants = reader.subset("grant_types", &["authorization_code", "refresh_token"]);
    if grants.as_ref().is_some_and(|grants| !grants.contains("authorization_code")) {
        reader.refuse("grant_types", "must have authorization_code");
    }
    let method = reader.choice("token_endpoint_auth_method", &AuthenticationMethod::NAMES);
    let method = AuthenticationMethod::parse(method);
    let (keys, jwks_uri) = read_keys(&mut reader, http);
    let mut client = Client {
        native,
        redirect_uris,
        keys,
        jwks_uri,
        refresh_tokens: grants.is_some_and(|grants| grants.contains("refresh_token")),
        require_pkce: policy.require_pkce || method == AuthenticationMethod::None,
        scopes: read_scopes(&mut reader, &policy.scopes),
        assertion_alg: reader.algorithm("token_endpoint_auth_signing_alg"),
        request_object_alg: reader.algorithm("request_object_signing_alg"),
        id_token_alg: reader.algorithm("id_token_signed_response_alg").unwrap_or(Algorithm::Rs256),
        userinfo_alg: reader.algorithm("userinfo_signed_response_alg"),
        request_protection: read_request_protection(&mut reader),
        default_max_age: reader.seconds("default_max_age"),
        default_acr_values: read_acr_values(&mut reader, &policy.acr_values),
        public_subject: read_subject_type(&mut reader, policy.public_subjects) == Some("public"),
        sector_identifier_uri: reader.web_uri("sector_identifier_uri", http),
        client_uri: reader.web_uri("client_uri", http),
        backchannel_logout_uri: reader.web_uri("backchannel_logout_uri", http),
        frontchannel_logout_uri: reader.web_uri("frontchannel_logout_uri", http),
        frontchannel_logout_session_required: reader.flag("frontchannel_logout_session_required"),
        post_logout_redirect_uris: read_redirect_uris(&mut reader, "post_logout_redirect_uris", native, http),
        ..Client::default()
    };
    if reader.value("request_object_encryption_alg").is_some() {
        reader.refuse("request_object_encryption_alg", "encrypted request objects are not supported");
    }
    check_keys(&mut reader, &client, method);
    client.id_token_encryption = read_encryption(&mut reader, "id_token_encrypted_response", &client);
    client.userinfo_encryption = read_encryption(&mut reader, "userinfo_encrypted_response", &client);
    check_frame(&mut reader, &client);
    client.name = read_name(&mut reader, &client);
    client.sector = match &policy.sector {
        Some(sector) => sector.clone(),
        None => derive_sector(&client).unwrap_or_else(|reason| {
            reader.refuse("sector_identifier_uri", reason);
            String::new()
        }),
    };
    client.about = read_about(&mut reader, metadata, http);
    if policy.refuse_unknown {
        reader.refuse_unknown();
    }
    reader.finish()?;
    Ok((client, method))
}

fn read_redirect_uris(reader: &mut MetadataReader<'_>, member: &str, native: bool, http: HttpUris) -> Vec<String> {
    let uris = reader.texts(member).unwrap_or_default();
    for (entry, uri) in uris.iter().enumerate() {
        if let Err(reason) = check_redirect_uri(uri, native, http) {
            reader.refuse_entry(member, entry, reason);
        }
    }
    uris
}

fn read_keys(reader: &mut MetadataReader<'_>, http: HttpUris) -> (Vec<Value>, Option<String>) {
    let uri = reader.web_uri("jwks_uri", http);
    let Some(set) = reader.value("jwks") else { return (Vec::new(), uri) };
    if uri.is_some() {
        reader.refuse("jwks", "must not stand beside jwks_uri");
    }
    let keys = set.get("keys").and_then(Value::as_array).map(Vec::as_slice);
    if keys.is_none() {
        reader.refuse("jwks", "must be a JWK Set");
    }
    let keys = keys.unwrap_or_default();
    if keys.len() > MAX_ENTRIES {
        reader.refuse("jwks", "has too many keys");
    }
    if keys.iter().any(|key| ["d", "p", "q", "k"].iter().any(|member| key.get(member).is_some())) {
        reader.refuse("jwks", "has a private or symmetric key");
    }
    (keys.to_vec(), uri)
}

/// What a client signs must be verifiable: by a key of the set, or by one that is fetched when it is needed.
fn check_keys(reader: &mut MetadataReader<'_>, client: &Client, method: AuthenticationMethod) {
    // Keys of other kinds may stand beside it (RFC 7517 §5).
    if client.jwks_uri.is_some() || client.keys.iter().any(|key| VerifyingKey::from_jwk(key).is_ok()) {
        return;
    }
    let key = "jwks_uri, or a key of EC P-256, Ed25519 or RSA in jwks";
    if method == AuthenticationMethod::PrivateKeyJwt {
        reader.refuse("jwks", format!("private_key_jwt needs {key}"));
    }
    if client.request_protection == RequestProtection::Signed {
        reader.refuse("require_signed_request_object", format!("needs {key}"));
    }
}

fn read_scopes(reader: &mut MetadataReader<'_>, allowed: &BTreeSet<String>) -> BTreeSet<String> {
    let Some(text) = reader.text("scope") else { return allowed.clone() };
    let mut scopes: BTreeSet<String> = text.split(' ').filter(|s| !s.is_empty()).map(str::to_owned).collect();
    scopes.insert("openid".to_owned());
    if let Some(unknown) = scopes.iter().find(|scope| *scope != "openid" && !allowed.contains(*scope)) {
        reader.refuse("scope", format!("{} is not a scope that a client may have", quoted(unknown)));
    }
    scopes
}

fn read_request_protection(reader: &mut MetadataReader<'_>) -> RequestProtection {
    let pushed = reader.flag("require_pushed_authorization_requests");
    match (reader.flag("require_signed_request_object"), pushed) {
        (true, _) => RequestProtection::Signed,
        (false, true) => RequestProtection::Pushed,
        (false, false) => RequestProtection::None,
    }
}

fn read_acr_values(reader: &mut MetadataReader<'_>, levels: &BTreeSet<String>) -> Vec<String> {
    let values = reader.texts("default_acr_values").unwrap_or_default();
    if let Some(unknown) = values.iter().find(|acr| !levels.contains(*acr)) {
        reader.refuse("default_acr_values", format!("{} is not a level", quoted(unknown)));
    }
    values
}

fn read_subject_type(reader: &mut MetadataReader<'_>, public: bool) -> Option<&'static str> {
    let choices: &[&'static str] = if public { &["pairwise", "public"] } else { &["pairwise"] };
    reader.choice("subject_type", choices)
}

fn read_encryption(reader: &mut MetadataReader<'_>, prefix: &str, client: &Client) -> Option<Encryption> {
    let encryption = reader.encryption(prefix)?;
    if client.jwks_uri.is_none() && Encrypter::new(&client.keys, encryption).is_err() {
        let reason = "no key in jwks is for encryption and of the kind that it needs";
        reader.refuse(&format!("{prefix}_alg"), reason);
    }
    Some(encryption)
}

/// A frame of another site would be told that a person logged out (Front-Channel Logout 1.0 §2).
fn check_frame(reader: &mut MetadataReader<'_>, client: &Client) {
    let Some(uri) = &client.frontchannel_logout_uri else { return };
    let origin = |uri: &String| Url::parse(uri).ok().map(|url| url.origin());
    if !client.redirect_uris.iter().any(|redirect| origin(redirect) == origin(uri)) {
        reader.refuse("frontchannel_logout_uri", "must have the origin of one of the redirect_uris");
    }
}

/// The name that people see, in both languages: `client_name`, and `client_name#vi` and `client_name#en`, which go
/// before it (RFC 7591 §2.2); else the host of the client.
fn read_name(reader: &mut MetadataReader<'_>, client: &Client) -> LocalizedText {
    let host = |uri: &String| Url::parse(uri).ok()?.host_str().map(str::to_owned);
    let first = client.redirect_uris.first();
    let name = reader.text("client_name").or_else(|| first.and_then(host)).or_else(|| first.cloned());
    let name = name.unwrap_or_default();
    LocalizedText {
        vi: reader.text("client_name#vi").unwrap_or_else(|| name.clone()),
        en: reader.text("client_name#en").unwrap_or(name),
    }
}

/// What no rule depends on: it is kept, shown to people where it is for them, and given back to the client.
fn read_about(
    reader: &mut MetadataReader<'_>,
    metadata: &Map<String, Value>,
    http: HttpUris,
) -> BTreeMap<String, Value> {
    let uris = ["logo_uri", "policy_uri", "tos_uri", "initiate_login_uri"];
    for member in uris {
        reader.web_uri(member, http);
    }
    if reader.texts("contacts").is_some_and(|contacts| !contacts.iter().all(|contact| contact.contains('@'))) {
        reader.refuse("contacts", "must be e-mail addresses");
    }
    let software = ["software_id", "software_version"];
    for member in software {
        reader.text(member);
    }
    // Every ID token has `auth_time`, and every logout token `sid` (Back-Channel Logout 1.0 §2.2).
    let flags = ["require_auth_time", "backchannel_logout_session_required"];
    for member in flags {
        reader.flag(member);
    }
    let kept = uris.into_iter().chain(software).chain(flags).chain(["contacts"]);
    let kept = kept.filter_map(|member| Some((member.to_owned(), metadata.get(member)?.clone())));
    kept.filter(|(_, value)| !value.is_null()).collect()
}

#[cfg(test)]
mod tests;
