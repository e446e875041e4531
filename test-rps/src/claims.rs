//! The claims about a person, as the exchange gave them and as the page shows them.

use openidconnect::AdditionalClaims;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use time::OffsetDateTime;
use time::macros::{format_description, offset};

/// Claims that the `openidconnect` crate has no field for; kept as they came, because a portal
/// shows what it was given and must not refuse a claim it has never heard of.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct OtherClaims(Map<String, Value>);

impl AdditionalClaims for OtherClaims {}

impl OtherClaims {
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }
}

/// The claims of one login by name.
#[derive(Default)]
pub(crate) struct ClaimSet(BTreeMap<String, Value>);

/// Claims that say how and when the login happened, in the order of the page.
const LOGIN_CLAIMS: [&str; 5] = ["acr", "amr", "auth_time", "sub", "sid"];

/// Claims that belong to the token, not to the person; the page sets them apart.
const TOKEN_CLAIMS: [&str; 9] = ["iss", "aud", "azp", "exp", "iat", "nbf", "nonce", "at_hash", "c_hash"];

/// One row of the page.
pub(crate) struct ClaimRow {
    pub(crate) name: String,
    pub(crate) value: String,
}

impl ClaimSet {
    /// Merges the claims of the ID token with those of the UserInfo response, whose `sub` the
    /// caller has compared. Where both speak, the ID token wins: it is signed.
    pub(crate) fn merge(id_token: Value, user_info: Option<Value>) -> Self {
        let members = |value| match value {
            Value::Object(members) => members,
            _ => Map::new(),
        };
        let mut claims: BTreeMap<_, _> = user_info.map(members).unwrap_or_default().into_iter().collect();
        claims.extend(members(id_token));
        claims.retain(|_, value| !value.is_null());
        Self(claims)
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }

    /// What to call the person, if any claim says.
    pub(crate) fn display_name(&self) -> Option<&str> {
        ["name", "given_name", "preferred_username"]
            .into_iter()
            .filter_map(|name| self.text(name))
            .find(|text| !text.trim().is_empty())
    }

    /// When the person logged in, seconds since 1970.
    pub(crate) fn auth_time(&self) -> Option<i64> {
        self.0.get("auth_time").and_then(Value::as_i64)
    }

    pub(crate) fn login_rows(&self) -> Vec<ClaimRow> {
        LOGIN_CLAIMS.iter().filter_map(|name| self.row(name)).collect()
    }

    pub(crate) fn person_rows(&self) -> Vec<ClaimRow> {
        self.0
            .keys()
            .filter(|name| !LOGIN_CLAIMS.contains(&name.as_str()))
            .filter(|name| !TOKEN_CLAIMS.contains(&name.as_str()))
            .filter_map(|name| self.row(name))
            .collect()
    }

    pub(crate) fn token_rows(&self) -> Vec<ClaimRow> {
        TOKEN_CLAIMS.iter().filter_map(|name| self.row(name)).collect()
    }

    fn row(&self, name: &str) -> Option<ClaimRow> {
        self.0.get(name).map(|value| ClaimRow { name: name.to_owned(), value: shown(value) })
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

/// A moment as a clock on the wall in Viet Nam shows it (UTC+7 all year, without summer time).
pub(crate) fn viet_nam_time(seconds: i64) -> Option<String> {
    let format = format_description!("[day]/[month]/[year] [hour]:[minute]:[second]");
    OffsetDateTime::from_unix_timestamp(seconds).ok()?.to_offset(offset!(+7)).format(&format).ok()
}

/// What a claim is called in Vietnamese and English; unknown ones go by their name on the wire.
pub(crate) fn label(claim: &str) -> Option<(&'static str, &'static str)> {
    Some(match claim {
        "acr" => ("Mức bảo đảm", "Assurance level"),
        "amr" => ("Cách xác thực", "Authentication methods"),
        "auth_time" => ("Thời điểm đăng nhập", "Time of login"),
        "sub" => ("Mã người dùng tại cổng này", "Identifier at this portal"),
        "sid" => ("Mã phiên đăng nhập", "Login session"),
        "name" => ("Họ và tên", "Full name"),
        "given_name" => ("Tên", "Given name"),
        "middle_name" => ("Tên đệm", "Middle name"),
        "family_name" => ("Họ", "Family name"),
        "preferred_username" => ("Tên đăng nhập", "User name"),
        "personal_number" => ("Số định danh cá nhân", "Personal identification number"),
        "birthdate" => ("Ngày sinh", "Date of birth"),
        "gender" => ("Giới tính", "Gender"),
        "email" => ("Thư điện tử", "Email"),
        "email_verified" => ("Thư điện tử đã xác minh", "Email verified"),
        "phone_number" => ("Số điện thoại", "Phone number"),
        "phone_number_verified" => ("Số điện thoại đã xác minh", "Phone number verified"),
        "address" => ("Địa chỉ", "Address"),
        "locale" => ("Ngôn ngữ", "Language"),
        "national_id" => ("Số định danh cá nhân", "Personal identification number"),
        "updated_at" => ("Cập nhật lúc", "Updated at"),
        "iss" => ("Nơi phát hành", "Issuer"),
        "aud" => ("Nơi nhận", "Audience"),
        "azp" => ("Nơi yêu cầu", "Authorized party"),
        "exp" => ("Hết hạn", "Expires"),
        "iat" => ("Phát hành lúc", "Issued at"),
        _ => return None,
    })
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
    }

    #[test]
    fn the_id_token_wins_and_rows_are_sorted_apart() {
        let claims = ClaimSet::merge(
            json!({"sub": "1", "acr": "signed", "iss": "i", "nonce": null, "amr": ["a"]}),
            Some(json!({"sub": "1", "acr": "unsigned", "name": "Nguyễn Văn An", "x": 1})),
        );
        let names = |rows: Vec<ClaimRow>| rows.into_iter().map(|row| row.name).collect::<Vec<_>>();
        assert_eq!(claims.text("acr"), Some("signed"));
        assert_eq!(names(claims.login_rows()), ["acr", "amr", "sub"]);
        assert_eq!(names(claims.person_rows()), ["name", "x"]);
        assert_eq!(names(claims.token_rows()), ["iss"]);
        assert_eq!(claims.display_name(), Some("Nguyễn Văn An"));
    }

    #[test]
    fn time_is_local_to_viet_nam() {
        assert_eq!(viet_nam_time(1_700_000_000).unwrap(), "15/11/2023 05:13:20");
        assert_eq!(viet_nam_time(i64::MAX), None);
    }
}
