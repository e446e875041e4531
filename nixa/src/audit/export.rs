//! `nixa audit export`: the records as events for a security team's store.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use nixa_audit::ocsf;
use nixa_storage::Audit;

use super::error::{AuditError, read_file};
use crate::private_file::write_private;

/// How many records are read at once.
const BATCH: i64 = 1_000;

/// Writes the records that come after `state` as JSON lines of OCSF events, and the new state when they are
/// out: what broke off goes on where it was, and writes again at most what was not yet noted. With `personal`,
/// also the personal data that was not erased.
pub async fn export(
    store: &dyn Audit,
    context: &ocsf::OcsfContext,
    state: &Path,
    personal: bool,
    out: &mut (dyn Write + Send),
) -> Result<u64, AuditError> {
    let mut places: BTreeMap<i64, i64> = if state.exists() {
        serde_json::from_str(&read_file(state)?).map_err(|_| AuditError::State(state.to_owned()))?
    } else {
        BTreeMap::new()
    };
    let failed = |source| AuditError::Io { file: "standard output".to_owned(), source };
    let mut written = 0;
    for head in store.heads().await? {
        loop {
            let after = places.get(&head.shard).copied().unwrap_or(0);
            let records = store.records(head.shard, after, BATCH).await?;
            let Some(last) = records.last() else { break };
            let place = last.draft.seq;
            for record in &records {
                let known = if personal { store.personal(record).await? } else { None };
                let event = ocsf::event(record, context, known.as_ref());
                writeln!(out, "{event}").map_err(failed)?;
                written += 1;
            }
            out.flush().map_err(failed)?;
            places.insert(head.shard, place);
            let text = serde_json::to_vec(&places).unwrap_or_default();
            write_private(state, &text)
                .map_err(|source| AuditError::Io { file: state.display().to_string(), source })?;
        }
    }
    Ok(written)
}
