//! The pure half of a time-stamping client (RFC 3161): what is asked, and whether an answer is believed. A time stamp
//! on a checkpoint shows that the audit trail was as it is at that time, also to whoever does not trust our clock or
//! key.
//!
//! The signature and the certificates are OpenSSL's to judge: it builds the chain to a configured authority, asks for
//! the extended key usage for time-stamping, critical and the only one (§2.3), and for the attribute that binds the
//! signature to that certificate (ESS, RFC 5816).
//!
//! Certificates are judged at the time in the token, so that a token stays good when its authority's certificate
//! has expired. Revocation is not looked up: that needs a network. Nor is the time compared with ours: the caller does,
//! for a fresh token.

mod asn1;

#[cfg(test)]
mod tests;

use chrono::NaiveDateTime;
use der::asn1::{Any, AnyRef, ObjectIdentifier, OctetString, OctetStringRef};
use der::{Decode, Encode, Tag, Tagged};
use openssl::cms::{CMSOptions, CmsContentInfo};
use openssl::error::ErrorStack;
use openssl::x509::store::{X509Store, X509StoreBuilder};
use openssl::x509::verify::{X509VerifyFlags, X509VerifyParam};
use openssl::x509::{X509, X509PurposeId};
use thiserror::Error;

use asn1::{Algorithm, Content, Imprint, Request, Response, members};

/// Longest answer that is looked at; real ones have about 6,000 octets.
const LONGEST: usize = 65_536;
/// `id-signedData` (RFC 5652 §5.1).
const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
/// `id-ct-TSTInfo` (RFC 3161 §2.4.2).
const TST_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");
/// `id-sha256` (RFC 5754 §2.2).
const SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
/// The digests that a signature may be over: SHA-256, SHA-384, SHA-512.
const DIGESTS: [ObjectIdentifier; 3] = [
    SHA_256,
    ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2"),
    ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3"),
];
/// `CMS_CADES`, which the bindings do not name: check the signing-certificate attribute and ask for it.
const WITH_SIGNING_CERTIFICATE: u32 = 0x0010_0000;

/// Why a time stamp is not believed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TimestampRefusal {
    /// Not an answer or token in DER, or one that is too long.
    #[error("malformed time stamp")]
    Malformed,
    /// The authority refused (§2.4.2); `text` is its own reason.
    #[error("the time-stamping authority refused with status {status}: {text:?}")]
    Rejected {
        /// The PKIStatus: 2 rejection, 3 waiting, 4 revocation warning, 5 revocation notification.
        status: u8,
        /// What it says, for a person.
        text: String,
    },
    /// A signed message about something else than time.
    #[error("not a time-stamp token")]
    NotAToken,
    /// It is of other data, or of a digest of another algorithm.
    #[error("the time stamp is of something else")]
    Imprint,
    /// It answers another request: a replay.
    #[error("the time stamp answers another request")]
    Nonce,
    /// No authority that is trusted has signed it for this purpose; the text is the library's reason.
    #[error("the time stamp is not signed by a trusted authority: {0}")]
    Untrusted(String),
    /// The configured certificates cannot be used.
    #[error("the certificates of time-stamping authorities cannot be read")]
    Trust,
}

/// A time stamp that was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeStamp {
    /// When the authority saw the digest, in seconds since the epoch; fractions are cut off.
    pub at: i64,
    /// The token (DER of a CMS `ContentInfo`), to be kept; [`verify_token`] reads it.
    pub token: Vec<u8>,
}

/// The authorities whose time stamps are believed.
#[derive(Debug, Clone)]
pub struct TrustedTsa(Vec<X509>);

impl TrustedTsa {
    /// From the PEM text of one or more certificates. Each is trusted as it stands: a root, an authority below
    /// one, or the very certificate that signs.
    ///
    /// # Errors
    /// [`TimestampRefusal::Trust`] when there is none or one cannot be read.
    pub fn from_pem(text: &str) -> Result<Self, TimestampRefusal> {
        let certificates = X509::stack_from_pem(text.as_bytes()).map_err(|_| TimestampRefusal::Trust)?;
        if certificates.is_empty() { Err(TimestampRefusal::Trust) } else { Ok(Self(certificates)) }
    }

