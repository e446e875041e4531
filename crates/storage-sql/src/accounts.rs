//! Accounts of the identity provider and their authenticators.

use async_trait::async_trait;
use nixa_audit::AuditEvent;
use nixa_credentials::{Account, Accounts, Authenticator};
use nixa_protocol::Timestamp;
use nixa_protocol::id::{Id, Subject};
use nixa_storage::StorageError;

use crate::db::{Row, args};
use crate::store::SqlStore;

const INSERT: &str = "INSERT INTO accounts (id, username, identity_level, attributes, created_at)
    VALUES ($1, $2, $3, $4, $5)";
const INSERT_AUTHENTICATOR: &str = "INSERT INTO authenticators (account_id, method, secret, created_at)
    VALUES ($1, $2, $3, $4)";
const BY_ID: &str = "SELECT * FROM accounts WHERE id = $1";
const BY_USERNAME: &str = "SELECT * FROM accounts WHERE username = $1";
const AUTHENTICATORS: &str = "SELECT method, secret FROM authenticators WHERE account_id = $1";

type Result<T> = std::result::Result<T, StorageError>;

#[async_trait]
impl Accounts for SqlStore {
    async fn create(
        &self,
        account: &Account,
        authenticators: &[Authenticator],
        events: &[AuditEvent],
        now: Timestamp,
    ) -> Result<()> {
        let mut tx = self.db.begin().await?;
        let level = i64::from(account.identity_level);
        let attributes = serde_json::to_string(&account.attributes)?;
        tx.execute(INSERT, args![&account.id, &account.username, level, &attributes, now]).await?;
        for authenticator in authenticators {
            let Authenticator { method, secret } = authenticator;
            tx.execute(INSERT_AUTHENTICATOR, args![&account.id, method, secret, now]).await?;
        }
        self.append(&mut tx, events, now).await?;
        tx.commit().await
    }

    async fn account(&self, id: &Id<Subject>) -> Result<Option<Account>> {
        self.db.one(BY_ID, args![id]).await?.as_ref().map(account_from_row).transpose()
    }

    async fn by_username(&self, username: &str) -> Result<Option<Account>> {
        self.db.one(BY_USERNAME, args![username]).await?.as_ref().map(account_from_row).transpose()
    }

    async fn authenticators(&self, id: &Id<Subject>) -> Result<Vec<Authenticator>> {
        let rows = self.db.all(AUTHENTICATORS, args![id]).await?;
        rows.iter().map(|row| Ok(Authenticator { method: row.text("method")?, secret: row.text("secret")? })).collect()
    }
}

fn account_from_row(row: &Row) -> Result<Account> {
    Ok(Account {
        id: Id::from_text(row.text("id")?),
        username: row.text("username")?,
        identity_level: u8::try_from(row.int("identity_level")?).unwrap_or(0),
        attributes: serde_json::from_str(&row.text("attributes")?)?,
    })
}
