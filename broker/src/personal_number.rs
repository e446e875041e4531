//! The 12-digit personal identification number (Law on Identification 26/2023/QH15, Circular
//! 59/2021/TT-BCA Article 4).

use std::fmt;

use serde_json::{Map, Value};

/// A well-formed personal number. Personal data: its `Debug` form hides it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct PersonalNumber(String);

impl PersonalNumber {
    /// Reads a number: three digits of the province or country of birth registration, one for century
    /// and sex, two for the year of birth, six random ones.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let well_formed = text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with("000");
        well_formed.then(|| Self(text.to_owned()))
    }

    /// The number among a provider's claims, if it is well formed and does not contradict the birth date. The
    /// caller holds it against accreditation and proofing: people are never joined by a mere claim.
    pub(crate) fn from_claims(claims: &Map<String, Value>) -> Option<Self> {
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        let number = Self::parse(text("personal_number")?)?;
        text("birthdate").is_none_or(|date| number.fits_birthdate(date)).then_some(number)
    }

    /// Whether century and year agree with a birth date `YYYY-MM-DD`: a number that does not is not
    /// taken as the same person.
    pub(crate) fn fits_birthdate(&self, birthdate: &str) -> bool {
        let year: Option<u32> = birthdate.get(..4).and_then(|y| y.parse().ok());
        let century = self.0.get(3..4).and_then(|d| d.parse::<u32>().ok()).map(|d| 19 + d / 2);
        let short: Option<u32> = self.0.get(4..6).and_then(|y| y.parse().ok());
        match (year, century, short) {
            // The first digit pair counts from the 20th century, whose years are 19xx.
            (Some(year), Some(century), Some(short)) => year == century * 100 + short,
            _ => false,
        }
    }

    /// The 12 digits: personal data, never logged.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PersonalNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PersonalNumber(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structure() {
        for bad in ["", "00109012345", "0010901234567", "00109012345x", "000090123456"] {
            assert!(PersonalNumber::parse(bad).is_none(), "{bad}");
        }
        let table = [
            ("001090000001", "1990-05-01", true),
            ("001190000001", "1990-05-01", true),
            ("001204000001", "2004-05-01", true),
            ("001304000001", "2004-05-01", true),
            ("001304000001", "1904-05-01", false),
            ("001090000001", "1991-05-01", false),
            ("001090000001", "", false),
        ];
        for (number, birthdate, fits) in table {
            assert_eq!(PersonalNumber::parse(number).unwrap().fits_birthdate(birthdate), fits, "{number} {birthdate}");
        }
        assert_eq!(format!("{:?}", PersonalNumber::parse("001090000001").unwrap()), "PersonalNumber(..)");
    }
}
