//! What a client of an API does when the API wants a better login (RFC 9470): what the API said to a filing, and what
//! follows from that.

use std::collections::BTreeMap;

use http::StatusCode;
use http::header::{HeaderMap, WWW_AUTHENTICATE};
use http_auth::ChallengeRef;
use serde::Deserialize;

use crate::problem::{FILING_UNCONFIRMED, Kind, STILL_INSUFFICIENT};

const RECEIPT_LIMIT: usize = 64;

/// A return that a person wants to file, and what was tried for it already. Each remedy is tried once, so a filing
/// sends the browser to the exchange at most twice, whatever the API and the exchange say to each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Filing {
    subject: String,
    stepped_up: bool,
    renewed: bool,
}

/// What a login must be like for the API to accept its token (RFC 9470, section 3).
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct StepUp {
    pub(crate) acr_values: Vec<String>,
    pub(crate) max_age: Option<u32>,
}

/// What the API said.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The return is filed; the number of the receipt.
    Filed(String),
    /// `insufficient_user_authentication`.
    Insufficient(StepUp),
    /// `invalid_token`: expired or revoked.
    InvalidToken,
    /// Anything else, or nothing.
    Unusable,
}

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    Show(String),
    StepUp(StepUp, Filing),
    Renew(Filing),
    GiveUp(Kind),
}

impl Filing {
    pub(crate) fn of(subject: &str) -> Self {
        Self { subject: subject.to_owned(), stepped_up: false, renewed: false }
    }

    /// Someone else may come back from a login that this person was sent to; a filing must not then go out in their
    /// name.
    pub(crate) fn belongs_to(&self, subject: &str) -> bool {
        self.subject == subject
    }

    pub(crate) fn next(self, outcome: Outcome) -> Next {
        match outcome {
            Outcome::Filed(receipt) => Next::Show(receipt),
            Outcome::Insufficient(_) if self.stepped_up => Next::GiveUp(STILL_INSUFFICIENT),
            Outcome::Insufficient(step_up) => Next::StepUp(step_up, Self { stepped_up: true, ..self }),
            Outcome::InvalidToken if !self.renewed => Next::Renew(Self { renewed: true, ..self }),
            Outcome::InvalidToken | Outcome::Unusable => Next::GiveUp(FILING_UNCONFIRMED),
        }
    }
}

#[derive(Deserialize)]
struct Receipt {
    receipt: String,
}

impl Outcome {
    pub(crate) fn read(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Self {
        match status {
            StatusCode::CREATED => receipt(body).map_or(Self::Unusable, Self::Filed),
            StatusCode::UNAUTHORIZED => {
                let lines = headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|line| line.to_str().ok());
                lines.into_iter().find_map(Self::of_challenges).unwrap_or(Self::Unusable)
            }
            _ => Self::Unusable,
        }
    }

    /// A line that breaks the grammar of RFC 9110, section 11.6.1, says nothing, not the part that could be read.
    fn of_challenges(line: &str) -> Option<Self> {
        http_auth::parse_challenges(line).ok()?.iter().find_map(Self::of_challenge)
    }

    fn of_challenge(challenge: &ChallengeRef<'_>) -> Option<Self> {
        let params = challenge.params.iter();
        let params: BTreeMap<_, _> =
            params.map(|(name, value)| (name.to_ascii_lowercase(), value.to_unescaped())).collect();
        // Where a parameter stands twice, two readers could disagree on which one counts.
        if !challenge.scheme.eq_ignore_ascii_case("Bearer") || params.len() != challenge.params.len() {
            return None;
        }
        match params.get("error")?.as_str() {
            "insufficient_user_authentication" => StepUp::read(&params).map(Self::Insufficient),
            "invalid_token" => Some(Self::InvalidToken),
            _ => None,
        }
    }
}

fn receipt(body: &[u8]) -> Option<String> {
    let Receipt { receipt } = serde_json::from_slice(body).ok()?;
    let is_plain = receipt.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (is_plain && (1..=RECEIPT_LIMIT).contains(&receipt.len())).then_some(receipt)
}

