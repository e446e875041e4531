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
    /// Verified by the person's own device, which does not tell whether by PIN or by biometric (WebAuthn
    /// user verification). It counts as whichever of the two gives the lower level.
    Local,
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

/// A set of kinds and qualities in a few bits, so that a decision allocates nothing for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Traits {
    kinds: u8,
    qualities: u8,
}

impl Traits {
    pub(crate) fn new(kinds: &BTreeSet<FactorKind>, qualities: &BTreeSet<Quality>) -> Self {
        Self {
            kinds: kinds.iter().fold(0, |bits, k| bits | bit(*k)),
            qualities: qualities.iter().fold(0, |bits, q| bits | 1 << *q as u8),
        }
    }

    pub(crate) fn and(self, other: Self) -> Self {
        Self { kinds: self.kinds | other.kinds, qualities: self.qualities | other.qualities }
    }

    /// These traits with the qualities that `shown` adds, as far as `may` allows.
    pub(crate) fn with_qualities(self, shown: Self, may: Self) -> Self {
        Self { kinds: self.kinds, qualities: self.qualities | shown.qualities & may.qualities }
    }

    pub(crate) fn has_qualities(self, needed: Self) -> bool {
        self.qualities & needed.qualities == needed.qualities
    }

    pub(crate) fn number_of_kinds(self) -> u32 {
        self.kinds.count_ones()
    }

    /// The Decree's authentication level of these kinds, the lower one of both readings of a local factor.
    pub(crate) fn authentication_level(self) -> u8 {
        let local = bit(FactorKind::Local);
        if self.kinds & local == 0 {
            return certain_level(self.kinds);
        }
        let read_as = |kind| certain_level(self.kinds & !local | bit(kind));
        read_as(FactorKind::Knowledge).min(read_as(FactorKind::Inherence))
    }
}

fn bit(kind: FactorKind) -> u8 {
    1 << kind as u8
}

fn certain_level(kinds: u8) -> u8 {
    let has = |kind| kinds & bit(kind) != 0;
    let others = u8::from(has(FactorKind::Knowledge)) + u8::from(has(FactorKind::Possession));
    match (has(FactorKind::Inherence), others) {
        (true, 2) => 4,
        (true, 1) => 3,
        (true, _) => 0,
        (false, n) => n,
    }
}

/// The Decree's authentication level, 0 (none) to 4, that a set of factor kinds reaches.
///
/// Two factors of one kind are one kind. A biometric alone reaches nothing: each level that admits a
/// biometric asks for another kind beside it.
#[must_use]
pub fn authentication_level(kinds: &BTreeSet<FactorKind>) -> u8 {
    Traits::new(kinds, &BTreeSet::new()).authentication_level()
}

#[cfg(test)]
mod tests {
    use super::FactorKind::{Inherence, Knowledge, Local, Possession};
    use super::*;

    #[test]
    fn decree_69_2024_authentication_levels() {
        let table: [(&[FactorKind], u8); 14] = [
            (&[], 0),
            (&[Knowledge], 1),
            (&[Possession], 1),
            (&[Inherence], 0),
            (&[Knowledge, Possession], 2),
            (&[Knowledge, Inherence], 3),
            (&[Possession, Inherence], 3),
            (&[Knowledge, Possession, Inherence], 4),
            // Of a local factor it is not known whether it is knowledge or inherence.
            (&[Local], 0),
            (&[Local, Possession], 2),
            (&[Local, Knowledge], 1),
            (&[Local, Inherence], 0),
            (&[Local, Possession, Knowledge], 2),
            (&[Local, Possession, Inherence], 3),
        ];
        for (kinds, level) in table {
            assert_eq!(authentication_level(&kinds.iter().copied().collect()), level, "{kinds:?}");
        }
    }

    #[test]
    fn a_quality_counts_only_where_the_method_may_have_it() {
        let only = |q: Quality| Traits::new(&BTreeSet::new(), &[q].into());
        let (revocation, hardware) = (only(Quality::RevocationChecked), only(Quality::HardwareBound));
        let shown = revocation.and(hardware);
        let counted = Traits::default().with_qualities(shown, revocation);
        assert!(counted.has_qualities(revocation) && !counted.has_qualities(hardware));
    }
}
