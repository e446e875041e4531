//! Who may introspect a token (RFC 7662).

use crate::client::Client;

/// Whether a client may learn what a token stands for: its holder's own back end, or the API that it is for.
/// Anybody else is told that it is not active (RFC 7662 §2.2), so that a stolen token tells nothing.
#[must_use]
pub fn may_introspect(client: &Client, holder: &str, audience: &str) -> bool {
    let confidential = client.authentication.is_confidential();
    confidential && (client.client_id == holder || client.resource.as_deref() == Some(audience))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::{ClientAuthentication, LocalizedText};

    fn client(id: &str, authentication: ClientAuthentication, resource: Option<&str>) -> Client {
        let name = LocalizedText { vi: String::new(), en: String::new() };
        Client { resource: resource.map(str::to_owned), ..Client::new(id, name, authentication) }
    }

    #[test]
    fn who_may_introspect() {
        let secret = || ClientAuthentication::basic("s");
        for (caller, may) in [
            (client("holder", secret(), None), true),
            (client("holder", ClientAuthentication::None, None), false),
            (client("api", secret(), Some("https://api")), true),
            (client("api", ClientAuthentication::None, Some("https://api")), false),
            (client("other", secret(), Some("https://other")), false),
            (client("other", secret(), None), false),
        ] {
            assert_eq!(may_introspect(&caller, "holder", "https://api"), may, "{}", caller.client_id);
        }
    }
}
