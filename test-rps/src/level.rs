//! How good a login is: assurance levels as this portal reads them (`urn:nixa:loa:N`, compared by
//! number), and age.
//!
//! The names are an agreement on the wire, so they are written here a second time on purpose.

/// Clocks differ, and a login that was new enough at the exchange must not turn old on its way here.
const CLOCK_LEEWAY_SECONDS: i64 = 60;

const PREFIX: &str = "urn:nixa:loa:";

/// The number of a level; `None` for any name this portal does not know.
pub(crate) fn level(acr: &str) -> Option<u8> {
    let digits = acr.strip_prefix(PREFIX)?;
    let canonical = !digits.is_empty() && !digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit());
    canonical.then(|| digits.parse().ok()).flatten()
}

/// Whether the level that came back is one that was asked for, or above one.
///
/// An `acr` of unknown name is no level, whatever its name promises (OpenID Connect Core 1.0,
/// section 3.1.3.7, item 12); it counts only if exactly that name was asked for.
pub(crate) fn satisfies(got: Option<&str>, asked: &[String]) -> bool {
    let Some(got) = got else { return false };
    let reached = level(got);
    asked.iter().any(|wanted| match (reached, level(wanted)) {
        (Some(reached), Some(wanted)) => reached >= wanted,
        (None, None) => got == wanted,
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
        for (got, wanted, expected) in [
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
            assert_eq!(satisfies(got, &asked(wanted)), expected, "{got:?} for {wanted:?}");
        }
    }
}
