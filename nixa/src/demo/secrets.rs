//! The portals' client secrets.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use nixa_protocol::{Entropy, random_token};

use super::addresses::PORTALS;
use super::error::DemoError;
use crate::private_file::write_private;

/// The portals' client secrets, made at first start.
pub(super) struct Secrets(BTreeMap<String, String>);

impl Secrets {
    pub(super) fn load_or_make(folder: &Path, entropy: &dyn Entropy) -> Result<Self, DemoError> {
        let file = folder.join("portal-secrets.json");
        let failed = |source| DemoError::File { file: file.clone(), source };
        if file.exists() {
            let bytes = fs::read(&file).map_err(failed)?;
            return serde_json::from_slice(&bytes).map(Self).map_err(|e| failed(e.into()));
        }
        let secrets = PORTALS.map(|(id, _, _)| (id.to_owned(), random_token(entropy)));
        let secrets = BTreeMap::from(secrets);
        let bytes = serde_json::to_vec_pretty(&secrets).map_err(|e| failed(e.into()))?;
        write_private(&file, &bytes).map_err(failed)?;
        Ok(Self(secrets))
    }

    pub(super) fn of(&self, client_id: &str) -> String {
        self.0.get(client_id).cloned().unwrap_or_default()
    }
}
