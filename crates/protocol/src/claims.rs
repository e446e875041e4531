//! Which claims a client may have, and which it asked for (OpenID Connect Core §5.4, §5.5).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::client::Client;
use crate::error::{OAuthError, invalid_request};

/// Scopes and the claims that each stands for. `personal_number` is the national identification number:
/// a scope of its own, so that a client must be entitled to it expressly.
pub const SCOPES: [(&str, &[&str]); 8] = [
    ("openid", &["sub"]),
    ("profile", &["name", "birthdate", "gender", "locale"]),
    ("email", &["email", "email_verified"]),
    ("phone", &["phone_number", "phone_number_verified"]),
    ("address", &["address"]),
    ("personal_number", &["personal_number"]),
    ("offline_access", &[]),
    (AUTHENTICATORS, &[AUTHENTICATORS]),
];

/// Scope and claim by which an identity provider tells a broker which methods a person has there. Never for
/// portals: it would help whoever wants to break in.
pub const AUTHENTICATORS: &str = "authenticators";

/// One requested claim; all members may be absent (§5.5.1).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimRequest {
    /// Whether the login is pointless without it.
    #[serde(default)]
    pub essential: bool,
    /// The one value wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// The values wanted, in order of preference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<Value>>,
}

impl ClaimRequest {
    /// The wanted values that are strings.
    #[must_use]
    pub fn wanted(&self) -> Vec<String> {
        let one = self.value.iter();
        let many = self.values.iter().flatten();
        one.chain(many).filter_map(Value::as_str).map(str::to_owned).collect()
    }
}

/// The `claims` parameter (§5.5).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimsRequest {
    /// Claims wanted at the userinfo endpoint.
    #[serde(default)]
    pub userinfo: BTreeMap<String, Option<ClaimRequest>>,
    /// Claims wanted in the ID token.
    #[serde(default)]
    pub id_token: BTreeMap<String, Option<ClaimRequest>>,
}

impl ClaimsRequest {
    /// Reads the parameter; unknown members are ignored (§5.5).
    ///
    /// # Errors
    /// `invalid_request` when it is not a JSON object of the right shape.
    pub fn parse(text: &str) -> Result<Self, OAuthError> {
        let malformed = || invalid_request("claims is not valid");
        let value: Value = serde_json::from_str(text).map_err(|_| malformed())?;
        // serde would also read an array as a struct: each level must be an object (or null for a claim).
        let parts = ["userinfo", "id_token"].map(|part| value.get(part));
        let well_formed = value.is_object()
            && parts.iter().flatten().all(|part| {
                part.as_object().is_some_and(|claims| claims.values().all(|c| c.is_object() || c.is_null()))
            });
        if !well_formed {
            return Err(malformed());
        }
        serde_json::from_value(value).map_err(|_| malformed())
    }
}

/// The claims that the scopes stand for, and those asked for by name, as far as the client is entitled:
/// a claim by name needs the same scope in the client's registration as it would need by scope.
#[must_use]
pub fn released<'a>(
    client: &Client,
    scopes: &BTreeSet<String>,
    by_name: impl Iterator<Item = &'a String>,
) -> BTreeSet<String> {
    let of_scope = |wanted: &dyn Fn(&str) -> bool| -> BTreeSet<String> {
        SCOPES.iter().filter(|(s, _)| wanted(s)).flat_map(|(_, c)| c.iter()).map(|c| (*c).to_owned()).collect()
    };
    let mut names = of_scope(&|s| scopes.contains(s) && client.scopes.contains(s));
    let entitled = of_scope(&|s| client.scopes.contains(s));
    names.extend(by_name.filter(|n| entitled.contains(*n)).cloned());
    names.remove("sub");
    names
}

/// The known claims with these names.
#[must_use]
pub fn select(known: &Map<String, Value>, names: &BTreeSet<String>) -> Map<String, Value> {
    known.iter().filter(|(n, _)| names.contains(*n)).map(|(n, v)| (n.clone(), v.clone())).collect()
}
