//! JWS with an allow-list of algorithms, each bound to its key (RFC 7515, RFC 8725).

use std::fmt;
use std::sync::Arc;

use josekit::JoseError;
use josekit::jwk::Jwk;
use josekit::jwk::alg::ec::EcCurve;
use josekit::jwk::alg::ed::EdCurve;
use josekit::jws::{self, ES256, EdDSA, JwsHeader, JwsSigner, JwsVerifier, PS256, RS256};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use thiserror::Error;

use crate::entropy::digest;

/// Longest token that is looked at; real ones have about 2,000 octets.
const LONGEST: usize = 16_384;

/// A signature algorithm that NIXA makes and accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Algorithm {
    /// ECDSA with P-256 and SHA-256.
    #[serde(rename = "ES256")]
    Es256,
    /// RSASSA-PKCS1-v1_5 with SHA-256, which OpenID Connect Core §15.1 makes mandatory.
    #[serde(rename = "RS256")]
    Rs256,
    /// RSASSA-PSS with SHA-256.
    #[serde(rename = "PS256")]
    Ps256,
    /// Ed25519 (RFC 8037).
    #[serde(rename = "EdDSA")]
    EdDsa,
}

impl Algorithm {
    /// Every algorithm that is supported, for signing and for verifying.
    pub const ALL: [Self; 4] = [Self::Rs256, Self::Ps256, Self::Es256, Self::EdDsa];

    /// The registered name (RFC 7518 §3.1).
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
            Self::EdDsa => "EdDSA",
        }
    }

    /// The algorithm with this registered name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|a| a.as_str() == name)
    }

    /// The algorithms that a key may be used with: the one that it names, else those of its type (RFC 8725
    /// §3.1). A key for another use has none.
    fn of_key(jwk: &Jwk) -> Vec<Self> {
        let fits: &[Self] = match (jwk.key_type(), jwk.curve()) {
            ("EC", Some("P-256")) => &[Self::Es256],
            ("RSA", _) => &[Self::Rs256, Self::Ps256],
            ("OKP", Some("Ed25519")) => &[Self::EdDsa],
            _ => &[],
        };
        let usable = |alg: &&Self| jwk.algorithm().is_none_or(|named| named == alg.as_str());
        let signs = jwk.key_use().is_none_or(|u| u == "sig");
        fits.iter().filter(usable).filter(|_| signs).copied().collect()
    }

    fn signer(self, jwk: &Jwk) -> Result<Arc<dyn JwsSigner>, JoseError> {
        Ok(match self {
            Self::Es256 => Arc::new(ES256.signer_from_jwk(jwk)?),
            Self::Rs256 => Arc::new(RS256.signer_from_jwk(jwk)?),
            Self::Ps256 => Arc::new(PS256.signer_from_jwk(jwk)?),
            Self::EdDsa => Arc::new(EdDSA.signer_from_jwk(jwk)?),
        })
    }

    fn verifier(self, jwk: &Jwk) -> Result<Arc<dyn JwsVerifier>, JoseError> {
        Ok(match self {
            Self::Es256 => Arc::new(ES256.verifier_from_jwk(jwk)?),
            Self::Rs256 => Arc::new(RS256.verifier_from_jwk(jwk)?),
            Self::Ps256 => Arc::new(PS256.verifier_from_jwk(jwk)?),
            Self::EdDsa => Arc::new(EdDSA.verifier_from_jwk(jwk)?),
        })
    }
}

/// Why a key or token was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum JoseRefusal {
    /// Not a compact JWS, or one that is too long.
    #[error("malformed token")]
    Malformed,
    /// `alg` is `none`, unknown, or not the key's (RFC 8725 §3.1, §3.2).
    #[error("algorithm not allowed")]
    Algorithm,
    /// No key has this `kid`.
    #[error("unknown key")]
    UnknownKey,
    /// The signature does not verify.
    #[error("bad signature")]
    Signature,
    /// `typ` is not the expected one: a token made for another purpose (RFC 8725 §3.11).
    #[error("wrong token type")]
    Type,
    /// The key cannot be used.
    #[error("unusable key")]
    Key,
}

