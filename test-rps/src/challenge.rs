//! Challenges of a resource server in `WWW-Authenticate` (RFC 9110, section 11.6.1), written and
//! read.

use http::header::{HeaderMap, HeaderValue, WWW_AUTHENTICATE};

/// Every step-up of a portal fits in far less; what is longer is not read at all.
const LIMIT_BYTES: usize = 4 * 1024;

/// One challenge: a scheme and its parameters, by name in small letters.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Challenge {
    scheme: String,
    params: Vec<(String, String)>,
}

impl Challenge {
    pub(crate) fn is(&self, scheme: &str) -> bool {
        self.scheme.eq_ignore_ascii_case(scheme)
    }

    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// `None` when the name is there already: two readers could disagree on which value counts.
    fn add(&mut self, (name, value): (String, String)) -> Option<()> {
        self.param(&name).is_none().then_some(())?;
        self.params.push((name, value));
        Some(())
    }
}

/// A Bearer challenge with these parameters, each as a quoted string.
pub(crate) fn bearer(params: &[(&str, &str)]) -> Option<HeaderValue> {
    let params: Vec<_> = params.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
    HeaderValue::from_str(format!("Bearer {}", params.join(", ")).trim_end()).ok()
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"")
}

/// Every challenge of a response. A header line that breaks the grammar gives none, not the part
/// of it that could be read: what is cut off may be what the rest depends on.
pub(crate) fn of_response(headers: &HeaderMap) -> Vec<Challenge> {
    let lines = headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|line| line.to_str().ok());
    lines.filter_map(parse).flatten().collect()
}

fn parse(line: &str) -> Option<Vec<Challenge>> {
    if line.len() > LIMIT_BYTES || !line.is_ascii() {
        return None;
    }
    let mut rest = Reader(line);
    let mut challenges = Vec::new();
    // Whether a parameter may follow: not after a token68, nor after a scheme that stands alone.
    let mut open = false;
    loop {
        rest.skip(" \t,");
        if rest.0.is_empty() {
            return Some(challenges);
        }
        if rest.names_param() {
            let param = rest.param()?;
            challenges.last_mut().filter(|_| open)?.add(param)?;
        } else {
            let mut challenge = Challenge { scheme: rest.token()?.to_owned(), params: Vec::new() };
            open = rest.0.starts_with(' ');
            rest.skip(" ");
            if open && !rest.ends_element() {
                open = !rest.token68();
                if open {
                    challenge.add(rest.param()?)?;
                }
            }
            challenges.push(challenge);
        }
        rest.skip(" \t");
        rest.ends_element().then_some(())?;
    }
}

/// What is left of the line.
#[derive(Clone, Copy)]
struct Reader<'a>(&'a str);

impl<'a> Reader<'a> {
    fn skip(&mut self, characters: &str) {
        self.0 = self.0.trim_start_matches(|character| characters.contains(character));
    }

    fn ends_element(&self) -> bool {
        self.0.is_empty() || self.0.starts_with(',')
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let end = self.0.find(|character| !wanted(character)).unwrap_or(self.0.len());
        let (taken, rest) = self.0.split_at(end);
        self.0 = rest;
        taken
    }

