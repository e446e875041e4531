use async_trait::async_trait;
use nixa_protocol::Timestamp;
use nixa_protocol::id::{Id, Subject};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::SqlStore;
use crate::StorageError;
use crate::ports::Accounts;
use crate::records::{Account, Authenticator};

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
    async fn create(&self, account: &Account, authenticators: &[Authenticator], now: Timestamp) -> Result<()> {
        let mut tx = self.write.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::query(INSERT)
            .bind(account.id.as_str())
            .bind(&account.username)
            .bind(i64::from(account.identity_level))
            .bind(serde_json::to_string(&account.attributes)?)
            .bind(now.0)
            .execute(&mut *tx)
            .await?;
        for authenticator in authenticators {
            sqlx::query(INSERT_AUTHENTICATOR)
                .bind(account.id.as_str())
                .bind(&authenticator.method)
                .bind(&authenticator.secret)
                .bind(now.0)
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        Ok(())
    }

    async fn account(&self, id: &Id<Subject>) -> Result<Option<Account>> {
        let row = sqlx::query(BY_ID).bind(id.as_str()).fetch_optional(&self.read).await?;
        row.as_ref().map(read).transpose()
    }

    async fn by_username(&self, username: &str) -> Result<Option<Account>> {
        let row = sqlx::query(BY_USERNAME).bind(username).fetch_optional(&self.read).await?;
        row.as_ref().map(read).transpose()
    }

    async fn authenticators(&self, id: &Id<Subject>) -> Result<Vec<Authenticator>> {
        let rows = sqlx::query(AUTHENTICATORS).bind(id.as_str()).fetch_all(&self.read).await?;
        rows.iter()
            .map(|row| Ok(Authenticator { method: row.try_get("method")?, secret: row.try_get("secret")? }))
            .collect()
    }
}

fn read(row: &SqliteRow) -> Result<Account> {
    Ok(Account {
        id: Id::from_text(row.try_get::<String, _>("id")?),
        username: row.try_get("username")?,
        identity_level: u8::try_from(row.try_get::<i64, _>("identity_level")?).unwrap_or(0),
        attributes: serde_json::from_str(row.try_get("attributes")?)?,
    })
}