/// A private key with its identifier.
#[derive(Clone)]
pub struct SigningKey {
    kid: String,
    algorithm: Algorithm,
    signer: Arc<dyn JwsSigner>,
    private: Jwk,
    public: Jwk,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("kid", &self.kid).field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

impl SigningKey {
    /// A new key; `kid` is derived from the public key. RSA keys have 2048 bits.
    ///
    /// # Errors
    /// [`JoseRefusal::Key`] when the cryptographic library cannot make one.
    pub fn generate(algorithm: Algorithm) -> Result<Self, JoseRefusal> {
        let mut jwk = match algorithm {
            Algorithm::Es256 => Jwk::generate_ec_key(EcCurve::P256),
            Algorithm::Rs256 | Algorithm::Ps256 => Jwk::generate_rsa_key(2048),
            Algorithm::EdDsa => Jwk::generate_ed_key(EdCurve::Ed25519),
        }
        .map_err(|_| JoseRefusal::Key)?;
        let public = jwk.to_public_key().map_err(|_| JoseRefusal::Key)?;
        jwk.set_key_id(thumbprint(&public)?);
        jwk.set_algorithm(algorithm.as_str());
        jwk.set_key_use("sig");
        Self::from_jwk(&jwk.to_string())
    }

    /// A key from the JSON text of a private JWK with `kid` and `alg`.
    pub fn from_jwk(text: &str) -> Result<Self, JoseRefusal> {
        let refuse = |_: JoseError| JoseRefusal::Key;
        let private = Jwk::from_bytes(text).map_err(refuse)?;
        // A key of ours names its algorithm.
        let [algorithm] = Algorithm::of_key(&private)[..] else { return Err(JoseRefusal::Key) };
        let kid = private.key_id().ok_or(JoseRefusal::Key)?.to_owned();
        let signer = algorithm.signer(&private).map_err(refuse)?;
        let public = private.to_public_key().map_err(refuse)?;
        Ok(Self { kid, algorithm, signer, private, public })
    }

    /// The JSON text of the private JWK, for a file of mode 0600.
    #[must_use]
    pub fn private_jwk(&self) -> String {
        self.private.to_string()
    }

    /// The public JWK with `kid`, `alg` and `use`, as it is published (RFC 7517 §4).
    #[must_use]
    pub fn public_jwk(&self) -> Value {
        let mut map: Map<String, Value> = self.public.as_ref().clone();
        map.insert("kid".into(), json!(self.kid));
        map.insert("alg".into(), json!(self.algorithm.as_str()));
        map.insert("use".into(), json!("sig"));
        Value::Object(map)
    }

