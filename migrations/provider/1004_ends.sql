-- When nothing that was granted can be used any more, nor need be refused by name: then the row goes.
ALTER TABLE grants ADD COLUMN ends_at BIGINT;
-- A row of an older version, which does not say it, ends after the longest life of a refresh token.
CREATE INDEX grants_by_end ON grants (COALESCE(ends_at, created_at + 2764800));
CREATE INDEX refresh_tokens_by_expiry ON refresh_tokens (expires_at);