    /// The store that judges a chain of certificates as it was at a time.
    fn store(&self, at: i64) -> Result<X509Store, ErrorStack> {
        let mut rules = X509VerifyParam::new()?;
        rules.set_time(at);
        rules.set_purpose(X509PurposeId::TIMESTAMP_SIGN)?;
        rules.set_flags(X509VerifyFlags::PARTIAL_CHAIN)?;
        let mut store = X509StoreBuilder::new()?;
        store.set_param(&rules)?;
        for certificate in &self.0 {
            store.add_cert(certificate.clone())?;
        }
        Ok(store.build())
    }
}

/// A request for a time stamp of a SHA-256 digest (DER of `TimeStampReq`, §2.4.1), to be posted as
/// `application/timestamp-query` (§3.4). It asks for the authority's certificate, so that the token can be verified
/// later. `nonce` is random, for this request only.
#[must_use]
pub fn request(digest: &[u8; 32], nonce: u64) -> Vec<u8> {
    let encode = || {
        let algorithm = Algorithm { oid: SHA_256, parameters: Some(AnyRef::NULL) };
        let imprint = Imprint { algorithm, digest: OctetStringRef::new(digest)? };
        Request { version: 1, imprint, nonce, certificate: true }.to_der()
    };
    // Four members of known size: there is nothing that could fail.
    encode().unwrap_or_default()
}

/// Verifies the answer to [`request`] (DER of `TimeStampResp`, §2.4.2).
pub fn verify_response(
    response: &[u8],
    digest: &[u8; 32],
    nonce: u64,
    trust: &TrustedTsa,
) -> Result<TimeStamp, TimestampRefusal> {
    if response.len() > LONGEST {
        return Err(TimestampRefusal::Malformed);
    }
    let response = Response::from_der(response).map_err(|_| TimestampRefusal::Malformed)?;
    // 0 is granted, 1 granted with modifications (RFC 3161 §2.4.2).
    if response.status.status > 1 {
        let text = response.status.text.unwrap_or_default().join(" ");
        return Err(TimestampRefusal::Rejected { status: response.status.status, text });
    }
    let token = response.token.ok_or(TimestampRefusal::Malformed)?;
    let token = token.to_der().map_err(|_| TimestampRefusal::Malformed)?;
    let stamp = verified(&token, digest, trust)?;
    if stamp.nonce != Some(nonce) {
        return Err(TimestampRefusal::Nonce);
    }
    Ok(TimeStamp { at: stamp.at, token })
}

/// Verifies a token that was kept, whose nonce is no longer known; returns its time in seconds since the epoch.
pub fn verify_token(token: &[u8], digest: &[u8; 32], trust: &TrustedTsa) -> Result<i64, TimestampRefusal> {
    verified(token, digest, trust).map(|stamp| stamp.at)
}

/// What is used of a token's `TSTInfo` (RFC 3161 §2.4.2).
struct Stamp {
    at: i64,
    nonce: Option<u64>,
}

fn verified(token: &[u8], digest: &[u8; 32], trust: &TrustedTsa) -> Result<Stamp, TimestampRefusal> {
    if token.len() > LONGEST {
        return Err(TimestampRefusal::Malformed);
    }
    // The time says when the certificates must have been good; it is believed only if the signature is right.
    let claimed = stated_time(&content(token)?)?;
    let untrusted = |e: ErrorStack| TimestampRefusal::Untrusted(reason(&e));
    let store = trust.store(claimed).map_err(untrusted)?;
    let mut signed = CmsContentInfo::from_der(token).map_err(|_| TimestampRefusal::Malformed)?;
    let mut info = Vec::new();
    let rules = CMSOptions::BINARY | CMSOptions::from_bits_retain(WITH_SIGNING_CERTIFICATE);
    signed.verify(None, Some(&store), None, Some(&mut info), rules).map_err(untrusted)?;
    let stamp = read(&info, digest)?;
    if stamp.at == claimed { Ok(stamp) } else { Err(TimestampRefusal::Malformed) }
}