    /// The `kid` that is in the header of what it signs (RFC 7515 §4.1.4).
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The one algorithm that it signs with.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Signs claims as a compact JWS with `typ`.
    ///
    /// # Errors
    /// [`JoseRefusal::Key`] when signing fails, [`JoseRefusal::Malformed`] when the claims are not JSON.
    pub fn sign(&self, typ: &str, claims: &impl Serialize) -> Result<String, JoseRefusal> {
        let mut header = JwsHeader::new();
        header.set_token_type(typ);
        header.set_key_id(&self.kid);
        let payload = serde_json::to_vec(claims).map_err(|_| JoseRefusal::Malformed)?;
        jws::serialize_compact(&payload, &header, &*self.signer).map_err(|_| JoseRefusal::Key)
    }
}

/// The JWK thumbprint (RFC 7638) as a `kid`.
fn thumbprint(public: &Jwk) -> Result<String, JoseRefusal> {
    let member = |name: &str| public.parameter(name).and_then(Value::as_str).ok_or(JoseRefusal::Key);
    let canonical = match public.key_type() {
        "OKP" => format!(r#"{{"crv":"{}","kty":"OKP","x":"{}"}}"#, member("crv")?, member("x")?),
        "EC" => format!(r#"{{"crv":"{}","kty":"EC","x":"{}","y":"{}"}}"#, member("crv")?, member("x")?, member("y")?),
        _ => format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, member("e")?, member("n")?),
    };
    Ok(digest(&canonical).as_str().to_owned())
}

/// A public key of a client, ready to verify.
#[derive(Clone)]
pub struct VerifyingKey {
    kid: Option<String>,
    verifiers: Vec<(Algorithm, Arc<dyn JwsVerifier>)>,
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let algorithms: Vec<Algorithm> = self.verifiers.iter().map(|(algorithm, _)| *algorithm).collect();
        f.debug_struct("VerifyingKey").field("kid", &self.kid).field("algorithms", &algorithms).finish()
    }
}

impl VerifyingKey {
    /// A key from a public JWK.
    ///
    /// # Errors
    /// [`JoseRefusal::Key`] for a key type or size that is not allowed.
    pub fn from_jwk(value: &Value) -> Result<Self, JoseRefusal> {
        let refuse = |_: JoseError| JoseRefusal::Key;
        let map = value.as_object().ok_or(JoseRefusal::Key)?.clone();
        let jwk = Jwk::from_map(map).map_err(refuse)?;
        let verifiers: Vec<_> = Algorithm::of_key(&jwk)
            .into_iter()
            .map(|algorithm| Ok((algorithm, algorithm.verifier(&jwk)?)))
            .collect::<Result<_, JoseError>>()
            .map_err(refuse)?;
        if verifiers.is_empty() {
            return Err(JoseRefusal::Key);
        }
        Ok(Self { kid: jwk.key_id().map(str::to_owned), verifiers })
    }

    /// The keys of a JWK Set; those of other uses or algorithms are left out (RFC 7517 §5).
    ///
    /// # Errors
    /// [`JoseRefusal::Malformed`] when there is no `keys` array.
    pub fn from_jwks(value: &Value) -> Result<Vec<Self>, JoseRefusal> {
        let keys = value.get("keys").and_then(Value::as_array).ok_or(JoseRefusal::Malformed)?;
        Ok(keys.iter().filter_map(|k| Self::from_jwk(k).ok()).collect())
    }
}

/// The algorithm that a token names; nothing is verified.
#[must_use]
pub fn algorithm_of(token: &str) -> Option<Algorithm> {
    peek_header(token).ok()?.algorithm().and_then(Algorithm::parse)
}

/// The `kid` that a token names; nothing is verified.
#[must_use]
pub fn kid_of(token: &str) -> Option<String> {
    peek_header(token).ok()?.key_id().map(str::to_owned)
}

/// Verifies a compact JWS and returns its claims; their meaning is for the caller to check.
///
/// `typ`, when given, must be the header's, case aside. The key is found by `kid`; only a token without
/// one may be tried against every key of its algorithm.
pub fn verify(token: &str, keys: &[VerifyingKey], typ: Option<&str>) -> Result<Map<String, Value>, JoseRefusal> {
    if token.len() > LONGEST || token.split('.').count() != 3 {
        return Err(JoseRefusal::Malformed);
    }
    let header = peek_header(token)?;
    let algorithm = header.algorithm().and_then(Algorithm::parse).ok_or(JoseRefusal::Algorithm)?;
    if header.critical().is_some() {
        // No extension is understood, so a critical one must be refused (RFC 7515 §4.1.11).
        return Err(JoseRefusal::Malformed);
    }
    if let Some(expected) = typ
        && !header.token_type().is_some_and(|t| t.eq_ignore_ascii_case(expected))
    {
        return Err(JoseRefusal::Type);
    }
    let named: Vec<&VerifyingKey> = match header.key_id() {
        Some(kid) => keys.iter().filter(|k| k.kid.as_deref() == Some(kid)).collect(),
        None => keys.iter().collect(),
    };
    if named.is_empty() {
        return Err(JoseRefusal::UnknownKey);
    }
    let of_algorithm = named.iter().flat_map(|k| &k.verifiers).filter(|(of, _)| *of == algorithm);
    let fitting: Vec<&dyn JwsVerifier> = of_algorithm.map(|(_, verifier)| &**verifier).collect();
    if fitting.is_empty() {
        return Err(JoseRefusal::Algorithm);
    }
    let payload = fitting
        .iter()
        .find_map(|verifier| jws::deserialize_compact(token, *verifier).ok())
        .ok_or(JoseRefusal::Signature)?;
    serde_json::from_slice(&payload.0).map_err(|_| JoseRefusal::Malformed)
}

fn peek_header(token: &str) -> Result<JwsHeader, JoseRefusal> {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    let head = token.split('.').next().unwrap_or_default();
    let bytes = URL_SAFE_NO_PAD.decode(head).map_err(|_| JoseRefusal::Malformed)?;
    JwsHeader::from_bytes(&bytes).map_err(|_| JoseRefusal::Malformed)
}

#[cfg(test)]
mod tests {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