    fn token(&mut self) -> Option<&'a str> {
        let symbol = |character| "!#$%&'*+-.^_`|~".contains(character);
        let token = self.take_while(|character| character.is_ascii_alphanumeric() || symbol(character));
        (!token.is_empty()).then_some(token)
    }

    /// A list of challenges and a list of parameters share the comma; only the sign of equality
    /// tells a parameter of the last challenge from the scheme of a new one.
    fn names_param(mut self) -> bool {
        let named = self.token().is_some();
        self.skip(" \t");
        named && self.0.starts_with('=')
    }

    fn param(&mut self) -> Option<(String, String)> {
        let name = self.token()?.to_ascii_lowercase();
        self.skip(" \t");
        self.0 = self.0.strip_prefix('=')?;
        self.skip(" \t");
        let value = match self.0.strip_prefix('"') {
            Some(inside) => self.quoted(inside)?,
            None => self.token()?.to_owned(),
        };
        Some((name, value))
    }

    fn quoted(&mut self, inside: &'a str) -> Option<String> {
        let mut value = String::new();
        let mut characters = inside.chars();
        loop {
            let character = match characters.next()? {
                '"' => break,
                '\\' => characters.next()?,
                other => other,
            };
            if character.is_ascii_control() && character != '\t' {
                return None;
            }
            value.push(character);
        }
        self.0 = characters.as_str();
        Some(value)
    }

    /// Steps over a token68 (as of Basic or Negotiate) if one is the whole element.
    fn token68(&mut self) -> bool {
        let mut ahead = *self;
        let symbol = |character| "-._~+/".contains(character);
        let text = ahead.take_while(|character| character.is_ascii_alphanumeric() || symbol(character));
        ahead.skip("=");
        ahead.skip(" \t");
        let whole = !text.is_empty() && ahead.ends_element();
        if whole {
            *self = ahead;
        }
        whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Challenges as `scheme name=value …`, joined with ` | `.
    fn shown(line: &str) -> Option<String> {
        let one = |challenge: Challenge| {
            let params = challenge.params.into_iter().map(|(name, value)| format!(" {name}={value}"));
            params.fold(challenge.scheme, |text, param| text + &param)
        };
        parse(line).map(|challenges| challenges.into_iter().map(one).collect::<Vec<_>>().join(" | "))
    }

    #[test]
    fn well_formed_lines_are_read_whole() {
        for (line, expected) in [
            ("", ""),
            (" , ,\t", ""),
            ("Bearer", "Bearer"),
            ("Bearer ", "Bearer"),
            (r#"Bearer error="invalid_token""#, "Bearer error=invalid_token"),
            ("Bearer max_age=900", "Bearer max_age=900"),
            ("bearer ERROR = x ,\tMax_Age\t=\t\"1\"", "bearer error=x max_age=1"),
            (r#"Bearer a="x, Basic b=\"c\"\\", d=e"#, r#"Bearer a=x, Basic b="c"\ d=e"#),
            (r#"Bearer a="""#, "Bearer a="),
            (r#"Basic realm="r", Bearer error="e", acr_values="1 2""#, "Basic realm=r | Bearer error=e acr_values=1 2"),
            ("Negotiate, Bearer error=e", "Negotiate | Bearer error=e"),
            ("Negotiate a87421000492aa874209af8bc028==, Bearer error=e", "Negotiate | Bearer error=e"),
            ("Bearer a=1,,b=2, ,", "Bearer a=1 b=2"),
            ("Bearer , a=1", "Bearer a=1"),
            ("Bearer a=, DPoP b=1", "Bearer | DPoP b=1"),
        ] {
            assert_eq!(shown(line).as_deref(), Some(expected), "{line}");
        }
    }

    #[test]
    fn malformed_and_hostile_lines_give_nothing() {
        for line in [
            "=",
            "\"Bearer\"",
            "a=1",
            "Bearer, a=1",
            "Basic abc==, a=1",
            "Bearer a=1 b=2",
            "Bearer a=\"1\"b=2",
            "Bearer a=\"1",
            "Bearer a=\"1\\",
            "Bearer a=\"1\\\"",
            "Bearer a=1, a=2",
            "Bearer error=1, Error=2",
            "Bearer a=1;b=2",
            "Bearer a=(1)",
            "Bearer a=1, =2",
            "Bearer a=\"\u{1}\"",
            "Bearer a=\"\\\r\n\"",
            "Bearer a=\"ă\"",
            "Bearer a b c",
        ] {
            assert_eq!(shown(line), None, "{line}");
        }
        let long = |count: usize| format!("Bearer a={}", "b".repeat(count));
        assert!(shown(&long(LIMIT_BYTES - 9)).is_some());
        assert!(shown(&long(LIMIT_BYTES - 8)).is_none());
        assert_eq!(shown(&"Bearer ".repeat(300)), None);
    }

    #[test]
    fn what_is_written_is_read_back() {
        let header = bearer(&[("error", "a\"b\\, c=d"), ("max_age", "900")]).unwrap();
        assert_eq!(header, r#"Bearer error="a\"b\\, c=d", max_age="900""#);
        let mut headers = HeaderMap::new();
        headers.append(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer broken=\""));
        headers.append(WWW_AUTHENTICATE, header);
        let [challenge] = &of_response(&headers)[..] else { panic!("one line is broken, one is not") };
        assert!(challenge.is("bearer"));
        assert_eq!(challenge.param("error"), Some("a\"b\\, c=d"));
        assert_eq!(challenge.param("max_age"), Some("900"));
        assert_eq!(challenge.param("acr_values"), None);
        assert_eq!(bearer(&[]).unwrap(), "Bearer");
        assert!(bearer(&[("a", "\n")]).is_none());
    }
}
