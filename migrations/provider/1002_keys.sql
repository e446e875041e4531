-- Secrets of the server, encrypted under the master key, which is not in this database.
CREATE TABLE secrets (
  name TEXT PRIMARY KEY,
  sealed TEXT NOT NULL,
  created_at BIGINT NOT NULL
);

CREATE TABLE signing_keys (
  kid TEXT PRIMARY KEY,
  algorithm TEXT NOT NULL,
  -- From 1 up: instances that make one at the same moment make one.
  generation BIGINT NOT NULL,
  -- The private JWK, encrypted under the master key.
  sealed TEXT NOT NULL,
  -- When it begins to sign; it is published from the start.
  active_at BIGINT NOT NULL,
  -- When it is no longer published.
  retired_at BIGINT,
  UNIQUE (algorithm, generation)
);
