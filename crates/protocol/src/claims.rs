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
    (
        "profile",
        &[
            "name",
            "family_name",
            "middle_name",
            "given_name",
            "nickname",
            "preferred_username",
            "birthdate",
            "gender",
            "locale",
            "zoneinfo",
            "profile",
            "picture",
            "website",
            "updated_at",
        ],
    ),
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

/// Whether a value has the JSON type of its claim (OpenID Connect Core §5.1): what an identity provider stated
/// otherwise must not reach a client that relies on it.
fn is_well_typed(name: &str, value: &Value) -> bool {
    match name {
        "email_verified" | "phone_number_verified" => value.is_boolean(),
        "updated_at" => value.is_number(),
        "address" => value.is_object(),
        AUTHENTICATORS => true,
        _ => value.as_str().is_some_and(|text| !text.is_empty()),
    }
}

/// The known claims with these names, as far as they have the type that they must have.
#[must_use]
pub fn select(known: &Map<String, Value>, names: &BTreeSet<String>) -> Map<String, Value> {
    known
        .iter()
        .filter(|(n, v)| names.contains(*n) && is_well_typed(n, v))
        .map(|(n, v)| (n.clone(), v.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_claim_has_its_type_or_is_left_out() {
        let table = [
            ("name", json!("An"), true),
            ("name", json!(["An"]), false),
            ("name", json!(""), false),
            ("email_verified", json!(true), true),
            ("email_verified", json!("true"), false),
            ("phone_number_verified", json!(1), false),
            ("updated_at", json!(1_700_000_000), true),
            ("updated_at", json!("2023-11-14"), false),
            ("address", json!({"country": "VN"}), true),
            ("address", json!("1 Tràng Tiền"), false),
        ];
        for (name, value, kept) in table {
            let known = Map::from_iter([(name.to_owned(), value.clone())]);
            let selected = select(&known, &BTreeSet::from([name.to_owned()]));
            assert_eq!(selected.contains_key(name), kept, "{name}: {value}");
            assert!(select(&known, &BTreeSet::new()).is_empty());
        }
    }
}
