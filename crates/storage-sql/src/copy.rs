//! Moving an installation from one durable database to another.

use std::collections::BTreeSet;

use nixa_protocol::{Digest, digest};
use nixa_storage::{Audit, StorageError};

use crate::db::{Arg, Db, Row, args};
use crate::store::{Role, SqlStore};

type Result<T> = std::result::Result<T, StorageError>;

/// How many rows are read at once.
const BATCH: i64 = 500;

const MONTHS: &str = "SELECT DISTINCT month FROM audit_records ORDER BY month";

/// The type of a column.
#[derive(Debug, Clone, Copy)]
enum Type {
    Text,
    MaybeText,
    Int,
    MaybeInt,
    Flag,
}
use Type::{Flag, Int, MaybeInt, MaybeText, Text};

/// A column and its type.
type Column = (&'static str, Type);

/// A table that is copied, with all its columns: those of its key come first.
struct Table {
    name: &'static str,
    key_columns: usize,
    columns: &'static [Column],
}

const fn table(name: &'static str, key_columns: usize, columns: &'static [Column]) -> Table {
    Table { name, key_columns, columns }
}

/// The tables that both kinds of server have, each after those that it refers to.
const SHARED: &[Table] = &[
    table("secrets", 1, &[("name", Text), ("sealed", Text), ("created_at", Int)]),
    table(
        "signing_keys",
        1,
        &[
            ("kid", Text),
            ("algorithm", Text),
            ("generation", Int),
            ("sealed", Text),
            ("active_at", Int),
            ("retired_at", MaybeInt),
        ],
    ),
    table(
        "grants",
        1,
        &[
            ("id", Text),
            ("client_id", Text),
            ("subject", Text),
            ("sid", Text),
            ("body", Text),
            ("offline", Flag),
            ("created_at", Int),
            ("revoked_at", MaybeInt),
            ("ends_at", MaybeInt),
        ],
    ),
    table("refresh_tokens", 1, &[("digest", Text), ("grant_id", Text), ("expires_at", Int), ("used_at", MaybeInt)]),
    table(
        "clients",
        1,
        &[
            ("client_id", Text),
            ("declared", Flag),
            ("body", Text),
            ("token", MaybeText),
            ("created_at", Int),
            ("updated_at", Int),
        ],
    ),
    table("registration_tokens", 1, &[("digest", Text), ("uses_left", Int), ("expires_at", Int)]),
    table(
        "logout_deliveries",
        1,
        &[
            ("id", Text),
            ("client_id", Text),
            ("subject", Text),
            ("sid", Text),
            ("attempts", Int),
            ("next_at", Int),
            ("queued_at", MaybeInt),
            ("done_at", MaybeInt),
            ("outcome", MaybeText),
        ],
    ),
];

/// The tables of the audit trail come after what it records.
const AUDIT: &[Table] = &[
    table(
        "audit_records",
        2,
        &[
            ("shard", Int),
            ("seq", Int),
            ("month", Int),
            ("at", Int),
            ("kind", Text),
            ("person", MaybeText),
            ("body", Text),
            ("sealed", MaybeText),
            ("hash", Text),
        ],
    ),
    table("audit_heads", 1, &[("shard", Int), ("seq", Int), ("hash", Text)]),
    table("audit_anchors", 1, &[("shard", Int), ("seq", Int), ("hash", Text)]),
    table("audit_checkpoints", 1, &[("n", Int), ("jws", Text), ("token", MaybeText)]),
    table("person_keys", 1, &[("person", Text), ("sealed", Text)]),
];

const BROKER: &[Table] = &[
    table("people", 1, &[("id", Text), ("pivot", MaybeText), ("attributes", Text), ("created_at", Int)]),
    table("links", 2, &[("idp", Text), ("upstream_subject", Text), ("person_id", Text), ("created_at", Int)]),
    table(
        "decisions",
        1,
        &[("id", Text), ("at", Int), ("client_id", Text), ("person_id", MaybeText), ("policy", Text), ("record", Text)],
    ),
    table("consents", 2, &[("person_id", Text), ("client_id", Text), ("claims", Text), ("granted_at", Int)]),
    table("devices", 2, &[("person_id", Text), ("device", Text), ("first_at", Int)]),
    table("raised_signals", 1, &[("signal", Text), ("raised_at", Int)]),
];

const IDP: &[Table] = &[
    table(
        "accounts",
        1,
        &[("id", Text), ("username", Text), ("identity_level", Int), ("attributes", Text), ("created_at", Int)],
    ),
    table("authenticators", 2, &[("account_id", Text), ("method", Text), ("secret", Text), ("created_at", Int)]),
];

/// What became of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopiedTable {
    /// The table's name, the same at source and target.
    pub table: &'static str,
    /// Its rows at the source.
    pub rows: u64,
    /// How many of them the target did not have yet.
    pub added: u64,
    /// Whether source and target now have the same rows: count and checksum.
    pub same: bool,
}

