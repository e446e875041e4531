//! Removal of rows that have ended.

use async_trait::async_trait;
use nixa_protocol::Timestamp;
use nixa_storage::{StorageError, Upkeep};

use crate::db::{Arg, args};
use crate::store::{Role, SqlStore};

/// How many rows of a table are removed at once: a transaction that a login does not have to wait for.
const AT_ONCE: i64 = 500;
/// How often in a row: what is more is removed at the next call.
const ROUNDS: usize = 40;
/// How long what has ended is kept, in seconds: longer than any code or access token lives, so that the
/// revocation of one is found while it could be used, and the use of a spent refresh token is noticed.
pub(crate) const KEPT: i64 = 86_400;
/// How long a browser stays known, in seconds: its mark, a cookie, lives no longer.
const DEVICE_KEPT: i64 = 400 * 86_400;

const REFRESH_TOKENS: &str = "DELETE FROM refresh_tokens WHERE digest IN
    (SELECT digest FROM refresh_tokens WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)";
/// One that still has a refresh token stays until that is removed.
const GRANTS: &str = "DELETE FROM grants WHERE id IN
    (SELECT id FROM grants WHERE COALESCE(ends_at, created_at + 2764800) < $1
       AND NOT EXISTS (SELECT 1 FROM refresh_tokens r WHERE r.grant_id = grants.id)
     ORDER BY COALESCE(ends_at, created_at + 2764800) LIMIT $2)";
const DEVICES: &str = "DELETE FROM devices WHERE (person_id, device) IN
    (SELECT person_id, device FROM devices WHERE first_at < $1 ORDER BY first_at LIMIT $2)";
/// How long it can be asked what became of a logout, in seconds.
const DELIVERY_KEPT: i64 = 30 * 86_400;
const DELIVERIES: &str = "DELETE FROM logout_deliveries WHERE id IN
    (SELECT id FROM logout_deliveries WHERE done_at < $1 ORDER BY done_at LIMIT $2)";
const DECISIONS: &str = "DELETE FROM decisions WHERE id IN
    (SELECT id FROM decisions WHERE at < $1 ORDER BY at LIMIT $2)";

#[async_trait]
impl Upkeep for SqlStore {
    async fn remove_ended(&self, decisions_before: Option<Timestamp>, now: Timestamp) -> Result<u64, StorageError> {
        let ended = now + -KEPT;
        let mut steps: Vec<(&'static str, Arg<'_>)> =
            vec![(REFRESH_TOKENS, ended.into()), (GRANTS, now.into()), (DELIVERIES, (now + -DELIVERY_KEPT).into())];
        if self.role == Role::Broker {
            steps.push((DEVICES, (now + -DEVICE_KEPT).into()));
            steps.extend(decisions_before.map(|before| (DECISIONS, before.into())));
        }
        let mut removed = 0;
        for (sql, before) in steps {
            for _ in 0..ROUNDS {
                let gone = self.db.execute(sql, args![before, AT_ONCE]).await?;
                removed += gone;
                if gone < AT_ONCE.unsigned_abs() {
                    break;
                }
            }
        }
        Ok(removed)
    }
}
