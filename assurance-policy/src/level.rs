//! The Decree's authentication levels from the kinds of factor that were shown.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// What a factor proves: something known, held or inherent (Decree 69/2024/NĐ-CP; NIST SP 800-63B-4 §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FactorKind {
    /// A password or PIN.
    Knowledge,
    /// An OTP device, phone number, authenticator app, cryptographic key or chip card.
    Possession,
    /// A face, fingerprint, voice or iris (biometric).
    Inherence,
}

/// A property of a factor that stands beside its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quality {
    /// Bound to the verifier, so that a look-alike site gains nothing (NIST SP 800-63B-4 §3.2.5).
    PhishingResistant,
    /// The secret cannot leave a certified device.
    HardwareBound,
    /// The verifier, not the person's device, compared the biometric.
    VerifierSideBiometric,
    /// The certificate's revocation was checked at the time of use.
    RevocationChecked,
}

/// The Decree's authentication level, 0 (none) to 4, that a set of factor kinds reaches.
///
/// Two factors of one kind are one kind. A biometric alone reaches nothing: each level that admits a
/// biometric asks for another kind beside it.
#[must_use]
pub fn authentication_level(kinds: &BTreeSet<FactorKind>) -> u8 {
    let possession = kinds.contains(&FactorKind::Possession);
    let knowledge = kinds.contains(&FactorKind::Knowledge);
    let others = u8::from(possession) + u8::from(knowledge);
    match (kinds.contains(&FactorKind::Inherence), others) {
        (true, 2) => 4,
        (true, 1) => 3,
        (true, _) => 0,
        (false, n) => n,
    }
}

#[cfg(test)]
mod tests {
    use super::FactorKind::{Inherence, Knowledge, Possession};
    use super::*;

    #[test]
    fn decree_69_2024_authentication_levels() {
        let table: [(&[FactorKind], u8); 8] = [
            (&[], 0),
            (&[Knowledge], 1),
            (&[Possession], 1),
            (&[Inherence], 0),
            (&[Knowledge, Possession], 2),
            (&[Knowledge, Inherence], 3),
            (&[Possession, Inherence], 3),
            (&[Knowledge, Possession, Inherence], 4),
        ];
        for (kinds, level) in table {
            assert_eq!(authentication_level(&kinds.iter().copied().collect()), level, "{kinds:?}");
        }
    }
}
