//! Parameters as they came: decoded strictly, nothing trusted yet.

use std::collections::{BTreeMap, BTreeSet};

use percent_encoding::percent_decode;
use serde_json::{Map, Value};
use thiserror::Error;

use crate::error::{OAuthError, invalid_request};

/// The most parameters that a request may have; real ones have about 20.
const MOST: usize = 100;

/// The parameter of RFC 8707.
const RESOURCE: &str = "resource";

/// A query or form that cannot be read at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Malformed {
    /// A name or value is not UTF-8 after decoding.
    #[error("a parameter is not UTF-8")]
    NotUtf8,
    /// A name or value has a NUL: no real one has, and what reads it next may take it for the end.
    #[error("a parameter has a NUL")]
    Nul,
    /// More parameters than any real request has.
    #[error("too many parameters")]
    TooMany,
}

/// Decoded parameters; a value that is empty counts as absent (RFC 6749 §3.1).
#[derive(Debug, Clone, Default)]
pub struct Params {
    values: BTreeMap<String, String>,
    repeated: BTreeSet<String>,
    /// The values of the one parameter that may be repeated (RFC 8707 §2).
    resources: Vec<String>,
}

impl Params {
    /// Decodes `application/x-www-form-urlencoded` octets (RFC 6749 Appendix B).
    ///
    /// # Errors
    /// [`Malformed`] when the octets are not UTF-8 or the parameters too many.
    pub fn parse(raw: &[u8]) -> Result<Self, Malformed> {
        let mut params = Self::default();
        for (count, pair) in raw.split(|b| *b == b'&').filter(|p| !p.is_empty()).enumerate() {
            if count >= MOST {
                return Err(Malformed::TooMany);
            }
            let mut halves = pair.splitn(2, |b| *b == b'=');
            let name = decode(halves.next().unwrap_or_default())?;
            let value = decode(halves.next().unwrap_or_default())?;
            if value.is_empty() {
                continue;
            }
            if name == RESOURCE {
                params.resources.push(value);
            } else if params.values.insert(name.clone(), value).is_some() {
                params.repeated.insert(name);
            }
        }
        Ok(params)
    }

    /// The values of `resource`, the one parameter that may be repeated (RFC 8707 §2).
    #[must_use]
    pub fn resources(&self) -> &[String] {
        &self.resources
    }

    /// Parameters from the claims of a request object (RFC 9101 §4): texts as they are, numbers and JSON as
    /// their text.
    #[must_use]
    pub fn from_claims(claims: &Map<String, Value>) -> Self {
        let mut params = Self::default();
        for (name, value) in claims {
            let value = match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            match (name.as_str(), claims.get(name)) {
                (RESOURCE, Some(Value::Array(list))) => {
                    params.resources = list.iter().filter_map(Value::as_str).map(str::to_owned).collect();
                }
                (RESOURCE, _) => params.resources.push(value),
                _ if value.is_empty() => {}
                _ => {
                    params.values.insert(name.clone(), value);
                }
            }
        }
        params
    }

    /// The parameters without those of these names.
    #[must_use]
    pub fn without(mut self, names: &[&str]) -> Self {
        self.values.retain(|name, _| !names.contains(&name.as_str()));
        self
    }

    /// The parameters as they would be sent, so that they can be kept.
    #[must_use]
    pub fn to_form(&self) -> String {
        let resources = self.resources.iter().map(|value| (RESOURCE, value.as_str()));
        let pairs = self.values.iter().map(|(name, value)| (name.as_str(), value.as_str())).chain(resources);
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
    }

    /// The value of a parameter.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// The value of a parameter, owned.
    #[must_use]
    pub fn owned(&self, name: &str) -> Option<String> {
        self.values.get(name).cloned()
    }

    /// The values of a parameter that is a list with spaces between.
    #[must_use]
    pub fn list(&self, name: &str) -> Vec<String> {
        self.get(name).map(|v| v.split(' ').filter(|w| !w.is_empty()).map(str::to_owned).collect()).unwrap_or_default()
    }

    /// Whether a parameter came more than once.
    #[must_use]
    pub fn is_repeated(&self, name: &str) -> bool {
        self.repeated.contains(name)
    }

    /// Refuses a request with a repeated parameter (RFC 6749 §3.1, §3.2): which of the two counts would
    /// be a guess, and an attacker could make two parties guess differently.
    ///
    /// # Errors
    /// `invalid_request`.
    pub fn refuse_repeated(&self) -> Result<(), OAuthError> {
        if self.repeated.is_empty() { Ok(()) } else { Err(invalid_request("a parameter is repeated")) }
    }

    /// The value of a parameter that must be there.
    ///
    /// # Errors
    /// `invalid_request` that names the parameter.
    pub fn required(&self, name: &'static str) -> Result<&str, OAuthError> {
        self.get(name).ok_or_else(|| invalid_request(format!("{name} is missing")))
    }
}

fn decode(raw: &[u8]) -> Result<String, Malformed> {
    let spaced: Vec<u8> = raw.iter().map(|b| if *b == b'+' { b' ' } else { *b }).collect();
    let text = String::from_utf8(percent_decode(&spaced).collect()).map_err(|_| Malformed::NotUtf8)?;
    if text.contains('\0') { Err(Malformed::Nul) } else { Ok(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_and_treats_empty_as_absent() {
        let p = Params::parse(b"a=1+2&b=%E1%BB%87&c=&d&a%20b=x").unwrap();
        assert_eq!(p.get("a"), Some("1 2"));
        assert_eq!(p.get("b"), Some("\u{1ec7}"));
        assert_eq!((p.get("c"), p.get("d")), (None, None));
        assert_eq!(p.get("a b"), Some("x"));
        assert!(p.refuse_repeated().is_ok());
    }

    #[test]
    fn refuses_what_cannot_be_read_one_way() {
        assert_eq!(Params::parse(b"a=%ff").unwrap_err(), Malformed::NotUtf8);
        assert_eq!(Params::parse(b"a=b%00c").unwrap_err(), Malformed::Nul);
        assert_eq!(Params::parse(b"a%00=b").unwrap_err(), Malformed::Nul);
        assert_eq!(Params::parse("a=1&".repeat(101).as_bytes()).unwrap_err(), Malformed::TooMany);
        let p = Params::parse(b"scope=a&scope=b").unwrap();
        assert!(p.is_repeated("scope") && p.refuse_repeated().is_err());
    }
}
