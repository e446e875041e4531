-- Removing by age.
CREATE INDEX devices_by_age ON devices (first_at);
CREATE INDEX decisions_by_time ON decisions (at);
