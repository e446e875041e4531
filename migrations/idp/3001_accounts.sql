CREATE TABLE accounts (
  id TEXT PRIMARY KEY,
  username TEXT NOT NULL UNIQUE,
  identity_level BIGINT NOT NULL,
  -- JSON of the claims that the account holds.
  attributes TEXT NOT NULL,
  created_at BIGINT NOT NULL
);

CREATE TABLE authenticators (
  account_id TEXT NOT NULL REFERENCES accounts (id),
  method TEXT NOT NULL,
  -- The method's own form: an argon2id string for a password, base32 for a TOTP key.
  secret TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (account_id, method)
);
