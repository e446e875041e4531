-- Browsers in which a person has logged in: one that is not here may raise the level.
CREATE TABLE devices (
  person_id TEXT NOT NULL REFERENCES people (id),
  -- Digest of the browser's own random mark.
  device TEXT NOT NULL,
  first_at BIGINT NOT NULL,
  PRIMARY KEY (person_id, device)
);

-- Signals that the operator has raised for every login.
CREATE TABLE raised_signals (
  signal TEXT PRIMARY KEY,
  raised_at BIGINT NOT NULL
);