    use super::*;

    fn b64(text: &str) -> String {
        URL_SAFE_NO_PAD.encode(text)
    }

    #[test]
    fn signs_and_verifies_with_each_algorithm() {
        for algorithm in Algorithm::ALL {
            let key = SigningKey::generate(algorithm).unwrap();
            let again = SigningKey::from_jwk(&key.private_jwk()).unwrap();
            let token = again.sign("JWT", &json!({"a": 1})).unwrap();
            let public = [VerifyingKey::from_jwk(&key.public_jwk()).unwrap()];
            assert_eq!(verify(&token, &public, Some("jwt")).unwrap()["a"], 1);
            assert_eq!(verify(&token, &public, Some("logout+jwt")), Err(JoseRefusal::Type));
            assert!(key.public_jwk().get("d").is_none(), "a private member was published");
        }
    }

    #[test]
    fn refuses_forgeries() {
        let key = SigningKey::generate(Algorithm::Rs256).unwrap();
        let other = SigningKey::generate(Algorithm::Rs256).unwrap();
        let keys = [VerifyingKey::from_jwk(&key.public_jwk()).unwrap()];
        let kid = key.public_jwk()["kid"].as_str().unwrap().to_owned();
        let token = key.sign("JWT", &json!({"sub": "a"})).unwrap();
        let parts: Vec<&str> = token.split('.').collect();

        let none = format!("{}.{}.", b64(r#"{"alg":"none"}"#), parts[1]);
        assert_eq!(verify(&none, &keys, None), Err(JoseRefusal::Algorithm), "alg none");
        let hmac = format!("{}.{}.{}", b64(&format!(r#"{{"alg":"HS256","kid":"{kid}"}}"#)), parts[1], parts[2]);
        assert_eq!(verify(&hmac, &keys, None), Err(JoseRefusal::Algorithm), "key confusion, HMAC with the public key");
        let es = format!("{}.{}.{}", b64(&format!(r#"{{"alg":"ES256","kid":"{kid}"}}"#)), parts[1], parts[2]);
        assert_eq!(verify(&es, &keys, None), Err(JoseRefusal::Algorithm), "key confusion, other asymmetric algorithm");
        let changed = format!("{}.{}.{}", parts[0], b64(r#"{"sub":"b"}"#), parts[2]);
        assert_eq!(verify(&changed, &keys, None), Err(JoseRefusal::Signature), "changed claims");
        let foreign = other.sign("JWT", &json!({})).unwrap();
        assert_eq!(verify(&foreign, &keys, None), Err(JoseRefusal::UnknownKey), "unknown kid");
        let crit = format!(
            "{}.{}.{}",
            b64(&format!(r#"{{"alg":"RS256","kid":"{kid}","crit":["b64"],"b64":false}}"#)),
            parts[1],
            parts[2]
        );
        assert_eq!(verify(&crit, &keys, None), Err(JoseRefusal::Malformed), "critical extension");
        assert_eq!(verify(&"a".repeat(20_000), &keys, None), Err(JoseRefusal::Malformed));
    }
}
