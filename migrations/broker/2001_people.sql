CREATE TABLE people (
  id TEXT PRIMARY KEY,
  -- HMAC of the personal identification number: finds the same person behind another identity
  -- provider without the number being readable here.
  pivot TEXT UNIQUE,
  -- JSON of the claims last stated by an identity provider.
  attributes TEXT NOT NULL,
  created_at BIGINT NOT NULL
);

CREATE TABLE links (
  idp TEXT NOT NULL,
  upstream_subject TEXT NOT NULL,
  person_id TEXT NOT NULL REFERENCES people (id),
  created_at BIGINT NOT NULL,
  PRIMARY KEY (idp, upstream_subject)
);
CREATE INDEX links_by_person ON links (person_id);

CREATE TABLE decisions (
  id TEXT PRIMARY KEY,
  at BIGINT NOT NULL,
  client_id TEXT NOT NULL,
  person_id TEXT,
  policy TEXT NOT NULL,
  -- JSON: requirement, evidence, offers, outcome, sentence.
  record TEXT NOT NULL
);
CREATE INDEX decisions_by_person ON decisions (person_id, at);

CREATE TABLE consents (
  person_id TEXT NOT NULL REFERENCES people (id),
  client_id TEXT NOT NULL,
  -- JSON array of claim names.
  claims TEXT NOT NULL,
  granted_at BIGINT NOT NULL,
  PRIMARY KEY (person_id, client_id)
);