enum Value {
    Text(String),
    MaybeText(Option<String>),
    Int(i64),
    MaybeInt(Option<i64>),
    Flag(bool),
}

impl Value {
    fn from_row(row: &Row, column: &'static str, of: Type) -> Result<Self> {
        Ok(match of {
            Text => Self::Text(row.text(column)?),
            MaybeText => Self::MaybeText(row.maybe_text(column)?),
            Int => Self::Int(row.int(column)?),
            MaybeInt => Self::MaybeInt(row.maybe_int(column)?),
            Flag => Self::Flag(row.flag(column)?),
        })
    }

    fn arg(&self) -> Arg<'_> {
        match self {
            Self::Text(text) => Arg::Text(text),
            Self::MaybeText(text) => Arg::MaybeText(text.as_deref()),
            Self::Int(number) => Arg::Int(*number),
            Self::MaybeInt(number) => Arg::MaybeInt(*number),
            Self::Flag(flag) => Arg::Flag(*flag),
        }
    }

    /// Text in which no two values are alike.
    fn canonical(&self) -> String {
        match self {
            Self::Text(text) | Self::MaybeText(Some(text)) => format!("{}:{text}", text.len()),
            Self::Int(number) | Self::MaybeInt(Some(number)) => number.to_string(),
            Self::Flag(flag) => flag.to_string(),
            Self::MaybeText(None) | Self::MaybeInt(None) => "null".to_owned(),
        }
    }
}

/// The statements for a table. They are made of the constants above and live as long as the program, which
/// is a command that ends.
struct Statements {
    first: &'static str,
    next: &'static str,
    insert: &'static str,
}

fn statements(db: &Db, Table { name, key_columns, columns }: &Table) -> Statements {
    let numbers = |count: usize| (1..=count).map(|n| format!("${n}")).collect::<Vec<_>>().join(", ");
    // In the order of octets on both, whatever the database's language is: the checksum goes by it.
    let ordered = |(column, of): &Column| match of {
        Text | MaybeText => format!("{column}{}", db.text("", " COLLATE \"C\"")),
        Int | MaybeInt | Flag => (*column).to_owned(),
    };
    let key = columns.iter().take(*key_columns).map(ordered).collect::<Vec<_>>().join(", ");
    let all = columns.iter().map(|(column, _)| *column).collect::<Vec<_>>().join(", ");
    let (key_values, values) = (numbers(*key_columns), numbers(columns.len()));
    let leak = |text: String| -> &'static str { Box::leak(text.into_boxed_str()) };
    Statements {
        first: leak(format!("SELECT {all} FROM {name} ORDER BY {key} LIMIT {BATCH}")),
        next: leak(format!("SELECT {all} FROM {name} WHERE ({key}) > ({key_values}) ORDER BY {key} LIMIT {BATCH}")),
        insert: leak(format!("INSERT INTO {name} ({all}) VALUES ({values}) ON CONFLICT DO NOTHING")),
    }
}

