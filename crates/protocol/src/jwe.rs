//! Encryption of what a client is given (RFC 7516), to a key of the client. Nothing is decrypted here.

use std::fmt;
use std::sync::Arc;

use josekit::JoseError;
use josekit::jwe::{self, ECDH_ES, ECDH_ES_A256KW, JweEncrypter, JweHeader, RSA_OAEP_256};
use josekit::jwk::Jwk;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::jose::JoseRefusal;

/// How the content key reaches the client. RSA1_5 and RSA-OAEP with SHA-1 are left out (RFC 8725 §3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyManagement {
    /// RSAES OAEP with SHA-256.
    #[serde(rename = "RSA-OAEP-256")]
    RsaOaep256,
    /// ECDH on P-256 or X25519, whose secret is the content key.
    #[serde(rename = "ECDH-ES")]
    EcdhEs,
    /// ECDH on P-256 or X25519, whose secret wraps the content key.
    #[serde(rename = "ECDH-ES+A256KW")]
    EcdhEsA256Kw,
}

impl KeyManagement {
    /// The registered names (RFC 7518 §4.1).
    pub const NAMES: [&str; 3] = ["RSA-OAEP-256", "ECDH-ES", "ECDH-ES+A256KW"];
}

/// How the content is encrypted; each with authentication (RFC 7518 §5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum ContentEncryption {
    /// The default of OpenID Connect Registration §2.
    #[default]
    #[serde(rename = "A128CBC-HS256")]
    A128CbcHs256,
    /// AES-128 in GCM.
    #[serde(rename = "A128GCM")]
    A128Gcm,
    /// AES-256 in GCM.
    #[serde(rename = "A256GCM")]
    A256Gcm,
}

impl ContentEncryption {
    /// The values of `enc` that are supported (RFC 7518 §5.1).
    pub const NAMES: [&str; 3] = ["A128CBC-HS256", "A128GCM", "A256GCM"];

    fn as_str(self) -> &'static str {
        match self {
            Self::A128CbcHs256 => "A128CBC-HS256",
            Self::A128Gcm => "A128GCM",
            Self::A256Gcm => "A256GCM",
        }
    }
}

/// What a client wants encrypted, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Encryption {
    /// How the content key reaches the client.
    pub alg: KeyManagement,
    /// How the content is encrypted.
    #[serde(default)]
    pub enc: ContentEncryption,
}

/// Encrypts to one key of a client.
#[derive(Clone)]
pub struct Encrypter {
    encrypter: Arc<dyn JweEncrypter>,
    kid: Option<String>,
    enc: ContentEncryption,
}

impl fmt::Debug for Encrypter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encrypter").field("kid", &self.kid).field("enc", &self.enc).finish_non_exhaustive()
    }
}

impl Encrypter {
    /// Takes the first of the client's keys that is for encryption and fits.
    ///
    /// # Errors
    /// [`JoseRefusal::UnknownKey`] when none does.
    pub fn new(keys: &[Value], encryption: Encryption) -> Result<Self, JoseRefusal> {
        keys.iter().find_map(|key| Self::with(key, encryption).ok()).ok_or(JoseRefusal::UnknownKey)
    }

    fn with(key: &Value, Encryption { alg, enc }: Encryption) -> Result<Self, JoseRefusal> {
        let refuse = |_: JoseError| JoseRefusal::Key;
        let jwk = Jwk::from_map(key.as_object().ok_or(JoseRefusal::Key)?.clone()).map_err(refuse)?;
        // One key is for one purpose (RFC 7517 §4.2): a key that verifies must not also decrypt.
        if jwk.key_use().is_some_and(|of| of != "enc") {
            return Err(JoseRefusal::Key);
        }
        let encrypter: Arc<dyn JweEncrypter> = match (alg, jwk.key_type()) {
            (KeyManagement::RsaOaep256, "RSA") => Arc::new(RSA_OAEP_256.encrypter_from_jwk(&jwk).map_err(refuse)?),
            (KeyManagement::EcdhEs, "EC" | "OKP") => Arc::new(ECDH_ES.encrypter_from_jwk(&jwk).map_err(refuse)?),
            (KeyManagement::EcdhEsA256Kw, "EC" | "OKP") => {
                Arc::new(ECDH_ES_A256KW.encrypter_from_jwk(&jwk).map_err(refuse)?)
            }
            _ => return Err(JoseRefusal::Key),
        };
        Ok(Self { encrypter, kid: jwk.key_id().map(str::to_owned), enc })
    }

