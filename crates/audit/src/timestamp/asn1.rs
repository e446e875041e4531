//! The structures of RFC 3161 and RFC 5652 that are read or made here.

use der::asn1::{Any, AnyRef, BitString, ObjectIdentifier, OctetStringRef};
use der::{Decode, Sequence};

/// `AlgorithmIdentifier` (RFC 5280 §4.1.1.2).
#[derive(Debug, Sequence)]
pub(super) struct Algorithm<'a> {
    pub(super) oid: ObjectIdentifier,
    #[asn1(optional = "true")]
    pub(super) parameters: Option<AnyRef<'a>>,
}

/// `MessageImprint` (RFC 3161 §2.4.1).
#[derive(Debug, Sequence)]
pub(super) struct Imprint<'a> {
    pub(super) algorithm: Algorithm<'a>,
    pub(super) digest: &'a OctetStringRef,
}

/// `TimeStampReq` (RFC 3161 §2.4.1) without a policy or extensions.
#[derive(Debug, Sequence)]
pub(super) struct Request<'a> {
    pub(super) version: u8,
    pub(super) imprint: Imprint<'a>,
    pub(super) nonce: u64,
    pub(super) certificate: bool,
}

/// `TimeStampResp` (RFC 3161 §2.4.2).
#[derive(Debug, Sequence)]
pub(super) struct Response {
    pub(super) status: Status,
    #[asn1(optional = "true")]
    pub(super) token: Option<Any>,
}

/// `PKIStatusInfo` (RFC 3161 §2.4.2).
#[derive(Debug, Sequence)]
pub(super) struct Status {
    pub(super) status: u8,
    #[asn1(optional = "true")]
    pub(super) text: Option<Vec<String>>,
    #[asn1(optional = "true")]
    pub(super) failure: Option<BitString>,
}

/// `ContentInfo` and `EncapsulatedContentInfo` (RFC 5652 §3, §5.2).
#[derive(Debug, Sequence)]
pub(super) struct Content {
    pub(super) kind: ObjectIdentifier,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    pub(super) content: Any,
}

/// The members of a SEQUENCE, whatever they are: for one whose optional members do not matter here.
pub(super) fn members(sequence: &[u8]) -> der::Result<Vec<Any>> {
    Vec::from_der(sequence)
}
