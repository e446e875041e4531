//! Keys of earlier versions: each is refused with the key that took its place.

use super::finding::Finding;

/// An array of tables in which keys were renamed.
struct RenamedIn {
    section: &'static str,
    array: &'static str,
    /// Old key and what is to be written instead.
    keys: &'static [(&'static str, &'static str)],
    /// What keys of a table begin with that cannot be judged before it is rewritten.
    unjudged: &'static [&'static str],
}

const RENAMED: [RenamedIn; 2] = [
    RenamedIn {
        section: "broker",
        array: "portal",
        keys: &[
            ("name", "`client_name` (English) and `\"client_name#vi\"` (Vietnamese) in [broker.portal.client]"),
            ("home", "`client_uri` in [broker.portal.client]"),
            ("redirect_uris", "`redirect_uris` in [broker.portal.client]"),
            ("post_logout_redirect_uris", "`post_logout_redirect_uris` in [broker.portal.client]"),
            ("backchannel_logout_uri", "`backchannel_logout_uri` in [broker.portal.client]"),
            (
                "frontchannel_logout_uri",
                "`frontchannel_logout_uri` in [broker.portal.client], with \
                 `frontchannel_logout_session_required = true` if it is to be given `iss` and `sid`",
            ),
            ("auth", "`token_endpoint_auth_method` in [broker.portal.client]"),
            ("secret", "`client_secret`"),
            ("keys", "`jwks = { keys = [...] }` in [broker.portal.client]"),
            ("jwks_uri", "`jwks_uri` in [broker.portal.client]"),
            (
                "refresh_tokens",
                "`grant_types = [\"authorization_code\", \"refresh_token\"]` in [broker.portal.client], for `true`",
            ),
            (
                "request_protection",
                "`require_pushed_authorization_requests = true` (for `pushed`) or `require_signed_request_object = \
                 true` (for `signed`) in [broker.portal.client]",
            ),
            ("scopes", "`scope` in [broker.portal.client], one text with a space between scopes"),
            ("sector_identifier_uri", "`sector_identifier_uri` in [broker.portal.client]"),
            ("logo", "`logo_uri` in [broker.portal.client]"),
            ("default_max_age", "`default_max_age` in [broker.portal.client]"),
            ("id_token_alg", "`id_token_signed_response_alg` in [broker.portal.client]"),
            (
                "id_token_encryption",
                "`id_token_encrypted_response_alg` and `id_token_encrypted_response_enc` in [broker.portal.client]",
            ),
            ("userinfo_alg", "`userinfo_signed_response_alg` in [broker.portal.client]"),
            (
                "userinfo_encryption",
                "`userinfo_encrypted_response_alg` and `userinfo_encrypted_response_enc` in [broker.portal.client]",
            ),
            ("public_subject", "`subject_type = \"public\"` in [broker.portal.client], for `true`"),
        ],
        unjudged: &["client", "sector"],
    },
    RenamedIn {
        section: "idp",
        array: "client",
        keys: &[
            ("name", "`client_name` (English) and `\"client_name#vi\"` (Vietnamese)"),
            ("keys", "`jwks = { keys = [...] }`"),
        ],
        unjudged: &[""],
    },
];

/// The renamed keys of a file.
#[derive(Debug, Default)]
pub(super) struct RenamedKeys {
    /// One for each of them.
    pub(super) findings: Vec<Finding>,
    unjudged: Vec<String>,
}

impl RenamedKeys {
    /// Takes them out of a document, so that all else in it can be checked in the same pass.
    pub(super) fn take(document: &mut toml::Table) -> Self {
        let mut taken = Self::default();
        for renamed in &RENAMED {
            let section = document.get_mut(renamed.section).and_then(toml::Value::as_table_mut);
            let array = section.and_then(|section| section.get_mut(renamed.array)).and_then(toml::Value::as_array_mut);
            for (i, table) in array.into_iter().flatten().enumerate() {
                let path = format!("{}.{}[{i}]", renamed.section, renamed.array);
                if let Some(table) = table.as_table_mut() {
                    taken.take_from(table, &path, renamed);
                }
            }
        }
        taken
    }

    fn take_from(&mut self, table: &mut toml::Table, path: &str, renamed: &RenamedIn) {
        let earlier = self.findings.len();
        for (old, new) in renamed.keys {
            if table.remove(*old).is_some() {
                self.findings.push(Finding::new(format!("{path}.{old}"), format!("is now {new}")));
            }
        }
        if self.findings.len() > earlier {
            self.unjudged.extend(renamed.unjudged.iter().map(|key| format!("{path}.{key}")));
        }
    }

    /// Whether a finding may only come of a key that was taken out.
    pub(super) fn explain(&self, finding: &Finding) -> bool {
        self.unjudged.iter().any(|key| finding.key.starts_with(key))
    }
}
