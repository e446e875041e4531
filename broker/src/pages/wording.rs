//! Levels and reasons in words that people use.

use std::collections::BTreeSet;

use assurance_policy::Reason;
use nixa_web::Text;

/// The name of a level; a policy may have levels of its own, which go by their value.
pub(super) fn level(text: Text, acr: &str) -> String {
    match acr {
        "urn:nixa:loa:1" => text.level_urn_nixa_loa_1(),
        "urn:nixa:loa:2" => text.level_urn_nixa_loa_2(),
        "urn:nixa:loa:3" => text.level_urn_nixa_loa_3(),
        "urn:nixa:loa:4" => text.level_urn_nixa_loa_4(),
        _ => acr.to_owned(),
    }
}

/// The name of a claim. One without a name is shown all the same: the person must see what is passed on.
pub(super) fn claim(text: Text, name: &str) -> String {
    match name {
        "name" => text.claim_name(),
        "family_name" => text.claim_family_name(),
        "middle_name" => text.claim_middle_name(),
        "given_name" => text.claim_given_name(),
        "nickname" => text.claim_nickname(),
        "preferred_username" => text.claim_preferred_username(),
        "zoneinfo" => text.claim_zoneinfo(),
        "profile" => text.claim_profile(),
        "picture" => text.claim_picture(),
        "website" => text.claim_website(),
        "updated_at" => text.claim_updated_at(),
        "birthdate" => text.claim_birthdate(),
        "gender" => text.claim_gender(),
        "locale" => text.claim_locale(),
        "email" => text.claim_email(),
        "email_verified" => text.claim_email_verified(),
        "phone_number" => text.claim_phone_number(),
        "phone_number_verified" => text.claim_phone_number_verified(),
        "address" => text.claim_address(),
        "personal_number" => text.claim_personal_number(),
        _ => name.to_owned(),
    }
}

pub(super) fn reason(text: Text, reason: &Reason) -> String {
    match reason {
        Reason::NoSource => text.reason_no_source(),
        Reason::UnknownLevel => text.reason_unknown_level(),
        Reason::Cap { cap: Some(cap), .. } => text.reason_cap(level(text, cap)),
        Reason::Cap { cap: None, .. } => text.reason_no_cap(),
        Reason::Identity { needed, .. } => text.reason_identity(*needed),
        Reason::Methods { .. } => text.reason_methods(),
    }
}

/// The identity provider that a reason is about.
pub(super) fn source(reason: &Reason) -> Option<&str> {
    match reason {
        Reason::NoSource | Reason::UnknownLevel => None,
        Reason::Cap { source, .. } | Reason::Identity { source, .. } | Reason::Methods { source } => Some(source),
    }
}

/// What would help, each thing once.
pub(super) fn help(text: Text, reasons: &[Reason]) -> Vec<String> {
    let help = |reason: &Reason| match reason {
        Reason::Identity { .. } => text.help_identity(),
        Reason::Methods { .. } => text.help_methods(),
        Reason::Cap { .. } => text.help_cap(),
        Reason::NoSource | Reason::UnknownLevel => text.help_ask(),
    };
    let mut seen = BTreeSet::new();
    reasons.iter().map(help).filter(|help| seen.insert(help.clone())).collect()
}

#[cfg(test)]
mod tests {
    use assurance_policy::Policy;
    use nixa_protocol::claims::{AUTHENTICATORS, SCOPES};

    use super::*;

    #[test]
    fn every_claim_that_a_portal_may_ask_for_has_a_name() {
        let asked = SCOPES
            .iter()
            .flat_map(|(_, claims)| claims.iter())
            .filter(|claim| !["sub", AUTHENTICATORS].contains(claim));
        for name in asked {
            assert_ne!(claim(Text::default(), name), *name);
        }
    }

    #[test]
    fn every_level_of_the_built_in_policy_has_a_name() {
        let policy = Policy::parse(include_str!("../../../assurance-policy/policies/default.toml")).unwrap();
        for known in policy.ladder() {
            assert_ne!(level(Text::default(), &known.acr), known.acr);
        }
        assert_eq!(level(Text::default(), "urn:example:own"), "urn:example:own");
    }
}