    /// Encrypts a signed JWT, or JSON (OpenID Connect Core §10.2: signed first, so that the client knows who
    /// made it).
    ///
    /// # Errors
    /// [`JoseRefusal::Key`] when the cryptographic library fails.
    pub fn encrypt(&self, content: &str, is_jwt: bool) -> Result<String, JoseRefusal> {
        let mut header = JweHeader::new();
        header.set_content_encryption(self.enc.as_str());
        if let Some(kid) = &self.kid {
            header.set_key_id(kid);
        }
        if is_jwt {
            header.set_content_type("JWT");
        }
        jwe::serialize_compact(content.as_bytes(), &header, &*self.encrypter).map_err(|_| JoseRefusal::Key)
    }
}

#[cfg(test)]
mod tests {
    use josekit::jwe::JweDecrypter;
    use josekit::jwk::alg::ec::EcCurve;
    use josekit::jwk::alg::ecx::EcxCurve;
    use serde_json::json;

    use super::*;

    fn public(key: &Jwk, change: Value) -> Value {
        let mut map = key.to_public_key().unwrap().as_ref().clone();
        map.extend(change.as_object().unwrap().clone());
        Value::Object(map)
    }

    #[test]
    fn the_client_opens_what_was_encrypted_to_it() {
        let rsa = Jwk::generate_rsa_key(2048).unwrap();
        let ec = Jwk::generate_ec_key(EcCurve::P256).unwrap();
        let okp = Jwk::generate_ecx_key(EcxCurve::X25519).unwrap();
        let table: [(KeyManagement, &Jwk, Box<dyn JweDecrypter>); 5] = [
            (KeyManagement::RsaOaep256, &rsa, Box::new(RSA_OAEP_256.decrypter_from_jwk(&rsa).unwrap())),
            (KeyManagement::EcdhEs, &ec, Box::new(ECDH_ES.decrypter_from_jwk(&ec).unwrap())),
            (KeyManagement::EcdhEs, &okp, Box::new(ECDH_ES.decrypter_from_jwk(&okp).unwrap())),
            (KeyManagement::EcdhEsA256Kw, &ec, Box::new(ECDH_ES_A256KW.decrypter_from_jwk(&ec).unwrap())),
            (KeyManagement::EcdhEsA256Kw, &okp, Box::new(ECDH_ES_A256KW.decrypter_from_jwk(&okp).unwrap())),
        ];
        for (alg, key, decrypter) in table {
            for enc in [ContentEncryption::A128CbcHs256, ContentEncryption::A128Gcm, ContentEncryption::A256Gcm] {
                let keys = [public(key, json!({"use": "enc", "kid": "k"}))];
                let jwe = Encrypter::new(&keys, Encryption { alg, enc }).unwrap().encrypt("a.b.c", true).unwrap();
                let (content, header) = jwe::deserialize_compact(&jwe, &*decrypter).unwrap();
                assert_eq!(content, b"a.b.c");
                assert_eq!(header.content_encryption(), Some(enc.as_str()));
                assert_eq!((header.key_id(), header.content_type()), (Some("k"), Some("JWT")));
            }
        }
    }

    #[test]
    fn only_a_key_for_encryption_is_taken() {
        let rsa = Jwk::generate_rsa_key(2048).unwrap();
        let encryption = Encryption { alg: KeyManagement::RsaOaep256, enc: ContentEncryption::default() };
        let (signing, plain) = (public(&rsa, json!({"use": "sig"})), public(&rsa, json!({})));
        assert!(Encrypter::new(std::slice::from_ref(&signing), encryption).is_err());
        assert!(Encrypter::new(&[signing, plain], encryption).is_ok());
        let other = Encryption { alg: KeyManagement::EcdhEs, ..encryption };
        assert!(Encrypter::new(&[public(&rsa, json!({}))], other).is_err());
        for deprecated in ["RSA1_5", "RSA-OAEP", "dir", "A128KW"] {
            assert!(serde_json::from_value::<KeyManagement>(json!(deprecated)).is_err(), "{deprecated}");
        }
    }
}
