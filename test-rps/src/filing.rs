//! A return that a person wants to file: what the API said to it, and what follows from that.

use crate::challenge::{self, Challenge};
use crate::problem::Kind;
use http::StatusCode;
use http::header::HeaderMap;
use serde::Deserialize;

const RECEIPT_LIMIT: usize = 64;

/// A filing and what was tried for it already. Each remedy is tried once, so a filing sends the
/// browser to the exchange at most twice, whatever the API and the exchange say to each other.
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
    LogInAgain(Filing),
    GiveUp(Kind),
}

impl Filing {
    pub(crate) fn of(subject: &str) -> Self {
        Self { subject: subject.to_owned(), stepped_up: false, renewed: false }
    }

    /// Someone else may come back from a login that this person was sent to; a filing must not
    /// then go out in their name.
    pub(crate) fn belongs_to(&self, subject: &str) -> bool {
        self.subject == subject
    }

    pub(crate) fn next(self, outcome: Outcome) -> Next {
        match outcome {
            Outcome::Filed(receipt) => Next::Show(receipt),
            Outcome::Insufficient(step_up) if !self.stepped_up => {
                Next::StepUp(step_up, Self { stepped_up: true, ..self })
            }
            Outcome::Insufficient(_) => Next::GiveUp(Kind::StillInsufficient),
            Outcome::InvalidToken if !self.renewed => Next::LogInAgain(Self { renewed: true, ..self }),
            Outcome::InvalidToken | Outcome::Unusable => Next::GiveUp(Kind::FilingUnconfirmed),
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
                challenge::of_response(headers).iter().find_map(Self::of_challenge).unwrap_or(Self::Unusable)
            }
            _ => Self::Unusable,
        }
    }

    fn of_challenge(challenge: &Challenge) -> Option<Self> {
        if !challenge.is("Bearer") {
            return None;
        }
        match challenge.param("error")? {
            "insufficient_user_authentication" => StepUp::read(challenge).map(Self::Insufficient),
            "invalid_token" => Some(Self::InvalidToken),
            _ => None,
        }
    }
}

fn receipt(body: &[u8]) -> Option<String> {
    let Receipt { receipt } = serde_json::from_slice(body).ok()?;
    let plain = receipt.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (plain && !receipt.is_empty() && receipt.len() <= RECEIPT_LIMIT).then_some(receipt)
}

impl StepUp {
    /// `None` when the challenge asks for nothing, or for something that cannot be read: a login
    /// for a part of what was asked would only come back to the same refusal.
    fn read(challenge: &Challenge) -> Option<Self> {
        let max_age = match challenge.param("max_age") {
            Some(text) => Some(seconds(text)?),
            None => None,
        };
        let words = challenge.param("acr_values").unwrap_or_default();
        let acr_values: Vec<_> = words.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect();
        (max_age.is_some() || !acr_values.is_empty()).then_some(Self { acr_values, max_age })
    }
}

fn seconds(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header::{HeaderValue, WWW_AUTHENTICATE};

    fn step_up(acr_values: &[&str], max_age: Option<u32>) -> Outcome {
        let acr_values = acr_values.iter().map(|acr| (*acr).to_owned()).collect();
        Outcome::Insufficient(StepUp { acr_values, max_age })
    }

    #[test]
    fn challenges_are_understood() {
        const INSUFFICIENT: &str = "Bearer error=\"insufficient_user_authentication\"";
        for (more, expected) in [
            (", acr_values=\"a b\", max_age=\"900\"", step_up(&["a", "b"], Some(900))),
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
        assert_eq!(stepped.clone().next(step_up(&["b"], None)), Next::GiveUp(Kind::StillInsufficient));
        let Next::LogInAgain(both) = stepped.next(Outcome::InvalidToken) else { panic!("a new login") };
        assert!(both.belongs_to("an") && !both.belongs_to("binh"));
        assert_eq!(both.clone().next(Outcome::InvalidToken), Next::GiveUp(Kind::FilingUnconfirmed));
        assert_eq!(both.clone().next(step_up(&["a"], None)), Next::GiveUp(Kind::StillInsufficient));
        assert_eq!(both.next(Outcome::Filed("1".to_owned())), Next::Show("1".to_owned()));
        let Next::LogInAgain(renewed) = first.clone().next(Outcome::InvalidToken) else { panic!("a new login") };
        assert!(matches!(renewed.next(step_up(&["a"], None)), Next::StepUp(..)));
        assert_eq!(first.next(Outcome::Unusable), Next::GiveUp(Kind::FilingUnconfirmed));
    }
}
