-- The audit trail: chains of records, each linked to the one before it by its hash.
CREATE TABLE audit_records (
  shard BIGINT NOT NULL,
  seq BIGINT NOT NULL,
  -- YYYYMM of `at` (UTC): records are kept and removed by the month.
  month BIGINT NOT NULL,
  at BIGINT NOT NULL,
  kind TEXT NOT NULL,
  person TEXT,
  -- JSON, exactly as it is hashed.
  body TEXT NOT NULL,
  -- Personal data, encrypted under the person's key.
  sealed TEXT,
  hash TEXT NOT NULL,
  PRIMARY KEY (shard, seq)
) WITHOUT ROWID;

-- Whoever alters a record does it by intent: an accident is refused.
CREATE TRIGGER audit_records_are_not_changed BEFORE UPDATE ON audit_records
BEGIN
  SELECT RAISE(ABORT, 'audit records are not changed');
END;

CREATE TABLE audit_heads (
  shard BIGINT PRIMARY KEY,
  seq BIGINT NOT NULL,
  hash TEXT NOT NULL
);

-- The last record of each chain that retention has removed.
CREATE TABLE audit_anchors (
  shard BIGINT PRIMARY KEY,
  seq BIGINT NOT NULL,
  hash TEXT NOT NULL
);

-- The heads of all chains at one time, signed; with a time stamp where an authority is configured.
CREATE TABLE audit_checkpoints (
  n BIGINT PRIMARY KEY,
  jws TEXT NOT NULL,
  token TEXT
);

-- Each person's key, encrypted under the master key. Without it, what is sealed under it is erased.
CREATE TABLE person_keys (
  person TEXT PRIMARY KEY,
  sealed TEXT NOT NULL
);