/// The last reason in a list of errors, without file names.
fn reason(errors: &ErrorStack) -> String {
    let last = errors.errors().last();
    let detail = last.and_then(|e| e.data()).map(|data| format!(" ({data})")).unwrap_or_default();
    format!("{}{detail}", last.and_then(|e| e.reason()).unwrap_or("refused"))
}

/// The content of a signed message, not yet verified: one signature, over a `TSTInfo`, with a digest of today.
fn content(token: &[u8]) -> Result<Vec<u8>, TimestampRefusal> {
    let malformed = |_| TimestampRefusal::Malformed;
    let outer = Content::from_der(token).map_err(malformed)?;
    if outer.kind != SIGNED_DATA {
        return Err(TimestampRefusal::NotAToken);
    }
    // SignedData: version, digestAlgorithms, encapContentInfo, certificates?, crls?, signerInfos (RFC 5652 §5.1).
    let parts = members(&outer.content.to_der().map_err(malformed)?).map_err(malformed)?;
    let part = |index: usize| parts.get(index).ok_or(TimestampRefusal::Malformed);
    let inner: Content = part(2)?.decode_as().map_err(malformed)?;
    if inner.kind != TST_INFO {
        return Err(TimestampRefusal::NotAToken);
    }
    let signers = parts.last().filter(|last| last.tag() == Tag::Set).ok_or(TimestampRefusal::Malformed)?;
    // §2.4.2: no signature but the authority's. A set of one is that one.
    let signer = members(signers.value()).map_err(malformed)?;
    // SignerInfo: version, sid, digestAlgorithm, … (RFC 5652 §5.3).
    let algorithm: Algorithm<'_> = signer.get(2).ok_or(TimestampRefusal::Malformed)?.decode_as().map_err(malformed)?;
    if !DIGESTS.contains(&algorithm.oid) {
        return Err(TimestampRefusal::Untrusted("weak digest".into()));
    }
    let octets: OctetString = inner.content.decode_as().map_err(malformed)?;
    Ok(octets.as_bytes().to_vec())
}

/// `genTime` of a `TSTInfo`.
fn stated_time(info: &[u8]) -> Result<i64, TimestampRefusal> {
    members(info).ok().and_then(|parts| parts.get(4).and_then(time)).ok_or(TimestampRefusal::Malformed)
}

/// Reads a `TSTInfo` (§2.4.2): version, policy, messageImprint, serialNumber, genTime, accuracy?, ordering?, nonce?,
/// tsa?, extensions?.
fn read(info: &[u8], digest: &[u8; 32]) -> Result<Stamp, TimestampRefusal> {
    let malformed = |_| TimestampRefusal::Malformed;
    let parts = members(info).map_err(malformed)?;
    let part = |index: usize| parts.get(index).ok_or(TimestampRefusal::Malformed);
    if part(0)?.decode_as::<u8>().map_err(malformed)? != 1 {
        return Err(TimestampRefusal::Malformed);
    }
    let imprint: Imprint<'_> = part(2)?.decode_as().map_err(malformed)?;
    if imprint.algorithm.oid != SHA_256 || imprint.digest.as_bytes() != digest {
        return Err(TimestampRefusal::Imprint);
    }
    let at = time(part(4)?).ok_or(TimestampRefusal::Malformed)?;
    // After the time, only the nonce is an INTEGER; one that we did not send can be longer than ours.
    let nonce = parts.iter().skip(5).find(|part| part.tag() == Tag::Integer);
    Ok(Stamp { at, nonce: nonce.and_then(|nonce| nonce.decode_as().ok()) })
}

/// A `GeneralizedTime` in UTC with seconds, and with fractions if the authority gives them, which the library's type
/// does not read.
fn time(value: &Any) -> Option<i64> {
    let text = std::str::from_utf8(value.value()).ok().filter(|_| value.tag() == Tag::GeneralizedTime)?;
    let (seconds, fraction) = text.strip_suffix('Z')?.split_at_checked(14)?;
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let fraction_fits = fraction.is_empty() || fraction.strip_prefix('.').is_some_and(|f| !f.is_empty() && digits(f));
    let time = NaiveDateTime::parse_from_str(seconds, "%Y%m%d%H%M%S").ok()?;
    (digits(seconds) && fraction_fits).then(|| time.and_utc().timestamp())
}
