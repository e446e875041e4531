-- What became of a delivery stays for a while: a portal and a person can ask.
ALTER TABLE logout_deliveries ADD COLUMN queued_at BIGINT;
ALTER TABLE logout_deliveries ADD COLUMN done_at BIGINT;
ALTER TABLE logout_deliveries ADD COLUMN outcome TEXT;
CREATE INDEX logout_deliveries_by_sid ON logout_deliveries (sid);
CREATE INDEX logout_deliveries_by_client ON logout_deliveries (client_id, queued_at);
CREATE INDEX logout_deliveries_of_client_by_end ON logout_deliveries (client_id, done_at);
CREATE INDEX logout_deliveries_by_end ON logout_deliveries (done_at);