fn seconds(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

impl StepUp {
    /// `None` when the challenge asks for nothing, or for something that cannot be read: a login for a part of what was
    /// asked would only come back to the same refusal.
    fn read(params: &BTreeMap<String, String>) -> Option<Self> {
        let max_age = match params.get("max_age") {
            Some(text) => Some(seconds(text)?),
            None => None,
        };
        let words = params.get("acr_values").map(String::as_str).unwrap_or_default();
        let acr_values: Vec<_> = words.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect();
        (max_age.is_some() || !acr_values.is_empty()).then_some(Self { acr_values, max_age })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header::HeaderValue;

    fn step_up(acr_values: &[&str], max_age: Option<u32>) -> Outcome {
        let acr_values = acr_values.iter().map(|acr| (*acr).to_owned()).collect();
        Outcome::Insufficient(StepUp { acr_values, max_age })
    }

    #[test]
    fn challenges_are_understood() {
        const INSUFFICIENT: &str = "Bearer error=\"insufficient_user_authentication\"";
        for (more, expected) in [
            (", acr_values=\"a b\", max_age=\"900\"", step_up(&["a", "b"], Some(900))),
            (", ACR_values=\"a\"", step_up(&["a"], None)),
            (", max_age=0", step_up(&[], Some(0))),
            (", acr_values=\" a  \"", step_up(&["a"], None)),
            ("", Outcome::Unusable),
            (", acr_values=\"\"", Outcome::Unusable),
            (", acr_values=a, max_age=-1", Outcome::Unusable),
            (", acr_values=a, max_age=\"+1\"", Outcome::Unusable),
            (", acr_values=a, max_age=\"\"", Outcome::Unusable),
            (", acr_values=a, max_age=4294967296", Outcome::Unusable),
            (", acr_values=a, acr_values=b", Outcome::Unusable),
            (", acr_values=\"a", Outcome::Unusable),
        ] {
            assert_eq!(answer(401, &format!("{INSUFFICIENT}{more}"), ""), expected, "{more}");
        }
        for (line, expected) in [
            ("Bearer error=invalid_token", Outcome::InvalidToken),
            ("Basic realm=x, bearer error=invalid_token", Outcome::InvalidToken),
            ("Bearer error=invalid_token, error=insufficient_scope", Outcome::Unusable),
            ("DPoP error=invalid_token", Outcome::Unusable),
            ("Bearer", Outcome::Unusable),
            ("Bearer error=insufficient_scope", Outcome::Unusable),
        ] {
            assert_eq!(answer(401, line, ""), expected, "{line}");
        }
        assert_eq!(answer(403, "Bearer error=invalid_token", ""), Outcome::Unusable);
    }

    fn answer(status: u16, challenge: &str, body: &str) -> Outcome {
        let mut headers = HeaderMap::new();
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_str(challenge).unwrap());
        Outcome::read(StatusCode::from_u16(status).unwrap(), &headers, body.as_bytes())
    }

    #[test]
    fn only_a_created_return_has_a_receipt() {
        let filed = r#"{"receipt": "42", "more": 1}"#;
        assert_eq!(answer(201, "x", filed), Outcome::Filed("42".to_owned()));
        assert_eq!(answer(200, "x", filed), Outcome::Unusable);
        let long = format!(r#"{{"receipt": "{}"}}"#, "1".repeat(65));
        for body in ["", "{}", r#"{"receipt": 42}"#, r#"{"receipt": ""}"#, r#"{"receipt": "<b>"}"#, &long] {
            assert_eq!(answer(201, "x", body), Outcome::Unusable, "{body}");
        }
    }

    #[test]
    fn each_remedy_is_tried_once() {
        let first = Filing::of("an");
        let Next::StepUp(_, stepped) = first.clone().next(step_up(&["a"], None)) else { panic!("a step-up") };
        assert_eq!(stepped.clone().next(step_up(&["b"], None)), Next::GiveUp(STILL_INSUFFICIENT));
        let Next::Renew(both) = stepped.next(Outcome::InvalidToken) else { panic!("a new login") };
        assert!(both.belongs_to("an") && !both.belongs_to("binh"));
        assert_eq!(both.clone().next(Outcome::InvalidToken), Next::GiveUp(FILING_UNCONFIRMED));
        assert_eq!(both.clone().next(step_up(&["a"], None)), Next::GiveUp(STILL_INSUFFICIENT));
        assert_eq!(both.next(Outcome::Filed("1".to_owned())), Next::Show("1".to_owned()));
        let Next::Renew(renewed) = first.clone().next(Outcome::InvalidToken) else { panic!("a new login") };
        assert!(matches!(renewed.next(step_up(&["a"], None)), Next::StepUp(..)));
        assert_eq!(first.next(Outcome::Unusable), Next::GiveUp(FILING_UNCONFIRMED));
    }
}
