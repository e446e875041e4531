//! How good a login is and must be: assurance levels as this portal reads them (`urn:nixa:loa:N`, compared by number),
//! and age.
//!
//! The names are an agreement on the wire, so they are written here a second time on purpose.

use serde::{Deserialize, Serialize};

use crate::config::PortalConfig;

/// Clocks differ, and a login that was new enough at the exchange must not turn old on its way here.
const CLOCK_LEEWAY_SECONDS: i64 = 60;

const PREFIX: &str = "urn:nixa:loa:";

/// How good a login must be, fixed when it is asked for and checked when it comes back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Requirement {
    /// As the portal is configured.
    #[default]
    Portal,
    /// As the exchange's catalogue says for the service of this code.
    Service(String),
    /// As a challenge said (RFC 9470, section 4).
    Levels(Vec<String>),
}

impl Requirement {
    /// The `acr_values` to ask for; none for a service, whose level the exchange knows.
    pub(crate) fn acr_values<'a>(&'a self, config: &'a PortalConfig) -> &'a [String] {
        match self {
            Self::Portal => &config.acr_values,
            Self::Service(_) => &[],
            Self::Levels(acr_values) => acr_values,
        }
    }

    /// Whether a login that came back with `acr` will do. A login for a service must have the service's level, another
    /// one what was asked for in it as essential: the portal's own level does not stand in for that of a challenge.
    pub(crate) fn is_met(&self, config: &PortalConfig, acr: Option<&str>) -> bool {
        if let Self::Service(code) = self {
            let needed = config.service(code).map(|service| service.level);
            return needed.is_some_and(|needed| acr.and_then(level).is_some_and(|reached| reached >= needed));
        }
        let asked = self.acr_values(config);
        !config.essential_acr || asked.is_empty() || satisfies(acr, asked)
    }
}

/// The number of a level; `None` for any name this portal does not know.
pub(crate) fn level(acr: &str) -> Option<u8> {
    let digits = acr.strip_prefix(PREFIX)?;
    let is_canonical = !digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_canonical.then(|| digits.parse().ok()).flatten()
}

/// Whether the level that came back is one that was asked for, or above one.
///
/// An `acr` of unknown name is no level, whatever its name promises (OpenID Connect Core 1.0, section 3.1.3.7, item
/// 12); it counts only if exactly that name was asked for.
pub(crate) fn satisfies(acr: Option<&str>, asked: &[String]) -> bool {
    let Some(acr) = acr else { return false };
    asked.iter().any(|wanted| match (level(acr), level(wanted)) {
        (Some(reached), Some(wanted)) => reached >= wanted,
        (None, None) => acr == wanted,
        _ => false,
    })
}

/// Whether a login at `auth_time` is at most `max_age` seconds old; one of unknown time is not.
pub(crate) fn is_recent(auth_time: Option<i64>, max_age: u32, now: i64) -> bool {
    auth_time.is_some_and(|time| time >= now - i64::from(max_age) - CLOCK_LEEWAY_SECONDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels() {
        for (acr, expected) in [
            ("urn:nixa:loa:1", Some(1)),
            ("urn:nixa:loa:12", Some(12)),
            ("urn:nixa:loa:0", None),
            ("urn:nixa:loa:02", None),
            ("urn:nixa:loa:+2", None),
            ("urn:nixa:loa:", None),
            ("urn:nixa:loa:256", None),
            ("urn:nixa:loa:2 ", None),
            ("URN:NIXA:LOA:2", None),
            ("2", None),
        ] {
            assert_eq!(level(acr), expected, "{acr}");
        }
    }

    #[test]
    fn comparison_is_numeric_and_strict_on_names() {
        let asked = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        for (acr, wanted, expected) in [
            (Some("urn:nixa:loa:2"), &["urn:nixa:loa:2"][..], true),
            (Some("urn:nixa:loa:3"), &["urn:nixa:loa:2"], true),
            (Some("urn:nixa:loa:10"), &["urn:nixa:loa:9"], true),
            (Some("urn:nixa:loa:1"), &["urn:nixa:loa:2"], false),
            (Some("urn:nixa:loa:2"), &["urn:nixa:loa:3", "urn:nixa:loa:2"], true),
            (Some("urn:else:loa:9"), &["urn:nixa:loa:1"], false),
            (Some("urn:else:gold"), &["urn:else:gold"], true),
            (Some("urn:nixa:loa:4"), &["urn:else:gold"], false),
            (None, &["urn:nixa:loa:1"], false),
            (Some("urn:nixa:loa:4"), &[], false),
        ] {
            assert_eq!(satisfies(acr, &asked(wanted)), expected, "{acr:?} for {wanted:?}");
        }
    }

    #[test]
    fn a_login_of_unknown_time_is_not_recent() {
        for (auth_time, max_age, expected) in [
            (Some(10_000), 0, true),
            (Some(9_940), 0, true),
            (Some(9_939), 0, false),
            (Some(9_000), 1_000, true),
            (None, 1_000, false),
        ] {
            assert_eq!(is_recent(auth_time, max_age, 10_000), expected, "{auth_time:?} {max_age}");
        }
    }
}
