CREATE TABLE entries (
  key TEXT PRIMARY KEY,
  value BLOB NOT NULL,
  expires_at BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX entries_by_expiry ON entries (expires_at);
