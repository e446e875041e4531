-- Every client, whether the configuration declares it or it was registered.
CREATE TABLE clients (
  client_id TEXT PRIMARY KEY,
  declared BOOLEAN NOT NULL,
  -- JSON of the registration; of a secret only the digest.
  body TEXT NOT NULL,
  -- Digest of the token with which the client manages its registration (RFC 7592).
  token TEXT,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);

-- Initial access tokens (RFC 7591 section 3), by digest.
CREATE TABLE registration_tokens (
  digest TEXT PRIMARY KEY,
  uses_left BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);

-- Removing a client revokes what it was granted.
CREATE INDEX grants_by_client ON grants (client_id) WHERE revoked_at IS NULL;
