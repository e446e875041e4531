//! The claims about a person, as the exchange gave them and as the page shows them.

use std::collections::BTreeMap;

use openidconnect::AdditionalClaims;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::macros::{format_description, offset};

/// Claims that the `openidconnect` crate has no field for; kept as they came, because a portal shows what it was given
/// and must not refuse a claim it has never heard of.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct OtherClaims(Map<String, Value>);

impl AdditionalClaims for OtherClaims {}

/// The claims of one login by name.
#[derive(Clone, Default, Deserialize, Serialize)]
pub(crate) struct ClaimSet(BTreeMap<String, Value>);

/// Claims that say how and when the login happened, in the order of the page.
const LOGIN_CLAIMS: [&str; 5] = ["acr", "amr", "auth_time", "sub", "sid"];

/// Claims that belong to the token, not to the person; the page sets them apart.
const TOKEN_CLAIMS: [&str; 9] = ["iss", "aud", "azp", "exp", "iat", "nbf", "nonce", "at_hash", "c_hash"];

/// One row of the page.
pub(crate) struct ClaimRow {
    pub(crate) name: String,
    pub(crate) value: String,
    /// A moment, as a clock in Viet Nam shows it.
    pub(crate) local_time: Option<String>,
}

impl ClaimSet {
    /// Merges the claims of the ID token with those of the UserInfo response, whose `sub` the caller has compared.
    /// Where both speak, the ID token wins: it is signed.
    pub(crate) fn merge(id_token: Value, user_info: Option<Value>) -> Self {
        let mut claims = BTreeMap::new();
        for source in user_info.into_iter().chain([id_token]) {
            if let Value::Object(members) = source {
                claims.extend(members.into_iter().filter(|(_, value)| !value.is_null()));
            }
        }
        Self(claims)
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }

    /// The person at this portal (OpenID Connect Core 1.0, section 8.1); never missing in a verified ID token.
    pub(crate) fn subject(&self) -> &str {
        self.text("sub").unwrap_or_default()
    }

    /// What to call the person, if any claim says.
    pub(crate) fn display_name(&self) -> Option<&str> {
        let names = ["name", "given_name", "preferred_username"].into_iter().filter_map(|name| self.text(name));
        names.into_iter().find(|text| !text.trim().is_empty())
    }

    pub(crate) fn login_rows(&self) -> Vec<ClaimRow> {
        LOGIN_CLAIMS.iter().filter_map(|name| self.row(name)).collect()
    }

    pub(crate) fn person_rows(&self) -> Vec<ClaimRow> {
        let is_personal =
            |name: &&String| !LOGIN_CLAIMS.contains(&name.as_str()) && !TOKEN_CLAIMS.contains(&name.as_str());
        self.0.keys().filter(is_personal).filter_map(|name| self.row(name)).collect()
    }

    pub(crate) fn token_rows(&self) -> Vec<ClaimRow> {
        TOKEN_CLAIMS.iter().filter_map(|name| self.row(name)).collect()
    }

    fn row(&self, name: &str) -> Option<ClaimRow> {
        let value = self.0.get(name)?;
        let local_time = (name == "auth_time").then(|| value.as_i64().and_then(viet_nam_time)).flatten();
        Some(ClaimRow { name: name.to_owned(), value: shown(value), local_time })
    }
}

/// A string as it is, a list of strings joined with spaces, anything else as JSON.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(shown).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}

/// UTC+7 all year, without summer time.
fn viet_nam_time(seconds: i64) -> Option<String> {
    let format = format_description!("[day]/[month]/[year] [hour]:[minute]:[second]");
    OffsetDateTime::from_unix_timestamp(seconds).ok()?.to_offset(offset!(+7)).format(&format).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_shown_exactly() {
        for (value, expected) in [
            (json!("urn:nixa:loa:2"), "urn:nixa:loa:2"),
            (json!(["pwd", "otp"]), "pwd otp"),
            (json!(1_700_000_000), "1700000000"),
            (json!(true), "true"),
            (json!({"a": "b"}), r#"{"a":"b"}"#),
        ] {
            assert_eq!(shown(&value), expected);
        }
        assert_eq!(viet_nam_time(0).unwrap(), "01/01/1970 07:00:00");
    }

    #[test]
    fn the_id_token_wins_and_rows_are_sorted_apart() {
        let claims = ClaimSet::merge(
            json!({"sub": "1", "acr": "signed", "iss": "i", "nonce": null, "amr": ["a"]}),
            Some(json!({"sub": "1", "acr": "unsigned", "x": 1, "name": "Nguyễn Văn An"})),
        );
        let names = |rows: Vec<ClaimRow>| rows.into_iter().map(|row| row.name).collect::<Vec<_>>();
        assert_eq!(claims.text("acr"), Some("signed"));
        assert_eq!(names(claims.login_rows()), ["acr", "amr", "sub"]);
        assert_eq!(names(claims.person_rows()), ["name", "x"]);
        assert_eq!(names(claims.token_rows()), ["iss"]);
        assert_eq!(claims.display_name(), Some("Nguyễn Văn An"));
    }
}
