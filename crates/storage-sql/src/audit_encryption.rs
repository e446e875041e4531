//! The encryption of the audit trail's personal data.

use std::sync::Arc;

use nixa_protocol::Entropy;
use nixa_protocol::encryption::EncryptionKey;

/// What encrypts the personal data of records.
pub(crate) struct AuditEncryption {
    pub(crate) master: EncryptionKey,
    pub(crate) entropy: Arc<dyn Entropy>,
}

impl std::fmt::Debug for AuditEncryption {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AuditEncryption")
    }
}