impl SqlStore {
    /// The names of every table that is copied.
    #[must_use]
    pub fn tables(role: Role) -> Vec<&'static str> {
        tables(role).map(|table| table.name).collect()
    }

    /// Every column that is copied, as `table.column`: a test holds them against those that a database has.
    #[must_use]
    pub fn copied_columns(role: Role) -> BTreeSet<String> {
        let of_table =
            |table: &'static Table| table.columns.iter().map(|(column, _)| format!("{}.{column}", table.name));
        tables(role).flat_map(of_table).collect()
    }

    /// Copies every row into `target`, whose schema must be up to date, and compares the two. What the target
    /// has already stays, so that a copy that broke off can be made again. Nothing may write to either
    /// meanwhile.
    pub async fn copy_to(&self, target: &Self) -> Result<Vec<CopiedTable>> {
        for month in self.db.all(MONTHS, args![]).await? {
            target.make_partition(month.int("month")?).await?;
        }
        let mut copied = Vec::new();
        for table in tables(self.role) {
            let (here_sql, there_sql) = (statements(&self.db, table), statements(&target.db, table));
            let mut added = 0;
            let insert = async |rows: &[Vec<Value>]| {
                let mut tx = target.db.begin().await?;
                for row in rows {
                    let args: Vec<Arg<'_>> = row.iter().map(Value::arg).collect();
                    added += tx.execute(there_sql.insert, &args).await?;
                }
                tx.commit().await
            };
            let (rows, here) = walk(&self.db, table, &here_sql, insert).await?;
            let (there_rows, there) = walk(&target.db, table, &there_sql, async |_| Ok(())).await?;
            copied.push(CopiedTable { table: table.name, rows, added, same: rows == there_rows && here == there });
        }
        Ok(copied)
    }
}

fn tables(role: Role) -> impl Iterator<Item = &'static Table> {
    let own = match role {
        Role::Broker => BROKER,
        Role::Idp => IDP,
    };
    SHARED.iter().chain(own).chain(AUDIT)
}

/// Reads a table in the order of its key and gives each batch to `with`; the number of rows and a checksum.
async fn walk(
    db: &Db,
    table: &Table,
    statements: &Statements,
    mut with: impl AsyncFnMut(&[Vec<Value>]) -> Result<()>,
) -> Result<(u64, Digest)> {
    let mut count = 0;
    let mut checksum = digest("");
    let mut last: Option<Vec<Value>> = None;
    loop {
        let found = match &last {
            None => db.all(statements.first, &[]).await?,
            Some(row) => {
                let key: Vec<Arg<'_>> = row.iter().take(table.key_columns).map(Value::arg).collect();
                db.all(statements.next, &key).await?
            }
        };
        let values = |row: &Row| table.columns.iter().map(|(name, of)| Value::from_row(row, name, *of)).collect();
        let mut rows: Vec<Vec<Value>> = found.iter().map(values).collect::<Result<_>>()?;
        if rows.is_empty() {
            return Ok((count, checksum));
        }
        with(&rows).await?;
        for row in &rows {
            let text: Vec<String> = row.iter().map(Value::canonical).collect();
            checksum = digest(&format!("{}|{}", checksum.as_str(), text.join("|")));
            count += 1;
        }
        last = rows.pop();
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::store::{Location, PoolSettings};

    const COLUMNS: &str = "SELECT t.name || '.' || c.name AS name FROM sqlite_schema t, pragma_table_info(t.name) c
        WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND t.name <> '_sqlx_migrations'";

    /// The same on PostgreSQL is in the conformance suite.
    #[tokio::test]
    async fn every_column_of_an_sqlite_database_is_copied() {
        for role in [Role::Broker, Role::Idp] {
            let folder = TempDir::new().unwrap();
            let location = Location::File(folder.path().join("durable.db"));
            let store = SqlStore::open(&location, PoolSettings::default(), role).await.unwrap();
            let rows = store.db.all(COLUMNS, args![]).await.unwrap();
            let there: BTreeSet<String> = rows.iter().map(|row| row.text("name").unwrap()).collect();
            assert_eq!(there, SqlStore::copied_columns(role));
        }
    }
}
